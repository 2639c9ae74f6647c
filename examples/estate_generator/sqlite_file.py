"""SQLite files made from the stand-in schemas, table by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[1] / "schemas"


@contextmanager
def database(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """A new file with a stand-in schema; it has its name only when the block ended well."""
    waiting = path.with_suffix(".writing")
    waiting.unlink(missing_ok=True)
    connection = sqlite3.connect(waiting)
    try:
        connection.executescript((SCHEMAS / f"{schema}.sql").read_text(encoding="utf-8"))
        yield connection
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()
    waiting.replace(path)


def fill(connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Inserts rows, all with the same columns."""
    values = list(rows)
    if not values:
        return
    names = list(values[0])
    places = ", ".join("?" for _ in names)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",
        [tuple(_plain(row[name]) for name in names) for row in values],
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value
