"""The `inventory` command as a person or a script meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_pipeline_tests.orchestration.estates import TWO_FOLDERS, configured, give_devices, give_software


def inventory(folder: Path, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder, as outside of a terminal."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "INVENTORY_CONFIG")}
    return subprocess.run(
        [sys.executable, "-m", "inventory_pipeline.cli", *arguments],
        cwd=folder,
        env={**clean, **environment, "COLUMNS": "160"},
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration with data that has been synced and consolidated by the command."""
    folder = tmp_path_factory.mktemp("estate")
    configured(folder)
    give_devices(folder / "branch", "ALPHA", "BETA", "GAMMA")
    give_software(folder / "branch", "7-Zip 23.01 (x64)", "Notepad++ (64-bit x64)", devices=3)
    give_devices(folder / "depot", "OMEGA")
    done = inventory(folder, "sync", "--all", "--consolidate")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_new_user_gets_to_synced_data(tmp_path: Path) -> None:
    made = inventory(tmp_path, "init")
    assert made.returncode == 0 and "inventory sync --all" in made.stdout
    assert inventory(tmp_path, "check").returncode == 0
    give_devices(tmp_path / "files", "ALPHA")
    assert inventory(tmp_path, "test", "--all").returncode == 0
    synced = inventory(tmp_path, "sync", "files", "--data", "device")
    assert synced.returncode == 0 and synced.stdout.startswith("committed  Files: 1 rows read, 1 added")
    assert synced.stderr == "", "no chatter outside of a terminal"
    again = inventory(tmp_path, "init")
    assert again.returncode == 2 and "exists" in again.stderr


def test_the_whole_way_is_visible(estate: Path) -> None:
    log = inventory(estate, "log").stdout
    assert "Sync Data - Branch Files" in log and "committed" in log
    sync_log = inventory(estate, "log", "--sync", "--connector", "branch_files").stdout
    assert "software" in sync_log
    assert "depot" in inventory(estate, "freshness").stdout
    summary = inventory(estate, "summary")
    assert summary.returncode == 0 and "inventory ui" in summary.stdout
    assert "default_inventory" in inventory(estate, "repositories").stdout
    counted = inventory(estate, "sql", "select count(*) as n from device", "--csv")
    assert counted.stdout.split() == ["n", "4"]
    assert "device_id" in inventory(estate, "tables", "device").stdout
    assert inventory(estate, "releases").stdout.count("\n") == 2


def test_exports_and_explanations(estate: Path, tmp_path: Path) -> None:
    done = inventory(estate, "export", "device", "--format", "csv", "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "manifest.json").exists()
    assert "ALPHA" in (tmp_path / "out" / "device.csv").read_text(encoding="utf-8-sig")
    explained = inventory(estate, "explain", "device", "ALPHA")
    assert explained.returncode == 0 and "SN-ALPHA" in explained.stdout
    nobody = inventory(estate, "explain", "device", "NOBODY-HERE")
    assert nobody.returncode == 1 and "Traceback" not in nobody.stderr
    page = tmp_path / "report.html"
    assert inventory(estate, "report", "--output", str(page)).returncode == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_runs_of_the_command_are_in_the_history(estate: Path) -> None:
    import dagster as dg

    instance = dg.DagsterInstance.from_config(str(estate / "data" / ".dagster"))
    jobs = {run.job_name for run in instance.get_runs()}
    assert {"sync_data__branch_files", "sync_data__depot", "generate_report__basic_inventory_consolidation"} <= jobs


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("sync",), 2, "Name connectors, or give --all. Connectors: branch_files, depot."),
        (("sync", "nobody"), 2, "Error: there is no connector 'nobody'. Connectors: branch_files, depot."),
        (("sync", "depot", "-r", "attic"), 2, "there is no repository 'attic'"),
        (("sync", "depot", "--data", "licences"), 2, "does not bring licences"),
        (("consolidate", "-r", "default_entitlement"), 2, "holds entitlement"),
        (("sql", "select nothing from device"), 1, "nothing"),
        (("frobnicate",), 2, "No such command"),
        (("-c", "missing.yaml", "check"), 2, "there is no configuration file"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(
    estate: Path, arguments: tuple[str, ...], code: int, expected: str
) -> None:
    done = inventory(estate, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_failed_sync_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    configured(tmp_path)
    give_devices(tmp_path / "depot", "OMEGA")
    done = inventory(tmp_path, "sync", "--all")
    assert done.returncode == 1
    assert "FAILED     Branch Files" in done.stdout and "does not exist" in done.stdout
    assert "committed  Depot" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_held_sync_has_its_own_exit_code(tmp_path: Path) -> None:
    configured(tmp_path, TWO_FOLDERS)
    give_devices(tmp_path / "depot", "A", "B", "C", "D")
    assert inventory(tmp_path, "sync", "depot").returncode == 0
    give_devices(tmp_path / "depot", "A")
    held = inventory(tmp_path, "sync", "depot")
    assert held.returncode == 3 and held.stdout.startswith("HELD       Depot")
    assert inventory(tmp_path, "sync", "depot", "--accept-shrink").returncode == 0


def test_clearing_asks_for_the_name(tmp_path: Path) -> None:
    configured(tmp_path)
    refused = inventory(tmp_path, "repositories", "clear", "lab", given="yes\n")
    assert refused.returncode == 1 and "nothing was done" in refused.stderr
    assert inventory(tmp_path, "repositories", "clear", "lab", given="lab\n").returncode == 0


def test_a_broken_configuration_is_named_with_every_line(tmp_path: Path) -> None:
    configured(tmp_path, "connectors:\n  - {name: Bad, type: file_upload}\n")
    done = inventory(tmp_path, "check")
    assert done.returncode == 1 and "inventory.yaml line 2: `folder` is missing" in done.stderr
    assert inventory(tmp_path, "sync", "bad").returncode == 1


def test_the_schema_is_printed() -> None:
    done = inventory(Path(), "schema")
    assert json.loads(done.stdout)["title"] == "inventory.yaml"
