"""Rows of one canonical table as they are collected from Graph, page by page, by column, with a stamp per unit.

Graph has no time of change that covers all that is read, so a unit's stamp is a hash of its rows.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, RefusedUnit
from inventory_pipeline.records import TABLES
from inventory_pipeline.records.model import ColumnType

BATCH_ROWS = 10_000

Objects = Sequence[Mapping[str, Any]]
Columns = Mapping[str, Sequence[Any]]

_OWN_TYPES = (ColumnType.integer, ColumnType.boolean, ColumnType.text_list)
_VOID = {"00000000-0000-0000-0000-000000000000", "0001-01-01T00:00:00Z"}
_NOTHING = {None, "", *_VOID}
_encoded = json.JSONEncoder(ensure_ascii=False).encode


def values_of(objects: Objects, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Properties of objects by name, none of which holds lists; Graph's ways to write that there is no id or time are
    None. At least two names."""
    try:
        rows = list(map(itemgetter(*names), objects))
    except KeyError:
        # Delta queries leave out what was never set.
        rows = [tuple(map(entry.get, names)) for entry in objects]
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: column if _VOID.isdisjoint(column) else [None if value in _VOID else value for value in column]
        for name, column in zip(names, columns, strict=True)
    }


def columns_of(objects: Objects, mapping: Mapping[str, str]) -> dict[str, Sequence[Any]]:
    """Canonical columns by a mapping from column to property."""
    values = values_of(objects, tuple(dict.fromkeys(mapping.values())))
    return {column: values[name] for column, name in mapping.items()}


def extra_texts(columns: Columns) -> list[str | None]:
    """What has no canonical place, as JSON text per object without empty values. Few values differ between objects, so
    that texts are remembered."""
    names = tuple(columns)
    known: dict[tuple[Any, ...], str | None] = {}

    def text(row: tuple[Any, ...]) -> str | None:
        kept = {name: value for name, value in zip(names, row, strict=True) if value not in _NOTHING}
        known[row] = _encoded(kept) if kept else None
        return known[row]

    return [known[row] if row in known else text(row) for row in zip(*columns.values(), strict=True)]


class Collected:
    """Rows by unit. A unit that comes again replaces itself: Graph repeats objects between pages and in replays."""

    def __init__(self, table: str) -> None:
        declared = TABLES[table]
        self.table = table
        self.schema = pa.schema(
            [
                *(pa.field(c.name, c.type.arrow if c.type in _OWN_TYPES else pa.string()) for c in declared.columns),
                pa.field("extra", pa.string()),
            ]
        )
        self.refused: dict[str, str] = {}
        self._unit = declared.unit[0]
        self._one_each = declared.unit == declared.key
        self._parts: list[pa.Table] = []
        self._rows = 0
        self._place: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._stamps: dict[str, str] = {}
        self._whole: pa.Table | None = None

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, key: object) -> bool:
        return key in self._place

    def add(self, columns: Columns) -> None:
        """Adds rows by column; rows of one unit stand together, and all of them come at once."""
        keys = columns[self._unit]
        if not keys:
            return
        given = {name: columns[name] for name in self.schema.names if name in columns}
        rows = zip(*given.values(), strict=True)
        start = self._rows
        if self._one_each:
            self._place.update(zip(keys, range(start, start + len(keys)), strict=True))
            self._stamps.update(zip(keys, [_stamp(row) for row in rows], strict=True))
        else:
            for key, run in groupby(zip(keys, rows, strict=True), key=lambda entry: entry[0]):
                # Rows of a unit have no order at the source.
                unit = sorted(_stamp(row) for _, row in run)
                self._place[key], self._counts[key] = start, len(unit)
                self._stamps[key] = _stamp(unit)
                start += len(unit)
        self._rows += len(keys)
        schema = pa.schema([self.schema.field(name) for name in given])
        arrays = [pa.array(given[field.name], field.type) for field in schema]
        self._parts.append(pa.Table.from_arrays(arrays, schema=schema))
        self._whole = None

    def drop(self, key: str) -> None:
        """Takes a unit away."""
        self._place.pop(key, None)
        self._stamps.pop(key, None)

    def keys(self) -> list[str]:
        """Keys of all units, in an order that repeats."""
        return sorted({*self._place, *self.refused})

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Keys and stamps (KEYS_SCHEMA); what cannot be read now has no stamp."""
        keys = self.keys()
        for start in range(0, len(keys), BATCH_ROWS):
            part = keys[start : start + BATCH_ROWS]
            yield pa.RecordBatch.from_pydict(
                {"unit_key": part, "stamp": [self._stamps.get(key) for key in part]}, KEYS_SCHEMA
            )

    def read(self, keys: Iterable[str] | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        """Rows of the given units (of all without), and those that cannot be read now with the reason."""
        wanted = self.keys() if keys is None else list(keys)
        rows = [row for key in wanted for row in self._span(key)]
        if rows:
            whole = self._whole or pa.concat_tables(self._parts, promote_options="default").combine_chunks()
            self._parts, self._whole = [whole], whole
            yield from whole.take(pa.array(rows, pa.int64())).to_batches(max_chunksize=BATCH_ROWS)
        for key in wanted:
            if key not in self._place:
                yield RefusedUnit(key, self.table, self.refused.get(key, "it is no longer there."))

    def _span(self, key: str) -> range:
        start = self._place.get(key, -1)
        return range(start, start + self._counts.get(key, 1)) if start >= 0 else range(0)


def keys_batches(keys: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Keys alone, as a stream of KEYS_SCHEMA."""
    listed = sorted(keys)
    for start in range(0, len(listed), BATCH_ROWS):
        part = listed[start : start + BATCH_ROWS]
        yield pa.RecordBatch.from_pydict({"unit_key": part, "stamp": [None] * len(part)}, KEYS_SCHEMA)


def in_groups(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Values in groups of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def by_unit(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows given one by one, as columns."""
    listed = list(rows)
    return {name: [row.get(name) for row in listed] for name in names}


def _stamp(content: Any) -> str:
    # Version 2 of marshal's format writes values alone, so that equal ones are equal bytes; it is the fastest to do so.
    return hashlib.blake2b(marshal.dumps(content, 2), digest_size=16).hexdigest()
