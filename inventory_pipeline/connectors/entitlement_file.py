"""Entitlement files: licences, maintenance and agreements from a folder of .csv and .tsv files.

Every file holds entitlements; headings are those of the canonical table without spaces (EntitlementId, StartDate ...),
in any order. What is doubtful becomes a caveat of its record, and the record is a draft until the repository is
published (`consolidation/entitlements`).
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from inventory_pipeline.connectors.base import RefusedUnit, TableSource
from inventory_pipeline.connectors.delimited import Layout
from inventory_pipeline.connectors.entitlement_rows import ENTITLEMENT, Judged, heading, judge
from inventory_pipeline.connectors.files import SourceFile
from inventory_pipeline.connectors.folder import FolderConnector, FolderSession
from inventory_pipeline.connectors.headings import HeadingMap, map_headings
from inventory_pipeline.records import TABLES, Table

CAVEAT = TABLES["entitlement_caveat"]
MANDATORY_HEADINGS = ("entitlement_type",)
BATCH_ROWS = 5_000
_PLACE = [("unit_key", pa.string()), ("source_object", pa.string()), ("source_row", pa.int64())]
_ENTITLEMENT_SCHEMA = pa.schema([*((name, pa.string()) for name in (*ENTITLEMENT.column_names, "extra")), *_PLACE])
_CAVEAT_SCHEMA = pa.schema([*((name, pa.string()) for name in CAVEAT.column_names), *_PLACE])
_READ = "Read access to the folder and its files"
_HASH = "SHA-256 of the file's content"


class EntitlementFile(FolderConnector):
    """A folder, with subfolders, of .csv and .tsv files with entitlements, for an Entitlement repository."""

    type: ClassVar[str] = "entitlement_file"
    title: ClassVar[str] = "Entitlement files"
    versions: ClassVar[str] = "CSV as in RFC 4180 and as spreadsheets write it; UTF-8, UTF-16, Windows-1252"
    file_tables: ClassVar[tuple[Table, ...]] = (ENTITLEMENT,)
    cure: ClassVar[str] = "Correct or remove the file; `inventory entitlements template` writes an example."
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("entitlement", ("*.csv, *.tsv",), _READ, _HASH, chunk_units=20),
        TableSource("entitlement_caveat", ("*.csv, *.tsv",), _READ, _HASH, chunk_units=20),
    )

    def place(self, session: FolderSession) -> None:
        # Every file is asked for both tables, so that a file's caveats come and go with its records.
        session.by_table = {table.name: list(session.listing.files) for table in (ENTITLEMENT, CAVEAT)}

    def inspect(self, file: SourceFile, table: Table) -> tuple[Layout, HeadingMap]:
        layout = self.layout(file, self.head_encoding(file))
        return layout, map_headings(ENTITLEMENT, layout.headings, required=MANDATORY_HEADINGS)

    def read_file(self, file: SourceFile, table: Table) -> Iterator[pa.RecordBatch | RefusedUnit]:
        # Dates that are not stated are filled with the day on which the file was saved, not with the clock's: the same
        # file gives the same records whenever it is read.
        saved = dt.datetime.fromtimestamp(file.changed_ns / 1e9, dt.UTC).date()
        waiting: list[pa.RecordBatch] = []
        for item in super().read_file(file, ENTITLEMENT):
            if isinstance(item, RefusedUnit):
                yield item
                return
            if "reject_reason" not in item.schema.names:
                waiting.append(item)
            elif table is ENTITLEMENT:
                yield item
        rows = (row for batch in waiting for row in batch.to_pylist())
        scope = f"{self.slug}\x1f{file.key}"
        judged = judge(rows, scope=scope, today=saved, date_format=self.date_format)
        if table is ENTITLEMENT:
            yield from _batches((record.row for record in judged), _ENTITLEMENT_SCHEMA)
        else:
            yield from _batches((row for record in judged for row in _caveats(record)), _CAVEAT_SCHEMA)


def _caveats(judged: Judged) -> Iterator[dict[str, object]]:
    place = {name: judged.row[name] for name in ("unit_key", "source_object", "source_row", "entitlement_id")}
    for column, severity, message in judged.caveats:
        yield {**place, "column_name": column, "severity": severity, "message": message}


def _batches(rows: Iterable[dict[str, object]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(chunk, schema)


def write_entitlement_template(folder: Path) -> Path:
    """Writes `entitlements.tsv` with all headings and one example row; replaces an existing one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "entitlements.tsv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\r\n")
        writer.writerow([heading(name) for name in ENTITLEMENT.column_names])
        writer.writerow([column.example for column in ENTITLEMENT.columns])
    return path
