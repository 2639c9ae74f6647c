"""Housekeeping of a repository: retention of releases, and sweeping of files that nothing refers to.

What the ledger says comes first and files follow, so that an interruption leaves files behind, never a row without its
files. Kept are: what is visible now, what was visible when each retained or building release read it, what was visible
`orphan_hours` ago (somebody may still be reading it), and everything that is younger than that.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import sqlalchemy as sa

from inventory_pipeline.repository.database_file import refresh_database
from inventory_pipeline.repository.ledger import Ledger, action_table, release_table, utc_now
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.release import (
    BUILD_SILENT_MINUTES,
    latest_release,
    list_releases,
    release_folder,
)
from inventory_pipeline.repository.store import Repository

_ID = re.compile(r"\d{8}t\d{12}-[0-9a-f]{4}")


def maintain(repository: Repository, policy: RetentionPolicy) -> Iterator[str]:
    """Applies retention, then sweeps; yields a line for each thing that was done."""
    repository.store.ledger.interrupt_dead(repository.slug, None, silent_minutes=BUILD_SILENT_MINUTES)
    expired = _expire(repository, policy)
    if expired:
        yield f"{len(expired)} releases are past their retention: {', '.join(expired)}."
    swept, size = _sweep(repository, policy)
    if swept:
        yield f"{swept} folders that nothing refers to were deleted ({size / 1e6:,.1f} MB)."
    refresh_database(repository.slug, repository.store.storage, lambda: latest_release(repository))


def _expire(repository: Repository, policy: RetentionPolicy) -> list[str]:
    """Marks releases past their retention, and builds whose process is gone; returns the ids of the former."""
    ledger = repository.store.ledger
    limit = utc_now() - dt.timedelta(days=policy.releases_days)
    old = [
        release.id
        for release in list_releases(repository)[policy.releases_minimum :]
        if release.published_at.replace(tzinfo=None) < limit
    ]
    alive = _live_builds(ledger, repository.slug)
    mine = release_table.c.repository == repository.slug
    with ledger.writing() as connection:
        connection.execute(
            release_table.update().where(mine, release_table.c.release_id.in_(old)).values(status="expired")
        )
        connection.execute(
            release_table.update()
            .where(mine, release_table.c.status == "building", release_table.c.release_id.not_in(alive))
            .values(status="failed", message="The process ended before the release was published.")
        )
    return old


def _live_builds(ledger: Ledger, repository: str) -> dict[str, int]:
    """Releases that are being built by a process that may be alive, with the positions that they read."""
    query = (
        sa.select(release_table.c.release_id, release_table.c.position)
        .join(action_table, action_table.c.action_id == release_table.c.action_id)
        .where(
            release_table.c.repository == repository,
            release_table.c.status == "building",
            action_table.c.status == "running",
            action_table.c.heartbeat_at > utc_now() - dt.timedelta(minutes=BUILD_SILENT_MINUTES),
        )
    )
    with ledger.reading() as connection:
        return {row.release_id: row.position for row in connection.execute(query)}


def _sweep(repository: Repository, policy: RetentionPolicy) -> tuple[int, int]:
    """Deletes folders that nothing refers to; returns how many, and their bytes."""
    storage, ledger = repository.store.storage, repository.store.ledger
    before = utc_now() - dt.timedelta(hours=policy.orphan_hours)
    # Listed before the ledger is asked: what is committed after this is not on the list.
    candidates = [
        *(folder for table in storage.folders(f"{repository.slug}/raw") for folder in _syncs(repository, table)),
        *storage.folders(f"{repository.slug}/staging"),
    ]
    builds = _live_builds(ledger, repository.slug)
    releases = {release.id: release.position for release in list_releases(repository)}
    positions = {*releases.values(), *builds.values(), _position_at(ledger, before), ledger.position()}
    needed = {folder for position in positions for folder in repository.visible(position).folders()}
    needed |= {f"{repository.slug}/staging/{action}" for action in _running(ledger, repository.slug)}
    kept = {release_folder(repository.slug, release) for release in (*releases, *builds)}
    unneeded = [folder for folder in candidates if folder not in needed and _made_before(folder, before)]
    # A release is expired by its row, and nobody is told of it any more: its age was judged already.
    unneeded += [
        folder
        for folder in storage.folders(f"{repository.slug}/releases")
        if folder not in kept and (_is_past(repository, folder) or _made_before(folder, before))
    ]
    size = 0
    for folder in unneeded:
        size += sum(storage.size(file) for file in storage.files(folder))
        storage.delete(folder)
    return len(unneeded), size


def _syncs(repository: Repository, table_folder: str) -> list[str]:
    storage = repository.store.storage
    return [folder for connector in storage.folders(table_folder) for folder in storage.folders(connector)]


def _is_past(repository: Repository, folder: str) -> bool:
    """True for a folder whose release the ledger knows as expired or failed."""
    query = sa.select(release_table.c.status).where(release_table.c.release_id == folder.rsplit("/", 1)[-1])
    with repository.store.ledger.reading() as connection:
        return connection.execute(query).scalar_one_or_none() in ("expired", "failed")


def _position_at(ledger: Ledger, moment: dt.datetime) -> int:
    """The newest position that was committed by a moment."""
    query = sa.select(sa.func.coalesce(sa.func.max(action_table.c.position), 0)).where(
        action_table.c.ended_at <= moment
    )
    with ledger.reading() as connection:
        return connection.execute(query).scalar_one()


def _running(ledger: Ledger, repository: str) -> list[str]:
    query = sa.select(action_table.c.action_id).where(
        action_table.c.repository == repository, action_table.c.status == "running"
    )
    with ledger.reading() as connection:
        return list(connection.execute(query).scalars())


def _made_before(folder: str, moment: dt.datetime) -> bool:
    """Whether the id in a folder's name (see `new_id`) is older than a moment; a name without one is not ours."""
    found = _ID.search(folder.rsplit("/", 1)[-1])
    return found is not None and found[0] < f"{moment:%Y%m%dt%H%M%S%f}"
