"""Connections of a database connector, of which several may read side by side."""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from inventory_pipeline.connectors.database_reading import stream
from inventory_pipeline.connectors.odbc_arrow import ArrowOdbc, UnsuitedError

logger = logging.getLogger("inventory_pipeline.connectors")


@dataclass(frozen=True, slots=True)
class Lane:
    """One connection to the database, and the fast way beside it where there is one."""

    connection: sa.Connection
    arrow: ArrowOdbc | None = None

    def batches(self, statement: sa.Select) -> Iterator[pa.RecordBatch]:
        """Rows of a select, the fast way where that gives exactly the same. Columns that are the same in every row
        are not asked for: they would travel with each of them."""
        constants = _constants(statement)
        if not constants:
            yield from self._sent(statement)
            return
        columns = list(statement.selected_columns)
        sent = [column for place, column in enumerate(columns) if place not in constants]
        for batch in self._sent(statement.with_only_columns(*sent, maintain_column_froms=True)):
            arrays = iter(batch.columns)
            yield pa.RecordBatch.from_arrays(
                [
                    _repeated(constants[place], batch.num_rows) if place in constants else next(arrays)
                    for place in range(len(columns))
                ],
                names=[str(column.key) for column in columns],
            )

    def _sent(self, statement: sa.Select) -> Iterator[pa.RecordBatch]:
        if self.arrow is not None:
            with suppress(UnsuitedError):
                yield from self.arrow.batches(statement, self.connection.dialect)
                return
        yield from stream(self.connection, statement)


def _constants(statement: sa.Select) -> dict[int, Any]:
    """Values of the columns that are the same in every row, by their place; none when there are no others."""
    found: dict[int, Any] = {}
    for place, column in enumerate(statement.selected_columns):
        element = column.element if isinstance(column, sa.Label) else column
        inner = element.clause if isinstance(element, sa.Cast) else element
        if isinstance(inner, sa.Null):
            found[place] = None
        elif isinstance(element, sa.BindParameter) and isinstance(element.value, str | bool | int):
            found[place] = element.value
    return found if len(found) < len(statement.selected_columns) else {}


def _repeated(value: Any, rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string()) if value is None else pa.repeat(pa.scalar(value), rows)


def open_lane(engine: sa.Engine, target: sa.URL | str, login_seconds: int, timeout_seconds: int) -> Lane:
    """A new connection; `target` is what the engine connects to.

    Raises:
        whatever the driver raises.
    """
    connection = engine.connect()
    if isinstance(target, sa.URL):
        return Lane(connection)
    try:
        return Lane(connection, ArrowOdbc(target, login_seconds, timeout_seconds))
    except (UnsuitedError, *driver_errors()) as error:
        # The kind alone: a driver's text may repeat what it was told.
        logger.debug("rows are read one by one: %s", type(error).__name__)
        return Lane(connection)


def driver_errors() -> tuple[type[BaseException], ...]:
    """Errors of drivers that come unwrapped, since rows are fetched from the driver's own cursor."""
    found: list[type[BaseException]] = [sqlite3.Error]
    for name in ("pyodbc", "psycopg", "pymysql", "arrow_odbc"):
        module = sys.modules.get(name)
        if module is not None:
            found.append(module.Error)
    return tuple(found)
