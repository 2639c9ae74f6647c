"""What every connector owes its users, as tests to inherit.

A connector's test module adds three lines and says how to make its source:

    class TestMyConnector(ConnectorConformance):
        @pytest.fixture
        def source(self, tmp_path): return MySource(tmp_path)

where `MySource` is a `ConformanceSource`: it makes a real counterpart (files, a database, a server), hands out
connectors to it, and can change, remove, break and repair what is there.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector, RefusedUnit, run_test
from inventory_pipeline.errors import InventoryError, SyncError
from inventory_pipeline.records import TABLES
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, SyncReport, run_sync


class ConformanceSource(ABC):
    """A source that a connector reads from, under the test's control."""

    secret: str | None = None
    """The value of the secret that connectors use, when there is one; it must show up nowhere."""

    table: str = "device"
    """The table whose units `change_device` and `remove_device` change and remove, where a source brings no devices."""

    @abstractmethod
    def connector(self) -> Connector:
        """A connector that works."""

    @abstractmethod
    def broken_connector(self) -> tuple[Connector, str]:
        """A connector that cannot connect or read, and a word that its failed Test must say."""

    @abstractmethod
    def change_device(self) -> str:
        """Changes one device's record in a way that the source marks as new; returns its source_device_id."""

    @abstractmethod
    def remove_device(self) -> str:
        """Removes one device entirely; returns its source_device_id."""

    @abstractmethod
    def break_while_reading(self) -> None:
        """Makes the next read fail midway."""

    @abstractmethod
    def repair(self) -> None:
        """Undoes `break_while_reading`."""


def snapshot(repository: Repository) -> dict[str, list[tuple]]:
    """All visible rows of a repository, per table, without the columns that tell syncs apart."""
    visible = repository.visible()
    found: dict[str, list[tuple]] = {}
    for table in TABLES.values():
        arrow = visible.arrow(table.name)
        kept = [name for name in arrow.schema.names if name not in {"sync_id", "observed_at"}]
        rows = arrow.select(kept).to_pylist()
        found[table.name] = sorted((tuple(repr(row[name]) for name in kept) for row in rows), key=repr)
    return found


