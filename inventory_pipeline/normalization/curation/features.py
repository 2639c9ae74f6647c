"""What tells right candidates from wrong ones, as numbers: how much of the row a candidate leaves unexplained counts
most, then what the candidate has that the row has not, how near the names are, and who made it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inventory_pipeline.catalog.folding import fold, title_key, tokens
from inventory_pipeline.catalog.model import Kind, Product
from inventory_pipeline.catalog.titles import is_version
from inventory_pipeline.normalization.curation.index import best, trigrams
from inventory_pipeline.normalization.curation.lexicon import Lexicon
from inventory_pipeline.normalization.curation.rows import RowText

PRODUCT_FEATURES: tuple[str, ...] = (
    "similarity",
    "unexplained",
    "unexplained_share",
    "unexplained_most",
    "unexplained_words",
    "unexplained_everyday",
    "missing",
    "missing_share",
    "missing_words",
    "missing_numbers",
    "mistyped",
    "name_weight",
    "name_words",
    "agreement",
    "vendor_similarity",
    "vendor_known",
    "vendor_names",
    "tier",
    "is_part",
    "same_letters",
    "begins_with_name",
    "is_own_reading",
    "ahead",
    "near",
    "namesakes",
    "row_words",
)
READING_FEATURES: tuple[str, ...] = (
    "vendor_source",
    "vendor_names",
    "publisher_legal",
    "publisher_words",
    "publisher_in_title",
    "title_words",
    "title_weight",
    "unknown_share",
    "everyday_share",
    "edition_words",
    "numbers_left",
    "marks_left",
    "codes_left",
    "words_removed",
    "foreign_letters",
    "best_product",
    "best_of_vendor",
    "vendor_unexplained_share",
    "vendor_missing_share",
    "vendor_in_front",
    "vendor_mistyped",
    "title_known_of_others",
)
_AGREEMENT = {"conflict": 0.0, "unstated": 1.0, "title": 2.0, "publisher": 3.0}
_TIER = {"listed": 0.0, "derived": 1.0, "curated": 2.0, "site": 3.0}
_SOURCE = {"none": 0.0, "title": 1.0, "stated": 2.0, "known": 3.0}
_BEGINS = PRODUCT_FEATURES.index("begins_with_name")
_UNEXPLAINED_SHARE = PRODUCT_FEATURES.index("unexplained_share")
_MISSING_SHARE = PRODUCT_FEATURES.index("missing_share")
_MISTYPED = PRODUCT_FEATURES.index("mistyped")
_OVERALL, _OF_VENDOR, _LEAST = 6, 4, 0.2


@dataclass(slots=True)
class Candidate:
    """A product that a row may be, by one of its names."""

    product: Product
    name: str
    similarity: float
    agreement: str
    unexplained: tuple[str, ...]
    values: list[float]

    @property
    def is_misspelled(self) -> bool:
        """True when a row says all of this product's name and nothing else, but for a letter of an unknown word."""
        return (
            self.values[_MISTYPED] > 0
            and not self.unexplained
            and not self.values[_MISSING_SHARE]
            and self.agreement in {"publisher", "title"}
        )


def candidates(row: RowText, lexicon: Lexicon) -> list[Candidate]:
    """Products whose names are nearest to a row's, overall and of the row's own vendor, each once, with features."""
    scores = lexicon.names.scores(row.query)
    places = best(scores, _OVERALL, _LEAST)
    if row.vendor_source in {"known", "title"}:
        own = lexicon.names_of(row.vendor)
        places += [int(own[place]) for place in best(scores[own], _OF_VENDOR, _LEAST)]
    found: dict[str, tuple[float, int]] = {}
    for place in dict.fromkeys(places):
        for product in lexicon.owners(place):
            similarity = float(scores[place])
            if similarity > found.get(product.product_id, (-1.0, 0))[0]:
                found[product.product_id] = similarity, place
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    similarities = [similarity for _, (similarity, _) in ranked]
    made = []
    for product_id, (similarity, place) in ranked:
        others = [s for s in similarities if s != similarity] or [0.0]
        near = sum(abs(s - similarity) < 0.05 for s in similarities) - 1
        product = lexicon.catalog.products[product_id]
        made.append(_candidate(row, product, place, similarity, similarity - max(others), near, lexicon))
    return made


def _candidate(
    row: RowText, product: Product, place: int, similarity: float, ahead: float, near: int, lexicon: Lexicon
) -> Candidate:
    name = lexicon.names.names[place]
    words = name.split()
    joined = "".join(words)
    vendor_words = set(tokens(fold(product.vendor)))
    same_letters = "".join(row.content) == joined
    unexplained = () if same_letters else tuple(w for w in row.content if not _explains(w, words, joined, vendor_words))
    own = "".join(row.words)
    said = set(row.words) | row.publisher_words
    missing = [] if same_letters else [w for w in words if not _is_said(w, row.content, own, said)]
    weights = [lexicon.weight(w) for w in unexplained]
    lacking = [lexicon.weight(w) for w in missing]
    total = sum(lexicon.weight(w) for w in row.content) or 1.0
    name_weight = sum(lexicon.weight(w) for w in words)
    agreement = _agreement(row, product)
    values = [
        similarity,
        sum(weights),
        sum(weights) / total,
        max(weights, default=0.0),
        float(len(unexplained)),
        float(sum(w in lexicon.everyday for w in unexplained)),
        sum(lacking),
        sum(lacking) / (name_weight or 1.0),
        float(len(missing)),
        float(sum(is_version(w) for w in missing)),
        float(0 if same_letters else _mistyped(row, words, joined, vendor_words, lexicon)),
        name_weight,
        float(len(words)),
        _AGREEMENT[agreement],
        _alike(row.publisher_key, product.vendor_key),
        float(row.vendor_source == "known"),
        math.log1p(lexicon.products_of(product.vendor)),
        _TIER[product.origin],
        float(product.kind in {Kind.component, Kind.language_pack}),
        float(same_letters),
        float(row.content[: len(words)] == tuple(words)),
        float(title_key(row.title) == name),
        ahead,
        float(near),
        float(len(lexicon.catalog.titles[name])),
        float(len(row.content)),
    ]
    return Candidate(product, name, similarity, agreement, unexplained, values)


