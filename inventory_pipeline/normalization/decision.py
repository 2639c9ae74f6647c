"""What was decided about a software statement, and why: the shape of a row of `normalize_software`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from operator import attrgetter

import pyarrow as pa

DECISION_SCHEMA = pa.schema(
    [
        pa.field("software_key", pa.string()),
        pa.field("product_id", pa.string()),
        pa.field("vendor", pa.string()),
        pa.field("title", pa.string()),
        pa.field("edition", pa.string()),
        pa.field("version_family", pa.string()),
        pa.field("version", pa.string()),
        pa.field("category", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("parent_product_id", pa.string()),
        pa.field("licensable", pa.string()),
        pa.field("release_date", pa.date32()),
        pa.field("end_of_support", pa.date32()),
        pa.field("decided_by", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("level", pa.string()),
        pa.field("evidence", pa.string()),
        pa.field("suggestion_vendor", pa.string()),
        pa.field("suggestion_title", pa.string()),
    ]
)


@dataclass(slots=True)
class Decision:
    """One row of the result; columns as `normalize_software` documents them."""

    product_id: str | None = None
    vendor: str | None = None
    title: str | None = None
    edition: str | None = None
    version_family: str | None = None
    version: str | None = None
    category: str | None = None
    kind: str = "unknown"
    parent_product_id: str | None = None
    licensable: str = "unknown"
    release_date: dt.date | None = None
    end_of_support: dt.date | None = None
    decided_by: str = "none"
    rule_id: str | None = None
    confidence: float = 0.0
    level: str = "none"
    evidence: str = ""
    suggestion_vendor: str | None = None
    suggestion_title: str | None = None

    def copy(self) -> Decision:
        """The same decision, to be completed for another row."""
        return Decision(*_VALUES(self))


_VALUES = attrgetter(*(column.name for column in fields(Decision)))


def decisions_table(keys: pa.ChunkedArray, decisions: list[Decision]) -> pa.Table:
    """Decisions, in order, as a table in `DECISION_SCHEMA`; strings are repeated by dictionary while building."""
    columns: list[pa.Array | pa.ChunkedArray] = [keys.cast(pa.string())]
    for column in fields(Decision):
        kind = DECISION_SCHEMA.field(column.name).type
        columns.append(pa.array([getattr(decision, column.name) for decision in decisions], kind))
    return pa.table(columns, schema=DECISION_SCHEMA)
