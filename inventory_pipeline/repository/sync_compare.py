"""The comparing half of a sync: staged rows against the visible ones, unit by unit and row by row.

Adds to the working tables of `sync_read`: `index_<t>` (INDEX_SCHEMA of staged rows), `verdict_<t>` (unit_key, stamp,
rows, content_hash, verdict, old_rows, old_sync_id of every unit that was read; verdict is new, changed, stamped or
same), `gone_<t>` (unit_key, rows), `loose_<t>` (rejects of no unit).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from inventory_pipeline.records import REJECT_SCHEMA
from inventory_pipeline.repository.staging import INDEX_SCHEMA, refused_rejects, staged_files, staged_schema
from inventory_pipeline.repository.storage import sql_name, sql_names
from inventory_pipeline.repository.sync_read import Job, TableRead


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a table's sync would change. `rejects_hash` stands for the rejects that belong to no unit."""

    rows_before: int
    rows_total: int
    units_before: int
    units_total: int
    units_new: int
    units_changed: int
    units_stamped: int
    units_gone: int
    added: int
    changed: int
    removed: int
    rejected: int
    values_rejected: int
    rejects_hash: str
    rejects_differ: bool
    reject_sample: str

    @property
    def unchanged(self) -> int:
        """Rows that stay as they are."""
        return self.rows_before - self.changed - self.removed

    @property
    def writes(self) -> bool:
        """True when anything must be written."""
        return self.is_news or self.units_new + self.units_stamped + self.units_gone > 0

    @property
    def is_news(self) -> bool:
        """True when a row, or what is set aside, differs from what was visible before."""
        return self.added + self.removed + self.units_changed > 0 or self.rejects_differ


def compare(job: Job, read: TableRead) -> Comparison:
    """Compares one table."""
    job.progress.start(f"{read.table.name}: comparing")
    _index(job, read)
    _loose_rejects(job, read)
    _verdicts(job, read)
    _gone(job, read)
    verdict, gone, known = (job.name(kind, read.table) for kind in ("verdict", "gone", "known"))
    figures = dict(job.connection.execute(f"SELECT verdict, count(*) FROM {verdict} GROUP BY verdict").fetchall())
    new_rows = _number(job, f"SELECT sum(rows) FROM {verdict} WHERE verdict = 'new'")
    gone_rows = _number(job, f"SELECT sum(rows) FROM {gone}")
    rows_before = _number(job, f"SELECT sum(rows) FROM {known}")
    added = changed = removed = 0
    if figures.get("changed"):
        added, changed, removed = _row_changes(job, read)
    units_gone, units_before = job.count(gone), job.count(known)
    resumed_rejects, resumed_values = _resumed_rejects(job, read)
    rejects_hash = _rejects_hash(job, read)
    mark = job.visible.watermarks.get((read.table.name, job.connector.slug))
    return Comparison(
        rows_before=rows_before,
        rows_total=rows_before + new_rows + added - removed - gone_rows,
        units_before=units_before,
        units_total=units_before + figures.get("new", 0) - units_gone,
        units_new=figures.get("new", 0),
        units_changed=figures.get("changed", 0),
        units_stamped=figures.get("stamped", 0),
        units_gone=units_gone,
        added=new_rows + added,
        changed=changed,
        removed=gone_rows + removed,
        rejected=read.rejected + resumed_rejects,
        values_rejected=read.values_rejected + resumed_values,
        rejects_hash=rejects_hash,
        rejects_differ=rejects_hash != (mark.rejects_hash if mark else ""),
        reject_sample=_reject_sample(job, read),
    )


def staged_rows(job: Job, read: TableRead) -> str:
    """A query for the staged rows that count: of this attempt, and of reused units."""
    return _counting(job, read, "rows", staged_schema(read.table))


def _counting(job: Job, read: TableRead, name: str, schema: pa.Schema) -> str:
    own = _staged(job, read, name, schema, reused=False)
    if read.refused:
        own = f"SELECT s.* FROM ({own}) s ANTI JOIN {job.name('refused', read.table)} r ON r.unit_key = s.unit_key"
    if not read.units_resumed:
        return own
    reused = _staged(job, read, name, schema, reused=True)
    return f"{own} UNION ALL {_of_reused(job, read, reused)}"


def staged_row_files(job: Job, read: TableRead) -> list[str]:
    """The files that `staged_rows` reads."""
    attempts = (job.action_id, *(job.adopted if read.units_resumed else ()))
    return staged_files(job.storage, job.repository, attempts, read.table.name, "rows")


def staged_rejects(job: Job, read: TableRead) -> str:
    """A query for the staged rejects that count, as `staged_rows`."""
    own = _staged(job, read, "rejects", REJECT_SCHEMA, reused=False)
    if not read.units_resumed:
        return own
    reused = _staged(job, read, "rejects", REJECT_SCHEMA, reused=True)
    return f"{own} UNION ALL {_of_reused(job, read, reused)} UNION ALL SELECT * FROM ({reused}) WHERE unit_key IS NULL"


