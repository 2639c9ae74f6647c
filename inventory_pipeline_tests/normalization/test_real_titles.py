"""More than a hundred titles as uninstall lists show them, with what they are by public knowledge."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from inventory_pipeline_tests.normalization.conftest import Ask

with Path(__file__).with_name("titles.tsv").open(encoding="utf-8", newline="") as _handle:
    TITLES = list(csv.DictReader(_handle, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", TITLES, ids=[row["title"] for row in TITLES])
def test_title(row: dict[str, str], ask: Ask) -> None:
    found = ask(row["title"], row["publisher"] or None, row["version"] or None)
    columns = ("product_id", "edition", "version_family", "kind", "parent_product_id")
    assert {c: found[c] or "" for c in columns} == {c: row[c] for c in columns}
    assert found["confidence"] >= 0.9
    assert found["decided_by"] == "rule"


@pytest.mark.parametrize(
    ("title", "publisher", "version", "end_of_support"),
    [
        ("Microsoft Office Professional Plus 2013", "Microsoft Corporation", "15.0.4569.1506", "2023-04-11"),
        ("Microsoft SQL Server 2019 (64-bit)", "Microsoft Corporation", None, "2030-01-08"),
        ("Microsoft Windows 10 Enterprise", "Microsoft Corporation", "10.0.19045", "2025-10-14"),
        ("Microsoft Windows 11 Enterprise", "Microsoft Corporation", "10.0.22631", "2026-11-10"),
        ("Microsoft Windows 11 Pro", "Microsoft Corporation", "10.0.22631", "2025-11-11"),
        ("Windows Server 2012 R2 Standard", "Microsoft Corporation", "6.3.9600", "2023-10-10"),
        ("Python 3.8.10 (64-bit)", "Python Software Foundation", "3.8.10150.0", "2024-10-07"),
        ("Microsoft .NET Runtime - 6.0.25 (x64)", "Microsoft Corporation", "6.0.25.33020", "2024-11-12"),
        ("Microsoft Visual Studio Professional 2010", "Microsoft Corporation", "10.0.40219", "2020-07-14"),
    ],
)
def test_end_of_support(title: str, publisher: str, version: str | None, end_of_support: str, ask: Ask) -> None:
    assert str(ask(title, publisher, version)["end_of_support"]) == end_of_support


@pytest.mark.parametrize(
    ("title", "licensable"),
    [("Microsoft Visio Professional 2019", "licensed"), ("Microsoft Edge", "free"), ("Microsoft Teams", "free")],
)
def test_licensable(title: str, licensable: str, ask: Ask) -> None:
    assert ask(title, "Microsoft Corporation")["licensable"] == licensable
