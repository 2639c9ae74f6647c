"""Adding rows to a site's own files without touching what is in them: their rows, comments, columns, delimiter,
encoding and line ends stay as they are."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from inventory_pipeline.catalog.loader import load_catalog, site_file
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.catalog.products import PRODUCT_COLUMNS
from inventory_pipeline.catalog.reading import decode, delimiter_of
from inventory_pipeline.catalog.rules import RULE_COLUMNS
from inventory_pipeline.catalog.spreadsheet import guarded
from inventory_pipeline.errors import ConfigurationError

COLUMNS: Mapping[str, Sequence[str]] = {"site_products": PRODUCT_COLUMNS, "site_rules": RULE_COLUMNS}
Added = Mapping[str, Sequence[Mapping[str, str]]]
"""Rows to add, by file (`site_products`, `site_rules`), each by column."""


def with_rows(folder: Path, added: Added) -> dict[Path, bytes]:
    """What a site's files would hold with further rows, by path. A file that is not there yet becomes a CSV.

    Raises ConfigurationError when a file is there in two forms or has no headings.
    """
    made: dict[Path, bytes] = {}
    for name, rows in added.items():
        if not rows:
            continue
        path = site_file(folder, name) if folder.is_dir() else None
        if path is None:
            made[folder / f"{name}.csv"] = (
                b"\xef\xbb\xbf"
                + _lines([COLUMNS[name]], ",", "\r\n").encode()
                + _lines([[guarded(row.get(c, "")) for c in COLUMNS[name]] for row in rows], ",", "\r\n").encode()
            )
        elif path.suffix in {".yaml", ".yml"}:
            made[path] = _with_yaml(path, rows)
        else:
            made[path] = _with_lines(path, rows)
    return made


def _with_lines(path: Path, rows: Sequence[Mapping[str, str]]) -> bytes:
    data = path.read_bytes()
    text, encoding = decode(data)
    delimiter = delimiter_of(text, path.suffix[1:])
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if line.strip(f"{delimiter}\r\n ") and line[0] != "#"), None)
    if first is None:
        raise ConfigurationError("has no headings.", subject=str(path), cure="Delete the empty file or add headings.")
    headings = next(csv.reader([lines[first]], delimiter=delimiter))
    known = [heading.strip().lower().replace(" ", "_") for heading in headings]
    missing = [column for column in dict.fromkeys(c for row in rows for c in row if row[c]) if column not in known]
    if missing:
        lines[first] = _lines([[*headings, *missing]], delimiter, end)
    body = "".join(lines)
    if body and not body.endswith(("\n", "\r")):
        body += end
    columns = [*known, *missing]
    body += _lines([[guarded(row.get(column, "")) for column in columns] for row in rows], delimiter, end)
    try:
        return body.encode(encoding)
    except UnicodeEncodeError:
        return body.encode("utf-8-sig")


def _lines(rows: Sequence[Sequence[str]], delimiter: str, end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def _with_yaml(path: Path, rows: Sequence[Mapping[str, str]]) -> bytes:
    text, encoding = decode(path.read_bytes())
    body = text if not text or text.endswith("\n") else text + "\n"
    for row in rows:
        filled = [(column, value) for column, value in row.items() if value]
        # A JSON string is a YAML string, whatever it holds.
        body += "\n".join(
            f"{'- ' if n == 0 else '  '}{column}: {json.dumps(value, ensure_ascii=False)}"
            for n, (column, value) in enumerate(filled)
        )
        body += "\n"
    return body.encode(encoding)


def checked(folder: Path, files: Mapping[Path, bytes], data: Path | None = None) -> Catalog:
    """The catalog as it would be with these files in a site's folder; the folder itself is not touched.

    Raises ConfigurationError with file and line of what would be wrong.
    """
    with tempfile.TemporaryDirectory(prefix="inventory-") as scratch:
        copy = Path(scratch)
        for name in COLUMNS:
            path = site_file(folder, name) if folder.is_dir() else None
            if path is not None:
                shutil.copyfile(path, copy / path.name)
        for path, content in files.items():
            (copy / path.name).write_bytes(content)
        return load_catalog(copy, data)


def write_files(files: Mapping[Path, bytes]) -> None:
    """Replaces files, each as a whole.

    Raises ConfigurationError when one cannot be written.
    """
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.part")
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            raise ConfigurationError(f"cannot be written ({error.strerror}).", subject=str(path)) from None
