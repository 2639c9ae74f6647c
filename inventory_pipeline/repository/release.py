"""Releases: what one consolidation published. A release is an immutable folder and one ledger row.

A build writes below `<repository>/releases/<id>/<table>/`; nobody sees it until its row says `published`, in one
transaction that also checks that it was built upon the newest release. Statuses: building, published, failed, expired
(past its retention; files are gone or going).
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset as ds
import sqlalchemy as sa

from inventory_pipeline.errors import InventoryError, ReleaseError
from inventory_pipeline.repository.database_file import refresh_database
from inventory_pipeline.repository.ledger import action_table, new_id, release_table, utc_now
from inventory_pipeline.repository.storage import Storage, sql_name, sql_text
from inventory_pipeline.repository.store import Repository

logger = logging.getLogger("inventory_pipeline.release")

TITLE = "Generate Report - Basic Inventory Consolidation"
"""How a consolidation stands in the process log."""

BUILD_SILENT_MINUTES = 24 * 60
"""A build gives signs of life after every table; of a process elsewhere, this much silence means that it is dead."""


@dataclass(frozen=True, slots=True)
class Release:
    """A published release: rows by table, the raw data's ledger position, checks and manifest. Times are UTC without
    zone. `paths` are the Parquet files by table, relative to the storage."""

    id: str
    repository: str
    title: str
    position: int
    published_at: dt.datetime
    tables: Mapping[str, int]
    paths: Mapping[str, Sequence[str]]
    checks: Sequence[Mapping[str, Any]]
    manifest: Mapping[str, Any]
    storage: Storage = field(repr=False)

    @property
    def views(self) -> Mapping[str, str]:
        """Queries over the tables that were published with them, by name."""
        return self.manifest.get("views", {})

    def sql(self, connection: duckdb.DuckDBPyConnection, table: str) -> str:
        """A query for the rows of a table, for this connection."""
        if self.storage.is_local:
            listed = ", ".join(sql_text(self.storage.path(path)) for path in self.paths[table])
            return f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"
        name = f"release_{self.id}_{table}"
        files = [self.storage.path(path) for path in self.paths[table]]
        connection.register(name, ds.dataset(files, format="parquet", filesystem=self.storage.filesystem))
        return f"SELECT * FROM {sql_name(name)}"

    def connect(self) -> duckdb.DuckDBPyConnection:
        """An in-memory DuckDB database with the release's tables and views; whoever asks for it closes it.

        Raises:
            ReleaseError: files of the release are gone.
        """
        connection = duckdb.connect()
        try:
            for table in self.tables:
                connection.execute(f"CREATE VIEW {sql_name(table)} AS {self.sql(connection, table)}")
            for name, query in self.views.items():
                connection.execute(f"CREATE VIEW {sql_name(name)} AS {query}")
        except (duckdb.IOException, OSError) as error:
            connection.close()
            raise ReleaseError(
                f"release {self.id} cannot be read ({str(error).splitlines()[0]}).",
                subject=self.title,
                cure="It may be past its retention; take a newer one.",
            ) from None
        return connection


def list_releases(repository: Repository) -> list[Release]:
    """Published releases of a repository, the newest first."""
    return _published(repository, sa.true(), None)


def latest_release(repository: Repository, moment: dt.datetime | None = None) -> Release | None:
    """The newest release, or the newest that was published by a moment (with zone, or UTC without)."""
    condition: sa.ColumnElement[bool] = sa.true()
    if moment is not None:
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        condition = release_table.c.published_at <= moment
    return next(iter(_published(repository, condition, 1)), None)


def _published(repository: Repository, condition: sa.ColumnElement[bool], limit: int | None) -> list[Release]:
    query = (
        sa.select(release_table)
        .where(release_table.c.repository == repository.slug, release_table.c.status == "published", condition)
        .order_by(release_table.c.published_at.desc(), release_table.c.release_id.desc())
        .limit(limit)
    )
    with repository.store.ledger.reading() as connection:
        return [_release(repository, row) for row in connection.execute(query)]


def _release(repository: Repository, row: sa.Row[Any]) -> Release:
    return Release(
        id=row.release_id,
        repository=repository.slug,
        title=repository.title,
        position=row.position,
        published_at=row.published_at,
        tables={name: stated["rows"] for name, stated in row.tables.items()},
        paths={name: tuple(stated["files"]) for name, stated in row.tables.items()},
        checks=row.checks or (),
        manifest=row.manifest or {},
        storage=repository.store.storage,
    )


def release_folder(repository: str, release_id: str) -> str:
    """Relative path of a release's files."""
    return f"{repository}/releases/{release_id}"


def begin_release(repository: Repository, *, run_id: str | None = None, title: str = TITLE) -> ReleaseBuild:
    """Begins a release of what is visible now.

    `run_id` is that of the run that asked for it, `title` what the process log calls it.

    Raises:
        InventoryError: the repository is archived.
    """
    if repository.is_archived:
        raise InventoryError("the repository is archived.", subject=repository.title, cure="Restore it first.")
    ledger = repository.store.ledger
    ledger.interrupt_dead(repository.slug, None, silent_minutes=BUILD_SILENT_MINUTES)
    previous = latest_release(repository)
    release_id = new_id()
    action_id = ledger.begin("consolidation", title, repository=repository.slug, run_id=run_id)
    position = ledger.position()
    with ledger.writing() as connection:
        connection.execute(
            release_table.insert().values(
                release_id=release_id,
                repository=repository.slug,
                action_id=action_id,
                position=position,
                status="building",
                created_at=utc_now(),
                tables={},
                checks=[],
                manifest={},
            )
        )
    return ReleaseBuild(repository, release_id, action_id, position, previous)


