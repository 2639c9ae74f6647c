"""What builders of products share: a product as it is found in open data, and its row in a built file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from inventory_pipeline.catalog.folding import fold, title_key, vendor_key
from inventory_pipeline.catalog.loader import DATA, vendor_phrase
from inventory_pipeline.catalog.reading import read_rows

_SPELLINGS = 12
_PUBLISHERS = 8
_DRIVER = re.compile(r"\bdrivers?\b")
_RUNTIME = re.compile(r"\b(?:runtime|redistributable|jre)\b")
_CATEGORY_OF_KIND = {"driver": "Driver", "runtime": "Runtime"}


@dataclass(slots=True)
class Found:
    """A product of open data: vendor and title, the lists that name it, other spellings, other publishers, the tags
    in lower case that packagers gave it, and editions that its names named."""

    vendor: str
    title: str
    sources: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    publishers: set[str] = field(default_factory=set)
    licensable: str = "unknown"
    tags: set[str] = field(default_factory=set)
    editions: set[str] = field(default_factory=set)


def read_tag_categories() -> dict[str, str]:
    """Tags of package manifests to categories, the most telling tags first."""
    return {row["tag"]: row["category"] for row in read_rows(DATA / "tag_categories.csv")}


def vendors_by_hand() -> dict[str, str]:
    """Vendors of the files that are written by hand, by the keys of their names."""
    found = {vendor_key(row["vendor"]): row["vendor"] for row in read_rows(DATA / "products.csv")}
    for row in read_rows(DATA / "vendors.csv"):
        found |= {vendor_key(name): row["vendor"] for name in (*row.many("aliases"), row["vendor"])}
    return found


def product_rows(
    products: Mapping[str, Found], lifecycles: Mapping[str, tuple[str, str]], vendors: Mapping[str, str]
) -> Iterator[list[str]]:
    """Rows of a built file, in `products.BUILT_COLUMNS`, by product id.

    `lifecycles`: title key of a product of endoflife.date to its name there and the key of its vendor. `vendors`: the
    names by which the catalog calls vendors, by vendor key; `EPSON` and `Mark Russinovich` are Epson and Microsoft.
    """
    categories = read_tag_categories()
    for product_id, found in sorted(products.items()):
        kind = _kind(found.title)
        own = {title_key(found.title)}
        spellings: dict[str, str] = {}
        for title in sorted(found.titles):
            if title_key(title) not in own and "|" not in title:
                spellings.setdefault(title_key(title), title)
        titles = sorted(spellings.values())[:_SPELLINGS]
        name = vendors.get(vendor_key(found.vendor), found.vendor)
        vendor = vendor_key(name)
        publishers: dict[str, str] = {}
        for publisher in sorted(found.publishers):
            if vendor_key(publisher) not in {"", vendor} and "|" not in publisher:
                publishers.setdefault(vendor_key(publisher), publisher)
        chosen = sorted(publishers.values())[:_PUBLISHERS]
        yield [
            product_id,
            name,
            found.title,
            kind,
            "" if found.licensable == "unknown" else found.licensable,
            _lifecycle(found, vendor, lifecycles),
            "|".join(titles),
            "|".join(chosen),
            vendor,
            vendor_phrase(name),
            "|".join(dict.fromkeys(title_key(title) for title in (found.title, *titles))),
            "|".join(vendor_key(publisher) for publisher in chosen),
            "|".join(sorted(found.sources)),
            _CATEGORY_OF_KIND.get(kind) or next((c for tag, c in categories.items() if tag in found.tags), ""),
            "|".join(sorted({edition.lower(): edition for edition in sorted(found.editions)}.values())),
        ]


def _kind(title: str) -> str:
    folded = fold(title)
    return "driver" if _DRIVER.search(folded) else "runtime" if _RUNTIME.search(folded) else ""


def _lifecycle(found: Found, vendor: str, lifecycles: Mapping[str, tuple[str, str]]) -> str:
    """Release cycles by the same title, with the vendor in front or not, and a vendor that is the same."""
    for title in (found.title, f"{found.vendor} {found.title}"):
        name, owner = lifecycles.get(title_key(title), ("", ""))
        if name and owner and (owner.startswith(vendor) or vendor.startswith(owner)):
            return name
    return ""
