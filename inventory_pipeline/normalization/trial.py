"""What a change of rules would change: every known statement decided by the rules as they are and as they would be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.software import normalize_software

_TEXTS = ("source", "title", "publisher", "version", "edition", "product_code", "package_family", "origin")
_COMPARED = ("product_id", "parent_product_id", "edition", "version_family", "kind", "is_ignored")


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that would be decided otherwise: what it is now, what it would be, and by which rule."""

    title: str
    publisher: str
    version: str
    before: str
    after: str
    rule_id: str
    devices: int
    installs: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Changes, most devices first, and for each site rule the number of statements that it decides (0: none)."""

    changes: tuple[Change, ...]
    statements: int
    rule_hits: Mapping[str, int]


def try_rules(rows: Iterable[Mapping[str, Any]], before: Catalog, after: Catalog) -> Trial:
    """Compares two catalogs on rows of `software_decision` (`raw_title`, ..., `records`, `devices`). Writes nothing."""
    statements = list(rows)
    table = _table(statements)
    old = normalize_software(table, before).to_pylist()
    new = normalize_software(table, after).to_pylist()
    changes = []
    hits = dict.fromkeys((rule.rule_id for rule in after.site_rules), 0)
    for row, was, would in zip(statements, old, new, strict=True):
        if would["decided_by"] == "site_rule":
            hits[would["rule_id"]] += 1
        if _compared(was) != _compared(would):
            changes.append(
                Change(
                    title=row["raw_title"] or "",
                    publisher=row["raw_publisher"] or "",
                    version=row["raw_version"] or "",
                    before=_said(was),
                    after=_said(would),
                    rule_id=would["rule_id"] or "",
                    devices=int(row["devices"] or 0),
                    installs=int(row["records"] or 0),
                )
            )
    changes.sort(key=lambda c: (-c.devices, -c.installs, c.title, c.publisher, c.version))
    return Trial(tuple(changes), len(statements), hits)


def _table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    columns = {"software_key": pa.array([str(n) for n in range(len(rows))], pa.string())}
    for name in _TEXTS:
        key = f"raw_{name}" if name in {"title", "publisher", "version", "edition"} else name
        columns[name] = pa.array([row.get(key) for row in rows], pa.string())
    return pa.table(columns)


def _ignored(decision: Mapping[str, Any]) -> bool:
    by_rule = decision["decided_by"] in {"rule", "site_rule"}
    return by_rule and decision["product_id"] is None and decision["parent_product_id"] is None


def _compared(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(_ignored(decision) if name == "is_ignored" else decision[name] for name in _COMPARED)


def _said(decision: Mapping[str, Any]) -> str:
    """A decision as one short text."""
    if _ignored(decision):
        return "ignored"
    if decision["product_id"] is None and decision["parent_product_id"] is None:
        return "unidentified"
    named = " ".join(part for part in (decision["vendor"], decision["title"]) if part)
    more = [part for part in (decision["edition"], decision["version_family"]) if part]
    more += [decision["kind"]] if decision["kind"] in {"update", "component", "language_pack"} else []
    return f"{named} ({', '.join(more)})" if more else named
