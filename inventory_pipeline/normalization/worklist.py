"""Unidentified software as a work list: statements that are the same but for version and architecture are one entry,
the most installed first, each with a suggestion to accept, correct or ignore."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory_pipeline.catalog.folding import plain, title_key, vendor_key
from inventory_pipeline.catalog.rules import compile_pattern
from inventory_pipeline.catalog.spreadsheet import guarded
from inventory_pipeline.normalization.parsing import clean_title

SHEET_COLUMNS: tuple[str, ...] = (
    "action",
    "devices",
    "installs",
    "publisher",
    "title",
    "versions",
    "suggested_vendor",
    "suggested_title",
    "confidence",
    "vendor",
    "product",
    "edition",
    "kind",
    "licensable",
    "note",
    "evidence",
    "key",
)
"""Columns of the work list as a table: `action`, `vendor`, `product`, `edition`, `kind`, `licensable` and `note` are
for the analyst, `key` says which entry it is, the others are to read."""

_DOTTED = re.compile(r"(?<![\w.])v?\d+(?:[._]\d+)+(?:[\w+-]*\w)?(?![\w.])", re.IGNORECASE)
_META = re.compile(r"[*?{}]")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the work list.

    `titles`: raw titles, most installed first. `rule_titles`: titles of rules that would decide them, versions as
    `{version}`. `devices` is counted per statement, so that a device with two versions counts twice.
    """

    key: str
    publisher: str
    titles: tuple[str, ...]
    versions: tuple[str, ...]
    rule_titles: tuple[str, ...]
    devices: int
    installs: int
    suggestion_vendor: str
    suggestion_title: str
    confidence: float
    evidence: str


def work_list(rows: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Entries of rows of `unidentified_software` (`raw_title`, `raw_publisher`, `raw_version`, `records`, `devices`,
    `suggestion_vendor`, `suggestion_title`, `confidence`, `evidence`), most devices first."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        title = row["raw_title"] or ""
        if title_key(title):
            groups[vendor_key(row["raw_publisher"]), title_key(clean_title(title, "", 0))].append(row)
    entries = [_entry(key, group) for key, group in groups.items()]
    return sorted(entries, key=lambda e: (-e.devices, -e.installs, e.key))


def _entry(group: tuple[str, str], rows: list[Mapping[str, Any]]) -> Entry:
    ranked = sorted(rows, key=lambda r: (-int(r["devices"] or 0), -int(r["records"] or 0), r["raw_title"]))
    surest = max(ranked, key=lambda r: (bool(r["suggestion_title"]), float(r["confidence"] or 0)))
    titles = tuple(dict.fromkeys(str(row["raw_title"]) for row in ranked))
    publishers = Counter(str(row["raw_publisher"]) for row in ranked if row["raw_publisher"])
    return Entry(
        # Letters in front, so that no spreadsheet takes it for a number.
        key="u-" + hashlib.md5("\x1f".join(group).encode(), usedforsecurity=False).hexdigest()[:12],
        publisher=publishers.most_common(1)[0][0] if publishers else "",
        titles=titles,
        versions=tuple(dict.fromkeys(str(r["raw_version"]) for r in ranked if r["raw_version"])),
        rule_titles=tuple(dict.fromkeys(rule_title(title) for title in titles)),
        devices=sum(int(row["devices"] or 0) for row in rows),
        installs=sum(int(row["records"] or 0) for row in rows),
        suggestion_vendor=surest["suggestion_vendor"] or "",
        suggestion_title=surest["suggestion_title"] or "",
        confidence=float(surest["confidence"] or 0),
        evidence=surest["evidence"] or "",
    )


def rule_title(title: str) -> str:
    """The title of a rule for a raw title: numbers with dots become `{version}`, everything else stays as it is.

    A title that has none, or that would not be found again so, stands for itself alone.
    """
    text = plain(title)
    pattern = _DOTTED.sub("{version}", text)
    if pattern == text or _META.search(text):
        return text
    try:
        regex, _ = compile_pattern(pattern)
    except ValueError:
        return text
    from inventory_pipeline.catalog.folding import fold

    return pattern if regex.fullmatch(fold(text)) else text


def is_pattern(title: str) -> bool:
    """True for a title that `rule_title` made a pattern of."""
    return "{version}" in title


def sheet(entries: Sequence[Entry]) -> bytes:
    """The work list as CSV for a spreadsheet: UTF-8 with a byte order mark, no cell that runs as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(SHEET_COLUMNS)
    for entry in entries:
        values = {
            "devices": str(entry.devices),
            "installs": str(entry.installs),
            "publisher": entry.publisher,
            "title": _few(entry.titles),
            "versions": _few(entry.versions),
            "suggested_vendor": entry.suggestion_vendor,
            "suggested_title": entry.suggestion_title,
            "confidence": f"{entry.confidence:.3f}",
            "evidence": entry.evidence,
            "key": entry.key,
        }
        writer.writerow([guarded(" ".join(values.get(column, "").split())) for column in SHEET_COLUMNS])
    return text.getvalue().encode("utf-8-sig")


def _few(values: Sequence[str]) -> str:
    more = len(values) - _SHOWN
    return " | ".join(values[:_SHOWN]) + (f" | and {more} more" if more > 0 else "")
