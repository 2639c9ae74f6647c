-- A table of entitlements as an AppClarity 5.2 database may have it, for examples and tests.
--
-- Of that database only the name Entitlement.Entitlement is documented ("Migrating licenses from older versions",
-- help.1e.com, AppClarity 5.2). These columns are the headings of entitlement files behind a prefix, which is how the
-- appclarity connector finds columns by name; where a database calls them otherwise, column_names says how.

CREATE TABLE Entitlement (
    ent_id INTEGER,
    ent_type VARCHAR(32),
    ent_identifier VARCHAR(255), ent_license_type VARCHAR(32), ent_start_date TIMESTAMP, ent_end_date TIMESTAMP,
    ent_vendor VARCHAR(255), ent_title VARCHAR(255), ent_version VARCHAR(64), ent_edition VARCHAR(64),
    ent_metric VARCHAR(64), ent_quantity INTEGER, ent_unit_cost DECIMAL(18, 2), ent_currency VARCHAR(8),
    ent_management_group VARCHAR(255), ent_comments VARCHAR(1024),
    ent_modified_by VARCHAR(255)             -- no heading of entitlement files: not exported
);

CREATE TABLE EntitlementLink (child_id INTEGER, parent_id INTEGER);
