"""A source under the test's control, and a connector to it: one JSON file that holds what the source has now."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import (
    KEYS_SCHEMA,
    Check,
    Connector,
    Keys,
    RefusedUnit,
    Secret,
    TableSource,
    Units,
)
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Repository

Row = dict[str, Any]
VOLATILE = {"sync_id", "observed_at"}


@dataclass
class Unit:
    """One report: its stamp (None: always read) and its rows."""

    stamp: str | None
    rows: list[Row]


@dataclass
class Source:
    """What the source has, by table and unit; `save` writes it where the connector reads it.

    `faults`: `fail` and `kill` map a table to the number of the `read` call that raises or kills the process (before
    its rows, or after them with `late`), `refuse` maps a table to units that cannot be read, `delta` makes it list
    changes only.
    """

    path: Path
    tables: dict[str, dict[str, Unit]] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    changes: list[tuple[str, str, bool]] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> Source:
        """A source that was saved before."""
        saved = json.loads(path.read_text())
        tables = {
            table: {key: Unit(unit["stamp"], unit["rows"]) for key, unit in units.items()}
            for table, units in saved["tables"].items()
        }
        return cls(path, tables, saved["faults"], [tuple(change) for change in saved["changes"]])

    def put(self, table: str, key: str, rows: list[Row], stamp: str | None = "1") -> None:
        """Adds or replaces a unit."""
        self.tables.setdefault(table, {})[key] = Unit(stamp, rows)
        self.changes.append((table, key, True))

    def drop(self, table: str, key: str) -> None:
        """Removes a unit."""
        del self.tables[table][key]
        self.changes.append((table, key, False))

    def save(self) -> Source:
        """Makes it what connectors see."""
        content = {
            "tables": {
                table: {key: {"stamp": unit.stamp, "rows": unit.rows} for key, unit in units.items()}
                for table, units in self.tables.items()
            },
            "faults": self.faults,
            "changes": self.changes,
        }
        waiting = self.path.with_suffix(".new")
        waiting.write_text(json.dumps(content))
        waiting.replace(self.path)
        return self

    def connector(self, name: str = "Fixture", **fields: Any) -> FixtureConnector:
        """A connector to it."""
        return FixtureConnector(name=name, path=str(self.path), **fields)


class FixtureConnector(Connector):
    """Reads a Source: devices and software by stamped keys, group members without keys."""

    type: ClassVar[str] = "fixture"
    title: ClassVar[str] = "Fixture"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("device", chunk_units=3),
        TableSource("software", chunk_units=3),
        TableSource("group_member"),
    )
    path: str = Field(description="File of the source.")
    mapping: str = Field(default="1", description="Stands for a mapping that may change.")
    password: Secret | None = Field(default=None, description="A secret.")

    _content: dict[str, Any] = PrivateAttr(default_factory=dict)
    _calls: dict[str, int] = PrivateAttr(default_factory=dict)
    _units_read: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.mapping

    def connect(self) -> None:
        self._content = json.loads(Path(self.path).read_text())
        self._calls = {}
        self._units_read = []

    @property
    def units_read(self) -> list[tuple[str, str]]:
        """Tables and keys of the units that were read since the connection was opened."""
        return self._units_read

    def check(self, category: Category) -> Iterator[Check]:
        yield Check("file", True, "Readable.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys | None:
        if table == "group_member":
            return None
        units = self._content["tables"].get(table, {})
        if not self._content["faults"].get("delta"):
            return Keys([_keys(list(units.items()))])
        changes = [(key, there) for name, key, there in self._content["changes"] if name == table]
        since = int(cursor["n"]) if cursor else 0
        touched = {key for key, _ in changes[since:]} if cursor else set(units)
        listed = [(key, unit) for key, unit in units.items() if key in touched]
        gone = [(key, {"stamp": None}) for key in sorted(touched - set(units))]
        return Keys([_keys(listed)], complete=False, gone=[_keys(gone)], cursor={"n": len(changes)})

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        there = self._content["tables"].get(table, {})
        faults = self._content["faults"]
        call = self._calls[table] = self._calls.get(table, -1) + 1
        if not faults.get("late"):
            self._fault(table, call)
        for key in there if units is None else units.keys:
            self._units_read.append((table, key))
            if key in faults.get("refuse", {}).get(table, ()):
                yield RefusedUnit(key, f"object {key}", "it is torn.")
                continue
            rows = [{"unit_key": key, **row} for row in there[key]["rows"]] if key in there else []
            if rows:
                names = dict.fromkeys(name for row in rows for name in row)
                yield pa.RecordBatch.from_pydict({name: [row.get(name) for row in rows] for name in names})
        if faults.get("late"):
            self._fault(table, call)

    def _fault(self, table: str, call: int) -> None:
        faults = self._content["faults"]
        if faults.get("kill", {}).get(table) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        if faults.get("fail", {}).get(table) == call:
            secret = self.password.reveal() if self.password else ""
            raise OSError(f"connection to {table} lost {secret}".strip())


def _keys(units: list[tuple[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"unit_key": [key for key, _ in units], "stamp": [unit["stamp"] for _, unit in units]}, KEYS_SCHEMA
    )


def device(key: str, **values: Any) -> list[Row]:
    """The rows of a device."""
    return [{"source_device_id": key, "name": f"PC-{key}", **values}]


def software(key: str, *titles: str) -> list[Row]:
    """Rows of software on a device, one per title."""
    return [{"source_device_id": key, "title": title, "version": "1"} for title in titles]


def members(group: str, *people: str) -> list[Row]:
    """Rows of a group's members."""
    return [{"source_group_id": group, "member_kind": "user", "member_id": person} for person in people]


def estate(path: Path, count: int = 10) -> Source:
    """A source with devices `d0`, `d1` ..., software on each, and two groups; saved."""
    source = Source(path)
    for number in range(count):
        key = f"d{number}"
        source.put("device", key, device(key))
        source.put("software", key, software(key, "Acrobat", f"Tool {number}"))
    source.put("group_member", "g1", members("g1", "anna", "ben"), None)
    source.put("group_member", "g2", members("g2", "carl"), None)
    return source.save()


def content(repository: Repository, connector: str | None = None) -> dict[str, list[tuple[tuple[str, str], ...]]]:
    """Visible rows by table, without what tells syncs apart, order-free; of one connector, or of all."""
    visible = repository.visible()
    found = {}
    for table in ("device", "software", "group_member"):
        rows = visible.arrow(table).to_pylist()
        found[table] = sorted(
            tuple((name, repr(value)) for name, value in row.items() if name not in VOLATILE)
            for row in rows
            if connector in (None, row["connector"])
        )
    return found


def keys_of(repository: Repository, table: str) -> list[str]:
    """Distinct unit keys that are visible in a table, sorted."""
    return sorted(set(repository.visible().arrow(table).column("unit_key").to_pylist()))
