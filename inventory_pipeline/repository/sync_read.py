"""The reading half of a sync: what does the source have, what of it must be read, and reading that into the staging.

Works in DuckDB tables of the sync's own connection, per canonical table `<t>`:
`listed_<t>` (unit_key, stamp, ordinal: the source's list), `known_<t>` (visible units), `removed_<t>` (keys that a
delta listing says have gone), `reused_<t>` (units that an earlier attempt had read), `wanted_<t>` (n, unit_key, stamp,
ordinal: units still to be read), `refused_<t>` (unit_key).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, Connector, Keys, RefusedUnit, Units
from inventory_pipeline.connectors.read_ahead import read_ahead
from inventory_pipeline.errors import SyncError
from inventory_pipeline.records import Table
from inventory_pipeline.records.conform import ConformContext
from inventory_pipeline.repository.progress import Progress
from inventory_pipeline.repository.staging import (
    STAGED_UNIT_SCHEMA,
    ChunkResult,
    ChunkWriter,
    staged_files,
)
from inventory_pipeline.repository.storage import Storage, sql_name
from inventory_pipeline.repository.visible import Visible

# Keys as they come: a null key is noted, not an error of Arrow's.
_LISTED_SCHEMA = pa.schema([pa.field(field.name, field.type) for field in KEYS_SCHEMA])


LISTED_TOGETHER = 20_000


@dataclass(frozen=True, slots=True)
class Job:
    """What all steps of one sync share."""

    connector: Connector
    storage: Storage
    repository: str
    action_id: str
    visible: Visible
    connection: duckdb.DuckDBPyConnection
    progress: Progress
    context: ConformContext
    clean: bool
    fingerprints: Mapping[str, str]
    adopted: tuple[str, ...] = ()

    def name(self, kind: str, table: Table) -> str:
        """Name of a working table, quoted."""
        return sql_name(f"{kind}_{table.name}")

    def count(self, relation: str) -> int:
        """Rows of a working table or a bracketed query."""
        return _scalar(self.connection, f"SELECT count(*) FROM {relation}")


@dataclass(slots=True)
class TableRead:
    """What was read for one table. `listing` is none (everything was read), complete, or delta."""

    table: Table
    listing: str
    cursor: Mapping[str, Any] | None
    refused: dict[str, RefusedUnit] = field(default_factory=dict)
    rows_read: int = 0
    rejected: int = 0
    values_rejected: int = 0
    units_read: int = 0
    units_resumed: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """True when every unit that the source has was read, so that nothing else can be outstanding."""
        return self.listing == "none"


def read_table(job: Job, table: Table) -> TableRead:
    """Lists, decides and reads one table into the staging.

    Raises:
        ConnectorError: what the connector raises. SyncError: it lists units that it cannot read back.
    """
    job.progress.start(f"{table.name}: listing")
    job.connection.execute(
        f"CREATE TABLE {job.name('known', table)} AS "
        f"{job.visible.units_sql(job.connection, table.name, job.connector.slug)}"
    )
    keys, trusted, delta = _listing(job, table)
    for kind in ("reused", "removed", "refused"):
        columns = (
            "unit_key VARCHAR, stamp VARCHAR, sync_id VARCHAR, chunk BIGINT" if kind == "reused" else "unit_key VARCHAR"
        )
        job.connection.execute(f"CREATE TABLE {job.name(kind, table)} ({columns})")
    if keys is None:
        read = TableRead(table, "none", None)
        _read_everything(job, read)
    else:
        read = TableRead(table, "delta" if delta else "complete", keys.cursor)
        _keep_listing(job, read, keys)
        _reuse(job, read)
        _decide(job, read, trusted)
        _read_wanted(job, read)
    if read.refused:
        frame = pa.table({"unit_key": pa.array(list(read.refused), pa.string())})
        _insert(job.connection, job.name("refused", table), [frame], "unit_key")
        shown = [f"{unit.source_object}: {unit.reason}" for unit in list(read.refused.values())[:5]]
        more = f" and {len(read.refused) - 5} more" if len(read.refused) > 5 else ""
        read.notes.append(
            f"{len(read.refused)} could not be read and keep their last good report: {'; '.join(shown)}{more}"
        )
    return read


def _listing(job: Job, table: Table) -> tuple[Keys | None, bool, bool]:
    """The connector's keys, whether known stamps are to be trusted, and whether it lists only what has changed."""
    mark = job.visible.watermarks.get((table.name, job.connector.slug))
    trusted = not job.clean and mark is not None and mark.fingerprint == job.fingerprints[table.name]
    cursor = mark.cursor if mark is not None else None
    keys = job.connector.keys(table.name, cursor)
    if keys is None or keys.complete:
        return keys, trusted, False
    if cursor is not None and not trusted:
        # A delta says too little when everything is to be read anew; without a cursor it begins at the beginning.
        keys = job.connector.keys(table.name, None)
        return keys, False, False
    return keys, trusted, cursor is not None


