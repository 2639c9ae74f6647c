"""The fast way of reading from SQL Server: whole columns from the driver to Arrow, no Python object per value.

Facts: arrow-odbc 10 (its documentation of `connect` and `Connection.read_arrow_batches`) binds buffers as wide as the
columns are declared and refuses columns without a length; text as UTF-16, since the narrow encoding of Microsoft's
driver is that of the process's locale. What it cannot give exactly as the ordinary way does (`nvarchar(max)`, decimals,
binaries, times with an offset) is left to that one, statement by statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.exc import CompileError

from inventory_pipeline.connectors.database_model import Guid
from inventory_pipeline.connectors.odbc import SNAPSHOT_QUERY, isolation

BATCH_ROWS = 10_000
BUFFER_BYTES = 16 * 1024 * 1024


class UnsuitedError(Exception):
    """The statement is to be read the ordinary way; nothing of it has been read."""


class ArrowOdbc:
    """A connection of its own, which only reads and locks nothing."""

    def __init__(self, text: str, login_seconds: int, timeout_seconds: int) -> None:
        """Connects by an ODBC connection string.

        Raises:
            UnsuitedError: arrow-odbc, or what it needs of unixODBC, is not there.
            arrow_odbc.Error: the database cannot be reached.
        """
        try:
            import arrow_odbc
        except (ImportError, OSError) as error:
            raise UnsuitedError(f"arrow-odbc cannot be loaded: {type(error).__name__}") from None
        self._module: Any = arrow_odbc
        self._timeout_seconds = timeout_seconds
        self._connection: Any = arrow_odbc.connect(connection_string=text, login_timeout_sec=login_seconds)
        self._unsuited: set[str] = set()
        state = None
        with suppress(arrow_odbc.Error):
            state = next((batch.column(0)[0].as_py() for batch in self._read(SNAPSHOT_QUERY) if batch.num_rows), None)
        for _ in self._read(f"SET TRANSACTION ISOLATION LEVEL {isolation(state)}"):
            pass

    def batches(self, statement: sa.Select, dialect: sa.Dialect) -> Iterator[pa.RecordBatch]:
        """Rows of a select as batches of about BATCH_ROWS, columns named after its labels.

        Raises:
            UnsuitedError: before the first batch. arrow_odbc.Error: the driver's errors.
        """
        columns = list(statement.selected_columns)
        try:
            shape = str(sa.select(*columns).compile(dialect=dialect))
            text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        except CompileError:
            raise UnsuitedError("a value has no literal") from None
        if shape in self._unsuited:
            raise UnsuitedError(shape)
        try:
            reader = self._read(text)
        except (UnsuitedError, self._module.Error) as error:
            if "State:" in str(error):
                raise
            # Not the driver's: a column of a type, or without a length, that no buffer is made for.
            self._unsuited.add(shape)
            raise UnsuitedError(shape) from None
        names = [getattr(column, "key", None) or f"column_{number}" for number, column in enumerate(columns)]
        guids = [isinstance(column.type, Guid) for column in columns]
        for batch in _gathered(reader):
            arrays = [_lowered(array) if guid else array for array, guid in zip(batch.columns, guids, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=names)

    def _read(self, text: str) -> Any:
        return self._connection.read_arrow_batches(
            query=text,
            batch_size=BATCH_ROWS,
            max_bytes_per_batch=BUFFER_BYTES,
            map_schema=_exact,
            # The reading as a whole has a thread of its own.
            fetch_concurrently=False,
            query_timeout_sec=self._timeout_seconds,
            payload_text_encoding=self._module.TextEncoding.UTF16,
        )


def _exact(schema: pa.Schema) -> pa.Schema:
    """The types to fetch, such that every value is what the ordinary way makes of it."""
    return pa.schema([pa.field(field.name, _exact_type(field.type), field.nullable) for field in schema])


def _exact_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.tz is None:
        # Nanoseconds end in 2262, and dates of nowhere are beyond.
        return pa.timestamp("us")
    if pa.types.is_int8(kind) or pa.types.is_uint8(kind):
        return pa.int16()
    if pa.types.is_float32(kind):
        return pa.float64()
    exact = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if exact or pa.types.is_float64(kind) or pa.types.is_date32(kind):
        return kind
    raise UnsuitedError(str(kind))


def _gathered(reader: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of about BATCH_ROWS: of wide columns a buffer holds few rows."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield _one(waiting)
            waiting, rows = [], 0
    if rows:
        yield _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _lowered(array: pa.Array) -> pa.Array:
    return pc.call_function("utf8_lower", [array]) if pa.types.is_string(array.type) else array
