"""Listing and reading BigFix Inventory, by whatever way its resources are reached."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from inventory_pipeline.connectors import bigfix_inventory_rows as rows
from inventory_pipeline.connectors.base import KEYS_SCHEMA, Keys, Units
from inventory_pipeline.connectors.bigfix_inventory_api import Criterion, InventoryApiError, Row

COMPUTERS, INSTANCES = "computers", "software_instances"
LOOK_BACK = dt.timedelta(days=7)
"""Scans are imported after they were made, so that discoveries are looked for from before what was seen last."""
GAP = 100
_LIVE: dict[str, tuple[Criterion, ...]] = {
    COMPUTERS: (("is_deleted", "=", "0"),),
    INSTANCES: (("is_present", "=", "1"), ("is_suppressed", "=", "0")),
}


class Reader(Protocol):
    """Resources of BigFix Inventory: its REST API, or its database."""

    def place(self, resource: str) -> str: ...

    def columns(self, resource: str, key: str, wanted: Iterable[str]) -> tuple[str, ...]: ...

    def accepts(self, resource: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()) -> bool: ...

    def groups(
        self, resource: str, key: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()
    ) -> Iterator[list[Row]]: ...


def key_of(resource: str) -> str:
    """The column by which a resource's rows belong to a computer."""
    return "id" if resource == COMPUTERS else "computer_id"


