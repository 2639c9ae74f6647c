"""Exports of a release: CSV, TSV, Parquet, a workbook, or a DuckDB file that holds the rows, each with a manifest.

Text that a spreadsheet would run as a formula gets an apostrophe in front in CSV and TSV; in a workbook it is stored as
text. CSV and TSV are UTF-8 with a byte order mark, since spreadsheets need it; lists are joined by `; `.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.csv as pa_csv
import xlsxwriter

from inventory_pipeline.errors import ConfigurationError, InventoryError
from inventory_pipeline.repository.database_file import FILE, write_extras
from inventory_pipeline.repository.storage import sql_name, sql_text

if TYPE_CHECKING:
    from inventory_pipeline.repository.release import Release

# OWASP "CSV Injection": these begin a formula; spreadsheets skip white space and take full-width forms, too.
_FORMULA = r"^[\s\x00-\x1f]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"
_BATCH_ROWS = 50_000
# Limits of a worksheet ("Excel specifications and limits").
_SHEET_ROWS = 1_048_576
_CELL_CHARACTERS = 32_767
_SHEET_NAME = 31
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def export(release: Release, names: Sequence[str] | None, output: Path, form: str) -> list[Path]:
    """Exports tables (default: all) into a folder, which is made; files of the same names are replaced when whole.

    `form` is csv, tsv, parquet, xlsx or duckdb. Returns the paths written; the last one is `manifest.json`: release,
    rows and SHA-256 of each file, checks that failed, freshness of each source.

    Raises:
        ConfigurationError: an unknown format. InventoryError: an unknown table, or the folder cannot be written.
    """
    chosen = tuple(names) if names else tuple(sorted(release.tables))
    unknown = [name for name in chosen if name not in release.tables]
    if unknown:
        raise InventoryError(
            f"there is no table {', '.join(unknown)}.", cure=f"Tables: {', '.join(sorted(release.tables))}."
        )
    if form not in _WRITERS:
        raise ConfigurationError(f"there is no format {form!r}.", cure=f"Formats: {', '.join(_WRITERS)}.")
    connection = release.connect()
    try:
        output.mkdir(parents=True, exist_ok=True)
        written = _WRITERS[form](connection, release, chosen, output)
        manifest = _manifest(connection, release, form, written)
        target = output / "manifest.json"
        _replace(target, lambda path: path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8"))
    except OSError as error:
        raise InventoryError(
            f"{output} cannot be written ({error.strerror or error}).", cure="Choose another folder."
        ) from None
    finally:
        connection.close()
    return [*dict.fromkeys(written.values()), target]


def _manifest(
    connection: duckdb.DuckDBPyConnection, release: Release, form: str, written: dict[str, Path]
) -> dict[str, Any]:
    digests = {path: _digest(path) for path in set(written.values())}
    freshness = connection.sql("SELECT * FROM freshness").to_arrow_table() if "freshness" in release.tables else None
    return {
        "repository": release.repository,
        "release": release.id,
        "published_at": _moment(release.published_at),
        "exported_at": _moment(dt.datetime.now(dt.UTC)),
        "format": form,
        "tables": {
            name: {"file": path.name, "rows": release.tables[name], "sha256": digests[path]}
            for name, path in written.items()
        },
        "checks_failed": [check for check in release.checks if not check["passed"]],
        "freshness": json.loads(json.dumps(freshness.to_pylist(), default=_moment)) if freshness is not None else [],
    }


def _moment(value: dt.date) -> str:
    if isinstance(value, dt.datetime):
        value = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        return value.isoformat(timespec="seconds") + "Z"
    return value.isoformat()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(target: Path, write: Callable[[Path], object]) -> Path:
    """Writes a file under another name and gives it its own when it is whole."""
    fresh = target.with_name(f".{target.name}.writing")
    try:
        fresh.unlink(missing_ok=True)
        write(fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return target


def _delimited(delimiter: str, suffix: str) -> Callable[..., dict[str, Path]]:
    def write_all(
        connection: duckdb.DuckDBPyConnection, _: Release, names: Sequence[str], output: Path
    ) -> dict[str, Path]:
        def write(path: Path, name: str) -> None:
            reader = connection.sql(_as_text(connection, name)).to_arrow_reader(_BATCH_ROWS)
            options = pa_csv.WriteOptions(delimiter=delimiter, quoting_style="needed")
            with path.open("wb") as file:
                file.write("\ufeff".encode())
                with pa_csv.CSVWriter(file, reader.schema, write_options=options) as writer:
                    for batch in reader:
                        writer.write_batch(batch)

        return {name: _replace(output / f"{name}.{suffix}", lambda path, n=name: write(path, n)) for name in names}

    return write_all


def _as_text(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """A query for a table whose text cannot be taken for formulas, and whose lists are joined."""
    columns = []
    for column, kind, *_ in connection.execute(f"DESCRIBE {sql_name(name)}").fetchall():
        value = sql_name(column)
        if kind.endswith("[]"):
            value = f"array_to_string({value}, '; ')"
        if kind in ("VARCHAR", "VARCHAR[]"):
            value = f"CASE WHEN regexp_matches({value}, {sql_text(_FORMULA)}) THEN '''' || {value} ELSE {value} END"
        elif kind == "TIMESTAMP":
            value = f"strftime({value}, '%Y-%m-%d %H:%M:%S')"
        columns.append(f"{value} AS {sql_name(column)}")
    return f"SELECT {', '.join(columns)} FROM {sql_name(name)}"


def _parquet(connection: duckdb.DuckDBPyConnection, _: Release, names: Sequence[str], output: Path) -> dict[str, Path]:
    def write(path: Path, name: str) -> None:
        connection.execute(f"COPY {sql_name(name)} TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)")

    return {name: _replace(output / f"{name}.parquet", lambda path, n=name: write(path, n)) for name in names}


def _database(
    connection: duckdb.DuckDBPyConnection, release: Release, names: Sequence[str], output: Path
) -> dict[str, Path]:
    def write(path: Path) -> None:
        connection.execute(f"ATTACH {sql_text(str(path))} AS exported")
        for name in names:
            connection.execute(f"CREATE TABLE exported.{sql_name(name)} AS SELECT * FROM {sql_name(name)}")
        connection.execute("DETACH exported")
        if set(names) == set(release.tables):
            with duckdb.connect(str(path)) as own:
                write_extras(own, release)

    target = _replace(output / FILE, write)
    return dict.fromkeys(names, target)


def _workbook(connection: duckdb.DuckDBPyConnection, _: Release, names: Sequence[str], output: Path) -> dict[str, Path]:
    def write(path: Path) -> None:
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
        }
        with xlsxwriter.Workbook(str(path), options) as book:
            head = book.add_format({"bold": True})
            day = book.add_format({"num_format": "yyyy-mm-dd"})
            for name in names:
                _write_sheets(book, name, connection.sql(f"SELECT * FROM {sql_name(name)}"), head, day)

    target = _replace(output / "inventory.xlsx", write)
    return dict.fromkeys(names, target)


def _write_sheets(book: Any, name: str, relation: duckdb.DuckDBPyRelation, head: Any, day: Any) -> None:
    """One table; what does not fit on a sheet goes on the next."""
    columns = relation.columns
    sheet, row, number = None, _SHEET_ROWS, 0
    for batch in relation.to_arrow_reader(_BATCH_ROWS):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if sheet is None or row >= _SHEET_ROWS:
                number += 1
                sheet, row = _sheet(book, name, number, columns, head), 1
            for place, value in enumerate(values):
                _write_cell(sheet, row, place, value, day)
            row += 1
    if sheet is None:
        _sheet(book, name, 1, columns, head)


def _sheet(book: Any, name: str, number: int, columns: Sequence[str], head: Any) -> Any:
    suffix = "" if number == 1 else f" ({number})"
    sheet = book.add_worksheet(name[: _SHEET_NAME - len(suffix)] + suffix)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, _SHEET_ROWS - 1, len(columns) - 1)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, max(10, min(40, len(column) + 4)))
        sheet.write_string(0, place, column, head)
    return sheet


def _write_cell(sheet: Any, row: int, place: int, value: Any, day: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int | float) and abs(value) < 10**15:
        sheet.write_number(row, place, value)
    elif isinstance(value, dt.datetime) and value.year >= 1900:
        sheet.write_datetime(row, place, value)
    elif isinstance(value, dt.date) and value.year >= 1900:
        sheet.write_datetime(row, place, dt.datetime.combine(value, dt.time()), day)
    else:
        text = "; ".join(str(item) for item in value) if isinstance(value, list) else str(value)
        sheet.write_string(row, place, _NOT_IN_XML.sub("\ufffd", text)[:_CELL_CHARACTERS])


_WRITERS: dict[str, Callable[..., dict[str, Path]]] = {
    "csv": _delimited(",", "csv"),
    "tsv": _delimited("\t", "tsv"),
    "parquet": _parquet,
    "xlsx": _workbook,
    "duckdb": _database,
}
