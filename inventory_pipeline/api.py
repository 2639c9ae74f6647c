"""The inventory for programs: read any table of any release, and launch the actions that the UI launches.

```python
from inventory_pipeline.api import open_inventory

inventory = open_inventory()                        # inventory.yaml as for the command
inventory.sync("head_office_configmgr", data_to_sync=["device", "software"])
inventory.consolidate()
devices = inventory.repository().table("device").df()
```
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from inventory_pipeline.errors import ConfigurationError, InventoryError, SyncHeld
from inventory_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb
    import pandas as pd

    from inventory_pipeline.orchestration.launch import Launcher
    from inventory_pipeline.orchestration.runtime import Runtime
    from inventory_pipeline.repository.release import Release
    from inventory_pipeline.repository.store import Repository


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended; its run is in Dagster's history under `run_id`.

    `message` says why it failed. `report` is what a sync or a test found (None when it failed before that), `held`
    is True when the guard held a sync, `release` is what a consolidation published, `lines` what maintenance did.
    """

    run_id: str
    success: bool
    message: str = ""
    report: Any = None
    release: Release | None = None
    held: bool = False
    lines: tuple[str, ...] = ()


def open_inventory(config: str | Path | None = None) -> Inventory:
    """Opens the inventory of a configuration (default: INVENTORY_CONFIG, ./inventory.yaml, the example estate).

    Raises:
        ConfigurationError: the configuration is not usable; the message names lines and cures.
    """
    return Inventory(load_settings(config))


class Inventory:
    """The repositories and connectors of one configuration."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def launcher(self) -> Launcher:
        """Launches jobs in this process; imports Dagster when it is first used."""
        from inventory_pipeline.orchestration.launch import Launcher

        return Launcher(self.settings, self._runtime)

    @cached_property
    def _runtime(self) -> Runtime:
        from inventory_pipeline.orchestration.runtime import Runtime

        return Runtime(self.settings)

    def repository(self, name: str = "") -> RepositoryReader:
        """The repository of that name or slug; the default inventory without.

        Raises:
            ConfigurationError: there is none.
        """
        entry = self.settings.repository(name)
        return RepositoryReader(self._runtime.store.repository(entry.slug))

    @property
    def repositories(self) -> list[RepositoryReader]:
        """All repositories of the configuration, in its order."""
        return [self.repository(entry.slug) for entry in self.settings.repositories]

    def process_log(self, limit: int = 1000) -> pa.Table:
        """Actions of all repositories and tests of all connectors, the newest first, with status and duration."""
        from inventory_pipeline.repository.logs import process_log

        return process_log(self._runtime.store.ledger, limit=limit)

    def sync(self, connector: str, repository: str = "", **options: Any) -> Outcome:
        """Launches `Sync Data - <connector>`.

        Options are those of the Launchpad: `clean_sync`, `data_to_sync` (names of categories), `run_ai_action`,
        `dry_run`, `accept_shrink`, `run_consolidation_reports`. The outcome's `report` is a SyncReport.

        Raises:
            ConfigurationError: no such connector, repository or category.
        """
        launched = self.launcher.sync(connector, repository, **options)
        held = isinstance(launched.result, SyncHeld)
        report = None if held else launched.result
        return Outcome(launched.run_id, launched.success, launched.message, report=report, held=held)

    def export(self, connector: str) -> Outcome:
        """Launches `Export Entitlements - <connector>`. `report` is what was Exported, `lines` what is to be said.

        Raises:
            ConfigurationError: no such connector, or it exports nothing.
        """
        launched = self.launcher.export(connector)
        lines = launched.result.lines if launched.result is not None else ()
        return Outcome(launched.run_id, launched.success, launched.message, report=launched.result, lines=lines)

    def test(self, connector: str) -> Outcome:
        """Launches `Test - <connector>`. The outcome's `report` is a TestReport; a failed check is no success."""
        launched = self.launcher.test(connector)
        return Outcome(launched.run_id, launched.success, launched.message, report=launched.result)

    def consolidate(self, repository: str = "", *, run_ai_action: bool = False) -> Outcome:
        """Launches `Generate Report - Basic Inventory Consolidation`. The outcome's `release` is what it published."""
        launched = self.launcher.consolidate(repository, run_ai_action=run_ai_action)
        return Outcome(launched.run_id, launched.success, launched.message, release=launched.result)

    def publish_entitlements(self, repository: str = "") -> Outcome:
        """Launches `Publish Entitlements`. `release` is what it published, `lines` say how clean the drafts were."""
        launched = self.launcher.publish_entitlements(repository)
        release, drafts = launched.result or (None, None)
        lines = (drafts.told(),) if drafts is not None else ()
        return Outcome(launched.run_id, launched.success, launched.message, release=release, lines=lines)

    def maintain(self, repository: str = "") -> Outcome:
        """Compacts a repository, applies retention and sweeps; the outcome's `lines` say what was done."""
        launched = self.launcher.maintain(repository)
        lines = tuple(launched.result or ())
        return Outcome(launched.run_id, launched.success, launched.message, lines=lines)

    def change_repository(self, verb: str, name: str) -> Outcome:
        """Archives, restores or clears a repository (`archive`, `restore`, `clear`)."""
        launched = self.launcher.change_repository(verb, name)
        return Outcome(launched.run_id, launched.success, launched.message)


