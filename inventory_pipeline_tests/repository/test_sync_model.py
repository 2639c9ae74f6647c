"""Random sequences of source changes, syncs of every kind, crashes, compactions, against a model of plain dicts."""

from __future__ import annotations

import itertools
import multiprocessing
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inventory_pipeline.errors import SyncError, SyncHeld
from inventory_pipeline.repository.compaction import compact
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import Row, Source, Unit, members, software

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])
TABLES = ("software", "group_member")
KEYS = st.sampled_from([f"u{number}" for number in range(8)])
NAMES = st.lists(st.sampled_from(["a", "b", "c", "'; drop table x; --", "=1+1", "ünï\u202ecode"]), max_size=4)
State = dict[tuple[str, str], list[Row]]
_VALUES = ("source_device_id", "title", "version", "source_group_id", "member_kind", "member_id")


def _sync_in_a_process(folder: str, clean: bool) -> None:
    repository = Store(Path(folder) / "data").repository("main")
    run_sync(repository, Source(Path(folder) / "source.json").connector(), SyncOptions(clean=clean))


def _values(rows: list[Row]) -> list[str]:
    return sorted({repr([row.get(name) for name in _VALUES]) for row in rows})


class SyncMachine(RuleBasedStateMachine):
    """The model is what the newest committed sync saw of the source, unit by unit."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="inventory-model-"))
        self.source = Source(self.folder / "source.json")
        for number in range(6):
            self.source.put("software", f"u{number}", software(f"u{number}", "a", "b"), "0")
            self.source.put("group_member", f"u{number}", members(f"u{number}", "a"), None)
        self.source.save()
        self.store = Store(self.folder / "data")
        self.repository = self.store.ensure("main", "Main")
        self.model: State = {}
        self.past: list[tuple[int, State]] = []
        self.stamps = itertools.count(1)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            for position, state in self.past:
                assert self.seen(position) == self.filled(state), f"as of {position}"
            self.store.ledger.close()
            shutil.rmtree(self.folder)

    @rule(table=st.sampled_from(TABLES), key=KEYS, names=NAMES)
    def put(self, table: str, key: str, names: list[str]) -> None:
        rows = software(key, *names) if table == "software" else members(key, *names)
        self.source.put(table, key, rows, str(next(self.stamps)) if table == "software" else None)
        self.source.save()

    @rule(table=st.sampled_from(TABLES), key=KEYS)
    def drop(self, table: str, key: str) -> None:
        if key in self.source.tables[table]:
            self.source.drop(table, key)
            self.source.save()

    @rule(clean=st.booleans(), accept=st.booleans(), dry_run=st.booleans(), mapping=st.sampled_from("12"))
    def sync(self, clean: bool, accept: bool, dry_run: bool, mapping: str) -> None:
        connector = self.source.connector(mapping=mapping)
        options = SyncOptions(clean=clean, accept_shrink=accept, dry_run=dry_run)
        coming = self.coming(set())
        if self.is_held(coming) and not accept and not dry_run:
            with pytest.raises(SyncHeld):
                run_sync(self.repository, connector, options)
            return
        report = run_sync(self.repository, connector, options)
        for table in TABLES:
            log = report.table(table)
            was, now = self.rows_of(self.model, table), self.rows_of(coming, table)
            assert (log.rows_before, log.rows_total) == (len(was), len(now))
            assert (log.added, log.removed, log.unchanged) == (len(now - was), len(was - now), len(was & now))
        if not dry_run:
            self.commit(coming, report.position)

    @rule(keys=st.sets(KEYS, min_size=1, max_size=3), clean=st.booleans())
    def sync_with_units_that_cannot_be_read(self, keys: set[str], clean: bool) -> None:
        self.source.faults = {"refuse": {table: sorted(keys) for table in TABLES}}
        self.source.save()
        coming = self.coming(keys)
        # A mapping of its own, since what an earlier attempt could still read of these units would rightly be used.
        connector = self.source.connector(mapping=f"refusing {next(self.stamps)}")
        report = run_sync(self.repository, connector, SyncOptions(clean=clean, accept_shrink=True))
        self.commit(coming, report.position)
        self.source.faults = {}
        self.source.save()

    @rule(table=st.sampled_from(TABLES), call=st.integers(0, 1), late=st.booleans(), clean=st.booleans())
    def failed_sync(self, table: str, call: int, late: bool, clean: bool) -> None:
        self.source.faults = {"fail": {table: call}, "late": late}
        self.source.save()
        coming = self.coming(set())
        try:
            report = run_sync(self.repository, self.source.connector(), SyncOptions(clean=clean, accept_shrink=True))
        except SyncError as error:
            assert "lost" in str(error)
        else:
            self.commit(coming, report.position)
        self.source.faults = {}
        self.source.save()

    @rule(table=st.sampled_from(TABLES), late=st.booleans(), clean=st.booleans())
    def killed_sync(self, table: str, late: bool, clean: bool) -> None:
        self.source.faults = {"kill": {table: 0}, "late": late}
        self.source.save()
        process = PROCESSES.Process(target=_sync_in_a_process, args=(str(self.folder), clean))
        process.start()
        process.join(60)
        self.source.faults = {}
        self.source.save()
        # Without anything to read of the first table, or held, it ends by itself.
        if process.exitcode == 0:
            self.commit(self.coming(set()), None)
        else:
            assert process.exitcode in (-signal.SIGKILL, 1)

    @rule()
    def compact(self) -> None:
        list(compact(self.repository, RetentionPolicy(compact_after_syncs=2)))

    @rule()
    def clear(self) -> None:
        self.store.clear("main")
        self.model = {}
        self.past = []

    @invariant()
    def visible_is_the_model(self) -> None:
        if hasattr(self, "folder"):
            assert self.seen(None) == self.filled(self.model)

    def seen(self, position: int | None) -> dict[tuple[str, str], list[str]]:
        visible = self.repository.visible(position)
        found: dict[tuple[str, str], list[Row]] = {}
        for table in TABLES:
            rows = visible.arrow(table).to_pylist()
            assert visible.rows(table) == len(rows)
            for row in rows:
                found.setdefault((table, row["unit_key"]), []).append(row)
        return {unit: _values(rows) for unit, rows in found.items()}

    def filled(self, state: State) -> dict[tuple[str, str], list[str]]:
        return {unit: _values(rows) for unit, rows in state.items() if rows}

    def coming(self, refused: set[str]) -> State:
        """What would be visible after a sync now."""
        units: dict[tuple[str, str], Unit] = {
            (table, key): unit for table in TABLES for key, unit in self.source.tables[table].items()
        }
        coming = {unit: value.rows for unit, value in units.items() if unit[1] not in refused}
        # Units that could not be read stay as they are, whatever became of them, as long as they are listed.
        for unit, rows in self.model.items():
            if unit[1] in refused and unit in units:
                coming[unit] = rows
        # Without rows and without a listing there is no report.
        return {unit: rows for unit, rows in coming.items() if rows or unit[0] == "software"}

    def is_held(self, coming: State) -> bool:
        for table in TABLES:
            was = {unit for unit in self.model if unit[0] == table}
            rows_was, rows_now = self.rows_of(self.model, table), self.rows_of(coming, table)
            if len(was - set(coming)) > 0.3 * len(was) or len(rows_was) - len(rows_now) > 0.3 * len(rows_was):
                return True
        return False

    def rows_of(self, state: State, table: str) -> set[tuple[str, str]]:
        return {(key, row) for (name, key), rows in state.items() if name == table for row in _values(rows)}

    def commit(self, coming: State, position: int | None) -> None:
        self.model = dict(coming)
        if position is not None:
            self.past.append((position, dict(coming)))


TestSyncModel: Any = SyncMachine.TestCase
TestSyncModel.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
