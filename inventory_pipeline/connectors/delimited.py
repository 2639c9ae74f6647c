"""Delimited text: finds encoding and delimiter, and streams rows with their line numbers in bounded memory.

Python's csv module reads the rows: it takes what spreadsheets and exports really write (quoted newlines, stray
quotes inside values) and parses about a million rows a second, so a faster parser would not be noticed beside the
rest of a sync.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from inventory_pipeline.connectors.files import CHUNK_BYTES, FileRefused

HEAD_BYTES = 256 << 10
# Longer lines and values than this are no table, or a quote that never closes; conform sets aside what is merely long.
MAX_LINE_CHARACTERS = 16 << 20
BATCH_ROWS = 20_000
BATCH_CHARACTERS = 16 << 20
DELIMITERS = (",", ";", "\t", "|")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (b"PK\x03\x04", "by its content it is a zip archive or an Excel workbook; save it as CSV, or name it .zip"),
    (b"\xd0\xcf\x11\xe0", "by its content it is an old Excel workbook; save it as CSV"),
    (b"\x1f\x8b", "by its content it is a gzip file; name it .gz"),
    (b"PAR1", "by its content it is a Parquet file; save it as CSV"),
)
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\s*$', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by Python's name, and what to do with bytes that break it."""

    name: str
    errors: str = "strict"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out: delimiter, headings as they stand, and the number of lines up to and with them."""

    delimiter: str
    headings: tuple[str, ...]
    heading_lines: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file, all as wide as its headings, each with the line on which it begins.

    `refused` are the rows of another width: line, how many values, the row as text.
    """

    lines: list[int]
    rows: list[list[str]]
    refused: list[tuple[int, int, str]]


def detect_encoding(chunks: Iterable[bytes], *, whole: bool = True) -> Encoding:
    """Finds the encoding of a text from its bytes, in this order: byte order mark, UTF-16 by its zero bytes, UTF-8
    when (nearly) all of it is valid, else Windows-1252.

    With `whole` the chunks are all there is, so that a character cut at the end is a torn file. A text that is
    UTF-8 but for a few broken bytes stays UTF-8: the values concerned are rejected one by one later.

    Raises:
        FileRefused: no text at all, or torn.
    """
    source = iter(chunks)
    head = next(source, b"")
    if not head:
        raise FileRefused("the file is empty")
    for magic, reason in _NOT_TEXT:
        if head.startswith(magic):
            raise FileRefused(reason)
    for mark, name in _BOMS:
        if head.startswith(mark):
            return Encoding(name, "surrogatepass" if name == "utf-16" else "strict")
    if guessed := _utf16_without_mark(head[:4096]):
        return Encoding(guessed, "surrogatepass")
    if b"\x00" in head[:4096]:
        raise FileRefused("by its content it is not a text file")
    return _utf8_or_windows(head, source, whole=whole)


def _utf16_without_mark(head: bytes) -> str:
    pairs = len(head) // 2
    if not pairs:
        return ""
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    # Latin headings have a zero in every second byte; a stray NUL in a UTF-8 file does not come near.
    if odd > pairs * 0.4 and odd > 4 * even:
        return "utf-16-le"
    if even > pairs * 0.4 and even > 4 * odd:
        return "utf-16-be"
    return ""


def _utf8_or_windows(head: bytes, rest: Iterator[bytes], *, whole: bool) -> Encoding:
    strict = codecs.getincrementaldecoder("utf-8")("strict")
    lenient = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = continuation_bytes = 0
    chunk: bytes | None = head
    while chunk is not None:
        state = strict.getstate()
        try:
            text = strict.decode(chunk)
        except UnicodeDecodeError:
            lenient.setstate(state)
            text = lenient.decode(chunk)
            strict.setstate(lenient.getstate())
            broken += sum("\udc80" <= character <= "\udcff" for character in text)
        continuation_bytes += len(chunk) - len(text)
        if broken > 64 and broken > continuation_bytes:
            return Encoding("cp1252")
        chunk = next(rest, None)
    pending = bool(strict.getstate()[0])
    if pending and whole:
        if continuation_bytes > 20 * broken:
            raise FileRefused("the file ends in the middle of a character; it was not copied completely")
        broken += 1
    if not broken:
        return Encoding("utf-8")
    if continuation_bytes > 20 * broken:
        return Encoding("utf-8", "surrogateescape")
    return Encoding("cp1252")


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The stream in chunks of a megabyte."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def detect_layout(head: str, extension: str, is_known: Callable[[str], bool]) -> Layout:
    """Finds the delimiter and the headings from the beginning of a text.

    The extension proposes (tab for .tsv and .tab, comma else), the content decides: the delimiter under which
    most headings are known wins, then the one that gives most columns. Excel's `sep=;` line is obeyed.

    Raises:
        FileRefused: there is no heading line.
    """
    lines = io.StringIO(head, newline="").readlines()
    skipped = 0
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    if skipped == len(lines):
        raise FileRefused("the file is empty")
    if declared := _SEPARATOR_LINE.match(lines[skipped]):
        return _layout(lines, skipped + 1, declared.group(1))
    proposed = "\t" if extension.lower() in (".tsv", ".tab") else ","
    layouts = [_layout(lines, skipped, delimiter) for delimiter in DELIMITERS]

    def rank(layout: Layout) -> tuple[int, int, bool]:
        known = sum(is_known(heading) for heading in layout.headings)
        return known, len(layout.headings), layout.delimiter == proposed

    return max(layouts, key=rank)


