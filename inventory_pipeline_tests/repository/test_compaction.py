"""Compaction changes how the data lies, never what it says."""

from __future__ import annotations

import pytest

from inventory_pipeline.repository.compaction import compact
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.store import Repository
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import Source, content, device, members, software

POLICY = RetentionPolicy(compact_after_syncs=3)


def sync_often(repository: Repository, source: Source, times: int = 4) -> None:
    """A first sync, then some that change one device, drop one, and re-stamp one without a change."""
    run_sync(repository, source.connector())
    for number in range(times):
        source.put("device", f"d{number}", device(f"d{number}", model=f"M{number}"), "2")
        source.put("device", "d9", device("d9"), f"stamp {number}")
        torn = [{"source_device_id": "d"}] if number == 0 else []
        source.put("software", f"d{number}", [*software(f"d{number}", "Acrobat"), *torn], "2")
        source.put("group_member", "g1", members("g1", "anna", f"person {number}"), None)
        source.save()
        run_sync(repository, source.connector())
    source.drop("device", "d0")
    source.save()
    run_sync(repository, source.connector())


def test_nothing_visible_changes(repository: Repository, source: Source) -> None:
    sync_often(repository, source)
    position = repository.visible().position
    before = {name: sorted(repository.visible().arrow(name).to_pylist(), key=repr) for name in ("device", "software")}
    rejects = repository.rejects().to_pylist()
    assert rejects
    [line] = compact(repository, POLICY)
    assert line.startswith("fixture: ")
    visible = repository.visible()
    assert {len(pieces) for pieces in visible.pieces.values()} == {1}
    for name, rows in before.items():
        assert sorted(visible.arrow(name).to_pylist(), key=repr) == rows
        assert sorted(repository.visible(position).arrow(name).to_pylist(), key=repr) == rows
    assert sorted(repository.rejects().to_pylist(), key=repr) == sorted(rejects, key=repr)
    assert list(compact(repository, POLICY)) == []
    log = repository.process_log(1).to_pylist()[0]
    assert (log["kind"], log["title"], log["status"]) == ("maintenance", "Compact - fixture", "done")


def test_syncs_go_on_as_if_nothing_had_been(repository: Repository, source: Source) -> None:
    sync_often(repository, source)
    list(compact(repository, POLICY))
    connector = source.connector()
    assert run_sync(repository, connector).status == "unchanged"
    assert {table for table, _ in connector.units_read} == {"group_member"}
    source.put("device", "d5", device("d5", model="later"), "3")
    source.drop("device", "d6")
    source.save()
    report = run_sync(repository, source.connector())
    assert (report.table("device").changed, report.table("device").removed) == (1, 1)
    after = content(repository)
    assert run_sync(repository, source.connector(), SyncOptions(clean=True)).status == "unchanged"
    assert content(repository) == after


def test_a_sync_that_runs_meanwhile_is_not_lost(repository: Repository, source: Source) -> None:
    sync_often(repository, source)
    source.put("device", "d5", device("d5", model="meanwhile"), "3")
    source.put("device", "d9", device("d9"), "a new stamp")
    source.save()

    class Meanwhile(type(source.connector())):
        def close(self) -> None:
            if self._calls:
                list(compact(repository, POLICY))

    report = run_sync(repository, Meanwhile(name="Fixture", path=str(source.path)))
    assert report.table("device").changed == 1
    after = content(repository)
    assert run_sync(repository, source.connector(), SyncOptions(clean=True)).status == "unchanged"
    assert content(repository) == after


def test_it_gives_way_to_a_sync_that_commits_meanwhile(
    repository: Repository, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_often(repository, source)
    source.put("device", "d5", device("d5", model="meanwhile"), "3")
    source.save()
    lines = compact(repository, POLICY)
    visible = repository.visible()
    run_sync(repository, source.connector())
    after = content(repository)
    monkeypatch.setattr(type(repository), "visible", lambda self: visible)
    [line] = lines
    monkeypatch.undo()
    assert "was committed meanwhile" in line
    assert content(repository) == after
    assert repository.process_log(1).column("status").to_pylist() == ["unchanged"]
    assert not [file for file in repository.store.storage.files("main/raw") if line.split()[0] in file]
    assert len(list(compact(repository, POLICY))) == 1
    assert content(repository) == after