def _keep_listing(job: Job, read: TableRead, keys: Keys) -> None:
    listed, given = job.name("listed", read.table), job.name("given", read.table)
    job.connection.execute(f"CREATE TABLE {given} (unit_key VARCHAR, stamp VARCHAR, ordinal BIGINT)")

    def frames() -> Iterator[pa.Table]:
        start = 0
        for batch in keys.batches:
            frame = pa.Table.from_batches([batch]).select(KEYS_SCHEMA.names).cast(_LISTED_SCHEMA)
            yield frame.append_column("ordinal", pa.array(range(start, start + frame.num_rows), pa.int64()))
            start += frame.num_rows

    _insert(job.connection, given, frames(), "unit_key, stamp, ordinal")
    # A join at the source may list a unit twice; its newest stamp is the one to go by.
    job.connection.execute(
        f"CREATE TABLE {listed} AS "
        "SELECT unit_key, stamp, row_number() OVER (ORDER BY place) - 1 AS ordinal FROM ("
        "SELECT unit_key, CASE WHEN count(stamp) = count(*) THEN max(stamp) END AS stamp, min(ordinal) AS place "
        f"FROM {given} WHERE unit_key IS NOT NULL GROUP BY unit_key)"
    )
    nameless = _scalar(job.connection, f"SELECT count(*) FROM {given} WHERE unit_key IS NULL")
    if nameless:
        read.notes.append(f"{nameless:,} listed objects have no key and were left out.")
    job.connection.execute(f"DROP TABLE {given}")
    _insert(
        job.connection,
        job.name("removed", read.table),
        (pa.Table.from_batches([batch]).select(["unit_key"]) for batch in keys.gone),
        "unit_key",
    )


def _reuse(job: Job, read: TableRead) -> None:
    """Takes over units that an earlier attempt had read, where their stamp still equals the listing's."""
    files = staged_files(job.storage, job.repository, job.adopted, read.table.name, "units")
    if not files:
        return
    units = job.storage.scan(job.connection, files, STAGED_UNIT_SCHEMA)
    job.connection.execute(
        f"INSERT INTO {job.name('reused', read.table)} BY NAME "
        f"SELECT unit_key, stamp, sync_id, chunk FROM ({units}) s SEMI JOIN {job.name('listed', read.table)} l "
        "ON l.unit_key = s.unit_key AND l.stamp = s.stamp WHERE NOT refused "
        "QUALIFY row_number() OVER (PARTITION BY unit_key ORDER BY sync_id DESC, chunk DESC) = 1"
    )


def _decide(job: Job, read: TableRead, trusted: bool) -> None:
    """Which listed units have to be read; what is reused but turns out not to be needed is dropped again."""
    listed, known, reused = (job.name(kind, read.table) for kind in ("listed", "known", "reused"))
    needed = f"SELECT l.unit_key, l.stamp, l.ordinal FROM {listed} l"
    if trusted:
        needed += (
            f" LEFT JOIN {known} k ON k.unit_key = l.unit_key "
            "WHERE k.unit_key IS NULL OR l.stamp IS NULL OR k.stamp IS DISTINCT FROM l.stamp"
        )
        job.connection.execute(f"DELETE FROM {reused} WHERE unit_key NOT IN (SELECT unit_key FROM ({needed}))")
    job.connection.execute(
        f"CREATE TABLE {job.name('wanted', read.table)} AS "
        "SELECT row_number() OVER (ORDER BY ordinal) - 1 AS n, unit_key, stamp, ordinal "
        f"FROM ({needed}) d ANTI JOIN {reused} r ON r.unit_key = d.unit_key ORDER BY n"
    )
    read.units_resumed = job.count(reused)
    if read.units_resumed:
        read.notes.append(f"{read.units_resumed:,} units had been read by an earlier attempt.")


