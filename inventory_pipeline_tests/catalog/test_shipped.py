"""The shipped catalog holds together: ids, parents, rules, size, licences."""

from __future__ import annotations

from pathlib import Path

from inventory_pipeline.catalog.loader import DATA, load_catalog
from inventory_pipeline.catalog.model import Kind
from inventory_pipeline.catalog.reading import read_rows


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


def test_derived_products_do_not_replace_curated_ones() -> None:
    curated = {row["product_id"] for row in read_rows(DATA / "products.csv")}
    derived = {row["product_id"] for row in read_rows(DATA / "derived_products.tsv.gz")}
    assert not curated & derived


def test_codes_and_packages_point_at_products() -> None:
    products = load_catalog().products
    for name in ("product_codes.tsv.gz", "packages.csv"):
        assert all(row["product_id"] in products for row in read_rows(DATA / name)), name


def test_every_data_file_has_its_licence_and_all_stay_small() -> None:
    licences = (DATA / "LICENSES.md").read_text(encoding="utf-8")
    found = [path for path in Path(DATA).iterdir() if path.suffix in {".csv", ".gz"}]
    assert [path.name for path in found if f"`{path.name}`" not in licences] == []
    assert sum(path.stat().st_size for path in found) < 5_000_000
