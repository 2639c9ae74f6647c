"""Canonical records: what every connector delivers and everything downstream reads."""

from inventory_pipeline.records.model import (
    REJECT_COLUMNS,
    REJECT_SCHEMA,
    SYSTEM_COLUMNS,
    SYSTEM_SCHEMA,
    Category,
    Column,
    ColumnType,
    Table,
)
from inventory_pipeline.records.tables import ALL, TABLES, tables_of

__all__ = [
    "ALL",
    "REJECT_COLUMNS",
    "REJECT_SCHEMA",
    "SYSTEM_COLUMNS",
    "SYSTEM_SCHEMA",
    "TABLES",
    "Category",
    "Column",
    "ColumnType",
    "Table",
    "tables_of",
]
