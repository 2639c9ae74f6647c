"""What a database's own catalog says it has, for connectors to databases whose tables are not documented."""

from __future__ import annotations

import sqlalchemy as sa


def catalog(dialect: str) -> sa.Select | sa.TextClause:
    """Asks for schema, table and name of every column that the account may see."""
    if dialect == "sqlite":
        return sa.text("SELECT NULL, m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p ORDER BY 2, 3")
    spelled = str.lower if dialect == "postgresql" else str.upper
    names = [sa.column(spelled(name), sa.Unicode) for name in ("TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME")]
    columns = sa.table(spelled("COLUMNS"), *names, schema=spelled("INFORMATION_SCHEMA"))
    return sa.select(*columns.c).order_by(*columns.c)


def spelled_place(schema: str | None, table: str) -> str:
    """A table as people write it: `dbo.computers`, or the name alone where there are no schemas."""
    return f"{schema}.{table}" if schema else table
