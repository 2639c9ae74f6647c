"""Folds many small syncs of a connector and table into one folder, so that reading stays fast.

The folder is committed like a sync: one ledger row that says "this replaces everything earlier". What is visible does
not change by a single row: rows keep the sync and the time that brought them, units their stamps, the watermark its
cursor. Earlier folders stay until maintenance finds that no retained release needs them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import duckdb

from inventory_pipeline.errors import InventoryError, SyncError
from inventory_pipeline.records import REJECT_SCHEMA, TABLES
from inventory_pipeline.repository.attempts import overtaken
from inventory_pipeline.repository.connection import working_connection
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.staging import staging_folder
from inventory_pipeline.repository.storage import sql_names
from inventory_pipeline.repository.store import Repository
from inventory_pipeline.repository.sync_write import raw_folder, write_files
from inventory_pipeline.repository.visible import Visible


def compact(repository: Repository, policy: RetentionPolicy, *, run_id: str | None = None) -> Iterator[str]:
    """Folds every connector and table that has gathered `compact_after_syncs` folders; one line per connector.

    A connector that is synced meanwhile is left for the next time.

    Raises:
        InventoryError: folding failed; what is visible is as it was.
    """
    visible = repository.visible()
    due: dict[str, list[str]] = {}
    for (table, connector), pieces in sorted(visible.pieces.items()):
        if len(pieces) >= policy.compact_after_syncs:
            due.setdefault(connector, []).append(table)
    for connector, tables in due.items():
        yield _compact_connector(repository, visible, connector, tables, run_id)


def _compact_connector(
    repository: Repository, visible: Visible, connector: str, tables: list[str], run_id: str | None
) -> str:
    ledger = repository.store.ledger
    action_id = ledger.begin(
        "maintenance", f"Compact - {connector}", repository=repository.slug, connector=connector, run_id=run_id
    )
    folders = [raw_folder(repository.slug, table, connector, action_id) for table in tables]
    folded = sum(len(visible.pieces[table, connector]) for table in tables)
    message = f"{connector}: {folded} folders of {len(tables)} tables became {len(tables)}."
    spill = repository.store.storage.scratch(staging_folder(repository.slug, action_id))
    try:
        with working_connection(repository.store.policy, spill) as connection:
            rows = [_fold(repository, visible, connection, table, connector, action_id) for table in tables]
        with ledger.writing() as transaction:
            position = ledger.next_position(transaction)
            other = overtaken(transaction, repository.slug, rows, visible.position, kinds=("sync", "maintenance"))
            if other:
                raise SyncError(f"{other} was committed meanwhile; it is folded next time.", subject=connector)
            ledger.commit(transaction, action_id, position, "done", rows, message)
    except BaseException as error:
        for folder in folders:
            with suppress(Exception):
                repository.store.storage.delete(folder)
        if isinstance(error, SyncError):
            ledger.end(action_id, "unchanged", str(error))
            return str(error)
        ledger.end(action_id, "failed", f"{type(error).__name__}: {error}")
        if isinstance(error, duckdb.Error | OSError):
            raise InventoryError(f"folding failed: {error}", subject=connector) from error
        raise
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    return message


def _fold(
    repository: Repository,
    visible: Visible,
    connection: duckdb.DuckDBPyConnection,
    table: str,
    connector: str,
    action_id: str,
) -> dict[str, Any]:
    """Writes one table's folder and gives its `sync_table` row."""
    mark = visible.watermarks[table, connector]
    schema = TABLES[table].raw_schema
    rejects = visible.unit_rejects_sql(connection, table, connector)
    loose = visible.loose_rejects_sql(connection, table, connector)
    written = write_files(
        connection,
        repository.store.storage,
        raw_folder(repository.slug, table, connector, action_id),
        schema,
        rows=f"SELECT {sql_names(schema.names)} FROM ({visible.rows_sql(connection, table, connector)}) "
        "ORDER BY unit_key, source_row, row_hash",
        units=f"SELECT * FROM ({visible.units_sql(connection, table, connector)}) ORDER BY unit_key",
        rejects=f"SELECT {sql_names(REJECT_SCHEMA.names)} FROM ({rejects}) ORDER BY ALL",
        loose=f"SELECT {sql_names(REJECT_SCHEMA.names)} FROM ({loose}) ORDER BY ALL",
        complete=True,
    )
    counts = ("rows_read", "units_read", "added", "changed", "removed", "rejected", "values_rejected", "units_gone")
    return {
        "table_name": table,
        "repository": repository.slug,
        "connector": connector,
        "category": TABLES[table].category.value,
        "complete": True,
        "fingerprint": mark.fingerprint,
        "cursor": mark.cursor,
        **dict.fromkeys((*counts, "units_refused"), 0),
        "unchanged": mark.rows_total,
        "rows_total": mark.rows_total,
        "units_total": mark.units_total,
        "row_files": list(written.row_files),
        "unit_files": list(written.unit_files),
        "reject_files": list(written.reject_files),
        "rejects_hash": mark.rejects_hash,
        "bytes": written.bytes,
        "notes": [f"{len(visible.pieces[table, connector])} folders became one."],
    }
