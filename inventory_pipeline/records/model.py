"""How canonical tables are declared: columns with types, units and meaning, and how rows replace each other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Category(StrEnum):
    """A kind of data that a connector can bring, chosen per sync ("Data to Sync")."""

    device = "device"
    processor = "processor"
    software = "software"
    usage = "usage"
    user = "user"
    patch = "patch"
    group = "group"
    application = "application"
    virtual_machine = "virtual_machine"
    subscription = "subscription"
    license_server = "license_server"
    database = "database"
    entitlement = "entitlement"


class ColumnType(StrEnum):
    """Types of canonical columns. Timestamps are UTC without zone, in microseconds."""

    text = "text"
    integer = "integer"
    number = "number"
    boolean = "boolean"
    timestamp = "timestamp"
    date = "date"
    text_list = "text_list"

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type in which this column is stored."""
        return _ARROW_TYPES[self]


_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.text: pa.string(),
    ColumnType.integer: pa.int64(),
    ColumnType.number: pa.float64(),
    ColumnType.boolean: pa.bool_(),
    ColumnType.timestamp: pa.timestamp("us"),
    ColumnType.date: pa.date32(),
    ColumnType.text_list: pa.list_(pa.string()),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column.

    `required` columns must have a value, or the row is rejected. `synonyms` are headings under which the
    value is known in spreadsheets and exports (compared without case, spaces, dashes and underscores).
    """

    name: str
    type: ColumnType
    doc: str
    required: bool = False
    synonyms: tuple[str, ...] = ()
    example: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One canonical table.

    `unit` is the unit of change: the columns by which a newer report replaces an older one whole (software
    by device, members by group). `key` tells rows of one unit apart; two rows of one source with the same
    key are one row, the later wins.
    """

    name: str
    category: Category
    doc: str
    columns: tuple[Column, ...]
    unit: tuple[str, ...]
    key: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the canonical columns, in order, without the system columns."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns without which a row is rejected."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of the canonical columns."""
        return pa.schema([pa.field(c.name, c.type.arrow, nullable=not c.required) for c in self.columns])

    @property
    def raw_schema(self) -> pa.Schema:
        """Arrow schema of stored raw rows: canonical columns, then the system columns."""
        return pa.schema([*(pa.field(c.name, c.type.arrow) for c in self.columns), *SYSTEM_SCHEMA])


SYSTEM_COLUMNS: tuple[Column, ...] = (
    Column("connector", ColumnType.text, "Slug of the connector that brought the row."),
    Column("sync_id", ColumnType.text, "Sync that brought the row; the ledger says when and how."),
    Column("observed_at", ColumnType.timestamp, "When the sync read the row (UTC)."),
    Column(
        "unit_key",
        ColumnType.text,
        "Key of the report that the row belongs to, verbatim from the source: a newer report of the same key replaces it whole.",
    ),
    Column("source_object", ColumnType.text, "File, view or endpoint that the row was read from."),
    Column("source_row", ColumnType.integer, "Line or position in the source object, where it has one."),
    Column("row_hash", ColumnType.integer, "64-bit hash of the canonical columns and `extra`; links to this very row."),
    Column("extra", ColumnType.text, "JSON object of source columns that have no canonical place."),
)
SYSTEM_SCHEMA = pa.schema([pa.field(c.name, c.type.arrow) for c in SYSTEM_COLUMNS])

REJECT_COLUMNS: tuple[Column, ...] = (
    Column("connector", ColumnType.text, "Slug of the connector."),
    Column("sync_id", ColumnType.text, "Sync that met the value."),
    Column("table_name", ColumnType.text, "Canonical table that the row was meant for."),
    Column("source_object", ColumnType.text, "File, view or endpoint that was read."),
    Column("source_row", ColumnType.integer, "Line or position in it, where known."),
    Column("unit_key", ColumnType.text, "Key of the report, where known."),
    Column("column_name", ColumnType.text, "Canonical column; empty when the whole object was refused."),
    Column("value", ColumnType.text, "The value as it came, cut to 1,000 characters."),
    Column("reason", ColumnType.text, "Why it was not accepted, and what to do."),
    Column("row_kept", ColumnType.boolean, "True when only the value was set aside and the rest of the row was kept."),
)
REJECT_SCHEMA = pa.schema([pa.field(c.name, c.type.arrow) for c in REJECT_COLUMNS])
