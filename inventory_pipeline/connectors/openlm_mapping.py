"""Where a database keeps what: tables, joins and columns, found or configured, and the selects that come of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pydantic import Field

from inventory_pipeline.connectors.base import SettingsGroup
from inventory_pipeline.connectors.database_model import together
from inventory_pipeline.connectors.openlm_catalog import Catalog, SiteTable

TABLE_HELP = "Table or view, with its schema where several schemas have one of that name."
JOIN_HELP = (
    "Further tables, each by what joins it: `features.server_id = servers.id`. They are joined one after another."
)
COLUMN_HELP = (
    "Column of the source by canonical column: `license_server: servers.name`. Without a table it is the first one's; "
    "several with ` + ` between them are put together."
)


class Part(SettingsGroup):
    """Where one kind of thing is found; what is left out is searched for."""

    table: str | None = Field(default=None, description=TABLE_HELP)
    joins: list[str] = Field(default=[], description=JOIN_HELP)
    columns: dict[str, str] = Field(default={}, description=COLUMN_HELP)

    def over(self, found: Part | None) -> Part:
        """This part with what was found where it says nothing itself. Another table makes what was found useless."""
        if found is None or (self.table and self.table != found.table):
            return self
        return Part(table=found.table, joins=[*found.joins, *self.joins], columns={**found.columns, **self.columns})


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be said of one kind of thing, and what must."""

    title: str
    mandatory: tuple[str, ...]
    optional: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    "features": Kind(
        "licences",
        ("source_feature_id", "feature"),
        ("license_server", "vendor", "description", "version", "license_type", "quantity", "expiration_date"),
    ),
    "quantities": Kind("quantities", ("source_feature_id", "quantity", "date"), ()),
    "sessions": Kind(
        "sessions",
        ("source_session_id", "source_feature_id"),
        ("user", "device_name", "started", "ended", "quantity", "used_time"),
    ),
    "denials": Kind(
        "denials", ("source_session_id", "source_feature_id"), ("user", "device_name", "started", "quantity")
    ),
    "usage": Kind("usage", ("source_feature_id", "device_name"), ("user", "started", "ended", "used_time")),
}


class MappingError(Exception):
    """A part cannot be read as it is mapped; the text says why."""


@dataclass(frozen=True, slots=True)
class Located:
    """A part whose tables and columns are known to be there: what to select from, and expressions by canonical name."""

    source_object: str
    source: sa.FromClause
    columns: Mapping[str, sa.ColumnElement[Any]]

    def select(self, **others: sa.ColumnElement[Any]) -> sa.Select:
        """A select of the columns under their canonical names, and of others in place of or beside them."""
        columns = {**self.columns, **others}
        return sa.select(*(value.label(name) for name, value in columns.items())).select_from(self.source)


def located(kind: str, part: Part, catalog: Catalog) -> Located:
    """Looks up a part in the catalog.

    Raises:
        MappingError: a table or column is not there, a join cannot be followed, a mandatory column is not mapped.
    """
    allowed = KINDS[kind]
    known = (*allowed.mandatory, *allowed.optional)
    unknown = [name for name in part.columns if name not in known and not name.startswith("extra_")]
    if unknown:
        raise MappingError(f"{kind} has no column {', '.join(unknown)}; it has {', '.join(known)}, and extra_...")
    if not part.table:
        raise MappingError(f"no table of {allowed.title} was found or is named")
    base = _table(part.table, catalog)
    lost = [name for name in allowed.mandatory if name not in part.columns]
    if lost:
        raise MappingError(f"{', '.join(lost)} of {allowed.title} in {part.table} was not found and is not named")
    tables = {part.table.lower(): base, base.name.lower(): base}
    source: sa.FromClause = base.clause
    for name, conditions in _joins(part.joins, tables, catalog).items():
        source = source.outerjoin(tables[name].clause, sa.and_(*conditions))
    columns = {name: _expression(text, base, tables) for name, text in part.columns.items()}
    return Located(base.name, source, columns)


def _table(name: str, catalog: Catalog) -> SiteTable:
    found = catalog.find(name)
    if found is None:
        raise MappingError(f"the table {name} is not there, may not be seen, or there are several of that name")
    return found


def _joins(texts: list[str], tables: dict[str, SiteTable], catalog: Catalog) -> dict[str, list[sa.ColumnElement[bool]]]:
    """Conditions by the table that each brings in; several for one table hold together. Adds to `tables`."""
    found: dict[str, list[sa.ColumnElement[bool]]] = {}
    for text in texts:
        sides = [side.strip().rpartition(".") for side in text.split("=")]
        if len(sides) != 2 or not all(table and column for table, _, column in sides):
            raise MappingError(f"the join {text!r} is not of the form table.column = other.column")
        names = [table.lower() for table, _, _ in sides]
        new = [name for name in names if name not in tables]
        if len(new) == 2:
            raise MappingError(f"neither side of the join {text!r} is a table that came before it")
        for name in new:
            tables[name] = _table(name, catalog)
            found[name] = []
        target = new[0] if new else next((name for name in reversed(names) if name in found), None)
        if target is None:
            raise MappingError(f"the join {text!r} brings no further table")
        left, right = (_column(column, tables[name]) for name, (_, _, column) in zip(names, sides, strict=True))
        found[target].append(left == right)
    return found


def _expression(text: str, base: SiteTable, tables: Mapping[str, SiteTable]) -> sa.ColumnElement[Any]:
    columns = []
    for part in re.split(r"\s\+\s", text):
        table, _, column = part.strip().rpartition(".")
        holder = tables.get(table.lower()) if table else base
        if holder is None:
            raise MappingError(f"{part.strip()} is of a table that is not joined")
        columns.append(_column(column, holder))
    if len(columns) == 1:
        return columns[0]
    # Each part counts, also where another one is null.
    texts = [sa.func.coalesce(sa.cast(column, sa.Unicode(400)), "") for column in columns]
    parts = [part for text in texts for part in ("|", text)]
    return together(*parts[1:])


def _column(name: str, table: SiteTable) -> sa.ColumnElement[Any]:
    if name.lower() not in table.columns:
        raise MappingError(f"{table.name} has no column {name}")
    return table.columns[name.lower()]
