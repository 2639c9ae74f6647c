"""Products of the catalog by their ids. Those that a build wrote stay text until somebody asks for them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory_pipeline.catalog.folding import slug, title_key, vendor_key
from inventory_pipeline.catalog.model import Kind, Licensable, Product
from inventory_pipeline.catalog.reading import Problems, Row

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
BUILT_COLUMNS: tuple[str, ...] = (
    "product_id",
    "vendor",
    "title",
    "kind",
    "licensable",
    "lifecycle",
    "titles",
    "publishers",
    "vendor_key",
    "vendor_phrase",
    "title_keys",
    "publisher_keys",
    "sources",
    "category",
    "editions",
)
"""Columns of built product files; keys are folded when they are built, so that loading folds nothing."""


@dataclass(frozen=True, slots=True)
class BuiltRow:
    """A row of a built file, in `BUILT_COLUMNS`, and the tier that its file is."""

    values: list[str]
    origin: str

    def product(self) -> Product:
        """The product of the row."""
        product_id, vendor, title, kind, licensable, lifecycle, titles, publishers, key = self.values[:9]
        keys, _, category, editions = self.values[11:]
        return Product(
            product_id=product_id,
            vendor=vendor,
            title=title,
            category=category,
            kind=Kind(kind) if kind else Kind.application,
            licensable=Licensable(licensable) if licensable else Licensable.unknown,
            lifecycle=lifecycle,
            editions=tuple(editions.split("|")) if editions else (),
            titles=tuple(titles.split("|")) if titles else (),
            publishers=tuple(publishers.split("|")) if publishers else (),
            origin=self.origin,
            vendor_key=key,
            publisher_keys=frozenset(keys.split("|")) if keys else frozenset(),
        )


@dataclass(frozen=True)
class ProductTable(Mapping[str, Product]):
    """Products by id: those that are `ready` win over `built` ones of the same id."""

    ready: dict[str, Product]
    built: Mapping[str, BuiltRow] = field(default_factory=dict)

    def __getitem__(self, product_id: str) -> Product:
        product = self.ready.get(product_id)
        if product is None:
            product = self._made(product_id)
        return product

    def _made(self, product_id: str) -> Product:
        made = self._cache.get(product_id)
        if made is None:
            made = self._cache[product_id] = self.built[product_id].product()
        return made

    def __post_init__(self) -> None:
        self._cache: dict[str, Product]
        object.__setattr__(self, "_cache", {})

    def __iter__(self) -> Iterator[str]:
        yield from self.ready
        yield from (product_id for product_id in self.built if product_id not in self.ready)

    def __contains__(self, product_id: object) -> bool:
        return product_id in self.ready or product_id in self.built

    def __len__(self) -> int:
        return len(self.ready) + sum(product_id not in self.ready for product_id in self.built)

    def with_products(self, products: Mapping[str, Product]) -> ProductTable:
        """The table with further products, which win over those of the same id."""
        return ProductTable(self.ready | dict(products), self.built)


_KINDS = {kind.value: kind for kind in Kind}
_LICENSABLE = {licensable.value: licensable for licensable in Licensable}


def read_built(path: Path, origin: str) -> list[BuiltRow]:
    """Rows of a built product file; an empty list when the build has none."""
    if not path.is_file():
        return []
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    return [BuiltRow(line.split("\t"), origin) for line in lines[1:] if line]


def read_products(
    rows: Iterable[Row], known: Mapping[str, Product], origin: str, problems: Problems
) -> dict[str, Product]:
    """Products of rows in `PRODUCT_COLUMNS`. What is wrong goes to `problems` with file and line; such rows are left
    out. `known`: products that parents may also be among."""
    products: dict[str, Product] = {}
    parents: list[tuple[Row, str]] = []
    for row in rows:
        cells = row.values
        product_id = cells.get("product_id") or f"{slug(row['vendor'])}/{slug(row['title'])}"
        vendor, title, parent = cells.get("vendor", ""), cells.get("title", ""), cells.get("parent_product_id", "")
        wrong = [f"{column} is missing." for column in ("vendor", "title") if not cells.get(column)]
        kind, licensable = cells.get("kind", "").lower(), cells.get("licensable", "").lower()
        for column, value, values in (("kind", kind, _KINDS), ("licensable", licensable, _LICENSABLE)):
            if value and value not in values:
                wrong.append(f"{column} {row[column]!r} is unknown; known are {', '.join(values)}.")
        if product_id in products:
            wrong.append(f"product_id {product_id!r} occurs twice.")
        for message in wrong:
            problems.add(row.where, message)
        if wrong:
            continue
        if parent:
            parents.append((row, parent))
        publishers = row.many("publishers")
        products[product_id] = Product(
            product_id=product_id,
            vendor=vendor,
            title=title,
            category=cells.get("category", ""),
            kind=_KINDS[kind or "application"],
            licensable=_LICENSABLE[licensable or "unknown"],
            parent_product_id=parent,
            editions=row.many("editions"),
            family=cells.get("family", ""),
            lifecycle=cells.get("lifecycle", ""),
            titles=row.many("titles"),
            publishers=publishers,
            origin=origin,
            vendor_key=vendor_key(vendor),
            publisher_keys=frozenset(map(vendor_key, publishers)),
        )
    for row, parent in parents:
        if parent not in products and parent not in known:
            problems.add(row.where, f"parent_product_id {parent!r} is not in the catalog.")
    return products


def title_keys(product: Product) -> set[str]:
    """Keys of a product's title and its further spellings."""
    keys = {title_key(title) for title in (product.title, *product.titles)}
    keys.discard("")
    return keys
