"""Which columns of an AppClarity database hold what an entitlement file states.

That database is not documented. So its own catalog is asked, and a column is taken for a heading of entitlement files
only where it bears that heading's name, alone or behind the prefix of the table's columns; all else is configured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from inventory_pipeline.connectors.database_catalog import spelled_place
from inventory_pipeline.connectors.headings import fold_heading, known_headings
from inventory_pipeline.records import TABLES

ENTITLEMENT = TABLES["entitlement"]
NEEDED = ("entitlement_id", "entitlement_type")


class ShapeError(Exception):
    """The database does not have what was named, or what is needed; `cure` says what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Links:
    """A table of links from an entitlement to its parents, and its two columns."""

    schema: str | None
    name: str
    child: str
    parent: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The table of entitlements; `columns` are its columns by canonical column, `unused` those without a place."""

    schema: str | None
    name: str
    columns: Mapping[str, str]
    unused: tuple[str, ...] = ()
    links: Links | None = field(default=None)

    @property
    def place(self) -> str:
        """The table as people write it."""
        return spelled_place(self.schema, self.name)

    def entitlements(self) -> sa.Select:
        """All entitlements, labelled with canonical columns."""
        table = sa.table(
            self.name, *(sa.column(name) for name in dict.fromkeys(self.columns.values())), schema=self.schema
        )
        labelled = [table.c[theirs].label(ours) for ours, theirs in self.columns.items()]
        return sa.select(*labelled).order_by(table.c[self.columns["entitlement_id"]])

    def parents(self) -> sa.Select | None:
        """Links, labelled `child` and `parent`."""
        if self.links is None:
            return None
        child, parent = sa.column(self.links.child), sa.column(self.links.parent)
        table = sa.table(self.links.name, child, parent, schema=self.links.schema)
        return sa.select(table.c[child.name].label("child"), table.c[parent.name].label("parent")).order_by(*table.c)


def find_shape(
    listed: Iterable[tuple[Any, ...]],
    table_name: str,
    column_names: Mapping[str, str],
    parent_links: Mapping[str, str],
) -> Shape:
    """Finds the table of entitlements and its columns.

    `listed` is schema, table and column of all that the account may see; `column_names` are configured columns by
    canonical column (empty leaves one out); `parent_links` has table, child and parent.

    Raises:
        ShapeError: something that was named or is needed is not there.
    """
    known: dict[tuple[str | None, str], list[str]] = {}
    for schema, table, column in listed:
        known.setdefault((schema, table), []).append(column)
    place = _place(known, table_name, "table_name")
    present = {column.lower(): column for column in known[place]}
    wrong = [name for name in column_names if name not in ENTITLEMENT.column_names]
    if wrong:
        raise ShapeError(f"column_names: entitlements have no {', '.join(wrong)}.", "See docs/records.md.")
    lost = [name for name in column_names.values() if name and name.lower() not in present]
    if lost:
        raise ShapeError(
            f"{spelled_place(*place)} has no column {', '.join(lost)}.",
            f"Correct column_names. It has {_some(known[place])}.",
        )
    columns = {ours: found for found, ours in _by_name(known[place]).items() if ours not in column_names}
    columns |= {ours: present[theirs.lower()] for ours, theirs in column_names.items() if theirs}
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise ShapeError(
            f"no column of {spelled_place(*place)} is known to hold {', '.join(missing)}.",
            f"Name it in column_names. The table has {_some(known[place])}.",
        )
    ordered = {name: columns[name] for name in ENTITLEMENT.column_names if name in columns}
    unused = tuple(column for column in known[place] if column not in ordered.values())
    return Shape(*place, ordered, unused, _links(known, parent_links))


def _links(known: Mapping[tuple[str | None, str], list[str]], stated: Mapping[str, str]) -> Links | None:
    if not stated:
        return None
    if set(stated) != {"table", "child", "parent"}:
        raise ShapeError("parent_links is not complete.", "Give table, child and parent, and nothing else.")
    place = _place(known, stated["table"], "parent_links")
    present = {column.lower(): column for column in known[place]}
    lost = [stated[side] for side in ("child", "parent") if stated[side].lower() not in present]
    if lost:
        raise ShapeError(
            f"{spelled_place(*place)} has no column {', '.join(lost)}.",
            f"Correct parent_links. It has {_some(known[place])}.",
        )
    return Links(*place, present[stated["child"].lower()], present[stated["parent"].lower()])


def _place(known: Mapping[tuple[str | None, str], list[str]], wanted: str, setting: str) -> tuple[str | None, str]:
    places = [place for place in known if wanted.lower() == spelled_place(*place).lower()]
    if not places:
        # Where there are no schemas (a copy in SQLite), or none is named, the table's name is enough.
        bare = [place for place in known if place[1].lower() == wanted.lower().rpartition(".")[2]]
        places = [place for place in bare if not place[0] or "." not in wanted]
    if len(places) == 1:
        return places[0]
    near = [spelled_place(*place) for place in known if "entitlement" in spelled_place(*place).lower()]
    what = "is there more than once" if places else "is not there, or may not be seen"
    raise ShapeError(f"the table {wanted} {what}.", f"Name it in {setting}. Entitlements may stand in {_some(near)}.")


def _by_name(columns: list[str]) -> dict[str, str]:
    """Columns by their own names: canonical column by column, each taken once, plain names before prefixed ones."""
    headings = known_headings("entitlement")
    # Tables of AppClarity give their columns a prefix (ulic_migration_state); it is what more than half begin with.
    counted = Counter(column.lower().partition("_")[0] + "_" for column in columns if "_" in column)
    prefix = next((one for one, count in counted.most_common(1) if count * 2 > len(columns)), "")
    found: dict[str, str] = {}
    for column in columns:
        bare = fold_heading(column.lower().removeprefix(prefix))
        for folded in (fold_heading(column), bare, f"entitlement{bare}"):
            ours = headings.get(folded)
            if ours is not None and ours not in found.values():
                found[column] = ours
                break
    return found


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - 40} more" if len(listed) > 40 else ""
    return f"{', '.join(listed[:40])}{more}" if listed else "none of those that the account may see"
