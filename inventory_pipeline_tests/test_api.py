"""The Python API: reading releases as pandas, Arrow and relations, and launching actions."""

from __future__ import annotations

import datetime as dt

import pytest

from inventory_pipeline.api import Inventory, open_inventory
from inventory_pipeline.errors import InventoryError
from inventory_pipeline_tests.orchestration.estates import configured, give_devices, give_software


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    """Two releases: in the second one device more."""
    folder = tmp_path_factory.mktemp("estate")
    configured(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        opened = open_inventory(folder / "inventory.yaml")
        give_devices(folder / "branch", "ALPHA", "BETA")
        give_software(folder / "branch", "7-Zip 23.01 (x64)", devices=2)
        for names in (("ALPHA", "BETA"), ("ALPHA", "BETA", "GAMMA")):
            give_devices(folder / "branch", *names)
            assert opened.sync("branch_files").success
            done = opened.consolidate()
            assert done.success and done.release is not None, done.message
    return opened


def test_tables_are_read_in_every_form(inventory: Inventory) -> None:
    table = inventory.repository().table("device")
    assert set(table.df()["name"]) == {"ALPHA", "BETA", "GAMMA"}
    assert table.arrow().num_rows == 3
    assert table.relation.filter("name = 'BETA'").aggregate("count(*)").fetchall() == [(1,)]
    assert sum(batch.num_rows for batch in table.batches(2)) == 3
    assert "installation" in inventory.repository("Default Inventory").tables()


def test_earlier_releases_stay_readable(inventory: Inventory) -> None:
    reader = inventory.repository()
    newest, first = reader.releases()
    assert newest.published_at > first.published_at
    assert reader.table("device", release_id=first.id).arrow().num_rows == 2
    assert reader.table("device", as_of=first.published_at).arrow().num_rows == 2
    assert reader.table("device", as_of=dt.date(2999, 1, 1)).arrow().num_rows == 3
    with pytest.raises(InventoryError, match="as of 2001-01-01"):
        reader.table("device", as_of="2001-01-01")


def test_queries_raw_data_and_logs(inventory: Inventory) -> None:
    reader = inventory.repository()
    assert reader.sql("select count(*) as n from device").df()["n"].tolist() == [3]
    assert set(reader.raw("device").df()["connector"]) == {"branch_files"}
    assert reader.freshness().num_rows > 0
    assert reader.sync_log("branch_files").num_rows > 0
    assert reader.rejects().num_rows == 0
    assert {row["kind"] for row in reader.process_log().to_pylist()} >= {"sync", "consolidation"}


def test_what_is_not_there_is_said_so(inventory: Inventory) -> None:
    with pytest.raises(InventoryError, match="Tables: "):
        inventory.repository().table("devices")
    with pytest.raises(InventoryError, match="no release has been published"):
        inventory.repository("lab").table("device")
    with pytest.raises(InventoryError, match="is no date"):
        inventory.repository().table("device", as_of="yesterday")
    with pytest.raises(InventoryError, match="there is no repository"):
        inventory.repository("attic")


def test_a_test_hands_back_its_checks(inventory: Inventory) -> None:
    outcome = inventory.test("branch_files")
    assert outcome.success and outcome.report.passed
    assert not inventory.test("depot").success
