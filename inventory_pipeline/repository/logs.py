"""What the ledger tells people: process log, sync log, freshness. Times are UTC without zone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from inventory_pipeline.records import TABLES
from inventory_pipeline.repository.ledger import Ledger, action_table, repository_table, sync_table

_TIME = pa.timestamp("us")
_ATTEMPTS = 5000
"""So many newest attempts are looked at; of what was not tried since, the last success is also the last attempt."""
_COUNTS = ("rows_read", "added", "changed", "removed", "unchanged", "rejected", "values_rejected")

PROCESS_SCHEMA = pa.schema(
    [
        ("action_id", pa.string()),
        ("title", pa.string()),
        ("kind", pa.string()),
        ("status", pa.string()),
        ("repository", pa.string()),
        ("connector", pa.string()),
        ("connector_type", pa.string()),
        ("queued_at", _TIME),
        ("started_at", _TIME),
        ("ended_at", _TIME),
        ("duration_seconds", pa.float64()),
        ("message", pa.string()),
        ("run_id", pa.string()),
        ("position", pa.int64()),
    ]
)
SYNC_SCHEMA = pa.schema(
    [
        ("action_id", pa.string()),
        ("ended_at", _TIME),
        ("kind", pa.string()),
        ("status", pa.string()),
        ("connector", pa.string()),
        ("category", pa.string()),
        ("table_name", pa.string()),
        ("complete", pa.bool_()),
        ("units_read", pa.int64()),
        *((name, pa.int64()) for name in _COUNTS),
        ("units_refused", pa.int64()),
        ("units_gone", pa.int64()),
        ("rows_total", pa.int64()),
        ("units_total", pa.int64()),
        ("bytes", pa.int64()),
        ("notes", pa.list_(pa.string())),
        ("position", pa.int64()),
    ]
)
FRESHNESS_SCHEMA = pa.schema(
    [
        ("connector", pa.string()),
        ("connector_type", pa.string()),
        ("category", pa.string()),
        ("last_attempt", _TIME),
        ("last_status", pa.string()),
        ("last_message", pa.string()),
        ("last_success", _TIME),
        ("watermark", pa.int64()),
        *((name, pa.int64()) for name in _COUNTS),
        ("rows_total", pa.int64()),
        ("units_total", pa.int64()),
    ]
)


def process_log(ledger: Ledger, repository: str | None = None, limit: int = 1000) -> pa.Table:
    """Actions, the newest first, in PROCESS_SCHEMA; of one repository, or of all without."""
    query = sa.select(action_table).order_by(action_table.c.action_id.desc()).limit(limit)
    if repository is not None:
        query = query.where(action_table.c.repository == repository)
    with ledger.reading() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    for row in rows:
        ended, started = row["ended_at"], row["started_at"]
        row["duration_seconds"] = (ended - started).total_seconds() if ended and started else None
    return pa.Table.from_pylist(rows, PROCESS_SCHEMA)


def sync_log(
    ledger: Ledger, repository: str, connector: str | None = None, action_id: str | None = None, limit: int = 1000
) -> pa.Table:
    """What committed syncs and compactions changed, one row per action and table, the newest first, in SYNC_SCHEMA."""
    query = (
        sa.select(sync_table, action_table.c.ended_at, action_table.c.kind, action_table.c.status)
        .join(action_table, action_table.c.action_id == sync_table.c.action_id)
        .where(sync_table.c.repository == repository)
        .order_by(sync_table.c.position.desc(), sync_table.c.table_name)
        .limit(limit)
    )
    if connector is not None:
        query = query.where(sync_table.c.connector == connector)
    if action_id is not None:
        query = query.where(sync_table.c.action_id == action_id)
    with ledger.reading() as connection:
        return pa.Table.from_pylist([dict(row._mapping) for row in connection.execute(query)], SYNC_SCHEMA)


def freshness(ledger: Ledger, repository: str) -> pa.Table:
    """Per connector and category, in FRESHNESS_SCHEMA: when it was last tried and last brought in, and what it holds.

    Counts are those of the last successful sync; `watermark` is its ledger position; totals are what is visible now.
    A category that was tried but never succeeded has a row without counts.
    """
    with ledger.reading() as connection:
        cleared_query = sa.select(repository_table.c.cleared_at_position).where(repository_table.c.slug == repository)
        cleared_at = connection.execute(cleared_query).scalar() or 0
        actions = connection.execute(
            sa.select(action_table)
            .where(action_table.c.repository == repository, action_table.c.kind == "sync")
            .where(action_table.c.status.notin_(("queued", "dry_run")))
            .order_by(action_table.c.action_id.desc())
            .limit(_ATTEMPTS)
        ).all()
        newest = (
            sa.select(
                sync_table.c.connector,
                sync_table.c.table_name,
                sa.func.max(sync_table.c.position).label("position"),
            )
            .join(action_table, action_table.c.action_id == sync_table.c.action_id)
            .where(sync_table.c.repository == repository, sync_table.c.position > cleared_at)
            .where(action_table.c.kind == "sync")
            .group_by(sync_table.c.connector, sync_table.c.table_name)
            .subquery()
        )
        tables = connection.execute(
            sa.select(sync_table, action_table.c.ended_at)
            .join(action_table, action_table.c.action_id == sync_table.c.action_id)
            .join(
                newest,
                sa.and_(
                    newest.c.connector == sync_table.c.connector,
                    newest.c.table_name == sync_table.c.table_name,
                    newest.c.position == sync_table.c.position,
                ),
            )
            .where(sync_table.c.repository == repository)
        ).all()
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for action in reversed(actions):
        for category in (action.options or {}).get("categories", ()):
            found[action.connector, category] = {
                **found.get((action.connector, category), {}),
                "connector": action.connector,
                "connector_type": action.connector_type,
                "category": category,
                "last_attempt": action.started_at,
                "last_status": action.status,
                "last_message": action.message,
            }
    for table in tables:
        row = found.setdefault(
            (table.connector, table.category), {"connector": table.connector, "category": table.category}
        )
        row.setdefault("last_attempt", table.ended_at)
        row["last_success"] = max(row.get("last_success") or table.ended_at, table.ended_at)
        row["watermark"] = max(row.get("watermark") or 0, table.position)
        for name in (*_COUNTS, "rows_total", "units_total"):
            row[name] = (row.get(name) or 0) + getattr(table, name)
    order = {
        category: number for number, category in enumerate(dict.fromkeys(t.category.value for t in TABLES.values()))
    }
    rows = sorted(found.values(), key=lambda row: (row["connector"], order.get(row["category"], 99)))
    return pa.Table.from_pylist(rows, FRESHNESS_SCHEMA)
