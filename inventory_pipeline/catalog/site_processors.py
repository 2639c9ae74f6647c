"""A site's own rules about processors, in `site_processors` (.csv, .tsv, .yaml) of its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from inventory_pipeline.catalog.reading import Problems, Row
from inventory_pipeline.catalog.site_models import wildcard_pattern

SITE_PROCESSOR_COLUMNS: tuple[str, ...] = (
    "rule_id",
    "processor",
    "vendor",
    "family",
    "model",
    "cores_per_socket",
    "note",
)
"""`processor`: the brand string as sources state it, with `*` for any text and `?` for one character. The others: what
it is; empty ones are found as without the rule."""
_OUTCOMES = ("vendor", "family", "model", "cores_per_socket")
MOST_CORES = 1024


@dataclass(frozen=True, slots=True)
class ProcessorRule:
    """A rule about processors: a pattern over the folded brand string, and what such processors are."""

    rule_id: str
    processor: re.Pattern[str]
    vendor: str
    family: str
    model: str
    cores_per_socket: int | None
    where: str


def read_processor_rules(rows: Iterable[Row], problems: Problems) -> list[ProcessorRule]:
    """Rules of rows in `SITE_PROCESSOR_COLUMNS`, those that ask for more first.

    What is wrong goes to `problems` with file and line; such rows are left out.
    """
    found: list[tuple[int, ProcessorRule]] = []
    seen: dict[str, str] = {}
    for row in rows:
        rule_id, cores = row["rule_id"] or f"site:{row.line}", row["cores_per_socket"]
        wrong = []
        if not re.search(r"[^\W_]", row["processor"]):
            wrong.append("processor is missing.")
        if not any(row[column] for column in _OUTCOMES):
            wrong.append(f"says nothing; fill one of {', '.join(_OUTCOMES)}.")
        if cores and not (cores.isascii() and cores.isdigit() and 1 <= int(cores) <= MOST_CORES):
            wrong.append(f"cores_per_socket {cores!r} is no whole number from 1 to {MOST_CORES:,}.")
        if rule_id in seen:
            wrong.append(f"rule_id {rule_id!r} was used before, at {seen[rule_id]}.")
        for message in wrong:
            problems.add(row.where, message)
        if wrong:
            continue
        seen[rule_id] = row.where
        rule = ProcessorRule(
            rule_id,
            wildcard_pattern(row["processor"]),
            row["vendor"],
            row["family"],
            row["model"],
            int(cores) if cores else None,
            row.where,
        )
        found.append((len(re.sub(r"[*?]", "", row["processor"])), rule))
    return [rule for _, rule in sorted(found, key=lambda entry: (-entry[0], entry[1].rule_id))]
