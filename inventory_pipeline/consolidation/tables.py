"""The tables of a release. Documentation, lineage and the shape of what is written derive from this declaration."""

from __future__ import annotations

from inventory_pipeline.consolidation.attributes import ATTRIBUTES
from inventory_pipeline.consolidation.release_table import (
    CONNECTOR,
    DEVICE_ID,
    INSTALLATION_ID,
    PERSON_ID,
    PRODUCT_ID,
    SOURCE_DEVICE_ID,
    ReleaseTable,
    date,
    flag,
    integer,
    number,
    text,
    texts,
    time,
)
from inventory_pipeline.consolidation.tables_joined import JOINED_TABLES
from inventory_pipeline.records import TABLES, Column

_NORMALIZED_DEVICE = (
    text("vendor", "Normalized hardware vendor."),
    text("device_type", "Kind of device: desktop, laptop, server, virtual machine, phone ..."),
    text("model_family", "Normalized model family."),
    text("model_name", "Normalized model."),
    text("model_rule_id", "Rule that decided vendor and model."),
)


def _stated() -> tuple[Column, ...]:
    source = TABLES["device"]
    return tuple(
        Column(a.name, source.column(a.name).type, source.column(a.name).doc, values=source.column(a.name).values)
        for a in ATTRIBUTES
    )


DEVICE = ReleaseTable(
    "device",
    "consolidation",
    "one row per machine",
    "Machines, each from all the source records that are the same one; every value from its best source.",
    (
        DEVICE_ID,
        *_stated(),
        text("inventory_date_status", "Whether the inventory date can be used.", "valid future missing"),
        *_NORMALIZED_DEVICE,
        text("processor_vendor", "Normalized processor vendor."),
        text("processor_name", "Processor as its best source names it."),
        text("processor_family", "Normalized processor family."),
        text("processor_model", "Normalized processor model."),
        integer("sockets", "Sockets in use, from one source."),
        integer("cores", "Physical cores, from one source."),
        integer("logical_cores", "Logical processors, from one source."),
        text("person_id", "Primary user, where known as a person."),
        text("host_device_id", "Device that this virtual machine runs on."),
        flag("is_obsolete", "Every source record of it is obsolete."),
        flag("reports_usage", "Some source reports software usage for it."),
        time("last_used", "Newest usage of any software on it, not in the future."),
        texts("connectors", "Connectors that know it."),
        integer("record_count", "Source records that it consists of."),
        integer("installation_count", "Installations on it."),
        integer("patches_installed", "Updates installed."),
        integer("patches_missing", "Updates missing or failed, without superseded ones."),
    ),
    ("device_id",),
    ("device_record", "device_provenance", "device_processor", "raw_device", "person", "installation", "device_patch"),
)

DEVICE_RECORD = ReleaseTable(
    "device_record",
    "consolidation",
    "one row per visible source record of a device",
    "Which source records are which machine, and the key that linked each. A record that only other tables "
    "mention (software of a device that is not listed) is kept too.",
    (
        DEVICE_ID,
        integer("record_no", "Place within the device: live records first, newest inventory first."),
        CONNECTOR,
        SOURCE_DEVICE_ID,
        text("connector_type", "Connector's type."),
        text("name", "Name that the record states."),
        time("inventory_date", "Inventory date that the record states."),
        flag("is_obsolete", "The source marks the record as obsolete."),
        flag("is_live", "Neither obsolete nor replaced by a newer record of the same connector."),
        text("origin", "Whether the source lists the device.", "listed mentioned"),
        text("link_key", "Key that linked the record to another of the device; empty for the first."),
        text("link_value", "Value of that key, normalized."),
        text("linked_connector", "Connector of the record that it was linked to."),
        text("linked_source_device_id", "Key of the record that it was linked to."),
        integer("row_hash", "Hash of the raw row."),
    ),
    ("connector", "source_device_id"),
    ("raw_device", "raw_software", "raw_virtual_machine", "raw_patch_state", "identity_key"),
)

DEVICE_PROVENANCE = ReleaseTable(
    "device_provenance",
    "consolidation",
    "one row per device",
    "Per attribute the number (`record_no`) of the source record that its value comes from. The view "
    "`device_value` shows the same as attribute, value, connector, source_device_id and inventory_date.",
    (
        DEVICE_ID,
        *(integer(a.name, f"Record that `{a.name}` comes from; empty without value.") for a in ATTRIBUTES),
    ),
    ("device_id",),
    ("device_record", "raw_device"),
)

