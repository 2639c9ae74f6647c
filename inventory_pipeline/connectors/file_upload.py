"""File Upload: a folder of .csv and .tsv files, one canonical table each."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import ClassVar

from inventory_pipeline.connectors.base import TableSource
from inventory_pipeline.connectors.folder import FolderConnector
from inventory_pipeline.records import ALL, Category, Table

INVENTORY_TABLES: tuple[Table, ...] = tuple(table for table in ALL if table.category is not Category.entitlement)


class FileUpload(FolderConnector):
    """A folder, with subfolders, of .csv and .tsv files (also .txt, .tab, .gz and .zip) with inventory of any kind.

    The table is taken from the beginning of the file's name, else from its headings. Headings are canonical
    column names or their synonyms. A file that cannot be read as a whole (torn, no mandatory heading, still being
    written) is refused, and what it brought before stays.
    """

    type: ClassVar[str] = "file_upload"
    title: ClassVar[str] = "File Upload"
    versions: ClassVar[str] = "CSV as in RFC 4180 and as spreadsheets write it; UTF-8, UTF-16, Windows-1252"
    sources: ClassVar[tuple[TableSource, ...]] = tuple(
        TableSource(
            table.name,
            objects=(f"{table.name}*.csv, {table.name}*.tsv",),
            permission="Read access to the folder and its files",
            change="SHA-256 of the file's content",
            chunk_units=20,
        )
        for table in INVENTORY_TABLES
    )
    file_tables: ClassVar[tuple[Table, ...]] = INVENTORY_TABLES
    cure: ClassVar[str] = "Correct or remove the file; `inventory templates` writes examples."


def write_templates(folder: Path) -> list[Path]:
    """Writes an example file per table (`<table>.csv`: headings and one row) and a README.md on every column.

    Existing files of these names are replaced. Returns the paths written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in INVENTORY_TABLES:
        path = folder / f"{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\r\n")
            writer.writerow(table.column_names)
            writer.writerow([column.example for column in table.columns])
        written.append(path)
    readme = folder / "README.md"
    readme.write_text(_template_readme(), encoding="utf-8")
    return [*written, readme]


def _template_readme() -> str:
    parts = [_TEMPLATE_HEAD]
    for table in INVENTORY_TABLES:
        names = ", ".join(f"`{name}`" for name in (table.name, f"{table.name}s", *table.aliases))
        parts.append(f"\n## {table.name}\n\n{table.doc} File names begin with {names}.\n\n")
        parts.append("| heading | type | meaning | also accepted |\n|---|---|---|---|\n")
        for column in table.columns:
            type_name = f"{column.type.value}, mandatory" if column.required else column.type.value
            doc = f"{column.doc} One of: {', '.join(column.values)}." if column.values else column.doc
            parts.append(f"| {column.name} | {type_name} | {doc} | {', '.join(column.synonyms)} |\n")
    return "".join(parts)


_TEMPLATE_HEAD = """# Templates for File Upload

One file per table, with its headings and one example row: replace the row by your own and leave out the columns that
you do not have. Headings may stand in any order and case, with spaces, dashes or underscores. Times are UTC; dates
are `yyyy-mm-dd` or `yyyy/mm/dd`; lists are separated by `;`. `name` may stand in for `source_device_id` in device
files, and `Computer Name` or `Device Name` in all files that belong to devices: use the same key in all of them.
"""
