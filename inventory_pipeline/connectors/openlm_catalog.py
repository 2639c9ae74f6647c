"""Which tables and columns a database has, by its own catalog: all that the account may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

Fetch = Callable[[sa.Executable], Iterable[tuple[Any, ...]]]

# Schemas of the servers themselves (SQL Server, PostgreSQL), by their manuals.
_OWN = ("information_schema", "pg_catalog", "sys")


@dataclass(frozen=True, slots=True)
class SiteTable:
    """A table or view as the site spells it; columns by their names in small letters."""

    name: str
    schema: str | None
    clause: sa.TableClause
    columns: dict[str, sa.ColumnClause]

    def __str__(self) -> str:
        return self.name


class Catalog:
    """The tables of a database."""

    def __init__(self, tables: Iterable[SiteTable]) -> None:
        self.tables = tuple(tables)

    def find(self, name: str) -> SiteTable | None:
        """The table of that name, with or without schema, in any case; None without one, or with several."""
        wanted = name.lower()
        found = [t for t in self.tables if wanted in (t.name.lower(), f"{t.schema or ''}.{t.name}".lower())]
        return found[0] if len(found) == 1 else None


def read_catalog(fetch: Fetch, dialect: str) -> Catalog:
    """Reads the catalog: INFORMATION_SCHEMA.COLUMNS, and what SQLite has in its place."""
    if dialect == "sqlite":
        query: sa.Executable = sa.text(
            "SELECT NULL, m.name, p.name, p.type FROM sqlite_master m, pragma_table_info(m.name) p "
            "WHERE m.type IN ('table', 'view') ORDER BY m.name, p.cid"
        )
    else:
        names = ("TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE")
        place = ("COLUMNS", "INFORMATION_SCHEMA")
        if dialect == "postgresql":
            names, place = tuple(name.lower() for name in names), ("columns", "information_schema")
        view = sa.table(place[0], *(sa.column(name, sa.Unicode(256)) for name in names), schema=place[1])
        schema, table, column, _ = view.c
        is_own = schema == sa.func.database()
        if dialect not in ("mysql", "mariadb"):
            is_own = sa.func.lower(schema).not_in(_OWN)
        query = sa.select(*view.c).where(is_own).order_by(schema, table, column)
    found: dict[tuple[str | None, str], list[sa.ColumnClause]] = {}
    for schema_name, table_name, column_name, kind in fetch(query):
        found.setdefault((schema_name, table_name), []).append(sa.column(column_name, _type(str(kind))))
    return Catalog(_site_table(schema, name, columns) for (schema, name), columns in found.items())


def _site_table(schema: str | None, name: str, columns: list[sa.ColumnClause]) -> SiteTable:
    clause = sa.table(name, *columns, schema=schema)
    return SiteTable(name, schema, clause, {column.name.lower(): column for column in clause.c})


def _type(kind: str) -> sa.types.TypeEngine[Any]:
    """The kind that matters when values are compared or put together."""
    kind = kind.lower()
    if kind == "date":
        return sa.Date()
    if "time" in kind:
        return sa.DateTime()
    if "int" in kind or "serial" in kind:
        return sa.Integer()
    if any(word in kind for word in ("numeric", "decimal", "float", "double", "real", "money")):
        return sa.Numeric()
    return sa.Unicode(4000)


__all__ = ["Catalog", "SiteTable", "read_catalog"]