def _layout(lines: Sequence[str], skipped: int, delimiter: str) -> Layout:
    reader = csv.reader(lines[skipped:], delimiter=delimiter)
    try:
        headings = next((row for row in reader if any(value.strip() for value in row)), None)
    except csv.Error as error:
        raise FileRefused(f"the heading line cannot be read ({error})") from error
    if headings is None:
        raise FileRefused("the file has no heading line")
    return Layout(delimiter, tuple(heading.strip() for heading in headings), skipped + reader.line_num)


class _Lines:
    """Lines of a text one by one, as csv wants them, with what is needed to tell torn files and to keep bounds."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._readline = text.readline
        self.characters = 0
        self.number = 0
        self.last = ""
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._readline(MAX_LINE_CHARACTERS)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        if len(line) == MAX_LINE_CHARACTERS:
            raise FileRefused(f"line {self.number} is longer than {MAX_LINE_CHARACTERS:,} characters")
        self.characters += len(line)
        self.last = line
        return line


def read_rows(stream: BinaryIO, encoding: Encoding, layout: Layout) -> Iterator[Rows]:
    """Streams the rows below the headings in batches of bounded size. Blank rows are passed over.

    A row may have more values than there are headings when the surplus is empty (a delimiter at the line's end);
    any other difference sets the row aside.

    Raises:
        FileRefused: a quote that is not closed, a last line that ends early, bytes that the encoding does not know.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARACTERS))
    width = len(layout.headings)
    with io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="") as text:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=layout.delimiter)
        begun = 1
        batch = Rows([], [], [])
        taken_until = 0
        try:
            for _ in range(layout.heading_lines):
                next(lines, None)
            begun = lines.number + 1
            for row in reader:
                line, begun = begun, lines.number + 1
                if lines.ended:
                    raise FileRefused(f"the quoted value that begins on line {line} is not closed; the file is torn")
                if len(row) == width:
                    if any(row):
                        batch.lines.append(line)
                        batch.rows.append(row)
                elif not any(row):
                    continue
                elif len(row) > width and not any(row[width:]):
                    batch.lines.append(line)
                    batch.rows.append(row[:width])
                else:
                    batch.refused.append((line, len(row), layout.delimiter.join(row)))
                if len(batch.lines) >= BATCH_ROWS or lines.characters - taken_until >= BATCH_CHARACTERS:
                    yield batch
                    batch, taken_until = Rows([], [], []), lines.characters
        except csv.Error as error:
            raise FileRefused(f"the quoted value that begins on line {begun} is not closed ({error})") from error
        except UnicodeDecodeError as error:
            raise FileRefused(_undecodable(error, lines.number)) from error
        if batch.refused and batch.refused[-1][0] == lines.number and not lines.last.endswith(("\n", "\r")):
            values = batch.refused[-1][1]
            if values < width:
                raise FileRefused(
                    f"the last line ({lines.number}) ends after {values} of {width} values; the file is torn"
                )
        if batch.lines or batch.refused:
            yield batch


def _undecodable(error: UnicodeDecodeError, line: int) -> str:
    if error.reason.startswith(("truncated", "unexpected end")):
        return "the file ends in the middle of a character; it was not copied completely"
    byte = error.object[error.start]
    return f"byte 0x{byte:02x}, shortly after line {line}, does not belong to {error.encoding}; set `encoding`"
