"""Which raw rows are visible as of a ledger position: the newest report of every unit, less what has gone.

Per connector and table the ledger names folders ("pieces"). A complete piece (first or clean sync, compaction) hides
everything before it; later pieces replace single units. A unit's entry says under which sync its rows stand
(`rows_sync_id`), so that a report that was read again and found unchanged costs one small entry and no rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from inventory_pipeline.records import REJECT_SCHEMA, TABLES
from inventory_pipeline.repository.ledger import Ledger, sync_table
from inventory_pipeline.repository.storage import Storage, empty_select, sql_name, sql_names

UNIT_SCHEMA = pa.schema(
    [
        pa.field("unit_key", pa.string()),
        pa.field("stamp", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("content_hash", pa.string()),
        pa.field("gone", pa.bool_()),
        pa.field("rows_sync_id", pa.string()),
    ]
)
"""Entries of units: `rows_sync_id` is the sync whose rows are the unit's report, empty where it has gone."""

LOOSE_REJECTS = "loose-rejects"
"""Name of files with rejects that belong to no unit's report."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one committed sync or compaction wrote for one table."""

    action_id: str
    position: int
    row_files: tuple[str, ...]
    unit_files: tuple[str, ...]
    reject_files: tuple[str, ...]

    @property
    def loose_files(self) -> tuple[str, ...]:
        """Those of the rejects that belong to no unit's report."""
        return tuple(file for file in self.reject_files if file.rsplit("/", 1)[-1].startswith(LOOSE_REJECTS))

    @property
    def unit_reject_files(self) -> tuple[str, ...]:
        """Those of the rejects that stand and fall with their unit's report."""
        return tuple(file for file in self.reject_files if file not in self.loose_files)


@dataclass(frozen=True, slots=True)
class Watermark:
    """The newest committed `sync_table` row of a connector and table: where the next sync starts from."""

    action_id: str
    position: int
    fingerprint: str
    cursor: dict[str, Any] | None
    rejects_hash: str
    rows_total: int
    units_total: int


