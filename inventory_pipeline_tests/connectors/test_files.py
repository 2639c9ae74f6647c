"""Finding, unpacking and reading files: what is taken, what is refused, and that no file is taken by half."""

from __future__ import annotations

import gzip
import io
import os
import time
import zipfile
from pathlib import Path

import pytest

from inventory_pipeline.connectors import delimited, files
from inventory_pipeline.connectors.delimited import Encoding, Layout, detect_encoding, detect_layout, read_rows
from inventory_pipeline.connectors.files import FileRefused, SourceFile, find_files, open_bytes

UMLAUT = "name,owner\nLON-1,Jürgen Müller\n"


def found(folder: Path, **options: float) -> dict[str, SourceFile]:
    return {file.key: file for file in find_files(folder, **{"settle_seconds": 0, **options}).files}


def layout_of(text: str, extension: str = ".csv") -> Layout:
    return detect_layout(text, extension, lambda heading: heading.lower() in {"name", "owner", "serial"})


def rows_of(content: bytes, encoding: str = "utf-8", extension: str = ".csv") -> list[list[str]]:
    layout = layout_of(content.decode(encoding, "replace"), extension)
    return [row for batch in read_rows(io.BytesIO(content), Encoding(encoding), layout) for row in batch.rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (UMLAUT.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + UMLAUT.encode(), "utf-8-sig"),
        (UMLAUT.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + UMLAUT.encode("utf-16-be"), "utf-16"),
        (UMLAUT.encode("utf-16-le"), "utf-16-le"),
        (UMLAUT.encode("utf-16-be"), "utf-16-be"),
        (UMLAUT.encode("cp1252"), "cp1252"),
        (b"name\nplain\n", "utf-8"),
        ("name\nMünchen — “Büro”\n".encode("cp1252"), "cp1252"),
        (("name\n" + "日本語\n" * 50).encode(), "utf-8"),
    ],
)
def test_encodings_are_told_apart_by_their_bytes(content: bytes, expected: str) -> None:
    assert detect_encoding([content]).name == expected


def test_a_character_split_between_two_chunks_is_no_reason_to_leave_utf8() -> None:
    content = UMLAUT.encode()
    cut = content.index("ü".encode()) + 1
    assert detect_encoding([content[:cut], content[cut:]]).name == "utf-8"


def test_a_split_character_after_a_broken_byte_is_not_counted_as_broken() -> None:
    content = ("name\n" + "ü" * 30).encode() + b"\xff" + "ü\n".encode()
    assert detect_encoding([content[:-2], content[-2:]]) == Encoding("utf-8", "surrogateescape")


def test_utf8_with_a_few_broken_bytes_stays_utf8_and_keeps_the_other_values() -> None:
    content = ("name,owner\n" + "LON-1,Jürgen\n" * 100).encode() + b"LON-2,J\xfcrgen\n"
    encoding = detect_encoding([content])
    assert (encoding.name, encoding.errors) == ("utf-8", "surrogateescape")
    batches = list(read_rows(io.BytesIO(content), encoding, layout_of("name,owner\n")))
    assert batches[0].rows[0] == ["LON-1", "Jürgen"]
    assert batches[0].rows[-1] == ["LON-2", "J\udcfcrgen"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07" * 20, "not a text file"),
        (("name\n" + "Jürgen\n" * 50 + "J").encode() + b"\xc3", "middle of a character"),
    ],
)
def test_what_is_no_whole_text_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        detect_encoding([content])


@pytest.mark.parametrize(
    ("text", "extension", "delimiter"),
    [
        ("name,owner,serial\n", ".csv", ","),
        ("name;owner;serial\n", ".csv", ";"),
        ("name\towner\tserial\n", ".csv", "\t"),
        ("name|owner|serial\n", ".csv", "|"),
        ("name,owner,serial\n", ".tsv", ","),
        ("name\towner, if any\n", ".tsv", "\t"),
        ("sep=;\nname;owner\n", ".csv", ";"),
        ("name\n", ".tsv", "\t"),
        ('"name, full";owner\n', ".csv", ";"),
    ],
)
def test_the_content_decides_about_the_delimiter(text: str, extension: str, delimiter: str) -> None:
    assert layout_of(text, extension).delimiter == delimiter


