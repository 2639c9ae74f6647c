"""The builder on a small set of sources: what becomes a product, where it is attached, and the same bytes twice."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from inventory_pipeline.catalog.build import build
from inventory_pipeline.catalog.build_listed import vendor_of_homepage
from inventory_pipeline.catalog.build_winget import clean_publisher, split_edition
from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.reading import read_rows
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import statements

# ruff: noqa: E501 (rows of tables read best on one line)

SOURCES = {
    "winget_products_2024-07.tsv.gz": "id\tname\tpublisher\tmoniker\tlicense\ttags\tdescription\tall_names\tall_publishers\tlocalized\n"
    "Acme.Widget\tWidget 3.2 (x64)\tAcme Tools Ltd\t\tMIT\tutility|PDF Viewer\t\tWidget|Widget Classic\tAcme\tde-DE=Wicht\n"
    "Acme.Spy.Ent\tAcme Spy 2025 Enterprise Edition\tAcme Tools Ltd\t\t\t\t\tAcme Spy 2025 Enterprise Edition\t\t\n"
    "Acme.Spy.Pro\tAcme Spy 2026 Professional Edition\tAcme Tools Ltd\t\t\t\t\tAcme Spy 2026 Professional Edition\t\t\n"
    "Microsoft.Teams\tMicrosoft Teams\tMicrosoft Corporation\t\tProprietary\t\t\tMicrosoft Teams\t\t\n",
    "winget_index_2026-08.tsv.gz": "id\tname\tversion\ttags\tlast_update\nAcme.Gadget\tGadget\t1\t\t\n",
    "winget_arp_displaynames.tsv.gz": "id\tdisplay_name\tpublisher\tdisplay_version\tproduct_code\tarch\n"
    "Acme.Widget\tACME Widget Pro 3.2\tAcme Tools Limited\t3.2\t{11111111-2222-3333-4444-555555555555}\tx64\n",
    "winget_productcodes.tsv.gz": "id\tproduct_code\nAcme.Gadget\t{aaaaaaaa-2222-3333-4444-555555555555}\n"
    "Acme.Widget\tWidget_is1\n",
    "endoflife_cycles.tsv.gz": "product\ttitle\tcategory\tcycle\tlabel\tcodename\trelease_date\tend_active_support\teol\tend_extended\tlts\tlatest\n"
    "frizmo\tFrizmo\tapp\t2\t2\t\t2024-01-01\t\t2026-01-01\t\t\t2.1\n",
    "endoflife_identifiers.tsv.gz": "product\ttitle\tcategory\tkind\tvalue\nfrizmo\tFrizmo\tapp\tcpe\tcpe:2.3:a:initech:frizmo\n",
    "ms_licensing_skus.tsv.gz": "Product_Display_Name\tString_Id\tGUID\tService_Plan_Name\tService_Plan_Id\tService_Plans_Included_Friendly_Names\n"
    "Acme 365\tACME_E5\tABCDEF00-0000-0000-0000-000000000000\tA\tB\tC\nAcme 365\tACME_E5\tABCDEF00-0000-0000-0000-000000000000\tD\tE\tF\n",
    "vulnrichment_products.tsv.gz": "kind\tpart\tvendor\tproduct\tcve_count\n"
    "cna\t\tInitech\tFrizmo\t9\ncna\t\tInitech\tFrizmo Firmware\t3\ncna\t\tInitech\tRT-AX88U\t3\ncna\t\tNobody Knows\tThing\t1\n"
    "cna\t\tMicrosoft\tMicrosoft SQL Server 2019 for x64-based Systems (CU 27)\t3\n",
    "cisa_kev.csv.gz": "cveID,vendorProject,product\nCVE-1,Initech,Sprocket\nCVE-2,Initech,Multiple Products\n",
    "recog_vendor.txt.gz": "Initech\n",
    "chocolatey.tsv.gz": "id\ttitle\tauthors\ttags\tproject_url\tsummary\nwidget\tWidget (Install)\tWilma Widget\t\t\t\n",
    "homebrew_cask_2019.tsv.gz": "token\tnames\thomepage\tversion\nzork\tZork Editor\thttps://www.zorksoft.example.co.uk/\t1\n",
    "installomator.tsv.gz": "label\tname\ttype\tapp_name\tapple_team_id\n"
    "widgetclassic\tWidget Classic\tdmg\t\tAAAAAAAAAA\ngadget\tGadget\tdmg\tGadget Installer.app\tBBBBBBBBBB\n",
    "scoop.tsv.gz": "bucket\tname\tversion\tdescription\thomepage\tlicense\tshortcut_names\n"
    "Extras\tquux-view\t1\t\thttps://github.com/quuxer/quux\tMIT\tQuux View\n",
    "purl2cpe.tsv.gz": "cpe_vendor\tcpe_product\tpurl\ninitech\tfrobd\tpkg:deb/debian/frobd\n"
    "solo_project\tsolo\tpkg:rpm/fedora/solo\ndebian\tapt\tpkg:deb/debian/apt\n",
    "linuxhw_models.tsv.gz": "ctype\tcvendor\tcfamily\tcmodel\tmanufacturer\tproduct_name\tversion\tsku\tfamily\tchassis_type\tboard_manufacturer\tboard_product\tprobes\n",
    "linuxhw_cpu_strings.tsv.gz": "cpu_manufacturer\tcpu_version\tcpu_core_count\tn\n",
    "apple_ios-device-identifiers.json.gz": "{}",
    "apple_mac-device-identifiers.json.gz": "{}",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    sources = tmp_path_factory.mktemp("sources")
    for name, text in SOURCES.items():
        (sources / name).write_bytes(gzip.compress(text.encode()))
    outputs = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for output in outputs:
        build(sources, output)
    return outputs


def test_the_same_sources_give_the_same_bytes(built: tuple[Path, Path]) -> None:
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in built)
    assert one == two
    assert load_catalog(None, built[0]).version == load_catalog(None, built[1]).version


def test_what_becomes_a_product(built: tuple[Path, Path]) -> None:
    products = load_catalog(None, built[0]).products
    widget = products["acme-tools/widget"]
    assert (widget.origin, widget.licensable, set(widget.titles)) == (
        "derived",
        "free",
        {"Widget Classic", "Wicht", "ACME Widget Pro"},
    )
    assert "Wilma Widget" in widget.publishers, "an author of a package is a further publisher"
    frizmo = products["initech/frizmo"]
    assert (frizmo.origin, frizmo.lifecycle) == ("listed", "frizmo")
    assert "initech/sprocket" in products and "zorksoft/zork-editor" not in products
    made = {i for i, p in products.items() if p.origin != "curated"}
    assert not [
        i for i in made if "firmware" in i or "ax88" in i or "thing" in i or "multiple" in i or "sql-server" in i
    ]
    assert products["quuxer/quux-view"].origin == "listed"


def test_what_is_attached_to_known_products(built: tuple[Path, Path]) -> None:
    catalog = load_catalog(None, built[0])
    assert "microsoft/teams" in catalog.products and catalog.products["microsoft/teams"].origin == "curated"
    assert catalog.codes["{11111111-2222-3333-4444-555555555555}"] == "acme-tools/widget"
    assert catalog.codes["{aaaaaaaa-2222-3333-4444-555555555555}"] == "acme-tools/gadget"
    assert "widget_is1" not in catalog.codes
    packages = {row["package"] for row in read_rows(built[0] / "linux_packages.tsv.gz")}
    assert catalog.linux_packages["frobd"] == "initech/frobd" and "frobd" in packages and "apt" not in packages


def test_names_of_macos_applications(built: tuple[Path, Path]) -> None:
    found = load_catalog(None, built[0]).mac_apps
    assert found["zork editor"] == "example/zork-editor", "whom the home page names"
    assert found["widget classic"] == "acme-tools/widget"
    assert "gadget" not in found, "one everyday word says too little of who made it"
    assert "gadget installer" not in found


def test_a_list_decides_only_with_the_vendor(built: tuple[Path, Path]) -> None:
    catalog = load_catalog(None, built[0])
    rows = [{"title": "Frizmo 2.1", "publisher": p} for p in ("Initech Inc.", "Evil Corp", None)]
    found = normalize_software(statements(rows), catalog).to_pylist()
    assert [row["product_id"] for row in found] == ["initech/frizmo", None, None]
    assert str(found[0]["end_of_support"]) == "2026-01-01"


@pytest.mark.parametrize(
    ("url", "vendor"),
    [
        ("https://github.com/owner/tool", "owner"),
        ("https://owner.github.io/tool", "owner"),
        ("https://www.sweetscape.com/010editor", "Sweetscape"),
        ("http://zork-soft.co.uk/", "Zork Soft"),
        ("https://sourceforge.net/projects/x", ""),
        ("", ""),
    ],
)
def test_makers_by_home_page(url: str, vendor: str) -> None:
    assert vendor_of_homepage(url) == vendor


def test_tags_say_the_category(built: tuple[Path, Path]) -> None:
    products = load_catalog(None, built[0]).products
    assert products["acme-tools/widget"].category == "PDF", "the most telling tag, not the first"
    assert products["acme-tools/gadget"].category == ""


def test_years_and_editions_of_one_product_fold(built: tuple[Path, Path]) -> None:
    catalog = load_catalog(None, built[0])
    assert catalog.products["acme-tools/acme-spy"].editions == ("Enterprise", "Professional")
    row: dict[str, str | None] = {"title": "Acme Spy 2027 Enterprise Edition", "publisher": "Acme Tools Ltd"}
    found = normalize_software(statements([row]), catalog).to_pylist()[0]
    assert (found["product_id"], found["edition"]) == ("acme-tools/acme-spy", "Enterprise")


@pytest.mark.parametrize(
    ("name", "title", "edition"),
    [
        ("DatabaseSpy 2025 Enterprise Edition", "DatabaseSpy", "Enterprise"),
        ("Password Depot 18 (Corporate Edition)", "Password Depot", "Corporate"),
        ("Widget Pro", "Widget Pro", ""),
        ("7 Days Home", "7 Days Home", ""),
    ],
)
def test_editions_behind_a_version(name: str, title: str, edition: str) -> None:
    assert split_edition(name) == (title, edition)


@pytest.mark.parametrize(
    ("stated", "publisher"),
    [
        ("2024 Celartem, Inc. d.b.a Extensis All rights reserved", "Extensis"),
        ("Systweak Software, 1999-2021 All rights reserved.", "Systweak Software"),
        ("(c) 2006-2011, Tom Thielicke IT Solutions", "Tom Thielicke IT Solutions"),
        ("© Kakao Entertainment Corp.", "Kakao Entertainment Corp"),
        ("2BrightSparks", "2BrightSparks"),
        ("9001", "9001"),
        ("Initech Inc.", "Initech Inc."),
    ],
)
def test_publishers_without_notices(stated: str, publisher: str) -> None:
    assert clean_publisher(stated) == publisher
