"""The canonical tables, column by column. Everything that reads or writes raw records derives from this file."""

from __future__ import annotations

from inventory_pipeline.records.model import Category, Column, ColumnType, Table


def _text(
    name: str, doc: str, *, synonyms: str = "", example: str = "", values: str = "", required: bool = False
) -> Column:
    return Column(
        name,
        ColumnType.text,
        doc,
        required=required,
        synonyms=tuple(s.strip() for s in synonyms.split(",") if s.strip()),
        example=example,
        values=tuple(values.split()),
    )


def _of(kind: ColumnType, name: str, doc: str, synonyms: str = "", example: str = "") -> Column:
    return Column(name, kind, doc, synonyms=tuple(s.strip() for s in synonyms.split(",") if s.strip()), example=example)


def _int(name: str, doc: str, synonyms: str = "", example: str = "") -> Column:
    return _of(ColumnType.integer, name, doc, synonyms, example)


def _number(name: str, doc: str, synonyms: str = "", example: str = "") -> Column:
    return _of(ColumnType.number, name, doc, synonyms, example)


def _flag(name: str, doc: str, synonyms: str = "", example: str = "true") -> Column:
    return _of(ColumnType.boolean, name, doc, synonyms, example)


def _time(name: str, doc: str, synonyms: str = "", example: str = "2026-03-01T08:30:00Z") -> Column:
    return _of(ColumnType.timestamp, name, doc + " (UTC)", synonyms, example)


def _date(name: str, doc: str, synonyms: str = "", example: str = "2026-03-01") -> Column:
    return _of(ColumnType.date, name, doc, synonyms, example)


def _list(name: str, doc: str, synonyms: str = "", example: str = "") -> Column:
    return _of(ColumnType.text_list, name, doc, synonyms, example)


_DEVICE_ID = _text(
    "source_device_id",
    "The source's own key of the device, verbatim. In files without one, the device's name.",
    required=True,
    synonyms="Device ID, Resource ID, Computer ID, Machine ID, Asset ID",
    example="16777219",
)
_PUBLISHER = _text(
    "publisher", "Publisher as the source writes it.", synonyms="Vendor, Software Publisher", example="Adobe Inc."
)
_VERSION = _text(
    "version",
    "Version as the source writes it.",
    synonyms="Display Version, Product Version, Software Version",
    example="24.001.20604",
)

