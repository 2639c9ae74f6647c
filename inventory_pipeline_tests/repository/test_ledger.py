"""The ledger on SQLite and on a real PostgreSQL server: positions, commits, dead processes, and whole syncs on it."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory_pipeline.errors import ConfigurationError, SyncError
from inventory_pipeline.repository.ledger import Ledger, action_table, new_id, utc_now
from inventory_pipeline.repository.schema import state_table
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import Source, content, device


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger's URL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    return request.getfixturevalue("postgres_server").create_database(f"ledger_{os.getpid()}")


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = Ledger(url)
    yield ledger
    ledger.close()


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(50)]
    assert [name[:22] for name in ids] == sorted(name[:22] for name in ids)
    assert len(set(ids)) == 50


def test_it_opens_again_with_what_it_holds(url: str, ledger: Ledger) -> None:
    action = ledger.begin("sync", "Sync Data - X", repository="main", connector="x")
    again = Ledger(url)
    with again.reading() as connection:
        assert again.status(action, connection) == "running"
    again.close()


def test_positions_are_unique_and_grow_whoever_commits(ledger: Ledger) -> None:
    taken: list[int] = []

    def commit() -> None:
        for _ in range(10):
            action = ledger.begin("maintenance", "Clear")
            with ledger.writing() as connection:
                position = ledger.next_position(connection)
                ledger.commit(connection, action, position, "done")
            taken.append(position)

    threads = [threading.Thread(target=commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 41))
    assert ledger.position() == 40


def test_a_transaction_that_fails_takes_no_position(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.writing() as connection:
        ledger.next_position(connection)
        raise RuntimeError
    assert ledger.position() == 0


def test_a_queued_action_is_started_by_its_id(ledger: Ledger) -> None:
    action = ledger.queue("sync", "Sync Data - X", repository="main", connector="x")
    assert ledger.begin("sync", "Sync Data - X", action_id=action, repository="main", connector="x") == action
    with ledger.reading() as connection:
        row = connection.execute(sa.select(action_table)).one()
    assert (row.status, row.pid) == ("running", os.getpid())
    assert row.queued_at <= row.started_at


def test_actions_of_dead_processes_are_interrupted(ledger: Ledger) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    mine = ledger.begin("sync", "mine", repository="main", connector="x")
    dead = ledger.begin("sync", "dead", repository="main", connector="x", pid=child.pid)
    far = ledger.begin("sync", "far", repository="main", connector="x", host="elsewhere", pid=child.pid)
    silent = ledger.begin("sync", "silent", repository="main", connector="x", host="elsewhere")
    other = ledger.begin("sync", "other", repository="main", connector="y", pid=child.pid)
    with ledger.writing() as connection:
        long_ago = utc_now() - dt.timedelta(minutes=11)
        connection.execute(
            action_table.update().where(action_table.c.action_id == silent).values(heartbeat_at=long_ago)
        )
    assert sorted(ledger.interrupt_dead("main", "x")) == sorted([dead, silent])
    with ledger.reading() as connection:
        found = {action: ledger.status(action, connection) for action in (mine, dead, far, silent, other)}
    assert found == {mine: "running", dead: "interrupted", far: "running", silent: "interrupted", other: "running"}


def test_a_heartbeat_keeps_an_action_alive(ledger: Ledger) -> None:
    action = ledger.begin("sync", "far", repository="main", connector="x", host="elsewhere")
    with ledger.writing() as connection:
        connection.execute(action_table.update().values(heartbeat_at=utc_now() - dt.timedelta(hours=1)))
    ledger.beat(action)
    assert ledger.interrupt_dead("main", "x") == []


def test_a_newer_schema_is_refused(url: str, ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(state_table.update().values(schema_version=99))
    with pytest.raises(ConfigurationError, match=r"schema version 99.*Upgrade"):
        Ledger(url)


def test_urls_that_cannot_be_opened_are_explained_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, only a text that is long enough to be read as a header of one")
    for url, word in (
        ("nonsense", "not a SQLAlchemy URL"),
        (f"sqlite:///{tmp_path / 'file'}", "not a database"),
        ("postgresql://user:pass-word-1@127.0.0.1:1/x", "cannot be opened"),
        ("nosuchdatabase://user:pass-word-1@host/x", "cannot be opened"),
    ):
        with pytest.raises(ConfigurationError, match=word) as failure:
            Ledger(url)
        error: BaseException | None = failure.value
        while error is not None:
            assert "pass-word-1" not in repr(error)
            error = error.__cause__ or error.__context__


def test_whole_syncs(url: str, tmp_path: Path, source: Source) -> None:
    store = Store(tmp_path / "data", url)
    repository = store.ensure("main", "Main")
    assert run_sync(repository, source.connector()).status == "committed"
    assert run_sync(repository, source.connector()).status == "unchanged"
    source.put("device", "d1", device("d1", model="X"), "2")
    source.faults = {"fail": {"software": 0}}
    source.put("software", "d1", [], "2")
    source.save()
    with pytest.raises(SyncError):
        run_sync(repository, source.connector())
    source.faults = {}
    source.save()
    report = run_sync(repository, source.connector())
    assert report.table("device").units_resumed == 1
    assert report.position == 3
    after = content(repository)
    other = store.ensure("other", "Other")
    run_sync(other, source.connector(), SyncOptions(clean=True))
    assert content(other) == after
    assert [row["rows_total"] for row in repository.freshness().to_pylist()] == [10, 18, 3]
    store.clear("main")
    assert not any(content(repository).values())
    store.ledger.close()


def test_two_syncs_at_once_on_one_ledger(url: str, tmp_path: Path, source: Source) -> None:
    """Two threads sync the same connector: each outcome is a commit of its own or a clear refusal, never a mixture."""
    store = Store(tmp_path / "data", url)
    repository = store.ensure("main", "Main")
    outcomes: list[str] = []

    def sync() -> None:
        try:
            outcomes.append(run_sync(repository, source.connector()).status)
        except SyncError as error:
            assert "was committed since this one began" in str(error)
            outcomes.append("refused")

    threads = [threading.Thread(target=sync) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("committed") == 1
    assert set(outcomes) <= {"committed", "refused", "unchanged"}
    assert len(content(repository)["device"]) == 10
    store.ledger.close()
