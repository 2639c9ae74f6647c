"""What curation knows of a catalog's words: how rare each is, and which names are whose."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from inventory_pipeline.catalog.model import Catalog, Product
from inventory_pipeline.catalog.titles import TitleReader, is_version
from inventory_pipeline.normalization.curation.index import NameIndex, build_index

_MOST_OWNERS = 8
_Places = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Lexicon:
    """Indexes over the names of a catalog that candidates are found by. Follows from the catalog alone."""

    catalog: Catalog

    @cached_property
    def reader(self) -> TitleReader:
        """Reads titles."""
        return TitleReader(self.catalog)

    @cached_property
    def names(self) -> NameIndex:
        """All titles of products, by similarity."""
        return build_index([name for name in self.catalog.titles if len(name) > 1])

    @cached_property
    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for name in self.names.names:
            counts.update(set(name.split()))
        return counts

    def weight(self, word: str) -> float:
        """How rare a word is among names: 1 for a word that none has, less for everyday ones."""
        found = self._weights.get(word)
        if found is None:
            most = math.log(len(self.names.names) + 1)
            found = self._weights[word] = math.log((len(self.names.names) + 1) / (self._counts.get(word, 0) + 1)) / most
        return found

    @cached_property
    def _weights(self) -> dict[str, float]:
        return {}

    def is_known(self, word: str) -> bool:
        """True for a word that some name has."""
        return word in self._counts

    def owners(self, number: int) -> list[Product]:
        """Products that carry a name, by its number in the index."""
        ids = self.catalog.titles[self.names.names[number]][:_MOST_OWNERS]
        return [self.catalog.products[product_id] for product_id in ids]

    def names_of(self, vendor: str) -> _Places:
        """Numbers of the names of a vendor's products."""
        return self._names_of_vendor.get(vendor, np.empty(0, np.int32))

    def products_of(self, vendor: str) -> int:
        """How many names the catalog has of a vendor."""
        return len(self.names_of(vendor))

    @cached_property
    def _names_of_vendor(self) -> dict[str, _Places]:
        found: dict[str, set[int]] = defaultdict(set)
        for name, ids in self.catalog.titles.items():
            number = self.names.numbers.get(name)
            if number is not None:
                for product_id in ids:
                    found[self.catalog.products[product_id].vendor].add(number)
        return {vendor: np.array(sorted(numbers), np.int32) for vendor, numbers in found.items()}

    @cached_property
    def decoration(self) -> frozenset[str]:
        """Words that say nothing about which product it is."""
        words = self.catalog.words
        groups = ("architecture", "channel", "noise", "language")
        return frozenset(w for name in groups for w in words.get(name, ()) if " " not in w) | {"bit"}

    @cached_property
    def _phrases(self) -> frozenset[tuple[str, ...]]:
        """Decoration of several words (en-US, 64 bit)."""
        words = self.catalog.words
        groups = ("architecture", "channel", "noise", "language")
        return frozenset(tuple(p.split()) for name in groups for p in words.get(name, ()) if " " in p)

    def content_of(self, words: list[str]) -> list[str]:
        """Words of a title that may tell products apart: no versions, no decoration, also none of several words."""
        kept, place = [], 0
        while place < len(words):
            count = next((n for n in (4, 3, 2) if tuple(words[place : place + n]) in self._phrases), 0)
            if not count and self.is_content(words[place]):
                kept.append(words[place])
            place += count or 1
        return kept

    def is_content(self, word: str) -> bool:
        """True for a word that may tell products apart: no version, no decoration."""
        return word not in self.decoration and not is_version(word)

    @cached_property
    def everyday(self) -> frozenset[str]:
        """Everyday words of software's names (manager, tool) and names of parts."""
        words = self.catalog.words
        return frozenset(w for name in ("common", "part") for w in words.get(name, ()))

    @cached_property
    def editions(self) -> frozenset[str]:
        """Words of editions."""
        return frozenset(w for w in self.catalog.words.get("edition", ()) if " " not in w)
