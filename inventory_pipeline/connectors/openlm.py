"""OpenLM: licences of license servers, their quantities, sessions and denials, and use by person and workstation.

Everything is read and compared: facts of a star schema change with its dimensions, and nothing tells when; what is
compared is exact for changes and deletions alike, and one pass needs no index that a site may not have.

Facts: OpenLM publishes the columns of its Reporting Hub (`openlm_hub.py`) and nothing of the database of OpenLM Server.
So tables and columns are found in the database's own catalog, or named in the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa
import sqlalchemy as sa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import Check, Keys, TableSource, Units
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_reading import canonical, in_utc
from inventory_pipeline.connectors.openlm_catalog import Catalog, read_catalog
from inventory_pipeline.connectors.openlm_hub import Hub, recognize
from inventory_pipeline.connectors.openlm_mapping import KINDS, Located, MappingError, Part, located
from inventory_pipeline.connectors.openlm_selects import (
    device_select,
    feature_select,
    is_recent,
    session_select,
    usage_select,
)
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import TABLES, Category

READER = "SELECT on the tables that hold licences, sessions and denials"
COMPARED = "Everything within `history_days` is read and compared."
HUB = ("the tables of a Reporting Hub, or those that are configured",)
KINDS_OF = {
    Category.device: ("usage",),
    Category.usage: ("usage",),
    Category.license_server: ("features", "quantities", "sessions", "denials"),
}
NEEDED = ("features", "usage")
MINUTES = {"seconds": 1 / 60, "minutes": 1.0, "hours": 60.0}


def _part(title: str) -> Any:
    return Field(default=Part(), description=f"Where {title} are found, as far as they are not found by themselves.")


class OpenLm(DatabaseConnector):
    """OpenLM, through the database of its Reporting Hub, or of OpenLM Server by a mapping."""

    type: ClassVar[str] = "openlm"
    title: ClassVar[str] = "OpenLM"
    versions: ClassVar[str] = "OpenLM 21.12; SQL Server, MySQL, MariaDB, PostgreSQL"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("license_feature", HUB, READER, "Everything is read and compared."),
        TableSource("license_session", HUB, READER, COMPARED),
        TableSource("device", HUB, READER, COMPARED),
        TableSource("software_usage", HUB, READER, COMPARED),
    )

    features: Part = _part("licences")
    quantities: Part = _part("quantities by day")
    sessions: Part = _part("sessions")
    denials: Part = _part("denials")
    usage: Part = _part("times of use by person and workstation, when these are not the sessions,")
    used_time_unit: Literal["unknown", "seconds", "minutes", "hours"] = Field(
        default="unknown",
        description="Unit of times in use, which OpenLM does not document. While it is unknown, minutes stay empty.",
    )
    workstation_domain: str | None = Field(
        default=None,
        description="DNS domain of workstations that are known by name alone: by it they meet other sources' records.",
    )
    history_days: int = Field(
        default=365, gt=0, description="Days before the newest session from which sessions, denials and use are read."
    )

    _catalog_read: Catalog | None = PrivateAttr(default=None)
    _hub: Hub = PrivateAttr(default_factory=Hub)

    @property
    def fingerprint(self) -> str:
        stated = [getattr(self, kind).model_dump() for kind in KINDS]
        settings = (self.used_time_unit, self.workstation_domain, self.history_days)
        return f"{super().fingerprint}/{json.dumps([stated, *settings])}"

    def close(self) -> None:
        self._catalog_read, self._hub = None, Hub()
        super().close()

    def check(self, category: Category) -> Iterator[Check]:
        for kind in KINDS_OF[category]:
            found = self._locate(kind)
            yield self._check_reading(kind, found) if isinstance(found, Located) else found

    def _check_reading(self, kind: str, found: Located) -> Check:
        try:
            self.fetch(found.select().where(sa.literal_column("1") == 0))
        except ConnectorError as error:
            return Check(kind, False, self.redact(error.message), error.cure)
        pairs = ", ".join(f"{name} = {text}" for name, text in self._part(kind).columns.items())
        return Check(kind, True, f"{found.source_object}: {pairs}.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys | None:
        return None

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch]:
        for source_object, select in self._selects(table):
            for batch in self._stream(select):
                yield canonical(in_utc(batch, self.time_zone), TABLES[table], source_object)
        for remark in self._hub.remarks:
            self.note(table, remark)

    def _selects(self, table: str) -> Iterator[tuple[str, sa.Select]]:
        if table == "license_session":
            for kind in ("sessions", "denials"):
                if (found := self._located(kind, table)) is not None:
                    recent = self._recent(found)
                    select = session_select(found, denials=kind == "denials")
                    yield found.source_object, select if recent is None else select.where(recent)
            return
        if table == "license_feature":
            features = self._needed("features")
            yield features.source_object, feature_select(features, self._located("quantities", table))
            return
        used = self._needed("usage")
        if table == "device":
            yield used.source_object, device_select(used, self._recent(used), self.workstation_domain)
            return
        minutes = MINUTES.get(self.used_time_unit)
        if "used_time" in used.columns and minutes is None:
            self.note(table, "Minutes are left empty: the unit of the time in use is not known. Set used_time_unit.")
        yield used.source_object, usage_select(used, self._needed("features"), self._recent(used), minutes)

    def _recent(self, found: Located) -> sa.ColumnElement[bool] | None:
        """What is read: counted from the newest, not from today, so that the same database gives the same rows."""
        started = found.columns.get("started")
        if started is None:
            return None
        newest = self.fetch(sa.select(sa.func.max(started)).select_from(found.source))[0][0]
        return is_recent(found, newest, self.history_days)

    def _part(self, kind: str) -> Part:
        """Where a kind of thing is: as configured, and for the rest as found."""
        if self._catalog_read is None:
            self._catalog_read = read_catalog(self.fetch, self._opened_connection().dialect.name)
            self._hub = recognize(self._catalog_read)
        found = self._hub.parts.get(kind)
        if kind == "usage" and not self.usage.table and (found is None or self.sessions.table):
            sessions = self._part("sessions")
            known = (*KINDS[kind].mandatory, *KINDS[kind].optional)
            columns = {name: text for name, text in sessions.columns.items() if name in known}
            found = Part(table=sessions.table, joins=sessions.joins, columns=columns)
        return getattr(self, kind).over(found)

    def _locate(self, kind: str) -> Located | Check:
        """A part that is there, or the failed or passed check that says why it is not."""
        try:
            part = self._part(kind)
            return located(kind, part, self._catalog_read or Catalog(()))
        except MappingError as error:
            is_optional = kind not in NEEDED and getattr(self, kind) == Part()
            cure = f"Name table and columns in `{kind}`, and grant the account SELECT on them."
            message = " ".join([f"{KINDS[kind].title}: {error}.", *self._hub.remarks])
            return Check(kind, is_optional, message, "" if is_optional else cure)

    def _located(self, kind: str, table: str) -> Located | None:
        """A part, or None with a note when it is an optional one that the site does not have."""
        found = self._locate(kind)
        if isinstance(found, Located):
            return found
        if not found.passed:
            raise self.error(found.message, cure=found.cure)
        self.note(table, f"Left out: {found.message}")
        return None

    def _needed(self, kind: str) -> Located:
        found = self._locate(kind)
        if isinstance(found, Located):
            return found
        raise self.error(found.message, cure=found.cure)
