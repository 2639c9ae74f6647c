"""The real titles, models, processors and updates of `examples/data`, typed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Title:
    """One version of one entry of a software inventory, and which product it really is."""

    item: str
    product: str
    vendor: str
    kind: str
    parent: str
    title: str
    publisher: str
    version: str
    product_code: str
    origin: str
    audience: frozenset[str]
    share: int
    language: str


@dataclass(frozen=True, slots=True)
class Model:
    """A device model as SMBIOS or the device itself spells it."""

    kind: str
    weight: int
    manufacturer: str
    model: str
    name: str
    chassis_type: str


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor: brand string, cores and threads per socket."""

    used_in: frozenset[str]
    manufacturer: str
    name: str
    cores: int
    threads: int
    speed_mhz: int


@dataclass(frozen=True, slots=True)
class Update:
    """An update as WSUS and ConfigMgr know it."""

    number: int
    kb: str
    title: str
    classification: str
    product: str
    severity: str
    release_date: date
    supersedes: str


@dataclass(frozen=True, slots=True)
class Program:
    """The executable by which use of a product is seen; metered when the site has a metering rule for it."""

    product: str
    file_name: str
    is_metered: bool


class Facts:
    """Everything in `examples/data`, read once."""

    @cached_property
    def items(self) -> dict[str, list[Title]]:
        """Versions by item, the oldest first; an item is installed in one version, seldom in two."""
        found: dict[str, list[Title]] = {}
        for row in _rows("software.tsv"):
            title = Title(
                row["item"],
                row["product"],
                row["vendor"],
                row["kind"],
                row["parent"],
                row["title"],
                row["publisher"],
                row["version"],
                row["product_code"],
                row["origin"],
                frozenset(row["audience"].split()),
                int(row["share"]),
                row["language"],
            )
            found.setdefault(title.item, []).append(title)
        return found

    @cached_property
    def models(self) -> dict[str, list[Model]]:
        """Models by kind of machine."""
        found: dict[str, list[Model]] = {}
        for r in _rows("models.tsv"):
            model = Model(r["kind"], int(r["weight"]), r["manufacturer"], r["model"], r["name"], r["chassis_type"])
            found.setdefault(model.kind, []).append(model)
        return found

    @cached_property
    def processors(self) -> list[Processor]:
        """Processors."""
        return [
            Processor(
                frozenset(r["used_in"].split()),
                r["manufacturer"],
                r["name"],
                int(r["cores"]),
                int(r["threads"]),
                int(r["speed_mhz"]),
            )
            for r in _rows("processors.tsv")
        ]

    @cached_property
    def updates(self) -> list[Update]:
        """Updates, each family in order of release."""
        return [
            Update(
                number,
                r["kb"],
                r["title"],
                r["classification"],
                r["product"],
                r["severity"],
                date.fromisoformat(r["release_date"]),
                r["supersedes"],
            )
            for number, r in enumerate(_rows("updates.tsv"), start=1)
        ]

    @cached_property
    def programs(self) -> list[Program]:
        """Executables of products."""
        return [Program(r["product"], r["file_name"], r["metered"] == "yes") for r in _rows("programs.tsv")]

    def processors_for(self, *used_in: str) -> Sequence[Processor]:
        """Processors that fit a kind of machine (and brand)."""
        return [p for p in self.processors if p.used_in.issuperset(used_in)]


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