def _staged(job: Job, read: TableRead, name: str, schema: pa.Schema, *, reused: bool) -> str:
    attempts = job.adopted if reused else (job.action_id,)
    files = staged_files(job.storage, job.repository, attempts, read.table.name, name)
    return job.storage.scan(job.connection, files, schema)


def _of_reused(job: Job, read: TableRead, query: str) -> str:
    return (
        f"SELECT s.* FROM ({query}) s SEMI JOIN {job.name('reused', read.table)} u "
        "ON u.unit_key = s.unit_key AND u.sync_id = s.sync_id"
    )


def _index(job: Job, read: TableRead) -> None:
    """The narrow columns of staged rows; of rows of one unit with the same key the last stays."""
    index = job.name("index", read.table)
    job.connection.execute(f"CREATE TABLE {index} AS {_counting(job, read, 'index', INDEX_SCHEMA)}")
    suspects = f"SELECT unit_key, key_hash FROM {index} GROUP BY unit_key, key_hash HAVING count(*) > 1"
    if not job.count(f"({suspects})"):
        return
    # The hash finds candidates, the key itself decides.
    place = "sync_id, staged_chunk, staged_row"
    job.connection.execute(
        f"CREATE TABLE {job.name('doubled', read.table)} AS SELECT {place} FROM ({staged_rows(job, read)}) "
        f"SEMI JOIN (SELECT {place} FROM {index} SEMI JOIN ({suspects}) USING (unit_key, key_hash)) USING ({place}) "
        f"QUALIFY row_number() OVER (PARTITION BY unit_key, {sql_names(read.table.key)} "
        "ORDER BY staged_chunk DESC, staged_row DESC) > 1"
    )
    doubled = job.count(job.name("doubled", read.table))
    if doubled:
        job.connection.execute(f"DELETE FROM {index} WHERE ({place}) IN (FROM {job.name('doubled', read.table)})")
        read.notes.append(f"{doubled:,} rows came twice under one key; the later one counts.")


def _loose_rejects(job: Job, read: TableRead) -> None:
    """Rejects that belong to no unit's report: rows without a key, and units that could not be read at all."""
    loose = job.name("loose", read.table)
    refused = refused_rejects(list(read.refused.values()), job.connector.slug, job.action_id, read.table.name)
    job.connection.register("incoming", refused)
    job.connection.execute(
        f"CREATE TABLE {loose} AS SELECT * FROM ({staged_rejects(job, read)}) WHERE unit_key IS NULL "
        "UNION ALL SELECT * FROM incoming"
    )
    job.connection.unregister("incoming")
    if not read.is_full and not job.clean and not job.count(f"(FROM {loose} WHERE unit_key IS NULL)"):
        # What was not read again is still as it was.
        earlier = job.visible.loose_rejects_sql(job.connection, read.table.name, job.connector.slug)
        job.connection.execute(f"INSERT INTO {loose} SELECT * FROM ({earlier}) WHERE unit_key IS NULL")


def _verdicts(job: Job, read: TableRead) -> None:
    table = read.table
    index, verdict, known = (job.name(kind, table) for kind in ("index", "verdict", "known"))
    rejects = (
        f"SELECT * FROM ({staged_rejects(job, read)}) s ANTI JOIN {job.name('refused', table)} r "
        "ON r.unit_key = s.unit_key WHERE unit_key IS NOT NULL"
    )
    if read.listing == "none":
        units = (
            f"SELECT unit_key, CAST(NULL AS VARCHAR) AS stamp FROM (SELECT unit_key FROM {index} "
            f"UNION SELECT unit_key FROM ({rejects})) ANTI JOIN {job.name('refused', table)} USING (unit_key)"
        )
    else:
        units = (
            f"SELECT unit_key, stamp FROM {job.name('wanted', table)} "
            f"ANTI JOIN {job.name('refused', table)} USING (unit_key) "
            f"UNION ALL SELECT unit_key, stamp FROM {job.name('reused', table)}"
        )
    # Where a row stands belongs to the report, so that a reordered file is stored anew and a clean sync finds the same.
    job.connection.execute(f"""
        CREATE TABLE {verdict} AS
        WITH content AS (
            SELECT unit_key, count(*) AS rows, sum(CAST(row_hash AS HUGEINT)) AS total, bit_xor(row_hash) AS mixed,
                sum(CAST(row_hash AS HUGEINT) * (coalesce(source_row, 0) % 1073741824 + 1)) AS placed,
                min(source_object) AS first_object, max(source_object) AS last_object
            FROM {index} GROUP BY unit_key
        ),
        rejected AS (
            SELECT unit_key, count(*) AS rejects,
                bit_xor(md5_number_lower(concat_ws(chr(31), source_row, column_name, value, reason))) AS mixed
            FROM ({rejects}) GROUP BY unit_key
        ),
        units AS (
            SELECT u.unit_key, u.stamp, coalesce(c.rows, 0) AS rows,
                md5(concat_ws('|', coalesce(c.rows, 0), c.total, c.mixed, c.placed, c.first_object, c.last_object,
                    coalesce(r.rejects, 0), r.mixed)) AS content_hash
            FROM ({units}) u
            LEFT JOIN content c ON c.unit_key = u.unit_key
            LEFT JOIN rejected r ON r.unit_key = u.unit_key
        )
        SELECT u.*, k.rows AS old_rows, k.rows_sync_id AS old_sync_id,
            CASE WHEN k.unit_key IS NULL THEN 'new'
                WHEN k.content_hash <> u.content_hash THEN 'changed'
                WHEN k.stamp IS DISTINCT FROM u.stamp THEN 'stamped'
                ELSE 'same' END AS verdict
        FROM units u LEFT JOIN {known} k ON k.unit_key = u.unit_key
    """)


