"""A site's own rules about processors, in `site_processors` (.csv, .tsv, .yaml) of its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inventory_pipeline.catalog.reading import Problems, Row
from inventory_pipeline.catalog.site_models import usable_rows, wildcard_pattern

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
    for rule_id, row in usable_rows(rows, _OUTCOMES, _wrong_with, problems):
        rule = ProcessorRule(
            rule_id,
            wildcard_pattern(row["processor"]),
            row["vendor"],
            row["family"],
            row["model"],
            int(row["cores_per_socket"]) if row["cores_per_socket"] else None,
            row.where,
        )
        found.append((len(re.sub(r"[*?]", "", row["processor"])), rule))
    return [rule for _, rule in sorted(found, key=lambda entry: (-entry[0], entry[1].rule_id))]


def _wrong_with(row: Row) -> Iterator[str]:
    cores = row["cores_per_socket"]
    if not re.search(r"[^\W_]", row["processor"]):
        yield "processor is missing."
    if cores and not (cores.isascii() and cores.isdigit() and len(cores) <= 4 and 1 <= int(cores) <= MOST_CORES):
        yield f"cores_per_socket {cores!r} is no whole number from 1 to {MOST_CORES:,}."