def _explains(word: str, words: list[str], joined: str, vendor_words: set[str]) -> bool:
    """Whether a name has a word of the row, also as a part of a longer one, or all but one letter of it."""
    if word in words or word in vendor_words or (len(word) > 3 and word in joined):
        return True
    return any(_nearly(word, other) for other in words)


def _mistyped(row: RowText, words: list[str], joined: str, vendor_words: set[str], lexicon: Lexicon) -> int:
    """Words of a row that no name of the catalog has, and that are nearly a word of this one."""
    return sum(
        not lexicon.is_known(w) and w not in vendor_words and w not in joined and any(_nearly(w, o) for o in words)
        for w in row.content
    )


def _is_said(word: str, content: tuple[str, ...], own: str, said: set[str]) -> bool:
    """Whether a row has a word of a name, also within a longer one, or all but one letter of it."""
    if word in said or (len(word) > 3 and word in own):
        return True
    return any(_nearly(word, other) for other in content)


def _nearly(one: str, other: str) -> bool:
    """Whether two words differ by one letter, or by two that changed places; short words never do."""
    if max(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1 or one[:2] != other[:2]:
        return False
    shorter = min(len(one), len(other))
    front = next((n for n in range(shorter) if one[n] != other[n]), shorter)
    back = next((n for n in range(shorter - front) if one[-1 - n] != other[-1 - n]), shorter - front)
    apart = max(len(one), len(other)) - front - back
    return apart <= 1 or (apart == 2 and one[front : front + 2] == other[front : front + 2][::-1])


def _agreement(row: RowText, product: Product) -> str:
    if row.publisher_key:
        if row.vendor == product.vendor or row.publisher_key in product.publisher_keys | {product.vendor_key}:
            return "publisher"
        return "conflict"
    if row.vendor_source == "title":
        return "title" if row.vendor == product.vendor else "conflict"
    return "unstated"


def _is_code(word: str) -> bool:
    """True for a word that mixes letters and digits (`qx42`, `py312`), as builds and models do."""
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word)


def _alike(one: str, other: str) -> float:
    """How alike two vendors' keys are: share of common trigrams."""
    if not one or not other:
        return 0.0
    first, second = set(trigrams(one)), set(trigrams(other))
    return 2 * len(first & second) / (len(first) + len(second))


def reading_values(row: RowText, found: list[Candidate], lexicon: Lexicon) -> list[float]:
    """Features of taking vendor and title from the row itself."""
    words = tokens(fold(row.title))
    content = lexicon.content_of(words)
    own = [c for c in found if c.agreement in {"publisher", "title"}]
    nearest = max(own, key=lambda c: c.similarity, default=None)
    key = title_key(row.title)
    others = [i for i in lexicon.catalog.titles.get(key, ()) if lexicon.catalog.products[i].vendor != row.vendor]
    return [
        _SOURCE[row.vendor_source],
        math.log1p(lexicon.products_of(row.vendor)),
        float(row.has_legal_form),
        float(len(row.publisher_words)),
        float(any(w in row.words for w in row.publisher_words)),
        float(len(words)),
        sum(lexicon.weight(w) for w in content),
        sum(not lexicon.is_known(w) for w in content) / (len(content) or 1),
        sum(w in lexicon.everyday for w in content) / (len(content) or 1),
        float(sum(w in lexicon.editions for w in words)),
        float(sum(is_version(w) for w in words)),
        float(sum(mark in row.title for mark in "()[]-,:/_")),
        float(sum(_is_code(w) for w in content)),
        float(len(row.words) - len(words)),
        float(not row.raw_title.isascii()),
        max((c.similarity for c in found), default=0.0),
        nearest.similarity if nearest else 0.0,
        nearest.values[_UNEXPLAINED_SHARE] if nearest else 1.0,
        nearest.values[_MISSING_SHARE] if nearest else 1.0,
        max((float(len(c.name.split())) for c in own if c.values[_BEGINS]), default=0.0),
        max((c.values[_MISTYPED] for c in own if not c.unexplained), default=0.0),
        float(len(others)),
    ]


def matrix(rows: list[list[float]], columns: tuple[str, ...]) -> np.ndarray:
    """Features as a matrix; without rows, one of no rows."""
    return np.array(rows, np.float32).reshape(len(rows), len(columns))
