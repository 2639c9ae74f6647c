"""Entitlements from files to the license position, by the jobs that the UI shows and by the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_pipeline.api import open_inventory
from inventory_pipeline_tests.orchestration.estates import give_devices
from inventory_pipeline_tests.test_cli import inventory

CONFIG = """
data_dir: data
connectors:
  - {name: Branch Files, type: file_upload, folder: branch}
  - {name: Contracts, type: entitlement_file, folder: contracts}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "inventory.yaml").write_text(CONFIG)
    give_devices(tmp_path / "branch", "ALPHA", "BETA")
    rows = "".join(f"{number},Adobe Photoshop 2024,Adobe Inc.,25.11\n" for number in range(2))
    (tmp_path / "branch" / "software.csv").write_text(f"Device ID,Display Name,Publisher,Version\n{rows}")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "rights.csv").write_text(
        "EntitlementId,EntitlementType,Vendor,Title,Quantity,StartDate\nA,License,Adobe,Photoshop,1,2020-01-01\nB,,Adobe,X,1,\n"
    )
    return tmp_path


def test_rights_are_published_and_set_beside_installations(folder: Path) -> None:
    opened = open_inventory(folder / "inventory.yaml")
    assert opened.sync("branch_files").success
    assert opened.sync("contracts").success
    outcome = opened.publish_entitlements()
    assert outcome.success, outcome.message
    assert outcome.release is not None
    assert outcome.release.tables["entitlement"] == 1
    assert "1 held back by errors" in outcome.lines[0]
    done = opened.consolidate()
    assert done.success, done.message
    query = "select title, owned, installed, difference from license_position where licenses > 0"
    assert opened.repository().sql(query).arrow().to_pylist() == [
        {"title": "Photoshop", "owned": 1.0, "installed": 2, "difference": -1.0}
    ]


def test_the_command_lists_doubts_publishes_and_shows_the_position(folder: Path) -> None:
    assert inventory(folder, "sync", "--all").returncode == 0
    drafts = inventory(folder, "entitlements", "drafts").stdout
    assert "EntitlementType is missing" in drafts
    assert inventory(folder, "entitlements", "publish").stdout.startswith("published  Default Entitlement: 1 published")
    assert inventory(folder, "consolidate").returncode == 0
    assert "Photoshop" in inventory(folder, "entitlements", "position").stdout
    failed = inventory(folder, "entitlements", "publish", "-r", "default_inventory")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
