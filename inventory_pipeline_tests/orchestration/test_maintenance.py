"""Housekeeping: old runs go, the newest of every asset and repository stays."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.maintenance import purge_runs
from inventory_pipeline_tests.orchestration.estates import configured, give_devices, launcher


def test_old_runs_go_but_not_the_newest_of_an_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    estate = launcher(configured(tmp_path))
    give_devices(tmp_path / "depot", "OMEGA")
    first = estate.sync("depot").run_id
    lab = estate.sync("depot", "lab").run_id
    newest = estate.sync("depot").run_id
    tested = estate.test("depot").run_id
    instance = estate.instance
    assert purge_runs(instance, dt.timedelta(days=1)) == 0
    assert purge_runs(instance, dt.timedelta(seconds=-1)) == 2
    left = {run.run_id for run in instance.get_runs()}
    assert left == {lab, newest} and first not in left and tested not in left
    event = instance.get_latest_materialization_event(names.raw_key("depot", "device"))
    assert event is not None and event.run_id == newest


def test_maintaining_a_repository_is_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    text = """
        retention: {compact_after_syncs: 2}
        connectors: [{name: Depot, type: file_upload, folder: depot, settle_seconds: 0}]
    """
    estate = launcher(configured(tmp_path, text))
    for count in range(1, 4):
        give_devices(tmp_path / "depot", *(f"D{number}" for number in range(count)))
        assert estate.sync("depot").success
    done = estate.maintain()
    assert done.success, done.message
    assert any("depot" in line for line in done.result)
    assert estate.sync("depot").result.status == "unchanged"
