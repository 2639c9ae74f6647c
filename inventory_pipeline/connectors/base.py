"""The connector contract: what a source declares and does, and nothing about where its records go.

A connector is a Dagster resource whose fields are the form that people fill in, plus a declaration of the
canonical tables it brings. The engine that runs syncs (`repository/sync.py`) asks three questions:

- `check(category)`: can you connect, and may you read what this category needs?
- `keys(table)`: which units (devices, groups, updates ...) do you have now, and how do I see that one changed?
- `read(table, units)`: give me the rows of these units (or of all), in canonical columns.

From the answers the engine alone works out what is new, changed and gone, so that every connector gets
incremental, clean and resumed syncs, exact deletion, rejects and the guard without code of its own.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.errors import ConfigurationError, ConnectorError
from inventory_pipeline.records import TABLES, Category


def slugify(name: str) -> str:
    """The name as it appears in folders, asset keys and jobs: `Head Office (SCCM)` becomes `head_office_sccm`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


class SettingsGroup(dg.Config):
    """Settings that stand together within a connector's own, as a nested mapping."""


class Secret(SettingsGroup):
    """A secret that is only ever named: the value stays in the environment until the moment of connecting."""

    env: str = Field(description="Name of the environment variable that holds the secret.")

    def reveal(self) -> str:
        """The secret's value.

        Raises:
            ConfigurationError: the environment variable is not set.
        """
        value = os.environ.get(self.env)
        if value is None:
            raise ConfigurationError(
                f"environment variable {self.env} is not set.",
                cure=f"Set {self.env} in the environment of the process.",
            )
        return value


@dataclass(frozen=True, slots=True)
class Check:
    """One result of a connector's Test. `message` is one sentence; `cure` says what to do when it failed."""

    name: str
    passed: bool
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class TableSource:
    """What a connector brings into one canonical table, for people who read the documentation.

    `objects` are what is read at the source (views, endpoints, files), `permission` is what the account needs
    for it, `change` says in words how changes are noticed. Shared engines subclass it with the actual selects
    or endpoints.
    """

    table: str
    objects: tuple[str, ...] = ()
    permission: str = ""
    change: str = ""
    chunk_units: int = 2000

    @property
    def category(self) -> Category:
        """Category of the canonical table."""
        return TABLES[self.table].category


KEYS_SCHEMA = pa.schema([pa.field("unit_key", pa.string(), nullable=False), pa.field("stamp", pa.string())])


@dataclass(frozen=True, slots=True)
class Keys:
    """What a source has: a stream of `unit_key`, `stamp` (KEYS_SCHEMA), in an order that it can repeat.

    The stamp is any text that differs when the unit has changed (a time of last scan, a revision, a content
    hash); a null stamp means that the unit is always read. With `complete`, units that are not listed have
    gone at the source. Without, the stream holds only what changed since the cursor given to `keys()`, and
    `gone` streams the keys that were removed since. `cursor` is kept with the commit and given back next time.
    """

    batches: Iterable[pa.RecordBatch]
    complete: bool = True
    gone: Iterable[pa.RecordBatch] = ()
    cursor: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Units:
    """Units to read: keys verbatim, in the order in which `keys()` gave them.

    With `contiguous`, every unit that `keys()` listed between the first and the last is wanted, so that a
    source can be asked for the range instead of the list.
    """

    keys: tuple[str, ...]
    contiguous: bool = False


@dataclass(frozen=True, slots=True)
class RefusedUnit:
    """A unit that cannot be read as it stands (a torn file, a broken object): its last good report stays."""

    unit_key: str
    source_object: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the sync log should say about a table (unknown headings, a column that the site lacks)."""

    table: str
    message: str


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: its files, the one to review first, and what is to be said of it, line by line."""

    files: tuple[Path, ...]
    lines: tuple[str, ...]
    figures: Mapping[str, int] = field(default_factory=dict)