class ReleaseBuild:
    """A release that is being built: give every table with `add`, then `publish` or `fail`."""

    def __init__(
        self, repository: Repository, release_id: str, action_id: str, position: int, previous: Release | None
    ) -> None:
        self.repository = repository
        self.release_id = release_id
        self.action_id = action_id
        self.position = position
        self.previous = previous
        self._tables: dict[str, dict[str, Any]] = {}
        self._storage = repository.store.storage
        self._folder = release_folder(repository.slug, release_id)
        # On an object store, files are built on this machine and uploaded when all are whole.
        self._local = self._storage.scratch(self._folder)

    def path(self, table: str) -> Path:
        """The folder on this machine that a table's files are to be written into."""
        return self._local / table

    def add(self, table: str, rows: int, files: Sequence[str]) -> None:
        """Says that a table is written: its rows, and its files' names within `path(table)`."""
        self._tables[table] = {"rows": rows, "files": [f"{self._folder}/{table}/{file}" for file in files]}
        self.repository.store.ledger.beat(self.action_id)

    def borrow(self, table: str, release: Release | None = None) -> list[str]:
        """Paths on this machine of a table's files of a release (default: the one before); none when there are none."""
        release = release or self.previous
        if release is None or table not in release.paths:
            return []
        paths = release.paths[table]
        if self._storage.is_local:
            return [str(self._storage.local(path)) for path in paths]
        folder = self._local / "borrowed" / release.id / table
        if not folder.exists():
            folder.mkdir(parents=True)
            for path in paths:
                self._storage.fetch(path, folder)
        return [str(folder / path.rsplit("/", 1)[-1]) for path in paths]

    def publish(
        self, checks: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any], views: Mapping[str, str] | None = None
    ) -> Release:
        """Makes the release the newest one, and `inventory.duckdb` show it.

        Raises:
            ReleaseError: another release was published since this one began, or the repository was archived; this one
            is marked as failed.
        """
        ledger = self.repository.store.ledger
        try:
            self._keep_files()
        except OSError as error:
            self.fail(f"The files could not be written: {error.strerror or error}.")
            raise ReleaseError(
                f"the files of the release could not be written ({error.strerror or error}).",
                subject=self.repository.title,
                cure="Check the space and the rights of the data folder.",
            ) from None
        stated = {**manifest, "views": dict(views or {})}
        now = utc_now()
        problem = ""
        with ledger.writing() as connection:
            ledger.lock(connection)
            problem = self._overtaken(connection)
            if not problem:
                connection.execute(
                    release_table.update()
                    .where(release_table.c.release_id == self.release_id)
                    .values(
                        status="published",
                        published_at=now,
                        tables=self._tables,
                        checks=list(checks),
                        manifest=stated,
                    )
                )
                rows = {name: table["rows"] for name, table in self._tables.items()}
                connection.execute(
                    action_table.update()
                    .where(action_table.c.action_id == self.action_id)
                    .values(status="done", ended_at=now, message=_told(self.release_id, rows))
                )
        if problem:
            self.fail(problem)
            raise ReleaseError(problem, subject=self.repository.title, cure="Consolidate again.")
        self._tidy()
        release = next(release for release in list_releases(self.repository) if release.id == self.release_id)
        refresh_database(self.repository.slug, self.repository.store.storage, lambda: latest_release(self.repository))
        return release

    def fail(self, message: str) -> None:
        """Marks the release as failed and takes its files away; earlier releases stay as they are."""
        ledger = self.repository.store.ledger
        with suppress(OSError):
            self._storage.delete(self._folder)
        self._tidy()
        with ledger.writing() as connection:
            connection.execute(
                release_table.update()
                .where(release_table.c.release_id == self.release_id, release_table.c.status == "building")
                .values(status="failed", message=message)
            )
        ledger.end(self.action_id, "failed", message)

    def _overtaken(self, connection: sa.Connection) -> str:
        """Why it must not be published, if so. Others cannot commit between this and the caller's commit."""
        if self.repository.store.ledger.status(self.action_id, connection) != "running":
            return "this consolidation was given up for dead since it had not shown signs of life."
        newest = connection.execute(
            sa.select(release_table.c.release_id)
            .where(release_table.c.repository == self.repository.slug, release_table.c.status == "published")
            .order_by(release_table.c.published_at.desc(), release_table.c.release_id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if newest != (self.previous.id if self.previous else None):
            return "another release was published since this consolidation began."
        return ""

    def _keep_files(self) -> None:
        """Sees to it that the files are where they belong before the ledger names them."""
        for table in self._tables.values():
            for path in table["files"]:
                self._storage.keep(self._local / path.removeprefix(f"{self._folder}/"), path)

    def _tidy(self) -> None:
        if not self._storage.is_local:
            shutil.rmtree(self._local, ignore_errors=True)


def _told(release_id: str, rows: Mapping[str, int]) -> str:
    figures = ", ".join(
        f"{rows[name]:,} {name}s" for name in ("device", "product", "installation", "entitlement") if name in rows
    )
    return f"Release {release_id}: {figures}."
