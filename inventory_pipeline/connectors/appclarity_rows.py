"""From entitlements of AppClarity to rows of an entitlement file, and what is doubtful about them.

Facts: "AppClarity v5.2 connector" and "Entitlement import files" (AppClarity 7.1) on help.1e.com: only licence and
maintenance entitlements are exported; an entitlement has one parent, and where AppClarity 5.2 has several, one is used
and the others go into the comments.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from inventory_pipeline.connectors.appclarity_shape import ENTITLEMENT
from inventory_pipeline.connectors.entitlement_rows import judge
from inventory_pipeline.records import ColumnType

EXPORTED = ("License", "Maintenance")
# OWASP "CSV Injection": these begin a formula, also behind white space and in full width.
_FORMULA = re.compile(r"^[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
_LIST = re.compile(r"\s*[;,|]\s*")


@dataclass(slots=True)
class Entitlements:
    """Rows to be written, and what was done to get them."""

    rows: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    caveats: list[tuple[str, str, str, str]] = field(default_factory=list)


def entitlements(
    source: Iterable[Mapping[str, Any]],
    links: Iterable[tuple[Any, Any]],
    values: Mapping[str, Mapping[str, str]],
    today: dt.date,
) -> Entitlements:
    """Rows of licences and maintenance in the order of their ids.

    `source` are entitlements in canonical columns as the driver gives them, `links` child and parent, `values` the
    words for what the source has, by canonical column.
    """
    made = Entitlements()
    parents: dict[str, dict[str, None]] = {}
    rows: dict[str, dict[str, str]] = {}
    for stated in source:
        row = {name: found for name in stated if (found := _word(name, stated[name], values))}
        key = row.get("entitlement_id")
        if key is None:
            made.counts["without id"] += 1
            continue
        for parent in _LIST.split(row.pop("parent_entitlement_id", "")):
            parents.setdefault(key, {})[parent] = None
        rows.setdefault(key, row)
    for child, parent in links:
        parents.setdefault(_text(child) or "", {})[_text(parent) or ""] = None
    for row in rows.values():
        kind = row.get("entitlement_type", "")
        if kind not in EXPORTED:
            made.left_out[kind or "without type"] += 1
        else:
            made.counts[kind] += 1
            made.rows.append(row)
    kept = {row["entitlement_id"]: row["entitlement_type"] for row in made.rows}
    for row in made.rows:
        _give_parent(row, [p for p in parents.get(row["entitlement_id"], {}) if p], kept, made)
    for judged in judge([dict(row) for row in made.rows], scope="", today=today, date_format=None):
        key = str(judged.row["entitlement_id"])
        made.caveats += [(key, *caveat) for caveat in judged.caveats]
    return made


def _give_parent(row: dict[str, str], parents: list[str], kept: Mapping[str, str], made: Entitlements) -> None:
    """Keeps one parent, a licence if there is one, of those that are exported; the others go into the comments."""
    candidates = [parent for parent in parents if parent != row["entitlement_id"]]
    usable = sorted((p for p in candidates if p in kept), key=lambda p: (kept[p] != "License", p))
    others = sorted(p for p in candidates if p not in usable[:1])
    if usable:
        row["parent_entitlement_id"] = usable[0]
    if others:
        if usable:
            made.counts["several parents"] += 1
        else:
            made.counts["parents not exported"] += 1
        said = f"ParentEntitlementId of others: {', '.join(others)}"
        row["comments"] = f"{row['comments']} {said}" if row.get("comments") else said


def _word(column: str, value: Any, values: Mapping[str, Mapping[str, str]]) -> str | None:
    """A value as a file states it; a choice that is spelled otherwise (`license`) in its own spelling."""
    text = _text(value)
    if text is None:
        return None
    stated = values.get(column, {})
    text = stated.get(text, text)
    declared = ENTITLEMENT.column(column)
    if declared.type is ColumnType.date:
        return text[:10]
    return next((word for word in declared.values if word.casefold() == text.casefold()), text)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()[:10]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Decimal):
        value = format(value, "f")
    return str(value).strip() or None


def neutralized(column: str, text: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers and dates are none."""
    is_text = ENTITLEMENT.column(column).type is ColumnType.text
    return f"'{text}" if is_text and _FORMULA.search(text) else text
