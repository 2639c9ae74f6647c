"""Where consolidation's SQL runs. Steps know nothing of it; DuckDB is the engine that is supported."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import duckdb
import pyarrow as pa

from inventory_pipeline.repository.storage import parquet_select, sql_name, sql_text
from inventory_pipeline.repository.visible import Visible


class Engine(Protocol):
    """What a consolidation needs of a SQL engine. Names of tables are plain identifiers."""

    def register_parquet(self, name: str, files: Sequence[str], schema: pa.Schema) -> None:
        """Makes Parquet files readable as a table; without files an empty one of that schema."""
        ...

    def register_arrow(self, name: str, table: pa.Table) -> None:
        """Makes an Arrow table readable as a table."""
        ...

    def register_raw(self, visible: Visible, table: str) -> None:
        """Makes the visible rows of a canonical table readable as `raw_<table>`."""
        ...

    def replace(self, name: str, query: str) -> None:
        """Makes a query's result readable under a name; the query may read what had the name before."""
        ...

    def execute(self, sql: str) -> None:
        """Runs statements, separated by semicolons."""
        ...

    def arrow(self, sql: str) -> pa.Table:
        """The result of a query."""
        ...

    def count(self, sql: str) -> int:
        """The one number that a query gives; null counts as 0."""
        ...

    def write(self, query: str, folder: Path, schema: pa.Schema) -> tuple[int, list[str]]:
        """Writes a query's result as Parquet files; returns rows and file names within the folder."""
        ...

    def close(self) -> None:
        """Frees memory and temporary files."""
        ...


class DuckDBEngine:
    """DuckDB in this process. What does not fit into `memory_limit` is spilled to `temp_directory`.

    `memory_limit` as DuckDB writes it (`2GB`); `temp_directory` None makes one that `close` removes.
    """

    def __init__(self, memory_limit: str = "2GB", threads: int = 2, temp_directory: Path | None = None) -> None:
        self._own_directory = temp_directory is None
        self.temp_directory = temp_directory or Path(tempfile.mkdtemp(prefix="inventory-consolidation-"))
        self.connection = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(self.temp_directory),
                # Rows keep no meaning by their order: steps order where it matters.
                "preserve_insertion_order": False,
            }
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        for macro in _MACROS:
            self.connection.execute(f"CREATE TEMP MACRO {macro}")

    def register_parquet(self, name: str, files: Sequence[str], schema: pa.Schema) -> None:
        """See `Engine`."""
        query = parquet_select(self.connection, files, schema)
        self._forget(name)
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql_name(name)} AS {query}")

    def register_arrow(self, name: str, table: pa.Table) -> None:
        """See `Engine`; the rows are copied, so that the Arrow table may go."""
        self.connection.register("arriving", table)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {sql_name(name)} AS SELECT * FROM arriving")
        self.connection.unregister("arriving")

    def register_raw(self, visible: Visible, table: str) -> None:
        """See `Engine`."""
        visible.register(self.connection, table)

    def replace(self, name: str, query: str) -> None:
        """See `Engine`."""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {query}")
        self._forget(name)
        self.connection.execute(f"ALTER TABLE arrived RENAME TO {sql_name(name)}")

    def _forget(self, name: str) -> None:
        for kind in ("table", "view"):
            found = f"SELECT 1 FROM duckdb_{kind}s() WHERE temporary AND {kind}_name = ?"
            if self.connection.execute(found, [name]).fetchall():
                self.connection.execute(f"DROP {kind} {sql_name(name)}")

    def execute(self, sql: str) -> None:
        """See `Engine`."""
        self.connection.execute(sql)

    def arrow(self, sql: str) -> pa.Table:
        """See `Engine`."""
        return self.connection.sql(sql).to_arrow_table()

    def count(self, sql: str) -> int:
        """See `Engine`."""
        rows = self.connection.execute(sql).fetchall()
        return int(rows[0][0] or 0) if rows else 0

    def write(self, query: str, folder: Path, schema: pa.Schema) -> tuple[int, list[str]]:
        """See `Engine`."""
        folder.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(
            f"CAST({sql_name(field.name)} AS {_TYPES[str(field.type)]}) AS {sql_name(field.name)}" for field in schema
        )
        file = folder / "part-0.parquet"
        target = sql_text(str(file))
        rows = self.count(f"COPY (SELECT {columns} FROM ({query})) TO {target} (FORMAT parquet, COMPRESSION zstd)")
        return rows, [file.name]

    def close(self) -> None:
        """See `Engine`."""
        self.connection.close()
        if self._own_directory:
            shutil.rmtree(self.temp_directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# What the steps need and no two engines write alike. Hashes only join within one run; ids are made by md5.
_SWAPPED = (
    "substr(h, 7, 2) || substr(h, 5, 2) || substr(h, 3, 2) || substr(h, 1, 2) || substr(h, 11, 2) || substr(h, 9, 2) "
    "|| substr(h, 15, 2) || substr(h, 13, 2) || substr(h, 17)"
)
_MACROS = (
    "key_hash(x) AS CAST(hash(x) >> 1 AS BIGINT)",
    "statement_hash(a, b, c, d, e, f, g, h) AS CAST(hash(a, b, c, d, e, f, g, h) >> 1 AS BIGINT)",
    f"fold_digits(h) AS least(h, {_SWAPPED})",
    "fold_uuid(x) AS fold_digits(regexp_replace(lower(x), '[^0-9a-z]', '', 'g'))",
)
_TYPES = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp[us]": "TIMESTAMP",
    "date32[day]": "DATE",
    "list<item: string>": "VARCHAR[]",
}
