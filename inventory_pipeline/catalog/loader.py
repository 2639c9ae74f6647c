"""Loading the catalog: shipped data first, then the site's own products and rules, which win."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from inventory_pipeline.catalog.folding import fold, slug, title_key, tokens, vendor_key
from inventory_pipeline.catalog.model import Catalog, Cycle, Kind, Licensable, Marker, PriorityClass, Product, Rule
from inventory_pipeline.catalog.reading import Problems, Row, read_rows
from inventory_pipeline.catalog.rules import RULE_COLUMNS, read_rules
from inventory_pipeline.errors import ConfigurationError

DATA = Path(str(files("inventory_pipeline.catalog"))) / "data"
PRODUCT_COLUMNS: tuple[str, ...] = (
    "product_id",
    "vendor",
    "title",
    "category",
    "kind",
    "licensable",
    "parent_product_id",
    "editions",
    "family",
    "lifecycle",
    "titles",
    "publishers",
    "note",
)
_SITE_SUFFIXES = (".csv", ".tsv", ".yaml", ".yml")
_CLASS_ORDER = {name: number for number, name in enumerate(PriorityClass)}


def load_catalog(site_folder: Path | str | None = None) -> Catalog:
    """The shipped catalog, with `site_products` and `site_rules` (.csv, .tsv, .yaml) of a folder on top.

    A folder that lacks these files is fine; one that does not exist is not.
    Raises ConfigurationError that names file and line of everything that is wrong in the site's files.
    """
    if site_folder is None:
        return _shipped()
    folder = Path(site_folder)
    if not folder.is_dir():
        raise ConfigurationError(
            "there is no such folder.", subject=f"catalog.site_folder {folder}", cure="Create it or correct the path."
        )
    product_file, rule_file = _site_file(folder, "site_products"), _site_file(folder, "site_rules")
    stamp = tuple((str(f), f.read_bytes()) if f else ("", b"") for f in (product_file, rule_file))
    shipped = _shipped()
    products = dict(shipped.products)
    if product_file:
        problems = Problems()
        products |= _read_products(read_rows(product_file, PRODUCT_COLUMNS), products, "site", problems)
        problems.raise_any(str(product_file))
    rules: list[Rule] = []
    if rule_file:
        problems = Problems()
        rules = read_rules(read_rows(rule_file, RULE_COLUMNS), products.keys(), problems, is_site=True)
        problems.raise_any(str(rule_file))
    return _assemble(products, rules, shipped, _digest(shipped.version.encode(), *(part for _, part in stamp)))


def _site_file(folder: Path, name: str) -> Path | None:
    found = [folder / (name + suffix) for suffix in _SITE_SUFFIXES if (folder / (name + suffix)).is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ConfigurationError(f"{names} are both there.", subject=str(folder), cure="Keep one of them.")
    return found[0] if found else None


def curated_catalog() -> Catalog:
    """The curated products and words alone, against which the builder reads open data."""
    problems = Problems()
    products = _read_products(read_rows(DATA / "products.csv"), {}, "curated", problems)
    problems.raise_any("shipped catalog")
    return _assemble(products, [], _parts([], with_built=False), "curated")


@lru_cache(maxsize=1)
def _shipped() -> Catalog:
    problems = Problems()
    products = _read_products(read_rows(DATA / "products.csv"), {}, "curated", problems)
    derived = _read_products(read_rows(DATA / "derived_products.tsv.gz"), products, "derived", problems)
    products = derived | products
    rules = read_rules(read_rows(DATA / "rules.csv", RULE_COLUMNS), products.keys(), problems)
    problems.raise_any("shipped catalog")
    content = [path.read_bytes() for path in sorted(DATA.iterdir()) if path.suffix in {".csv", ".gz"}]
    return _assemble(products, [], _parts(rules, with_built=True), _digest(*content))


def _parts(rules: list[Rule], *, with_built: bool) -> Catalog:
    """A catalog without products: its words, rules, codes and cycles."""
    words: dict[str, set[str]] = defaultdict(set)
    for row in read_rows(DATA / "words.csv"):
        words[row["class"]].add(row["word"])
    families: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in read_rows(DATA / "version_families.csv"):
        families[row["style"]].append((row["version_prefix"], row["version_family"]))
    codes = read_rows(DATA / "product_codes.tsv.gz") if with_built else []
    return Catalog(
        version="",
        products={},
        vendors={},
        vendor_phrases={},
        titles={},
        site_rules=(),
        rules=tuple(rules),
        codes={row["product_code"].lower(): row["product_id"] for row in codes},
        packages={row["package_family"].lower(): row["product_id"] for row in read_rows(DATA / "packages.csv")},
        cycles=_read_cycles(read_rows(DATA / "cycles.tsv.gz")) if with_built else {},
        editions={title_key(row["spelling"]): row["edition"] for row in read_rows(DATA / "editions.csv")},
        families={style: tuple(rows) for style, rows in families.items()},
        words={name: frozenset(found) for name, found in words.items()},
        markers=tuple(
            Marker(row["marker_id"], Kind(row["kind"]), re.compile(row["regex"]))
            for row in read_rows(DATA / "markers.csv")
        ),
    )


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _assemble(products: Mapping[str, Product], site_rules: list[Rule], base: Catalog, version: str) -> Catalog:
    vendors, phrases = _vendor_names(list(products.values()))
    return Catalog(
        version=version,
        products=products,
        vendors=vendors,
        vendor_phrases=phrases,
        titles=_titles(products.values()),
        site_rules=tuple(sorted(site_rules, key=_specific_first)),
        rules=tuple(sorted(base.rules, key=_specific_first)),
        codes={code: product_id for code, product_id in base.codes.items() if product_id in products},
        packages={name: product_id for name, product_id in base.packages.items() if product_id in products},
        cycles=base.cycles,
        editions=base.editions,
        families=base.families,
        words=base.words,
        markers=base.markers,
    )


def _specific_first(rule: Rule) -> tuple[int, int, str]:
    """Order of rules: by class, then by how much they ask for, then by id."""
    asked = len(rule.title) + 1000 * bool(rule.publisher) + 1000 * bool(rule.version) + 500 * bool(rule.source)
    return _CLASS_ORDER[rule.priority_class], -asked, rule.rule_id


def _vendor_names(products: Collection[Product]) -> tuple[dict[str, str], dict[str, str]]:
    names: dict[str, str] = {}
    phrases: dict[str, str] = {}
    for row in read_rows(DATA / "vendors.csv"):
        for spelling in (row["vendor"], *row.many("aliases")):
            names.setdefault(vendor_key(spelling), row["vendor"])
            phrases.setdefault(vendor_phrase(spelling), row["vendor"])
    # In sorted order, so that the spelling that stands for a key does not depend on the order of files.
    for product in sorted(products, key=lambda p: (p.origin, p.product_id)):
        for spelling in (product.vendor, *product.publishers):
            names.setdefault(vendor_key(spelling), product.vendor)
        phrases.setdefault(vendor_phrase(product.vendor), product.vendor)
    names.pop("", None)
    own = {(product.vendor, title_key(title)) for product in products for title in (product.title, *product.titles)}
    kept = {}
    for phrase, vendor in phrases.items():
        rest = phrase.removeprefix(vendor_phrase(vendor) + " ")
        # A publisher's name that is also a product's (Microsoft Windows) says in a title what, not who.
        if phrase and (phrase == vendor_phrase(vendor) or ((vendor, rest) not in own and (vendor, phrase) not in own)):
            kept[phrase] = vendor
    return names, kept


def vendor_phrase(publisher: str) -> str:
    """The words with which a title begins when it names this publisher, without legal forms."""
    words = tokens(fold(publisher))
    while len(words) > 1 and vendor_key(" ".join(words[:-1])) == vendor_key(publisher):
        words.pop()
    return " ".join(words)


def _titles(products: Iterable[Product]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for product in products:
        for title in (product.title, *product.titles):
            found[title_key(title)].add(product.product_id)
    found.pop("", None)
    return {key: tuple(sorted(ids)) for key, ids in found.items()}


def _read_products(
    rows: Iterable[Row], known: Mapping[str, Product], origin: str, problems: Problems
) -> dict[str, Product]:
    products: dict[str, Product] = {}
    parents: list[tuple[Row, str]] = []
    for row in rows:
        product_id = row["product_id"] or f"{slug(row['vendor'])}/{slug(row['title'])}"
        wrong = [f"{column} is missing." for column in ("vendor", "title") if not row[column]]
        for column, values in (("kind", Kind), ("licensable", Licensable)):
            if row[column] and row[column].lower() not in set(values):
                wrong.append(f"{column} {row[column]!r} is unknown; known are {', '.join(values)}.")
        if product_id in products:
            wrong.append(f"product_id {product_id!r} occurs twice.")
        for message in wrong:
            problems.add(row.where, message)
        if wrong:
            continue
        if row["parent_product_id"]:
            parents.append((row, row["parent_product_id"]))
        products[product_id] = Product(
            product_id=product_id,
            vendor=row["vendor"],
            title=row["title"],
            category=row["category"],
            kind=Kind(row["kind"].lower() or "application"),
            licensable=Licensable(row["licensable"].lower() or "unknown"),
            parent_product_id=row["parent_product_id"],
            editions=row.many("editions"),
            family=row["family"],
            lifecycle=row["lifecycle"],
            titles=row.many("titles"),
            publishers=row.many("publishers"),
            origin=origin,
        )
    for row, parent in parents:
        if parent not in products and parent not in known:
            problems.add(row.where, f"parent_product_id {parent!r} is not in the catalog.")
    return products


def _read_cycles(rows: Iterable[Row]) -> dict[str, tuple[Cycle, ...]]:
    cycles: dict[str, list[Cycle]] = defaultdict(list)
    for row in rows:
        cycles[row["lifecycle"]].append(
            Cycle(row["cycle"], row["label"], _date(row["release_date"]), _date(row["end_of_support"]), row["build"])
        )
    return {name: tuple(found) for name, found in cycles.items()}


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
