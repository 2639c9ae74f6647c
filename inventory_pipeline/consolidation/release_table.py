"""How release tables are declared; the tables themselves are in `tables*.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from inventory_pipeline.records import TABLES, Column, ColumnType

Group = Literal["normalization", "consolidation", "report"]


@dataclass(frozen=True, slots=True)
class ReleaseTable:
    """One table of a release.

    `grain` says what one row is, `key` which columns tell rows apart, `reads` what it is made from: names of raw
    views (`raw_device`) or of other release tables, for lineage.
    """

    name: str
    group: Group
    grain: str
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    reads: tuple[str, ...]

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of the stored table."""
        return pa.schema([pa.field(column.name, column.type.arrow) for column in self.columns])

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def text(name: str, doc: str, values: str = "") -> Column:
    """A text column; `values` lists the values it may take, if they are few."""
    return Column(name, ColumnType.text, doc, values=tuple(values.split()))


def integer(name: str, doc: str) -> Column:
    """A column of whole numbers."""
    return Column(name, ColumnType.integer, doc)


def number(name: str, doc: str) -> Column:
    """A column of numbers with a fraction."""
    return Column(name, ColumnType.number, doc)


def flag(name: str, doc: str) -> Column:
    """A column of true and false."""
    return Column(name, ColumnType.boolean, doc)


def time(name: str, doc: str) -> Column:
    """A column of points in time, UTC."""
    return Column(name, ColumnType.timestamp, f"{doc} (UTC)")


def date(name: str, doc: str) -> Column:
    """A column of dates."""
    return Column(name, ColumnType.date, doc)


def texts(name: str, doc: str) -> Column:
    """A column of lists of texts."""
    return Column(name, ColumnType.text_list, doc)


def canonical(table: str, *, without: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """The columns of a canonical table, as the source said them."""
    return tuple(
        Column(column.name, column.type, column.doc, values=column.values)
        for column in TABLES[table].columns
        if column.name not in without
    )


CONNECTOR = text("connector", "Slug of the connector that the record comes from.")
SOURCE_DEVICE_ID = text("source_device_id", "The source's own key of the device, verbatim.")
DEVICE_ID = text("device_id", "Consolidated device, 16 hexadecimal characters; kept from release to release.")
PRODUCT_ID = text("product_id", "Product, as `vendor/title`.")
PERSON_ID = text("person_id", "Consolidated person, 16 hexadecimal characters.")
INSTALLATION_ID = text("installation_id", "Installation: the device's id and 12 characters for product and version.")
