"""Headings of files: which canonical table a file holds, and which of its columns is which."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from inventory_pipeline.connectors.files import FileRefused
from inventory_pipeline.records import TABLES, Table

DEVICE_KEY = "source_device_id"
DEVICE_NAME_HEADINGS = ("Name of Device", "Device", "Computer", "System Name", "PSComputerName")


@dataclass(frozen=True, slots=True)
class HeadingMap:
    """How a file's columns go into a table.

    `columns` are canonical columns by position; `extras` are headings without a canonical place, by position;
    `stand_in` is the position of the device's name where it is used for rows without a device key.
    """

    table: Table
    columns: dict[str, int]
    extras: dict[str, int]
    stand_in: int | None = None

    @property
    def unknown(self) -> tuple[str, ...]:
        """Headings that go to `extra`, as the file has them."""
        return tuple(self.extras)


def fold_heading(heading: str) -> str:
    """A heading without what people write differently: case, spaces, dashes, underscores, punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", heading).casefold())


@cache
def known_headings(table_name: str) -> dict[str, str]:
    """Folded heading to canonical column, for one table: names first, then synonyms, each to the first that has it."""
    table = TABLES[table_name]
    known = {fold_heading(column.name): column.name for column in table.columns}
    for column in table.columns:
        for synonym in column.synonyms:
            known.setdefault(fold_heading(synonym), column.name)
    return known


@cache
def device_name_headings(table_name: str) -> frozenset[str]:
    """Folded headings under which a file of that table may carry the device's name instead of its key."""
    table = TABLES[table_name]
    if DEVICE_KEY not in table.required:
        return frozenset()
    if table_name == "device":
        headings = (h for h, column in known_headings("device").items() if column == "name")
        return frozenset(headings) | {fold_heading(h) for h in DEVICE_NAME_HEADINGS}
    device_name = TABLES["device"].column("name")
    own = known_headings(table_name)
    return frozenset(
        folded for h in (*device_name.synonyms, *DEVICE_NAME_HEADINGS) if (folded := fold_heading(h)) not in own
    )


def is_known(heading: str, tables: Iterable[Table]) -> bool:
    """True when any of the tables knows the heading."""
    folded = fold_heading(heading)
    return any(folded in known_headings(t.name) or folded in device_name_headings(t.name) for t in tables)


def map_headings(table: Table, headings: Sequence[str], required: Sequence[str] | None = None) -> HeadingMap:
    """Maps a file's headings to a table's columns; `required` are the mandatory ones (default: the table's own).

    A canonical name goes before a synonym, and the first of equals wins; what is left goes to `extra` under its
    own heading. Where a device key is mandatory, a column with the device's name may stand in for it.

    Raises:
        FileRefused: a mandatory heading is missing; the text names it and what is accepted for it.
    """
    columns: dict[str, int] = {}
    for exact in (True, False):
        for position, heading in enumerate(headings):
            column = known_headings(table.name).get(fold_heading(heading))
            if column and column not in columns and exact == (fold_heading(heading) == fold_heading(column)):
                columns[column] = position
    used = set(columns.values())
    stand_in = next(
        (p for p, heading in enumerate(headings) if fold_heading(heading) in device_name_headings(table.name)), None
    )
    if table.name == "device" and stand_in is not None:
        columns.setdefault("name", stand_in)
        stand_in = columns["name"]
        used.add(stand_in)
    elif stand_in is not None and DEVICE_KEY not in columns:
        used.add(stand_in)
    mandatory = table.required if required is None else required
    missing = [c for c in mandatory if c not in columns and not (c == DEVICE_KEY and stand_in is not None)]
    if missing:
        raise FileRefused(_missing(table, missing, headings))
    extras: dict[str, int] = {}
    for position, heading in enumerate(headings):
        if position not in used:
            extras[_unique(heading or f"column {position + 1}", extras)] = position
    return HeadingMap(table, columns, extras, stand_in)


def _missing(table: Table, missing: Sequence[str], headings: Sequence[str]) -> str:
    parts = []
    for name in missing:
        others = list(table.column(name).synonyms)
        if name == DEVICE_KEY:
            others += ["Computer Name", "Device Name"]
        parts.append(f"{name} (also accepted: {', '.join(others)})" if others else name)
    there = ", ".join(h for h in headings[:20] if h) or "none"
    noun = "headings are" if len(parts) > 1 else "heading is"
    return f"for the table {table.name} the mandatory {noun} missing: {'; '.join(parts)}. Headings found: {there}"


def _unique(heading: str, taken: dict[str, int]) -> str:
    candidate, number = heading, 2
    while candidate in taken:
        candidate, number = f"{heading} ({number})", number + 1
    return candidate


def table_by_name(file_name: str, tables: Iterable[Table], *, loose: bool = False) -> Table | None:
    """The table whose name, plural or other name begins the file's name; the longest such name wins.

    `devices.csv`, `software-2026.tsv` and `Software Usage (May).csv` are found; with `loose` also names that go on
    with letters, as `deviceexport.csv`.
    """
    stem = re.sub(r"[\W_]+", "_", file_name.rsplit(".", 1)[0].casefold()).strip("_")
    best: tuple[int, Table] | None = None
    for table in tables:
        for name in (table.name, f"{table.name}s", *table.aliases):
            if not stem.startswith(name) or (best and best[0] >= len(name)):
                continue
            if loose or not stem[len(name) : len(name) + 1].isalpha():
                best = (len(name), table)
    return best[1] if best else None


def table_by_headings(headings: Sequence[str], tables: Iterable[Table]) -> Table | None:
    """The table that knows most of the headings, among those whose mandatory headings are all there.

    Of two that know equally many, the one that demands more wins. None when no table fits, or two fit equally well.
    """
    fitting: list[tuple[tuple[int, int], Table]] = []
    for table in tables:
        try:
            mapped = map_headings(table, headings)
        except FileRefused:
            continue
        fitting.append(((len(headings) - len(mapped.extras), len(table.required)), table))
    fitting.sort(key=lambda entry: entry[0], reverse=True)
    if not fitting or (len(fitting) > 1 and fitting[0][0] == fitting[1][0]):
        return None
    return fitting[0][1]
