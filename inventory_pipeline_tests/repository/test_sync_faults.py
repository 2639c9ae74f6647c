"""Syncs that fail, and processes that are killed: nothing lost, nothing half replaced, the next run completes."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from inventory_pipeline.errors import SyncError
from inventory_pipeline.repository import sync_write
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import (
    Secret,
    Source,
    content,
    device,
    estate,
    keys_of,
    members,
    software,
)

CLEAN = SyncOptions(clean=True)
# A server process that has imported everything and started nothing, from which each victim is forked.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def change(source: Source) -> None:
    """Every device changed, one gone and one new; every software unit changed."""
    for number in range(1, 10):
        source.put("device", f"d{number}", device(f"d{number}", model="new"), "2")
        source.put("software", f"d{number}", software(f"d{number}", "Acrobat", "New tool"), "2")
    for table in ("device", "software"):
        source.drop(table, "d0")
    source.put("device", "d10", device("d10"))
    source.put("group_member", "g2", members("g2", "carl", "dora"), None)
    source.save()


def expected(store: Store, source: Source) -> dict[str, Any]:
    """What a repository that never saw trouble would hold."""
    fresh = store.ensure("fresh", "Fresh")
    store.clear("fresh")
    run_sync(fresh, source.connector(), CLEAN)
    return content(fresh)


@pytest.mark.parametrize(
    ("table", "call", "clean"),
    [
        ("device", 0, True),
        ("device", 2, False),
        ("software", 1, True),
        ("software", 2, False),
        ("group_member", 0, True),
    ],
)
def test_a_source_that_fails_at_a_chunk(
    store: Store, repository: Repository, source: Source, table: str, call: int, clean: bool
) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    change(source)
    source.faults = {"fail": {table: call}, "late": clean}
    source.save()
    with pytest.raises(SyncError) as failure:
        run_sync(repository, source.connector(), SyncOptions(clean=clean))
    assert str(failure.value).startswith(f"Fixture: {table}: OSError: connection to {table} lost")
    assert content(repository) == before
    log = repository.process_log(1).to_pylist()[0]
    assert (log["status"], log["message"], log["position"]) == ("failed", str(failure.value), None)
    source.faults = {}
    source.save()
    connector = source.connector()
    report = run_sync(repository, connector, SyncOptions(clean=clean))
    assert content(repository) == expected(store, source)
    # What was read is not read again: chunks are of three units.
    finished = {"device": {"device": 3 * call}, "software": {"device": 10, "software": 3 * call}}.get(
        table, {"device": 10, "software": 9}
    )
    for name, units in finished.items():
        assert report.table(name).units_resumed == units
        assert (
            len([key for read, key in connector.units_read if read == name])
            == {"device": 10, "software": 9}[name] - units
        )


def test_resuming_reads_again_what_changed_since(store: Store, repository: Repository, source: Source) -> None:
    source.faults = {"fail": {"software": 2}}
    source.save()
    with pytest.raises(SyncError):
        run_sync(repository, source.connector())
    assert not any(content(repository).values())
    source.faults = {}
    source.put("device", "d1", device("d1", model="changed meanwhile"), "2")
    source.drop("device", "d2")
    source.put("device", "d3", device("d3"), None)
    source.save()
    connector = source.connector()
    report = run_sync(repository, connector)
    assert report.table("device").units_resumed == 7
    assert [key for table, key in connector.units_read if table == "device"] == ["d1", "d3"]
    assert content(repository) == expected(store, source)


def test_a_third_attempt_uses_what_both_earlier_ones_read(repository: Repository, source: Source) -> None:
    for call in (1, 1):
        source.faults = {"fail": {"device": call}}
        source.save()
        with pytest.raises(SyncError):
            run_sync(repository, source.connector())
    source.faults = {}
    source.save()
    report = run_sync(repository, source.connector())
    assert report.table("device").units_resumed == 6
    assert report.table("device").rows_total == 10
    assert not repository.store.storage.files("main/staging")


def test_staged_data_of_another_mode_mapping_or_age_is_not_used(tmp_path: Path, source: Source) -> None:
    cases: list[tuple[dict[str, Any], SyncOptions, float]] = [
        ({}, CLEAN, 24),
        ({"mapping": "2"}, SyncOptions(), 24),
        ({}, SyncOptions(), 0),
    ]
    for number, (fields, options, hours) in enumerate(cases):
        store = Store(tmp_path / str(number), policy=SyncPolicy(staging_hours=hours))
        repository = store.ensure("main", "Main")
        source.faults = {"fail": {"device": 2}}
        source.save()
        with pytest.raises(SyncError):
            run_sync(repository, source.connector())
        source.faults = {}
        source.save()
        report = run_sync(repository, source.connector(**fields), options)
        assert report.table("device").units_resumed == 0
        assert report.table("device").rows_total == 10


def test_a_secret_in_a_drivers_error_is_not_told(
    repository: Repository, source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FIXTURE_PASSWORD", "hunter2-hunter2")
    source.faults = {"fail": {"device": 0}}
    source.save()
    connector = source.connector(password=Secret(env="FIXTURE_PASSWORD"))
    with caplog.at_level("DEBUG"), pytest.raises(SyncError, match=r"lost .secret.") as failure:
        run_sync(repository, connector)
    error: BaseException | None = failure.value
    while error is not None:
        assert "hunter2" not in repr(error)
        error = error.__cause__ or error.__context__
    assert "hunter2" not in repr(repository.process_log().to_pylist())
    assert "hunter2" not in "".join(record.getMessage() for record in caplog.records)


def test_a_stopped_sync_is_told_apart_from_a_failed_one(repository: Repository, source: Source) -> None:
    class Stopped(type(source.connector())):
        def _fault(self, table: str, call: int) -> None:
            if (table, call) == ("software", 1):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sync(repository, Stopped(name="Fixture", path=str(source.path)))
    assert repository.process_log(1).column("status").to_pylist() == ["interrupted"]
    assert run_sync(repository, source.connector()).table("device").units_resumed == 10


# --- killed processes ---------------------------------------------------------------------------------------------


def _victim(folder: str, clean: bool, kill_at: str | int | None) -> None:
    """A process that syncs, and kills itself at a moment: the n-th call of one of our functions, or by name.

    Names: `before commit` and `after commit` of the transaction that makes the sync visible (in SQLite's own C
    function), else `function` on its entry and `function!` on its return.
    """
    source = Path(folder) / "source.json"
    store = Store(Path(folder) / "data")
    repository = store.repository("main")
    connector = Source(source).connector()
    calls: list[str] = []
    if clean:
        # As a large sync does, which takes files of the staging over as they are.
        sync_write.FLUSH_ROWS = 1

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event in ("c_call", "c_return") and getattr(argument, "__name__", "") == "commit":
            if isinstance(getattr(argument, "__self__", None), sqlite3.Connection) and _within(frame, "commit_sync"):
                calls.append("before commit" if event == "c_call" else "after commit")
                if kill_at == calls[-1]:
                    kill()
        elif event in ("call", "return") and "/inventory_pipeline/repository/" in frame.f_code.co_filename:
            calls.append(frame.f_code.co_name + ("!" if event == "return" else ""))
            if kill_at == calls[-1] or kill_at == len(calls):
                kill()

    sys.setprofile(watch)
    run_sync(repository, connector, SyncOptions(clean=clean))
    sys.setprofile(None)
    (Path(folder) / "calls").write_text("\n".join(calls))


def _within(frame: FrameType | None, function: str) -> bool:
    while frame is not None:
        if frame.f_code.co_name == function:
            return True
        frame = frame.f_back
    return False


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """A folder with a store that has synced once and a source that changed since; what is visible before and after."""
    folder = tmp_path_factory.mktemp("pattern")
    source = estate(folder / "source.json")
    store = Store(folder / "data")
    repository = store.ensure("main", "Main")
    run_sync(repository, source.connector())
    before = content(repository)
    change(source)
    after = expected(store, source)
    store.ledger.close()
    return folder, before, after


class Place:
    """A copy of the pattern, for one victim."""

    def __init__(self, pattern: tuple[Path, dict[str, Any], dict[str, Any]], folder: Path) -> None:
        origin, self.before, self.after = pattern
        self.folder = shutil.copytree(origin, folder)
        self.source = Source.load(folder / "source.json")
        self.store = Store(folder / "data")
        self.repository = self.store.repository("main")

    def sync_in_a_process(self, clean: bool, kill_at: str | int | None) -> int | None:
        """Exit code of a real process that synced; minus the signal's number when it was killed."""
        process = PROCESSES.Process(target=_victim, args=(str(self.folder), clean, kill_at))
        process.start()
        process.join(60)
        return process.exitcode

    def check(self, clean: bool, committed: bool) -> None:
        """Either everything or nothing of the killed sync is visible, and the next one completes it."""
        assert content(self.repository) == (self.after if committed else self.before)
        report = run_sync(self.repository, self.source.connector(), SyncOptions(clean=clean))
        assert report.status == ("unchanged" if committed else "committed")
        assert content(self.repository) == self.after
        statuses = self.repository.process_log().column("status").to_pylist()
        assert statuses[1] == ("committed" if committed else "interrupted")


