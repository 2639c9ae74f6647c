"""The database of BigFix Inventory, read as if it were its REST API: the same resources, columns and groups of rows.

The tables of that database are not documented. So nothing is assumed: the database's own catalog (INFORMATION_SCHEMA)
says which tables and columns there are. A resource is read from the table that bears its name, or else from the only
one that has all columns that are needed; names can be configured where neither finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from inventory_pipeline.connectors.bigfix_inventory_api import Criterion, InventoryApiError, Row
from inventory_pipeline.connectors.database_catalog import spelled_place

NEEDED: dict[str, tuple[str, ...]] = {
    "computers": ("id", "name", "last_seen"),
    "software_instances": ("instance_id", "computer_id", "component_name"),
    "detailed_hw_ip_addresses": ("computer_id", "permanent_mac_address"),
    "detailed_hw_network_adapters": ("computer_id", "current_address", "permanent_address"),
    "detailed_hw_memories": ("computer_id", "total_physical"),
    "detailed_hw_smbios": ("computer_id", "system_serial_number"),
    "detailed_hw_physical_processors": ("computer_id", "core_per_package_count"),
    "computer_hardware": ("computer_id", "computer_type"),
    "usage_data": ("instance_id", "last_used"),
}
"""Per resource, the columns by whose presence a table is known for it, as the REST API calls them."""
_JOINS = {"computer_hardware": ("id", "computer_id"), "usage_data": ("instance_id", "instance_id")}
_OPERATORS: dict[str, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    ">=": lambda column, value: column >= value,
    "<=": lambda column, value: column <= value,
}


@dataclass(frozen=True, slots=True)
class Found:
    """A table for a resource; `columns` maps the resource's columns (small letters) to the table's."""

    schema: str | None
    name: str
    columns: Mapping[str, str]


@dataclass(slots=True)
class Shape:
    """What the catalog has for the resources, and why there is nothing for the others."""

    found: dict[str, Found] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def discover(
    listed: Iterable[tuple[Any, ...]],
    tables: Mapping[str, str],
    columns: Mapping[str, Mapping[str, str]],
) -> Shape:
    """Finds the table of each resource.

    `listed` is schema, table and column of all that the database has; `tables` and `columns` are configured names by
    resource (and by column of the resource).
    """
    known: dict[tuple[str | None, str], dict[str, str]] = {}
    for schema, name, column in listed:
        known.setdefault((schema, name), {})[column.lower()] = column
    shape = Shape()
    for resource, needed in NEEDED.items():
        renamed = {theirs: named for theirs, named in columns.get(resource, {}).items() if named}
        wanted = [renamed.get(column, column).lower() for column in needed]
        places = _places(known, resource, tables.get(resource), wanted)
        fitting = [place for place in places if all(column in known[place] for column in wanted)]
        if len(fitting) == 1:
            present = known[fitting[0]]
            aliases = {theirs: present[named.lower()] for theirs, named in renamed.items() if named.lower() in present}
            shape.found[resource] = Found(*fitting[0], {**present, **aliases})
        elif fitting:
            names = ", ".join(sorted(spelled_place(*place) for place in fitting)[:5])
            shape.missing[resource] = f"several tables could be {resource}: {names}."
        elif places and tables.get(resource):
            lacks = [column for column in wanted if column not in known[places[0]]]
            shape.missing[resource] = f"{spelled_place(*places[0])} has no column {', '.join(lacks)}."
        else:
            shape.missing[resource] = f"no table has the columns {', '.join(wanted)} of {resource}."
    return shape


def _places(
    known: Mapping[tuple[str | None, str], Mapping[str, str]], resource: str, configured: str | None, wanted: list[str]
) -> list[tuple[str | None, str]]:
    if configured:
        return [place for place in known if configured.lower() in (spelled_place(*place).lower(), place[1].lower())]
    named = [place for place in known if place[1].lower() == resource]
    if any(all(column in known[place] for column in wanted) for place in named):
        return named
    return list(known)


class InventoryDatabase:
    """The counterpart of InventoryApi; `stream` runs a select and gives its rows as record batches."""

    def __init__(self, shape: Shape, stream: Callable[[sa.Select], Iterator[pa.RecordBatch]], dialect: str) -> None:
        self.shape = shape
        self._stream = stream
        self._dialect = dialect

    def place(self, resource: str) -> str:
        """The table that was found for a resource."""
        found = self._found(resource)
        return spelled_place(found.schema, found.name)

    def columns(self, resource: str, key: str, wanted: Iterable[str]) -> tuple[str, ...]:
        """Those of the wanted columns that the database has, with the key in front.

        Raises:
            InventoryApiError: no table is known for the resource.
        """
        found = self._found(resource)
        if key not in found.columns:
            raise InventoryApiError(f"{found.name} has no column {key}.", self.cure(resource))
        names = (name for name in dict.fromkeys(wanted) if name != key)
        return (key, *(name for name in names if self._where(resource, name) is not None))

    def accepts(self, resource: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()) -> bool:
        """Whether all columns, also those of criteria, are there."""
        return all(self._where(resource, name) is not None for name in (*columns, *(c[0] for c in criteria)))

    def groups(
        self, resource: str, key: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()
    ) -> Iterator[list[Row]]:
        """Rows that meet all criteria, those with the same key together, in the order of the key."""
        group: list[Row] = []
        for batch in self._stream(self.statement(resource, key, columns, criteria)):
            for row in batch.to_pylist():
                if group and row[key] != group[0][key]:
                    yield group
                    group = []
                group.append(row)
        if group:
            yield group

    def statement(
        self, resource: str, key: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()
    ) -> sa.Select:
        """The select behind `groups`; its labels are the resource's columns."""
        tables: dict[str, sa.TableClause] = {}
        base = self._table(resource, tables)
        source: Any = base
        for association in dict.fromkeys(name.partition(".")[0] for name in columns if "." in name):
            if association in self.shape.found:
                ours, theirs = _JOINS[association]
                joined = self._table(association, tables)
                source = source.outerjoin(
                    joined, self._column(resource, ours, tables) == self._column(association, theirs, tables)
                )
        labelled = [self._column(resource, name, tables).label(name) for name in columns]
        conditions = [
            _OPERATORS[operator](self._column(resource, name, tables), self._literal(value))
            for name, operator, value in criteria
        ]
        order = [self._column(resource, key, tables)]
        return sa.select(*labelled).select_from(source).where(*conditions).order_by(*order)

    def _literal(self, value: str) -> sa.ColumnElement[Any]:
        if value.lstrip("-").isdigit():
            return sa.literal_column(str(int(value)), sa.Integer)
        text = value.replace("T", " ").rstrip("Z")
        # A parameter arrives as varchar, and is compared as a time only when it is made one.
        return sa.cast(sa.literal(text), mssql.DATETIME2()) if self._dialect == "mssql" else sa.literal(text)

    def _where(self, resource: str, name: str) -> tuple[str, str] | None:
        """The resource whose table has a column, and the table's name for it."""
        outer, _, inner = name.rpartition(".")
        if outer and outer in self.shape.found and inner in self.shape.found[outer].columns:
            return outer, self.shape.found[outer].columns[inner]
        own = self._found(resource).columns.get(inner)
        return (resource, own) if own is not None else None

    def _column(self, resource: str, name: str, tables: dict[str, sa.TableClause]) -> sa.ColumnElement[Any]:
        place = self._where(resource, name)
        if place is None:
            raise InventoryApiError(f"there is no column {name} for {resource}.", self.cure(resource))
        return self._table(place[0], tables).c[place[1]]

    def _table(self, resource: str, tables: dict[str, sa.TableClause]) -> sa.TableClause:
        if resource not in tables:
            found = self._found(resource)
            names = dict.fromkeys(found.columns.values())
            tables[resource] = sa.table(found.name, *(sa.column(name) for name in names), schema=found.schema)
        return tables[resource]

    def _found(self, resource: str) -> Found:
        found = self.shape.found.get(resource)
        if found is None:
            raise InventoryApiError(self.shape.missing[resource], self.cure(resource), status=404)
        return found

    @staticmethod
    def cure(resource: str) -> str:
        """What to do where a resource is not found."""
        return (
            f"Name its table in table_names ({resource}: schema.table), its columns in column_names; or give api_url."
        )