class ConnectorConformance(ABC):
    """The suite; see the module."""

    @pytest.fixture
    @abstractmethod
    def source(self, tmp_path: Path) -> ConformanceSource:
        """The source under test."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """An empty store whose guard does not interfere with small sources."""
        policy = SyncPolicy(guard_share=1.0, reject_share=0.5)
        store = Store(str(tmp_path / "store"), f"sqlite:///{tmp_path / 'ledger.sqlite'}", policy)
        for slug in ("main", "other"):
            store.ensure(slug, slug.title(), "inventory")
        return store

    @pytest.fixture
    def repository(self, store: Store) -> Repository:
        """An empty repository."""
        return store.repository("main")

    def _sync(self, repository: Repository, source: ConformanceSource, **options: object) -> SyncReport:
        return run_sync(repository, source.connector(), SyncOptions(**options))  # pyright: ignore[reportArgumentType]

    def test_declares_what_it_brings(self, source: ConformanceSource) -> None:
        connector = source.connector()
        assert connector.type
        assert connector.title
        for declared in connector.sources:
            assert declared.table in TABLES
            assert declared.permission, f"{declared.table}: say what the account needs"
            assert declared.change, f"{declared.table}: say how a change is noticed"
        for name, field in type(connector).model_fields.items():
            assert field.description, f"field {name} needs a description"

    def test_its_test_passes_on_a_good_source(self, source: ConformanceSource) -> None:
        report = run_test(source.connector())
        assert report.passed, report.failures
        assert set(report.checks) == {"connection", *(category.value for category in source.connector().categories())}

    def test_its_test_fails_with_cause_and_cure(self, source: ConformanceSource) -> None:
        connector, word = source.broken_connector()
        report = run_test(connector)
        assert not report.passed
        failure = report.failures[0]
        assert word.lower() in failure.message.lower()
        assert failure.cure

    def test_rows_have_canonical_columns_and_no_other(self, source: ConformanceSource) -> None:
        connector = source.connector()
        beside = {"unit_key", "source_object", "source_row", "extra", "reject_reason", "reject_value"}
        with connector.opened():
            for declared in connector.sources:
                for batch in connector.read(declared.table):
                    if not isinstance(batch, RefusedUnit):
                        unknown = set(batch.schema.names) - set(TABLES[declared.table].column_names) - beside
                        assert not unknown, f"{declared.table}: {unknown}"

    def test_brings_devices_and_every_declared_category(
        self, source: ConformanceSource, repository: Repository
    ) -> None:
        self._sync(repository, source)
        found = snapshot(repository)
        for category in source.connector().categories():
            rows = sum(len(found[table.name]) for table in TABLES.values() if table.category is category)
            assert rows, f"nothing came for {category.value}"

    def test_the_same_sync_again_adds_nothing(self, source: ConformanceSource, repository: Repository) -> None:
        self._sync(repository, source)
        before = snapshot(repository)
        report = self._sync(repository, source)
        assert report.status == "unchanged"
        assert sum(log.added + log.changed + log.removed for log in report.tables) == 0
        assert snapshot(repository) == before

    def test_incremental_equals_clean(self, source: ConformanceSource, store: Store) -> None:
        incremental, clean = store.repository("main"), store.repository("other")
        self._sync(incremental, source)
        source.change_device()
        source.remove_device()
        self._sync(incremental, source)
        self._sync(clean, source, clean=True)
        assert snapshot(incremental) == snapshot(clean)

    def test_a_changed_device_is_read_again(self, source: ConformanceSource, repository: Repository) -> None:
        self._sync(repository, source)
        before = snapshot(repository)
        source.change_device()
        report = self._sync(repository, source)
        assert report.status == "committed"
        assert snapshot(repository) != before

    def test_a_device_that_has_gone_goes(self, source: ConformanceSource, repository: Repository) -> None:
        self._sync(repository, source)
        gone = source.remove_device()
        self._sync(repository, source)
        devices = repository.visible().arrow(source.table).column(TABLES[source.table].unit[0]).to_pylist()
        assert gone not in devices
        assert devices

    def test_a_read_that_breaks_loses_nothing_and_the_next_sync_completes(
        self, source: ConformanceSource, store: Store
    ) -> None:
        repository = store.repository("main")
        self._sync(repository, source)
        before = snapshot(repository)
        source.change_device()
        source.break_while_reading()
        for clean in (False, True):
            with pytest.raises(SyncError) as failure:
                self._sync(repository, source, clean=clean)
            assert source.connector().name in str(failure.value)
            assert snapshot(repository) == before
        source.repair()
        self._sync(repository, source)
        other = store.repository("other")
        self._sync(other, source)
        assert snapshot(repository) == snapshot(other)

    def test_a_subset_of_categories_leaves_the_others_alone(
        self, source: ConformanceSource, repository: Repository
    ) -> None:
        self._sync(repository, source)
        before = snapshot(repository)
        source.change_device()
        source.remove_device()
        chosen = TABLES[source.table].category
        self._sync(repository, source, categories=(chosen,), clean=True)
        after = snapshot(repository)
        for name, rows in after.items():
            if TABLES[name].category is not chosen:
                assert rows == before[name]

    def test_a_dry_run_commits_nothing_and_reports_what_it_would(
        self, source: ConformanceSource, repository: Repository
    ) -> None:
        report = self._sync(repository, source, dry_run=True)
        assert report.status == "dry_run"
        assert sum(log.added for log in report.tables) > 0
        assert not any(snapshot(repository).values())

    def test_the_same_input_gives_the_same_rows(self, source: ConformanceSource) -> None:
        def read() -> dict[str, list[str]]:
            connector = source.connector()
            with connector.opened():
                return {
                    declared.table: sorted(
                        repr(row)
                        for batch in connector.read(declared.table)
                        if not isinstance(batch, RefusedUnit)
                        for row in batch.to_pylist()
                    )
                    for declared in connector.sources
                }

        assert read() == read()

    def test_no_secret_leaves(
        self, source: ConformanceSource, repository: Repository, caplog: pytest.LogCaptureFixture
    ) -> None:
        connector = source.connector()
        texts = [repr(connector), str(connector)]
        with caplog.at_level(logging.DEBUG):
            texts += [repr(run_test(connector)), repr(self._sync(repository, source))]
            broken, _ = source.broken_connector()
            texts += [repr(run_test(broken)), repr(broken)]
            try:
                run_sync(repository, broken, SyncOptions())
            except InventoryError as error:
                texts += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
        texts += [record.getMessage() for record in caplog.records]
        texts += [repr(row) for row in repository.process_log().to_pylist()]
        if source.secret:
            for text in texts:
                assert source.secret not in text