def _gone(job: Job, read: TableRead) -> None:
    known, refused, verdict = (job.name(kind, read.table) for kind in ("known", "refused", "verdict"))
    if read.listing == "none":
        gone = f"SELECT unit_key, rows FROM {known} ANTI JOIN {verdict} USING (unit_key)"
    elif read.listing == "complete":
        gone = f"SELECT unit_key, rows FROM {known} ANTI JOIN {job.name('listed', read.table)} USING (unit_key)"
    else:
        gone = (
            f"SELECT unit_key, rows FROM {known} SEMI JOIN {job.name('removed', read.table)} USING (unit_key) "
            f"ANTI JOIN {job.name('listed', read.table)} USING (unit_key)"
        )
    job.connection.execute(
        f"CREATE TABLE {job.name('gone', read.table)} AS SELECT * FROM ({gone}) ANTI JOIN {refused} USING (unit_key)"
    )


def _row_changes(job: Job, read: TableRead) -> tuple[int, int, int]:
    """Rows added, changed and removed within units whose content differs, told apart by the table's key."""
    key = sql_names(read.table.key)
    changed = f"(SELECT unit_key FROM {job.name('verdict', read.table)} WHERE verdict = 'changed') v USING (unit_key)"
    old = job.visible.rows_sql(job.connection, read.table.name, job.connector.slug)
    found = job.connection.execute(f"""
        SELECT count(*) FILTER (WHERE was IS NULL), count(*) FILTER (WHERE was <> now),
            count(*) FILTER (WHERE now IS NULL)
        FROM (
            SELECT max(was) AS was, max(now) AS now
            FROM (
                SELECT unit_key, {key}, row_hash AS was, CAST(NULL AS BIGINT) AS now FROM ({old}) SEMI JOIN {changed}
                UNION ALL
                SELECT unit_key, {key}, NULL, row_hash FROM ({without_doubles(job, read)}) SEMI JOIN {changed}
            )
            GROUP BY unit_key, {key}
        )
    """).fetchall()
    added, changed, removed = found[0]
    return int(added), int(changed), int(removed)


def without_doubles(job: Job, read: TableRead) -> str:
    """Staged rows that count, less those whose key came again later in the same unit."""
    rows = staged_rows(job, read)
    if not has_doubles(job, read):
        return rows
    doubled = job.name("doubled", read.table)
    return f"SELECT * FROM ({rows}) ANTI JOIN {doubled} USING (sync_id, staged_chunk, staged_row)"


def has_doubles(job: Job, read: TableRead) -> bool:
    """True when of some staged rows with one key only the last counts."""
    doubled = f"doubled_{read.table.name}"
    found = job.connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [doubled]).fetchall()
    return bool(found) and job.count(sql_name(doubled)) > 0


def _resumed_rejects(job: Job, read: TableRead) -> tuple[int, int]:
    """Rejected rows and values among what an earlier attempt had read."""
    if not read.units_resumed:
        return 0, 0
    found = job.connection.execute(
        "SELECT count(*) FILTER (WHERE NOT row_kept), count(*) FILTER (WHERE row_kept) "
        f"FROM ({staged_rejects(job, read)}) WHERE sync_id <> ?",
        [job.action_id],
    ).fetchall()
    rejected, values_rejected = found[0]
    return int(rejected), int(values_rejected)


def _reject_sample(job: Job, read: TableRead) -> str:
    found = job.connection.execute(
        f"SELECT source_object, source_row, column_name, reason FROM ({staged_rejects(job, read)}) "
        "WHERE NOT row_kept ORDER BY ALL LIMIT 1"
    ).fetchall()
    if not found:
        return ""
    *parts, reason = found[0]
    place = " ".join(str(part) for part in parts if part is not None)
    return " ".join(filter(None, ("The first:", f"{place}:" if place else "", str(reason).rstrip(".") + ".")))


def _rejects_hash(job: Job, read: TableRead) -> str:
    count, total = job.connection.execute(
        "SELECT count(*), CAST(sum(CAST(md5_number_lower(concat_ws(chr(31), source_object, source_row, unit_key, "
        f"column_name, value, reason)) AS HUGEINT)) AS VARCHAR) FROM {job.name('loose', read.table)}"
    ).fetchall()[0]
    return f"{count}:{total}" if count else ""


def _number(job: Job, query: str) -> int:
    return int(job.connection.execute(query).fetchall()[0][0] or 0)
