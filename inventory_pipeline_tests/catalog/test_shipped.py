"""The shipped catalog holds together: ids, parents, rules, size, licences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from inventory_pipeline.catalog.folding import title_key, vendor_key
from inventory_pipeline.catalog.inspect import microsoft_skus, search, windows_release
from inventory_pipeline.catalog.loader import BUILT_PRODUCTS, DATA, load_catalog, vendor_phrase
from inventory_pipeline.catalog.model import Kind
from inventory_pipeline.catalog.products import BUILT_COLUMNS, read_built
from inventory_pipeline.catalog.reading import read_rows
from inventory_pipeline.catalog.rules import compile_pattern
from inventory_pipeline.catalog.vendors import successions


def test_it_is_a_catalog_that_companies_recognize_themselves_in() -> None:
    products = load_catalog().products
    assert sum(p.origin == "curated" for p in products.values()) > 1_500
    for product_id in (
        "microsoft/office",
        "adobe/acrobat",
        "autodesk/autocad",
        "sap/gui-for-windows",
        "oracle/database",
    ):
        assert product_id in products


def test_parents_exist_and_are_no_parts_themselves() -> None:
    products = load_catalog().products
    for product in products.values():
        if product.parent_product_id:
            assert products[product.parent_product_id].kind is not Kind.component, product.product_id


def test_lifecycles_and_styles_that_products_name_exist() -> None:
    catalog = load_catalog()
    built_in = {"", "title", "major", "major.minor", "none", "java", "dotnet", "ubuntu", "acrobat", "matlab"}
    for product in catalog.products.values():
        assert not product.lifecycle or product.lifecycle in catalog.cycles, product.product_id
        assert product.family in built_in or product.family in catalog.families, (product.product_id, product.family)


def test_built_products_do_not_replace_curated_ones() -> None:
    curated = {row["product_id"] for row in read_rows(DATA / "products.csv")}
    derived, listed = ({row.values[0] for row in read_built(DATA / name, tier)} for name, tier in BUILT_PRODUCTS)
    assert not curated & (derived | listed) and not derived & listed
    assert len(derived) > 10_000 and len(listed) > 5_000


@pytest.mark.parametrize(("name", "tier"), BUILT_PRODUCTS)
def test_keys_of_built_products_are_those_of_the_folding(name: str, tier: str) -> None:
    for row in read_built(DATA / name, tier):
        values = dict(zip(BUILT_COLUMNS, row.values, strict=True))
        assert values["vendor_key"] == vendor_key(values["vendor"]), values
        assert values["vendor_phrase"] == vendor_phrase(values["vendor"]), values
        titles = [values["title"], *values["titles"].split("|")]
        assert set(values["title_keys"].split("|")) == {title_key(t) for t in titles if t}, values
        publishers = values["publishers"].split("|") if values["publishers"] else []
        assert values["publisher_keys"] == "|".join(map(vendor_key, publishers)), values


def test_licences_of_microsoft_and_builds_of_windows() -> None:
    skus = microsoft_skus()
    assert skus["SPE_E5"].name == "Microsoft 365 E5"
    assert skus[skus["SPE_E5"].sku_id].part_number == "SPE_E5"
    catalog = load_catalog()
    assert windows_release(catalog, "10.0.22631.3447") == "Windows 11 23H2"
    assert windows_release(catalog, "20348") == "Windows Server 2022"
    assert windows_release(catalog, "99999") == ""


def test_successions_of_vendors() -> None:
    found = successions()
    assert all(s.predecessor and s.vendor and s.predecessor != s.vendor and len(s.year) == 4 and s.how for s in found)
    assert len({(s.predecessor, s.vendor) for s in found}) == len(found) > 100
    assert {s.predecessor for s in found if s.vendor == "Oracle"} >= {"Sun Microsystems", "BEA Systems"}


def test_search_finds_the_product_before_its_kin() -> None:
    catalog = load_catalog()
    assert search(catalog, "acrobat reader")[0].product_id == "adobe/acrobat-reader"
    assert search(catalog, "7-zip")[0].product_id == "igor-pavlov/7-zip"
    assert search(catalog, "no such thing anywhere") == [] == search(catalog, "")


def test_patterns_of_shipped_rules_compile() -> None:
    asked: set[tuple[str, ...]] = set()
    for row in read_rows(DATA / "rules.csv"):
        if row["priority_class"] == "pattern":
            what = tuple(row[column] for column in ("title", "publisher", "version", "source"))
            assert what not in asked and compile_pattern(row["title"]), f"{row.where} is there twice"
            asked.add(what)


def test_codes_and_packages_point_at_products() -> None:
    products = load_catalog().products
    hand = ("packages.csv", "linux_names.csv", "mac_names.csv", "localized_names.csv")
    for name in (*hand, "product_codes.tsv.gz", "linux_packages.tsv.gz", "mac_apps.tsv.gz"):
        rows = read_rows(DATA / name)
        assert [row["product_id"] for row in rows if row["product_id"] not in products] == [], name
    for name in ("packages.csv", "linux_names.csv", "mac_names.csv"):
        keys = [next(iter(row.values.values())).lower() for row in read_rows(DATA / name)]
        assert [key for key, count in Counter(keys).items() if count > 1] == [], name


def test_every_data_file_has_its_licence_and_all_stay_small() -> None:
    licences = (DATA / "LICENSES.md").read_text(encoding="utf-8")
    found = [path for path in Path(DATA).iterdir() if path.suffix in {".csv", ".gz"}]
    assert [path.name for path in found if f"`{path.name}`" not in licences] == []
    assert sum(path.stat().st_size for path in found) < 5_000_000
