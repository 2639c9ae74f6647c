"""What a running sync has read so far, chunk by chunk, kept so that the next attempt need not read it again.

`<repository>/staging/<action>/<table>/<chunk>/` holds `rows.parquet`, `index.parquet`, `rejects.parquet` and, written
last, `units.parquet`: without it the chunk was not finished and is worth nothing. The index has of each row what
comparing needs, so that the rows themselves are read once at most, and not at all where their file becomes part of the
repository as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from inventory_pipeline.connectors.base import RefusedUnit
from inventory_pipeline.records import REJECT_SCHEMA, ColumnType, Table
from inventory_pipeline.records.conform import ConformContext, conform
from inventory_pipeline.repository.storage import Storage, sql_name, sql_names

STAGED_UNIT_SCHEMA = pa.schema(
    [
        pa.field("unit_key", pa.string()),
        pa.field("stamp", pa.string()),
        pa.field("refused", pa.bool_()),
        pa.field("sync_id", pa.string()),
        pa.field("chunk", pa.int64()),
    ]
)
STAGED_COLUMNS = (pa.field("staged_chunk", pa.int64()), pa.field("staged_row", pa.int64()))
"""Where a row stands in its attempt. Files that are taken over into the repository keep these columns unread."""
INDEX_SCHEMA = pa.schema(
    [
        pa.field("unit_key", pa.string()),
        pa.field("sync_id", pa.string()),
        *STAGED_COLUMNS,
        pa.field("row_hash", pa.int64()),
        pa.field("key_hash", pa.uint64()),
        pa.field("source_object", pa.string()),
        pa.field("source_row", pa.int64()),
    ]
)
FLUSH_ROWS = 50_000


def staged_schema(table: Table) -> pa.Schema:
    """Schema of staged rows: raw rows, then their place in the staging."""
    return pa.schema([*table.raw_schema, *STAGED_COLUMNS])


def staging_folder(repository: str, action_id: str, table: str = "") -> str:
    """Relative path of an attempt's staging, or of one table in it."""
    return f"{repository}/staging/{action_id}" + (f"/{table}" if table else "")


def row_text(table: Table, empty: Container[str] = ()) -> str:
    """SQL for the text of a row that its hash is made of: `name=value` of every column that has a value.

    Names stand with the values, so that a column that is added later and is null does not change any hash. For the same
    reason columns that are known to be null in all rows (`empty`) may be left out.
    """
    parts = []
    for column in table.columns:
        if column.name in empty:
            continue
        name = sql_name(column.name)
        value = (
            f"array_to_string({name}, chr(30))" if column.type is ColumnType.text_list else f"CAST({name} AS VARCHAR)"
        )
        parts.append(f"'{column.name}=' || {value}")
    return f"concat_ws(chr(31), {', '.join(parts)}, 'extra=' || extra)"


def hash_rows(connection: duckdb.DuckDBPyConnection, rows: pa.Table, table: Table) -> pa.Table:
    """The rows (with `staged_row`), with `row_hash` (the lower half of an MD5, as signed 64 bit) and `key_hash`."""
    empty = {name for name in rows.schema.names if rows.column(name).null_count == rows.num_rows}
    connection.register("incoming", rows)
    try:
        found = connection.sql(
            f"SELECT staged_row, md5_number_lower({row_text(table, empty)}) AS row_hash, "
            f"hash({sql_names(table.key)}) AS key_hash FROM incoming"
        ).to_arrow_table()
    finally:
        connection.unregister("incoming")
    if not found.column("staged_row").equals(rows.column("staged_row")):
        options = pc.SetLookupOptions(found.column("staged_row"))
        found = found.take(pc.call_function("index_in", [rows.column("staged_row")], options))
    signed = [chunk.view(pa.int64()) for chunk in found.column("row_hash").chunks]
    place = rows.schema.get_field_index("row_hash")
    rows = rows.set_column(place, "row_hash", pa.chunked_array(signed, pa.int64()))
    return rows.append_column("key_hash", found.column("key_hash"))


@dataclass(slots=True)
class ChunkResult:
    """What was read into one chunk. `strangers` are rows of units that had not been asked for; they were left out."""

    rows_read: int = 0
    rows_kept: int = 0
    rejected: int = 0
    values_rejected: int = 0
    strangers: int = 0
    refused: dict[str, RefusedUnit] = field(default_factory=dict)


