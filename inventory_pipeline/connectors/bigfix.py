"""BigFix: computers, processors, software, patches and groups, through the Database API of BFEnterprise.

Facts: "BigFix Database API" on developer.bigfix.com: BES_COLUMN_HEADINGS has every retrieved property of every
computer, one row a property, several results as lines, cut at 8,000 characters. Which properties there are is a matter
of the site; the built-in ones and those of the analysis "Application Information (Windows)" are declared here, and can
be changed. The history of relevance says when a computer lacked a Fixlet's patch and when it no longer did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
from pydantic import Field, PrivateAttr
from sqlalchemy import ColumnElement, Integer, Select, Unicode, and_, case, cast, func, literal, or_, select

from inventory_pipeline.connectors.base import Check, TableSource, Units
from inventory_pipeline.connectors.bigfix_rows import (
    ASIDE,
    PROPERTIES,
    SOFTWARE_PROPERTIES,
    device_rows,
    processor_rows,
    software_rows,
)
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_model import Joined, Rows, database_table, together, view
from inventory_pipeline.records import Category

READER = "SELECT on the views of the Database API (role db_datareader)"
COMPARED = "Everything is read and compared."
REPORTED = "The property Last Report Time of the computer moves."

HEADINGS = view("BES_COLUMN_HEADINGS", "ComputerID! int, Name!, Value!, IsFailure int")
COMPUTERS = view("COMPUTERS", "ComputerID! int, LastReportTime time, IsDeleted! int", optional=True)
FIXLETS = view("BES_FIXLETS", "Sitename!, ID! int, Name!")
FIXLET_PROPERTIES = view("BES_FIXLET_PROPERTIES", "Sitename!, ID! int, PropertyName!, PropertyValue!", optional=True)
HISTORY = view(
    "BES_RELEVANT_FIXLET_HISTORY",
    "Sitename!, ID! int, ComputerID! int, LastBecameRelevant! time, LastBecameNotRelevant time",
)
GROUPS = view("BES_COMPUTERGROUPS", "ID! int, Name!")

_h, _c = HEADINGS.c, COMPUTERS.c
_there = and_(func.coalesce(_c.IsDeleted, 0) == 0, func.coalesce(_h.IsFailure, 0) == 0)
_present = HEADINGS.outerjoin(COMPUTERS, _c.ComputerID == _h.ComputerID)


def _listing(*names: str) -> Select:
    return select(_h.ComputerID, _h.Value).select_from(_present).where(_there, _h.Name.in_(names))


def _properties() -> Select:
    """Every property of the computers, to be put together in `bigfix_rows`."""
    return (
        select(_h.ComputerID.label("source_device_id"), _h.Name.label("extra_name"), _h.Value.label("extra_value"))
        .where(func.coalesce(_h.IsFailure, 0) == 0)
        .order_by(_h.ComputerID, _h.Name)
    )


def _by_properties(table: str) -> TableSource:
    return database_table(
        table,
        _properties(),
        listing=(_listing("Last Report Time"),),
        permission=READER,
        change=REPORTED,
        chunk_units=500,
    )


def _key(site: ColumnElement[str], number: ColumnElement[int]) -> ColumnElement[str]:
    return together(site, "/", cast(number, Unicode(20)))


_f, _p, _r = FIXLETS.c, FIXLET_PROPERTIES.c, HISTORY.c
_id = _key(_f.Sitename, _f.ID)


def _property(column: str, name: str) -> Joined:
    query = select(_key(_p.Sitename, _p.ID).label("update_id"), _p.PropertyValue.label(column))
    return Joined(query.where(_p.PropertyName == name).order_by(_p.Sitename, _p.ID))


PATCH = database_table(
    "patch",
    select(_id.label("update_id"), _f.Name.label("title"), _f.Sitename.label("extra_site")).order_by(
        _f.Sitename, _f.ID
    ),
    joined=(
        _property("severity", "Source Severity"),
        _property("classification", "Category"),
        _property("kb", "Source ID"),
        _property("release_date", "Source Release Date"),
    ),
    permission=READER,
    change=COMPARED,
)  # fmt: skip
_is_missing = or_(_r.LastBecameNotRelevant.is_(None), _r.LastBecameNotRelevant < _r.LastBecameRelevant)
PATCH_STATE = database_table(
    "patch_state",
    select(
        _r.ComputerID.label("source_device_id"),
        _key(_r.Sitename, _r.ID).label("update_id"),
        case((_is_missing, "missing"), else_="installed").label("state"),
        case((_is_missing, _r.LastBecameRelevant), else_=_r.LastBecameNotRelevant).label("state_date"),
    ).order_by(_r.ComputerID, _r.Sitename, _r.ID),
    listing=(
        _listing("Last Report Time"),
        select(
            _r.ComputerID, func.max(_r.LastBecameRelevant), func.max(_r.LastBecameNotRelevant), func.count()
        ).group_by(_r.ComputerID),
    ),
    permission=READER,
    change="Last Report Time, or the history of relevance of the computer, moves.",
    chunk_units=500,
)
GROUP = database_table(
    "group",
    select(
        cast(GROUPS.c.ID, Integer).label("source_group_id"),
        GROUPS.c.Name.label("name"),
        literal("computer group").label("kind"),
    ).order_by(GROUPS.c.ID),
    permission=READER,
    change=COMPARED,
)  # fmt: skip


class BigFix(DatabaseConnector):
    """BigFix, through the Database API of its database BFEnterprise on SQL Server."""

    type: ClassVar[str] = "bigfix"
    title: ClassVar[str] = "BigFix"
    versions: ClassVar[str] = "BFEnterprise of BigFix 9.5 to 11"
    reader_role: ClassVar[str] = "the database role db_datareader"
    sources: ClassVar[tuple[TableSource, ...]] = (
        _by_properties("device"),
        _by_properties("processor"),
        _by_properties("software"),
        PATCH,
        PATCH_STATE,
        GROUP,
    )

    properties: dict[str, list[str]] = Field(
        default={},
        description="Names of retrieved properties by canonical column of a device, where the site has other ones than "
        "BigFix ships: `serial_number: [My Serial Number]`. The first that has a value counts.",
    )
    software_properties: list[str] = Field(
        default=list(SOFTWARE_PROPERTIES),
        description="Retrieved properties that list software, a line each: title, version and publisher parted by `|`.",
    )

    _wanted: tuple[str, ...] = PrivateAttr(default=())

    @property
    def fingerprint(self) -> str:
        stated = json.dumps([{k: list(v) for k, v in sorted(self.properties.items())}, list(self.software_properties)])
        return f"{super().fingerprint}/{stated}"

    def check(self, category: Category) -> Iterator[Check]:
        yield from super().check(category)
        if category is not Category.software:
            return
        query = select(func.count()).select_from(HEADINGS).where(_h.Name.in_(self.software_properties))
        fitted = self.look_up([HEADINGS]).fit(query)
        found = self.fetch(fitted)[0][0] if fitted is not None else 0
        names = ", ".join(self.software_properties)
        yield Check(
            "software_properties",
            bool(found),
            f"{found:,} computers report {names}." if found else f"No computer reports {names}.",
            "" if found else "Activate the analysis Application Information (Windows), or name your own properties.",
        )

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch]:
        if table not in ("device", "processor", "software"):
            yield from super().read(table, units)
            return
        self._wanted = self._names(table)
        for values in self._computers(table, units):
            if table == "device":
                yield from device_rows(values, PROPERTIES | self.properties)
            elif table == "processor":
                yield from processor_rows(values)
            else:
                yield from software_rows(values, self.software_properties)

    def _names(self, table: str) -> tuple[str, ...]:
        if table == "device":
            chosen = PROPERTIES | self.properties
            stated = [name for names in chosen.values() for name in names]
            return tuple(dict.fromkeys([*stated, *ASIDE.values(), "Computer Type"]))
        return ("CPU",) if table == "processor" else tuple(self.software_properties)

    def _narrowed(self, rows: Rows) -> Select:
        narrowed = super()._narrowed(rows)
        return narrowed.where(_h.Name.in_(self._wanted)) if "extra_name" in rows.query.selected_columns else narrowed

    def _computers(self, table: str, units: Units | None) -> Iterator[dict[str, dict[str, str]]]:
        """Properties of computers by id, some hundred computers at a time."""
        found: dict[str, dict[str, str]] = {}
        for batch in super().read(table, units):
            for key, extra in zip(
                batch.column("source_device_id").to_pylist(), batch.column("extra").to_pylist(), strict=True
            ):
                stated = json.loads(extra) if extra else {}
                name, value = stated.get("name"), stated.get("value")
                if name is None or value is None:
                    continue
                if key not in found and len(found) >= 500:
                    yield found
                    found = {}
                found.setdefault(key, {})[name] = value
                if len(value) >= 8000:
                    self.note(table, f"The database cuts the property {name} at 8,000 characters; some of it is lost.")
        if found:
            yield found