DEVICE_DISAGREEMENT = ReleaseTable(
    "device_disagreement",
    "consolidation",
    "one row per device, attribute and record, where live records state different values",
    "What sources contradict each other about, with every value stated. Case and punctuation are not differences.",
    (
        DEVICE_ID,
        text("attribute", "Attribute of the device."),
        text("value", "Value that this record states."),
        CONNECTOR,
        SOURCE_DEVICE_ID,
        time("inventory_date", "Inventory date of the record"),
        flag("is_chosen", "This record's value is the device's."),
    ),
    ("device_id", "attribute", "connector", "source_device_id"),
    ("device_record", "device_provenance", "raw_device"),
)

_KEY_KINDS = (
    "link cross_reference serial_number smbios_uuid instance_uuid imei entra_device_id ad_object_guid ad_sid "
    "fqdn name_domain mac_address"
)

IDENTITY_KEY = ReleaseTable(
    "identity_key",
    "consolidation",
    "one row per key value and source record, for values that several records carry",
    "The keys by which records can be the same machine, normalized, with what became of each.",
    (
        text("key_kind", "Kind of key.", _KEY_KINDS),
        text("key_value", "Value, normalized: UUIDs in one byte order, serial numbers with vendor."),
        text("strength", "Strong keys merge; weak ones only when nothing strong contradicts.", "strong weak"),
        text("status", "What became of it.", "used agreed refused junk"),
        CONNECTOR,
        SOURCE_DEVICE_ID,
        DEVICE_ID,
    ),
    ("key_kind", "key_value", "connector", "source_device_id"),
    ("raw_device",),
)

IDENTITY_CONFLICT = ReleaseTable(
    "identity_conflict",
    "consolidation",
    "one row per refused merge of two source records",
    "Merges that a shared key suggested and that were refused, and why; also clusters held for review.",
    (
        text("key_kind", "Kind of key that the records share.", _KEY_KINDS),
        text("key_value", "Value that they share, normalized."),
        text(
            "reason",
            "Why they were not merged.",
            "serial_numbers_differ two_live_records hardware_keys_differ names_far_apart unlinked oversized",
        ),
        text("detail", "The same in words, with the values that contradict."),
        text("connector", "Connector of one record."),
        text("source_device_id", "Key of one record."),
        text("device_id", "Device of one record."),
        text("other_connector", "Connector of the other record."),
        text("other_source_device_id", "Key of the other record."),
        text("other_device_id", "Device of the other record."),
    ),
    ("key_kind", "key_value", "connector", "source_device_id", "other_connector", "other_source_device_id"),
    ("identity_key", "device_record"),
)

JUNK_IDENTIFIER = ReleaseTable(
    "junk_identifier",
    "consolidation",
    "one row per kind and value that identifies nothing",
    "Placeholder values and values that more records share than any machine explains; they were not used.",
    (
        text("key_kind", "Kind of key.", _KEY_KINDS),
        text("key_value", "Value, normalized."),
        text("reason", "Why it identifies nothing.", "listed format too_many_records several_machines dock_or_adapter"),
        text("detail", "The same in words, with the figures."),
        integer("records", "Source records that carry it."),
        integer("connectors", "Connectors that carry it."),
        integer("serial_numbers", "Different good serial numbers seen with it."),
        integer("smbios_uuids", "Different good UUIDs seen with it."),
    ),
    ("key_kind", "key_value"),
    ("raw_device",),
)

DEVICE_PROCESSOR = ReleaseTable(
    "device_processor",
    "consolidation",
    "one row per processor row of the best source of a device",
    "Processors of devices, each device's from one source only.",
    (
        DEVICE_ID,
        text("slot", "Slot of the processor within the device."),
        text("vendor", "Normalized vendor."),
        text("family", "Normalized family."),
        text("model", "Normalized model."),
        text("name", "Brand string as the source writes it."),
        integer("sockets", "Sockets that this row stands for."),
        integer("cores", "Physical cores of all these sockets."),
        integer("logical_cores", "Logical processors of all these sockets."),
        flag("hyperthreading", "Simultaneous multithreading is on."),
        integer("speed_mhz", "Nominal speed, MHz."),
        text("rule_id", "Rule that decided vendor, family and model."),
        CONNECTOR,
        SOURCE_DEVICE_ID,
    ),
    ("device_id", "slot"),
    ("raw_processor", "device_record"),
)

