"""Why the model says what it says, in one or two plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from inventory_pipeline.catalog.model import Product
from inventory_pipeline.normalization.curation.features import Candidate
from inventory_pipeline.normalization.curation.rows import RowText

_LONGEST = 400
_AGREES = {
    "publisher": "the publisher agrees",
    "title": "the title names the vendor",
    "unstated": "no publisher is stated",
    "conflict": "the publisher is another",
}
_EXPLAINED = {False: "every word is explained", True: "but for a letter that is its name"}
_SOURCE = {
    "known": "the vendor is known by its publisher",
    "title": "the title names the vendor",
    "stated": "the publisher is stated but not known",
    "none": "nothing says who made it",
}


def of_product(chosen: Candidate, others: Sequence[Product]) -> str:
    """Why a product of the catalog is the likeliest."""
    left = " ".join(chosen.unexplained)
    said = [
        f"Nearest in the catalog is {chosen.product.vendor} {chosen.product.title}",
        _AGREES[chosen.agreement],
        f"not explained: {left[:80]}" if left else _EXPLAINED[chosen.is_misspelled],
    ]
    also = "; ".join(f"{product.vendor} {product.title}" for product in others)
    return _cut(f"{', '.join(said)}." + (f" Also possible: {also}." if also else ""))


def of_other(product: Product) -> str:
    """Why a title that a known product has is not taken from another publisher."""
    return _cut(f"The title is that of {product.vendor} {product.title}, but the publisher is another.")


def of_reading(row: RowText, found: Sequence[Candidate]) -> str:
    """Why vendor and title are taken from the row itself."""
    near = max(found, key=lambda candidate: candidate.similarity, default=None)
    nearest = f" Nearest there: {near.product.vendor} {near.product.title}." if near else ""
    return _cut(f"Vendor and title as the row states them; {_SOURCE[row.vendor_source]}; not in the catalog.{nearest}")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
