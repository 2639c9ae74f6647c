"""A raw row as curation reads it: its words by what they say, and vendor and title as far as it gives them itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inventory_pipeline.catalog.folding import fold, tokens, vendor_key
from inventory_pipeline.catalog.vendors import clean_vendor
from inventory_pipeline.normalization.curation.lexicon import Lexicon
from inventory_pipeline.normalization.parsing import clean_title

VendorSource = Literal["none", "stated", "title", "known"]
_LEGAL = frozenset(
    "inc llc ltd limited corp corporation co company gmbh ag sa sas srl spa bv nv ab oy plc kg".split()  # noqa: SIM905
)
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class RowText:
    """A title and publisher, read.

    `words`: all of the title; `content`: those that may tell products apart, without the vendor's name in front.
    `vendor` and `title`: what the row says by itself, `vendor_source`: whether the vendor is one that the catalog
    knows, named by the title, only stated, or none. `query`: the text by which names are looked for.
    """

    raw_title: str
    publisher_key: str
    publisher_words: frozenset[str]
    has_legal_form: bool
    words: tuple[str, ...]
    content: tuple[str, ...]
    vendor: str
    vendor_source: VendorSource
    title: str
    query: str


def read_row(title: str, publisher: str, lexicon: Lexicon) -> RowText:
    """Reads a row against the words of a catalog."""
    words = tokens(fold(title)[:_LONGEST])
    key = vendor_key(publisher[:500])
    stated = lexicon.reader.is_stated(key) and not lexicon.reader.is_packager(key)
    known = lexicon.catalog.vendors.get(key, "") if stated else ""
    in_front, taken = lexicon.reader.vendor_in_front(words)
    if taken >= len(words) or (stated and known != in_front):
        in_front, taken = "", 0
    publisher_words = tokens(fold(publisher)) if stated else []
    rest = words[taken:]
    content = lexicon.content_of(rest) or rest or words
    if known:
        vendor, source = known, "known"
    elif stated:
        vendor, source = clean_vendor(publisher) or "", "stated"
    elif in_front:
        vendor, source = in_front, "title"
    else:
        vendor, source = "", "none"
    return RowText(
        raw_title=title,
        publisher_key=key if stated else "",
        publisher_words=frozenset(w for w in publisher_words if w not in _LEGAL),
        has_legal_form=any(word in _LEGAL for word in publisher_words),
        words=tuple(words),
        content=tuple(content),
        vendor=vendor,
        vendor_source=source if vendor else "none",
        title=clean_title(title, in_front, taken),
        query=" ".join(content),
    )
