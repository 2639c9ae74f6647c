"""Release tables of what is joined to devices, people and products: people, patches, virtual machines, groups ..."""

from __future__ import annotations

from inventory_pipeline.consolidation.release_table import (
    CONNECTOR,
    DEVICE_ID,
    PERSON_ID,
    PRODUCT_ID,
    SOURCE_DEVICE_ID,
    ReleaseTable,
    canonical,
    date,
    flag,
    integer,
    number,
    text,
    texts,
    time,
)

PERSON = ReleaseTable(
    "person",
    "consolidation",
    "one row per person or account",
    "People, from all accounts that share a user principal name, a security identifier, or an account and domain.",
    (
        PERSON_ID,
        *canonical("user", without=("source_user_id",)),
        texts("connectors", "Connectors that know the person."),
        integer("record_count", "Source records."),
        texts("source_user_ids", "Source records, as `connector:key`."),
    ),
    ("person_id",),
    ("raw_user",),
)

_PATCH_ID = text("patch_id", "The KB article (`KB5034441`); for updates without one the source's update id.")

PATCH = ReleaseTable(
    "patch",
    "consolidation",
    "one row per KB article, or per update where there is none",
    "Updates, from all sources that know them.",
    (
        _PATCH_ID,
        text("kb", "KB article, as `KB` and number."),
        text("title", "Title."),
        text("classification", "Classification."),
        text("product", "Product that it is for."),
        text("severity", "Severity as the vendor rates it."),
        text("msrc_number", "Security bulletin."),
        date("release_date", "Date of release."),
        flag("is_superseded", "Newer updates replace it."),
        texts("superseded_by", "Patches that supersede it."),
        flag("is_declined", "Declined or expired at every source."),
        integer("update_count", "Updates of the sources that it stands for."),
        texts("connectors", "Connectors that know it."),
    ),
    ("patch_id",),
    ("raw_patch",),
)

DEVICE_PATCH = ReleaseTable(
    "device_patch",
    "consolidation",
    "one row per device and patch",
    "State of every update on every device: of several sources, the newest statement. Of several updates with one KB "
    "in one source, the one that applies.",
    (
        DEVICE_ID,
        _PATCH_ID,
        text("state", "State.", "installed missing failed pending_reboot not_applicable unknown"),
        time("state_date", "Since when, or when last checked"),
        flag("is_missing", "Missing or failed, and neither superseded nor declined."),
        flag("is_superseded", "Newer updates replace it."),
        CONNECTOR,
        SOURCE_DEVICE_ID,
        integer("source_count", "Source records that say something of it."),
        flag("sources_differ", "They do not say the same."),
    ),
    ("device_id", "patch_id"),
    ("raw_patch_state", "patch", "device_record"),
)

PATCH_COMPLIANCE = ReleaseTable(
    "patch_compliance",
    "consolidation",
    "one row per patch that applies to some device",
    "How far each update has spread.",
    (
        _PATCH_ID,
        text("title", "Title."),
        text("classification", "Classification."),
        text("severity", "Severity."),
        date("release_date", "Date of release."),
        flag("is_superseded", "Newer updates replace it."),
        integer("devices_installed", "Devices that have it."),
        integer("devices_missing", "Devices that lack it."),
        integer("devices_failed", "Devices on which it failed."),
        integer("devices_pending_reboot", "Devices that must restart."),
        integer("devices_unknown", "Devices of which it is not known."),
        integer("devices_applicable", "Installed, missing, failed and pending together."),
        number("compliance", "Installed divided by applicable, 0 to 1."),
    ),
    ("patch_id",),
    ("device_patch", "patch"),
)

VIRTUAL_MACHINE = ReleaseTable(
    "virtual_machine",
    "consolidation",
    "one row per virtual machine of a virtualization platform",
    "Virtual machines, with the device that is the guest and the device that is the host.",
    (
        CONNECTOR,
        *canonical("virtual_machine"),
        text("device_id", "Device that the guest is."),
        text("host_device_id", "Device that the host is."),
        text("host_name", "Host's name."),
    ),
    ("connector", "source_vm_id"),
    ("raw_virtual_machine", "raw_virtual_host", "device_record"),
)