class RepositoryReader:
    """Reads one repository: releases and their tables, raw data, logs. Reading never blocks and is never blocked."""

    def __init__(self, repository: Repository) -> None:
        self.source = repository

    @property
    def slug(self) -> str:
        """Name as folders and commands have it."""
        return self.source.slug

    @property
    def title(self) -> str:
        """Name as shown."""
        return self.source.title

    def releases(self) -> list[Release]:
        """Published releases that can still be read, the newest first."""
        from inventory_pipeline.repository.release import list_releases

        return list_releases(self.source)

    def release(self, release_id: str | None = None, *, as_of: dt.datetime | dt.date | str | None = None) -> Release:
        """A release: by id, the newest at a point in time (`as_of`; without zone UTC), or the newest.

        Raises:
            InventoryError: there is none.
        """
        from inventory_pipeline.repository.release import latest_release

        if release_id is not None:
            for release in self.releases():
                if release.id == release_id:
                    return release
            raise InventoryError(f"there is no release {release_id!r}.", subject=self.title)
        found = latest_release(self.source, _moment(as_of))
        if found is None:
            when = f" as of {as_of}" if as_of else ""
            raise InventoryError(
                f"no release has been published{when}.", subject=self.title, cure="Run `inventory consolidate`."
            )
        return found

    def tables(self, **which: Any) -> tuple[str, ...]:
        """Names of the tables of a release (arguments as for `release`)."""
        return tuple(sorted(self.release(**which).tables))

    def table(self, name: str, **which: Any) -> TableReader:
        """A table of a release (arguments as for `release`).

        Raises:
            InventoryError: the release has no such table.
        """
        release = self.release(**which)
        if name not in release.tables:
            raise InventoryError(f"there is no table {name!r}.", cure=f"Tables: {', '.join(sorted(release.tables))}.")
        return TableReader(release.connect(), f'select * from "{name}"')

    def sql(self, query: str, **which: Any) -> TableReader:
        """The result of a query over the tables of a release (arguments as for `release`)."""
        return TableReader(self.release(**which).connect(), query)

    def raw(self, table: str) -> TableReader:
        """What the connectors say now, in canonical columns (`device`, `software` ...), as of the newest commit."""
        import duckdb

        from inventory_pipeline.records import TABLES

        if table not in TABLES:
            raise ConfigurationError(f"there is no canonical table {table!r}.", cure=f"Tables: {', '.join(TABLES)}.")
        connection = duckdb.connect()
        self.source.visible().register(connection, table)
        return TableReader(connection, f'select * from "raw_{table}"')

    def freshness(self) -> pa.Table:
        """Per connector and category: last attempt, last success, what it brought. Times are UTC."""
        return self.source.freshness()

    def sync_log(self, connector: str | None = None, limit: int = 1000) -> pa.Table:
        """What syncs changed, per sync and table, the newest first."""
        return self.source.sync_log(connector, limit=limit)

    def process_log(self, limit: int = 1000) -> pa.Table:
        """Actions with status and duration, the newest first."""
        return self.source.process_log(limit)

    def rejects(self, table: str | None = None) -> pa.Table:
        """Rows and values that were set aside, with the reason."""
        return self.source.rejects(table)


class TableReader:
    """One table or query; read it as pandas, Arrow or a DuckDB relation. Timestamps are UTC without zone."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        self._connection = connection
        self._query = query

    @property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """A lazy DuckDB relation: filter, aggregate and join before anything is read."""
        return self._connection.sql(self._query)

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self.relation.to_arrow_table()

    def df(self) -> pd.DataFrame:
        """The rows as a pandas data frame."""
        return self.relation.df()

    def batches(self, rows: int = 100_000) -> Iterable[pa.RecordBatch]:
        """The rows in batches, in bounded memory."""
        return self.relation.to_arrow_reader(rows)


def _moment(as_of: dt.datetime | dt.date | str | None) -> dt.datetime | None:
    """A point in time, UTC; a date means its end."""
    if isinstance(as_of, str):
        text = as_of.strip()
        try:
            as_of = dt.date.fromisoformat(text) if len(text) == 10 else dt.datetime.fromisoformat(text)
        except ValueError:
            raise InventoryError(
                f"{text!r} is no date or time.", cure="Write 2026-03-31 or 2026-03-31T18:00."
            ) from None
    if as_of is None:
        return None
    if not isinstance(as_of, dt.datetime):
        as_of = dt.datetime.combine(as_of, dt.time.max)
    return as_of.replace(tzinfo=dt.UTC) if as_of.tzinfo is None else as_of.astimezone(dt.UTC)
