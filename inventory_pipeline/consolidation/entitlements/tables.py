"""Tables of a release of an Entitlement repository."""

from __future__ import annotations

from inventory_pipeline.consolidation.release_table import CONNECTOR, ReleaseTable, integer, text
from inventory_pipeline.records import SYSTEM_COLUMNS, TABLES

_ID = text("entitlement_id", "Key of the entitlement.")

ENTITLEMENT = ReleaseTable(
    "entitlement",
    "consolidation",
    "one row per entitlement",
    "Published rights to use. A draft with errors is not published; what was published of it before stays.",
    (
        *TABLES["entitlement"].columns,
        *SYSTEM_COLUMNS,
        text("draft_status", "How clean the draft is.", "clean warnings errors"),
        text("origin", "The draft itself, or the release before, while the draft has errors.", "draft previous"),
    ),
    ("entitlement_id",),
    ("raw_entitlement", "raw_entitlement_caveat"),
)
ENTITLEMENT_CAVEAT = ReleaseTable(
    "entitlement_caveat",
    "consolidation",
    "one row per doubt about a draft",
    "What is doubtful about drafts, each by itself and all together (parents, ids in several places, changed types).",
    (
        CONNECTOR,
        _ID,
        text("column_name", "Heading that it is about."),
        text("severity", "An error keeps the draft from being published.", "warning error"),
        text("message", "What is doubtful, in words."),
        text("source_object", "File that the record stands in."),
        integer("source_row", "Line in the file."),
    ),
    ("entitlement_id", "column_name", "message"),
    ("raw_entitlement", "raw_entitlement_caveat"),
)
ENTITLEMENT_DIFFERENCE = ReleaseTable(
    "entitlement_difference",
    "report",
    "one row per entitlement that came or went, and per value that changed",
    "What is new since the release before.",
    (
        _ID,
        text("change", "What happened.", "came went changed"),
        text("attribute", "Column that changed."),
        text("before", "Value before."),
        text("after", "Value now."),
    ),
    ("entitlement_id", "change", "attribute"),
    ("entitlement",),
)

ENTITLEMENT_TABLES: dict[str, ReleaseTable] = {
    table.name: table for table in (ENTITLEMENT, ENTITLEMENT_CAVEAT, ENTITLEMENT_DIFFERENCE)
}
