"""What a site's accepted corrections teach: spellings of products, whose a publisher is, how sure to be."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inventory_pipeline.catalog.folding import title_key, vendor_key
from inventory_pipeline.catalog.model import Action, Catalog
from inventory_pipeline.catalog.reading import Problems, read_rows

FEEDBACK_FILE = "curation_feedback.csv"
FEEDBACK_COLUMNS = ("key", "confidence", "accepted", "date")

_PLACEHOLDERS = re.compile(r"\{\w+\}|[*?]")
_SPREAD = 0.5
"""How far, in log-odds, a site is expected to be from the catalog that the model learnt from."""


def learned(catalog: Catalog) -> Catalog:
    """The catalog with what its site rules teach candidates: a rule's title is a spelling of its product, and a
    publisher whose rules all point at one vendor is that vendor. The rules themselves are asked before any model."""
    titles: dict[str, set[str]] = defaultdict(set)
    owners: dict[str, set[str]] = defaultdict(set)
    for rule in catalog.site_rules:
        if rule.action is not Action.normalize or rule.title.startswith("/"):
            continue
        key = title_key(_PLACEHOLDERS.sub(" ", rule.title))
        if key:
            titles[key].add(rule.product_id)
        if rule.publisher:
            owners[vendor_key(rule.publisher)].add(catalog.products[rule.product_id].vendor)
    if not titles and not owners:
        return catalog
    vendors = dict(catalog.vendors)
    vendors.update({key: next(iter(found)) for key, found in owners.items() if key and len(found) == 1})
    merged = {**catalog.titles, **{k: tuple(sorted({*catalog.titles.get(k, ()), *ids})) for k, ids in titles.items()}}
    return replace(catalog, titles=merged, vendors=vendors)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said about a suggestion: the confidence that it was shown with, and whether it was accepted."""

    confidence: float
    accepted: bool


def shift_of(verdicts: Iterable[Verdict]) -> float:
    """Log-odds by which a site's verdicts move confidence: 0 without any, down where suggestions were often wrong.

    The likeliest shift when shifts are expected to be small (normal, spread 0.5), so that a few verdicts move little.
    """
    shown = [(min(max(v.confidence, 0.02), 0.98), v.accepted) for v in verdicts]
    if not shown:
        return 0.0
    odds = np.log([c / (1 - c) for c, _ in shown])
    truth = np.array([accepted for _, accepted in shown], float)
    shift = 0.0
    for _ in range(25):
        guess = 1 / (1 + np.exp(-(odds + shift)))
        slope = float(np.sum(truth - guess)) - shift / _SPREAD**2
        shift += slope / (float(np.sum(guess * (1 - guess))) + 1 / _SPREAD**2)
    return round(float(np.clip(shift, -2, 2)), 4)


def read_verdicts(site_folder: Path | None) -> list[Verdict]:
    """Verdicts that `inventory accept` wrote beside a site's rules; none without the file.

    Raises ConfigurationError with file and line of rows that are not readable.
    """
    path = site_folder / FEEDBACK_FILE if site_folder else None
    if path is None or not path.is_file():
        return []
    problems = Problems()
    found: list[Verdict] = []
    for row in read_rows(path, FEEDBACK_COLUMNS):
        try:
            confidence = float(row["confidence"].replace(",", "."))
        except ValueError:
            problems.add(row.where, f"confidence {row['confidence']!r} is no number.")
            continue
        found.append(Verdict(confidence, row["accepted"].lower() in {"yes", "true", "1"}))
    problems.raise_any(str(path))
    return found


def with_verdicts(content: bytes, verdicts: Mapping[str, Verdict], day: str) -> bytes:
    """The content of a file of verdicts with further ones, by the key of the work list's entry."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if not content:
        writer.writerow(FEEDBACK_COLUMNS)
    for key, verdict in verdicts.items():
        writer.writerow([key, f"{verdict.confidence:.3f}", "yes" if verdict.accepted else "no", day])
    before = content if not content or content.endswith(b"\n") else content + b"\r\n"
    return before + text.getvalue().encode()