MOMENTS = (
    "read_table", "read_table!", "_flush!", "finish!", "compare", "write_table", "writer!", "write_files!",
    "commit_sync", "before commit", "after commit", "_sweep", "delete!",
)  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "clean"),
    [
        *((moment, False) for moment in MOMENTS),
        *((moment, True) for moment in ("take_over", "take_over!", *MOMENTS[5:11])),
    ],
)
def test_killed_at_a_moment(
    tmp_path: Path, pattern: tuple[Path, dict[str, Any], dict[str, Any]], moment: str, clean: bool
) -> None:
    place = Place(pattern, tmp_path / "place")
    assert place.sync_in_a_process(clean, moment) == -signal.SIGKILL
    place.check(clean, committed=moment in ("after commit", "_sweep", "delete!"))


@pytest.mark.parametrize("clean", [False, True])
def test_killed_anywhere(tmp_path: Path, pattern: tuple[Path, dict[str, Any], dict[str, Any]], clean: bool) -> None:
    whole = Place(pattern, tmp_path / "whole")
    assert whole.sync_in_a_process(clean, None) == 0
    calls = (whole.folder / "calls").read_text().splitlines()
    assert len(calls) > 300
    for share in (0.2, 0.5, 0.75, 0.9):
        place = Place(pattern, tmp_path / str(share))
        assert place.sync_in_a_process(clean, int(share * len(calls))) == -signal.SIGKILL
        state = content(place.repository)
        assert state in (place.before, place.after)
        place.check(clean, committed=state == place.after)