def test_lines_before_the_headings_are_passed_over_and_counted() -> None:
    content = b"\n\nsep=;\nname;owner\nLON-1;me\n"
    layout = layout_of(content.decode())
    assert layout.headings == ("name", "owner")
    (batch,) = read_rows(io.BytesIO(content), Encoding("utf-8"), layout)
    assert batch.rows == [["LON-1", "me"]]
    assert batch.lines == [5]


def test_quoted_newlines_delimiters_and_quotes_belong_to_the_value() -> None:
    content = b'name,owner\n"LON\n1","a ""b"", c"\nLON-2,19" rack\n'
    assert rows_of(content) == [["LON\n1", 'a "b", c'], ["LON-2", '19" rack']]


def test_rows_of_another_width_are_set_aside_with_their_line_and_the_rest_stays() -> None:
    content = b'name,owner\nA,1\n"B\nb",2,3\n\nC\nD,4,,\n,,,\nE,5\n'
    (batch,) = read_rows(io.BytesIO(content), Encoding("utf-8"), layout_of("name,owner\n"))
    assert batch.rows == [["A", "1"], ["D", "4"], ["E", "5"]]
    assert batch.lines == [2, 7, 9]
    assert [(line, width) for line, width, _ in batch.refused] == [(3, 3), (6, 1)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'name,owner\nA,1\n"B,2\nC,3\n', "begins on line 3 is not closed"),
        (b"name,owner,serial\nA,1,x\nB,2", "last line .3. ends after 2 of 3"),
        ("name,owner\nA,1\n".encode("utf-16-le") + b"x", "middle of a character"),
    ],
)
def test_torn_files_are_refused(content: bytes, reason: str) -> None:
    encoding = "utf-16-le" if content[1] == 0 else "utf-8"
    with pytest.raises(FileRefused, match=reason):
        rows_of(content, encoding)


def test_a_last_line_without_line_end_is_whole_when_its_width_is() -> None:
    assert rows_of(b"name,owner\nA,1\nB,2") == [["A", "1"], ["B", "2"]]


def test_a_ten_megabyte_cell_is_read_and_an_endless_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(rows_of(b"name,owner\nA," + b"x" * 10_000_000 + b"\n")[0][1]) == 10_000_000
    monkeypatch.setattr(delimited, "MAX_LINE_CHARACTERS", 1000)
    with pytest.raises(FileRefused, match="longer than 1,000"):
        rows_of(b"name,owner\nA," + b"x" * 5000 + b"\n")


def test_batches_are_bounded_by_rows_and_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BATCH_ROWS", 100)
    content = b"name,owner\n" + b"A,1\n" * 250
    sizes = [len(b.rows) for b in read_rows(io.BytesIO(content), Encoding("utf-8"), layout_of("name,owner\n"))]
    assert sizes == [100, 100, 50]
    monkeypatch.setattr(delimited, "BATCH_CHARACTERS", 40)
    sizes = [len(b.rows) for b in read_rows(io.BytesIO(content), Encoding("utf-8"), layout_of("name,owner\n"))]
    assert max(sizes) <= 10


