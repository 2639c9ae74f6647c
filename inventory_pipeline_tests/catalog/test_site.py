"""A site's own files: forms that spreadsheets save, and errors that name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import statements


def problems(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_catalog(folder)
    return str(caught.value)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no such folder" in problems(tmp_path / "nowhere")


def test_folder_without_files_is_the_shipped_catalog(tmp_path: Path) -> None:
    assert load_catalog(tmp_path).products == load_catalog().products


def test_every_problem_is_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "site_rules.csv").write_text(
        "rule_id,priority_class,publisher,title,product_id,kind,action\n"
        "a,publisher_title,,Widget,microsoft/office,,\n"
        "b,title,,Widget,acme/nothing,,\n"
        '"c\nd",pattern,,*,microsoft/office,,\n'
        "e,wrong,,Widget,microsoft/office,,\n"
        "f,title,,Widget,microsoft/office,gadget,\n"
        "g,title,,Widget,,,\n"
        "g,pattern,,/(/,microsoft/office,,\n"
        "h,pattern,,Widget {colour},microsoft/office,,\n"
        "i,title,,Widget,microsoft/office,,\n"
        "i,title,,Widget,microsoft/office,,\n",
        encoding="utf-8",
    )
    text = problems(tmp_path)
    for line, words in (
        (2, "needs a publisher"),
        (3, "'acme/nothing' is not in the catalog"),
        (4, "no letters besides wildcards"),
        (6, "priority_class 'wrong' is unknown"),
        (7, "kind 'gadget' is unknown"),
        (8, "product_id is missing"),
        (9, "regular expression is wrong"),
        (10, "{colour} is no placeholder"),
        (12, "was used before, at site_rules.csv:11"),
    ):
        assert any(f"site_rules.csv:{line}: " in row and words in row for row in text.split("\n")), (line, text)


def test_unknown_and_doubled_columns(tmp_path: Path) -> None:
    (tmp_path / "site_products.csv").write_text("vendor,titel,vendor\nAcme,Widget,Acme\n", encoding="utf-8")
    text = problems(tmp_path)
    assert "site_products.csv:1: column 'titel' is unknown" in text
    assert "column 'vendor' occurs twice" in text


def test_products_with_problems(tmp_path: Path) -> None:
    (tmp_path / "site_products.csv").write_text(
        "vendor,title,licensable,parent_product_id\n,Widget,,\nAcme,Widget,maybe,\nAcme,Part,,acme/nothing\n",
        encoding="utf-8",
    )
    text = problems(tmp_path)
    assert "site_products.csv:2: vendor is missing" in text
    assert "site_products.csv:3: licensable 'maybe' is unknown" in text
    assert "site_products.csv:4: parent_product_id 'acme/nothing'" in text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_as_spreadsheets_save_it(encoding: str, delimiter: str, tmp_path: Path) -> None:
    rows = (("Vendor", "Title", "Licensable"), ("Müller", "Prüfgerät", "licensed"))
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    (tmp_path / "site_products.csv").write_bytes(text.encode(encoding))
    product = load_catalog(tmp_path).products["muller/prufgerat"]
    assert (product.vendor, product.title, product.origin) == ("Müller", "Prüfgerät", "site")


def test_yaml_with_lines(tmp_path: Path) -> None:
    (tmp_path / "site_products.yaml").write_text(
        "- vendor: Acme\n  title: Widget\n  titles: [Wdgt, Widget Classic]\n", encoding="utf-8"
    )
    (tmp_path / "site_rules.yaml").write_text(
        "- rule_id: one\n  title: Wdgt*\n  version: 10.10\n  product_id: acme/widget\n", encoding="utf-8"
    )
    catalog = load_catalog(tmp_path)
    assert catalog.products["acme/widget"].titles == ("Wdgt", "Widget Classic")
    assert (catalog.site_rules[0].version, catalog.site_rules[0].where) == ("10.10", "site_rules.yaml:1")
    (tmp_path / "site_rules.yaml").write_text("- rule_id: one\n  title: [x\n", encoding="utf-8")
    assert "line 3" in problems(tmp_path)
    (tmp_path / "site_rules.yaml").write_text("- rule_id: one\n  colour: red\n- 5\n", encoding="utf-8")
    text = problems(tmp_path)
    assert "site_rules.yaml:1: column 'colour' is unknown" in text
    assert "site_rules.yaml:3: is not an entry" in text


def test_two_files_of_one_kind(tmp_path: Path) -> None:
    for suffix in ("csv", "yaml"):
        (tmp_path / f"site_rules.{suffix}").write_text("", encoding="utf-8")
    assert "both there" in problems(tmp_path)


def test_site_product_replaces_a_shipped_one_and_changes_the_version(tmp_path: Path) -> None:
    (tmp_path / "site_products.csv").write_text(
        "product_id,vendor,title\nmicrosoft/teams,Microsoft,Teams for us\n", encoding="utf-8"
    )
    own = load_catalog(tmp_path)
    assert own.products["microsoft/teams"].title == "Teams for us"
    assert own.version != load_catalog().version
    assert own.version == load_catalog(tmp_path).version


def test_a_sites_own_names_of_categories(tmp_path: Path) -> None:
    (tmp_path / "site_categories.csv").write_text("category,name\nWeb browser,43 Internet\n")
    catalog = load_catalog(tmp_path)
    row: dict[str, str | None] = {"title": "Google Chrome", "publisher": "Google LLC"}
    assert normalize_software(statements([row]), catalog).to_pylist()[0]["category"] == "43 Internet"
    assert normalize_software(statements([row]), load_catalog()).to_pylist()[0]["category"] == "Web browser"
    (tmp_path / "site_categories.csv").write_text("category,name\nWeb browser,\nToaster,X\n")
    said = problems(tmp_path)
    assert "site_categories.csv:2: name is missing" in said
    assert "site_categories.csv:3: category 'Toaster' is unknown" in said
