"""The example company is what its README says, comes through the real connectors, and its machines are found again."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import duckdb
import pytest

from inventory_pipeline.api import Inventory, open_inventory

ROOT = Path(__file__).parents[2]


def generate(folder: Path, *arguments: str) -> Path:
    command = [sys.executable, str(ROOT / "examples" / "generate_estate.py"), "--output", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inventory]:
    """The example's own configuration on a freshly generated estate, synced and consolidated."""
    folder = tmp_path_factory.mktemp("company")
    generate(folder / "estate")
    text = (ROOT / "examples" / "inventory.yaml").read_text(encoding="utf-8").replace("../data", "data")
    (folder / "inventory.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder / "home"))
        patch.setenv("VCENTER_PASSWORD", "x")
        inventory = open_inventory(folder / "inventory.yaml")
        for entry in inventory.settings.connectors:
            if entry.options.enabled:
                outcome = inventory.sync(entry.slug)
                assert outcome.success, outcome.message
        outcome = inventory.consolidate()
        assert outcome.success, outcome.message
        yield inventory


def truth(inventory: Inventory, name: str) -> list[dict[str, str]]:
    path = inventory.settings.path.parent / "estate" / "truth" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = generate(tmp_path / "a"), generate(tmp_path / "b")
    assert digests(first) == digests(again)
    other = generate(tmp_path / "c", "--seed", "7")
    assert digests(first)["files/hr/users.tsv"] != digests(other)["files/hr/users.tsv"]


def test_its_size_and_its_rejects_are_as_told(company: Inventory) -> None:
    reader = company.repository()
    assert 300 <= len({row["machine"] for row in truth(company, "devices")}) <= 320
    assert 14_500 <= reader.raw("software").arrow().num_rows <= 15_500
    rejects = reader.rejects().to_pylist()
    assert {row["source_object"] for row in rejects} == {"helpdesk/devices-helpdesk.csv"}
    assert sum(not row["row_kept"] for row in rejects) == 2
    assert all(row["reason"] for row in rejects)


def test_every_mishap_befell_somebody(company: Inventory) -> None:
    found = {row["mishap"] for row in truth(company, "mishaps")}
    assert found == {
        "placeholder identifiers", "cloned UUID", "re-imaged", "renamed", "new board", "dock MAC address",
        "future dates",
    }  # fmt: skip


def test_no_two_machines_are_merged_and_nearly_all_are_found_again(company: Inventory) -> None:
    machine = {(row["connector"], row["source_device_id"]): row["machine"] for row in truth(company, "devices")}
    devices: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in company.repository().table("device_record").arrow().to_pylist():
        key = (row["connector"], row["source_device_id"])
        if key in machine:
            devices[row["device_id"]].append(key)
    joined = [pair for keys in devices.values() for pair in combinations(keys, 2)]
    wrong = [pair for pair in joined if machine[pair[0]] != machine[pair[1]]]
    assert not wrong
    records: dict[str, int] = defaultdict(int)
    for key in {key for keys in devices.values() for key in keys}:
        records[machine[key]] += 1
    possible = sum(count * (count - 1) // 2 for count in records.values())
    # What is left apart has no key in common but a bare name (see the example's README).
    assert len(joined) / possible >= 0.9


def test_what_identifies_nothing_is_reported(company: Inventory) -> None:
    rows = company.repository().table("junk_identifier").arrow().to_pylist()
    assert {row["key_kind"] for row in rows} >= {"serial_number", "smbios_uuid", "mac_address"}
    assert {row["reason"] for row in rows} == {"listed", "too_many_records"}


def test_titles_are_taken_for_the_products_that_they_are(company: Inventory) -> None:
    product = {row["title"].strip(): row for row in truth(company, "products")}
    rows = company.repository().table("software_decision").arrow().to_pylist()
    judged = right = 0
    for row in rows:
        true = product.get((row["raw_title"] or "").strip())
        if true is None or not true["product"] or not row["product_id"]:
            continue
        wanted = true["parent"] or true["product"]
        judged += 1
        found = f"{row['title']} {row['parent_product_id'] or ''}".casefold().replace("-", " ")
        right += all(word in found for word in true["product"].casefold().replace("-", " ").split()) or all(
            word in found for word in wanted.casefold().replace("-", " ").split()
        )
    assert judged > 500
    assert right / judged >= 0.9


def test_usage_has_all_categories_and_several_reasons(company: Inventory) -> None:
    query = "select usage_category, unreported_reason, count(*) as n from installation group by all"
    rows = company.repository().sql(query).arrow().to_pylist()
    assert {row["usage_category"] for row in rows} == {"used", "rarely_used", "unused", "unreported"}
    assert len({row["unreported_reason"] for row in rows}) >= 6


def test_guests_are_found_by_both_byte_orders(company: Inventory) -> None:
    rows = company.repository().table("virtual_machine").arrow().to_pylist()
    assert len(rows) > 40
    assert sum(row["device_id"] is not None for row in rows) / len(rows) >= 0.95


def test_any_duckdb_tool_reads_the_result(company: Inventory) -> None:
    path = company.settings.path.parent / "data" / "default_inventory" / "inventory.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("select count(*) from missing_patch").fetchall()[0][0] > 100
        assert (
            connection.execute("select count(*) from device_value where attribute = 'serial_number'").fetchall()[0][0]
            > 200
        )