def test_subfolders_are_read_and_hidden_temporary_and_foreign_files_are_not(tmp_path: Path) -> None:
    for name in ("a.csv", "sub/b.TSV", "sub/deep/c.csv.gz", ".DS_Store", "~$a.csv", ".git/d.csv", "x.csv.tmp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("name\nA\n")
    (tmp_path / "plan.xlsx").write_text("x")
    listing = find_files(tmp_path, settle_seconds=0)
    assert [file.key for file in listing.files] == ["a.csv", "sub/b.TSV", "sub/deep/c.csv.gz"]
    assert listing.remarks == ("plan.xlsx: not a .csv or .tsv file; left aside.",)


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.csv").write_text("name\nA\n")
    (folder / "real.csv").write_text("name\nA\n")
    (folder / "inside.csv").symlink_to(folder / "real.csv")
    (folder / "out.csv").symlink_to(outside / "secret.csv")
    (folder / "out").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.csv").symlink_to(folder / "nowhere.csv")
    listing = find_files(folder, settle_seconds=0)
    assert [file.key for file in listing.files] == ["inside.csv", "real.csv"]
    assert len(listing.remarks) == 4


def test_a_partner_part_marks_a_file_as_still_being_written(tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text("name\nA\n")
    (tmp_path / "devices.csv.part").write_text("")
    (tmp_path / "done.csv").write_text("name\nA\n")
    listed = found(tmp_path)
    assert set(listed) == {"devices.csv", "done.csv"}
    assert "still being written" in listed["devices.csv"].problem
    assert not listed["done.csv"].problem


def test_a_file_that_grows_between_two_looks_is_left_and_a_settled_one_is_not_waited_for(tmp_path: Path) -> None:
    growing = tmp_path / "growing.csv"
    growing.write_text("name\n")
    settled = tmp_path / "settled.csv"
    settled.write_text("name\nA\n")
    os.utime(settled, (time.time() - 3600, time.time() - 3600))
    waits: list[float] = []

    def write_on(seconds: float) -> None:
        waits.append(seconds)
        growing.write_text("name\nA\n")

    listed = {file.key: file for file in find_files(tmp_path, settle_seconds=30, sleep=write_on).files}
    assert "still being written" in listed["growing.csv"].problem
    assert not listed["settled.csv"].problem
    growing.unlink()
    find_files(tmp_path, settle_seconds=30, sleep=write_on)
    assert waits == [30]


def test_a_file_from_the_future_is_looked_at_twice_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("name\nA\n")
    os.utime(path, (time.time() + 3600, time.time() + 3600))
    waits: list[float] = []
    listing = find_files(tmp_path, settle_seconds=1, sleep=waits.append)
    assert waits == [1]
    assert not listing.files[0].problem


def test_members_of_archives_are_files_of_their_own(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2026/devices.csv", UMLAUT)
        archive.writestr("__MACOSX/._devices.csv", "x")
        archive.writestr("readme.pdf", "x")
        archive.writestr("inner.zip", "x")
    listed = found(tmp_path)
    assert list(listed) == ["export.zip/2026/devices.csv"]
    with open_bytes(listed["export.zip/2026/devices.csv"], max_bytes=10**9) as stream:
        assert stream.read().decode() == UMLAUT


def test_damaged_archives_are_listed_with_the_reason(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("devices.csv", UMLAUT * 100)
    (tmp_path / "torn.zip").write_bytes(buffer.getvalue()[:-60])
    broken = bytearray(buffer.getvalue())
    broken[200] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(bytes(broken))
    listed = found(tmp_path)
    assert "damaged" in listed["torn.zip"].problem
    with (
        pytest.raises(FileRefused, match="damaged"),
        open_bytes(listed["flipped.zip/devices.csv"], max_bytes=10**9) as s,
    ):
        s.read()


def test_a_truncated_gzip_is_refused_by_the_stream(tmp_path: Path) -> None:
    packed = gzip.compress((UMLAUT * 1000).encode())
    (tmp_path / "a.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FileRefused, match="ends early"), open_bytes(found(tmp_path)["a.csv.gz"], max_bytes=10**9) as s:
        s.read()


def test_archives_that_unpack_beyond_bounds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"\n" * 5_000_000))
    (tmp_path / "big.csv.gz").write_bytes(gzip.compress(os.urandom(5_000_000)))
    listed = found(tmp_path)
    with open_bytes(listed["bomb.csv.gz"], max_bytes=10**9) as stream:
        assert len(stream.read()) == 5_000_000
    monkeypatch.setattr(files, "RATIO_FROM_BYTES", 1_000_000)
    with (
        pytest.raises(FileRefused, match="times its size"),
        open_bytes(listed["bomb.csv.gz"], max_bytes=10**9) as stream,
    ):
        stream.read()
    with (
        pytest.raises(FileRefused, match="max_unpacked_gb"),
        open_bytes(listed["big.csv.gz"], max_bytes=10**6) as stream,
    ):
        stream.read()


def test_an_archive_of_too_many_files_is_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_MEMBERS", 2)
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"devices{number}.csv", "name\n")
    assert "at most 2" in found(tmp_path)["many.zip"].problem


def test_a_pipe_is_listed_with_the_reason_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "devices.csv")
    assert "not a regular file" in found(tmp_path)["devices.csv"].problem
