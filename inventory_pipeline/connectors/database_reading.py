"""From a cursor to Arrow batches in canonical columns: column by column, with bounded memory."""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes its compute functions at import, where pyright does not see them)

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from inventory_pipeline.connectors.database_model import Guid
from inventory_pipeline.records import ColumnType, Table

FETCH_ROWS = 10_000
TURNED_ROWS = 200
EXTRA = "extra_"


def stream(connection: sa.Connection, statement: sa.Select) -> Iterator[pa.RecordBatch]:
    """Runs a select and yields its rows as batches of at most FETCH_ROWS; columns are named after its labels.

    Text stays text, numbers and times get the type that their values have; what is mixed becomes text.
    """
    columns = list(statement.selected_columns)
    names = [getattr(column, "key", None) or f"column_{number}" for number, column in enumerate(columns)]
    guids = [isinstance(column.type, Guid) for column in columns]
    with connection.begin():
        for rows in _fetches(connection, statement):
            arrays = [column_array(part, guid=guid) for part, guid in zip(_turned(rows), guids, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=names)


def _turned(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Columns of rows. In parts: turning ten thousand rows at once takes five times as long."""
    columns: list[list[Any]] = [[] for _ in rows[0]]
    for start in range(0, len(rows), TURNED_ROWS):
        for column, part in zip(columns, zip(*rows[start : start + TURNED_ROWS], strict=True), strict=True):
            column.extend(part)
    return columns


def _fetches(connection: sa.Connection, statement: sa.Select) -> Iterator[Sequence[Sequence[Any]]]:
    if connection.dialect.name in ("mssql", "sqlite"):
        # These drivers stream by themselves; their own rows are taken, since an object around each would cost more
        # than the reading.
        with closing(connection.execute(statement)) as result:
            cursor = result.cursor
            while cursor is not None and (rows := cursor.fetchmany(FETCH_ROWS)):
                yield rows
    else:
        options = {"stream_results": True, "yield_per": FETCH_ROWS}
        with closing(connection.execute(statement, execution_options=options)) as result:
            yield from result.partitions()


def column_array(values: list[Any], *, guid: bool = False) -> pa.Array:
    """One column of driver values as Arrow, by the first value that is not null."""
    sample = next((value for value in values if value is not None), None)
    if sample is None:
        return pa.nulls(len(values), pa.string())
    try:
        if isinstance(sample, str):
            array = pa.array(values, pa.string())
            return pc.utf8_lower(array) if guid else array
        if isinstance(sample, bool | int | float) or hasattr(sample, "isoformat"):
            return pa.array(values)
        if isinstance(sample, Decimal):
            whole_numbers = all(value is None or value == value.to_integral_value() for value in values)
            kind = int if whole_numbers else float
            return pa.array([None if value is None else kind(value) for value in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError, AttributeError):
        pass
    return pa.array([_text(value, guid=guid) for value in values], pa.string())


def _text(value: Any, *, guid: bool) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    text = str(value).lower() if guid else str(value)
    # A lone surrogate cannot be stored at all; it is shown as what it is.
    return text.encode("utf-8", "backslashreplace").decode()


def as_text(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """An array as text: what keys and stamps are made of. Times are cut to microseconds, whole numbers stay whole."""
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us", array.type.tz))
    return array if pa.types.is_string(array.type) else array.cast(pa.string())


def in_utc(batch: pa.RecordBatch, zone: str) -> pa.RecordBatch:
    """The batch with its times, which the source keeps in `zone`, in UTC without zone.

    An hour that occurs twice is taken as the first, one that does not occur as the moment after it.
    """
    if zone == "UTC":
        return batch
    arrays = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            local = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")
            column = local.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def first_of_each(keys: pa.Array, seen: set[str]) -> pa.Array:
    """True for each key that is null or has not been seen; what is new is added to `seen`."""
    mask = []
    for key in keys.to_pylist():
        mask.append(key is None or key not in seen)
        if key is not None:
            seen.add(key)
    return pa.array(mask, pa.bool_())


def canonical(batch: pa.RecordBatch, table: Table, source_object: str) -> pa.RecordBatch:
    """The batch with canonical columns, `source_object`, and `extra` made of the columns that begin with `extra_`.

    Text columns are text, whatever the source has; all else is left to conforming.
    """
    names, arrays = [], []
    extras: dict[str, list[Any]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name.startswith(EXTRA):
            extras[name.removeprefix(EXTRA)] = as_text(column).to_pylist()
            continue
        is_text = table.column(name).type in (ColumnType.text, ColumnType.text_list)
        arrays.append(as_text(column) if is_text and not pa.types.is_list(column.type) else column)
        names.append(name)
    arrays.append(pa.repeat(pa.scalar(source_object), batch.num_rows))
    names.append("source_object")
    if extras:
        arrays.append(pa.array(_json(extras, batch.num_rows), pa.string()))
        names.append("extra")
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _json(extras: dict[str, list[Any]], rows: int) -> Iterator[str | None]:
    for row in range(rows):
        found = {name: values[row] for name, values in extras.items() if values[row] not in (None, "")}
        yield json.dumps(found, ensure_ascii=False) if found else None


def join_first(rows: pa.Table, added: pa.Table, unit: str, lists: Sequence[str]) -> pa.Table:
    """Rows with the values of `added` (any number of rows per unit) where they have none: see `Joined`."""
    if not added.num_rows:
        return rows
    keys = as_text(added.column(unit))
    added = added.set_column(added.schema.get_field_index(unit), unit, keys)
    own = as_text(rows.column(unit))
    numbered = pa.table({"key": keys, "row": pa.array(range(added.num_rows), pa.int64())})
    firsts = numbered.group_by("key", use_threads=False).aggregate([("row", "min")])
    place = pc.index_in(own, value_set=firsts.column("key").combine_chunks())
    picked = pc.take(firsts.column("row_min"), place)
    for name in added.schema.names:
        if name == unit:
            continue
        column = added.column(name)
        rows = _filled(rows, name, _collected(own, keys, column) if name in lists else pc.take(column, picked))
    return rows


def _filled(rows: pa.Table, name: str, column: Any) -> pa.Table:
    index = rows.schema.get_field_index(name)
    if index < 0:
        return rows.append_column(name, column)
    present = rows.column(name)
    if present.type != column.type:
        present, column = as_text(present), as_text(column)
    if pa.types.is_string(present.type):
        blank = pc.equal(pc.utf8_trim_whitespace(present), "")
        present = pc.if_else(pc.fill_null(blank, False), pa.scalar(None, pa.string()), present)
        return rows.set_column(index, name, pc.coalesce(present, column))
    return rows.set_column(index, name, pc.coalesce(present, column))


def _collected(own: Any, keys: Any, values: Any) -> pa.Array:
    """All values of each unit as one text, each once, in their order."""
    found: dict[str, dict[str, None]] = {}
    for key, value in zip(keys.to_pylist(), as_text(values).to_pylist(), strict=True):
        if value and value.strip():
            found.setdefault(key, {})[value.strip()] = None
    return pa.array(["; ".join(found[key]) if key in found else None for key in own.to_pylist()], pa.string())


def stamps(listings: Sequence[Iterable[pa.RecordBatch]], prefix: str, *, by_number: bool) -> pa.Table:
    """Units with their stamps (`unit_key`, `stamp`), each unit once, in the order of their numbers or texts.

    The first listing says which units there are; the columns of all make the stamp, behind `prefix`.
    """
    base, *others = [whole(listing) for listing in listings]
    if base is None:
        return pa.table({"unit_key": pa.array([], pa.string()), "stamp": pa.array([], pa.string())})
    order = base.column(0)
    keys = as_text(order)
    parts = [_part(base)]
    for other in others:
        if other is None:
            continue
        place = pc.index_in(keys, value_set=as_text(other.column(0)).combine_chunks())
        parts.append(pc.take(_part(other), place))
    stamp = pc.binary_join_element_wise(pa.scalar(prefix), *parts, "|", null_handling="replace", null_replacement="")
    listed = pa.table({"order": order if by_number else keys, "unit_key": keys, "stamp": stamp})
    listed = listed.filter(pc.is_valid(listed.column("unit_key")))
    single = listed.group_by(["order", "unit_key"], use_threads=False).aggregate([("stamp", "max")])
    return single.sort_by("order").select(["unit_key", "stamp_max"]).rename_columns(["unit_key", "stamp"])


def _part(listing: pa.Table) -> Any:
    columns = [as_text(column) for column in listing.columns[1:]]
    if not columns:
        return pa.chunked_array([pa.nulls(listing.num_rows, pa.string())])
    return pc.binary_join_element_wise(*columns, "|", null_handling="replace", null_replacement="")


def _same_types(batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Batches of one select whose columns have the same types: a column that is null all through takes the others'."""
    if len({tuple(batch.schema.types) for batch in batches}) <= 1:
        return list(batches)
    types = []
    for position in range(batches[0].num_columns):
        kinds = {b.schema.field(position).type for b in batches if b.column(position).null_count < b.num_rows}
        types.append(kinds.pop() if len(kinds) == 1 else pa.string())
    schema = pa.schema(list(zip(batches[0].schema.names, types, strict=True)))
    return [
        pa.RecordBatch.from_arrays(
            [_cast(column, kind) for column, kind in zip(batch.columns, types, strict=True)], schema=schema
        )
        for batch in batches
    ]


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.null_count == len(column):
        return pa.nulls(len(column), kind)
    return as_text(column) if pa.types.is_string(kind) else column.cast(kind)


def whole(batches: Iterable[pa.RecordBatch]) -> pa.Table | None:
    """All batches as one table; None when there is none."""
    collected = list(batches)
    return pa.Table.from_batches(_same_types(collected)) if collected else None