DEVICE = Table(
    "device",
    Category.device,
    "Computers, servers, mobiles and hosts, one row per record of the source.",
    (
        _DEVICE_ID,
        _text(
            "name",
            "Name shown by the source.",
            synonyms="Computer Name, Device Name, Host Name, Machine Name",
            example="LON-LT-0042",
        ),
        _text("netbios_name", "NetBIOS name (15 characters).", synonyms="NetBIOS", example="LON-LT-0042"),
        _text(
            "domain",
            "Domain or workgroup as the source writes it.",
            synonyms="Resource Domain, Workgroup",
            example="corp.example.com",
        ),
        _text("netbios_domain", "NetBIOS name of the domain.", example="CORP"),
        _text(
            "fqdn",
            "Fully qualified domain name.",
            synonyms="DNS Name, Full Domain Name",
            example="lon-lt-0042.corp.example.com",
        ),
        _text(
            "manufacturer",
            "System manufacturer (SMBIOS type 1).",
            synonyms="Make, Device Vendor, Vendor",
            example="Dell Inc.",
        ),
        _text(
            "model", "Product name (SMBIOS type 1).", synonyms="Device Model, Computer Model", example="Latitude 7440"
        ),
        _text(
            "serial_number",
            "System serial number or service tag.",
            synonyms="Serial, Service Tag, Serial No, BIOS Serial",
            example="7XK2M94",
        ),
        _text(
            "smbios_uuid",
            "SMBIOS UUID (type 1), in the source's byte order.",
            synonyms="UUID, SMBIOS GUID, BIOS UUID",
            example="4C4C4544-0058-4B10-8032-B7C04F393434",
        ),
        _text(
            "asset_tag",
            "Asset tag (SMBIOS type 3) or the organisation's inventory number.",
            synonyms="Inventory Number",
            example="A-104233",
        ),
        _text(
            "chassis_type",
            "Chassis type: an SMBIOS type number or a word.",
            synonyms="Form Factor, Chassis",
            example="10",
        ),
        _text(
            "os_name",
            "Operating system's name.",
            synonyms="OS, Operating System",
            example="Microsoft Windows 11 Enterprise",
        ),
        _text("os_version", "Operating system's version.", synonyms="Operating System Version", example="10.0.22631"),
        _text(
            "os_build", "Build number where the source gives it apart.", synonyms="Build, Build Number", example="22631"
        ),
        _text(
            "os_architecture",
            "Architecture of the operating system.",
            synonyms="Architecture, System Type",
            example="64-bit",
        ),
        _int("memory_mb", "Installed memory, MiB.", synonyms="Memory, RAM, RAM MB, Total Memory MB", example="16384"),
        _list(
            "mac_addresses",
            "MAC addresses, any notation.",
            synonyms="MAC, MAC Address",
            example="A4:BB:6D:11:22:33; A4:BB:6D:11:22:34",
        ),
        _list(
            "ip_addresses", "IPv4 and IPv6 addresses.", synonyms="IP, IP Address, IPv4 Address", example="10.20.30.40"
        ),
        _text("ad_site", "Active Directory site.", example="London"),
        _text(
            "ad_object_guid",
            "objectGUID of the computer account.",
            synonyms="Object GUID",
            example="0f8fad5b-d9cb-469f-a165-70867728950e",
        ),
        _text(
            "ad_sid",
            "Security identifier of the computer account.",
            synonyms="SID",
            example="S-1-5-21-1004336348-1177238915-682003330-5121",
        ),
        _text(
            "entra_device_id",
            "Microsoft Entra device id.",
            synonyms="Azure AD Device ID, AAD Device ID",
            example="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        ),
        _text("imei", "IMEI of a mobile device.", example="490154203237518"),
        _text(
            "primary_user",
            "Primary or assigned user: UPN or DOMAIN\\account.",
            synonyms="User, Assigned To, User Name, Owner",
            example="CORP\\asmith",
        ),
        _flag("is_virtual", "True for a virtual machine.", synonyms="Virtual, Is Virtual Machine", example="false"),
        _text("host_source_id", "The source's key of the host that a virtual machine runs on.", example="host-12"),
        _text(
            "instance_uuid",
            "vCenter instance UUID of a virtual machine.",
            example="50226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f",
        ),
        _text(
            "cross_reference",
            "Key of the same device in another system, declared by this source: `system:key`.",
            example="sccm:GUID:1F2E3D4C-0000-4000-8000-000000000001",
        ),
        _text("criticality", "Business criticality.", example="high"),
        _date("purchase_date", "Date of purchase.", synonyms="Purchased"),
        _date("warranty_end", "Last day of warranty.", synonyms="Warranty Expiry, Warranty End Date"),
        _time("first_seen", "First seen by the source.", synonyms="Created, Creation Date"),
        _time("last_boot", "Last start of the operating system.", synonyms="Last Boot Time"),
        _time(
            "inventory_date",
            "Last inventory or contact.",
            synonyms="Last Seen, Last Inventory, Last Hardware Scan, Last Contact",
        ),
        _flag(
            "is_obsolete",
            "True when the source marks the record superseded, decommissioned or retired.",
            synonyms="Obsolete",
            example="false",
        ),
    ),
    unit=("source_device_id",),
    key=("source_device_id",),
    aliases=("devices", "computer", "computers", "hardware"),
)

PROCESSOR = Table(
    "processor",
    Category.processor,
    "Processors, one row per socket (or per device when the source gives only sums). Never part of identity.",
    (
        _DEVICE_ID,
        _text("slot", "Slot of the processor within the device.", example="CPU0"),
        _text("vendor", "Vendor as the source writes it.", synonyms="Manufacturer", example="GenuineIntel"),
        _text(
            "name",
            "Brand string.",
            synonyms="Processor, CPU, CPU Name, Processor Name",
            example="13th Gen Intel(R) Core(TM) i7-1365U",
        ),
        _text("socket", "Socket designation.", example="U3E1"),
        _int(
            "sockets", "Sockets that this row stands for (1 for a row per socket).", synonyms="CPU Count", example="1"
        ),
        _int(
            "cores",
            "Physical cores of all sockets that this row stands for.",
            synonyms="Core Count, Number Of Cores",
            example="10",
        ),
        _int(
            "logical_cores",
            "Logical processors of all sockets that this row stands for.",
            synonyms="Threads, Logical Processors",
            example="12",
        ),
        _flag("hyperthreading", "Simultaneous multithreading is on."),
        _int(
            "speed_mhz",
            "Nominal speed, MHz; never part of identity.",
            synonyms="Speed, Max Clock Speed, CPU Speed",
            example="1800",
        ),
    ),
    unit=("source_device_id",),
    key=("source_device_id", "slot"),
    aliases=("processors", "cpu", "cpus"),
)

SOFTWARE = Table(
    "software",
    Category.software,
    "Installed software as the source lists it, one row per record.",
    (
        _DEVICE_ID,
        _text(
            "title",
            "Title as the source writes it.",
            required=True,
            synonyms="Display Name, Product Name, Software, Application, Software Name",
            example="Adobe Acrobat (64-bit)",
        ),
        _PUBLISHER,
        _VERSION,
        _text("edition", "Edition where the source gives it apart.", example="Pro"),
        _date(
            "install_date",
            "Date of installation; the future is kept and reported.",
            synonyms="Installed On, Date Installed",
        ),
        _text(
            "product_code",
            "MSI product code or uninstall key, verbatim.",
            synonyms="ProdID, Software Code, Uninstall Key",
            example="{AC76BA86-1033-FF00-7760-BC15014EA700}",
        ),
        _text(
            "package_family",
            "AppX package family name, bundle identifier or package name.",
            synonyms="Package Family Name, Bundle ID",
            example="Microsoft.WindowsTerminal_8wekyb3d8bbwe",
        ),
        _text("architecture", "Architecture of the software.", example="x64"),
        _text("scope", "Installed for the machine or for one user.", values="machine user", example="machine"),
        _text(
            "origin",
            "What the source read.",
            values="registry msi appx rpm deb app_bundle detected_app signature file",
            example="registry",
        ),
        _text("channel", "Update channel where the source gives it.", example="Monthly Enterprise"),
    ),
    unit=("source_device_id",),
    key=(
        "source_device_id",
        "title",
        "publisher",
        "version",
        "architecture",
        "product_code",
        "package_family",
        "scope",
    ),
    aliases=("softwares", "installation", "installations", "installed_software"),
)

SOFTWARE_USAGE = Table(
    "software_usage",
    Category.usage,
    "Use of software: per device, product or file, and user.",
    (
        _DEVICE_ID,
        _text(
            "title",
            "Title of the product used; either this or file_name.",
            synonyms="Display Name, Product Name, Application",
            example="Adobe Acrobat (64-bit)",
        ),
        _text(
            "file_name",
            "Executable used, without folder.",
            synonyms="Executable, Explorer File Name",
            example="Acrobat.exe",
        ),
        _PUBLISHER,
        _VERSION,
        _text(
            "product_code",
            "MSI product code, where the source knows it.",
            example="{AC76BA86-1033-FF00-7760-BC15014EA700}",
        ),
        _text("user", "User: UPN or DOMAIN\\account.", synonyms="User Name, Last User Name", example="CORP\\asmith"),
        _time("first_used", "First use known."),
        _time("last_used", "Last use.", synonyms="Last Used Time, Last Usage"),
        _int("run_count", "Times started.", synonyms="Launch Count, Usage Count", example="42"),
        _number("used_minutes", "Minutes in use.", synonyms="Usage Time Minutes", example="315.5"),
    ),
    unit=("source_device_id",),
    key=("source_device_id", "title", "file_name", "publisher", "version", "user"),
    aliases=("software_usages", "usage", "usages"),
)

USAGE_REPORTING = Table(
    "usage_reporting",
    Category.usage,
    "Whether a device reports usage at all; without this, no usage says nothing.",
    (
        _DEVICE_ID,
        _flag("reports_usage", "The device's agent reports usage."),
        _time("last_report", "Last usage report."),
    ),
    unit=("source_device_id",),
    key=("source_device_id",),
    aliases=("usage_reportings",),
)

USER_SOFTWARE_USAGE = Table(
    "user_software_usage",
    Category.usage,
    "Use of software by person, from sources that know no device.",
    (
        _text(
            "source_user_id",
            "The source's key of the user; the UPN where reports give nothing else.",
            required=True,
            example="anna.smith@example.com",
        ),
        _text("title", "Title of the product used.", required=True, example="Excel"),
        _PUBLISHER,
        _text("platform", "Where it was used.", example="Windows"),
        _int(
            "used_within_days",
            "Smallest number of days before `report_date` within which the source saw use.",
            example="30",
        ),
        _date("last_activity", "Date of the person's last activity in any of the source's products."),
        _date("report_date", "Date that the report was refreshed."),
    ),
    unit=("source_user_id",),
    key=("source_user_id", "title", "platform"),
    aliases=("user_software_usages",),
)

USER = Table(
    "user",
    Category.user,
    "People and accounts.",
    (
        _text(
            "source_user_id",
            "The source's own key of the user, verbatim.",
            required=True,
            synonyms="User ID",
            example="2063597571",
        ),
        _text("upn", "User principal name.", synonyms="User Principal Name", example="anna.smith@example.com"),
        _text(
            "account",
            "Account name without domain (sAMAccountName).",
            synonyms="User Name, Login, SAM Account Name",
            example="asmith",
        ),
        _text("domain", "Domain of the account.", example="CORP"),
        _text("sid", "Security identifier of the account.", example="S-1-5-21-1004336348-1177238915-682003330-1109"),
        _text("display_name", "Name as shown.", synonyms="Full Name, Name", example="Anna Smith"),
        _text("email", "E-mail address.", synonyms="Mail, E-Mail Address", example="anna.smith@example.com"),
        _text("department", "Department.", example="Finance"),
        _text("job_title", "Job title.", example="Controller"),
        _text("company", "Company.", example="Example Ltd"),
        _text("country", "Country.", example="GB"),
        _flag("enabled", "The account can sign in."),
        _time("last_sign_in", "Last sign-in.", synonyms="Last Logon"),
    ),
    unit=("source_user_id",),
    key=("source_user_id",),
    aliases=("users", "people"),
)

PATCH = Table(
    "patch",
    Category.patch,
    "Updates and patches that a source knows.",
    (
        _text(
            "update_id",
            "The source's key of the update, verbatim.",
            required=True,
            example="b7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11",
        ),
        _int("revision", "Revision of the update.", example="201"),
        _text("kb", "KB article, as `KB` and number.", synonyms="KB Article, Article ID", example="KB5034441"),
        _text("title", "Title.", synonyms="Display Name", example="2026-01 Cumulative Update for Windows 11"),
        _text("classification", "Classification (Security Updates, Critical Updates ...).", example="Security Updates"),
        _text("product", "Product that it is for.", example="Windows 11"),
        _text("severity", "Severity as the vendor rates it.", synonyms="MSRC Severity", example="Critical"),
        _text("msrc_number", "Security bulletin.", synonyms="Bulletin ID, Security Bulletin", example="MS17-010"),
        _date("release_date", "Date of release.", synonyms="Date Posted"),
        _list("superseded_by", "Keys of the updates that supersede this one.", example=""),
        _flag("is_superseded", "A newer update replaces this one.", example="false"),
        _flag("is_declined", "Declined or expired at the source.", example="false"),
    ),
    unit=("update_id",),
    key=("update_id",),
    aliases=("patches", "update", "updates"),
)

PATCH_STATE = Table(
    "patch_state",
    Category.patch,
    "State of an update on a device.",
    (
        _DEVICE_ID,
        _text(
            "update_id",
            "The source's key of the update.",
            required=True,
            example="b7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11",
        ),
        _text(
            "state",
            "State of the update on the device.",
            required=True,
            values="installed missing failed pending_reboot not_applicable unknown",
            example="missing",
        ),
        _time("state_date", "Since when, or when last checked."),
    ),
    unit=("source_device_id",),
    key=("source_device_id", "update_id"),
    aliases=("patch_states", "update_state", "update_states"),
)

GROUP = Table(
    "group",
    Category.group,
    "Groups, collections and management groups.",
    (
        _text(
            "source_group_id",
            "The source's key of the group, verbatim.",
            required=True,
            synonyms="Group ID, Collection ID",
            example="SMS00001",
        ),
        _text("name", "Name.", synonyms="Group Name, Collection Name", example="All Systems"),
        _text("kind", "What the group is at the source.", example="device collection"),
        _text("parent_group_id", "The source's key of the parent group.", example=""),
        _text("description", "Description.", synonyms="Comment", example="Every system"),
    ),
    unit=("source_group_id",),
    key=("source_group_id",),
    aliases=("groups", "collection", "collections"),
)

GROUP_MEMBER = Table(
    "group_member",
    Category.group,
    "Members of groups.",
    (
        _text(
            "source_group_id",
            "The source's key of the group.",
            required=True,
            synonyms="Group ID, Collection ID",
            example="SMS00001",
        ),
        _text("member_kind", "What the member is.", required=True, values="device user group", example="device"),
        _text("member_id", "The source's key of the member.", required=True, example="16777219"),
    ),
    unit=("source_group_id",),
    key=("source_group_id", "member_kind", "member_id"),
    aliases=("group_members",),
)

APPLICATION = Table(
    "application",
    Category.application,
    "Applications and packages that a source can deploy.",
    (
        _text(
            "source_application_id",
            "The source's key, verbatim.",
            required=True,
            example="ScopeId_1F2E/Application_77aa",
        ),
        _text("name", "Name.", example="7-Zip 24.09"),
        _text("vendor", "Vendor.", synonyms="Manufacturer, Publisher", example="Igor Pavlov"),
        _VERSION,
        _text("kind", "Application or package.", values="application package", example="application"),
        _flag("is_deployed", "Deployed to at least one group."),
        _time("modified", "Last change."),
    ),
    unit=("source_application_id",),
    key=("source_application_id",),
    aliases=("applications",),
)

VIRTUAL_MACHINE = Table(
    "virtual_machine",
    Category.virtual_machine,
    "Virtual machines and where they run.",
    (
        _text(
            "source_vm_id",
            "The source's key of the virtual machine, verbatim.",
            required=True,
            synonyms="VM ID",
            example="vm-1042",
        ),
        _text("name", "Name in the virtualization platform.", synonyms="VM Name", example="lon-sql-01"),
        _text("source_host_id", "The source's key of the host.", synonyms="Host ID", example="host-12"),
        _text("cluster", "Cluster.", example="LON-PROD"),
        _text("datacenter", "Datacenter.", example="London"),
        _int("vcpus", "Virtual processors.", example="8"),
        _int("cores_per_socket", "Virtual cores per virtual socket.", example="4"),
        _int("memory_mb", "Configured memory, MiB.", example="32768"),
        _text("power_state", "Power state.", values="on off suspended unknown", example="on"),
        _text("guest_os", "Guest operating system.", example="Microsoft Windows Server 2022 (64-bit)"),
        _text("guest_host_name", "Host name that the guest reports.", example="lon-sql-01.corp.example.com"),
        _text(
            "instance_uuid", "Instance UUID (unique within vCenter).", example="50226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f"
        ),
        _text("bios_uuid", "BIOS UUID that the guest sees.", example="42226a4c-4f0f-6b0f-8a0e-0a1b2c3d4e5f"),
        _flag("is_template", "A template, not a machine.", example="false"),
        _list("tags", "Tags, as `category: tag`."),
    ),
    unit=("source_vm_id",),
    key=("source_vm_id",),
    aliases=("virtual_machines", "vm", "vms"),
)

VIRTUAL_HOST = Table(
    "virtual_host",
    Category.virtual_machine,
    "Hosts that run virtual machines.",
    (
        _text(
            "source_host_id",
            "The source's key of the host, verbatim.",
            required=True,
            synonyms="Host ID",
            example="host-12",
        ),
        _text("name", "Name.", example="lon-esx-03.corp.example.com"),
        _text("cluster", "Cluster.", example="LON-PROD"),
        _text("datacenter", "Datacenter.", example="London"),
        _text("vendor", "Hardware vendor.", example="Dell Inc."),
        _text("model", "Hardware model.", example="PowerEdge R750"),
        _text("serial_number", "Serial number or service tag.", example="4B3XKD3"),
        _text("smbios_uuid", "SMBIOS UUID.", example="4c4c4544-0042-3310-8058-b4c04f4b4433"),
        _text("processor_name", "Processor's brand string.", example="Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz"),
        _int("sockets", "Sockets.", example="2"),
        _int("cores", "Physical cores.", example="32"),
        _int("logical_cores", "Logical processors.", example="64"),
        _int("memory_mb", "Memory, MiB.", example="524288"),
        _text("hypervisor", "Hypervisor's name.", example="VMware ESXi 8.0.2"),
        _text("hypervisor_version", "Hypervisor's version.", example="8.0.2"),
        _text("connection_state", "Connection to the management server.", example="connected"),
        _list("tags", "Tags, as `category: tag`."),
    ),
    unit=("source_host_id",),
    key=("source_host_id",),
    aliases=("virtual_hosts",),
)

SUBSCRIPTION = Table(
    "subscription",
    Category.subscription,
    "Subscribed products of a tenant.",
    (
        _text("sku_id", "SKU id, verbatim.", required=True, example="05e9a617-0261-4cee-bb44-138d3ef5d965"),
        _text("sku_part_number", "SKU part number.", example="SPE_E3"),
        _text("product_name", "Product's name.", example="Microsoft 365 E3"),
        _int("prepaid", "Units bought and enabled.", example="250"),
        _int("consumed", "Units assigned.", example="231"),
        _int("suspended", "Units suspended.", example="0"),
        _int("warning", "Units in their grace period.", example="0"),
        _text("status", "Status of the subscription.", example="Enabled"),
    ),
    unit=("sku_id",),
    key=("sku_id",),
    aliases=("subscriptions",),
)

SUBSCRIPTION_ASSIGNMENT = Table(
    "subscription_assignment",
    Category.subscription,
    "Subscriptions assigned to users.",
    (
        _text(
            "source_user_id",
            "The source's key of the user.",
            required=True,
            example="87d349ed-44d7-43e1-9a83-5f2406dee5bd",
        ),
        _text("sku_id", "SKU id.", required=True, example="05e9a617-0261-4cee-bb44-138d3ef5d965"),
        _text("assigned_by_group", "Group that brings the assignment; empty when direct."),
        _list("service_plans", "Service plans that are on."),
        _list("disabled_plans", "Service plans that are off."),
        _text("state", "State of the assignment.", example="Active"),
        _time("assigned_at", "Last change of the assignment."),
    ),
    unit=("source_user_id",),
    key=("source_user_id", "sku_id", "assigned_by_group"),
    aliases=("subscription_assignments",),
)

SUBSCRIPTION_ACTIVITY = Table(
    "subscription_activity",
    Category.subscription,
    "Last activity of users per service.",
    (
        _text(
            "source_user_id",
            "The source's key of the user; the UPN where reports give nothing else.",
            required=True,
            example="anna.smith@example.com",
        ),
        _text("service", "Service.", required=True, example="Exchange"),
        _date("last_activity", "Date of last activity."),
        _date("report_date", "Date that the report was refreshed."),
    ),
    unit=("source_user_id",),
    key=("source_user_id", "service"),
    aliases=("subscription_activities",),
)

LICENSE_FEATURE = Table(
    "license_feature",
    Category.license_server,
    "Features that license servers offer.",
    (
        _text("source_feature_id", "The source's key of the feature.", required=True, example="17"),
        _text("license_server", "License server.", example="27000@lic01"),
        _text("vendor", "Vendor daemon or vendor.", example="adskflex"),
        _text("feature", "Feature's name.", example="87545ACD_2026_0F"),
        _text("description", "Feature in words.", example="AutoCAD 2026"),
        _VERSION,
        _text("license_type", "License type.", example="network"),
        _int("quantity", "Licences offered; empty when there is no limit.", example="50"),
        _int("in_use", "Licences in use when it was read.", example="37"),
        _date("expiration_date", "Last day of validity."),
    ),
    unit=("source_feature_id",),
    key=("source_feature_id",),
    aliases=("license_features",),
)

LICENSE_SESSION = Table(
    "license_session",
    Category.license_server,
    "Uses and denials of license-server features.",
    (
        _text("source_session_id", "The source's key of the session.", required=True, example="99120"),
        _text("source_feature_id", "The source's key of the feature.", example="17"),
        _text("user", "User.", example="asmith"),
        _text("device_name", "Workstation.", example="LON-WS-0007"),
        _time("started", "Start."),
        _time("ended", "End; empty while it runs."),
        _int("quantity", "Licences held.", example="1"),
        _flag("is_denial", "The request was denied.", example="false"),
    ),
    unit=("source_session_id",),
    key=("source_session_id",),
    aliases=("license_sessions",),
)

DATABASE_INSTANCE = Table(
    "database_instance",
    Category.database,
    "Database instances.",
    (
        _text("source_database_id", "The source's key of the database.", required=True, example="db01:1521/ORCL"),
        _text("source_device_id", "The source's key of the device it runs on.", example="db01"),
        _text("host_name", "Host's name.", synonyms="Host", example="db01.corp.example.com"),
        _text("instance_name", "Instance.", example="ORCL"),
        _text("database_name", "Database.", example="ORCL"),
        _text("vendor", "Vendor.", example="Oracle"),
        _text("product", "Product.", example="Oracle Database"),
        _text("edition", "Edition.", example="Enterprise Edition"),
        _VERSION,
        _int("cores", "Cores seen by the database.", example="16"),
        _int("sockets", "Sockets seen by the database.", example="2"),
        _int("sessions_high_water", "Highest number of sessions.", example="180"),
        _int("user_count", "Named accounts.", example="64"),
        _flag("is_cluster", "Part of a cluster (RAC).", example="false"),
        _flag("is_container", "Multitenant container.", example="true"),
        _time("collected_at", "When it was measured."),
    ),
    unit=("source_database_id",),
    key=("source_database_id",),
    aliases=("database_instances", "databases"),
)

DATABASE_FEATURE_USAGE = Table(
    "database_feature_usage",
    Category.database,
    "Options, packs and features of databases, and their use.",
    (
        _text("source_database_id", "The source's key of the database.", required=True, example="db01:1521/ORCL"),
        _text("feature", "Feature, option or pack.", required=True, example="Partitioning (user)"),
        _VERSION,
        _text("kind", "What it is.", values="option pack feature", example="option"),
        _flag("currently_used", "In use at the last sample."),
        _int("detected_usages", "Samples in which it was used.", example="12"),
        _time("first_used", "First use."),
        _time("last_used", "Last use."),
    ),
    unit=("source_database_id",),
    key=("source_database_id", "feature", "version", "kind"),
    aliases=("database_feature_usages",),
)

ENTITLEMENT = Table(
    "entitlement",
    Category.entitlement,
    "Rights to use: licences, maintenance and agreements.",
    (
        _text(
            "entitlement_id",
            "Key of the entitlement; an existing one is updated.",
            required=True,
            example="5f0c2c1e-7b1f-4d0e-9c57-2a6f0f4f9b10",
        ),
        _text("parent_entitlement_id", "Parent, one at most."),
        _text("entitlement_type", "Kind of right.", values="License Maintenance Agreement", example="License"),
        _text("identifier", "Number or name by which people know it.", example="PO-88231/3"),
        _text(
            "license_type",
            "Perpetual, Subscription, or NA for agreements.",
            values="Perpetual Subscription NA",
            example="Perpetual",
        ),
        _date("start_date", "First day.", example="2026-01-01"),
        _date("end_date", "Last day.", example="2026-12-31"),
        _int("duration_in_months", "Duration, months.", example="12"),
        _text("vendor", "Vendor.", example="Adobe"),
        _text("title", "Title.", example="Acrobat Pro"),
        _VERSION,
        _text("edition", "Edition.", example="Pro"),
        _text("metric", "Metric.", example="per user"),
        _number("quantity", "Quantity.", example="50"),
        _number("unit_cost", "Cost of one, in `currency`.", example="210.00"),
        _number("total_cost", "Cost of all, in `currency`.", example="10500.00"),
        _text("currency", "ISO 4217 code; never converted by itself.", example="GBP"),
        _text("sku", "SKU part number.", example="65304886BA01A12"),
        _text("purchase_order", "Purchase order.", example="PO-88231"),
        _date("invoice_date", "Date of invoice."),
        _text("cost_centre", "Cost centre.", example="4711"),
        _text("management_group", "Management group that it belongs to.", example="EMEA"),
        _text("comments", "Comments."),
    ),
    unit=("entitlement_id",),
    key=("entitlement_id",),
    aliases=("entitlements",),
)

ENTITLEMENT_CAVEAT = Table(
    "entitlement_caveat",
    Category.entitlement,
    "What is doubtful about an entitlement: why it is a draft with warnings or errors.",
    (
        _text(
            "entitlement_id", "Key of the entitlement.", required=True, example="5f0c2c1e-7b1f-4d0e-9c57-2a6f0f4f9b10"
        ),
        _text("column_name", "Column.", required=True, example="EndDate"),
        _text("severity", "How serious.", values="warning error", example="warning"),
        _text("message", "What is doubtful, in words.", example="EndDate lies before StartDate."),
    ),
    unit=("entitlement_id",),
    key=("entitlement_id", "column_name", "message"),
    aliases=("entitlement_caveats",),
)

ALL: tuple[Table, ...] = (
    DEVICE,
    PROCESSOR,
    SOFTWARE,
    SOFTWARE_USAGE,
    USAGE_REPORTING,
    USER_SOFTWARE_USAGE,
    USER,
    PATCH,
    PATCH_STATE,
    GROUP,
    GROUP_MEMBER,
    APPLICATION,
    VIRTUAL_MACHINE,
    VIRTUAL_HOST,
    SUBSCRIPTION,
    SUBSCRIPTION_ASSIGNMENT,
    SUBSCRIPTION_ACTIVITY,
    LICENSE_FEATURE,
    LICENSE_SESSION,
    DATABASE_INSTANCE,
    DATABASE_FEATURE_USAGE,
    ENTITLEMENT,
    ENTITLEMENT_CAVEAT,
)
TABLES: dict[str, Table] = {table.name: table for table in ALL}


def tables_of(category: Category) -> tuple[Table, ...]:
    """The canonical tables of a category, in the order in which they are read."""
    return tuple(table for table in ALL if table.category is category)