class ChunkWriter:
    """Writes one chunk: batches are conformed, hashed and appended; `finish` makes the chunk valid."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        storage: Storage,
        repository: str,
        table: Table,
        number: int,
        context: ConformContext,
        wanted: pa.Array | None,
    ) -> None:
        self.result = ChunkResult()
        self._connection = connection
        self._storage = storage
        self._folder = f"{staging_folder(repository, context.sync_id, table.name)}/{number:06d}"
        self._table = table
        self._number = number
        self._context = context
        self._wanted = wanted
        self._schema = staged_schema(table)
        self._rows: list[pa.RecordBatch] = []
        self._rejects: list[pa.Table] = []
        self._pending = 0
        self._open = ExitStack()
        self._writers: tuple[pq.ParquetWriter, pq.ParquetWriter] | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes a batch as the connector gave it."""
        self.result.rows_read += batch.num_rows
        conformed = conform(batch, self._table, self._context)
        self.result.rejected += conformed.rows_rejected
        self.result.values_rejected += conformed.values_rejected
        if conformed.rejects.num_rows:
            self._rejects.append(self._identified(conformed.rejects))
        rows = conformed.rows
        if self._wanted is not None and rows.num_rows:
            asked = _is_in(rows.column("unit_key"), self._wanted)
            rows = rows.filter(asked)
            self.result.strangers += len(asked) - rows.num_rows
        if rows.num_rows:
            self._rows.append(rows)
            self._pending += rows.num_rows
            self.result.rows_kept += rows.num_rows
            if self._pending >= FLUSH_ROWS:
                self._flush()

    def refuse(self, unit: RefusedUnit) -> None:
        """Takes note of a unit that could not be read."""
        self.result.refused[unit.unit_key] = unit

    def finish(self, units: pa.Table) -> ChunkResult:
        """Closes the chunk; `units` are the `unit_key`, `stamp` that were asked for (none when all was read)."""
        self._flush()
        self._open.close()
        if self._rejects:
            self._storage.write(f"{self._folder}/rejects.parquet", pa.concat_tables(self._rejects))
        refused = pa.array(list(self.result.refused), pa.string())
        count = units.num_rows
        self._storage.write(
            f"{self._folder}/units.parquet",
            pa.Table.from_arrays(
                [
                    units.column("unit_key"),
                    units.column("stamp"),
                    _is_in(units.column("unit_key"), refused),
                    pa.repeat(pa.scalar(self._context.sync_id), count),
                    pa.repeat(pa.scalar(self._number, pa.int64()), count),
                ],
                schema=STAGED_UNIT_SCHEMA,
            ),
        )
        return self.result

    def abandon(self) -> None:
        """Closes what is open; the chunk stays unfinished."""
        error = ConnectionAbortedError("chunk abandoned")
        with suppress(ConnectionAbortedError):
            self._open.__exit__(type(error), error, None)

    def _flush(self) -> None:
        if not self._rows:
            return
        rows = pa.Table.from_batches(self._rows)
        start = self.result.rows_kept - self._pending
        count = rows.num_rows
        rows = rows.append_column(STAGED_COLUMNS[0], pa.repeat(pa.scalar(self._number, pa.int64()), count))
        rows = rows.append_column(STAGED_COLUMNS[1], pa.array(range(start, start + count), pa.int64()))
        rows = hash_rows(self._connection, rows, self._table)
        if self._writers is None:
            # The index is read once and thrown away: fast compression.
            index = self._storage.writer(f"{self._folder}/index.parquet", INDEX_SCHEMA, compression="lz4")
            whole = self._storage.writer(f"{self._folder}/rows.parquet", self._schema)
            self._writers = self._open.enter_context(index), self._open.enter_context(whole)
        self._writers[0].write_table(rows.select(INDEX_SCHEMA.names).cast(INDEX_SCHEMA))
        self._writers[1].write_table(rows.select(self._schema.names).cast(self._schema))
        self._rows.clear()
        self._pending = 0

    def _identified(self, rejects: pa.Table) -> pa.Table:
        known = {"connector": self._context.connector, "sync_id": self._context.sync_id, "table_name": self._table.name}
        columns = [
            pa.repeat(pa.scalar(known[name], pa.string()), rejects.num_rows) if name in known else rejects.column(name)
            for name in REJECT_SCHEMA.names
        ]
        return pa.Table.from_arrays(columns, names=REJECT_SCHEMA.names).cast(REJECT_SCHEMA)


def _is_in(keys: pa.Array | pa.ChunkedArray, among: pa.Array) -> Any:
    return pc.call_function("is_in", [keys], pc.SetLookupOptions(among))


def staged_files(storage: Storage, repository: str, attempts: Iterable[str], table: str, name: str) -> list[str]:
    """Files `<name>.parquet` of all finished chunks of these attempts for a table."""
    found = []
    for attempt in attempts:
        files = storage.files(staging_folder(repository, attempt, table))
        finished = {file.rsplit("/", 1)[0] for file in files if file.endswith("/units.parquet")}
        # An attempt of an earlier version has no index of its rows, and is of no use.
        indexed = {file.rsplit("/", 1)[0] for file in files if file.endswith("/index.parquet")}
        finished -= {file.rsplit("/", 1)[0] for file in files if file.endswith("/rows.parquet")} - indexed
        found += [file for file in files if file.endswith(f"/{name}.parquet") and file.rsplit("/", 1)[0] in finished]
    return found


def refused_rejects(refused: list[RefusedUnit], connector: str, sync_id: str, table: str) -> pa.Table:
    """Rejects (REJECT_SCHEMA) that stand for whole units that could not be read."""
    rows = [
        {
            "connector": connector,
            "sync_id": sync_id,
            "table_name": table,
            "source_object": unit.source_object,
            "unit_key": unit.unit_key,
            "reason": unit.reason,
            "row_kept": False,
        }
        for unit in refused
    ]
    return pa.Table.from_pylist(rows, REJECT_SCHEMA)


def conform_context(connector: str, sync_id: str, observed_at: dt.datetime, date_format: str | None) -> ConformContext:
    """The context of a sync's rows."""
    return ConformContext(connector=connector, sync_id=sync_id, observed_at=observed_at, date_format=date_format)
