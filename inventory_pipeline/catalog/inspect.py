"""What the catalog holds, for people: counts, search, what a rule or product of a site shadows, release names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inventory_pipeline.catalog.devices import device_facts, processor_cores
from inventory_pipeline.catalog.folding import fold, title_key, tokens, vendor_key
from inventory_pipeline.catalog.loader import DATA
from inventory_pipeline.catalog.model import Action, Catalog, PriorityClass, Product
from inventory_pipeline.catalog.reading import read_rows

_EDITIONS = frozenset(["w", "e", "lts", "iot", "sp1", "sp2", "sp3"])
_HALF_YEAR = re.compile(r"\d\dh\d")


@dataclass(frozen=True, slots=True)
class Sku:
    """A licence of Microsoft's online services: part number, GUID in lower case, name."""

    part_number: str
    sku_id: str
    name: str


def microsoft_skus(data: Path = DATA) -> dict[str, Sku]:
    """Licences of Microsoft's online services by part number (`SPE_E5`), in upper case, and by GUID, in lower case."""
    found: dict[str, Sku] = {}
    for row in read_rows(data / "microsoft_skus.tsv.gz"):
        sku = Sku(row["part_number"], row["sku_id"], row["name"])
        found.setdefault(sku.part_number.upper(), sku)
        found.setdefault(sku.sku_id, sku)
    return found


def windows_release(catalog: Catalog, build: str) -> str:
    """The release that a build of Windows is (`10.0.22631` is `Windows 11 23H2`); empty when it is not known."""
    parts = build.split(".")
    wanted = ".".join(parts[:3]) if len(parts) >= 3 else f"10.0.{build}" if build.isdigit() else build
    names: list[str] = []
    for lifecycle, name in (("windows", "Windows"), ("windows-server", "Windows Server")):
        for cycle in catalog.cycles.get(lifecycle, ()):
            if cycle.build == wanted:
                # `11-23h2-w` is Windows 11 23H2 for workstations; editions have one build.
                parts = [part for part in cycle.cycle.split("-") if part not in _EDITIONS]
                names.append(f"{name} {' '.join(p.upper() if _HALF_YEAR.fullmatch(p) else p for p in parts)}")
    return "; ".join(dict.fromkeys(names))


def counts(catalog: Catalog) -> list[tuple[str, int]]:
    """What the catalog holds and how much of it."""
    origins = Counter(product.origin for product in catalog.products.values())
    return [
        *(
            (f"products ({origin})", origins[origin])
            for origin in ("curated", "derived", "listed", "site")
            if origins[origin]
        ),
        ("vendors", len(set(catalog.vendors.values()))),
        ("spellings of vendors", len(catalog.vendors)),
        ("spellings of titles", len(catalog.titles)),
        ("rules", len(catalog.rules)),
        ("site rules", len(catalog.site_rules)),
        ("site rules about device models", len(catalog.model_rules)),
        ("site rules about processors", len(catalog.processor_rules)),
        ("product codes", len(catalog.codes)),
        ("packages (AppX, bundles)", len(catalog.packages)),
        ("packages (Linux)", len(catalog.linux_packages)),
        ("applications (macOS)", len(catalog.mac_apps)),
        ("release cycles", sum(len(cycles) for cycles in catalog.cycles.values())),
        ("device vendors", len(set(device_facts().vendors.values()))),
        ("device families", sum(len(families) for families in device_facts().families.values())),
        ("device models by code", len(device_facts().machine_types) + len(device_facts().apple_models)),
        ("processors with cores", len(processor_cores())),
        ("Microsoft licences", len({sku.sku_id for sku in microsoft_skus(catalog.data).values()})),
    ]


def search(catalog: Catalog, query: str, limit: int = 20) -> list[Product]:
    """Products whose vendor and titles have all words of a query, those that begin with it and are curated first."""
    wanted = tokens(fold(query))
    if not wanted:
        return []
    key = " ".join(wanted)
    trust = {"site": 0, "curated": 1, "derived": 2, "listed": 3}
    found: dict[str, tuple[int, ...]] = {}
    for title, ids in catalog.titles.items():
        for product_id in ids:
            product = catalog.products[product_id]
            if not all(word in f"{product.vendor_key} {title}" for word in wanted):
                continue
            rank = (title != key, not title.startswith(key), trust[product.origin], len(title))
            if product_id not in found or rank < found[product_id]:
                found[product_id] = rank
    ranked = sorted(found, key=lambda product_id: (found[product_id], product_id))
    return [catalog.products[product_id] for product_id in ranked[:limit]]


def warnings(catalog: Catalog, shipped: Catalog) -> Iterator[str]:
    """What is valid in a site's files and yet hardly meant: rules that another one hides, products that double one."""
    first: dict[tuple[str, ...], str] = {}
    for rule in catalog.site_rules:
        asked = (
            rule.priority_class,
            vendor_key(rule.publisher),
            title_key(rule.title) if rule.priority_class is not PriorityClass.pattern else fold(rule.title),
            rule.version,
            rule.source,
            rule.product_code.lower(),
            rule.package_family.lower(),
        )
        if asked in first:
            yield f"{rule.where}: rule {rule.rule_id} is never asked, since {first[asked]} matches the same."
        first.setdefault(asked, rule.rule_id)
        if rule.action is Action.ignore and rule.product_id:
            yield f"{rule.where}: rule {rule.rule_id} ignores, so that its product_id means nothing."
    for product_id, product in sorted(catalog.products.items()):
        if product.origin != "site":
            continue
        same = [
            i for i in shipped.titles.get(title_key(product.title), ())
            if i != product_id and shipped.products[i].vendor_key == product.vendor_key
        ]  # fmt: skip
        if same:
            yield f"site product {product_id} has the vendor and title of {same[0]}; leave it out, or give it that id."
        elif product_id in shipped.products:
            yield f"site product {product_id} replaces the one of the catalog."
