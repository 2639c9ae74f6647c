"""AppClarity 5.2: exports its entitlements into a file to be reviewed and imported; it fills no repository.

Facts: "AppClarity v5.2 connector" (AppClarity 7.1) and "Migrating licenses from older versions" (5.2) on help.1e.com;
the second names the table Entitlement.Entitlement. Its columns are not documented: see `appclarity_shape.py`.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TextIO

import sqlalchemy as sa
from pydantic import Field

from inventory_pipeline.connectors.appclarity_rows import Entitlements, entitlements, neutralized
from inventory_pipeline.connectors.appclarity_shape import ENTITLEMENT, Shape, ShapeError, find_shape
from inventory_pipeline.connectors.base import Check, Exported, TableSource
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_catalog import catalog
from inventory_pipeline.connectors.entitlement_rows import heading


class AppClarity(DatabaseConnector):
    """Exports licences and maintenance from an AppClarity 5.2 database into a TSV file."""

    type: ClassVar[str] = "appclarity"
    title: ClassVar[str] = "AppClarity"
    versions: ClassVar[str] = "the database of AppClarity 5.2 on SQL Server"
    exports: ClassVar[str] = "Entitlements"
    sources: ClassVar[tuple[TableSource, ...]] = ()

    output_folder: str = Field(description="Folder that files are written to for review; made when it is not there.")
    table_name: str = Field(default="Entitlement.Entitlement", description="Table or view with the entitlements.")
    column_names: dict[str, str] = Field(
        default={}, description="Its columns, where they are not known by name: `start_date: StartsOn`. Empty: none."
    )
    values: dict[str, dict[str, str]] = Field(
        default={}, description="Words for what a column holds: `entitlement_type: {'1': License, '2': Maintenance}`."
    )
    parent_links: dict[str, str] = Field(
        default={},
        description="Links to parents, where they stand in a table of their own: "
        "`{table: Entitlement.Links, child: child_id, parent: parent_id}`.",
    )

    def check_export(self) -> Iterator[Check]:
        folder = Path(self.output_folder)
        problem = _not_writable(folder)
        yield Check(
            "output_folder",
            problem is None,
            f"{folder} can be written." if problem is None else f"{folder} cannot be written ({problem}).",
            "" if problem is None else "Give the account of this process write permission, or choose another folder.",
        )
        try:
            shape = self._shape()
        except ShapeError as error:
            yield Check("table", False, self.redact(str(error)), error.cure)
            return
        found = self._collected(shape)
        ours = ", ".join(f"{heading(column)} from {theirs}" for column, theirs in shape.columns.items())
        yield Check("table", True, f"{shape.place} can be read: {ours}.")
        kinds = sorted(found.left_out)
        cure = "Say in values which value of entitlement_type is License, and which Maintenance."
        known = bool(found.rows) or not kinds
        message = (
            f"{len(found.rows):,} licences and maintenances." if known else f"No type of {', '.join(kinds)} is known."
        )
        yield Check("entitlement_type", known, message, "" if known else cure)

    def export(self) -> Exported:
        problem = None
        try:
            shape = self._shape()
        except ShapeError as error:
            problem = self.error(str(error), cure=error.cure)
        else:
            found = self._collected(shape)
            if found.left_out and not found.rows:
                problem = self.error(
                    f"no type of {', '.join(sorted(found.left_out))} is known, and nothing was exported.",
                    cure="Say in values which value of entitlement_type is License, and which Maintenance.",
                )
            else:
                try:
                    return self._written(shape, found)
                except OSError as error:
                    problem = self.error(
                        f"{self.output_folder} cannot be written ({error.strerror}).",
                        cure="Give the account of this process write permission, or choose another folder.",
                    )
        raise problem

    def _written(self, shape: Shape, found: Entitlements) -> Exported:
        folder = Path(self.output_folder)
        folder.mkdir(parents=True, exist_ok=True)
        now = dt.datetime.now(dt.UTC)
        stem = f"entitlements-{self.slug}-{now:%Y%m%dT%H%M%S}Z"
        cells = [
            {column: neutralized(column, row[column]) for column in ENTITLEMENT.column_names if column in row}
            for row in found.rows
        ]
        formulas = sum(
            cell != row[column] for row, new in zip(found.rows, cells, strict=True) for column, cell in new.items()
        )
        lines = _lines(shape, found, formulas)
        said, table = folder / f"{stem}.caveats.txt", folder / f"{stem}.tsv"
        _replace(said, lambda stream: stream.write(_caveats(f"{self.name}: {now:%Y-%m-%d %H:%M} UTC", lines, found)))
        _replace(table, lambda stream: _write_table(stream, cells))
        severities = [severity for _, _, severity, _ in found.caveats]
        figures = {
            "licenses": found.counts["License"],
            "maintenances": found.counts["Maintenance"],
            "left out": found.left_out.total(),
            "several parents": found.counts["several parents"],
            "warnings": severities.count("warning"),
            "errors": severities.count("error"),
        }
        return Exported((table, said), lines, figures)

    def _shape(self) -> Shape:
        listed = self.fetch(catalog(self._opened_connection().dialect.name))
        return find_shape(listed, self.table_name, self.column_names, self.parent_links)

    def _collected(self, shape: Shape) -> Entitlements:
        links = shape.parents()
        pairs = [(row["child"], row["parent"]) for row in self._rows(links)] if links is not None else []
        return entitlements(self._rows(shape.entitlements()), pairs, self.values, dt.datetime.now(dt.UTC).date())

    def _rows(self, statement: sa.Select) -> Iterator[dict[str, Any]]:
        for batch in self._stream(statement):
            yield from batch.to_pylist()


def _lines(shape: Shape, found: Entitlements, formulas: int) -> tuple[str, ...]:
    """What is to be said of an export, a sentence a line."""
    lines = [
        f"{found.counts['License']:,} licences and {found.counts['Maintenance']:,} maintenances from {shape.place}."
    ]
    if found.left_out:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.left_out.items()))
        lines.append(f"Left out, since only licences and maintenance are exported: {kinds}.")
    for count, said in (
        ("without id", "without an id were left out"),
        ("several parents", "have several parents: one is kept, the others stand in Comments"),
        ("parents not exported", "have parents that are not exported: they stand in Comments"),
    ):
        if found.counts[count]:
            lines.append(f"{found.counts[count]:,} {said}.")
    if formulas:
        lines.append(f"{formulas:,} cells that begin like a formula have an apostrophe in front: take it away again.")
    absent = [heading(column) for column in ENTITLEMENT.column_names if column not in shape.columns]
    if absent:
        lines.append(f"Without a column in the database: {', '.join(absent)}.")
    if shape.unused:
        lines.append(f"Columns of the database that were not exported: {', '.join(shape.unused)}.")
    doubtful = {
        severity: len({key for key, _, s, _ in found.caveats if s == severity}) for severity in ("warning", "error")
    }
    lines.append(f"Doubtful: {doubtful['warning']:,} with warnings, {doubtful['error']:,} with errors.")
    return tuple(lines)


def _caveats(title: str, lines: tuple[str, ...], found: Entitlements) -> str:
    rows = ["\t".join(("EntitlementId", "Column", "Severity", "Message"))]
    rows += ["\t".join(" ".join(part.split()) for part in caveat) for caveat in found.caveats]
    return "\n".join([title, *lines, "", *rows, ""])


def _write_table(stream: TextIO, rows: list[dict[str, str]]) -> None:
    writer = csv.writer(stream, delimiter="\t", lineterminator="\r\n")
    writer.writerow([heading(name) for name in ENTITLEMENT.column_names])
    writer.writerows([row.get(name, "") for name in ENTITLEMENT.column_names] for row in rows)


def _replace(path: Path, write: Callable[[TextIO], Any]) -> None:
    """Writes a file that is there whole or not at all; the partner `.part` keeps importers off until then."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _not_writable(folder: Path) -> str | None:
    """Why nothing can be written into a folder (or into the nearest one above that is there); None when it can."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or str(error)
