"""What Dagster is shown for good, broken and empty configurations."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.orchestration import names
from inventory_pipeline_tests.orchestration.estates import TWO_FOLDERS, configured, definitions

SCHEDULED = """
    repositories: [Default Inventory, Lab]
    connectors:
      - name: Files
        type: file_upload
        folder: x
        schedules:
          - {cron: "30 2 * * *", time_zone: Europe/London, repository: lab, clean_sync: true, data_to_sync: [device]}
          - {cron: "@hourly", enabled: false}
"""
BROKEN = """
    connectors:
      - {name: Good, type: file_upload, folder: x}
      - {name: Bad, type: file_upload, foldr: x}
      - {name: Off, type: file_upload, folder: x, enabled: false}
      - {name: Strange, type: mainframe}
"""


@pytest.mark.parametrize("text", [TWO_FOLDERS, SCHEDULED, BROKEN, ""], ids=["two", "scheduled", "broken", "empty"])
def test_definitions_load_without_touching_data(tmp_path: Path, text: str) -> None:
    defs, _ = definitions(configured(tmp_path, text))
    dg.Definitions.validate_loadable(defs)
    assert [p.name for p in tmp_path.iterdir()] == ["inventory.yaml"], "loading definitions must not write"
    defs.resolve_job_def(names.CONSOLIDATION_JOB)


def test_a_connector_has_a_source_raw_assets_and_actions(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path))
    graph = defs.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["raw", "depot", "software"])).group_name == "connectors/depot"
    assert graph.get(dg.AssetKey(["raw", "depot", "software"])).parent_keys == {dg.AssetKey(["source", "depot"])}
    assert graph.get(dg.AssetKey(["source", "depot"])).is_external
    job = defs.resolve_job_def("sync_data__depot")
    assert job.metadata["title"].value == "Sync Data - Depot"
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys() == ["default_inventory", "lab"]
    assert defs.resolve_job_def("test_connector__depot").metadata["title"].value == "Test - Depot"


def test_lineage_runs_from_the_source_to_the_report(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path))
    graph = defs.resolve_asset_graph()
    reached, waiting = set(), [dg.AssetKey(["source", "branch_files"])]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += graph.get(key).child_keys
    assert {names.raw_key("branch_files", "software"), names.release_key("device")} <= reached
    assert {names.release_key("installation"), names.release_key("summary")} <= reached
    for table in RELEASE_TABLES.values():
        node = graph.get(names.release_key(table.name))
        assert node.group_name == table.group
        assert node.metadata["dagster/column_schema"].columns


def test_the_launchpad_is_prefilled_with_what_the_connector_brings(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path))
    op = defs.resolve_job_def("sync_data__depot").graph.node_named("sync__depot").definition
    fields = op.config_field.config_type.fields  # type: ignore[attr-defined]
    assert fields["data_to_sync"].default_value == ["device"]
    assert {name: field.default_value for name, field in fields.items() if name != "data_to_sync"} == {
        "clean_sync": False,
        "run_ai_action": False,
        "dry_run": False,
        "accept_shrink": False,
        "run_consolidation_reports": False,
    }


def test_a_broken_entry_keeps_its_source_and_test_and_the_others_work(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path, BROKEN))
    jobs = {job.name for job in defs.resolve_all_job_defs()}
    assert {"test_connector__good", "test_connector__bad", "test_connector__strange"} <= jobs
    assert {name for name in jobs if name.startswith("sync_data__")} == {"sync_data__good"}
    spec = defs.resolve_asset_graph().get(dg.AssetKey(["source", "bad"]))
    assert "`foldr` is not known" in (spec.description or "")


def test_schedules_start_the_configured_sync_in_their_time_zone(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path, SCHEDULED))
    schedule = defs.resolve_schedule_def("sync_data__files__schedule_1")
    assert schedule.execution_timezone == "Europe/London"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert defs.resolve_schedule_def("sync_data__files__schedule_2").default_status is dg.DefaultScheduleStatus.STOPPED
    with dg.build_schedule_context(
        scheduled_execution_time=dt.datetime(2026, 3, 1, 2, 30, tzinfo=dt.UTC),
        repository_def=defs.get_repository_def(),
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == ["lab"]
    assert requests[0].run_config == {
        "ops": {"sync__files": {"config": {"clean_sync": True, "data_to_sync": ["device"]}}}
    }
    dg.validate_run_config(defs.resolve_job_def("sync_data__files"), requests[0].run_config)


def test_nothing_of_a_connector_can_be_changed_at_launch(tmp_path: Path) -> None:
    defs, _ = definitions(configured(tmp_path))
    job = defs.resolve_job_def("sync_data__depot")
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, {"resources": {"connector__depot": {"config": {"folder": "/etc"}}}})
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, {"ops": {"sync__depot": {"config": {"data_to_sync": ["entitlement"]}}}})