def _read_wanted(job: Job, read: TableRead) -> None:
    total = job.count(job.name("wanted", read.table))
    job.progress.start(f"{read.table.name}: reading", total)
    for units, result in _read_chunks(job, read, _wanted_chunks(job, read, total)):
        if result.strangers and not result.rows_kept:
            raise SyncError(
                f"the source returned {result.strangers:,} rows, but none for the units it was asked for.",
                subject=job.connector.name,
                cure="The connector reads rows under other keys than it lists; report this.",
            )
        if result.strangers:
            job.connector.note(
                read.table.name, "Rows of units that appeared after the listing were left for the next sync."
            )
        asked = units.num_rows if units is not None else 0
        job.progress.add(units=asked)
        read.units_read += asked - len(result.refused)


def _read_everything(job: Job, read: TableRead) -> None:
    job.progress.start(f"{read.table.name}: reading")
    for _ in _read_chunks(job, read, iter([None])):
        pass


def _wanted_chunks(job: Job, read: TableRead, total: int) -> Iterator[pa.Table]:
    """Units still to be read, as many together as the connector likes. A cursor of its own, since the connection is
    in use while the source is read."""
    size = job.connector.source(read.table.name).chunk_units
    with job.connection.cursor() as cursor:
        for start in range(0, total, size):
            yield cursor.sql(
                f"SELECT unit_key, stamp, ordinal FROM {job.name('wanted', read.table)} "
                f"WHERE n >= {start} AND n < {start + size} ORDER BY n"
            ).to_arrow_table()


def _read_chunks(
    job: Job, read: TableRead, chunks: Iterator[pa.Table | None]
) -> Iterator[tuple[pa.Table | None, ChunkResult]]:
    """Reads chunk after chunk into the staging; the source is not waited for at their borders."""
    open_chunk: ChunkWriter | None = None
    number = 0
    items = read_ahead(_items(job, read, chunks))
    try:
        for units, item in items:
            if open_chunk is None:
                wanted = units.column("unit_key").combine_chunks() if units is not None else None
                open_chunk = ChunkWriter(
                    job.connection, job.storage, job.repository, read.table, number, job.context, wanted
                )
            if isinstance(item, RefusedUnit):
                open_chunk.refuse(dataclasses.replace(item, reason=job.connector.redact(item.reason)))
            elif item is not None:
                open_chunk.add(item)
                job.progress.add(rows=item.num_rows)
            else:
                result = open_chunk.finish(units if units is not None else STAGED_UNIT_SCHEMA.empty_table())
                open_chunk = None
                number += 1
                _count(read, result)
                yield units, result
    finally:
        if open_chunk is not None:
            open_chunk.abandon()
        items.close()


def _items(
    job: Job, read: TableRead, chunks: Iterator[pa.Table | None]
) -> Iterator[tuple[pa.Table | None, pa.RecordBatch | RefusedUnit | None]]:
    """What the source gives for each chunk, then None for its end; with the units that were asked for."""
    for units in chunks:
        asked = None
        if units is not None:
            ordinals = units.column("ordinal")
            contiguous = ordinals[-1].as_py() - ordinals[0].as_py() + 1 == units.num_rows
            asked = Units(tuple(units.column("unit_key").to_pylist()), contiguous)
        for item in job.connector.read(read.table.name, asked):
            yield units, item
        yield units, None


def _count(read: TableRead, result: ChunkResult) -> None:
    read.refused.update(result.refused)
    read.rows_read += result.rows_read
    read.rejected += result.rejected
    read.values_rejected += result.values_rejected


def _insert(connection: duckdb.DuckDBPyConnection, target: str, frames: Iterable[pa.Table], columns: str) -> None:
    """Inserts frames, gathered, since sources may list unit by unit."""

    def write() -> None:
        connection.register("incoming", pa.concat_tables(waiting))
        connection.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM incoming")
        connection.unregister("incoming")
        waiting.clear()

    waiting: list[pa.Table] = []
    rows = 0
    for frame in frames:
        waiting.append(frame)
        rows += frame.num_rows
        if rows >= LISTED_TOGETHER:
            write()
            rows = 0
    if waiting:
        write()


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0] or 0)