VIRTUAL_HOST = ReleaseTable(
    "virtual_host",
    "consolidation",
    "one row per host of a virtualization platform",
    "Hosts, with the device that each is.",
    (
        CONNECTOR,
        *canonical("virtual_host"),
        text("device_id", "Device that the host is."),
        integer("virtual_machines", "Virtual machines on it, without templates."),
        integer("vcpus", "Virtual processors of the running virtual machines."),
    ),
    ("connector", "source_host_id"),
    ("raw_virtual_host", "raw_virtual_machine", "device_record"),
)

INVENTORY_GROUP = ReleaseTable(
    "inventory_group",
    "consolidation",
    "one row per group of a source",
    "Groups, collections and management groups.",
    (
        text("group_id", "Group, 16 hexadecimal characters."),
        CONNECTOR,
        *canonical("group"),
        integer("device_members", "Consolidated devices among its members."),
        integer("person_members", "People among its members."),
    ),
    ("group_id",),
    ("raw_group", "inventory_group_member"),
)

INVENTORY_GROUP_MEMBER = ReleaseTable(
    "inventory_group_member",
    "consolidation",
    "one row per group and member",
    "Members of groups, with the device, person or group that each is.",
    (
        text("group_id", "Group."),
        CONNECTOR,
        *canonical("group_member"),
        text("device_id", "Device that the member is."),
        text("person_id", "Person that the member is."),
        text("member_group_id", "Group that the member is."),
    ),
    ("group_id", "member_kind", "member_id"),
    ("raw_group_member", "device_record", "person"),
)

APPLICATION = ReleaseTable(
    "application",
    "consolidation",
    "one row per application or package of a source",
    "What can be deployed, with the product that it is.",
    (CONNECTOR, *canonical("application"), text("product_id", "Product that it is.")),
    ("connector", "source_application_id"),
    ("raw_application", "software_decision"),
)

SUBSCRIPTION = ReleaseTable(
    "subscription",
    "consolidation",
    "one row per subscribed product of a tenant",
    "Subscriptions with what is bought, assigned and used.",
    (
        CONNECTOR,
        *canonical("subscription"),
        integer("assigned_people", "People it is assigned to."),
        integer("active_people", "Of these, people with activity in any service within the unused limit."),
    ),
    ("connector", "sku_id"),
    ("raw_subscription", "subscription_assignment", "subscription_activity"),
)

SUBSCRIPTION_ASSIGNMENT = ReleaseTable(
    "subscription_assignment",
    "consolidation",
    "one row per person, subscription and way of assignment",
    "Who has which subscription.",
    (CONNECTOR, *canonical("subscription_assignment"), text("person_id", "Person that the user is.")),
    ("connector", "source_user_id", "sku_id", "assigned_by_group"),
    ("raw_subscription_assignment", "person"),
)

SUBSCRIPTION_ACTIVITY = ReleaseTable(
    "subscription_activity",
    "consolidation",
    "one row per user and service",
    "When people last used which service.",
    (CONNECTOR, *canonical("subscription_activity"), text("person_id", "Person that the user is.")),
    ("connector", "source_user_id", "service"),
    ("raw_subscription_activity", "person"),
)

SUBSCRIPTION_WASTE = ReleaseTable(
    "subscription_waste",
    "report",
    "one row per user and subscribed product that seems to be of no use to the user",
    "Subscriptions that could be taken back. A user's activity in any service counts; users whom no report names are "
    "judged by their account alone.",
    (
        CONNECTOR,
        text("sku_id", "SKU id."),
        text("sku_part_number", "SKU part number."),
        text("product_name", "Product's name."),
        text("source_user_id", "The source's key of the user."),
        text("person_id", "Person that the user is."),
        text("upn", "User principal name."),
        text("display_name", "Name as shown."),
        text("reason", "Why it could be taken back.", "disabled_account never_used unused"),
        date("last_activity", "Last activity in any service."),
        date("report_date", "Date of the reports that it is set against."),
        time("assigned_at", "Last change of the assignment."),
        flag("assigned_directly", "Taken back at the user."),
        texts("assigned_by_groups", "Groups that bring it: taken back by leaving them."),
    ),
    ("connector", "source_user_id", "sku_id"),
    ("subscription", "subscription_assignment", "subscription_activity", "person", "raw_user", "inventory_group"),
)

USER_SOFTWARE_USAGE = ReleaseTable(
    "user_software_usage",
    "consolidation",
    "one row per user, product and platform",
    "What people use, from sources that know no device.",
    (CONNECTOR, *canonical("user_software_usage"), text("person_id", "Person that the user is.")),
    ("connector", "source_user_id", "title", "platform"),
    ("raw_user_software_usage", "person"),
)

