"""Auto-curation of what rules leave undecided: the likeliest product, or what the row says itself, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from inventory_pipeline.catalog.folding import fold, slug, tokens
from inventory_pipeline.catalog.model import Catalog, Kind, Product
from inventory_pipeline.normalization.curation.evidence import of_other, of_product, of_reading
from inventory_pipeline.normalization.curation.features import (
    PRODUCT_FEATURES,
    READING_FEATURES,
    Candidate,
    candidates,
    matrix,
    reading_values,
)
from inventory_pipeline.normalization.curation.learning import learned
from inventory_pipeline.normalization.curation.lexicon import Lexicon
from inventory_pipeline.normalization.curation.model import MODEL_FILE, CurationModel, load_model
from inventory_pipeline.normalization.curation.rows import RowText, read_row
from inventory_pipeline.normalization.decider import Decider
from inventory_pipeline.normalization.decision import Decision
from inventory_pipeline.normalization.parsing import is_name
from inventory_pipeline.normalization.versions import clean_version

THRESHOLD = 0.95
"""Confidence from which on a row counts as normalized unless the configuration says otherwise."""
HIGHEST = 0.975
"""What a model says is never surer than what a rule says."""
_NO_NAME = 0.3
_WORTH_SAYING = 0.1
"""A product of the catalog that is less likely than this is not suggested."""
_CHUNK = 4_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What an adviser is told of a row: title, publisher, version; nothing else leaves."""

    title: str
    publisher: str
    version: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What an adviser suggests."""

    vendor: str
    title: str


class Adviser(Protocol):
    """Somebody else who suggests what undecided rows are; a suggestion of an adviser never decides."""

    @property
    def name(self) -> str:
        """Who it is, at the beginning of a sentence."""
        ...

    def advise(self, rows: Sequence[Asked]) -> list[Advice | None]:
        """A suggestion per row, in order, or None."""
        ...


@dataclass(frozen=True)
class Curation:
    """How auto-curation is done: hand it to `normalize_software`.

    `threshold`: confidence at or above which a row counts as normalized, 0.5 to 1. `shift`: log-odds by which
    accepted and corrected suggestions of the site move every confidence (see `learning.shift_of`). `adviser` is asked
    about what stays below the threshold, for suggestions.
    """

    threshold: float = THRESHOLD
    shift: float = 0.0
    adviser: Adviser | None = None
    model_file: Path = field(default=MODEL_FILE)

    @property
    def model(self) -> CurationModel:
        """The model."""
        return load_model(self.model_file)

    def curate(
        self, statements: Sequence[Asked], catalog: Catalog, installs: Sequence[int] | None = None
    ) -> list[Decision]:
        """A decision for each statement, in order: by the model where it is sure enough, else a suggestion.

        `installs`: how often each is installed; an adviser is asked about the most frequent first.

        `decided_by` is `model` at or above the threshold and `parsed` below. The same statements with the same
        catalog and model give the same decisions, in any order and company, as long as no adviser is asked.
        """
        known = learned(catalog)
        lexicon, decider = Lexicon(known), Decider(known)
        decisions: list[Decision] = []
        for start in range(0, len(statements), _CHUNK):
            decisions += self._chunk(statements[start : start + _CHUNK], lexicon, decider)
        if self.adviser is not None:
            self._ask(self.adviser, statements, decisions, installs or [0] * len(statements))
        return decisions

    def _chunk(self, statements: Sequence[Asked], lexicon: Lexicon, decider: Decider) -> list[Decision]:
        read: dict[tuple[str, str], int] = {}
        numbers = [read.setdefault((s.title, s.publisher), len(read)) for s in statements]
        rows = [read_row(title, publisher, lexicon) for title, publisher in read]
        found = [candidates(row, lexicon) for row in rows]
        sure_of_product = self._sure_of_products(found)
        readings = matrix([reading_values(r, c, lexicon) for r, c in zip(rows, found, strict=True)], READING_FEATURES)
        model = self.model
        sure_of_reading = model.reading_calibration.apply(model.reading_log_odds(readings) + self.shift)
        made: list[Decision] = []
        for statement, number in zip(statements, numbers, strict=True):
            row, by_product = rows[number], sure_of_product[number]
            by_reading = min(float(sure_of_reading[number]), HIGHEST) if row.vendor and row.title else 0.0
            misspelled = [n for n, candidate in enumerate(found[number]) if candidate.is_misspelled]
            first = max(misspelled or range(len(by_product)), key=by_product.__getitem__, default=-1)
            if misspelled:
                # A vendor with two products whose names differ by a letter is rarer than a slip of the pen.
                by_reading = 0.0
            if first >= 0 and by_product[first] >= max(by_reading, _WORTH_SAYING):
                made.append(self._product(statement, row, found[number], by_product, first, decider))
            else:
                made.append(self._reading(statement, row, found[number], by_reading, lexicon))
        return made

    def _sure_of_products(self, found: list[list[Candidate]]) -> list[list[float]]:
        """Confidence in every candidate of every row."""
        model = self.model
        values = matrix([c.values for group in found for c in group], PRODUCT_FEATURES)
        sure = np.minimum(model.product_calibration.apply(model.product_log_odds(values) + self.shift), HIGHEST)
        ends = np.cumsum([len(group) for group in found])
        return [part.tolist() for part in np.split(sure, ends[:-1])] if found else []

    def _product(
        self, statement: Asked, row: RowText, found: list[Candidate], sure: list[float], first: int, decider: Decider
    ) -> Decision:
        chosen, confidence = found[first], round(sure[first], 3)
        others = [found[n].product for n in sorted(range(len(found)), key=lambda n: (-sure[n], n)) if n != first][:2]
        says = of_product(chosen, others)
        rule_id = f"model:{self.model.version}"
        if confidence >= self.threshold:
            product = chosen.product
            decision = decider.taken(product, statement.title, statement.version, rule_id, confidence, says)
            decision.decided_by = "model"
            return decision
        return Decision(
            vendor=row.vendor if row.vendor_source in {"known", "title"} else None,
            version=clean_version(statement.version),
            decided_by="parsed",
            confidence=confidence,
            level="vendor" if row.vendor_source in {"known", "title"} else "none",
            evidence=says,
            suggestion_vendor=chosen.product.vendor,
            suggestion_title=chosen.product.title,
        )

    def _reading(
        self, statement: Asked, row: RowText, found: list[Candidate], sure: float, lexicon: Lexicon
    ) -> Decision:
        taken = _owner(row, lexicon)
        confidence = round(sure if is_name(row.title) and taken is None else min(sure, _NO_NAME), 3)
        decision = Decision(
            vendor=row.vendor if row.vendor_source in {"known", "title"} else None,
            version=clean_version(statement.version),
            decided_by="parsed",
            confidence=confidence,
            level="vendor" if row.vendor_source in {"known", "title"} else "none",
            evidence=of_other(taken) if taken else of_reading(row, found),
            suggestion_vendor=row.vendor or None,
            suggestion_title=row.title or None,
        )
        product_id = f"{slug(row.vendor)}/{slug(row.title)}"
        if confidence >= self.threshold and not product_id.startswith("/") and not product_id.endswith("/"):
            decision.product_id, decision.vendor, decision.title = product_id, row.vendor, row.title
            decision.kind = _kind(row.title, lexicon)
            decision.decided_by, decision.rule_id = "model", f"model:{self.model.version}"
            decision.level = "version" if decision.version else "title"
            decision.suggestion_vendor = decision.suggestion_title = None
        return decision

    @staticmethod
    def _ask(adviser: Adviser, statements: Sequence[Asked], decisions: list[Decision], installs: Sequence[int]) -> None:
        undecided = (n for n, decision in enumerate(decisions) if decision.decided_by == "parsed")
        open_rows = sorted(undecided, key=lambda n: (-installs[n], n))
        advice = adviser.advise([statements[n] for n in open_rows])
        for number, said in zip(open_rows, advice, strict=True):
            if said is not None:
                decision = decisions[number]
                decision.suggestion_vendor, decision.suggestion_title = said.vendor or None, said.title
                decision.evidence = f"{adviser.name} suggests this. {decision.evidence}"


def _owner(row: RowText, lexicon: Lexicon) -> Product | None:
    """The product whose whole title a row has, from another publisher: hardly a product of that publisher."""
    match = lexicon.reader.match(list(row.words), row.publisher_key)
    if match is None or match.agreement != "conflict" or match.unexplained:
        return None
    return match.product if match.product.origin in {"curated", "site"} else None


def _kind(title: str, lexicon: Lexicon) -> Kind:
    """What a product that the catalog does not have is, as far as its words say."""
    words = tokens(fold(title))
    if "driver" in words or "drivers" in words:
        return Kind.driver
    if words and words[-1] in lexicon.catalog.words.get("part", frozenset()):
        return Kind.component
    return Kind.unknown


def curate_table(distinct: pa.Table, decided: pa.Table, catalog: Catalog, curation: Curation) -> pa.Table:
    """The decisions of rules, with those of curation in the place of what only parsing could say.

    `distinct`: the statements, `decided`: their decisions, both in the same order. Rows that a rule decided, or that
    none may decide, stay as they are.
    """
    from inventory_pipeline.normalization.decision import decisions_table

    places = [n for n, by in enumerate(decided.column("decided_by").to_pylist()) if by == "parsed"]
    if not places:
        return decided
    numbers = pa.array(places, pa.int64())
    texts = [_texts(distinct, name, numbers) for name in ("title", "publisher", "version")]
    column = "devices" if "devices" in distinct.column_names else "installs"
    known = column in distinct.column_names
    installs = [int(n or 0) for n in distinct.column(column).take(numbers).to_pylist()] if known else None
    made = curation.curate([Asked(*values) for values in zip(*texts, strict=True)], catalog, installs)
    table = decisions_table(decided.column("software_key").take(numbers), made)
    order = np.arange(decided.num_rows, dtype=np.int64)
    order[np.array(places)] = decided.num_rows + np.arange(len(places))
    return pa.concat_tables([decided, table]).take(pa.array(order))


def _texts(distinct: pa.Table, name: str, numbers: pa.Array) -> Iterator[str]:
    if name not in distinct.column_names:
        return iter([""] * len(numbers))
    return iter([value or "" for value in distinct.column(name).take(numbers).to_pylist()])
