"""Rows of one table by unit, as text, with a stamp per unit, and units that are empty or cannot be read now."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, RefusedUnit

BATCH_ROWS = 10_000
EMPTY = "empty"


class RowStore:
    """Rows as they come, as columns of text; `names` are all columns that rows may have."""

    def __init__(self, names: Sequence[str]) -> None:
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._parts: list[pa.RecordBatch] = []

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds a page of rows."""
        if rows:
            columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in self._schema.names]
            self._parts.append(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def table(self, *, once: bool = True) -> pa.Table:
        """All rows, each once unless equal ones count, in the order of their values, so that equal content is equal."""
        whole = pa.Table.from_batches(self._parts, self._schema)
        self._parts = []
        return distinct(whole) if once else ordered(whole)


class UnitRows:
    """Rows of a table, sorted by their first column, which is the unit.

    `empty` are units that have no rows, `refused` those that cannot be read now with the reason: these keep what is
    known of them.
    """

    def __init__(
        self, table: str, rows: pa.Table, *, empty: Iterable[str] = (), refused: Mapping[str, str] | None = None
    ) -> None:
        self._table, self._rows = table, rows
        self._spans: dict[str, tuple[int, int]] = {}
        self._stamps: dict[str, str] = {}
        self.refused = dict(refused or {})
        start = 0
        for key, group in groupby(_tuples(rows), key=lambda row: row[0]):
            content = list(group)
            self._spans[key] = (start, len(content))
            self._stamps[key] = hashlib.blake2b(marshal.dumps(content, 2), digest_size=16).hexdigest()
            start += len(content)
        for key in empty:
            if key not in self._spans:
                self._spans[key], self._stamps[key] = (0, 0), EMPTY
        for key in self.refused:
            self._spans.pop(key, None)

    @property
    def rows(self) -> pa.Table:
        """All rows, of refused units as well."""
        return self._rows

    def keys(self) -> list[str]:
        """Keys of all units, in an order that repeats."""
        return sorted({*self._spans, *self.refused})

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Keys and stamps (KEYS_SCHEMA); what cannot be read now has no stamp."""
        keys = self.keys()
        for start in range(0, len(keys), BATCH_ROWS):
            part = keys[start : start + BATCH_ROWS]
            stamps = [self._stamps.get(key) if key in self._spans else None for key in part]
            yield pa.RecordBatch.from_pydict({"unit_key": part, "stamp": stamps}, KEYS_SCHEMA)

    def read(self, keys: Iterable[str] | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        """Rows of the given units (of all without), and those that cannot be read now."""
        wanted = self.keys() if keys is None else list(keys)
        places = [place for key in wanted for place in self._span(key)]
        if places:
            yield from self._rows.take(pa.array(places, pa.int64())).to_batches(max_chunksize=BATCH_ROWS)
        for key in wanted:
            if key not in self._spans:
                yield RefusedUnit(key, self._table, self.refused.get(key, "it is no longer there."))

    def _span(self, key: str) -> range:
        start, count = self._spans.get(key, (0, 0))
        return range(start, start + count)


def distinct(table: pa.Table) -> pa.Table:
    """Rows of text, each once, in the order of their values, the first columns first."""
    return ordered(table.group_by(table.column_names, use_threads=False).aggregate([]) if table.num_rows else table)


def ordered(table: pa.Table) -> pa.Table:
    """Rows of text in the order of their values, the first columns first."""
    return table.sort_by([(name, "ascending") for name in table.column_names]).combine_chunks()


def of_rows(table: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]], **others: Any) -> UnitRows:
    """Units of rows that are already there."""
    store = RowStore(names)
    store.add(list(rows))
    return UnitRows(table, store.table(), **others)


def _tuples(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
