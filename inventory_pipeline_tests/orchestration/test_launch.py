"""Actions launched in this process: what they do, what their runs say, and what no run ever holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg
import pytest

from inventory_pipeline.errors import ConfigurationError, SyncHeld
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.failures import stacks_as_before
from inventory_pipeline.orchestration.launch import SHIPPED_WORKSPACE_FILE, Launcher
from inventory_pipeline.repository.sync_report import SyncReport
from inventory_pipeline_tests.orchestration.estates import configured, give_devices, give_software, launcher

DEVICES = names.raw_key("branch_files", "device")


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launcher:
    """Two folders with a few devices, and a history of its own."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    give_devices(tmp_path / "branch", "ALPHA", "BETA", "GAMMA", "DELTA")
    give_software(tmp_path / "branch", "Editor", "Viewer", devices=2)
    give_devices(tmp_path / "depot", "OMEGA")
    return launcher(configured(tmp_path))


def test_a_sync_is_a_run_in_the_history_with_its_sync_log(estate: Launcher) -> None:
    launched = estate.sync("Branch Files")
    assert launched.success and isinstance(launched.result, SyncReport)
    run = estate.instance.get_run_by_id(launched.run_id)
    assert run is not None and run.job_name == "sync_data__branch_files"
    assert run.tags[names.PARTITION_TAG] == "default_inventory"
    assert run.tags[names.ACTION_TAG] == "Sync Data - Branch Files"
    event = estate.instance.get_latest_materialization_event(DEVICES)
    assert event is not None and event.asset_materialization is not None
    assert event.asset_materialization.partition == "default_inventory"
    metadata = event.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 4
    assert metadata["added"].value == 4
    assert "| device | 4 | 4 | 0 |" in str(metadata["sync log"].value)
    log = estate.runtime.repository("default_inventory").process_log().to_pylist()
    assert [(row["title"], row["status"], row["run_id"]) for row in log] == [
        ("Sync Data - Branch Files", "committed", launched.run_id)
    ]


def test_the_same_sync_twice_changes_nothing(estate: Launcher) -> None:
    estate.sync("branch_files")
    again = estate.sync("branch_files")
    assert again.success and again.result.status == "unchanged"


def test_a_dry_run_shows_what_would_change_and_commits_nothing(estate: Launcher) -> None:
    launched = estate.sync("branch_files", dry_run=True, run_consolidation_reports=True)
    assert launched.success and launched.result.status == "dry_run"
    assert estate.instance.get_latest_materialization_event(DEVICES) is None
    observed = estate.instance.fetch_observations(DEVICES, limit=1).records[0].asset_observation
    assert observed is not None and observed.metadata["added"].value == 4
    run = estate.instance.get_run_by_id(launched.run_id)
    assert run is not None and run.tags[names.CONSOLIDATE_TAG] == "false"


def test_data_to_sync_is_intersected_with_the_selected_assets(estate: Launcher) -> None:
    launched = estate.sync("branch_files", data_to_sync=["software"])
    assert {log.table for log in launched.result.tables} == {"software"}
    job = estate.definitions.resolve_implicit_global_asset_job_def()
    outcome = job.execute_in_process(
        instance=estate.instance, partition_key="lab", asset_selection=[DEVICES], raise_on_error=False
    )
    assert outcome.success
    assert {log.table for log in estate.runtime.results[outcome.run_id].tables} == {"device"}
    nothing = estate.sync("branch_files", data_to_sync=[])
    assert not nothing.success and "nothing is chosen" in nothing.message


def test_repositories_are_kept_apart(estate: Launcher) -> None:
    estate.sync("depot", "Lab")
    assert estate.runtime.repository("lab").process_log().num_rows == 1
    assert estate.runtime.repository("default_inventory").process_log().num_rows == 0


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        ("attic", "there is no repository 'attic'"),
        ("default_entitlement", "holds entitlement"),
        (None, "no repository"),
    ],
)
def test_a_partition_that_dagster_did_not_check_is_refused(
    estate: Launcher, partition: str | None, expected: str
) -> None:
    tags = {names.PARTITION_TAG: partition} if partition else {}
    job = estate.definitions.resolve_job_def("sync_data__branch_files")
    with stacks_as_before():
        outcome = job.execute_in_process(instance=estate.instance, tags=tags, raise_on_error=False)
    assert expected in _failure(outcome)
    stacks = [event.step_failure_data.error for event in outcome.all_events if event.is_step_failure]
    assert stacks and all(error is not None and not error.stack for error in stacks)
    assert estate.runtime.repository("default_inventory").process_log().num_rows == 0