class Connector(dg.ConfigurableResource):
    """Base of all connectors.

    Subclasses set `type`, `title` and `sources`, add their fields (pydantic fields with descriptions; secrets
    are of type `Secret`), and implement `check` and `read`; `keys` where the source can list its units;
    `connect` and `close` where there is a connection to hold.

    `read` yields record batches whose columns are canonical columns of the table, of any type that can be cast
    to the declared one; text is parsed. A column `extra` (JSON text), `source_object`, `source_row` or
    `unit_key` may stand beside them; without `unit_key` the table's unit columns make it. All rows of one unit
    come from one call of `read`. A row that the connector itself cannot accept (a torn line) is handed over with
    its place, the columns `reject_reason` and `reject_value` (text) and nothing else; it goes to the rejects.
    """

    type: ClassVar[str]
    title: ClassVar[str]
    sources: ClassVar[tuple[TableSource, ...]]
    versions: ClassVar[str] = ""
    exports: ClassVar[str] = ""
    """What the connector exports into files (`Entitlements`), where it does so besides or instead of syncing."""

    name: str = Field(description="Name of the connector, unique in the configuration.")

    _notes: list[Note] = PrivateAttr(default_factory=list)

    @classmethod
    def categories(cls) -> tuple[Category, ...]:
        """Categories that this type brings, in the order of the product."""
        own = {source.category for source in cls.sources}
        return tuple(category for category in Category if category in own)

    @classmethod
    def source(cls, table: str) -> TableSource:
        """The declaration for a canonical table; KeyError when this type does not bring it."""
        for source in cls.sources:
            if source.table == table:
                return source
        raise KeyError(f"{cls.type} does not bring {table}")

    @property
    def slug(self) -> str:
        """The connector's name as folders, asset keys and jobs have it."""
        return slugify(self.name)

    @property
    def fingerprint(self) -> str:
        """Changes when what the connector would deliver for the same source changes: a changed mapping or setting.

        Stamps of an earlier fingerprint are not trusted, so the next sync reads everything once and compares.
        """
        return "1"

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Connects, and closes in any case. Errors that leave are free of secrets.

        Raises:
            ConnectorError: the source cannot be reached or refuses, with cause and cure.
        """
        try:
            self.connect()
            yield
        finally:
            self.close()

    def connect(self) -> None:
        """Connects to the source."""

    def close(self) -> None:
        """Closes what `connect` opened; may be called without it."""

    @abstractmethod
    def check(self, category: Category) -> Iterator[Check]:
        """The Test of one category, on an open connection: what can be read, what not, what to do. Changes nothing."""

    def check_export(self) -> Iterator[Check]:
        """The Test of the export, on an open connection, where the connector has one. Changes nothing."""
        return iter(())

    def export(self) -> Exported:
        """Writes what the connector exports, on an open connection; files of earlier exports stay.

        Raises:
            ConnectorError: the source refuses, or the files cannot be written.
        """
        raise NotImplementedError(f"{self.type} exports nothing")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys | None:
        """The units that the source has now, or None when it cannot list them (then all is read and compared)."""
        return None

    @abstractmethod
    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        """Rows of the given units (of all without), in canonical columns, in batches of bounded size."""

    def _get_non_default_public_field_values(self, keep_if_not_none: bool = False) -> Mapping[str, Any]:
        # Dagster says dict(self) here, and dict() takes whatever has a method `keys` for a mapping.
        return type(self)._get_non_default_public_field_values_cls(dict(iter(self)), keep_if_not_none)

    def note(self, table: str, message: str) -> None:
        """Says something in the sync log."""
        note = Note(table, message)
        if note not in self._notes:
            self._notes.append(note)

    def take_notes(self) -> list[Note]:
        """Notes since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be printed: every secret field that is set in the environment."""
        found: list[str] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Secret) and (revealed := os.environ.get(value.env)):
                found.append(revealed)
        return tuple(found)

    def redact(self, text: str) -> str:
        """The text with every secret of this connector replaced."""
        for secret in sorted(self.secrets(), key=len, reverse=True):
            text = text.replace(secret, "[secret]")
        return text

    def error(self, message: str, *, cure: str = "") -> ConnectorError:
        """A ConnectorError that names this connector and holds no secret."""
        return ConnectorError(self.redact(message), subject=self.name, cure=cure)

    @contextmanager
    def told(self, kind: type[Exception]) -> Iterator[None]:
        """A block whose errors of one kind, with their `cure`, become errors that name this connector.

        Raised outside of the handler, so that no answer of the service hangs on them as context.
        """
        problem = None
        try:
            yield
        except kind as error:
            problem = self.error(str(error), cure=getattr(error, "cure", ""))
        if problem is not None:
            raise problem


@dataclass(frozen=True, slots=True)
class TestReport:
    """Result of a connector's Test: the connection, then every category's checks."""

    __test__ = False

    connector: str
    checks: dict[str, tuple[Check, ...]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """True when every check passed."""
        return all(check.passed for checks in self.checks.values() for check in checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for checks in self.checks.values() for check in checks if not check.passed)


def run_test(connector: Connector, categories: Iterable[Category] | None = None) -> TestReport:
    """Tests a connector: connects, then checks each category. Never raises for what the source does wrong.

    Returns a report whose first group is `connection`; when connecting fails, it is the only one.
    """
    checks: dict[str, tuple[Check, ...]] = {}
    try:
        with connector.opened():
            checks["connection"] = (Check("connection", True, "Connected."),)
            for category in categories or connector.categories():
                try:
                    checks[category.value] = tuple(connector.check(category))
                except ConnectorError as error:
                    checks[category.value] = (
                        Check(category.value, False, connector.redact(error.message), error.cure),
                    )
            if connector.exports:
                try:
                    checks["export"] = tuple(connector.check_export())
                except ConnectorError as error:
                    checks["export"] = (Check("export", False, connector.redact(error.message), error.cure),)
    except (ConnectorError, ConfigurationError) as error:
        checks["connection"] = (Check("connection", False, connector.redact(error.message), error.cure),)
    return TestReport(connector.name, checks)
