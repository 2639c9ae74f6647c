"""Entitlement files: documented defaults, caveats per record, and records that an id keeps apart or together."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import run_test
from inventory_pipeline.connectors.entitlement_file import EntitlementFile, write_entitlement_template
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import run_sync

SAVED = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode(encoding))
    os.utime(path, (SAVED.timestamp(), SAVED.timestamp()))
    return path


def contracts(folder: Path, **fields: Any) -> EntitlementFile:
    return EntitlementFile(name="Contracts", folder=str(folder), settle_seconds=0, **fields)


@pytest.fixture
def rights(tmp_path: Path) -> Repository:
    """An empty Entitlement repository."""
    return Store(tmp_path / "data").ensure("rights", "Rights", "entitlement")


def synced(repository: Repository, folder: Path, **fields: Any) -> dict[str, dict[str, Any]]:
    run_sync(repository, contracts(folder, **fields))
    return {row["entitlement_id"]: row for row in repository.visible().arrow("entitlement").to_pylist()}


def caveats(repository: Repository) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for row in repository.visible().arrow("entitlement_caveat").to_pylist():
        found.setdefault(row["entitlement_id"], set()).add((row["column_name"], row["severity"]))
    return found


D = dt.date


@pytest.mark.parametrize(
    ("stated", "license_type", "start", "end", "months"),
    [
        # EntitlementType, LicenseType, StartDate, EndDate, DurationInMonths
        ("License,,,,", "Perpetual", D(2026, 3, 1), D(2027, 3, 1), 12),
        ("License,,2025-01-31,,1", "Perpetual", D(2025, 1, 31), D(2025, 2, 28), 1),
        ("License,Subscription,,2026-12-31,", "Subscription", D(2025, 12, 31), D(2026, 12, 31), 12),
        ("Maintenance,,,2026-12-31,", "Perpetual", D(2026, 3, 1), D(2026, 12, 31), 12),
        ("Agreement,,,2026/12/31,36", "NA", D(2023, 12, 31), D(2026, 12, 31), 36),
        ("agreement,na,,,", "NA", D(2026, 3, 1), D(2027, 3, 1), 12),
    ],
)
def test_defaults_are_as_documented(
    rights: Repository, tmp_path: Path, stated: str, license_type: str, start: dt.date, end: dt.date, months: int
) -> None:
    put(
        tmp_path / "in",
        "a.csv",
        f"EntitlementType,LicenseType,StartDate,EndDate,DurationInMonths,EntitlementId\n{stated},E\n",
    )
    row = synced(rights, tmp_path / "in")["E"]
    assert (row["license_type"], row["start_date"], row["end_date"], row["duration_in_months"]) == (
        license_type, start, end, months,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"EntitlementType": ""}, ("EntitlementType", "error")),
        ({"EntitlementType": "Gift"}, ("EntitlementType", "error")),
        ({"EntitlementType": "Agreement", "LicenseType": "Perpetual"}, ("LicenseType", "warning")),
        ({"LicenseType": "Rental"}, ("LicenseType", "error")),
        ({"StartDate": "01.02.2026"}, ("StartDate", "error")),
        ({"StartDate": "2026-02-30"}, ("StartDate", "error")),
        ({"EndDate": "0207-01-01"}, ("EndDate", "error")),
        ({"StartDate": "2026-01-01", "EndDate": "2025-01-01"}, ("EndDate", "error")),
        (
            {"StartDate": "2026-01-01", "EndDate": "2028-12-31", "DurationInMonths": "12"},
            ("DurationInMonths", "warning"),
        ),
        ({"DurationInMonths": "a year"}, ("DurationInMonths", "error")),
        ({"Quantity": "ten"}, ("Quantity", "error")),
        ({"Quantity": "-5"}, ("Quantity", "error")),
        ({"Quantity": ""}, ("Quantity", "warning")),
        ({"UnitCost": "1,234"}, ("UnitCost", "error")),
        ({"UnitCost": "2", "TotalCost": "11", "Currency": "EUR"}, ("TotalCost", "warning")),
        ({"UnitCost": "2", "Currency": ""}, ("Currency", "warning")),
        ({"UnitCost": "2", "Currency": "Euro"}, ("Currency", "warning")),
        ({"Vendor": ""}, ("Vendor", "warning")),
        ({"ParentEntitlementId": "E2;E3"}, ("ParentEntitlementId", "error")),
        ({"ParentEntitlementId": "E"}, ("ParentEntitlementId", "error")),
        ({"EntitlementId": ""}, ("EntitlementId", "warning")),
    ],
)
def test_what_is_doubtful_is_a_caveat_of_its_record_alone(
    rights: Repository, tmp_path: Path, values: dict[str, str], expected: tuple[str, str]
) -> None:
    good = {
        "EntitlementId": "E", "EntitlementType": "License", "LicenseType": "", "Vendor": "Acme", "Title": "Widget",
        "Quantity": "5", "UnitCost": "", "TotalCost": "", "Currency": "EUR", "StartDate": "", "EndDate": "",
        "DurationInMonths": "", "ParentEntitlementId": "",
    }  # fmt: skip
    lines = [
        "\t".join(good),
        "\t".join({**good, "EntitlementId": "fine"}.values()),
        "\t".join({**good, **values}.values()),
    ]
    put(tmp_path / "in", "a.tsv", "\n".join(lines) + "\n")
    rows = synced(rights, tmp_path / "in")
    assert len(rows) == 2
    found = caveats(rights)
    assert "fine" not in found
    [doubted] = found.values()
    assert expected in doubted


def test_numbers_with_a_decimal_comma_and_other_encodings(rights: Repository, tmp_path: Path) -> None:
    head = "EntitlementId\tEntitlementType\tTitle\tQuantity\tUnitCost\n"
    put(tmp_path / "in", "a.tsv", head + "A\tLicense\tGrößen\t10\t1.234,50\nB\tLicense\tX\t1\t0,5\n", "utf-16")
    put(tmp_path / "in", "b.csv", "Entitlement Id;entitlement_type;Quantity\nC;License;1 000\n", "cp1252")
    rows = synced(rights, tmp_path / "in")
    assert (rows["A"]["unit_cost"], rows["A"]["total_cost"], rows["A"]["title"]) == (1234.5, 12345.0, "Größen")
    assert rows["B"]["unit_cost"] == 0.5
    assert rows["C"]["quantity"] == 1000


def test_a_record_that_is_imported_again_is_updated_and_never_doubled(rights: Repository, tmp_path: Path) -> None:
    put(
        tmp_path / "in",
        "a.csv",
        "EntitlementId,EntitlementType,Title,Quantity\nE,License,X,5\n,License,Y,1\n,License,Y,1\n",
    )
    first = synced(rights, tmp_path / "in")
    assert len(first) == 3
    put(
        tmp_path / "in",
        "a.csv",
        "EntitlementId,EntitlementType,Title,Quantity\nE,License,X,7\n,License,Y,1\n,License,Y,1\n",
    )
    again = synced(rights, tmp_path / "in")
    assert set(again) == set(first)
    assert again["E"]["quantity"] == 7
    report = run_sync(rights, contracts(tmp_path / "in"))
    assert report.status == "unchanged"


def test_a_file_without_the_mandatory_heading_is_refused_and_the_others_come(
    rights: Repository, tmp_path: Path
) -> None:
    put(tmp_path / "in", "good.csv", "EntitlementType,EntitlementId\nLicense,E\n")
    put(tmp_path / "in", "bad.csv", "Kind,EntitlementId\nLicense,F\n")
    assert set(synced(rights, tmp_path / "in")) == {"E"}
    report = run_test(contracts(tmp_path / "in"))
    [failure] = report.failures
    assert failure.name == "bad.csv"
    assert "entitlement_type" in failure.message


def test_it_fills_no_inventory(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.csv", "EntitlementType\nLicense\n")
    inventory = Store(tmp_path / "data").ensure("main", "Main")
    with pytest.raises(ConfigurationError, match="inventory repository"):
        run_sync(inventory, contracts(tmp_path / "in"))


def test_the_template_is_imported_without_a_doubt(rights: Repository, tmp_path: Path) -> None:
    path = write_entitlement_template(tmp_path / "in")
    assert "ParentEntitlementId" in path.read_text().splitlines()[0].split("\t")
    assert len(synced(rights, tmp_path / "in")) == 1
    assert caveats(rights) == {}
