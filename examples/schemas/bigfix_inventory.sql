-- Resources of BigFix Inventory as plain tables, for examples and tests.
--
-- The tables of its database are not documented. These are the resources and associations of its REST API (api/sam/v2), with
-- only the columns that the bigfix_inventory connector asks for; the connector finds tables like these by their columns,
-- or by configured names. Source: help.hcl-software.com/bigfix/11.0/inventory. Loads into SQLite, PostgreSQL and DuckDB.
-- Times are GMT.

CREATE TABLE computers (
    id INTEGER, bigfix_id INTEGER, name VARCHAR(255), dns_name VARCHAR(255), ip_address VARCHAR(255), os VARCHAR(255),
    os_type VARCHAR(64), first_seen TIMESTAMP, last_seen TIMESTAMP, is_deleted INTEGER, is_managed_by_vm_manager INTEGER
);

CREATE TABLE computer_hardware (
    computer_id INTEGER,
    computer_type INTEGER,                   -- 0 physical, 1 virtual, 2 in a public cloud
    server_serial_number VARCHAR(255), server_vendor VARCHAR(255), server_model VARCHAR(255), server_name VARCHAR(255),
    system_model VARCHAR(255), cluster_name VARCHAR(255), partition_cores INTEGER, processor_brand_string VARCHAR(255)
);

CREATE TABLE detailed_hw_ip_addresses (
    id INTEGER, computer_id INTEGER, address VARCHAR(255), permanent_mac_address VARCHAR(255)
);

CREATE TABLE detailed_hw_network_adapters (
    id INTEGER, computer_id INTEGER, current_address VARCHAR(255), permanent_address VARCHAR(255)
);

CREATE TABLE detailed_hw_memories (id INTEGER, computer_id INTEGER, total_physical VARCHAR(64));  -- kilobytes

CREATE TABLE detailed_hw_smbios (id INTEGER, computer_id INTEGER, system_serial_number VARCHAR(255));

CREATE TABLE detailed_hw_physical_processors (
    id INTEGER, computer_id INTEGER, core_per_package_count VARCHAR(64), logical_proc_per_core VARCHAR(64)
);

CREATE TABLE software_instances (
    instance_id INTEGER, computer_id INTEGER, component_name VARCHAR(255), component_release VARCHAR(255),
    component_detailed_version VARCHAR(255), component_publisher_name VARCHAR(255), product_name VARCHAR(255),
    product_release VARCHAR(255), product_publisher_name VARCHAR(255), discoverable_guid VARCHAR(64),
    discovery_path VARCHAR(1024), discovery_start TIMESTAMP, discovery_end TIMESTAMP, bundle_name VARCHAR(255),
    is_present INTEGER, is_suppressed INTEGER
);

CREATE TABLE usage_data (
    instance_id INTEGER, process VARCHAR(255), first_used TIMESTAMP, last_used TIMESTAMP, total_runs INTEGER,
    total_time VARCHAR(64)
);
