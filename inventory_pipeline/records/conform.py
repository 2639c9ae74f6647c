"""What a connector read becomes rows of a canonical table: cast, checked value by value, nothing lost in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from inventory_pipeline.records.conform_extra import folded_extra
from inventory_pipeline.records.conform_text import Cast, pc, plain, shown, to_text
from inventory_pipeline.records.conform_times import to_date, to_timestamp
from inventory_pipeline.records.conform_values import to_boolean, to_choice, to_integer, to_list, to_number
from inventory_pipeline.records.model import REJECT_SCHEMA, Column, ColumnType, Table

MISSING = "The value is missing and no row can do without it: fill it in at the source."
NO_KEY = "The row has no key: fill in the columns that name what it belongs to."
CONFORMED_REJECT_SCHEMA = pa.schema([f for f in REJECT_SCHEMA if f.name not in ("connector", "sync_id", "table_name")])
"""Columns of `Conformed.rejects`: those of REJECT_SCHEMA that are not the same for a whole sync and table."""

_BESIDE = frozenset({"unit_key", "source_object", "source_row", "extra", "reject_reason", "reject_value"})
_ADDRESSES = frozenset({"mac_addresses", "ip_addresses"})


@dataclass(frozen=True, slots=True)
class ConformContext:
    """What all rows of a sync have in common. `observed_at` is a moment (UTC when it has no zone); `date_format` a
    strptime form that dates in text may have."""

    connector: str
    sync_id: str
    observed_at: dt.datetime
    date_format: str | None = None


@dataclass(frozen=True, slots=True)
class Conformed:
    """Rows that were accepted, in the table's raw schema (`row_hash` is left null), and what was set aside.

    `rejects` (CONFORMED_REJECT_SCHEMA) has one row per rejected row, and one per value that was set aside of a kept
    row. Accepted and rejected rows together are the rows that came.
    """

    rows: pa.RecordBatch
    rejects: pa.Table
    rows_rejected: int
    values_rejected: int


@dataclass(slots=True)
class _Found:
    """What is wrong so far: by row the first reason against the whole row, and reasons against single values."""

    blocked: dict[int, tuple[str | None, str]] = field(default_factory=dict)
    values: list[tuple[str, Mapping[int, str]]] = field(default_factory=list)

    def block(self, rows: Mapping[int, str], column: str | None) -> None:
        for row, reason in rows.items():
            self.blocked.setdefault(row, (column, reason))


def conform(batch: pa.RecordBatch, table: Table, context: ConformContext) -> Conformed:
    """Casts a batch to a canonical table; never raises for what the values hold.

    Columns of the batch may be of any Arrow type and in any order; missing ones become null, unknown ones go to `extra`
    as JSON. `unit_key` is taken from the batch or made of the table's unit columns, joined by `|`. A value that cannot
    be accepted is set to null and recorded (`row_kept`); when the column is required, the row is rejected, as is one
    with a `reject_reason`.
    """
    count = batch.num_rows
    own, unknown = _columns(batch, table)
    found = _Found()
    if "reject_reason" in own:
        reasons = to_text(own["reject_reason"]).values
        found.block(_reasons(reasons), None)
    values: dict[str, pa.Array] = {}
    for column in table.columns:
        cast = _cast(own[column.name], column, context) if column.name in own else None
        values[column.name] = cast.values if cast is not None else pa.nulls(count, column.type.arrow)
        _judge(column, cast, values[column.name], found)
    values["unit_key"] = _unit_key(own, values, table, found)
    values["source_object"] = _text_or_null(own, "source_object", count)
    values["source_row"] = to_integer(own["source_row"]).values if "source_row" in own else pa.nulls(count, pa.int64())
    folded = folded_extra(own.get("extra"), unknown, count)
    values["extra"] = folded.values
    found.values += folded.refused
    observed_at = context.observed_at
    if observed_at.tzinfo is not None:
        observed_at = observed_at.astimezone(dt.UTC).replace(tzinfo=None)
    for name, value in (
        ("connector", context.connector),
        ("sync_id", context.sync_id),
        ("observed_at", observed_at),
        ("row_hash", None),
    ):
        values[name] = pa.repeat(pa.scalar(value, table.raw_schema.field(name).type), count)
    rows = pa.RecordBatch.from_arrays([values[name] for name in table.raw_schema.names], schema=table.raw_schema)
    shown_as = {**own, **dict(unknown)}
    rejects = _rejects(shown_as, values, found)
    if found.blocked:
        keep = np.ones(count, dtype=bool)
        keep[list(found.blocked)] = False
        rows = rows.filter(pa.array(keep))
    return Conformed(rows, rejects, len(found.blocked), rejects.num_rows - len(found.blocked))


def _columns(batch: pa.RecordBatch, table: Table) -> tuple[dict[str, pa.Array], list[tuple[str, pa.Array]]]:
    """The batch's columns that the table (or conforming) knows, by name, and the others; a repeated one is unknown."""
    known = {*table.column_names, *_BESIDE}
    own: dict[str, pa.Array] = {}
    unknown: dict[str, pa.Array] = {}
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        if name in known and name not in own:
            own[name] = plain(array)
            continue
        number, free = 2, name
        while free in unknown or free in known:
            number, free = number + 1, f"{name} {number}"
        unknown[free] = plain(array)
    return own, list(unknown.items())


