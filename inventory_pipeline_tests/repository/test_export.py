"""Exports say what the release says, in forms that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pytest

from inventory_pipeline.errors import ConfigurationError, InventoryError
from inventory_pipeline.repository.export import export
from inventory_pipeline.repository.release import Release
from inventory_pipeline.repository.store import Repository
from inventory_pipeline_tests.repository.releases import publish

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1+1"]
PLAIN = ['quoted "name"', "line\nbreak", "a,b;c\td", "Zöllner 東京", "\u202etxt.exe", None, "a-b=c"]


@pytest.fixture
def release(repository: Repository) -> Release:
    names = [*FORMULAS, *PLAIN]
    count = len(names)
    return publish(
        repository,
        *names,
        tags=pa.array([["=x", "y"]] + [None] * (count - 1), pa.list_(pa.string())),
        seen=pa.array([dt.datetime(2026, 3, 1, 8, 30, 5)] * count, pa.timestamp("us")),
        bought=pa.array([dt.date(2020, 2, 29)] * count, pa.date32()),
        memory_mb=pa.array([-5] * count, pa.int64()),
        is_virtual=pa.array([True] * count),
    )


def read(path: Path, delimiter: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_delimited_text_is_whole_and_holds_no_formula(
    release: Release, tmp_path: Path, form: str, delimiter: str
) -> None:
    device, manifest = export(release, ["device"], tmp_path, form)
    assert device.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read(device, delimiter)
    assert [row["name"] for row in rows] == [*("'" + name for name in FORMULAS), *(name or "" for name in PLAIN)]
    assert rows[0]["tags"] == "'=x; y"
    assert rows[0]["seen"] == "2026-03-01 08:30:05"
    assert (rows[0]["bought"], rows[0]["memory_mb"], rows[0]["is_virtual"]) == ("2020-02-29", "-5", "true")
    stated = json.loads(manifest.read_text())
    assert stated["release"] == release.id
    assert stated["tables"]["device"]["rows"] == len(rows)
    assert stated["tables"]["device"]["sha256"] == hashlib.sha256(device.read_bytes()).hexdigest()
    assert stated["freshness"] == [{"connector": "fixture", "last_status": "committed"}]


def test_a_workbook_holds_text_as_text(release: Release, tmp_path: Path) -> None:
    workbook, _ = export(release, None, tmp_path, "xlsx")
    book = openpyxl.load_workbook(workbook)
    assert book.sheetnames == ["device", "freshness"]
    head, *rows = book["device"].iter_rows()
    place = {cell.value: number for number, cell in enumerate(head)}
    found = [row[place["name"]] for row in rows]
    assert [cell.value for cell in found if cell.value is not None][:4] == FORMULAS[:4]
    assert all(cell.data_type in ("s", "n", "inlineStr") for cell in found)
    assert rows[0][place["seen"]].value == dt.datetime(2026, 3, 1, 8, 30, 5)
    assert rows[0][place["memory_mb"]].value == -5


def test_parquet_and_duckdb_hold_the_very_rows(release: Release, tmp_path: Path) -> None:
    device, _ = export(release, ["device"], tmp_path, "parquet")
    whole, _ = export(release, None, tmp_path, "duckdb")
    with release.connect() as connection, duckdb.connect(str(whole), read_only=True) as exported:
        wanted = connection.execute("SELECT * FROM device ORDER BY device_id").fetchall()
        assert exported.execute("SELECT * FROM device ORDER BY device_id").fetchall() == wanted
        assert exported.execute("SELECT count(*) FROM named").fetchall() == [(len(wanted) - 1,)]
        assert exported.execute(f"SELECT * FROM '{device}' ORDER BY device_id").fetchall() == wanted


def test_an_export_replaces_the_one_before(release: Release, tmp_path: Path) -> None:
    for _ in range(2):
        for form in ("csv", "xlsx", "duckdb", "parquet"):
            export(release, None, tmp_path, form)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_what_cannot_be_exported_is_said_so(release: Release, tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="no table nothing"):
        export(release, ["nothing"], tmp_path, "csv")
    with pytest.raises(ConfigurationError, match="no format 'pdf'"):
        export(release, None, tmp_path, "pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(InventoryError, match="cannot be written"):
        export(release, None, tmp_path / "file", "csv")
