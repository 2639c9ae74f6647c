"""The sensor that consolidates a repository once, when its syncs have ended, over a real ledger and run history."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.repository.ledger import Ledger, new_id, release_table, utc_now
from inventory_pipeline_tests.orchestration.estates import configured, definitions

CONFIGURATION = """
    repositories:
      - {name: Main}
      - {name: Quiet, consolidate_after_syncs: false}
"""


class World:
    """A ledger and a run history in which syncs and consolidations happen."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.defs, self.runtime = definitions(configured(folder, CONFIGURATION))

    @property
    def ledger(self) -> Ledger:
        return self.runtime.store.ledger

    def tick(self) -> list[tuple[str, str, bool]]:
        """Repository, run key and auto-curation of what the sensor asks for; each asked run is then queued."""
        sensor = self.defs.resolve_sensor_def("consolidate_after_syncs")
        context = dg.build_sensor_context(instance=self.instance, repository_def=self.defs.get_repository_def())
        asked = []
        for request in sensor.evaluate_tick(context).run_requests or []:
            dg.validate_run_config(self.defs.resolve_job_def(names.CONSOLIDATION_JOB), request.run_config)
            wish = request.run_config["ops"][names.CONSOLIDATION_OP]["config"]["run_ai_action"]
            asked.append((request.partition_key or "", request.run_key or "", wish))
        return asked

    def run(self, repository: str, status: dg.DagsterRunStatus, **tags: str) -> str:
        run = dg.DagsterRun(
            job_name="sync_data__x",
            run_id=str(uuid.uuid4()),
            status=status,
            tags={names.PARTITION_TAG: repository, **{f"inventory/{k}": v for k, v in tags.items()}},
        )
        self.instance.add_run(run)
        return run.run_id

    def end_run(self, run_id: str) -> None:
        self.instance.delete_run(run_id)

    def sync(self, repository: str = "main", status: str = "committed", run_id: str | None = None) -> int:
        """A sync that has ended with the status; returns its position."""
        action = self.ledger.begin("sync", "Sync Data - X", repository=repository, connector="x", run_id=run_id)
        if status != "committed":
            self.ledger.end(action, status)
            return 0
        with self.ledger.writing() as connection:
            position = self.ledger.next_position(connection)
            self.ledger.commit(connection, action, position, "committed")
        return position

    def publish(self, repository: str = "main", position: int | None = None, status: str = "published") -> None:
        row = {
            "release_id": new_id(),
            "repository": repository,
            "position": self.ledger.position() if position is None else position,
            "status": status,
            "created_at": utc_now(),
            "published_at": utc_now(),
            "tables": {},
            "checks": {},
            "manifest": {},
        }
        with self.ledger.writing() as connection:
            connection.execute(release_table.insert().values(row))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield World(tmp_path, instance)


def test_nothing_is_asked_before_a_sync_has_brought_something(world: World) -> None:
    assert world.tick() == []
    world.sync(status="failed")
    world.sync(status="held")
    world.sync(status="unchanged")
    assert world.tick() == []


def test_one_consolidation_after_several_syncs_and_none_after_its_release(world: World) -> None:
    world.sync()
    newest = world.sync()
    assert world.tick() == [("main", f"main:{newest}", False)]
    assert world.tick() == [("main", f"main:{newest}", False)], "the same run key: Dagster launches it once"
    world.publish()
    assert world.tick() == []
    world.sync()
    assert len(world.tick()) == 1


def test_it_waits_for_unfinished_runs_of_the_repository_only(world: World) -> None:
    world.sync()
    for status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING):
        run = world.run("main", status)
        assert world.tick() == []
        world.end_run(run)
    world.run("quiet", dg.DagsterRunStatus.STARTED)
    assert len(world.tick()) == 1


def test_it_waits_for_a_sync_that_runs_outside_of_dagster(world: World) -> None:
    world.sync()
    action = world.ledger.begin("sync", "Sync Data - X", repository="main", connector="x")
    assert world.tick() == []
    world.ledger.end(action, "failed")
    assert len(world.tick()) == 1


def test_the_last_sync_failing_does_not_lose_the_consolidation(world: World) -> None:
    position = world.sync()
    world.sync(status="failed", run_id=world.run("main", dg.DagsterRunStatus.FAILURE))
    assert world.tick() == [("main", f"main:{position}", False)]


def test_a_failed_consolidation_is_not_repeated_until_something_new_comes(world: World) -> None:
    first = world.sync()
    world.publish(status="failed")
    assert world.tick() == [("main", f"main:{first}", False)], "Dagster has launched this key and does not again"
    second = world.sync()
    assert world.tick() == [("main", f"main:{second}", False)]


def test_a_sync_committed_while_a_consolidation_was_reading_is_not_lost(world: World) -> None:
    first = world.sync()
    second = world.sync()
    world.publish(position=first)
    assert world.tick() == [("main", f"main:{second}", False)]


def test_a_repository_that_does_not_want_it_is_consolidated_only_when_a_sync_asked(world: World) -> None:
    world.sync("quiet", run_id=world.run("quiet", dg.DagsterRunStatus.SUCCESS, run_consolidation_reports="false"))
    assert world.tick() == []
    asked = world.run("quiet", dg.DagsterRunStatus.SUCCESS, run_consolidation_reports="true", run_ai_action="true")
    position = world.sync("quiet", run_id=asked)
    assert world.tick() == [("quiet", f"quiet:{position}", True)]


def test_an_archived_repository_rests(world: World) -> None:
    world.sync()
    world.runtime.store.archive("main")
    assert world.tick() == []


def test_another_process_sees_the_same(world: World) -> None:
    position = world.sync()
    world.runtime = Runtime(world.runtime.settings)
    assert world.tick() == [("main", f"main:{position}", False)]
