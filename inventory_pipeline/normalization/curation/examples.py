"""Examples that the model learns from: names of the catalog itself, as inventories might state them, read against a
catalog that lacks the product or that spelling of it. Nothing but the catalog goes in."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from inventory_pipeline.catalog.folding import fold, title_key, tokens, vendor_key
from inventory_pipeline.catalog.model import Catalog, Product
from inventory_pipeline.catalog.titles import is_version
from inventory_pipeline.normalization.curation.features import Candidate, candidates, reading_values
from inventory_pipeline.normalization.curation.lexicon import Lexicon
from inventory_pipeline.normalization.curation.rows import RowText, read_row
from inventory_pipeline.normalization.software import IN_COLUMNS, decide_table

FOLDS = 5
_ODD = 0.08
"""Share of rows with something behind the name that no catalog knows."""
_BEHIND = ("", "", "", " {v}", " {v}", " (x64)", " {v} (x64)", " version {v}", " {m}", " v{m}", " (64-bit)", " - en-us",
           " {v} (x64 en-US)", " x64", " ({v})")  # fmt: skip
_TYPOS = 0.05
"""Share of mistyped names among rows whose product the catalog has: nobody can correct an unknown name."""
_WORDS = (
    "trunk",
    "branch",
    "internal",
    "release build",
    "hotpatch",
    "customized",
    "lab",
    "kiosk",
    "rollout",
    "package",
)
_FORMS = ("", "", " Inc.", ", Inc.", " LLC", " Ltd.", " GmbH", " Corporation", " S.A.", " Co., Ltd.")


@dataclass(frozen=True, slots=True)
class Example:
    """A row that rules leave undecided, what it truly is, and what may be said about it.

    `right`: which of the candidates are right; `reading_right`: whether vendor and title of the row itself are.
    """

    truth: Product
    row: RowText
    candidates: list[Candidate]
    reading: list[float]
    right: list[bool]
    reading_right: bool


def fold_of(product_id: str) -> int:
    """The part of the catalog that a product is in; parts are held out in turn."""
    return hashlib.md5(product_id.encode(), usedforsecurity=False).digest()[1] % FOLDS


def examples(catalog: Catalog, fold_number: int) -> Iterator[Example]:
    """Examples of the products of one part, read against the rest of the catalog."""
    choose = random.Random(fold_number)  # noqa: S311 (examples, no secrets)
    held_out: set[str] = set()
    hidden: dict[str, set[str]] = {}
    rows: list[tuple[Product, str, dict[str, str]]] = []
    # Packages of Linux and parts of macOS are decided by tables of their own, and named like nothing else.
    elsewhere = {*catalog.linux_names.values(), *catalog.linux_packages.values()}
    for product_id in sorted(catalog.products):
        if fold_of(product_id) != fold_number or product_id in elsewhere:
            continue
        product = catalog.products[product_id]
        if product.parent_product_id == "apple/macos":
            continue
        spellings = sorted({product.title, *product.titles})
        if choose.random() < 0.5 or len(spellings) < 2:
            held_out.add(product_id)
            chosen = choose.sample(spellings, min(2, len(spellings)))
        else:
            chosen = [choose.choice(spellings[:12])]
            hidden[product_id] = {title_key(chosen[0])}
        is_known = product_id not in held_out
        rows += [(product, spelling, _stated(product, spelling, is_known, choose)) for spelling in chosen]
    reduced = without(catalog, held_out, hidden)
    columns = {name: [row.get(name) for _, _, row in rows] for name in IN_COLUMNS}
    columns["software_key"] = [str(number) for number in range(len(rows))]
    decided = decide_table(pa.table({k: pa.array(v, pa.string()) for k, v in columns.items()}), reduced)
    lexicon = Lexicon(reduced)
    for (product, spelling, row), by in zip(rows, decided.column("decided_by").to_pylist(), strict=True):
        if by == "parsed":
            yield _example(product, spelling, row, lexicon)


def without(catalog: Catalog, held_out: set[str], hidden: Mapping[str, set[str]]) -> Catalog:
    """A catalog without some products, and without some spellings (title keys by product id) of others."""
    titles = {}
    for key, ids in catalog.titles.items():
        kept = tuple(i for i in ids if i not in held_out and key not in hidden.get(i, ()))
        if kept:
            titles[key] = kept
    left = {product.vendor for i, product in catalog.products.items() if i not in held_out}
    return replace(
        catalog,
        titles=titles,
        products={i: product for i, product in catalog.products.items() if i not in held_out},
        vendors={key: vendor for key, vendor in catalog.vendors.items() if vendor in left},
        vendor_phrases={phrase: vendor for phrase, vendor in catalog.vendor_phrases.items() if vendor in left},
        rules=tuple(rule for rule in catalog.rules if rule.product_id not in held_out),
        codes={},
        packages={key: i for key, i in catalog.packages.items() if i not in held_out},
        linux_names={key: i for key, i in catalog.linux_names.items() if i not in held_out},
        linux_packages={key: i for key, i in catalog.linux_packages.items() if i not in held_out},
        mac_names={key: i for key, i in catalog.mac_names.items() if i not in held_out},
        mac_apps={key: i for key, i in catalog.mac_apps.items() if i not in held_out},
    )


def _stated(product: Product, spelling: str, is_known: bool, choose: random.Random) -> dict[str, str]:
    """A row as a source might state it: with or without publisher, vendor, version, architecture, language."""
    major, minor, patch = choose.randint(1, 25), choose.randint(0, 20), choose.randint(0, 9000)
    version = choose.choice((f"{major}.{minor}", f"{major}.{minor}.{patch}", f"{major}.{minor}.{patch}.0"))
    title = _mistyped(spelling, choose) if is_known and choose.random() < _TYPOS else spelling
    if choose.random() < 0.2 and title_key(product.vendor) not in title_key(title):
        title = f"{product.vendor} {title}"
    if choose.random() < _ODD:
        title += _oddity(choose)
    title += choose.choice(_BEHIND).format(v=version, m=major)
    row = {"title": title, "version": version}
    if choose.random() < 0.7:
        publisher = choose.choice((product.vendor, *product.publishers))
        row["publisher"] = publisher + (choose.choice(_FORMS) if vendor_key(publisher) else "")
    return row


def _mistyped(text: str, choose: random.Random) -> str:
    """A text with one letter left out, doubled or swapped with the next."""
    places = [n for n in range(1, len(text) - 1) if text[n].isalpha() and text[n + 1].isalpha()]
    if len(text) < 6 or not places:
        return text
    place = choose.choice(places)
    change = choose.choice((text[place + 1], text[place] * 2 + text[place + 1], text[place + 1] + text[place]))
    return text[:place] + change + text[place + 2 :]


def _oddity(choose: random.Random) -> str:
    """What setups and packagers write behind a name that is no part of it: codes, builds, words of their own."""
    letters = "".join(choose.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(choose.randint(1, 3)))
    number = choose.randint(2, 99_999)
    return choose.choice(
        (
            f" {letters}{number}",
            f" {letters.upper()}{number}",
            f" {number}{letters}",
            f" ({letters}{number})",
            f" {letters}_{number}",
            f" {letters.upper()}-{number}",
            f" ({choose.choice(_WORDS)})",
            f" - {choose.choice(_WORDS)} {number}",
        )
    )


def _example(product: Product, spelling: str, stated: dict[str, str], lexicon: Lexicon) -> Example:
    row = read_row(stated["title"], stated.get("publisher", ""), lexicon)
    found = candidates(row, lexicon)
    names = {product.title, *product.titles}
    if title_key(spelling) != title_key(product.title):
        names = {name for name in names if title_key(name) != title_key(spelling)}
    return Example(
        truth=product,
        row=row,
        candidates=found,
        reading=reading_values(row, found, lexicon),
        right=[is_same(c.product, product) for c in found],
        reading_right=is_right(row.vendor, row.title, product, names),
    )


def is_same(candidate: Product, truth: Product) -> bool:
    """True for the product itself, or one that the catalog has twice under the same vendor and name."""
    return candidate.product_id == truth.product_id or is_right(
        candidate.vendor, candidate.title, truth, (truth.title, *truth.titles)
    )


def is_right(vendor: str, title: str, truth: Product, names: Iterable[str]) -> bool:
    """True when vendor and title are those of a product: vendor by its name or a publisher's, title by any name."""
    key = vendor_key(vendor)
    own = {truth.vendor_key, *truth.publisher_keys}
    same_vendor = key in own or any(
        min(len(key), len(k)) >= 4 and (key.startswith(k) or k.startswith(key)) for k in own if k
    )
    return bool(key) and same_vendor and bare(title, vendor) in {bare(name, truth.vendor) for name in names}


def bare(title: str, vendor: str) -> str:
    """A title's letters without vendor in front and versions: what must agree for two titles to be the same."""
    words = tokens(fold(title))
    front = tokens(fold(vendor))
    while len(words) > 1 and front and words[0] == front[0]:
        words, front = words[1:], front[1:]
    kept = [w for w in words if not is_version(w)] or words
    return "".join(kept)
