"""Which rule decides: classes in their order, the site before the shipped catalog, and when nothing may decide."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.catalog.rules import RULE_COLUMNS
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import Ask, statements

PRODUCTS = "product_id,vendor,title,kind,licensable,editions\n" + "".join(
    f"acme/{name},Acme,{name.title()},application,licensed,Pro|Basic\n"
    for name in ("code", "package", "published", "pattern", "title")
)


def site(folder: Path, *rules: dict[str, str]) -> Catalog:
    (folder / "site_products.csv").write_text(PRODUCTS, encoding="utf-8")
    with (folder / "site_rules.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, RULE_COLUMNS)
        writer.writeheader()
        writer.writerows(rules)
    return load_catalog(folder)


BY_CLASS = [
    {"rule_id": "c", "product_code": "{12345678-1234-1234-1234-123456789ABC}", "product_id": "acme/code"},
    {"rule_id": "p", "package_family": "Acme.Widget_8wekyb3d8bbwe", "product_id": "acme/package"},
    {"rule_id": "pt", "publisher": "Acme Inc.", "title": "Widget", "product_id": "acme/published"},
    {"rule_id": "pa", "title": "Widget*", "product_id": "acme/pattern"},
    {"rule_id": "t", "priority_class": "title", "title": "Widget", "product_id": "acme/title"},
]


@pytest.mark.parametrize("left_out", range(6))
def test_most_specific_class_decides(left_out: int, tmp_path: Path, ask: Ask) -> None:
    catalog = site(tmp_path, *BY_CLASS[left_out:])
    found = ask(
        "Widget",
        "ACME Incorporated",
        "1.0",
        product_code="{12345678-1234-1234-1234-123456789abc}",
        package_family="Acme.Widget_8wekyb3d8bbwe",
        catalog=catalog,
    )
    names = ("code", "package", "published", "pattern", "title")
    if left_out < 5:
        assert (found["product_id"], found["decided_by"]) == (f"acme/{names[left_out]}", "site_rule")
        assert found["rule_id"] == BY_CLASS[left_out]["rule_id"]
        assert "site_rules.csv:2" in found["evidence"]
    else:
        assert found["decided_by"] != "site_rule"


def test_rows_of_the_input_do_not_change_the_order(tmp_path: Path, ask: Ask) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    forward, backward = site(first, *BY_CLASS[2:]), site(second, *reversed(BY_CLASS[2:]))
    for catalog in (forward, backward):
        assert ask("Widget", "Acme", catalog=catalog)["product_id"] == "acme/published"


def test_site_wins_over_a_shipped_product_code(tmp_path: Path, ask: Ask, catalog: Catalog) -> None:
    code, product_id = next(iter(catalog.codes.items()))
    assert ask("Anything", "Anyone", product_code=code)["product_id"] == product_id
    own = site(
        tmp_path, {"rule_id": "mine", "priority_class": "title", "title": "Anything", "product_id": "acme/title"}
    )
    found = ask("Anything", "Anyone", product_code=code, catalog=own)
    assert (found["product_id"], found["decided_by"], found["confidence"]) == ("acme/title", "site_rule", 1.0)


def test_site_title_rule_holds_for_any_publisher(tmp_path: Path, ask: Ask) -> None:
    own = site(tmp_path, {"rule_id": "m", "priority_class": "title", "title": "Zoom", "product_id": "acme/title"})
    assert ask("Zoom", "Zoom Video Communications, Inc.", catalog=own)["product_id"] == "acme/title"
    assert ask("Zoom", "Somebody else", catalog=own)["product_id"] == "acme/title"


def test_pattern_placeholders_give_family_and_edition(tmp_path: Path, ask: Ask) -> None:
    own = site(
        tmp_path,
        {
            "rule_id": "x",
            "title": "Widget {year} {edition} (64-bit)*",
            "product_id": "acme/pattern",
            "version_family": "{year}",
        },
    )
    found = ask("Widget 2021 Pro (64-bit) - English", "Acme", "21.3.1", catalog=own)
    assert (found["version_family"], found["edition"], found["version"]) == ("2021", "Pro", "21.3.1")


@pytest.mark.parametrize(
    ("wanted", "version", "holds"),
    [("15.*", "15.2", True), ("15.*", "150.1", False), ("15", "15.2", True), ("15", "16", False), ("15", None, False)],
)
def test_version_condition(wanted: str, version: str | None, holds: bool, tmp_path: Path, ask: Ask) -> None:
    rule = {"rule_id": "v", "publisher": "Acme", "title": "Widget", "version": wanted, "product_id": "acme/published"}
    assert (ask("Widget", "Acme", version, catalog=site(tmp_path, rule))["product_id"] == "acme/published") is holds


def test_source_condition(tmp_path: Path, ask: Ask) -> None:
    rule = {"rule_id": "s", "source": "sccm", "title": "Widget", "priority_class": "title", "product_id": "acme/title"}
    own = site(tmp_path, rule)
    assert ask("Widget", source="sccm", catalog=own)["product_id"] == "acme/title"
    assert ask("Widget", source="intune", catalog=own)["product_id"] is None


def test_ignored_rows_are_decided_without_product(tmp_path: Path, ask: Ask) -> None:
    rule = {"rule_id": "i", "title": "Widget helper*", "action": "ignore"}
    found = ask("Widget helper 3", "Acme", catalog=site(tmp_path, rule))
    assert (found["decided_by"], found["product_id"], found["suggestion_title"]) == ("site_rule", None, None)


def test_site_products_are_found_by_their_titles(tmp_path: Path, ask: Ask) -> None:
    found = ask("Acme Published Pro 3.1 (x64)", "Acme GmbH", "3.1", catalog=site(tmp_path))
    assert (found["product_id"], found["edition"], found["version"]) == ("acme/published", "Pro", "3.1")


def test_package_family_without_its_hash_and_version(ask: Ask) -> None:
    found = ask("Microsoft.VCLibs.140.00.UWPDesktop", package_family="Microsoft.VCLibs.140.00.UWPDesktop_8wekyb3d8bbwe")
    assert found["product_id"] == "microsoft/visual-c-plus-plus-redistributable"


@pytest.mark.parametrize(
    ("title", "publisher"),
    [
        ("Google Chrome", "Evil Corp"),
        ("Adobe Acrobat Reader DC", "Free Downloads Ltd"),
        ("7-Zip 24.08", "Mallory"),
        ("Access", None),
        ("Agent", None),
        ("R", None),
        ("Frobnicator Deluxe 3.2", "Frob Inc."),
        ("Microsoft Office Helper Frobnicator", "Microsoft Corporation"),
        ("", None),
    ],
)
def test_never_confident_without_agreement(title: str, publisher: str | None, ask: Ask) -> None:
    found = ask(title, publisher)
    assert found["product_id"] is None
    assert found["confidence"] < 0.9
    assert found["decided_by"] in {"parsed", "none"}


def test_a_publisher_does_not_lend_its_decision_to_another(catalog: Catalog) -> None:
    rows = [{"title": "Google Chrome", "publisher": p} for p in ("Google LLC", "Evil Corp", None)]
    found = normalize_software(statements(rows), catalog).to_pylist()
    assert [row["product_id"] for row in found] == ["google/chrome", None, "google/chrome"]
    assert found[0]["confidence"] > found[2]["confidence"]


def test_parsed_rows_suggest_vendor_and_title(ask: Ask) -> None:
    found = ask("Frobnicator Deluxe 3.2.1 (x64)", "Frob Software, Inc.", "3.2.1")
    assert (found["suggestion_vendor"], found["suggestion_title"]) == ("Frob Software", "Frobnicator Deluxe")
    assert (found["decided_by"], found["level"], found["version"]) == ("parsed", "none", "3.2.1")
    assert ask("Frobnicator", "Adobe Systems Incorporated")["level"] == "vendor"


@pytest.mark.parametrize("title", ["MÃ¼nchner RÃ¼ckversicherung", "Caf\ufffd", "Gestión Ã¡rea"])
def test_mojibake_goes_to_review(title: str, ask: Ask) -> None:
    found = ask(title, "Some Vendor")
    assert (found["decided_by"], found["product_id"]) == ("none", None)
    assert "codepage" in found["evidence"]


@pytest.mark.parametrize(
    ("title", "publisher", "origin", "product_id"),
    [
        ("LibreOffice", "Fedora Project", None, "the-document-foundation/libreoffice"),
        ("vim", "Debian Vim Maintainers <team@example.org>", "deb", "vim/vim"),
        ("python3.12", "Ubuntu Developers <ubuntu@example.org>", "deb", "python-software-foundation/python"),
        ("java-17-openjdk-headless", "Red Hat, Inc.", "rpm", "openjdk/openjdk"),
        ("podman", "Red Hat, Inc.", "rpm", "red-hat/podman"),
        ("glibc", "Red Hat, Inc.", "registry", None),
        ("vim", None, "registry", None),
    ],
)
def test_packagers_are_not_vendors(
    title: str, publisher: str | None, origin: str | None, product_id: str | None, ask: Ask
) -> None:
    assert ask(title, publisher, origin=origin)["product_id"] == product_id


def test_publisher_of_a_certificate_and_package_name_as_title(ask: Ask) -> None:
    subject = "CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"
    assert ask("Microsoft Teams", subject)["product_id"] == "microsoft/teams"
    assert ask("Microsoft.WindowsTerminal", subject)["rule_id"] == "package:microsoft/windows-terminal"


def test_exe_names_of_usage_data(ask: Ask) -> None:
    assert ask("WINWORD.EXE", "Microsoft Corporation", origin="file")["product_id"] == "microsoft/word"
    assert ask("winword.exe", "Mallory", origin="file")["product_id"] is None


@pytest.mark.parametrize(
    ("title", "package", "origin", "product_id"),
    [
        ("GlobalProtect.app", "com.paloaltonetworks.Other", "app bundle", "palo-alto-networks/globalprotect"),
        ("Word", "com.microsoft.something", "app bundle", "microsoft/word"),
        ("Word", "com.google.something", "app bundle", None),
        ("Photoshop", "AdobeSystemsIncorporated.Something_ynb6jyjzte8ga", "appx", "adobe/photoshop"),
        ("Word", None, "app bundle", None),
    ],
)  # fmt: skip
def test_a_package_name_stands_for_a_missing_publisher(
    title: str, package: str | None, origin: str, product_id: str | None, ask: Ask
) -> None:
    found = ask(title, None, None, package_family=package, origin=origin)
    assert found["product_id"] == product_id
    if product_id:
        assert "the package's name names the vendor" in found["evidence"] and found["confidence"] == 0.96


def test_a_stated_publisher_stands_above_the_package_name(ask: Ask) -> None:
    assert ask("Word", "Evil Corp", None, package_family="com.microsoft.something")["product_id"] is None


def test_names_of_macos_applications_count_on_macos_alone(ask: Ask) -> None:
    on_mac = ask("OnyX", None, "4.6.2", origin="app bundle")
    assert (on_mac["product_id"], on_mac["version"]) == ("titanium-software/onyx", "4.6.2")
    assert ask("OnyX", None, "4.6.2", origin="registry")["product_id"] is None
    assert ask("OnyX", "Evil Corp", "4.6.2", origin="app bundle")["product_id"] is None


@pytest.mark.parametrize(
    ("title", "publisher", "origin", "product_id"),
    [
        ("Photos", None, "app bundle", "apple/photos"),
        ("Photos", None, "registry", None),
        ("Photos", "Nokia", "app bundle", "nokia/photos"),
        ("Arc.app", None, "app bundle", "the-browser-company/arc"),
        ("which", "Red Hat, Inc.", "rpm", "gnu-project/which-command"),
        ("which.x86_64", "Somebody <maintainer@example.org>", "rpm", "gnu-project/which-command"),
        ("which", "Oracle Corporation", "rpm", "gnu-project/which-command"),
        ("which", "Adobe Inc.", "rpm", None),
        ("which", None, "registry", None),
    ],
)
def test_names_that_one_origin_alone_makes_certain(
    title: str, publisher: str | None, origin: str, product_id: str | None, ask: Ask
) -> None:
    assert ask(title, publisher, "1.2", origin=origin)["product_id"] == product_id


def test_regular_expressions_are_asked_whatever_they_begin_with(tmp_path: Path, ask: Ask) -> None:
    patterns = (
        r"/frob+nitz \d/",
        r"/quux|zork \d+/",
        r"/(?:ab|cd)c tool/",
        r"/^Widgetry? \d/",
        r"/X-ray [a|b]{2} view/",
    )
    rows = "".join(f'"{pattern}",contoso/desk\n' for pattern in patterns)
    (tmp_path / "site_rules.csv").write_text(f"title,product_id\n{rows}")
    (tmp_path / "site_products.csv").write_text("vendor,title\nContoso,Desk\n")
    site = load_catalog(tmp_path)
    for title in ("Frobbbnitz 4", "Quux", "Zork 12", "cdc tool", "Widgetr 1", "WIDGETRY 2", "x-ray ab view"):
        assert ask(title, "Anybody", catalog=site)["product_id"] == "contoso/desk", title
    assert ask("Fronitz 4", "Anybody", catalog=site)["product_id"] is None


def test_a_sites_product_stands_above_names_of_one_origin(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "site_products.csv").write_text("vendor,title\nContoso,which\nContoso,Photos\n")
    site = load_catalog(tmp_path)
    assert ask("which", None, "1.2", origin="rpm", catalog=site)["product_id"] == "contoso/which"
    assert ask("Photos", "Contoso", "1.2", origin="app bundle", catalog=site)["product_id"] == "contoso/photos"
    assert ask("Photos", "Apple", "1.2", origin="app bundle", catalog=site)["product_id"] == "apple/photos"


@pytest.mark.parametrize(
    ("title", "product_id"),
    [("Go Programming Language amd64 go1.22.3", "google/go"), ("Go", None), ("Connect application", None)],
)
def test_longer_spellings_of_everyday_titles_need_words_of_their_own(
    title: str, product_id: str | None, ask: Ask
) -> None:
    assert ask(title)["product_id"] == product_id
