"""The engine of all database connectors: a connector declares selects, this reads them from the site at hand.

On connecting it asks the site's catalog which of the declared views and columns there are. A missing optional one is
left out with a note in the sync log, a missing mandatory one is an error that names it. Units are read in chunks: by
ranges of their numbers where a chunk is contiguous, else by lists of keys, several at a time.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pydantic import PrivateAttr
from sqlalchemy.exc import SQLAlchemyError

from inventory_pipeline.connectors import odbc
from inventory_pipeline.connectors.base import KEYS_SCHEMA, Check, Keys, Units
from inventory_pipeline.connectors.database_errors import Finding, explain
from inventory_pipeline.connectors.database_lanes import Lane, driver_errors, open_lane
from inventory_pipeline.connectors.database_model import DatabaseTable, Rows, View
from inventory_pipeline.connectors.database_reading import (
    canonical,
    first_of_each,
    in_utc,
    join_first,
    stamps,
    whole,
)
from inventory_pipeline.connectors.database_settings import DatabaseSettings
from inventory_pipeline.connectors.database_site import CatalogRows, MissingError, Site, read_site
from inventory_pipeline.connectors.read_ahead import read_ahead
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import TABLES, Category

logger = logging.getLogger("inventory_pipeline.connectors")
MAPPING_VERSION = "1"
KEYS_PER_STATEMENT = 1000
UNITS_PER_RANGE = 250
ATTEMPTS = 3


class DatabaseConnector(DatabaseSettings):
    """A source that is a database; subclasses declare `sources` with `database_table`."""

    _engine: sa.Engine | None = PrivateAttr(default=None)
    _lanes: list[Lane] = PrivateAttr(default_factory=list)
    _site: Site | None = PrivateAttr(default=None)

    @classmethod
    def tables(cls) -> tuple[DatabaseTable, ...]:
        """The declaration, with its selects."""
        return tuple(source for source in cls.sources if isinstance(source, DatabaseTable))

    @property
    def fingerprint(self) -> str:
        # The site's own shape is part of every stamp instead: it is known only on an open connection.
        switches = {part.unless[0] for t in self.tables() for part in (*t.rows, *t.listing) if part.unless}
        parts = [MAPPING_VERSION, self.time_zone, *(f"{name}={getattr(self, name)}" for name in sorted(switches))]
        for table in self.tables():
            parts += [str(statement) for statement in table.statements]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def connect(self) -> None:
        target = self.target()
        problem: ConnectorError | None = None
        try:
            self._engine = odbc.read_only_engine(target, self.login_seconds, self.timeout_seconds)
            self._lanes.append(open_lane(self._engine, target, self.login_seconds, self.timeout_seconds))
        except Exception as error:
            problem = self._problem(error)
        if problem is not None:
            # Raised outside of the handler, so that no driver's error hangs on it as context.
            raise problem
        if self._driver_taken:
            logger.info("%s: connected through %s", self.name, self._driver_taken)

    def _opened_lanes(self, wanted: int) -> list[Lane]:
        """Connections to read by side by side: as many as are wanted, allowed, and to be had."""
        first = self._first_lane()
        most = 1 if first.connection.dialect.name == "sqlite" else min(wanted, self.connections)
        while self._engine is not None and len(self._lanes) < most:
            try:
                self._lanes.append(open_lane(self._engine, self.target(), self.login_seconds, self.timeout_seconds))
            except (SQLAlchemyError, OSError, *driver_errors()) as error:
                logger.debug("%s: no further connection: %s", self.name, type(error).__name__)
                break
        return self._lanes[:most]

    def close(self) -> None:
        lanes, engine = self._lanes, self._engine
        self._engine = self._site = None
        self._lanes = []
        for lane in lanes:
            try:
                lane.connection.close()
            except Exception as error:
                logger.debug("%s: closing failed: %s", self.name, type(error).__name__)
        if engine is not None:
            engine.dispose()

    def check(self, category: Category) -> Iterator[Check]:
        site = self._site_now()
        seen: set[str] = set()
        for table in self.tables():
            if table.category is not category:
                continue
            for item in table.views:
                if item.name not in seen:
                    seen.add(item.name)
                    yield self._check_view(site, item, table)

    def _check_view(self, site: Site, item: View, table: DatabaseTable) -> Check:
        try:
            site.require([item])
        except MissingError as missing:
            problem = self._missing(table.table, missing)
            return Check(item.name, False, problem.message, problem.cure)
        if not site.has(item) and item.name not in site.denied:
            return Check(item.name, True, "Not there at this site; what it holds is left out.")
        finding = self._probe(item)
        if finding is not None:
            return Check(item.name, False, self.redact(f"{item.name}: {finding.message}"), finding.cure)
        absent = [name.partition(".")[2] for name in site.absent([item])]
        return Check(item.name, True, f"Can be read, without {', '.join(absent)}." if absent else "Can be read.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys | None:
        declared = self._declared(table)
        if not declared.listing:
            return None
        listed = self._listed(declared)
        return Keys(batch.cast(KEYS_SCHEMA) for batch in listed.to_batches(max_chunksize=50_000))

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch]:
        declared = self._declared(table)
        self._note_absent(declared)
        if units is None and declared.listing:
            listed = self._listed(declared).column("unit_key").to_pylist()
            size = declared.chunk_units
            for start in range(0, len(listed), size):
                yield from self._read_units(declared, Units(tuple(listed[start : start + size]), contiguous=True))
        else:
            yield from self._read_units(declared, units)

    def _read_units(self, declared: DatabaseTable, units: Units | None) -> Iterator[pa.RecordBatch]:
        table = TABLES[declared.table]
        seen: set[str] = set()
        for rows in declared.rows:
            statement = self._fitted(self._narrowed(rows))
            if statement is None:
                continue
            if declared.joined:
                found = whole(self._selected(statement, declared.unit, units))
                batches = self._joined(declared, found, units) if found is not None else iter(())
            else:
                batches = self._selected(statement, declared.unit, units)
            for batch in batches:
                ready = canonical(in_utc(batch, self.time_zone), table, rows.source_object)
                if declared.distinct is not None:
                    ready = ready.filter(first_of_each(declared.distinct(ready), seen))
                if ready.num_rows:
                    yield ready

    def _joined(self, declared: DatabaseTable, rows: pa.Table, units: Units | None) -> Iterator[pa.RecordBatch]:
        for joined in declared.joined:
            statement = self._fitted(joined.query)
            if statement is not None:
                added = whole(self._selected(statement, declared.unit, units))
                if added is not None:
                    rows = join_first(rows, added, declared.unit, joined.lists)
        yield from rows.combine_chunks().to_batches(max_chunksize=10_000)

    def _narrowed(self, rows: Rows) -> sa.Select:
        if rows.unless is None or getattr(self, rows.unless[0]):
            return rows.query
        return rows.query.where(rows.unless[1])

    def _selected(self, statement: sa.Select, unit: str, units: Units | None) -> Iterator[pa.RecordBatch]:
        """Rows of the units, by one statement or several, which are read side by side: the rows of one unit stay
        together and in their order, those of different units come as they are there."""
        if units is None:
            parts = [statement]
        else:
            labelled = statement.selected_columns[unit]
            column = labelled.element if isinstance(labelled, sa.Label) else labelled
            parts = [statement.where(condition) for condition in _conditions(column, units, self.connections)]
        lanes = self._opened_lanes(len(parts))
        count = len(lanes)
        yield from read_ahead(*(self._streams(lane, parts[place::count]) for place, lane in enumerate(lanes)))

    def _streams(self, lane: Lane, statements: Iterable[sa.Select]) -> Iterator[pa.RecordBatch]:
        for statement in statements:
            yield from self._stream(statement, lane)

    def _stream(self, statement: sa.Select, lane: Lane | None = None) -> Iterator[pa.RecordBatch]:
        """Rows of one statement. A statement that the server gave up for others' sake is begun anew, while no row
        of it has been passed on."""
        lane = lane or self._first_lane()
        for attempt in range(1, ATTEMPTS + 1):
            begun = False
            problem: ConnectorError | None = None
            try:
                for batch in lane.batches(statement):
                    begun = True
                    yield batch
                return
            except (SQLAlchemyError, OSError, *driver_errors()) as error:
                if begun or attempt == ATTEMPTS or explain(error, self.place()).kind != "busy":
                    problem = self._problem(error)
            if problem is not None:
                raise problem
            time.sleep(attempt)

    def _listed(self, declared: DatabaseTable) -> pa.Table:
        first = declared.listing[0].query
        fitted = [self._fitted(self._narrowed(part)) for part in declared.listing]
        if fitted[0] is None:
            return stamps([[]], "", by_number=True)
        self._note_absent(declared)
        present = [statement for statement in fitted if statement is not None]
        shape = [self._fitted(statement) for statement in declared.statements]
        prefix = hashlib.sha256("\n".join(map(str, shape)).encode()).hexdigest()[:8]
        by_number = isinstance(first.selected_columns[0].type, sa.Integer)
        return stamps([self._stream(statement) for statement in present], prefix, by_number=by_number)

    def _fitted(self, statement: sa.Select) -> sa.Select | None:
        return self._site_now().fit(statement)

    def _declared(self, table: str) -> DatabaseTable:
        declared = self.source(table)
        if not isinstance(declared, DatabaseTable):
            raise KeyError(table)
        problem: ConnectorError | None = None
        try:
            self._site_now().require(declared.views)
        except MissingError as missing:
            problem = self._missing(table, missing)
        if problem is not None:
            raise problem
        return declared

    def _site_now(self) -> Site:
        """The site's shape, looked up once per connection; optional views that may not be read count as missing."""
        if self._site is None:
            declared = tuple({item.name: item for table in self.tables() for item in table.views}.values())
            site = self.look_up(declared, self.other_name)
            self._site = site
            for item in declared:
                if item.optional and site.has(item):
                    finding = self._probe(item)
                    if finding is not None and finding.kind == "permission":
                        site.deny(item)
        return self._site

    def look_up(self, declared: Iterable[View], other_name: Callable[[View], str | None] = lambda _: None) -> Site:
        """What the database's own catalog says of views."""
        strict = self._opened_connection().dialect.name == "mssql"
        return read_site(declared, self._catalog, other_name, strict_schema=strict)

    def other_name(self, declared: View) -> str | None:
        """The name that the site's own map has for a view which is not found under its declared one."""
        return None

    def _catalog(self, names: tuple[str, ...]) -> CatalogRows:
        connection = self._opened_connection()
        if connection.dialect.name == "sqlite":
            wanted = set(names)
            found = self.fetch(sa.text("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"))
            for (name,) in found:
                if name.lower() in wanted:
                    columns = self.fetch(sa.text("SELECT name FROM pragma_table_info(:name)").bindparams(name=name))
                    yield from ((None, name, column) for (column,) in columns)
            return
        catalog = sa.table(
            "COLUMNS",
            sa.column("TABLE_SCHEMA", sa.Unicode),
            sa.column("TABLE_NAME", sa.Unicode),
            sa.column("COLUMN_NAME", sa.Unicode),
            schema="INFORMATION_SCHEMA",
        )
        if connection.dialect.name == "postgresql":
            catalog = sa.table(
                "columns", *(sa.column(c.name.lower(), c.type) for c in catalog.c), schema="information_schema"
            )
        schema, name, column = catalog.c
        query = sa.select(schema, name, column).where(sa.func.lower(name).in_(names)).order_by(schema, name, column)
        yield from self.fetch(query)

    def fetch(self, statement: sa.Executable) -> list[tuple[Any, ...]]:
        """All rows of a small query.

        Raises:
            ConnectorError: the database refuses or fails.
        """
        problem: ConnectorError | None = None
        try:
            connection = self._opened_connection()
            with connection.begin():
                return [tuple(row) for row in connection.execute(statement)]
        except (SQLAlchemyError, OSError, *driver_errors()) as error:
            problem = self._problem(error)
        raise problem

    def _probe(self, item: View) -> Finding | None:
        """Why a view that is there cannot be read; None when it can."""
        site = self._site_now()
        found = site.views.get(item.name) or site.denied[item.name]
        first = next(iter(found.columns.values()))
        columns = sa.table(found.name, sa.column(first), schema=found.schema)
        try:
            connection = self._opened_connection()
            with connection.begin():
                connection.execute(sa.select(columns.c[first]).where(sa.literal_column("1") == 0)).all()
        except (SQLAlchemyError, *driver_errors()) as error:
            return explain(error, self.place())
        return None

    def _note_absent(self, declared: DatabaseTable) -> None:
        site = self._site_now()
        denied = [item.name for item in declared.views if item.name in site.denied]
        absent = [name for name in site.absent(declared.views) if name not in denied]
        if absent:
            self.note(declared.table, f"Not there at this site, and left out: {', '.join(absent)}.")
        if denied:
            self.note(declared.table, f"The account may not read, and it was left out: {', '.join(denied)}.")

    def _opened_connection(self) -> sa.Connection:
        return self._first_lane().connection

    def _first_lane(self) -> Lane:
        if not self._lanes:
            raise self.error("the connector is not connected.")
        return self._lanes[0]

    def _problem(self, error: BaseException) -> ConnectorError:
        finding = explain(error, self.place())
        return self.error(finding.message, cure=self.redact(finding.cure))

    def _missing(self, table: str, missing: MissingError) -> ConnectorError:
        what = f"the column {missing.column} of {missing.view}" if missing.column else f"the view {missing.view}"
        role = f"membership in {self.reader_role}" if self.reader_role else "SELECT"
        return self.error(
            f"{what} is not there or may not be seen, and {table} needs it.",
            cure=f"Check that this is the right database ({self.versions}), and grant the account {role}.",
        )


def _conditions(column: sa.ColumnElement[Any], units: Units, ranges: int) -> Iterator[sa.ColumnElement[bool]]:
    """What picks the units: where they are contiguous numbers one range, or `ranges` of them when they are many, else
    lists of keys, several if long."""
    if isinstance(column.type, sa.Integer):
        numbers = sorted(int(key) for key in units.keys)
        if units.contiguous and numbers:
            size = max(UNITS_PER_RANGE, -(-len(numbers) // ranges))
            for start in range(0, len(numbers), size):
                part = numbers[start : start + size]
                yield column.between(_number(part[0]), _number(part[-1]))
            return
        for part in _parts(numbers):
            # Written out: a list of parameters would meet the server's limit of 2,100.
            yield column.in_([_number(number) for number in part])
        return
    for part in _parts(units.keys):
        yield column.in_(part)


def _number(value: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(int(value)), sa.Integer)


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    listed = list(items)
    for start in range(0, len(listed), KEYS_PER_STATEMENT):
        yield listed[start : start + KEYS_PER_STATEMENT]
