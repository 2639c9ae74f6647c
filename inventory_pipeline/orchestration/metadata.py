"""What is shown beside a materialization: figures, the sync log, columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from inventory_pipeline.records import Category, Column, ColumnType
from inventory_pipeline.repository.sync_report import SyncReport, TableLog

SYNC_LOG_COLUMNS = (
    "rows_read",
    "added",
    "changed",
    "removed",
    "unchanged",
    "rejected",
    "values_rejected",
    "units_gone",
    "units_refused",
    "rows_total",
)
MAX_CELL = 300
_TYPES = {ColumnType.text_list: "text[]"}


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Columns with types and documentation, as the asset's page shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_TYPES.get(column.type, column.type.value),
                description=column.doc,
                constraints=dg.TableColumnConstraints(nullable=not column.required),
            )
            for column in columns
        ]
    )


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Rows as a table; cells cannot break out of it, whatever the source said."""
    if not rows:
        return dg.MetadataValue.md("Nothing.")
    heads = list(rows[0])
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    lines += [" | ".join(_cell(row.get(head)) for head in heads) for row in rows]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = " ".join(str(value).split())
    text = text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
    for character in "\\|`*_<>[]":
        text = text.replace(character, f"\\{character}")
    return text


def sync_log_rows(tables: Iterable[TableLog]) -> list[dict[str, Any]]:
    """The sync log of some tables, a row each, without rarer figures that are zero everywhere."""
    logs = list(tables)
    always = ("rows_read", "added", "changed", "removed", "unchanged", "rejected", "rows_total")
    figures = [name for name in SYNC_LOG_COLUMNS if name in always or any(getattr(log, name) for log in logs)]
    rows: list[dict[str, Any]] = []
    for log in logs:
        row: dict[str, Any] = {"table": log.table, **{name: getattr(log, name) for name in figures}}
        if any(other.notes for other in logs):
            row["notes"] = " ".join(log.notes)
        rows.append(row)
    return rows


def category_metadata(report: SyncReport, category: Category) -> dict[str, Any]:
    """Metadata of one raw asset after a sync: its part of the sync log, totals that can be plotted, the commit."""
    logs = [log for log in report.tables if log.category is category]
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(log.rows_total for log in logs),
        "sync log": markdown_table(sync_log_rows(logs)),
        "status": report.status,
        "sync": report.action_id,
        "seconds": round((report.ended_at - report.started_at).total_seconds(), 1),
        **{
            name.replace("_", " "): sum(getattr(log, name) for log in logs)
            for name in ("rows_read", "added", "changed", "removed", "unchanged", "rejected")
        },
    }
    if report.position is not None:
        metadata["ledger position"] = report.position
    if report.problems:
        metadata["would not be committed"] = "\n".join(report.problems)
    return metadata
