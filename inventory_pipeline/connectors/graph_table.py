"""Rows of one canonical table as they are collected from Graph, page by page, by column, with a stamp per unit.

Graph has no time of change that covers all that is read, so a unit's stamp is a hash of its rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, RefusedUnit
from inventory_pipeline.records import TABLES
from inventory_pipeline.records.model import ColumnType

BATCH_ROWS = 10_000

Objects = Sequence[Mapping[str, Any]]
Columns = Mapping[str, Sequence[Any]]

_OWN_TYPES = (ColumnType.integer, ColumnType.boolean, ColumnType.text_list)
_VOID = {None, "", "00000000-0000-0000-0000-000000000000", "0001-01-01T00:00:00Z"}


def property_of(objects: Objects, name: str) -> list[Any]:
    """A property of each object, by its path (`prepaidUnits.enabled`); what Graph writes for nothing is None."""
    found: list[Any] = list(objects)
    for part in name.split("."):
        found = [value.get(part) if value else None for value in found]
    return [None if value.__class__ is str and (value in _VOID or value.isspace()) else value for value in found]


def columns_of(objects: Objects, mapping: Mapping[str, str]) -> dict[str, list[Any]]:
    """Canonical columns by a mapping from column to property."""
    return {column: property_of(objects, name) for column, name in mapping.items()}


def extra_of(objects: Objects, mapping: Mapping[str, str]) -> list[dict[str, Any]]:
    """What has no canonical place, as one dictionary per object without empty values."""
    names = tuple(mapping)
    values = [property_of(objects, path) for path in mapping.values()]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]


def json_texts(values: Iterable[Mapping[str, Any]]) -> list[str | None]:
    """Dictionaries as JSON text; empty ones as None."""
    return [json.dumps(value, ensure_ascii=False) if value else None for value in values]


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
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._place: dict[str, tuple[int, int]] = {}
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
        start = self._rows
        for key, run in groupby(zip(keys, zip(*given.values(), strict=True), strict=True), key=lambda entry: entry[0]):
            rows = [row for _, row in run]
            self._place[key] = (start, len(rows))
            self._stamps[key] = _stamp(rows)
            start += len(rows)
        self._rows = start
        arrays = [
            pa.array(given[name], field.type) if (name := field.name) in given else pa.nulls(len(keys), field.type)
            for field in self.schema
        ]
        self._batches.append(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
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
        rows = [row for key in wanted for row in range(*_span(self._place.get(key)))]
        if rows:
            whole = self._whole or pa.Table.from_batches(self._batches, self.schema).combine_chunks()
            self._whole = whole
            yield from whole.take(pa.array(rows, pa.int64())).to_batches(max_chunksize=BATCH_ROWS)
        for key in wanted:
            if key not in self._place:
                yield RefusedUnit(key, self.table, self.refused.get(key, "it is no longer there."))


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


def _span(place: tuple[int, int] | None) -> tuple[int, int]:
    return (place[0], place[0] + place[1]) if place is not None else (0, 0)


def _stamp(rows: list[tuple[Any, ...]], digest: Callable[..., Any] = hashlib.blake2b) -> str:
    # Rows of a unit have no order at the source.
    text = repr(rows[0] if len(rows) == 1 else sorted(rows, key=repr))
    return digest(text.encode(), digest_size=16).hexdigest()