class Visible:
    """The raw data of a repository as of a position. Immutable: later commits don't show."""

    def __init__(self, ledger: Ledger, storage: Storage, repository: str, cleared_at: int, position: int) -> None:
        self.storage = storage
        self.repository = repository
        self.position = position
        self.cleared_at = cleared_at
        self.pieces: dict[tuple[str, str], list[Piece]] = defaultdict(list)
        self.watermarks: dict[tuple[str, str], Watermark] = {}
        query = _needed_rows(repository, cleared_at, position)
        with ledger.reading() as connection:
            for row in connection.execute(query):
                self._add(row)

    def _add(self, row: sa.Row[Any]) -> None:
        place = (row.table_name, row.connector)
        if row.unit_files or row.reject_files:
            self.pieces[place].append(
                Piece(
                    row.action_id, row.position, tuple(row.row_files), tuple(row.unit_files),
                    tuple(row.reject_files),
                )
            )  # fmt: skip
        self.watermarks[place] = Watermark(
            row.action_id, row.position, row.fingerprint, row.cursor, row.rejects_hash, row.rows_total, row.units_total
        )

    def connectors(self, table: str) -> list[str]:
        """Slugs of the connectors that have something visible in a table."""
        return sorted(connector for (name, connector), pieces in self.pieces.items() if name == table and pieces)

    def files(self) -> set[str]:
        """Relative paths of the files that are needed to read this state."""
        return {
            file
            for pieces in self.pieces.values()
            for piece in pieces
            for file in (*piece.row_files, *piece.unit_files, *piece.reject_files)
        }

    def folders(self) -> set[str]:
        """Relative paths of the folders that hold `files()`."""
        return {file.rsplit("/", 1)[0] for file in self.files()}

    def rows(self, table: str) -> int:
        """Number of visible rows of a table, from the ledger alone."""
        return sum(mark.rows_total for (name, _), mark in self.watermarks.items() if name == table)

    def units_sql(self, connection: duckdb.DuckDBPyConnection, table: str, connector: str) -> str:
        """A query for the newest entry of every unit of one connector (UNIT_SCHEMA) that has not gone."""
        pieces = [piece for piece in self.pieces.get((table, connector), []) if piece.unit_files]
        entries = self._entries_sql(connection, pieces)
        return f"SELECT {sql_names(UNIT_SCHEMA.names)} FROM ({entries}) WHERE NOT gone"

    def rows_sql(self, connection: duckdb.DuckDBPyConnection, table: str, connector: str) -> str:
        """A query for the visible rows of one connector, in the table's raw schema."""
        return self._of_units(connection, table, connector, "row_files", TABLES[table].raw_schema)

    def rejects_sql(self, connection: duckdb.DuckDBPyConnection, table: str, connector: str) -> str:
        """A query for what is set aside of one connector's visible reports (REJECT_SCHEMA): rows and values of them,
        rows that belong to no report, and reports that could not be read."""
        of_units = self.unit_rejects_sql(connection, table, connector)
        return f"{of_units} UNION ALL {self.loose_rejects_sql(connection, table, connector)}"

    def unit_rejects_sql(self, connection: duckdb.DuckDBPyConnection, table: str, connector: str) -> str:
        """A query for the part of `rejects_sql` that stands and falls with the reports of units."""
        return self._of_units(connection, table, connector, "unit_reject_files", REJECT_SCHEMA)

    def loose_rejects_sql(self, connection: duckdb.DuckDBPyConnection, table: str, connector: str) -> str:
        """A query for the part of `rejects_sql` that belongs to no report: the newest sync that met any says it."""
        mark = self.watermarks.get((table, connector))
        pieces = self.pieces.get((table, connector), [])
        newest = next((piece.loose_files for piece in reversed(pieces) if piece.loose_files), ())
        return self.storage.scan(connection, newest if mark and mark.rejects_hash else (), REJECT_SCHEMA)

    def table_sql(self, connection: duckdb.DuckDBPyConnection, table: str) -> str:
        """A query for the visible rows of a table, of all connectors."""
        parts = [self.rows_sql(connection, table, connector) for connector in self.connectors(table)]
        return " UNION ALL ".join(parts) if parts else empty_select(TABLES[table].raw_schema)

    def register(self, connection: duckdb.DuckDBPyConnection, table: str) -> str:
        """Creates the view `raw_<table>` in a DuckDB connection and returns its name; empty and typed without data."""
        name = f"raw_{table}"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql_name(name)} AS {self.table_sql(connection, table)}")
        return name

    def arrow(self, table: str) -> pa.Table:
        """The visible rows of a table, in its raw schema."""
        with duckdb.connect() as connection:
            return connection.sql(self.table_sql(connection, table)).to_arrow_table().cast(TABLES[table].raw_schema)

    def rejects(self, table: str | None = None) -> pa.Table:
        """What is set aside of the visible reports (REJECT_SCHEMA), of one table or of all."""
        with duckdb.connect() as connection:
            parts = [
                self.rejects_sql(connection, name, connector)
                for (name, connector) in sorted(self.pieces)
                if table in (None, name)
            ]
            query = " UNION ALL ".join(parts) if parts else empty_select(REJECT_SCHEMA)
            return connection.sql(query).to_arrow_table().cast(REJECT_SCHEMA)

    def _entries_sql(self, connection: duckdb.DuckDBPyConnection, pieces: list[Piece]) -> str:
        """The newest entry of every unit that these pieces name."""
        columns = sql_names(UNIT_SCHEMA.names)
        parts = [
            f"SELECT {columns}, {piece.position} AS position "
            f"FROM ({self.storage.scan(connection, piece.unit_files, UNIT_SCHEMA)})"
            for piece in pieces
        ]
        if not parts:
            return empty_select(UNIT_SCHEMA)
        if len(parts) == 1:
            return f"SELECT {columns} FROM ({parts[0]})"
        return (
            f"SELECT {columns} FROM ({' UNION ALL '.join(parts)}) "
            "QUALIFY row_number() OVER (PARTITION BY unit_key ORDER BY position DESC) = 1"
        )

    def _of_units(
        self, connection: duckdb.DuckDBPyConnection, table: str, connector: str, kind: str, schema: pa.Schema
    ) -> str:
        """Rows (or rejects) of one connector that stand under their unit's newest entry.

        Only units that pieces after the first name can be superseded, so their entries, not all, are the hash table
        of the join; a first piece alone needs none.
        """
        pieces = self.pieces.get((table, connector), [])
        files = [file for piece in pieces for file in getattr(piece, kind)]
        everything = self.storage.scan(connection, files, schema)
        later = [piece for piece in pieces[1:] if piece.unit_files]
        if not files or not later:
            return everything
        return (
            f"SELECT {sql_names(schema.names, 'r.')} FROM ({everything}) r "
            f"ANTI JOIN ({self._entries_sql(connection, later)}) u "
            "ON u.unit_key = r.unit_key AND u.rows_sync_id <> r.sync_id"
        )


def _needed_rows(repository: str, cleared_at: int, position: int) -> sa.Select[Any]:
    """The `sync_table` rows that say what is visible: what was written since the newest complete piece, and the newest
    row, which is the watermark. The many others, of syncs that found nothing new, stay where they are."""
    known = sa.and_(
        sync_table.c.repository == repository,
        sync_table.c.position > cleared_at,
        sync_table.c.position <= position,
    )
    place = (sync_table.c.table_name, sync_table.c.connector)
    marks = (
        sa.select(
            *place,
            sa.func.max(sync_table.c.position).label("newest"),
            sa.func.max(sa.case((sync_table.c.complete, sync_table.c.position), else_=0)).label("base"),
        )
        .where(known)
        .group_by(*place)
        .subquery()
    )
    same = sa.and_(marks.c.table_name == sync_table.c.table_name, marks.c.connector == sync_table.c.connector)
    written = sa.or_(sync_table.c.complete, sync_table.c.bytes > 0)
    return (
        sa.select(sync_table)
        .join(marks, same)
        .where(known, sync_table.c.position >= marks.c.base)
        .where(sa.or_(written, sync_table.c.position == marks.c.newest))
        .order_by(sync_table.c.position, sync_table.c.table_name)
    )
