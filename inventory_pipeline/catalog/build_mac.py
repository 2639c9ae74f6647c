"""Names of macOS applications to products: whose a name is, as Homebrew's casks and Installomator's labels say.

Inventories of macOS list applications by name and state no publisher. Among applications of macOS a name is nearly
always one product's, which it is not among everything that Windows lists, so that these names count there alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from inventory_pipeline.catalog.build_listed import ListedBuilder, vendor_of_homepage
from inventory_pipeline.catalog.build_winget import clean_name
from inventory_pipeline.catalog.folding import fold, title_key, tokens, vendor_key
from inventory_pipeline.catalog.model import Product
from inventory_pipeline.catalog.writing import read_tsv

_SHORTEST = 4
_TELLING = 9
"""Letters from which on a name of one word is hardly two products' by chance."""
_NO_APPLICATION = re.compile(r"installer$|\bfont\b|\bdriver\b|\$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Application:
    """An application of macOS: its name, and the maker that its home page names."""

    name: str
    maker: str = ""


def applications(sources: Path) -> list[Application]:
    """What casks and labels name, without installers, fonts and drivers."""
    found = [
        Application(row["names"].split("|")[0], vendor_of_homepage(row["homepage"]))
        for row in read_tsv(sources / "homebrew_cask_2019.tsv.gz")
    ]
    for row in read_tsv(sources / "installomator.tsv.gz"):
        found += [Application(name) for name in (row["name"], row["app_name"].removesuffix(".app"))]
    return [app for app in found if title_key(app.name) and not _NO_APPLICATION.search(app.name)]


class MacBuilder:
    """Finds the product of each application. `listed` holds the products that lists have added."""

    def __init__(self, listed: ListedBuilder) -> None:
        self.listed = listed
        self.reader = listed.reader
        self.catalog = listed.reader.catalog

    def build(self, sources: Path) -> dict[str, str]:
        """Title key of an application's name to product id; names that several products have are left out."""
        apps = applications(sources)
        own = self._listed_names()
        found: dict[str, set[str]] = defaultdict(set)
        for app in apps:
            key = title_key(clean_name(app.name))
            product = self.known(app)
            product_id = product.product_id if product else own.get(key)
            if product_id and len(key) >= _SHORTEST and key not in self.catalog.words["common"]:
                found[key].add(product_id)
        return {key: min(ids) for key, ids in sorted(found.items()) if len(ids) == 1}

    def known(self, app: Application) -> Product | None:
        """The product that an application is: one whose vendor the title names, the only curated one of its name, or
        the only one at all when its maker agrees or its name is not one that others might have thought of."""
        match = self.reader.match(tokens(fold(app.name)), "")
        if match and match.agreement == "title" and not match.unexplained:
            return match.product
        key = title_key(clean_name(app.name))
        owners = [self.catalog.products[i] for i in self.catalog.titles.get(key, ())]
        curated = [product for product in owners if product.origin == "curated"]
        if len(curated) == 1:
            return curated[0]
        if app.maker:
            owners = [product for product in owners if _is_of(product, app.maker)] or owners
        if len(owners) != 1:
            return None
        telling = len(key.split()) > 1 or len(key) >= _TELLING
        return owners[0] if telling or _is_of(owners[0], app.maker) else None

    def _listed_names(self) -> dict[str, str]:
        """Title keys of products that lists of macOS name, when one of those products alone has it."""
        owners: dict[str, set[str]] = defaultdict(set)
        for product_id, found in self.listed.products.items():
            if "casks" in found.sources:
                for title in (found.title, *found.titles):
                    owners[title_key(title)].add(product_id)
        return {key: min(ids) for key, ids in owners.items() if len(ids) == 1}


def _is_of(product: Product, maker: str) -> bool:
    """Whether a maker is a product's vendor or publisher, by names that begin alike."""
    key = vendor_key(maker)
    keys = {product.vendor_key, *product.publisher_keys} - {""}
    return bool(key) and any(
        k == key or (min(len(k), len(key)) >= 4 and (k.startswith(key) or key.startswith(k))) for k in keys
    )