_DECISION = (
    text("decided_by", "What decided.", "site_rule rule parsed model none"),
    text("rule_id", "Rule that decided."),
    number("confidence", "How sure, 0 to 1."),
    text("level", "How far it was recognized.", "vendor title version edition none"),
    text("evidence", "Why, in one sentence."),
)
_RAW_SOFTWARE = (
    text("source", "Connector type."),
    text("raw_title", "Title as the source writes it."),
    text("raw_publisher", "Publisher as the source writes it."),
    text("raw_version", "Version as the source writes it."),
    text("raw_edition", "Edition as the source writes it."),
    text("product_code", "MSI product code or uninstall key."),
    text("package_family", "Package family name, bundle identifier or package name."),
    text("origin", "What the source read."),
)
_SOFTWARE_ID = text("software_id", "Distinct software statement, 16 hexadecimal characters.")

SOFTWARE_DECISION = ReleaseTable(
    "software_decision",
    "normalization",
    "one row per distinct software statement of a connector type",
    "What each distinct title, publisher, version and code was taken for, and by which rule.",
    (
        _SOFTWARE_ID,
        *_RAW_SOFTWARE,
        PRODUCT_ID,
        text("vendor", "Vendor."),
        text("title", "Product's title."),
        text("edition", "Edition."),
        text("version_family", "Version as people call it (2013, 24.x)."),
        text("version", "Version, cleaned."),
        text(
            "kind",
            "What it is.",
            "application operating_system update component language_pack driver runtime unknown",
        ),
        text("parent_product_id", "Product that a component, an update or a language pack belongs to."),
        *_DECISION,
        integer("records", "Raw rows."),
        integer("devices", "Devices."),
    ),
    ("software_id",),
    ("raw_software", "raw_software_usage", "raw_application"),
)

UNIDENTIFIED_SOFTWARE = ReleaseTable(
    "unidentified_software",
    "normalization",
    "one row per distinct software statement that no rule decides",
    "What is still unknown, most frequent first, with suggestions to accept or correct.",
    (
        _SOFTWARE_ID,
        *_RAW_SOFTWARE,
        text("suggestion_vendor", "Suggested vendor."),
        text("suggestion_title", "Suggested title."),
        number("confidence", "How sure the suggestion is, 0 to 1."),
        text("evidence", "Why, in one sentence."),
        integer("records", "Raw rows."),
        integer("devices", "Devices."),
    ),
    ("software_id",),
    ("software_decision",),
)

PRODUCT = ReleaseTable(
    "product",
    "normalization",
    "one row per product that occurs",
    "Products in use: vendor and title, with counts.",
    (
        PRODUCT_ID,
        text("vendor", "Vendor."),
        text("title", "Title."),
        text("category", "Category."),
        text("kind", "What it is."),
        text("licensable", "Whether it needs a licence.", "licensed free unknown"),
        date("release_date", "Release of the newest version that occurs."),
        date("end_of_support", "Earliest end of support of the versions that occur."),
        integer("installations", "Installations."),
        integer("devices", "Devices."),
        integer("versions", "Different versions installed."),
        time("last_used", "Newest usage, not in the future."),
    ),
    ("product_id",),
    ("software_decision", "installation"),
)

INSTALLATION = ReleaseTable(
    "installation",
    "consolidation",
    "one row per device, product and version",
    "Software on machines. Statements of several sources about the same software are one installation; components, "
    "updates and language packs are counted with their product.",
    (
        INSTALLATION_ID,
        DEVICE_ID,
        PRODUCT_ID,
        text("vendor", "Vendor."),
        text("title", "Product's title."),
        text("edition", "Edition."),
        text("version_family", "Version as people call it."),
        text("version", "Version, cleaned."),
        text("kind", "What it is."),
        text("licensable", "Whether it needs a licence.", "licensed free unknown"),
        date("end_of_support", "End of support."),
        date("install_date", "Earliest date of installation that is not in the future; else the future one."),
        time("last_used", "Newest usage known."),
        time("first_used", "First usage known."),
        integer("run_count", "Times started, highest count of one source."),
        number("used_minutes", "Minutes in use, highest of one source."),
        text("usage_category", "Usage against the end of sync date.", "used rarely_used unused unreported"),
        text(
            "unreported_reason",
            "Why usage is not reported.",
            "device_stopped_reporting invalid_usage_date recently_installed invalid_install_date no_product_usage "
            "no_device_usage device_inventory_too_old invalid_device_inventory_date no_device_inventory_date",
        ),
        texts("connectors", "Connectors that report it."),
        integer("record_count", "Raw rows that state it."),
        integer("component_count", "Raw rows of components, updates and language packs folded into it."),
    ),
    ("installation_id",),
    ("raw_software", "raw_software_usage", "raw_usage_reporting", "software_decision", "device_record"),
)

