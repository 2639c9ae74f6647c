"""What the site at hand has of a declaration: views and columns by its own catalog, and statements made to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import Join, Subquery

from inventory_pipeline.connectors.database_model import View

Statement = TypeVar("Statement", bound=sa.ClauseElement)


@dataclass(frozen=True, slots=True)
class SiteView:
    """A view as the site spells it; `columns` maps names in small letters to the site's spelling."""

    name: str
    schema: str | None
    columns: Mapping[str, str]


class MissingError(Exception):
    """Something that the connector cannot do without is not there: a view, or a column of it."""

    def __init__(self, view: str, column: str = "") -> None:
        super().__init__(f"{view}.{column}" if column else view)
        self.view, self.column = view, column


@dataclass(slots=True)
class Site:
    """The declared views that the site has, by declared name. Those in `denied` are there but may not be read."""

    views: dict[str, SiteView] = field(default_factory=dict)
    denied: dict[str, SiteView] = field(default_factory=dict)

    def has(self, declared: View) -> bool:
        """True when the site has the view."""
        return declared.name in self.views

    def deny(self, declared: View) -> None:
        """Counts a view as missing, because the account may not read it."""
        self.denied[declared.name] = self.views.pop(declared.name)

    def require(self, declared: Iterable[View]) -> None:
        """Raises MissingError when a mandatory view or a mandatory column of a view that is there is missing."""
        for wanted in declared:
            found = self.views.get(wanted.name)
            if found is None:
                if not wanted.optional:
                    raise MissingError(wanted.name)
                continue
            for column in sorted(wanted.mandatory):
                if column.lower() not in found.columns:
                    raise MissingError(wanted.name, column)

    def absent(self, declared: Iterable[View]) -> list[str]:
        """Optional views and columns that are missing: `v_X`, or `v_Y.Column`."""
        missing: list[str] = []
        for wanted in declared:
            found = self.views.get(wanted.name)
            if found is None:
                missing.append(wanted.name)
            else:
                missing += [f"{wanted.name}.{c.name}" for c in wanted.c if c.name.lower() not in found.columns]
        return missing

    def fit(self, statement: Statement) -> Statement | None:
        """The statement over what the site has, in the site's spelling; None when the view it is about is missing."""
        return _Fitting(self).statement(statement)


class _Fitting:
    """Rewrites one statement; each view and each subquery becomes one new object, whatever refers to it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tables: dict[str, sa.TableClause] = {}
        self.subqueries: dict[Subquery, Subquery | None] = {}
        self.columns: dict[tuple[Subquery, str], sa.ColumnElement[Any]] = {}

    def statement(self, statement: Any) -> Any:
        if any(self._lost(source) for source in statement.get_final_froms()):
            return None
        return visitors.replacement_traverse(statement, {}, self._replace)

    def _lost(self, source: Any) -> bool:
        if isinstance(source, View):
            return not self.site.has(source)
        if isinstance(source, Join):
            return self._lost(source.left) or (not source.isouter and self._lost(source.right))
        if isinstance(source, Subquery):
            return self._subquery(source) is None
        return False

    def _subquery(self, source: Subquery) -> Subquery | None:
        if source not in self.subqueries:
            inner = self.statement(source.element)
            fitted = None if inner is None else inner.subquery(source.name)
            self.subqueries[source] = fitted
            if fitted is not None:
                # By position: a column that has no label of its own is called as the site spells it.
                for old, new in zip(source.c, fitted.c, strict=True):
                    self.columns[source, old.name] = new
        return self.subqueries[source]

    def _table(self, declared: View) -> sa.TableClause:
        if declared.name not in self.tables:
            found = self.site.views[declared.name]
            columns = [
                sa.column(found.columns[column.name.lower()], column.type)
                for column in declared.c
                if column.name.lower() in found.columns
            ]
            self.tables[declared.name] = sa.table(found.name, *columns, schema=found.schema)
        return self.tables[declared.name]

    def _replace(self, element: Any, **_: Any) -> Any:
        if isinstance(element, Join) and element.isouter and self._lost(element.right):
            return visitors.replacement_traverse(element.left, {}, self._replace)
        if isinstance(element, View):
            # One that is missing is met here by conditions on its columns, which become conditions on null.
            return self._table(element) if self.site.has(element) else element
        if isinstance(element, Subquery):
            return self._subquery(element)
        if isinstance(element, sa.ColumnClause):
            return self._column(element)
        return None

    def _column(self, column: sa.ColumnClause) -> Any:
        source = column.table
        if isinstance(source, View):
            if self.site.has(source):
                spelled = self.site.views[source.name].columns.get(column.name.lower())
                if spelled is not None:
                    return self._table(source).c[spelled]
            return sa.cast(sa.null(), column.type)
        if isinstance(source, Subquery):
            if self._subquery(source) is None:
                return sa.cast(sa.null(), column.type)
            return self.columns[source, column.name]
        return None


CatalogRows = Iterable[tuple[str | None, str, str]]


def read_site(
    declared: Iterable[View],
    rows_of: Callable[[tuple[str, ...]], CatalogRows],
    other_name: Callable[[View], str | None] = lambda _: None,
    *,
    strict_schema: bool,
) -> Site:
    """Looks up declared views in the site's catalog.

    `rows_of` gives schema, view and column for view names in small letters; `other_name` asks the site's own map for
    the name of a view that is not found otherwise. With `strict_schema` only the declared schema counts; without, it
    is preferred (SQLite and PostgreSQL have the views wherever they were put).
    """
    wanted = list(declared)
    catalog = _catalog(rows_of(tuple(sorted({n.lower() for w in wanted for n in (w.name, *w.aliases)}))))
    site = Site()
    lost: list[tuple[View, str]] = []
    for item in wanted:
        found = _pick(catalog, item, (item.name, *item.aliases), strict_schema)
        if found is not None:
            site.views[item.name] = found
        elif other := other_name(item):
            lost.append((item, other))
    if lost:
        catalog = _catalog(rows_of(tuple(sorted({other.lower() for _, other in lost}))))
        for item, other in lost:
            if found := _pick(catalog, item, (other,), strict_schema):
                site.views[item.name] = found
    return site


def _catalog(rows: CatalogRows) -> dict[str, dict[tuple[str | None, str], dict[str, str]]]:
    catalog: dict[str, dict[tuple[str | None, str], dict[str, str]]] = {}
    for schema, name, column in rows:
        catalog.setdefault(name.lower(), {}).setdefault((schema, name), {})[column.lower()] = column
    return catalog


def _pick(
    catalog: Mapping[str, Mapping[tuple[str | None, str], Mapping[str, str]]],
    declared: View,
    names: Iterable[str],
    strict_schema: bool,
) -> SiteView | None:
    schema = (declared.schema or "").lower()
    for name in names:
        found = catalog.get(name.lower(), {})
        ranked = sorted(found, key=lambda place: ((place[0] or "").lower() != schema, place[0] or "", place[1]))
        for place in ranked:
            if strict_schema and (place[0] or "").lower() != schema:
                continue
            return SiteView(place[1], place[0], found[place])
    return None
