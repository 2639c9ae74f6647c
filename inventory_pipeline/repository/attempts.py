"""The ends of a sync that touch the ledger: taking over what dead attempts had read, and the commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from inventory_pipeline.errors import SyncError
from inventory_pipeline.repository.ledger import (
    UNFINISHED,
    Ledger,
    action_table,
    repository_table,
    sync_table,
    utc_now,
)
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.sync_report import SyncOptions
from inventory_pipeline.repository.visible import Visible


def adopt(
    ledger: Ledger,
    policy: SyncPolicy,
    repository: str,
    connector: str,
    action_id: str,
    options: SyncOptions,
    fingerprints: Mapping[str, str],
) -> tuple[str, ...]:
    """Ids of earlier attempts whose staged units this one may use, the newest first.

    Those are syncs of the same connector, repository and mode that ended without a commit, are younger than
    `staging_hours`, and read with the same fingerprints. One that the guard held is taken over only by the sync that
    approves it: the source may have been broken, and mended without new stamps. An attempt belongs to one successor
    at a time; when that ends without a commit, too, the next one takes over both.
    """
    ledger.interrupt_dead(repository, connector, silent_minutes=policy.interrupted_minutes)
    oldest = utc_now() - dt.timedelta(hours=policy.staging_hours)
    successor = action_table.alias("successor")
    query = (
        sa.select(action_table.c.action_id, action_table.c.status, action_table.c.options)
        .join(successor, successor.c.action_id == action_table.c.adopted_by, isouter=True)
        .where(
            action_table.c.repository == repository,
            action_table.c.connector == connector,
            action_table.c.kind == "sync",
            action_table.c.status.in_(UNFINISHED),
            action_table.c.started_at >= oldest,
            sa.or_(action_table.c.adopted_by.is_(None), successor.c.status.in_(UNFINISHED)),
        )
        .order_by(action_table.c.action_id.desc())
    )
    with ledger.writing() as connection:
        if not ledger.is_sqlite:
            query = query.with_for_update(of=action_table)
        found = [
            row.action_id
            for row in connection.execute(query)
            if row.options["clean"] == options.clean
            and (row.status != "held" or options.accept_shrink)
            and not row.options["dry_run"]
            and any(row.options["fingerprints"].get(name) == value for name, value in fingerprints.items())
        ]
        if found:
            connection.execute(
                action_table.update().where(action_table.c.action_id.in_(found)).values(adopted_by=action_id)
            )
    return tuple(found)


def commit_sync(
    ledger: Ledger,
    repository: str,
    connector_name: str,
    action_id: str,
    visible: Visible,
    status: str,
    rows: Sequence[Mapping[str, Any]],
    message: str,
) -> int:
    """Makes a sync visible, all tables at once, and returns its position.

    Raises:
        SyncError: what it was compared with is no longer what is visible (another sync of this connector committed, the
            repository was cleared or archived), or it was given up for dead.
    """
    again = "Run the sync again."
    with ledger.writing() as connection:
        position = ledger.next_position(connection)
        current = connection.execute(sa.select(repository_table).where(repository_table.c.slug == repository)).one()
        if ledger.status(action_id, connection) != "running":
            raise SyncError("it was given up for dead since it had not shown signs of life.", cure=again)
        if current.status != "active":
            raise SyncError(f"the repository {repository} was archived meanwhile.", cure="Restore it first.")
        if current.cleared_at_position != visible.cleared_at:
            raise SyncError(f"the repository {repository} was cleared meanwhile.", cure=again)
        other = overtaken(connection, repository, rows, visible.position, kinds=("sync",))
        if other:
            raise SyncError(
                f"another sync of {connector_name} ({other}) was committed since this one began, so this one was "
                "compared with what is no longer there.",
                cure=f"{again} Don't run two syncs of one connector at a time.",
            )
        ledger.commit(connection, action_id, position, status, rows, message)
    return position


def overtaken(
    connection: sa.Connection,
    repository: str,
    rows: Sequence[Mapping[str, Any]],
    position: int,
    kinds: tuple[str, ...],
) -> str | None:
    """Id of an action of these kinds that committed to one of the tables of `rows` after a position, if any.

    Positions are handed out under a lock that the caller holds, so nothing can commit between this and its commit.
    """
    places = sa.or_(
        *(
            sa.and_(sync_table.c.connector == row["connector"], sync_table.c.table_name == row["table_name"])
            for row in rows
        )
    )
    query = (
        sa.select(sync_table.c.action_id)
        .join(action_table, action_table.c.action_id == sync_table.c.action_id)
        .where(sync_table.c.repository == repository, sync_table.c.position > position, places)
        .where(action_table.c.kind.in_(kinds))
        .order_by(sync_table.c.position)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()
