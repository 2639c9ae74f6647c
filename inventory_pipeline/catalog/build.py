"""Builds the derived part of the shipped catalog from open data.

    python -m inventory_pipeline.catalog.build SOURCES [OUTPUT]

SOURCES is a folder with the files that `data/LICENSES.md` names beside their origins; OUTPUT (default: the package's
own data) gets a whole build, with the files that are written by hand. Those (`products.csv`, `vendors.csv`,
`words.csv`, ...) are input here: what the open data says about a curated product is attached to it, and only the rest
becomes products of its own. The same sources give the same bytes.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from inventory_pipeline.catalog.build_devices import build_device_data
from inventory_pipeline.catalog.build_listed import ListedBuilder, lifecycles_of
from inventory_pipeline.catalog.build_mac import MacBuilder
from inventory_pipeline.catalog.build_rows import product_rows, vendors_by_hand
from inventory_pipeline.catalog.build_winget import WingetBuilder, winget_products
from inventory_pipeline.catalog.loader import DATA, curated_catalog
from inventory_pipeline.catalog.products import BUILT_COLUMNS, BuiltRow
from inventory_pipeline.catalog.titles import TitleReader
from inventory_pipeline.catalog.writing import read_tsv, write_gzip

SKIPPED_LIFECYCLES = re.compile(
    r"iphone|ipad$|samsung-|galaxy|pixel|nokia|motorola|oneplus|xperia|kindle|watch|fairphone|nexus$|surface"
    r"|intel-processors|nvidia-gpu|sns-|raspberry|amazon-(?!linux|corretto)|google-kubernetes|azure-kubernetes|lambda"
    r"|routeros|openbsd|looker|^tls$|^pci-dss$|^product$"
)
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")


def code_rows(sources: Path, winget: WingetBuilder) -> Iterator[list[str]]:
    """Rows of `product_codes.tsv.gz`: MSI product codes only, and only those that one product has."""
    owners: dict[str, set[str]] = defaultdict(set)
    for name in ("winget_productcodes", "winget_arp_displaynames"):
        for row in read_tsv(sources / f"{name}.tsv.gz"):
            product_id = winget.of_id.get(row["id"].lower(), "")
            if product_id and _GUID.fullmatch(row["product_code"]):
                owners[row["product_code"].upper()].add(product_id)
    for code, found in sorted(owners.items()):
        if len(found) == 1:
            yield [code, *found]


def cycle_rows(sources: Path) -> Iterator[list[str]]:
    """Rows of `cycles.tsv.gz`: release cycles of software, without phones, boards and hosted services."""
    for row in read_tsv(sources / "endoflife_cycles.tsv.gz"):
        if SKIPPED_LIFECYCLES.search(row["product"]):
            continue
        dates = [d if re.fullmatch(r"\d{4}-\d\d-\d\d", d) else "" for d in (row["release_date"], row["eol"])]
        build = row["latest"] if row["product"] in {"windows", "windows-server"} else ""
        yield [row["product"], row["cycle"], row["label"], *dates, build]


def sku_rows(sources: Path) -> Iterator[list[str]]:
    """Rows of `microsoft_skus.tsv.gz`: part number, GUID and product name of Microsoft's online licences."""
    seen: dict[tuple[str, str], str] = {}
    for row in read_tsv(sources / "ms_licensing_skus.tsv.gz"):
        if row["String_Id"] and row["GUID"]:
            seen.setdefault((row["String_Id"].strip(), row["GUID"].strip().lower()), row["Product_Display_Name"])
    for (part_number, guid), name in sorted(seen.items()):
        yield [part_number, guid, name]


def build(sources: Path, output: Path = DATA) -> dict[str, int]:
    """Writes a build from a folder of sources; rows by file.

    `output` gets the files that are written by hand too when it is not the package's own data.
    """
    output.mkdir(parents=True, exist_ok=True)
    if output.resolve() != DATA.resolve():
        for path in DATA.iterdir():
            if path.is_file():
                shutil.copyfile(path, output / path.name)
    lifecycles = {key: value for key, value in lifecycles_of(sources).items() if not _skipped(value[0])}
    vendors = vendors_by_hand()
    winget = winget_products(sources)
    derived = list(product_rows(winget.products, lifecycles, vendors))
    catalog = curated_catalog(BuiltRow(row, "derived") for row in derived)
    listed = ListedBuilder(TitleReader(catalog), catalog.vendors)
    listed.build(sources)
    mac_apps = MacBuilder(listed).build(sources)
    for product_id, authors in listed.further.items():
        if product_id in winget.products:
            winget.products[product_id].publishers |= authors
    return {
        "derived_products.tsv.gz": write_gzip(
            output / "derived_products.tsv.gz", BUILT_COLUMNS, product_rows(winget.products, lifecycles, vendors)
        ),
        "listed_products.tsv.gz": write_gzip(
            output / "listed_products.tsv.gz", BUILT_COLUMNS, product_rows(listed.products, lifecycles, vendors)
        ),
        "product_codes.tsv.gz": write_gzip(
            output / "product_codes.tsv.gz", ["product_code", "product_id"], code_rows(sources, winget)
        ),
        "linux_packages.tsv.gz": write_gzip(
            output / "linux_packages.tsv.gz", ["package", "product_id"], map(list, sorted(listed.packages.items()))
        ),
        "mac_apps.tsv.gz": write_gzip(
            output / "mac_apps.tsv.gz", ["name", "product_id"], map(list, sorted(mac_apps.items()))
        ),
        "cycles.tsv.gz": write_gzip(
            output / "cycles.tsv.gz",
            ["lifecycle", "cycle", "label", "release_date", "end_of_support", "build"],
            cycle_rows(sources),
        ),
        "microsoft_skus.tsv.gz": write_gzip(
            output / "microsoft_skus.tsv.gz", ["part_number", "sku_id", "name"], sku_rows(sources)
        ),
        **build_device_data(sources, output, write_gzip),
    }


def _skipped(lifecycle: str) -> bool:
    return SKIPPED_LIFECYCLES.search(lifecycle) is not None


def main(sources: Path, output: Path = DATA) -> None:
    """Builds every derived file from a folder of sources and prints what came out."""
    for name, count in build(sources, output).items():
        size = (output / name).stat().st_size
        print(f"{name:<28} {count:>7,} rows {size / 1000:>8,.0f} kB")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))