def test_killed_while_reading_resumes(tmp_path: Path, pattern: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    place = Place(pattern, tmp_path / "place")
    place.source.faults = {"kill": {"software": 2}}
    place.source.save()
    assert place.sync_in_a_process(False, None) == -signal.SIGKILL
    assert content(place.repository) == place.before
    place.source.faults = {}
    place.source.save()
    connector = place.source.connector()
    report = run_sync(place.repository, connector)
    assert report.table("device").units_resumed == 10
    resumed = report.table("software").units_resumed
    assert resumed in (3, 6)  # of the two chunks that had been read the second may not have been kept yet
    read = [key for table, key in connector.units_read if table == "software"]
    assert read == [f"d{number}" for number in range(resumed + 1, 10)]
    assert content(place.repository) == place.after


def test_killed_again_and_again(tmp_path: Path, pattern: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    place = Place(pattern, tmp_path / "place")
    for table, call in (("device", 1), ("device", 1), ("software", 0), ("software", 1), ("group_member", 0)):
        place.source.faults = {"kill": {table: call}, "late": True}
        place.source.save()
        assert place.sync_in_a_process(False, None) == -signal.SIGKILL
    place.source.faults = {}
    place.source.save()
    report = run_sync(place.repository, place.source.connector())
    assert report.table("device").units_resumed == 10
    assert content(place.repository) == place.after
    assert "d0" not in keys_of(place.repository, "device")
