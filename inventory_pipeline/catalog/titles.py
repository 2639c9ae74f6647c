"""Titles understood: which product of the catalog a title names, and what its other words say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from inventory_pipeline.catalog.folding import title_key, vendor_key
from inventory_pipeline.catalog.model import Catalog, Kind, Product

Agreement = Literal["publisher", "title", "unstated", "conflict"]

_TRUST = {"listed": 0, "derived": 1, "curated": 2, "site": 2}
"""How far the spelling of a product of each origin is that of uninstall lists."""

_AGREEMENTS: tuple[Agreement, ...] = ("conflict", "unstated", "title", "publisher")

LONGEST_NAME = 16
"""Words of the longest product name that is looked for."""

_VERSION_WORD = re.compile(
    r"(?![234]d$)v?\.?\d+(?:\.[0-9a-z]+)*[a-z]?\+?|\d+u\d+[a-z\d.]*|xe\d{1,2}|sp\d+|go\d[\d.]*|r\d+(?:\.\d+)*|x\d{1,2}|cs\d(?:\.\d)?|xi|x|dc|cc|r20\d\d[ab]|v\d+i"
    r"|(?:alpha|beta|rc|preview|pre|dev|snapshot|ea|canary|nightly)\.\d+(?:\.\d+)*"
    r"|st\d+|xp|vista|b\d+|rc\d*|sr\d|u\d+|(?=[0-9a-f]*\d)[0-9a-f]{7,40}"
)
_YEAR = re.compile(r"(?:19[89]|20[0-4])\d")
_PACKAGERS = ("debian", "ubuntu")
"""Distributions whose packages name a team as publisher (Debian GNOME Maintainers)."""

_KB = re.compile(r"[ -]*\(?kb ?\d{5,8}(?: v\d)?\)?")


@lru_cache(maxsize=100_000)
def is_version(word: str) -> bool:
    """True for a word that looks like a version (`24.08`, `v2`, `sp1`, `r2023a`)."""
    return _VERSION_WORD.fullmatch(word) is not None


def _longest_by_first(phrases: Iterable[str], most: int) -> dict[str, int]:
    longest: dict[str, int] = {}
    for phrase in phrases:
        first, blank, rest = phrase.partition(" ")
        count = min(rest.count(" ") + 2, most) if blank else 1
        if count > longest.get(first, 0):
            longest[first] = count
    return longest


@dataclass(frozen=True, slots=True)
class TitleMatch:
    """A product that a title names.

    `unexplained`: words that are neither the product's name nor known decoration; a sure match has none.
    `name`: words of the title that are the name; `rest`: those behind it. `whole`: there
    are no others.
    """

    product: Product
    agreement: Agreement
    unexplained: tuple[str, ...]
    edition: str = ""
    name: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    whole: bool = False
    guessed_edition: bool = False
    name_words: int = 1


@dataclass(frozen=True)
class TitleReader:
    """Reads titles against a catalog. Holds only indexes that follow from the catalog, so it is as pure as it."""

    catalog: Catalog

    @cached_property
    def _decoration(self) -> frozenset[str]:
        words = self.catalog.words
        return frozenset().union(*(words.get(name, ()) for name in ("architecture", "channel", "noise", "language")))

    @cached_property
    def _architectures(self) -> frozenset[str]:
        return frozenset(w for w in self.catalog.words.get("architecture", ()) if " " not in w) | {"bit"}

    @cached_property
    def _editions(self) -> frozenset[str]:
        return self.catalog.words.get("edition", frozenset())

    @cached_property
    def _common(self) -> frozenset[str]:
        return self.catalog.words.get("common", frozenset())

    def is_stated(self, publisher_key: str) -> bool:
        """True when a publisher says who made the software: neither empty, a placeholder nor a packager."""
        if publisher_key.startswith(_PACKAGERS) and publisher_key not in self.catalog.vendors:
            return False
        return bool(publisher_key) and publisher_key not in self._unstated

    def agrees(self, product: Product, publisher_key: str) -> bool:
        """True when a publisher is that of a product, or none is stated."""
        stated = self.is_stated(publisher_key)
        vendor = self.catalog.vendors.get(publisher_key, "") if stated else ""
        return self._agreement(product, publisher_key, vendor, stated, "") != "conflict"

    def is_distributor(self, publisher_key: str) -> bool:
        """True for those who also build packages of other people's software (Red Hat, Canonical)."""
        return publisher_key in self._distributors

    def is_packager(self, publisher_key: str) -> bool:
        """True for those who do nothing but pack other people's software (Fedora Project, Debian teams)."""
        if publisher_key.startswith(_PACKAGERS):
            return publisher_key not in self.catalog.vendors
        return publisher_key in self._packagers

    @cached_property
    def _packagers(self) -> frozenset[str]:
        return frozenset(vendor_key(word) for word in self.catalog.words.get("packager", ()))

    def are_parts(self, words: Sequence[str]) -> bool:
        """True when words say nothing but that something is a part of a product (Update Helper, Add-in)."""
        place = 0
        while place < len(words):
            for count in range(min(3, len(words) - place), 0, -1):
                if " ".join(words[place : place + count]) in self._parts:
                    place += count
                    break
            else:
                return False
        return bool(words)

    @cached_property
    def _longest(self) -> dict[str, int]:
        """First word of a product's name to the number of words of the longest name that begins with it."""
        return _longest_by_first(self.catalog.titles, LONGEST_NAME)

    @cached_property
    def _longest_vendor(self) -> dict[str, int]:
        return _longest_by_first(self.catalog.vendor_phrases, 4)

    @cached_property
    def _phrase_starts(self) -> frozenset[str]:
        """First words of decorations and editions of several words."""
        return frozenset(p.split(" ", 1)[0] for p in (*self._decoration, *self._editions) if " " in p)

    @cached_property
    def vendor_labels(self) -> dict[str, str]:
        """Vendors by the words of their names without blanks, as domains and package names have them."""
        labels: dict[str, str] = {}
        for phrase, vendor in (*self.catalog.vendor_phrases.items(), *self.catalog.vendors.items()):
            labels.setdefault(re.sub(r"[^a-z0-9]", "", phrase), vendor)
        labels.pop("", None)
        return labels

    @cached_property
    def _parts(self) -> frozenset[str]:
        return self.catalog.words.get("part", frozenset())

    @cached_property
    def _distributors(self) -> frozenset[str]:
        return frozenset(vendor_key(word) for word in self.catalog.words.get("distributor", ()))

    @cached_property
    def _unstated(self) -> frozenset[str]:
        words = self.catalog.words
        return frozenset(vendor_key(w) for name in ("publisher_unknown", "packager") for w in words.get(name, ()))

    def version_words(self, words: Sequence[str]) -> tuple[str, ...]:
        """Those words that look like versions."""
        return tuple(
            word
            for number, word in enumerate(words)
            if is_version(word)
            and not (
                word in {"32", "64"} and tuple(words[number + 1 : number + 2]) in (("bit",), ("bits",), ("octets",))
            )
            and not (word == "64" and tuple(words[number - 1 : number]) == ("x86",))
        )

    def vendor_in_front(self, words: list[str]) -> tuple[str, int]:
        """The vendor whose name a title begins with, and how many words it takes; ("", 0) when there is none."""
        return next(self._vendors_in_front(words), ("", 0))

    def _vendors_in_front(self, words: list[str]) -> Iterator[tuple[str, int]]:
        longest = self._longest_vendor.get(words[0], 0) if words else 0
        for count in range(min(longest, len(words)), 0, -1):
            vendor = self.catalog.vendor_phrases.get(" ".join(words[:count]))
            if vendor:
                yield vendor, count

    def match(self, words: list[str], publisher_key: str) -> TitleMatch | None:
        """The product that a title names, by its words (`folding.tokens`) and its publisher's key.

        The best of all readings: with or without a vendor in front, with or without versions and architectures
        inside the name. None when no product's name is in front.
        """
        stated = self.is_stated(publisher_key)
        vendor = self.catalog.vendors.get(publisher_key, "") if stated else ""
        fronts = [("", 0), *self._vendors_in_front(words)]
        best: tuple[tuple[int, ...], TitleMatch] | None = None
        for in_front, start in fronts:
            tail = words[start:]
            if not tail:
                continue
            for reading in self._readings(tail):
                if reading is not tail and best and best[0][0] and best[1].agreement == "publisher" and best[1].whole:
                    continue
                for found in self._named(reading, tail, publisher_key, vendor, stated, in_front, start):
                    # Sure readings first, then agreement, then longer names; ids last, so that ties are stable.
                    rank = (
                        not found.unexplained,
                        # A list's name behind a vendor's counts no more than a whole name that nothing contradicts.
                        1
                        if found.agreement == "title" and found.product.origin == "listed"
                        else _AGREEMENTS.index(found.agreement),
                        found.name_words,
                        found.whole,
                        _TRUST[found.product.origin],
                    )
                    if (
                        best is None
                        or rank > best[0]
                        or (rank == best[0] and found.product.product_id < best[1].product.product_id)
                    ):
                        best = rank, found
        return best[1] if best else None

    def _readings(self, tail: list[str]) -> list[list[str]]:
        """The words as they stand, without years (which stand inside of names that have numbers of their own), and
        without anything that looks like a version or an architecture."""
        plain = [w for w in tail if w not in self._architectures and not is_version(w)]
        if len(plain) == len(tail):
            return [tail]
        without_years = [w for w in tail if not _YEAR.fullmatch(w)]
        if len(without_years) in (len(tail), len(plain)):
            return [tail, plain]
        return [tail, without_years, plain]

    def _named(
        self,
        reading: list[str],
        tail: list[str],
        publisher_key: str,
        vendor: str,
        stated: bool,
        in_front: str,
        start: int,
    ) -> list[TitleMatch]:
        titles = self.catalog.titles
        found: list[TitleMatch] = []
        longest = self._longest.get(reading[0], 0) if reading else 0
        for count in range(min(longest, len(reading)), 0, -1):
            ids = titles.get(" ".join(reading[:count]))
            if not ids:
                continue
            for product_id in ids[:50]:
                product = self.catalog.products[product_id]
                agreement = self._agreement(product, publisher_key, vendor, stated, in_front)
                # One conflicting product is enough to say why nothing was taken.
                if agreement == "conflict" and (start or found):
                    continue
                edition, unexplained, guessed = self._explain(product, reading[count:])
                edition = edition if edition and not guessed else self._edition_in(product, reading[:count]) or edition
                if not edition and reading is not tail:
                    edition = self._edition_by_word(product, reading[:count])
                found.append(
                    TitleMatch(
                        product=product,
                        agreement=agreement,
                        unexplained=unexplained,
                        edition=edition,
                        name=tuple(reading[:count]),
                        rest=tuple(reading[count:] if reading is tail else tail),
                        whole=len(tail) == count and reading is tail,
                        guessed_edition=guessed,
                        name_words=count,
                    )
                )
            if any(m.agreement != "conflict" for m in found):
                break
        return found

    def _agreement(self, product: Product, publisher_key: str, vendor: str, stated: bool, in_front: str) -> Agreement:
        if stated:
            if (
                vendor == product.vendor
                or publisher_key in product.publisher_keys
                or (vendor and product.publisher_keys and vendor_key(vendor) in product.publisher_keys)
                or publisher_key == product.vendor_key
            ):
                return "publisher"
            if vendor and vendor == self.catalog.vendors.get(product.vendor_key):
                return "publisher"
            # A publisher that is the vendor's name with more or fewer words (Mozilla, Mozilla Online Ltd).
            key = product.vendor_key
            if (
                not vendor
                and min(len(key), len(publisher_key)) >= 5
                and (key.startswith(publisher_key) or publisher_key.startswith(key))
            ):
                return "publisher"
            return "conflict"
        if in_front:
            return "title" if in_front == product.vendor else "conflict"
        return "unstated"

    def _explain(self, product: Product, rest: list[str]) -> tuple[str, tuple[str, ...], bool]:
        """Edition, words without explanation, and whether the edition is not one of the product's known ones."""
        own = self._editions_of(product)
        edition, guessed, unexplained, place = "", False, [], 0
        while place < len(rest):
            longest = 4 if own or rest[place] in self._phrase_starts else 1
            for count in range(min(longest, len(rest) - place), 0, -1):
                phrase = " ".join(rest[place : place + count])
                # The Enterprise Edition is the edition Enterprise.
                named = own.get(phrase) or own.get(phrase.removesuffix(" edition"))
                if named:
                    edition = f"{edition} {named}" if edition and not guessed else named
                    guessed = False
                elif phrase in self._decoration or (count == 1 and is_version(phrase)):
                    pass
                elif phrase in self._editions:
                    if not edition:
                        edition, guessed = phrase.title(), True
                else:
                    continue
                place += count
                break
            else:
                unexplained.append(rest[place])
                place += 1
        return edition, tuple(unexplained), guessed

    def _editions_of(self, product: Product) -> dict[str, str]:
        """Title key to spelling of the editions of a product."""
        if not product.editions:
            return {}
        own = self._known_editions.get(product.product_id)
        if own is None:
            own = self._known_editions[product.product_id] = {title_key(e): e for e in product.editions}
        return own

    @cached_property
    def _known_editions(self) -> dict[str, dict[str, str]]:
        return {}

    def numbers(self, match: TitleMatch) -> tuple[str, ...]:
        """Words that look like versions: those in the name that its product's title has not, then those behind it."""
        own = set(title_key(match.product.title).split())
        return (*(w for w in self.version_words(match.name) if w not in own), *self.version_words(match.rest))

    def edition_among(self, product: Product, words: list[str]) -> str:
        """The longest edition of a product that is anywhere among words; empty when there is none."""
        text = f" {' '.join(words)} "
        own = self._editions_of(product)
        return (
            own[max((key for key in own if f" {key} " in text), key=len)] if any(f" {k} " in text for k in own) else ""
        )

    def _edition_in(self, product: Product, name: list[str]) -> str:
        """An edition that is part of the spelling of a name (Visual Studio Professional)."""
        own = self._editions_of(product)
        if not own:
            return ""
        title = title_key(product.title).split()
        rest = name[len(title) :] if name[: len(title)] == title else [w for w in name if w not in title]
        return own.get(" ".join(w for w in rest if not _VERSION_WORD.fullmatch(w)), "")

    def _edition_by_word(self, product: Product, name: list[str]) -> str:
        """What a longer spelling of a name has behind the title, when that is the word of an edition."""
        title = title_key(product.title).split()
        rest = " ".join(name[len(title) :]) if name[: len(title)] == title else ""
        return rest.title() if rest in self._editions else ""

    def is_distinctive(self, match: TitleMatch, words: list[str]) -> bool:
        """True when a name identifies its product without any word about the vendor: no short or everyday name,
        and no other product (for a curated one: no other curated product) has it."""
        name = " ".join(words[: match.name_words])
        key = " ".join(match.name)
        others = [self.catalog.products[i] for i in self.catalog.titles.get(key, ()) if i != match.product.product_id]
        if match.product.origin == "listed":
            return False
        if match.product.origin != "derived":
            others = [product for product in others if _TRUST[product.origin] > 1]
        if others or len(name) < 5 or name in self._common or key in self._common:
            return False
        if title_key(match.product.title) not in self._common:
            return True
        # Longer spellings of an everyday title say enough by words of their own (Go Programming Language).
        return sum(word not in self._common and not is_version(word) for word in match.name) >= 2

    def marked(self, folded: str) -> tuple[Kind, str, str] | None:
        """For a title that says that it is an update or a language pack: the kind, the title of the product that
        it belongs to, and the marker's id."""
        for marker in self.catalog.markers:
            found = marker.regex.match(folded[:400])
            if found:
                rest = found.groupdict().get("rest") or "microsoft windows"
                return marker.kind, _KB.sub(" ", rest).strip(" -"), marker.marker_id
        return None
