"""Repositories: where they are, what they hold, and what may be done with them as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import sqlalchemy as sa

from inventory_pipeline.errors import ConfigurationError, InventoryError
from inventory_pipeline.repository import logs
from inventory_pipeline.repository.ledger import Ledger, new_id, repository_table, utc_now
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.schema import action_table
from inventory_pipeline.repository.storage import Storage
from inventory_pipeline.repository.visible import Visible

Kind = Literal["inventory", "entitlement"]


class Store:
    """All repositories of an installation: a place for Parquet files and a ledger.

    `data_url` is a folder or an object store's URL, `ledger_url` a SQLAlchemy URL; without one the ledger is
    `ledger.sqlite` in the data folder.

    Raises:
        ConfigurationError: one of them cannot be opened, or an object store was given without a ledger.
    """

    def __init__(self, data_url: str | Path, ledger_url: str | None = None, policy: SyncPolicy | None = None) -> None:
        self.storage = Storage(data_url)
        if ledger_url is None:
            if not self.storage.is_local:
                raise ConfigurationError(
                    "data in an object store needs a ledger elsewhere.", cure="Set `ledger` to a database URL."
                )
            ledger_url = f"sqlite:///{self.storage.local('ledger.sqlite')}"
        self.ledger = Ledger(ledger_url)
        self.policy = policy or SyncPolicy()

    def ensure(self, slug: str, title: str, kind: Kind = "inventory") -> Repository:
        """Makes a repository when there is none of that slug; gives an existing one the title.

        Raises:
            ConfigurationError: it exists with another kind.
        """
        with self.ledger.writing() as connection:
            self.ledger.lock(connection)
            query = sa.select(repository_table).where(repository_table.c.slug == slug)
            row = connection.execute(query).one_or_none()
            if row is None:
                connection.execute(
                    repository_table.insert().values(
                        slug=slug, title=title, kind=kind, status="active", created_at=utc_now(), cleared_at_position=0
                    )
                )
            elif row.kind != kind:
                raise ConfigurationError(
                    f"the repository {slug} exists as {row.kind} repository.",
                    cure="The kind cannot change; choose another name.",
                )
            elif row.title != title:
                connection.execute(repository_table.update().where(repository_table.c.slug == slug).values(title=title))
        return self.repository(slug)

    def repository(self, slug: str) -> Repository:
        """The repository of that slug.

        Raises:
            InventoryError: there is none.
        """
        found = {repository.slug: repository for repository in self.repositories()}
        if slug not in found:
            raise InventoryError(
                f"there is no repository {slug!r}.", cure=f"Known repositories: {', '.join(found) or 'none'}."
            )
        return found[slug]

    def repositories(self) -> list[Repository]:
        """All repositories, archived ones included, in the order of their slugs."""
        with self.ledger.reading() as connection:
            rows = connection.execute(sa.select(repository_table).order_by(repository_table.c.slug)).all()
        return [Repository(row.slug, row.title, row.kind, row.status, self) for row in rows]

    def archive(self, slug: str) -> None:
        """Makes a repository read-only: syncs into it are refused, what it holds stays readable."""
        self._change(slug, "Archive", status="archived")

    def restore(self, slug: str) -> None:
        """Undoes `archive`."""
        self._change(slug, "Restore", status="active")

    def clear(self, slug: str) -> None:
        """Hides all raw data of a repository; releases stay readable, files are swept by maintenance.

        Raises:
            InventoryError: it is archived.
        """
        if self.repository(slug).is_archived:
            raise InventoryError(f"the repository {slug} is archived.", cure="Restore it first.")
        self._change(slug, "Clear")

    def _change(self, slug: str, verb: str, **values: Any) -> None:
        repository = self.repository(slug)
        with self.ledger.writing() as connection:
            position = self.ledger.next_position(connection)
            if not values:
                values = {"cleared_at_position": position}
            connection.execute(repository_table.update().where(repository_table.c.slug == slug).values(values))
            now = utc_now()
            connection.execute(
                action_table.insert().values(
                    action_id=new_id(), kind="maintenance", title=f"{verb} repository - {repository.title}",
                    repository=slug, status="done", queued_at=now, started_at=now, ended_at=now, position=position,
                )
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository; `status` is that of the moment when it was looked up."""

    slug: str
    title: str
    kind: str
    status: str
    store: Store

    @property
    def is_archived(self) -> bool:
        """True when nothing may be synced into it."""
        return self.status == "archived"

    def visible(self, position: int | None = None) -> Visible:
        """The raw data as of a ledger position (default: as of now).

        A position before the last clearing shows nothing.
        """
        with self.store.ledger.reading() as connection:
            query = sa.select(repository_table.c.cleared_at_position).where(repository_table.c.slug == self.slug)
            cleared_at = connection.execute(query).scalar_one()
        if position is None:
            position = self.store.ledger.position()
        return Visible(self.store.ledger, self.store.storage, self.slug, cleared_at, position)

    def rejects(self, table: str | None = None) -> pa.Table:
        """What is set aside of the visible raw data (REJECT_SCHEMA), of one table or of all."""
        return self.visible().rejects(table)

    def freshness(self) -> pa.Table:
        """Per connector and category: last attempt, last success, what it brought (see `logs.FRESHNESS_SCHEMA`)."""
        return logs.freshness(self.store.ledger, self.slug)

    def process_log(self, limit: int = 1000) -> pa.Table:
        """Actions of this repository, the newest first (see `logs.PROCESS_SCHEMA`)."""
        return logs.process_log(self.store.ledger, self.slug, limit)

    def sync_log(self, connector: str | None = None, action_id: str | None = None, limit: int = 1000) -> pa.Table:
        """What committed syncs changed, per sync and table, the newest first (see `logs.SYNC_SCHEMA`)."""
        return logs.sync_log(self.store.ledger, self.slug, connector, action_id, limit)