LICENSE_FEATURE = ReleaseTable(
    "license_feature",
    "consolidation",
    "one row per feature of a licence server",
    "Features of licence servers with their use.",
    (
        CONNECTOR,
        *canonical("license_feature"),
        integer("sessions", "Sessions known."),
        integer("denials", "Denied requests known."),
        time("last_used", "Newest start or end of a session"),
    ),
    ("connector", "source_feature_id"),
    ("raw_license_feature", "license_session"),
)

LICENSE_SESSION = ReleaseTable(
    "license_session",
    "consolidation",
    "one row per session or denial",
    "Uses and denials, with device and person.",
    (
        CONNECTOR,
        *canonical("license_session"),
        text("device_id", "Device, where its name is that of one device only."),
        text("person_id", "Person, where the account is that of one person only."),
    ),
    ("connector", "source_session_id"),
    ("raw_license_session", "device", "person"),
)

DATABASE_INSTANCE = ReleaseTable(
    "database_instance",
    "consolidation",
    "one row per database instance",
    "Databases, with the device that each runs on.",
    (CONNECTOR, *canonical("database_instance"), text("device_id", "Device that it runs on.")),
    ("connector", "source_database_id"),
    ("raw_database_instance", "device_record", "device"),
)

DATABASE_FEATURE_USAGE = ReleaseTable(
    "database_feature_usage",
    "consolidation",
    "one row per database and feature",
    "Options, packs and features of databases, and their use.",
    (CONNECTOR, *canonical("database_feature_usage"), text("device_id", "Device that the database runs on.")),
    ("connector", "source_database_id", "feature", "version", "kind"),
    ("raw_database_feature_usage", "database_instance"),
)

ENTITLEMENT = ReleaseTable(
    "entitlement",
    "consolidation",
    "one row per entitlement",
    "Rights to use, with the product that each is for and what is doubtful about it.",
    (
        CONNECTOR,
        *canonical("entitlement"),
        text("product_id", "Product that it is for."),
        text("draft_status", "How clean the record is.", "clean warnings errors"),
        integer("warnings", "Warnings."),
        integer("errors", "Errors."),
    ),
    ("connector", "entitlement_id"),
    ("raw_entitlement", "raw_entitlement_caveat", "software_decision"),
)

LICENSE_POSITION = ReleaseTable(
    "license_position",
    "report",
    "one row per product that needs a licence or has an entitlement",
    "Entitlements beside what is installed and used. Owned: quantities of licenses that are valid at the end of sync "
    "date (perpetual ones from their start, others until their end); maintenance and agreements are no right of their "
    "own. Installed: machines that are not obsolete, or the people who use them where every license is by user. "
    "Versions and editions are not told apart.",
    (
        PRODUCT_ID,
        text("vendor", "Vendor."),
        text("title", "Title."),
        text("licensable", "Whether it needs a licence.", "licensed free unknown"),
        text("counted_by", "What is counted as installed.", "device user"),
        number("owned", "Quantity of valid licenses."),
        integer("installed", "Machines, or people, that have it."),
        integer("devices_used", "Machines on which it is used or rarely used."),
        integer("devices_unused", "Machines on which it is unused."),
        number("difference", "Owned less installed; below zero, licenses are missing."),
        integer("licenses", "Valid licenses."),
        integer("licenses_not_valid", "Licenses that have ended or not begun."),
        date("maintenance_until", "Last day of the newest maintenance."),
        number("total_cost", "Cost of the valid licenses, where all are in one currency."),
        text("currency", "ISO 4217 code."),
    ),
    ("product_id",),
    ("entitlement", "product", "installation", "device"),
)

JOINED_TABLES: tuple[ReleaseTable, ...] = (
    PERSON,
    PATCH,
    DEVICE_PATCH,
    PATCH_COMPLIANCE,
    VIRTUAL_MACHINE,
    VIRTUAL_HOST,
    INVENTORY_GROUP,
    INVENTORY_GROUP_MEMBER,
    APPLICATION,
    SUBSCRIPTION,
    SUBSCRIPTION_ASSIGNMENT,
    SUBSCRIPTION_ACTIVITY,
    SUBSCRIPTION_WASTE,
    USER_SOFTWARE_USAGE,
    LICENSE_FEATURE,
    LICENSE_SESSION,
    DATABASE_INSTANCE,
    DATABASE_FEATURE_USAGE,
    ENTITLEMENT,
    LICENSE_POSITION,
)
