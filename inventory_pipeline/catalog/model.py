"""What the catalog holds: products, vendors, rules, release cycles and the words that titles are made of."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from inventory_pipeline.catalog.folding import vendor_key
from inventory_pipeline.catalog.site_models import ModelRule
from inventory_pipeline.catalog.site_processors import ProcessorRule


class Kind(StrEnum):
    """What a product is."""

    application = "application"
    operating_system = "operating_system"
    update = "update"
    component = "component"
    language_pack = "language_pack"
    driver = "driver"
    runtime = "runtime"
    unknown = "unknown"


class Licensable(StrEnum):
    """Whether a product needs a licence."""

    licensed = "licensed"
    free = "free"
    unknown = "unknown"


class PriorityClass(StrEnum):
    """What a rule matches by, in the order in which rules are asked."""

    product_code = "product_code"
    package_family = "package_family"
    publisher_title = "publisher_title"
    pattern = "pattern"
    title_alone = "title"


class Action(StrEnum):
    """What a rule does with the rows that it matches."""

    normalize = "normalize"
    ignore = "ignore"


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    `titles`: further spellings, without the vendor's name. `editions`: editions that titles may name.
    `family`: how the colloquial version is made (see `normalization/versions.py`). `lifecycle`: endoflife.date's
    name of the product. `origin`: `curated`, `derived` (from package manifests, with names of uninstall lists),
    `listed` (a list says that it exists and whose it is) or `site`. `vendor_key` and `publisher_keys` are the folded
    vendor and publishers (`folding.vendor_key`).
    """

    product_id: str
    vendor: str
    title: str
    category: str = ""
    kind: Kind = Kind.application
    licensable: Licensable = Licensable.unknown
    parent_product_id: str = ""
    editions: tuple[str, ...] = ()
    family: str = ""
    lifecycle: str = ""
    titles: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    origin: str = "curated"
    vendor_key: str = field(default="", compare=False)
    publisher_keys: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """One match rule: what it matches by, the product that it points at, and where it was written."""

    rule_id: str
    priority_class: PriorityClass
    product_id: str = ""
    source: str = ""
    publisher: str = ""
    title: str = ""
    version: str = ""
    product_code: str = ""
    package_family: str = ""
    edition: str = ""
    version_family: str = ""
    kind: Kind | None = None
    action: Action = Action.normalize
    note: str = ""
    is_site: bool = False
    where: str = ""
    pattern: str = field(default="", compare=False)
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """A release cycle: `cycle` (`24.08`, `10-22h2`), a label (`2022`), first release and end of support."""

    cycle: str
    label: str
    release_date: dt.date | None
    end_of_support: dt.date | None
    build: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """Words around a product's name that make it an update or a language pack; `rest` of the match is the name."""

    marker_id: str
    kind: Kind
    regex: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that normalization looks up. Build it with `loader.load_catalog`; never changed afterwards.

    `vendors`: vendor key to the vendor's name; `vendor_phrases`: words with which titles begin to the same.
    `titles`: title key (words, with or without the vendor in front) to the products that carry it.
    `site_rules` and `rules`: in the order in which they are asked within their class.
    `editions`: title key of another spelling of an edition to the edition. `codes`: lower-case product code to
    product id. `packages`: lower-case package family, without its publisher's
    hash, to product id. `linux_packages`: name of an rpm or deb package to product id; `linux_names`: those of them
    that are written by hand. `mac_apps`: title key of a macOS application to product id; `mac_names`: those of them
    that are written by hand. `words`: class of words (`architecture`, `language`, ...) to the words. `model_rules`,
    `processor_rules`: the site's rules about device models and processors, in the order in which they are asked.
    `category_names`: category to the site's own name of it. `version`: 16 hexadecimal characters that change whenever
    the content does. `data`: folder of the build that it was read from.
    """

    version: str
    data: Path
    products: Mapping[str, Product]
    vendors: Mapping[str, str]
    vendor_phrases: Mapping[str, str]
    titles: Mapping[str, tuple[str, ...]]
    site_rules: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    codes: Mapping[str, str]
    packages: Mapping[str, str]
    linux_names: Mapping[str, str]
    linux_packages: Mapping[str, str]
    mac_names: Mapping[str, str]
    mac_apps: Mapping[str, str]
    cycles: Mapping[str, tuple[Cycle, ...]]
    editions: Mapping[str, str]
    families: Mapping[str, tuple[tuple[str, str], ...]]
    words: Mapping[str, frozenset[str]]
    markers: tuple[Marker, ...]
    model_rules: tuple[ModelRule, ...] = ()
    processor_rules: tuple[ProcessorRule, ...] = ()
    category_names: Mapping[str, str] = field(default_factory=dict)

    def vendor_of(self, publisher: str | None) -> str:
        """Name of the vendor that a publisher's spelling stands for; empty when it is not known."""
        return self.vendors.get(vendor_key(publisher), "")