class Reading:
    """One session; `note` says something in the sync log of a table."""

    def __init__(self, reader: Reader, note: Callable[[str, str], None]) -> None:
        self._reader = reader
        self._note = note

    def place(self, resource: str) -> str:
        """Where a resource is read: itself, or the table that was found for it."""
        return self._reader.place(resource)

    def columns(self, resource: str, wanted: Sequence[str]) -> tuple[str, ...]:
        """Those of the wanted columns that there are."""
        return self._reader.columns(resource, key_of(resource), wanted)

    def keys(self, table: str, cursor: Mapping[str, Any] | None) -> Keys:
        """All computers that are not deleted. The stamp is last_seen, and of software also its newest discovery; the
        cursor is the newest last_seen, from which discoveries are looked for next time."""
        present = [name for name in ("id", "last_seen") if name in self.columns(COMPUTERS, rows.COMPUTER)]
        seen = {
            int(computer["id"]): rows.text(computer.get("last_seen"))
            for group in self._reader.groups(COMPUTERS, "id", present, self._live(COMPUTERS))
            for computer in group
        }
        newest = max((moment for moment in map(_moment, seen.values()) if moment is not None), default=None)
        before = _moment(cursor.get("newest")) if cursor else None
        since = min((moment for moment in (newest, before) if moment is not None), default=None)
        found: dict[int, str] = {}
        if since is not None and table in ("software", "software_usage", "usage_reporting"):
            found = self._discovered(table, since - LOOK_BACK)
        shape = hashlib.sha256(repr(self._shape(table)).encode()).hexdigest()[:8]
        stamps = [f"{shape}|{seen[key]}|{found.get(key, '')}" if seen[key] else None for key in sorted(seen)]
        listed = pa.RecordBatch.from_pydict(
            {"unit_key": [str(key) for key in sorted(seen)], "stamp": stamps}, KEYS_SCHEMA
        )
        return Keys([listed], cursor={"newest": newest.isoformat() if newest else None})

    def _discovered(self, table: str, since: dt.datetime) -> dict[int, str]:
        """The newest change of software since then, of each computer that had one: what was found, and what went."""
        start = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        found: dict[int, str] = {}
        for column, present in (("discovery_start", "1"), ("discovery_end", "0")):
            criteria = (("is_present", "=", present), (column, ">=", start))
            if not self._reader.accepts(INSTANCES, ("computer_id", column), criteria):
                self._note(table, f"Changes cannot be asked for by {column}; last_seen of computers tells them.")
                continue
            for group in self._reader.groups(INSTANCES, "computer_id", ["computer_id", column], criteria):
                key = int(group[0]["computer_id"])
                found[key] = max([found.get(key, ""), *(rows.text(row.get(column)) or "" for row in group)])
        return found

    def batches(self, table: str, units: Units) -> Iterator[pa.RecordBatch]:
        """Rows of these computers."""
        wanted = None if units.contiguous else frozenset(units.keys)
        for low, high in spans(units):
            yield from rows.batch(self._rows(table, low, high, wanted))

    def _rows(self, table: str, low: int, high: int, wanted: frozenset[str] | None) -> Iterator[rows.Canonical]:
        if table in ("software", "software_usage"):
            columns = rows.SOFTWARE if table == "software" else rows.USAGE
            make = rows.software_rows if table == "software" else rows.usage_rows
            for group in self._between(INSTANCES, columns, low, high, wanted):
                yield from make(str(group[0]["computer_id"]), group)
            return
        details = {
            resource: {
                str(group[0]["computer_id"]): group for group in self._between(resource, part, low, high, wanted)
            }
            for resource, part in self._details_of(table).items()
        }
        for computer, *_ in self._between(COMPUTERS, rows.COMPUTER, low, high, wanted):
            key = str(computer["id"])
            if table == "device":
                yield rows.device_row(computer, {name: groups.get(key, []) for name, groups in details.items()})
            elif table == "processor":
                yield from rows.processor_rows(computer, details.get(rows.PROCESSORS, {}).get(key, []))
            else:
                used = any(rows.is_used(row) for row in details[INSTANCES].get(key, []))
                yield rows.reporting_row(computer, reports=used)

    def _between(
        self, resource: str, columns: Sequence[str], low: int, high: int, wanted: frozenset[str] | None
    ) -> Iterator[list[Row]]:
        key = key_of(resource)
        criteria = (*self._live(resource), (key, ">=", str(low)), (key, "<=", str(high)))
        for group in self._reader.groups(resource, key, self.columns(resource, columns), criteria):
            if wanted is None or str(group[0][key]) in wanted:
                yield group

    def _live(self, resource: str) -> tuple[Criterion, ...]:
        """What leaves out deleted computers and software that is gone or suppressed, as far as it can be asked for."""
        if resource not in _LIVE:
            return ()
        known = self.columns(resource, rows.COMPUTER if resource == COMPUTERS else rows.SOFTWARE)
        return tuple(one for one in _LIVE[resource] if one[0] in known)

    def _details_of(self, table: str) -> dict[str, tuple[str, ...]]:
        """Resources that are read beside computers, with their columns; those that are not there are noted."""
        if table == "usage_reporting":
            return {INSTANCES: rows.USAGE}
        there = {}
        for resource, columns in (rows.DETAILS if table == "device" else {rows.PROCESSORS: rows.PROCESSOR}).items():
            try:
                self.columns(resource, columns)
            except InventoryApiError as error:
                if error.status not in (403, 404):
                    raise
                self._note(table, f"Left out: {error}")
            else:
                there[resource] = columns
        return there

    def _shape(self, table: str) -> list[tuple[str, ...]]:
        """Places and columns that go into a table: stamps differ when there are others, or more or fewer of them."""
        if table in ("software", "software_usage"):
            parts = {INSTANCES: rows.SOFTWARE if table == "software" else rows.USAGE}
        else:
            parts = {COMPUTERS: rows.COMPUTER, **self._details_of(table)}
        return [(self.place(resource), *self.columns(resource, wanted)) for resource, wanted in parts.items()]


def spans(units: Units) -> Iterator[tuple[int, int]]:
    """First and last number of the ranges that hold the units."""
    numbers = sorted(int(key) for key in units.keys)
    if not numbers:
        return
    low = before = numbers[0]
    for number in numbers[1:]:
        if not units.contiguous and number - before > GAP:
            yield low, before
            low = number
        before = number
    yield low, before


def _moment(stated: str | None) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(stated) if stated else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or dt.UTC) if found else None
