"""Rows of a file as record batches in canonical columns, held back until the whole file is known to be good."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pyarrow as pa

from inventory_pipeline.connectors.delimited import Rows
from inventory_pipeline.connectors.headings import DEVICE_KEY, HeadingMap

SPOOL_BYTES = 32 << 20

_PLACE = (pa.field("unit_key", pa.string()), pa.field("source_object", pa.string()), pa.field("source_row", pa.int64()))
REFUSED_ROW_SCHEMA = pa.schema([*_PLACE, pa.field("reject_reason", pa.string()), pa.field("reject_value", pa.string())])


class Spool:
    """Record batches of one schema that wait: in memory while they are few, on disk beyond `SPOOL_BYTES`."""

    def __init__(self, schema: pa.Schema) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed by `spools`
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds a batch."""
        self._writer.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """What was written, in order; nothing can be written after."""
        self._writer.close()
        self._file.seek(0)
        with pa.ipc.open_stream(self._file) as reader:
            yield from reader

    def close(self) -> None:
        """Gives memory and disk back."""
        self._file.close()


@contextmanager
def spools(*schemas: pa.Schema) -> Iterator[list[Spool]]:
    """A spool per schema, closed in any case."""
    with ExitStack() as stack:
        opened = [Spool(schema) for schema in schemas]
        for spool in opened:
            stack.callback(spool.close)
        yield opened


def row_schema(mapped: HeadingMap) -> pa.Schema:
    """Schema of the batches of a file with these headings: all text, in the table's order, then the row's place."""
    names = [
        c for c in mapped.table.column_names if c in mapped.columns or (c == DEVICE_KEY and mapped.stand_in is not None)
    ]
    extra = [pa.field("extra", pa.string())] if mapped.extras else []
    return pa.schema([*(pa.field(name, pa.string()) for name in names), *extra, *_PLACE])


def accepted_batch(rows: Rows, mapped: HeadingMap, key: str) -> pa.RecordBatch:
    """Rows in canonical columns (`row_schema`), verbatim as text; empty cells are null."""
    values = list(zip(*rows.rows, strict=True))
    arrays: list[pa.Array] = []
    for name in row_schema(mapped).names:
        if name == "unit_key" or name == "source_object":
            arrays.append(pa.repeat(pa.scalar(key, pa.string()), len(rows.rows)))
        elif name == "source_row":
            arrays.append(pa.array(rows.lines, pa.int64()))
        elif name == "extra":
            arrays.append(_texts(_extra_json(rows.rows, mapped.extras)))
        elif name == DEVICE_KEY and mapped.stand_in is not None:
            names = values[mapped.stand_in]
            ids: Sequence[str] = values[mapped.columns[name]] if name in mapped.columns else [""] * len(names)
            arrays.append(_texts([own or device for own, device in zip(ids, names, strict=True)]))
        else:
            arrays.append(_texts(values[mapped.columns[name]]))
    return pa.record_batch(arrays, schema=row_schema(mapped))


def refused_batch(rows: Rows, width: int, key: str) -> pa.RecordBatch:
    """Rows of another width than the headings, for the rejects (REFUSED_ROW_SCHEMA)."""
    count = len(rows.refused)
    place = pa.repeat(pa.scalar(key, pa.string()), count)
    reasons = [
        f"The row has {found} values, the headings have {width}: "
        + ("a delimiter inside a value needs quotes." if found > width else "values are missing.")
        for _, found, _ in rows.refused
    ]
    return pa.record_batch(
        [
            place,
            place,
            pa.array([line for line, _, _ in rows.refused], pa.int64()),
            pa.array(reasons, pa.string()),
            _texts([text[:1000] for _, _, text in rows.refused]),
        ],
        schema=REFUSED_ROW_SCHEMA,
    )


def _extra_json(rows: Sequence[Sequence[str]], extras: dict[str, int]) -> list[str]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    found = []
    for row in rows:
        kept = {heading: row[position] for heading, position in extras.items() if row[position]}
        found.append(encode(kept) if kept else "")
    return found


def _texts(values: Sequence[str]) -> pa.Array:
    try:
        return pa.array([value or None for value in values], pa.string())
    except UnicodeEncodeError:
        # Bytes that break the file's encoding came as lone surrogates: they go on as invalid UTF-8, which the
        # check of values sets aside one by one.
        encoded = [value.encode("utf-8", "surrogatepass") if value else None for value in values]
        return pa.array(encoded, pa.binary()).cast(pa.string(), safe=False)
