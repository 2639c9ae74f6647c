"""File Upload through the connector contract: which table, which columns, what is refused, what changes a stamp."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import RefusedUnit, Units, run_test
from inventory_pipeline.connectors.file_upload import INVENTORY_TABLES, FileUpload, write_templates
from inventory_pipeline.connectors.headings import fold_heading, known_headings
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import TABLES, Category


def upload(folder: Path, **fields: object) -> FileUpload:
    return FileUpload(name="Branch files", folder=str(folder), **{"settle_seconds": 0.0, **fields})  # pyright: ignore


def put(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def read(connector: FileUpload, table: str) -> tuple[list[dict], list[RefusedUnit], list[str]]:
    """Rows without nulls, refused units, and notes."""
    rows: list[dict] = []
    refused: list[RefusedUnit] = []
    with connector.opened():
        for item in connector.read(table):
            if isinstance(item, RefusedUnit):
                refused.append(item)
            else:
                rows.extend({k: v for k, v in row.items() if v is not None} for row in item.to_pylist())
        return rows, refused, [note.message for note in connector.take_notes()]


def stamps(connector: FileUpload, table: str, cursor: dict | None = None) -> dict[str, str | None]:
    with connector.opened():
        batches = list(connector.keys(table, cursor).batches)
    return {row["unit_key"]: row["stamp"] for batch in batches for row in batch.to_pylist()}


def cursor_after(connector: FileUpload, table: str) -> dict | None:
    with connector.opened():
        cursor = connector.keys(table).cursor
    return dict(cursor) if cursor else None


def tables_of(connector: FileUpload) -> dict[str, str]:
    return {key: table.name for table in INVENTORY_TABLES for key in stamps(connector, table.name)}


def test_the_table_is_taken_from_the_beginning_of_the_name(tmp_path: Path) -> None:
    names = {
        "devices.csv": "device",
        "Device.csv": "device",
        "software-2026.tsv": "software",
        "Software Usage (May).csv": "software_usage",
        "users_2026.csv.gz": "user",
        "patch states.csv": "patch_state",
        "vms.txt": "virtual_machine",
        "group_members.csv": "group_member",
        "sub/processors.csv": "processor",
    }
    for name in names:
        put(tmp_path, name, "Device ID,Title\n1,x\n")
    assert tables_of(upload(tmp_path)) == names


@pytest.mark.parametrize(
    ("headings", "table"),
    [
        ("Computer Name,Serial Number,Model", "device"),
        ("Computer Name,Display Name,Publisher,Version", "software"),
        ("UPN,User ID,Department", "user"),
        ("Device ID,Processor,Core Count", "processor"),
        ("device_id,update_id,state", "patch_state"),
        ("VM ID,VM Name,Cluster", "virtual_machine"),
    ],
)
def test_a_file_with_another_name_is_known_by_its_headings(tmp_path: Path, headings: str, table: str) -> None:
    put(tmp_path, "export-4711.csv", f"{headings}\n")
    assert tables_of(upload(tmp_path)) == {"export-4711.csv": table}


def test_a_file_of_no_table_is_named_in_the_log_and_fails_the_test(tmp_path: Path) -> None:
    put(tmp_path, "notes.csv", "what,why\n1,2\n")
    put(tmp_path, "devices.csv", "name\nA\n")
    connector = upload(tmp_path)
    with connector.opened():
        connector.keys("device")
        connector.keys("software")
        notes = [note.message for note in connector.take_notes()]
    assert notes == ["notes.csv: neither its name nor its headings say which table it holds."]
    failures = run_test(connector, [Category.device]).failures
    assert [check.name for check in failures] == ["notes.csv"]


def test_headings_stand_in_any_order_case_and_spelling_and_rows_carry_their_place(tmp_path: Path) -> None:
    put(tmp_path, "devices.csv", "Service-Tag,RAM (MB),COMPUTER_NAME,resource id,os name\n7XK2M94,16384,LON-1,42,\n")
    rows, refused, notes = read(upload(tmp_path), "device")
    assert rows == [
        {
            "source_device_id": "42",
            "name": "LON-1",
            "serial_number": "7XK2M94",
            "memory_mb": "16384",
            "unit_key": "devices.csv",
            "source_object": "devices.csv",
            "source_row": 2,
        }
    ]
    assert not refused
    assert not notes


def test_unknown_and_second_headings_go_to_extra_and_are_named(tmp_path: Path) -> None:
    text = "Computer Name,Name,Colour,Colour,,unit_key\nignored?,LON-1,red,blue,x,mine\nA,B,,,,\n"
    put(tmp_path, "devices.csv", text)
    rows, _, notes = read(upload(tmp_path), "device")
    assert [row["name"] for row in rows] == ["LON-1", "B"]
    assert json.loads(rows[0]["extra"]) == {
        "Computer Name": "ignored?",
        "Colour": "red",
        "Colour (2)": "blue",
        "column 5": "x",
        "unit_key": "mine",
    }
    assert rows[0]["unit_key"] == "devices.csv"
    assert json.loads(rows[1]["extra"]) == {"Computer Name": "A"}
    assert notes == [
        "devices.csv: unknown headings, kept in extra: Computer Name, Colour, Colour (2), column 5, unit_key."
    ]


def test_a_missing_mandatory_heading_refuses_the_file_and_names_it(tmp_path: Path) -> None:
    put(tmp_path, "software.csv", "Computer Name,Publisher\nA,Adobe\n")
    put(tmp_path, "software2.csv", "Title,Publisher\nA,Adobe\n")
    put(tmp_path, "software3.csv", "Computer Name,Title\nA,Acrobat\n")
    rows, refused, _ = read(upload(tmp_path), "software")
    assert [row["title"] for row in rows] == ["Acrobat"]
    assert [unit.unit_key for unit in refused] == ["software.csv", "software2.csv"]
    assert "heading is missing: title (also accepted: Display Name" in refused[0].reason
    assert "heading is missing: source_device_id (also accepted: Device ID" in refused[1].reason


def test_the_devices_name_stands_in_for_its_key_also_row_by_row(tmp_path: Path) -> None:
    put(tmp_path, "devices.csv", "name,model\nLON-1,X1\n")
    put(tmp_path, "software.csv", "Device ID,Computer Name,Title\n42,LON-1,A\n,LON-2,B\n")
    connector = upload(tmp_path)
    devices, _, _ = read(connector, "device")
    assert (devices[0]["source_device_id"], devices[0]["name"]) == ("LON-1", "LON-1")
    software, _, _ = read(connector, "software")
    assert [row["source_device_id"] for row in software] == ["42", "LON-2"]
    assert json.loads(software[0]["extra"]) == {"Computer Name": "LON-1"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter_gives_the_same_rows(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = "\r\n".join(["Computer Name,Title,Publisher", 'LON-1,"Büro\r\nPlus",Müller & Söhne', ""]).replace(
        ",", delimiter
    )
    put(tmp_path, "software.csv", text, encoding)
    rows, refused, _ = read(upload(tmp_path), "software")
    assert not refused
    assert [(r["source_device_id"], r["title"], r["publisher"]) for r in rows] == [
        ("LON-1", "Büro\r\nPlus", "Müller & Söhne")
    ]


def test_a_fixed_encoding_is_used_and_its_failure_says_what_to_set(tmp_path: Path) -> None:
    put(tmp_path, "software.csv", "Computer Name,Title\nA,Łódź\n", "cp1250")
    rows, _, _ = read(upload(tmp_path, encoding="cp1250"), "software")
    assert rows[0]["title"] == "Łódź"
    _, refused, _ = read(upload(tmp_path, encoding="utf-8"), "software")
    assert "does not belong to utf-8; set `encoding`" in refused[0].reason
    with pytest.raises(ConnectorError, match="no encoding 'klingon'"), upload(tmp_path, encoding="klingon").opened():
        pass


def test_rows_of_another_width_go_to_the_rejects_with_their_line(tmp_path: Path) -> None:
    put(tmp_path, "devices.csv", "name,model\nA,1\nB,2,3\nC,4\n")
    connector = upload(tmp_path)
    with connector.opened():
        good, bad = list(connector.read("device"))
    assert not isinstance(good, RefusedUnit)
    assert not isinstance(bad, RefusedUnit)
    assert good.column("name").to_pylist() == ["A", "C"]
    assert bad.to_pylist() == [
        {
            "unit_key": "devices.csv",
            "source_object": "devices.csv",
            "source_row": 3,
            "reject_reason": "The row has 3 values, the headings have 2: a delimiter inside a value needs quotes.",
            "reject_value": "B,2,3",
        }
    ]


@pytest.mark.parametrize("torn_by", ["quote", "gzip", "zip", "character", "short line"])
def test_a_torn_file_gives_no_row_at_all(tmp_path: Path, torn_by: str) -> None:
    lines = "Computer Name,Title\n" + "".join(f"LON-{n},Title ü {n}\n" for n in range(50_000))
    whole = lines.encode()
    if torn_by == "quote":
        (tmp_path / "software.csv").write_bytes(whole + b'LON-1,"Tit')
    elif torn_by == "short line":
        (tmp_path / "software.csv").write_bytes(whole + b"LON-1")
    elif torn_by == "character":
        (tmp_path / "software.csv").write_bytes(whole + "LON-1,ü".encode()[:-1])
    elif torn_by == "gzip":
        packed = gzip.compress(whole)
        (tmp_path / "software.csv.gz").write_bytes(packed[:-20])
    else:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("software.csv", whole)
        damaged = bytearray((tmp_path / "x.zip").read_bytes())
        damaged[len(damaged) // 2] ^= 0x01
        (tmp_path / "software.zip").write_bytes(bytes(damaged))
        (tmp_path / "x.zip").unlink()
    rows, refused, _ = read(upload(tmp_path), "software")
    assert rows == []
    assert len(refused) == 1


def test_the_stamp_is_the_content_whatever_name_or_time(tmp_path: Path) -> None:
    first = put(tmp_path, "devices.csv", "name\nA\n")
    put(tmp_path, "devices-copy.csv", "name\nA\n")
    connector = upload(tmp_path)
    before = stamps(connector, "device")
    assert before["devices.csv"] == before["devices-copy.csv"]
    os.utime(first, (1, 1))
    assert stamps(connector, "device") == before
    put(tmp_path, "devices.csv", "name\nB\n")
    after = stamps(connector, "device")
    assert after["devices.csv"] != before["devices.csv"]
    assert after["devices-copy.csv"] == before["devices-copy.csv"]


def test_a_file_being_written_is_listed_without_stamp_so_that_its_rows_do_not_go(tmp_path: Path) -> None:
    put(tmp_path, "devices.csv", "name\nA\n")
    put(tmp_path, "devices.csv.part", "")
    connector = upload(tmp_path)
    assert stamps(connector, "device") == {"devices.csv": None}
    rows, refused, _ = read(connector, "device")
    assert rows == []
    assert "still being written" in refused[0].reason


def test_a_file_known_by_its_headings_stays_listed_when_it_becomes_unreadable(tmp_path: Path) -> None:
    put(tmp_path, "export.csv", "Computer Name,Serial Number\nA,1\n")
    connector = upload(tmp_path)
    cursor = cursor_after(connector, "device")
    put(tmp_path, "export.csv", "")
    assert stamps(connector, "device", cursor) == {"export.csv": None}
    with connector.opened():
        (refused,) = connector.read("device", Units(("export.csv",)))
    assert isinstance(refused, RefusedUnit)
    assert "the file is empty" in refused.reason
    (tmp_path / "export.csv").unlink()
    assert stamps(connector, "device", cursor) == {}


def test_members_of_an_archive_stay_listed_when_it_becomes_unreadable(tmp_path: Path) -> None:
    archive_path = tmp_path / "month.zip"
    with zipfile.ZipFile(archive_path, "w") as archive:
        archive.writestr("devices.csv", "name\nA\n")
        archive.writestr("software.csv", "Computer Name,Title\nA,x\n")
    connector = upload(tmp_path)
    cursor = cursor_after(connector, "device")
    assert list(stamps(connector, "software")) == ["month.zip/software.csv"]
    archive_path.write_bytes(archive_path.read_bytes()[:-30])
    assert stamps(connector, "device", cursor) == {"month.zip/devices.csv": None}
    with connector.opened():
        (refused,) = connector.read("device", Units(("month.zip/devices.csv",)))
    assert isinstance(refused, RefusedUnit)
    assert "damaged" in refused.reason


def test_a_file_that_vanishes_after_listing_is_refused_not_forgotten(tmp_path: Path) -> None:
    path = put(tmp_path, "devices.csv", "name\nA\n")
    connector = upload(tmp_path)
    with connector.opened():
        list(connector.keys("device").batches)
        path.unlink()
        (refused,) = connector.read("device", Units(("devices.csv",)))
    assert isinstance(refused, RefusedUnit)
    assert "no longer there" in refused.reason


def test_a_file_that_changes_while_it_is_read_gives_no_row(tmp_path: Path) -> None:
    path = put(tmp_path, "devices.csv", "name\nA\n")
    connector = upload(tmp_path)
    with connector.opened():
        path.write_text("name\nA\nB\n")
        (listed,) = connector.keys("device").batches
        (refused,) = connector.read("device")
    assert listed.to_pylist() == [{"unit_key": "devices.csv", "stamp": None}]
    assert isinstance(refused, RefusedUnit)
    assert "still being written" in refused.reason


def test_the_test_fails_without_folder_and_without_file_and_names_bad_files(tmp_path: Path) -> None:
    missing = run_test(upload(tmp_path / "nowhere"))
    assert not missing.passed
    assert "does not exist" in missing.failures[0].message
    empty = run_test(upload(tmp_path), [Category.device])
    assert [check.message for check in empty.failures] == [f"{tmp_path} holds no .csv or .tsv file."]
    put(tmp_path, "devices.csv", "name\nA\n")
    put(tmp_path, "software.csv", "Publisher\nA\n")
    report = run_test(upload(tmp_path))
    assert [check.name for check in report.failures] == ["software.csv"]
    assert report.failures[0].cure


def test_templates_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    written = write_templates(tmp_path)
    assert {path.stem for path in written} == {*(table.name for table in INVENTORY_TABLES), "README"}
    connector = upload(tmp_path)
    assert run_test(connector).passed
    for table in INVENTORY_TABLES:
        rows, refused, notes = read(connector, table.name)
        assert not refused
        assert not [note for note in notes if "README" not in note]
        expected = {column.name: column.example for column in table.columns if column.example}
        assert {k: v for k, v in rows[0].items() if k in table.column_names} == expected
    readme = (tmp_path / "README.md").read_text()
    assert "| source_device_id | text, mandatory |" in readme


def test_no_synonym_hides_a_column_of_its_own_table() -> None:
    for table in TABLES.values():
        known = known_headings(table.name)
        for column in table.columns:
            assert known[fold_heading(column.name)] == column.name


def test_settings_that_change_rows_change_the_fingerprint(tmp_path: Path) -> None:
    prints = {
        upload(tmp_path).fingerprint,
        upload(tmp_path, date_format="%d.%m.%Y").fingerprint,
        upload(tmp_path, encoding="cp1252").fingerprint,
    }
    assert len(prints) == 3
    assert upload(tmp_path, settle_seconds=9.0).fingerprint in prints


_MEASURE = """
import sys, psutil
from inventory_pipeline.connectors.file_upload import FileUpload
connector = FileUpload(name="f", folder=sys.argv[1], settle_seconds=0.0)
process, rows, peak = psutil.Process(), 0, 0
with connector.opened():
    before = process.memory_info().rss
    for batch in connector.read("software"):
        rows += batch.num_rows
        peak = max(peak, process.memory_info().rss)
print(rows, (peak - before) >> 20)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with (tmp_path / "software.csv").open("w") as stream:
        stream.write("Computer Name,Title,Publisher,Version\n")
        for number in range(600_000):
            stream.write(
                f"LON-{number // 50:06d},Product {number % 4000} for everyone {number},Vendor Ltd,{number}.1\n"
            )
    said = subprocess.run([sys.executable, "-c", _MEASURE, str(tmp_path)], capture_output=True, text=True, check=True)
    rows, grown_mb = map(int, said.stdout.split())
    assert rows == 600_000
    # About 125 MB whatever the size of the file; a whole file of this size as Python rows would take some 300 MB.
    assert grown_mb < 200
