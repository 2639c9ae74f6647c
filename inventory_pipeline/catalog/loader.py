"""Loading the catalog: a build of the shipped data first, then the site's own products and rules, which win."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from inventory_pipeline.catalog.collector import without_collector
from inventory_pipeline.catalog.folding import fold, title_key, tokens, vendor_key
from inventory_pipeline.catalog.model import Catalog, Cycle, Kind, Marker, PriorityClass, Product, Rule
from inventory_pipeline.catalog.products import (
    PRODUCT_COLUMNS,
    BuiltRow,
    ProductTable,
    read_built,
    read_products,
    title_keys,
)
from inventory_pipeline.catalog.reading import Problems, Row, read_rows
from inventory_pipeline.catalog.rules import RULE_COLUMNS, read_rules
from inventory_pipeline.catalog.site_models import SITE_MODEL_COLUMNS, read_model_rules
from inventory_pipeline.catalog.site_processors import SITE_PROCESSOR_COLUMNS, read_processor_rules
from inventory_pipeline.errors import ConfigurationError

DATA = Path(str(files("inventory_pipeline.catalog"))) / "data"
BUILT_PRODUCTS = (("derived_products.tsv.gz", "derived"), ("listed_products.tsv.gz", "listed"))
_SITE_SUFFIXES = (".csv", ".tsv", ".yaml", ".yml")
_Rule = TypeVar("_Rule")
_CLASS_ORDER = {name: number for number, name in enumerate(PriorityClass)}


def load_catalog(site_folder: Path | str | None = None, data: Path | str | None = None) -> Catalog:
    """The catalog, with `site_products`, `site_rules`, `site_models`, `site_processors` and `site_categories` (.csv,
    .tsv, .yaml) on top.

    `data` is the folder of a build; without it, the one that is shipped. A site folder that lacks these files is
    fine; one that does not exist is not.
    Raises ConfigurationError that names file and line of everything that is wrong in the site's files, or what a
    build's folder lacks.
    """
    shipped = _build_of(Path(data) if data else DATA)
    if site_folder is None:
        return shipped
    folder = Path(site_folder)
    if not folder.is_dir():
        raise ConfigurationError(
            "there is no such folder.", subject=f"catalog.site_folder {folder}", cure="Create it or correct the path."
        )
    found = [site_file(folder, f"site_{name}") for name in ("products", "rules", "models", "processors", "categories")]
    product_file, rule_file, model_file, processor_file, category_file = found
    stamp = [file.read_bytes() if file else b"" for file in found]
    products: dict[str, Product] = {}
    if product_file:
        problems = Problems()
        products = read_products(read_rows(product_file, PRODUCT_COLUMNS), shipped.products, "site", problems)
        problems.raise_any(str(product_file))
    rules: list[Rule] = []
    if rule_file:
        problems = Problems()
        known = ProductTable(products, shipped.products)  # type: ignore[arg-type]
        rules = read_rules(read_rows(rule_file, RULE_COLUMNS), known, problems, is_site=True)
        problems.raise_any(str(rule_file))
    made = with_site(shipped, products, rules, _digest(shipped.version.encode(), *stamp))
    return replace(
        made,
        model_rules=_rules_about(model_file, SITE_MODEL_COLUMNS, read_model_rules),
        processor_rules=_rules_about(processor_file, SITE_PROCESSOR_COLUMNS, read_processor_rules),
        category_names=_category_names(category_file, made),
    )


def _rules_about(
    path: Path | None, columns: Sequence[str], read: Callable[[Iterable[Row], Problems], list[_Rule]]
) -> tuple[_Rule, ...]:
    if path is None:
        return ()
    problems = Problems()
    found = read(read_rows(path, columns), problems)
    problems.raise_any(str(path))
    return tuple(found)


def _category_names(path: Path | None, catalog: Catalog) -> dict[str, str]:
    """The site's own names of categories, by the catalog's."""
    if path is None:
        return {}
    known = {product.category for product in catalog.products.values()} - {""}
    problems = Problems()
    names: dict[str, str] = {}
    for row in read_rows(path, ("category", "name")):
        if row["category"] not in known:
            problems.add(row.where, f"category {row['category']!r} is unknown; known are {', '.join(sorted(known))}.")
        elif not row["name"]:
            problems.add(row.where, "name is missing.")
        elif row["category"] in names:
            problems.add(row.where, f"category {row['category']!r} occurs twice.")
        names[row["category"]] = row["name"]
    problems.raise_any(str(path))
    return names


def site_file(folder: Path, name: str) -> Path | None:
    """The file of that name (`site_products`, `site_rules`, `site_models`) in a site's folder; None without one.

    Raises ConfigurationError when there are several.
    """
    found = [folder / (name + suffix) for suffix in _SITE_SUFFIXES if (folder / (name + suffix)).is_file()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise ConfigurationError(f"{names} are both there.", subject=str(folder), cure="Keep one of them.")
    return found[0] if found else None


def curated_catalog(built: Iterable[BuiltRow] = (), data: Path = DATA) -> Catalog:
    """The curated products and words with the given rows alone, against which the builder reads open data."""
    return _assemble(_curated(data), list(built), [], data, "curated", with_built=False)


def _curated(data: Path) -> dict[str, Product]:
    problems = Problems()
    products = read_products(read_rows(data / "products.csv"), {}, "curated", problems)
    problems.raise_any("shipped catalog")
    names: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(data / "localized_names.csv"):
        names[row["product_id"]] += row.many("names")
    for product_id, localized in names.items():
        product = products[product_id]
        products[product_id] = replace(product, titles=tuple(dict.fromkeys((*product.titles, *localized))))
    return products


@lru_cache(maxsize=2)
def _build_of(data: Path) -> Catalog:
    missing = [name for name in ("products.csv", "vendors.csv", "words.csv") if not (data / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"is no build of the catalog: {' and '.join(missing)} missing.",
            subject=str(data),
            cure="Name the folder that `inventory catalog update` wrote, or leave catalog.build_folder out.",
        )
    with without_collector():
        return _read_build(data)


def _read_build(data: Path) -> Catalog:
    products = _curated(data)
    built = [row for name, origin in BUILT_PRODUCTS for row in read_built(data / name, origin)]
    known = ProductTable(products, {row.values[0]: row for row in built})
    problems = Problems()
    rules = read_rules(read_rows(data / "rules.csv", RULE_COLUMNS), known, problems)
    problems.raise_any("shipped catalog")
    content = [path.read_bytes() for path in sorted(data.iterdir()) if path.suffix in {".csv", ".gz"}]
    return _assemble(products, built, rules, data, _digest(*content), with_built=True)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:16]


def _assemble(
    curated: dict[str, Product], built: list[BuiltRow], rules: list[Rule], data: Path, version: str, *, with_built: bool
) -> Catalog:
    products = ProductTable(curated, {row.values[0]: row for row in built})
    titles = _titles(curated.values(), built)
    names = _vendor_names(curated.values(), built, titles, products, data)
    words: dict[str, set[str]] = defaultdict(set)
    for row in read_rows(data / "words.csv"):
        words[row["class"]].add(row["word"])
    families: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in read_rows(data / "version_families.csv"):
        families[row["style"]].append((row["version_prefix"], row["version_family"]))
    linux_names = _pairs(data / "linux_names.csv", products)
    built_packages = _pairs(data / "linux_packages.tsv.gz", products) if with_built else {}
    mac_names = {title_key(name): i for name, i in _pairs(data / "mac_names.csv", products).items()}
    built_apps = _pairs(data / "mac_apps.tsv.gz", products) if with_built else {}
    return Catalog(
        version=version,
        data=data,
        products=products,
        vendors=names.vendors,
        vendor_phrases=names.phrases,
        titles=titles,
        site_rules=(),
        rules=tuple(sorted(rules, key=_specific_first)),
        codes=_pairs(data / "product_codes.tsv.gz", products) if with_built else {},
        packages=_pairs(data / "packages.csv", products),
        linux_names=linux_names,
        linux_packages=built_packages | linux_names,
        mac_names=mac_names,
        mac_apps=built_apps | mac_names,
        cycles=_read_cycles(read_rows(data / "cycles.tsv.gz")) if with_built else {},
        editions={title_key(row["spelling"]): row["edition"] for row in read_rows(data / "editions.csv")},
        families={style: tuple(rows) for style, rows in families.items()},
        words={name: frozenset(found) for name, found in words.items()},
        markers=tuple(
            Marker(row["marker_id"], Kind(row["kind"]), re.compile(row["regex"]))
            for row in read_rows(data / "markers.csv")
        ),
    )


def with_site(base: Catalog, products: Mapping[str, Product], rules: list[Rule], version: str) -> Catalog:
    """A catalog with a site's products and rules on top. A product of the same id replaces that of the catalog."""
    assert isinstance(base.products, ProductTable)  # noqa: S101 (for the type checker)
    titles = dict(base.titles)
    for product_id in products:
        for key in title_keys(base.products[product_id]) if product_id in base.products else ():
            titles[key] = tuple(i for i in titles.get(key, ()) if i != product_id)
    for product in products.values():
        for key in title_keys(product):
            titles[key] = tuple(sorted({*titles.get(key, ()), product.product_id}))
    vendors, phrases = dict(base.vendors), dict(base.vendor_phrases)
    for product in sorted(products.values(), key=lambda p: p.product_id):
        for key in (product.vendor_key, *sorted(product.publisher_keys)):
            vendors.setdefault(key, product.vendor)
        phrases.setdefault(vendor_phrase(product.vendor), product.vendor)
    for found in (vendors, phrases):
        found.pop("", None)
    return Catalog(
        version=version,
        data=base.data,
        products=base.products.with_products(products),
        vendors=vendors,
        vendor_phrases=phrases,
        titles={key: ids for key, ids in titles.items() if ids},
        site_rules=tuple(sorted(rules, key=_specific_first)),
        rules=base.rules,
        codes=base.codes,
        packages=base.packages,
        linux_names=base.linux_names,
        linux_packages=base.linux_packages,
        mac_names=base.mac_names,
        mac_apps=base.mac_apps,
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


def _pairs(path: Path, products: ProductTable) -> dict[str, str]:
    """A file of keys and product ids, keys in lower case; those whose product is not in the catalog are left out."""
    if not path.is_file():
        return {}
    rows = read_rows(path)
    if not rows:
        return {}
    key, product_id = list(rows[0].values)[:2]
    return {row[key].lower(): row[product_id] for row in rows if row[product_id] in products}


@dataclass(frozen=True, slots=True)
class _Names:
    vendors: dict[str, str]
    phrases: dict[str, str]


def _vendor_names(
    curated: Iterable[Product],
    built: list[BuiltRow],
    titles: Mapping[str, tuple[str, ...]],
    products: ProductTable,
    data: Path,
) -> _Names:
    names: dict[str, str] = {}
    phrases: dict[str, str] = {}
    further: dict[str, str] = {}
    for row in read_rows(data / "vendors.csv"):
        names.setdefault(vendor_key(row["vendor"]), row["vendor"])
        phrases.setdefault(vendor_phrase(row["vendor"]), row["vendor"])
        for alias in row.many("aliases"):
            names.setdefault(vendor_key(alias), row["vendor"])
            further.setdefault(vendor_phrase(alias), row["vendor"])
    # In sorted order, so that the spelling that stands for a key does not depend on the order of files.
    ordered = sorted(curated, key=lambda p: p.product_id)
    for product in ordered:
        names.setdefault(product.vendor_key, product.vendor)
        phrases.setdefault(vendor_phrase(product.vendor), product.vendor)
    shippers: dict[str, set[str]] = defaultdict(set)
    for product in ordered:
        for key in product.publisher_keys:
            shippers[key].add(product.vendor)
    for key, vendors in sorted(shippers.items()):
        # Who ships products of several vendors (a store, a distributor) is another name of none of them.
        if len(vendors) == 1:
            names.setdefault(key, *vendors)
    for row in built:
        values = row.values
        names.setdefault(values[8], values[1])
        if values[11]:
            for key in values[11].split("|"):
                names.setdefault(key, values[1])
        phrases.setdefault(values[9], values[1])

    def is_product(vendor: str, key: str) -> bool:
        return any(products[product_id].vendor == vendor for product_id in titles.get(key, ()))

    for phrase, vendor in further.items():
        rest = phrase.removeprefix(vendor_phrase(vendor) + " ")
        # A publisher's name that is also a product's (Microsoft Windows) says in a title what, not who.
        if not is_product(vendor, rest) and not is_product(vendor, phrase):
            phrases.setdefault(phrase, vendor)
    for found in (names, phrases):
        found.pop("", None)
    return _Names(names, phrases)


@lru_cache(maxsize=50_000)
def vendor_phrase(publisher: str) -> str:
    """The words with which a title begins when it names this publisher, without legal forms."""
    words = tokens(fold(publisher))
    while len(words) > 1 and vendor_key(" ".join(words[:-1])) == vendor_key(publisher):
        words.pop()
    return " ".join(words)


def _titles(curated: Iterable[Product], built: list[BuiltRow]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for product in curated:
        for key in title_keys(product):
            found[key] = (*found.get(key, ()), product.product_id)
    for row in built:
        product_id = row.values[0]
        for key in row.values[10].split("|"):
            known = found.get(key)
            found[key] = (product_id,) if known is None else tuple(sorted((*known, product_id)))
    found.pop("", None)
    return {key: tuple(sorted(set(ids))) if len(ids) > 1 else ids for key, ids in found.items()}


def _read_cycles(rows: Iterable[Row]) -> dict[str, tuple[Cycle, ...]]:
    cycles: dict[str, list[Cycle]] = defaultdict(list)
    for row in rows:
        cycles[row["lifecycle"]].append(
            Cycle(row["cycle"], row["label"], _date(row["release_date"]), _date(row["end_of_support"]), row["build"])
        )
    return {name: tuple(found) for name, found in cycles.items()}


def _date(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
