"""The writing half of a sync: the folder of one table, which a ledger row then makes visible. Rows are sorted by unit,
but for those of a large first or clean sync, which lie as they were read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

import duckdb
import pyarrow as pa

from inventory_pipeline.connectors.read_ahead import read_ahead
from inventory_pipeline.records import REJECT_SCHEMA
from inventory_pipeline.repository.staging import FLUSH_ROWS
from inventory_pipeline.repository.storage import ROWS_PER_GROUP, Storage, sql_names, sql_text
from inventory_pipeline.repository.sync_compare import (
    has_doubles,
    staged_rejects,
    staged_row_files,
    without_doubles,
)
from inventory_pipeline.repository.sync_read import Job, TableRead
from inventory_pipeline.repository.visible import LOOSE_REJECTS, UNIT_SCHEMA


@dataclass(frozen=True, slots=True)
class Written:
    """Files that a sync wrote for one table, relative paths; `complete` when they replace everything earlier."""

    complete: bool = False
    row_files: tuple[str, ...] = ()
    unit_files: tuple[str, ...] = ()
    reject_files: tuple[str, ...] = ()
    bytes: int = 0


def raw_folder(repository: str, table: str, connector: str, action_id: str) -> str:
    """Relative path of what one sync or compaction wrote for a table."""
    return f"{repository}/raw/{table}/connector={connector}/sync={action_id}"


def write_table(job: Job, read: TableRead, *, complete: bool) -> Written:
    """Writes what the comparison found: all units when `complete`, else the new and changed ones and tombstones."""
    table = read.table
    job.progress.start(f"{table.name}: writing")
    folder = raw_folder(job.repository, table.name, job.connector.slug, job.action_id)
    taken = _taken_over(job, read, folder) if complete else ()
    verdict = job.name("verdict", table)
    stored = f"(SELECT unit_key FROM {verdict} WHERE verdict IN ('new', 'changed')) v USING (unit_key)"
    rows = f"SELECT * REPLACE ({sql_text(job.action_id)} AS sync_id) FROM ({without_doubles(job, read)})"
    rejects = f"SELECT * REPLACE ({sql_text(job.action_id)} AS sync_id) FROM ({staged_rejects(job, read)})"
    rejects = (
        f"SELECT * FROM ({rejects}) ANTI JOIN {job.name('refused', table)} USING (unit_key) WHERE unit_key IS NOT NULL"
    )
    steady: dict[str, pa.Scalar] = {}
    if not read.refused and not taken:
        # What is the same in every row need not be sorted with them.
        steady = job.storage.steady(staged_row_files(job, read), table.raw_schema)
        steady["sync_id"] = pa.scalar(job.action_id, pa.string())
        steady.pop("unit_key", None)
    names = sql_names(name for name in table.raw_schema.names if name not in steady)
    if complete:
        carried = job.visible.rows_sql(job.connection, table.name, job.connector.slug)
        carried = (
            f"SELECT {names}, 0, row_hash FROM ({carried}) SEMI JOIN {job.name('refused', table)} USING (unit_key)"
        )
        rows = f"SELECT {names}, staged_chunk, staged_row FROM ({rows})" + (
            f" UNION ALL {carried}" if read.refused else ""
        )
        units = _all_units(job, read)
    else:
        rows = f"SELECT {names}, staged_chunk, staged_row FROM ({rows}) SEMI JOIN {stored}"
        rejects = f"SELECT * FROM ({rejects}) SEMI JOIN {stored}"
        units = _changed_units(job, read)
    rows = f"SELECT {names} FROM ({rows}) ORDER BY unit_key, staged_chunk, staged_row"
    rejects = f"SELECT {sql_names(REJECT_SCHEMA.names)} FROM ({rejects}) ORDER BY ALL"
    loose = f"SELECT * REPLACE ({sql_text(job.action_id)} AS sync_id) FROM {job.name('loose', table)} ORDER BY ALL"
    return write_files(
        job.connection, job.storage, folder, table.raw_schema, rows, units, rejects, loose, complete, steady, taken
    )


def _taken_over(job: Job, read: TableRead, folder: str) -> tuple[str, ...]:
    """Files of the staging that become files of the repository as they are, where that gives the same rows: they were
    all read by this attempt, all count, and are not so few that they had better lie together, sorted."""
    files = staged_row_files(job, read)
    rows = job.count(job.name("index", read.table))
    if (
        not job.storage.is_local
        or read.refused
        or read.units_resumed
        or rows < FLUSH_ROWS * len(files)
        or has_doubles(job, read)
    ):
        return ()
    taken = tuple(f"{folder}/rows-{number:04d}.parquet" for number in range(len(files)))
    for file, target in zip(files, taken, strict=True):
        job.storage.take_over(file, target)
    return taken


def write_files(
    connection: duckdb.DuckDBPyConnection,
    storage: Storage,
    folder: str,
    schema: pa.Schema,
    rows: str,
    units: str,
    rejects: str,
    loose: str,
    complete: bool,
    steady: Mapping[str, pa.Scalar] = MappingProxyType({}),
    row_files: tuple[str, ...] = (),
) -> Written:
    """Writes a folder from queries; a query without rows makes no file. `steady` are columns of rows that the query
    lacks, since they are the same in all. `row_files` are there already, and stand for the query of rows."""
    if not row_files:
        row_files = _write(connection, storage, f"{folder}/rows-0000.parquet", rows, schema, steady)
    unit_files = _write(connection, storage, f"{folder}/units-0000.parquet", units, UNIT_SCHEMA)
    reject_files = _write(connection, storage, f"{folder}/rejects-0000.parquet", rejects, REJECT_SCHEMA)
    reject_files += _write(connection, storage, f"{folder}/{LOOSE_REJECTS}-0000.parquet", loose, REJECT_SCHEMA)
    written = row_files + unit_files + reject_files
    return Written(complete, row_files, unit_files, reject_files, sum(storage.size(file) for file in written))


def _all_units(job: Job, read: TableRead) -> str:
    entry = f"unit_key, stamp, rows, content_hash, false AS gone, {sql_text(job.action_id)} AS rows_sync_id"
    units = f"SELECT {entry} FROM {job.name('verdict', read.table)}"
    if read.refused:
        # Units that could not be read keep their report, and the stamp with which it was read.
        units += (
            f" UNION ALL SELECT unit_key, stamp, rows, content_hash, false, rows_sync_id "
            f"FROM {job.name('known', read.table)} SEMI JOIN {job.name('refused', read.table)} USING (unit_key)"
        )
    return f"SELECT * FROM ({units}) ORDER BY unit_key"


def _changed_units(job: Job, read: TableRead) -> str:
    sync_id = f"CASE WHEN verdict = 'stamped' THEN old_sync_id ELSE {sql_text(job.action_id)} END"
    return (
        f"SELECT * FROM (SELECT unit_key, stamp, rows, content_hash, false AS gone, {sync_id} AS rows_sync_id "
        f"FROM {job.name('verdict', read.table)} WHERE verdict <> 'same' "
        f"UNION ALL SELECT unit_key, NULL, 0, NULL, true, '' FROM {job.name('gone', read.table)}) ORDER BY unit_key"
    )


def _write(
    connection: duckdb.DuckDBPyConnection,
    storage: Storage,
    file: str,
    query: str,
    schema: pa.Schema,
    steady: Mapping[str, pa.Scalar] = MappingProxyType({}),
) -> tuple[str, ...]:
    # What comes next is sorted out while what came is packed.
    with closing(read_ahead(iter(connection.sql(query).to_arrow_reader(ROWS_PER_GROUP)))) as batches:
        first = next((batch for batch in batches if batch.num_rows), None)
        if first is None:
            return ()
        with storage.writer(file, schema) as writer:
            for batch in chain([first], batches):
                if batch.num_rows:
                    writer.write_batch(_whole(batch, schema, steady))
    return (file,)


def _whole(batch: pa.RecordBatch, schema: pa.Schema, steady: Mapping[str, pa.Scalar]) -> pa.RecordBatch:
    arrays = [
        pa.repeat(steady[field.name], batch.num_rows) if field.name in steady else batch.column(field.name)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, names=schema.names).cast(schema)
