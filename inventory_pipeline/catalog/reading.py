"""Rows of catalog files: CSV, TSV (also gzip-compressed) and YAML, each with the line that it stands on."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inventory_pipeline.catalog.spreadsheet import unguarded
from inventory_pipeline.errors import ConfigurationError

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its values by column (text, never null) and where it stands (`file:line`)."""

    values: dict[str, str]
    file: str
    line: int

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    @property
    def where(self) -> str:
        """File and line, for messages and provenance."""
        return f"{self.file}:{self.line}"

    def many(self, column: str) -> tuple[str, ...]:
        """Values of a column that holds several, parted by `|`."""
        value = self.values.get(column)
        return tuple(part.strip() for part in value.split("|") if part.strip()) if value else ()


_NO_TEXT = frozenset({"", "#", *" \t\xa0\u3000"})
"""What a line begins with that may be empty or a remark."""


class Problems:
    """Collects what is wrong with a file, so that one run names all of it."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, where: str, message: str) -> None:
        """One problem at `file:line`."""
        self._found.append(f"{where}: {message}")

    def raise_any(self, subject: str) -> None:
        """Raises ConfigurationError with all problems (the first 20 spelled out) when there are any."""
        if not self._found:
            return
        shown = self._found[:MOST_PROBLEMS]
        more = len(self._found) - len(shown)
        text = "\n  ".join(["cannot be used:", *shown, *([f"... and {more} more."] if more else [])])
        raise ConfigurationError(text, subject=subject, cure="\nCorrect these lines; nothing of the file was taken.")


def read_rows(path: Path, columns: Sequence[str] = ()) -> list[Row]:
    """Rows of a catalog file.

    With `columns`, any other column is an error that names file, line and column. Spreadsheet exports are
    understood: byte order marks, UTF-16, Windows-1252, and semicolons or tabs as delimiters.
    Raises ConfigurationError when the file cannot be read or has unknown or doubled columns.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"cannot be read: {error}.", subject=str(path)) from error
    text, _ = decode(data)
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1].lower()
    return _yaml_rows(path, text, columns) if kind in {"yaml", "yml"} else _delimited_rows(path, text, kind, columns)


def decode(data: bytes) -> tuple[str, str]:
    """Text of a file as spreadsheets and editors save it, and the encoding that would save it so again."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace"), "cp1252"


def delimiter_of(text: str, kind: str) -> str:
    """The delimiter of a table: a tab in `tsv`, else the one that its first line has most of."""
    heading_line = next((line for line in text.split("\n") if line.strip() and not line.startswith("#")), "")
    return "\t" if kind == "tsv" else max(",;\t", key=heading_line.count)


def _delimited_rows(path: Path, text: str, kind: str, columns: Sequence[str]) -> list[Row]:
    delimiter = delimiter_of(text, kind)
    csv.field_size_limit(2**24)
    # Only where a cell begins with an apostrophe can one be guarded.
    guards = text.startswith("'") or any(f"{before}'" in text for before in (delimiter, f"{delimiter} ", '"', "\n"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    problems = Problems()
    rows: list[Row] = []
    headings: list[str] = []
    name, end = path.name, 0
    try:
        for values in reader:
            line, end = end + 1, reader.line_num
            first = values[0] if values else ""
            if first[:1] in _NO_TEXT and (not any(map(str.strip, values)) or first.lstrip().startswith("#")):
                continue
            if not headings:
                headings = [value.strip().lower().replace(" ", "_") for value in values]
                _check_columns(path, line, headings, columns, problems)
                continue
            if len(values) > len(headings) and any(value.strip() for value in values[len(headings) :]):
                problems.add(f"{path.name}:{line}", f"has {len(values)} values under {len(headings)} headings.")
                continue
            cells = dict(zip(headings, map(str.strip, values), strict=False))
            if guards:
                cells = {heading: unguarded(value) for heading, value in cells.items()}
            cells.pop("", None)
            rows.append(Row(cells, name, line))
    except csv.Error as error:
        problems.add(f"{path.name}:{reader.line_num}", f"is not readable as CSV ({error}).")
    problems.raise_any(str(path))
    return rows


def _check_columns(path: Path, line: int, found: Sequence[str], known: Sequence[str], problems: Problems) -> None:
    where = f"{path.name}:{line}"
    if known:
        for column in found:
            if column and column not in known:
                problems.add(where, f"column {column!r} is unknown; known are {', '.join(known)}.")
    for column in sorted({c for c in found if c and found.count(c) > 1}):
        problems.add(where, f"column {column!r} occurs twice.")


def _yaml_rows(path: Path, text: str, columns: Sequence[str]) -> list[Row]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or "is not YAML"
        raise ConfigurationError(f"line {line}: {reason}.", subject=str(path)) from error
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise ConfigurationError("line 1: must be a list of entries (`- column: value`).", subject=str(path))
    problems = Problems()
    rows: list[Row] = []
    for entry in node.value:
        line = entry.start_mark.line + 1
        where = f"{path.name}:{line}"
        if not isinstance(entry, yaml.MappingNode):
            problems.add(where, "is not an entry of the form `column: value`.")
            continue
        values: dict[str, str] = {}
        for key, value in entry.value:
            values[str(key.value)] = _yaml_text(value, where, problems)
        _check_columns(path, line, [str(key.value) for key, _ in entry.value], columns, problems)
        rows.append(Row(values, path.name, line))
    problems.raise_any(str(path))
    return rows


def _yaml_text(node: Any, where: str, problems: Problems) -> str:
    # Scalars are taken as written: `version: 10.10` stays 10.10.
    if isinstance(node, yaml.ScalarNode):
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value).strip()
    if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return "|".join(str(item.value).strip() for item in node.value)
    problems.add(where, "values must be text or a list of texts.")
    return ""
