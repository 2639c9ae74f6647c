"""A site's own rules about device models, in `site_models` (.csv, .tsv, .yaml) of its folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from inventory_pipeline.catalog.folding import fold
from inventory_pipeline.catalog.reading import Problems, Row

SITE_MODEL_COLUMNS: tuple[str, ...] = (
    "rule_id",
    "manufacturer",
    "model",
    "vendor",
    "device_type",
    "family",
    "model_name",
    "note",
)
"""`manufacturer` and `model`: what sources say, with `*` for any text and `?` for one character. The others: what it
is; empty ones are found as without the rule."""
DEVICE_TYPES: tuple[str, ...] = (
    "all in one",
    "appliance",
    "convertible",
    "desktop",
    "laptop",
    "mini pc",
    "phone",
    "server",
    "tablet",
    "thin client",
    "virtual machine",
)
_OUTCOMES = ("vendor", "device_type", "family", "model_name")


@dataclass(frozen=True, slots=True)
class ModelRule:
    """A rule about device models: patterns over folded manufacturer and model, and what such devices are."""

    rule_id: str
    manufacturer: re.Pattern[str]
    model: re.Pattern[str]
    vendor: str
    device_type: str
    family: str
    model_name: str
    where: str


def read_model_rules(rows: Iterable[Row], problems: Problems) -> list[ModelRule]:
    """Rules of rows in `SITE_MODEL_COLUMNS`, those that ask for more first.

    What is wrong goes to `problems` with file and line; such rows are left out.
    """
    found: list[tuple[int, ModelRule]] = []
    for rule_id, row in usable_rows(rows, _OUTCOMES, _wrong_with, problems):
        asked = len(re.sub(r"[*?]", "", row["model"])) + len(re.sub(r"[*?]", "", row["manufacturer"]))
        rule = ModelRule(
            rule_id,
            wildcard_pattern(row["manufacturer"]),
            wildcard_pattern(row["model"]),
            row["vendor"],
            row["device_type"].lower(),
            row["family"],
            row["model_name"],
            row.where,
        )
        found.append((asked, rule))
    return [rule for _, rule in sorted(found, key=lambda entry: (-entry[0], entry[1].rule_id))]


def _wrong_with(row: Row) -> Iterator[str]:
    if not row["manufacturer"] and not row["model"]:
        yield "manufacturer and model are both missing."
    if row["device_type"] and row["device_type"].lower() not in DEVICE_TYPES:
        yield f"device_type {row['device_type']!r} is unknown; known are {', '.join(DEVICE_TYPES)}."


def usable_rows(
    rows: Iterable[Row], outcomes: Sequence[str], wrong_with: Callable[[Row], Iterator[str]], problems: Problems
) -> Iterator[tuple[str, Row]]:
    """Rows of rules that say something, each with an id of its own; what is wrong with others goes to `problems`."""
    seen: dict[str, str] = {}
    for row in rows:
        rule_id = row["rule_id"] or f"site:{row.line}"
        wrong = list(wrong_with(row))
        if not any(row[column] for column in outcomes):
            wrong.append(f"says nothing; fill one of {', '.join(outcomes)}.")
        if rule_id in seen:
            wrong.append(f"rule_id {rule_id!r} was used before, at {seen[rule_id]}.")
        for message in wrong:
            problems.add(row.where, message)
        if not wrong:
            seen[rule_id] = row.where
            yield rule_id, row


def wildcard_pattern(text: str) -> re.Pattern[str]:
    """A pattern over a folded text; nothing asked for matches everything."""
    return re.compile(re.escape(fold(text)).replace(r"\*", ".*").replace(r"\?", ".") if text else ".*", re.DOTALL)
