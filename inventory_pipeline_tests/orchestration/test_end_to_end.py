"""The running thing: web server, code server and daemon as `inventory ui` starts them, driven by GraphQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from inventory_pipeline.api import open_inventory
from inventory_pipeline.orchestration import names
from inventory_pipeline_tests.orchestration.estates import configured, give_devices, give_software

PATIENCE_SECONDS = 180
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
Found = TypeVar("Found")

LAUNCH = """
mutation($execution: ExecutionParams!) { launchRun(executionParams: $execution) {
  __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on PythonError { message }
} }
"""
RUNS = "query { runsOrError { ... on Runs { results { runId jobName status tags { key value } } } } }"
LOCATION = """
query { repositoriesOrError { ... on RepositoryConnection { nodes {
  name location { name } jobs { name } schedules { name } sensors { name sensorState { status } }
} } } }
"""


class Ui:
    """A running UI and its GraphQL API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        assert not reply.get("errors"), reply["errors"]
        return reply["data"]

    def location(self) -> dict[str, Any] | None:
        try:
            nodes = self.ask(LOCATION)["repositoriesOrError"].get("nodes")
        except (urllib.error.URLError, ConnectionError):
            return None
        return nodes[0] if nodes else None

    def launch(self, job: str, repository: str, options: dict[str, Any]) -> dict[str, Any]:
        node = self.location()
        assert node is not None
        slug = job.removeprefix("sync_data__")
        execution = {
            "selector": {
                "repositoryLocationName": node["location"]["name"],
                "repositoryName": node["name"],
                "jobName": job,
            },
            "runConfigData": {"ops": {names.sync_op(slug): {"config": options}}},
            "executionMetadata": {"tags": [{"key": names.PARTITION_TAG, "value": repository}]},
        }
        return self.ask(LAUNCH, execution=execution)["launchRun"]

    def runs(self) -> list[dict[str, Any]]:
        return self.ask(RUNS)["runsOrError"]["results"]


def wait_for(what: Callable[[], Found | None], process: subprocess.Popen[bytes]) -> Found:
    """Waits until it answers something, while the process lives."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the UI has ended"
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")


@contextmanager
def running_ui(folder: Path) -> Iterator[tuple[Ui, subprocess.Popen[bytes]]]:
    """`inventory ui` on the folder's configuration; stopped as a person would, and checked to be gone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "INVENTORY_CONFIG")}
    command = [sys.executable, "-m", "inventory_pipeline.cli", "ui", "--port", str(port)]
    with (folder / "ui.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield Ui(port), process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, (folder / "ui.log").read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def test_syncs_by_graphql_are_followed_by_one_consolidation(tmp_path: Path) -> None:
    configured(tmp_path)
    give_devices(tmp_path / "branch", "ALPHA", "BETA")
    give_software(tmp_path / "branch", "7-Zip 23.01 (x64)", devices=2)
    give_devices(tmp_path / "depot", "OMEGA")
    with running_ui(tmp_path) as (ui, process):
        location = wait_for(ui.location, process)
        assert {"sync_data__branch_files", names.CONSOLIDATION_JOB} <= {job["name"] for job in location["jobs"]}
        sensors = {sensor["name"]: sensor["sensorState"]["status"] for sensor in location["sensors"]}
        assert sensors == {"consolidate_after_syncs": "RUNNING", "alert_on_failure": "STOPPED"}

        refused = ui.launch("sync_data__depot", "default_inventory", {"data_to_sync": ["entitlement"]})
        assert refused["__typename"] == "RunConfigValidationInvalid"
        assert ui.launch("sync_data__branch_files", "default_inventory", {})["__typename"] == "LaunchRunSuccess"
        assert ui.launch("sync_data__depot", "default_inventory", {})["__typename"] == "LaunchRunSuccess"
        assert ui.launch("sync_data__depot", "attic", {})["__typename"] == "LaunchRunSuccess"

        def consolidated() -> list[dict[str, Any]] | None:
            runs = ui.runs()
            done = [run for run in runs if run["jobName"] == names.CONSOLIDATION_JOB and run["status"] in FINISHED]
            return runs if done else None

        runs = wait_for(consolidated, process)
        # Nothing may follow: the sensor looks again at least once.
        time.sleep(20)
        again = ui.runs()
    status = {(run["jobName"], _partition(run)): run["status"] for run in runs}
    assert status == {
        ("sync_data__branch_files", "default_inventory"): "SUCCESS",
        ("sync_data__depot", "default_inventory"): "SUCCESS",
        ("sync_data__depot", "attic"): "FAILURE",
        (names.CONSOLIDATION_JOB, "default_inventory"): "SUCCESS",
    }, (tmp_path / "ui.log").read_text()
    assert len(again) == len(runs) == 4
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        reader = open_inventory(tmp_path / "inventory.yaml").repository()
        assert set(reader.table("device").df()["name"]) == {"ALPHA", "BETA", "OMEGA"}


def _partition(run: dict[str, Any]) -> str:
    return next(tag["value"] for tag in run["tags"] if tag["key"] == names.PARTITION_TAG)
