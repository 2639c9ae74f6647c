"""Rows of one table by unit, as text, with a stamp per unit, and units that are empty or cannot be read now.

Rows of a whole estate are kept at once, since an instruction is answered in any order. Few values differ between
devices, so that columns are kept as numbers into dictionaries of their values.
"""

from __future__ import annotations

import hashlib
import marshal
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, RefusedUnit

BATCH_ROWS = 10_000
EMPTY = "empty"


class RowStore:
    """Rows as they come; `names` are all columns that rows may have, the unit first."""

    def __init__(self, names: Sequence[str]) -> None:
        self._schema = pa.schema([(name, pa.dictionary(pa.int32(), pa.string())) for name in names])
        self._parts: list[pa.RecordBatch] = []

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds a page of rows of text."""
        if rows:
            columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in self._schema.names]
            encoded = [column.dictionary_encode() for column in columns]
            self._parts.append(pa.RecordBatch.from_arrays(encoded, schema=self._schema))

    def table(self) -> pa.Table:
        """All rows, with one dictionary per column."""
        whole = pa.Table.from_batches(self._parts, self._schema)
        self._parts = []
        return whole.unify_dictionaries().combine_chunks()


class UnitRows:
    """Rows (of a RowStore) by unit, in the order of their values, so that equal content has equal stamps.

    Of equal rows of a unit one is kept, unless `repeated`. `empty` are units that have no rows, `refused` those that
    cannot be read now with the reason: these keep what is known of them.
    """

    def __init__(
        self,
        table: str,
        rows: pa.Table,
        *,
        repeated: bool = False,
        empty: Iterable[str] = (),
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self._table, self._rows = table, rows
        self._places = array("q")
        self._spans: dict[str, tuple[int, int]] = {}
        self._stamps: dict[str, str] = {}
        self.refused = dict(refused or {})
        for key, content in _by_unit(rows):
            start, digest, before = len(self._places), hashlib.blake2b(digest_size=16), None
            for row, place in sorted(content, key=_sorting):
                if repeated or row != before:
                    self._places.append(place)
                    digest.update(marshal.dumps(row, 2))
                before = row
            self._spans[key] = (start, len(self._places) - start)
            self._stamps[key] = digest.hexdigest()
        for key in empty:
            if key not in self._spans:
                self._spans[key], self._stamps[key] = (0, 0), EMPTY
        for key in self.refused:
            self._spans.pop(key, None)

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
        """Rows of the given units (of all without), as text, and those that cannot be read now."""
        wanted = self.keys() if keys is None else list(keys)
        places = array("q")
        for key in wanted:
            start, count = self._spans.get(key, (0, 0))
            places.extend(self._places[start : start + count])
            if len(places) >= BATCH_ROWS:
                yield from self._texts(places)
                places = array("q")
        yield from self._texts(places)
        for key in wanted:
            if key not in self._spans:
                yield RefusedUnit(key, self._table, self.refused.get(key, "it is no longer there."))

    def _texts(self, places: array[int]) -> Iterator[pa.RecordBatch]:
        if places:
            yield from _decoded(self._rows, places).to_batches(max_chunksize=BATCH_ROWS)


def of_rows(table: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]], **others: Any) -> UnitRows:
    """Units of rows that are already there."""
    store = RowStore(names)
    store.add(list(rows))
    return UnitRows(table, store.table(), **others)


def combinations(rows: pa.Table, names: Sequence[str]) -> list[dict[str, str | None]]:
    """Values that stand together in some columns of a RowStore's rows, each once, in their order."""
    if not rows.num_rows:
        return []
    encoded = {name: rows.column(name).chunk(0) for name in names}
    found = pa.table({name: column.indices for name, column in encoded.items()}).group_by(list(names)).aggregate([])
    values = []
    for name, column in encoded.items():
        known = column.dictionary.to_pylist()
        values.append([None if place is None else known[place] for place in found.column(name).to_pylist()])
    ordered = sorted(zip(*values, strict=True), key=lambda row: [value or "" for value in row])
    return [dict(zip(names, row, strict=True)) for row in ordered]


def _by_unit(rows: pa.Table) -> Iterator[tuple[str, list[tuple[tuple[Any, ...], int]]]]:
    """Rows with their places, unit by unit."""
    if not rows.num_rows:
        return
    units = rows.column(0).chunk(0)
    codes, names = units.indices.to_numpy(), units.dictionary.to_pylist()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    bounds = [*starts.tolist(), len(order)]
    first = 0
    while first < len(starts):
        last = first + 1
        while last < len(starts) and bounds[last + 1] - bounds[first] <= BATCH_ROWS:
            last += 1
        places = order[bounds[first] : bounds[last]]
        part = _decoded(rows, places)
        content = list(
            zip(zip(*(column.to_pylist() for column in part.columns), strict=True), places.tolist(), strict=True)
        )
        for unit in range(first, last):
            own = content[bounds[unit] - bounds[first] : bounds[unit + 1] - bounds[first]]
            yield names[codes[own[0][1]]], own
        first = last


def _decoded(rows: pa.Table, places: Any) -> pa.Table:
    part = rows.take(pa.array(places, pa.int64()))
    return part.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))


def _sorting(entry: tuple[tuple[Any, ...], int]) -> list[str]:
    return [value or "" for value in entry[0]]