def _cast(array: pa.Array, column: Column, context: ConformContext) -> Cast:
    match column.type:
        case ColumnType.text:
            return to_choice(array, column.values) if column.values else to_text(array)
        case ColumnType.integer:
            return to_integer(array)
        case ColumnType.number:
            return to_number(array)
        case ColumnType.boolean:
            return to_boolean(array)
        case ColumnType.timestamp:
            return to_timestamp(array, context.date_format)
        case ColumnType.date:
            return to_date(array, context.date_format)
        case ColumnType.text_list:
            return to_list(array, addresses=column.name in _ADDRESSES)


def _judge(column: Column, cast: Cast | None, values: pa.Array, found: _Found) -> None:
    refused = cast.refused if cast is not None else {}
    if not column.required:
        if refused:
            found.values.append((column.name, refused))
        return
    found.block(refused, column.name)
    if values.null_count:
        found.block(dict.fromkeys(_null_rows(values), MISSING), column.name)


def _unit_key(own: Mapping[str, pa.Array], values: Mapping[str, pa.Array], table: Table, found: _Found) -> pa.Array:
    parts = [to_text(values[name]).values for name in table.unit]
    key = pc.binary_join_element_wise(*parts, "|") if len(parts) > 1 else parts[0]
    if "unit_key" in own:
        given = to_text(own["unit_key"])
        found.block(given.refused, "unit_key")
        key = pc.coalesce(given.values, key)
    if key.null_count:
        found.block(dict.fromkeys(_null_rows(key), NO_KEY), "unit_key")
    return key


def _text_or_null(own: Mapping[str, pa.Array], name: str, count: int) -> pa.Array:
    return to_text(own[name]).values if name in own else pa.nulls(count, pa.string())


def _null_rows(array: pa.Array) -> list[int]:
    return np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist()


def _reasons(reasons: pa.Array) -> dict[int, str]:
    rows = np.flatnonzero(reasons.is_valid().to_numpy(zero_copy_only=False)).tolist()
    return dict(zip(rows, reasons.drop_null().to_pylist(), strict=True))


def _rejects(own: Mapping[str, pa.Array], values: Mapping[str, pa.Array], found: _Found) -> pa.Table:
    """All that was set aside, by row, then in the order of the columns."""
    lines: list[tuple[int, str | None, str]] = [(row, *why) for row, why in found.blocked.items()]
    for column, refused in found.values:
        lines += [(row, column, reason) for row, reason in refused.items() if row not in found.blocked]
    if not lines:
        return CONFORMED_REJECT_SCHEMA.empty_table()
    lines.sort(key=lambda line: line[0])
    by_column: dict[str, list[int]] = {}
    for place, (_, column, _) in enumerate(lines):
        by_column.setdefault(column or "reject_value", []).append(place)
    texts: list[str | None] = [None] * len(lines)
    for column, places in by_column.items():
        if column in own:
            for place, text in zip(places, shown(own[column], [lines[place][0] for place in places]), strict=True):
                texts[place] = text
    rows = pa.array([row for row, _, _ in lines], pa.int64())
    return pa.Table.from_arrays(
        [
            values["source_object"].take(rows),
            values["source_row"].take(rows),
            values["unit_key"].take(rows),
            pa.array([column for _, column, _ in lines], pa.string()),
            pa.array(texts, pa.string()),
            pa.array([reason for _, _, reason in lines], pa.string()),
            pa.array([row not in found.blocked for row, _, _ in lines], pa.bool_()),
        ],
        schema=CONFORMED_REJECT_SCHEMA,
    )
