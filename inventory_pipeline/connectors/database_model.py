"""How a database connector is declared: views with their columns, and selects that give canonical columns.

A declaration says what a fully equipped site has. What the site at hand lacks is taken out when the connector has
looked at it (`database_site.py`): optional columns become null, optional views are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import Join, Subquery

from inventory_pipeline.connectors.base import TableSource
from inventory_pipeline.records import TABLES


class Guid(sa.Unicode):
    """A uniqueidentifier. Drivers give it in capitals, in small letters or as an object: it becomes small text."""

    cache_ok = True


_TYPES: dict[str, sa.types.TypeEngine] = {
    # With a length, so that a missing text is not sent as nvarchar(max), which drivers fetch row by row.
    "text": sa.Unicode(4000),
    "int": sa.Integer(),
    "time": sa.DateTime(),
    "guid": Guid(36),
}


class View(sa.TableClause):
    """A view of the source. `mandatory` columns must be there; an `optional` view may be missing altogether."""

    inherit_cache = True
    mandatory: frozenset[str]
    optional: bool
    aliases: tuple[str, ...]


def view(
    name: str, columns: str, *, schema: str = "dbo", optional: bool = False, aliases: tuple[str, ...] = ()
) -> View:
    """Declares a view by its columns, such as `"ResourceID! int, Name0, LastHWScan time"`.

    Types are text (the default), int, time and guid; `!` marks what the connector cannot do without. `aliases` are
    other names that sites have for the same view.
    """
    parsed: list[sa.ColumnClause] = []
    mandatory = set()
    for part in columns.split(","):
        label, _, kind = part.strip().partition(" ")
        if label.endswith("!"):
            label = label[:-1]
            mandatory.add(label)
        parsed.append(sa.column(label, _TYPES[kind.strip() or "text"]))
    declared = View(name, *parsed, schema=schema)
    declared.mandatory = frozenset(mandatory)
    declared.optional = optional
    declared.aliases = aliases
    return declared


def mapped(source: View, columns: str, **expressions: sa.ColumnElement[Any]) -> sa.Select:
    """A select of a view's columns under canonical names, `"name=Name0 domain=Domain0"`, and of expressions.

    Rows come in the order of the view's key where it has one (ResourceID and GroupID of inventory views).
    """
    labels = [source.c[column].label(name) for name, _, column in (part.partition("=") for part in columns.split())]
    query = sa.select(*labels, *(value.label(name) for name, value in expressions.items()))
    return query.order_by(*(source.c[name] for name in ("ResourceID", "GroupID") if name in source.c))


def filled(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text, or null where it is empty."""
    return sa.func.nullif(column, "", type_=column.type)


class together(FunctionElement):  # noqa: N801 - reads as the function that it is
    """Texts one after the other; null when one of them is null, whatever the session's settings are."""

    name = "together"
    type = sa.Unicode()
    inherit_cache = True


@compiles(together)
def _together(element: together, compiler: Any, **options: Any) -> str:
    return "(" + " || ".join(compiler.process(part, **options) for part in element.clauses) + ")"


@compiles(together, "mysql")
@compiles(together, "mariadb")
def _together_mariadb(element: together, compiler: Any, **options: Any) -> str:
    # Here `||` is a logical or.
    return "CONCAT(" + ", ".join(compiler.process(part, **options) for part in element.clauses) + ")"


@compiles(together, "mssql")
def _together_mssql(element: together, compiler: Any, **options: Any) -> str:
    parts = [compiler.process(part, **options) for part in element.clauses]
    there = " AND ".join(
        f"{text} IS NOT NULL"
        for part, text in zip(element.clauses, parts, strict=True)
        if not isinstance(part, sa.BindParameter)
    )
    return f"CASE WHEN {there} THEN CONCAT({', '.join(parts)}) END"


def views_of(element: sa.ClauseElement) -> Iterator[View]:
    """The views that a statement reads, each once, in the order in which they stand."""
    seen: set[str] = set()
    for found in visitors.iterate(element):
        if isinstance(found, View) and found.name not in seen:
            seen.add(found.name)
            yield found


def _first_view(source: Any) -> View:
    if isinstance(source, View):
        return source
    if isinstance(source, Join):
        return _first_view(source.left)
    return _first_view(source.element if isinstance(source, Subquery) else source.get_final_froms()[0])


@dataclass(frozen=True, slots=True)
class Rows:
    """One select whose labels are canonical columns; labels that begin with `extra_` go to the column `extra`.

    `unless` narrows it: a field of the connector, and the condition that holds while that field is false.
    """

    query: sa.Select
    unless: tuple[str, sa.ColumnElement[bool]] | None = None

    @property
    def source_object(self) -> str:
        """The view that the rows come from: the one that all others are joined to."""
        return _first_view(self.query).name


@dataclass(frozen=True, slots=True)
class Joined:
    """A select by the same unit whose columns are added to the rows: where these have no value yet, its first row's.

    For columns named in `lists` all values of the unit are put together, each once, in the order of the select.
    """

    query: sa.Select
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseTable(TableSource):
    """What a database connector brings into one canonical table.

    `rows` are read one after the other. `listing` are selects whose first column is the unit and whose others make
    the stamp: the first says which units there are, the others add to the stamp; without one, everything is read and
    compared at every sync. `distinct` gives each row of a batch a text, and of the rows of one unit with the same text
    only the first is kept. All selects label the unit as the canonical unit column.
    """

    rows: tuple[Rows, ...] = ()
    joined: tuple[Joined, ...] = ()
    listing: tuple[Rows, ...] = ()
    distinct: Callable[[pa.RecordBatch], pa.Array] | None = None

    @property
    def unit(self) -> str:
        """The canonical column that is the unit of change."""
        return TABLES[self.table].unit[0]

    @property
    def statements(self) -> tuple[sa.Select, ...]:
        """All selects of the declaration."""
        return tuple(part.query for part in (*self.listing, *self.rows, *self.joined))

    @property
    def views(self) -> tuple[View, ...]:
        """All views that are read, each once."""
        found = {found.name: found for statement in self.statements for found in views_of(statement)}
        return tuple(found.values())


def database_table(
    table: str,
    *rows: Rows | sa.Select,
    permission: str,
    change: str,
    listing: tuple[Rows | sa.Select, ...] = (),
    joined: tuple[Joined, ...] = (),
    distinct: Callable[[pa.RecordBatch], pa.Array] | None = None,
    chunk_units: int = 2000,
) -> DatabaseTable:
    """Declares what goes into a canonical table; the objects that are read are found in the selects."""
    parts = tuple(part if isinstance(part, Rows) else Rows(part) for part in rows)
    listed = tuple(part if isinstance(part, Rows) else Rows(part) for part in listing)
    draft = DatabaseTable(table, rows=parts, joined=joined, listing=listed)
    return DatabaseTable(
        table,
        objects=tuple(found.name for found in draft.views),
        permission=permission,
        change=change,
        chunk_units=chunk_units,
        rows=parts,
        joined=joined,
        listing=listed,
        distinct=distinct,
    )