def test_an_archived_repository_takes_no_data(estate: Launcher) -> None:
    assert estate.change_repository("archive", "lab").success
    launched = estate.sync("depot", "lab")
    assert not launched.success and "archived" in launched.message
    assert estate.change_repository("restore", "lab").success
    assert estate.sync("depot", "lab").success


def test_clearing_needs_the_name_typed(estate: Launcher) -> None:
    estate.sync("depot")
    refused = estate.run(names.repository_job("clear"), {}, "default_inventory")
    assert not refused.success and "confirm: default_inventory" in refused.message
    assert estate.runtime.repository("default_inventory").freshness().num_rows > 0
    assert estate.change_repository("clear", "default_inventory").success
    repository = estate.runtime.repository("default_inventory")
    assert sum(repository.freshness().column("rows_total").drop_null().to_pylist()) == 0


def test_a_shrunken_source_is_held_until_it_is_approved(estate: Launcher, tmp_path: Path) -> None:
    estate.sync("branch_files", data_to_sync=["device"])
    give_devices(tmp_path / "branch", "ALPHA")
    held = estate.sync("branch_files", data_to_sync=["device"])
    assert not held.success and isinstance(held.result, SyncHeld)
    assert "accept_shrink" in held.message and "Traceback" not in held.message
    approved = estate.sync("branch_files", data_to_sync=["device"], accept_shrink=True)
    assert approved.success and approved.result.total("rows_total") == 1


def test_a_test_is_a_check_on_the_source_with_its_time(estate: Launcher) -> None:
    assert estate.test("depot").success
    key = dg.AssetCheckKey(names.source_key("depot"), names.TEST_CHECK)
    record = estate.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)[0]
    assert record.status.value == "SUCCEEDED" and record.create_timestamp > 0
    log = estate.runtime.store.ledger
    assert log.position() == 0, "a test commits nothing"


def test_a_failed_test_says_what_to_do(estate: Launcher, tmp_path: Path) -> None:
    (tmp_path / "depot" / "devices.csv").unlink()
    (tmp_path / "depot").rmdir()
    launched = estate.test("depot")
    assert not launched.success
    assert "does not exist" in launched.message and "Correct `folder`, or create it." in launched.message


def test_failures_leave_the_tracebacks_of_the_program_alone(estate: Launcher) -> None:
    assert not estate.sync("depot", data_to_sync=[]).success
    assert not hasattr(sys, "tracebacklimit")


def test_wrong_names_are_refused_before_a_run_starts(estate: Launcher) -> None:
    for call in (
        lambda: estate.sync("nobody"),
        lambda: estate.sync("depot", "attic"),
        lambda: estate.sync("depot", data_to_sync=["entitlement"]),
        lambda: estate.consolidate("attic"),
    ):
        with pytest.raises(ConfigurationError):
            call()
    assert estate.instance.get_runs_count() == 0


def test_no_secret_in_anything_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "pl4nted-Secr3t-value"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PLANTED_PASSWORD", secret)
    text = """
        connectors:
          - {name: V, type: vcenter, host: 127.0.0.1, port: 9, username: u, password: {env: PLANTED_PASSWORD},
             timeout_seconds: 2}
    """
    estate = launcher(configured(tmp_path, text))
    tested, synced = estate.test("v"), estate.sync("v")
    assert not tested.success and not synced.success
    assert secret not in tested.message + synced.message
    snapshot = dg._core.snap.JobSnap.from_job_def(estate.definitions.resolve_job_def("sync_data__v"))  # type: ignore[attr-defined]
    assert secret not in repr(snapshot)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".db") for path in files)
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_the_history_gets_the_shipped_settings(estate: Launcher, tmp_path: Path) -> None:
    estate.test("depot")
    home = Path(os.environ["DAGSTER_HOME"])
    shipped = (Path(__file__).parents[2] / "dagster.yaml").read_text()
    assert (home / "dagster.yaml").read_text() == shipped
    workspace = Path(__file__).parents[2] / "workspace.yaml"
    assert SHIPPED_WORKSPACE_FILE.read_text() == workspace.read_text()
    assert estate.instance.telemetry_enabled is False


def _failure(outcome: dg.ExecuteInProcessResult) -> str:
    for event in outcome.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            return event.step_failure_data.user_failure_data.description or ""
    return ""