INSTALLATION_RECORD = ReleaseTable(
    "installation_record",
    "consolidation",
    "one row per raw software row",
    "Where every raw software row went: the installation that it states or was folded into, or none.",
    (
        DEVICE_ID,
        INSTALLATION_ID,
        _SOFTWARE_ID,
        CONNECTOR,
        SOURCE_DEVICE_ID,
        integer("row_hash", "Hash of the raw row."),
        text(
            "role",
            "What the row is to the installation; ignored and unidentified rows have none.",
            "product component update language_pack ignored unidentified",
        ),
    ),
    ("connector", "source_device_id", "row_hash"),
    ("raw_software", "software_decision", "installation"),
)

SUMMARY = ReleaseTable(
    "summary",
    "report",
    "one row per kind of normalized data: software, device models, processors",
    "How much was normalized, by what, and what is left.",
    (
        text("section", "What was normalized.", "software device_model processor"),
        integer("records_collected", "Raw records collected."),
        integer("distinct_collected", "Distinct values among them."),
        integer("normalized_records", "Records normalized by direct catalog matches."),
        integer("normalized_products", "Distinct products of direct catalog matches."),
        integer("ai_assisted_records", "Records normalized with the help of a model."),
        integer("ai_assisted_products", "Distinct products normalized with the help of a model."),
        integer("parsed_records", "Records whose vendor and title were read from the record itself, without a rule."),
        integer("parsed_products", "Distinct products read so."),
        integer("not_normalized_records", "Records not normalized."),
        integer("not_normalized_with_suggestions", "Of these, records that have a suggestion."),
        integer("ignored_records", "Records that a rule leaves out on purpose."),
    ),
    ("section",),
    ("software_decision", "installation_record", "device", "device_processor"),
)

HEADLINE = ReleaseTable(
    "headline",
    "report",
    "one row per figure",
    "Headline counts of the release.",
    (
        text("metric", "Name of the figure."),
        integer("value", "The figure."),
        text("doc", "What it counts."),
    ),
    ("metric",),
    ("device", "device_record", "installation", "product", "person", "device_patch", "identity_conflict"),
)

FRESHNESS = ReleaseTable(
    "freshness",
    "report",
    "one row per connector and category",
    "How complete and how recent the data is: last attempt, last success and what it brought.",
    (
        CONNECTOR,
        text("connector_type", "Connector's type."),
        text("category", "Data category."),
        time("last_attempt", "Start of the last sync"),
        text("last_status", "How it ended."),
        text("last_message", "What it said."),
        time("last_success", "End of the last successful sync"),
        integer("watermark", "Ledger position of the last successful sync."),
        integer("rows_read", "Rows that the last successful sync read."),
        integer("added", "Rows it added."),
        integer("changed", "Rows it changed."),
        integer("removed", "Rows it removed."),
        integer("unchanged", "Rows it found unchanged."),
        integer("rejected", "Rows it rejected."),
        integer("values_rejected", "Values it set aside."),
        integer("rows_total", "Rows visible now."),
        integer("units_total", "Reports visible now."),
    ),
    ("connector", "category"),
    (),
)

DIFFERENCE = ReleaseTable(
    "difference",
    "report",
    "one row per device or installation that came, went or changed, and attribute that changed",
    "What changed since the release before this one.",
    (
        text("entity", "What changed.", "device installation"),
        text("change", "How.", "came went changed"),
        text("entity_id", "device_id or installation_id."),
        DEVICE_ID,
        text("name", "Name of the device, or vendor, title and version of the software."),
        text("attribute", "Attribute that changed."),
        text("before", "Value before."),
        text("after", "Value now."),
    ),
    ("entity", "entity_id", "attribute"),
    ("device", "installation"),
)

_ALL = (
    SOFTWARE_DECISION,
    UNIDENTIFIED_SOFTWARE,
    PRODUCT,
    DEVICE,
    DEVICE_RECORD,
    DEVICE_PROVENANCE,
    DEVICE_DISAGREEMENT,
    IDENTITY_KEY,
    IDENTITY_CONFLICT,
    JUNK_IDENTIFIER,
    DEVICE_PROCESSOR,
    INSTALLATION,
    INSTALLATION_RECORD,
    *JOINED_TABLES,
    SUMMARY,
    HEADLINE,
    FRESHNESS,
    DIFFERENCE,
)
RELEASE_TABLES: dict[str, ReleaseTable] = {table.name: table for table in _ALL}

__all__ = ["PERSON_ID", "RELEASE_TABLES", "ReleaseTable"]
