"""Entitlements are published when nothing is wrong with them, and set beside what is installed and used."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.consolidation.entitlements.publish import publish_entitlements
from inventory_pipeline.errors import InventoryError
from inventory_pipeline.repository.release import Release, list_releases
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.connectors.test_entitlement_file import contracts, put
from inventory_pipeline_tests.consolidation.estate import Estate, day

HEAD = "EntitlementId,EntitlementType,ParentEntitlementId,Quantity,Title,Vendor\n"


@pytest.fixture
def rights(tmp_path: Path) -> Repository:
    return Store(tmp_path / "data").ensure("rights", "Rights", "entitlement")


def table(release: Release, name: str) -> list[dict[str, Any]]:
    with release.connect() as connection:
        return connection.sql(f"select * from {name}").to_arrow_table().to_pylist()


def published(repository: Repository, folder: Path, **files: str) -> Release:
    for path in folder.glob("*.csv"):
        path.unlink()
    for name, text in files.items():
        put(folder, f"{name}.csv", HEAD + text)
    run_sync(repository, contracts(folder), SyncOptions(accept_shrink=True))
    return publish_entitlements(repository)[0]


def test_drafts_with_errors_are_held_back_and_the_rest_is_published(rights: Repository, tmp_path: Path) -> None:
    put(tmp_path / "in", "a.csv", HEAD + "A,License,,5,X,Acme\nB,License,,,X,Acme\nC,License,,many,X,Acme\n")
    run_sync(rights, contracts(tmp_path / "in"))
    release, drafts = publish_entitlements(rights)
    assert {row["entitlement_id"]: row["draft_status"] for row in table(release, "entitlement")} == {
        "A": "clean",
        "B": "warnings",
    }
    assert (drafts.clean, drafts.with_warnings, drafts.with_errors) == (1, 1, 1)
    assert {row["entitlement_id"] for row in table(release, "entitlement_caveat")} == {"B", "C"}


def test_what_was_published_stays_while_its_draft_has_errors(rights: Repository, tmp_path: Path) -> None:
    published(rights, tmp_path / "in", a="A,License,,5,X,Acme\n")
    release = published(rights, tmp_path / "in", a="A,License,,many,X,Acme\n")
    [row] = table(release, "entitlement")
    assert (row["quantity"], row["origin"], row["draft_status"]) == (5, "previous", "errors")
    mended = published(rights, tmp_path / "in", a="A,License,,6,X,Acme\n")
    assert table(mended, "entitlement")[0]["quantity"] == 6
    changes = {
        (row["change"], row["attribute"], row["before"], row["after"])
        for row in table(mended, "entitlement_difference")
    }
    assert ("changed", "quantity", "5.0", "6.0") in changes
    gone = published(rights, tmp_path / "in", b="Z,License,,1,X,Acme\n")
    assert [row["entitlement_id"] for row in table(gone, "entitlement")] == ["Z"]
    assert len(list_releases(rights)) == 4


def test_a_published_type_is_fixed(rights: Repository, tmp_path: Path) -> None:
    published(rights, tmp_path / "in", a="A,License,,5,X,Acme\n")
    release = published(rights, tmp_path / "in", a="A,Maintenance,,5,X,Acme\n")
    [row] = table(release, "entitlement")
    assert row["entitlement_type"] == "License"
    assert "its type is fixed" in table(release, "entitlement_caveat")[0]["message"]


def test_parents_that_are_missing_are_a_warning_and_circles_an_error(rights: Repository, tmp_path: Path) -> None:
    release = published(
        rights,
        tmp_path / "in",
        a="A,License,NOBODY,1,X,Acme\nB,License,C,1,X,Acme\nC,License,B,1,X,Acme\nD,License,A,1,X,Acme\n",
    )
    assert {row["entitlement_id"] for row in table(release, "entitlement")} == {"A", "D"}
    severities = {row["entitlement_id"]: row["severity"] for row in table(release, "entitlement_caveat")}
    assert severities == {"A": "warning", "B": "error", "C": "error"}


def test_an_id_in_two_files_counts_once_with_a_warning(rights: Repository, tmp_path: Path) -> None:
    release = published(rights, tmp_path / "in", a="A,License,,1,X,Acme\n", b="A,License,,2,X,Acme\n")
    [row] = table(release, "entitlement")
    assert row["quantity"] == 2
    assert "stands in 2 records" in table(release, "entitlement_caveat")[0]["message"]


def test_nothing_to_publish_is_said_so(rights: Repository, tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="nothing to publish"):
        publish_entitlements(rights)
    inventory = Store(tmp_path / "data").ensure("main", "Main")
    with pytest.raises(InventoryError, match="holds inventory"):
        publish_entitlements(inventory)


def right(estate: Estate, key: str, **values: Any) -> Estate:
    stated = {
        "entitlement_type": "License",
        "license_type": "Perpetual",
        "vendor": "Acme",
        "title": "Acme: Widget",
        "quantity": 5.0,
    }
    return estate.add("entitlement", "contracts", entitlement_id=key, unit_key=key, **{**stated, **values})


def position(estate: Estate) -> dict[str, Any]:
    rows = estate.run()["license_position"].to_pylist()
    [row] = [row for row in rows if row["title"] == "Widget"]
    return row


@pytest.fixture
def machines() -> Estate:
    """Three machines with the product, one of which is obsolete."""
    estate = Estate(types={"contracts": "entitlement_file"})
    for number in range(3):
        estate.device("sccm", f"d{number}", serial_number=f"SERIAL{number}", is_obsolete=number == 2)
        estate.software("sccm", f"d{number}", "Acme: Widget", "1.0", publisher="Acme")
    return estate


def test_owned_is_set_beside_installed(machines: Estate) -> None:
    row = position(right(machines, "A"))
    assert (row["owned"], row["installed"], row["difference"], row["counted_by"]) == (5, 2, 3, "device")


@pytest.mark.parametrize(
    ("values", "owned", "not_valid"),
    [
        ({"end_date": day(400).date()}, 5, 0),  # perpetual, whatever its end
        ({"license_type": "Subscription", "end_date": day(10).date()}, 0, 1),
        ({"license_type": "Subscription", "end_date": day(-10).date()}, 5, 0),
        ({"start_date": day(-10).date()}, 0, 1),
        ({"entitlement_type": "Maintenance", "end_date": dt.date(2030, 1, 1)}, 0, 0),
        ({"entitlement_type": "Agreement"}, 0, 0),
        ({"quantity": None}, 0, 0),
    ],
)
def test_only_valid_licenses_are_owned(machines: Estate, values: dict[str, Any], owned: float, not_valid: int) -> None:
    row = position(right(machines, "A", **values))
    assert (row["owned"], row["licenses_not_valid"]) == (owned, not_valid)
    if values.get("entitlement_type") == "Maintenance":
        assert row["maintenance_until"] == dt.date(2030, 1, 1)


def test_licenses_by_user_are_set_beside_people(machines: Estate) -> None:
    machines.add("user", "sccm", source_user_id="u1", account="anna", domain="CORP")
    for row in machines.rows["device"]:
        row["primary_user"] = "CORP\\anna"
    row = position(right(machines, "A", metric="per named user", quantity=1.0))
    assert (row["counted_by"], row["installed"], row["difference"]) == ("user", 1, 0)


def test_costs_are_summed_in_one_currency_only(machines: Estate) -> None:
    right(machines, "A", total_cost=100.0, currency="EUR")
    assert position(machines)["total_cost"] == 100
    assert position(right(machines, "B", total_cost=100.0, currency="GBP"))["total_cost"] is None
