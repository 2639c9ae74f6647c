"""Builds the derived part of the shipped catalog from open data.

    python -m inventory_pipeline.catalog.build SOURCES

SOURCES is a folder with `winget_products_2024-07.tsv.gz`, `winget_index_2026-08.tsv.gz`,
`winget_arp_displaynames.tsv.gz`, `winget_productcodes.tsv.gz`, `endoflife_cycles.tsv.gz`, `linuxhw_models.tsv.gz`,
`linuxhw_cpu_strings.tsv.gz` and the two Apple identifier files; `data/LICENSES.md` names the origin of each.
Curated files (`products.csv`, `vendors.csv`, `words.csv`, ...) are written by hand and are input here: what the open
data says about a curated product is attached to it, and only the rest becomes products of its own. The same sources
give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from inventory_pipeline.catalog.build_devices import build_device_data
from inventory_pipeline.catalog.folding import fold, slug, title_key, tokens, vendor_key
from inventory_pipeline.catalog.loader import DATA, curated_catalog
from inventory_pipeline.catalog.reading import Row, read_rows
from inventory_pipeline.catalog.titles import TitleReader

SKIPPED_LIFECYCLES = re.compile(
    r"iphone|ipad$|samsung-|galaxy|pixel|nokia|motorola|oneplus|xperia|kindle|watch|fairphone|nexus$|surface"
    r"|intel-processors|nvidia-gpu|sns-|raspberry|amazon-(?!linux|corretto)|google-kubernetes|azure-kubernetes|lambda"
    r"|routeros|openbsd|looker|^tls$|^pci-dss$|^product$"
)
_CHANNEL = re.compile(
    r"(?:[ .-]+(?:beta|alpha|preview|pre-?release|nightly|canary|dev|insiders?"
    r"|eap|rc|esr|lts|snapshot|stable|portable))+$",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?:[ -]+(?:version |v)?\d+(?:\.\d+)*(?:\.x)?)+$", re.IGNORECASE)
_ARCHITECTURE = re.compile(r"[ -]*[(\[]?\b(?:x64|x86|amd64|arm64|64-?bit|32-?bit|win64|win32)\b[)\]]?", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*[)\]]")
_FREE = re.compile(
    r"\b(?:mit|gpl|lgpl|agpl|apache|bsd|mpl|isc|unlicense|zlib|wtfpl|public domain|freeware|free|cc0|cddl|epl|eupl"
    r"|artistic|open source|boost|gnu|mozilla public|psf|libpng|ms-pl|bsl-1\.0|0bsd|cc-by)\b",
    re.IGNORECASE,
)
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")


def clean_name(name: str) -> str:
    """A product's name without version, architecture and channel behind it."""
    name = " ".join(_EMPTY_BRACKETS.sub("", _ARCHITECTURE.sub("", name)).split())
    for _ in range(4):
        shorter = _CHANNEL.sub("", _VERSION.sub("", name)).strip(" -_")
        if shorter == name or len(re.findall(r"[^\W\d_]", shorter)) < 2:
            break
        name = shorter
    return name


def split_words(identifier: str) -> str:
    """`BellSoft` stays; `TheDocumentFoundation` becomes `The Document Foundation`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z]{2})", " ", identifier)


class Builder:
    """Collects products of the open data: attached to curated ones where vendor and title agree."""

    def __init__(self) -> None:
        self.vendors: dict[str, str] = {}
        for row in read_rows(DATA / "vendors.csv"):
            for spelling in (row["vendor"], *row.many("aliases")):
                self.vendors.setdefault(vendor_key(spelling), row["vendor"])
        self.reader = TitleReader(curated_catalog())
        self.by_winget: dict[str, str] = {}
        for row in read_rows(DATA / "products.csv"):
            for winget in row.many("winget"):
                self.by_winget[winget.lower()] = row["product_id"]
        self.products: dict[str, dict[str, object]] = {}
        self.of_id: dict[str, str] = {}
        self.publisher_of_prefix: dict[str, str] = {}

    def curated_of(self, publisher: str, names: Iterable[str], winget_id: str) -> str:
        """The curated product that an entry is, by its winget id or by what one of its names says."""
        parts = winget_id.lower().split(".")
        for count in range(len(parts), 1, -1):
            found = self.by_winget.get(".".join(parts[:count]))
            if found:
                return found
        for name in names:
            match = self.reader.match(tokens(fold(name)), vendor_key(publisher))
            if match and match.agreement == "publisher" and not match.unexplained:
                return match.product.product_id
        return ""

    def add(self, winget_id: str, name: str, publisher: str, names: Sequence[str], licence: str) -> None:
        """One winget entry."""
        publisher = publisher or self.publisher_of_prefix.get(winget_id.split(".")[0], "")
        vendor = self.vendors.get(vendor_key(publisher)) or publisher or split_words(winget_id.split(".")[0])
        if not title_key(name) or not vendor_key(vendor):
            return
        known = self.curated_of(publisher or vendor, (name, *names), winget_id)
        if known:
            self.of_id[winget_id.lower()] = known
            return
        title = clean_name(name)
        stripped = _without_vendor(title, vendor)
        product_id = f"{slug(vendor)}/{slug(stripped)}"
        if product_id.startswith("/") or product_id.endswith("/"):
            return
        if product_id in self.reader.catalog.products:
            self.of_id[winget_id.lower()] = product_id
            return
        entry = self.products.setdefault(
            product_id, {"vendor": vendor, "title": stripped, "titles": set(), "publishers": set(), "free": None}
        )
        self.of_id[winget_id.lower()] = product_id
        titles, publishers = entry["titles"], entry["publishers"]
        assert isinstance(titles, set) and isinstance(publishers, set)  # noqa: S101 (for the type checker)
        titles.update(clean_name(n) for n in (name, *names) if title_key(clean_name(n)))
        publishers.add(publisher)
        if licence:
            entry["free"] = bool(_FREE.search(licence))


def _without_vendor(title: str, vendor: str) -> str:
    words, name = tokens(fold(title)), tokens(fold(vendor))
    if len(words) > len(name) and words[: len(name)] == name and title.lower().startswith(vendor.lower()):
        rest = title[len(vendor) :].strip(" -_:")
        if len(re.findall(r"[^\W\d_]", rest)) >= 3:
            return rest
    return title


def build_products(sources: Path) -> Builder:
    """Products, titles and publishers of winget's manifests of 2024 and its index of 2026."""
    builder = Builder()
    rows = list(_tsv(sources / "winget_products_2024-07.tsv.gz"))
    prefixes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        prefixes[row["id"].split(".")[0]][row["publisher"]] += 1
    for prefix, counts in prefixes.items():
        builder.publisher_of_prefix[prefix] = min(counts, key=lambda p, c=counts: (-c[p], p))
    for row in rows:
        builder.add(row["id"], row["name"], row["publisher"], row["all_names"].split("|"), row["license"])
    for row in _tsv(sources / "winget_index_2026-08.tsv.gz"):
        if row["id"].lower() not in builder.of_id:
            builder.add(row["id"], row["name"], "", (), "")
    for row in _tsv(sources / "winget_arp_displaynames.tsv.gz"):
        product = builder.products.get(builder.of_id.get(row["id"].lower(), ""))
        name = clean_name(row["display_name"])
        if product and title_key(name) and isinstance(product["titles"], set):
            product["titles"].add(name)
            if row["publisher"] and isinstance(product["publishers"], set):
                product["publishers"].add(row["publisher"])
    return builder


def product_rows(builder: Builder) -> Iterator[list[str]]:
    """Rows of `derived_products.tsv.gz`."""
    for product_id, entry in sorted(builder.products.items()):
        titles, publishers = entry["titles"], entry["publishers"]
        assert isinstance(titles, set) and isinstance(publishers, set)  # noqa: S101 (for the type checker)
        own = {title_key(str(entry["title"]))}
        spellings: dict[str, str] = {}
        for title in sorted(titles):
            if title_key(title) not in own and "|" not in title:
                spellings.setdefault(title_key(title), title)
        vendor = vendor_key(str(entry["vendor"]))
        others = sorted({p for p in publishers if p and vendor_key(p) != vendor and "|" not in p})
        free = {True: "free", False: "unknown", None: "unknown"}[entry["free"]]  # type: ignore[index]
        yield [
            product_id,
            str(entry["vendor"]),
            str(entry["title"]),
            free,
            "|".join(sorted(spellings.values())[:12]),
            "|".join(others[:8]),
        ]


def code_rows(sources: Path, builder: Builder) -> Iterator[list[str]]:
    """Rows of `product_codes.tsv.gz`: MSI product codes only, and only those that one product has."""
    owners: dict[str, set[str]] = defaultdict(set)
    for name in ("winget_productcodes", "winget_arp_displaynames"):
        for row in _tsv(sources / f"{name}.tsv.gz"):
            product_id = builder.of_id.get(row["id"].lower(), "")
            if product_id and _GUID.fullmatch(row["product_code"]):
                owners[row["product_code"].upper()].add(product_id)
    for code, found in sorted(owners.items()):
        if len(found) == 1:
            yield [code, *found]


def cycle_rows(sources: Path) -> Iterator[list[str]]:
    """Rows of `cycles.tsv.gz`: release cycles of software, without phones, boards and hosted services."""
    for row in _tsv(sources / "endoflife_cycles.tsv.gz"):
        if SKIPPED_LIFECYCLES.search(row["product"]):
            continue
        dates = [d if re.fullmatch(r"\d{4}-\d\d-\d\d", d) else "" for d in (row["release_date"], row["eol"])]
        build = row["latest"] if row["product"] in {"windows", "windows-server"} else ""
        yield [row["product"], row["cycle"], row["label"], *dates, build]


def _tsv(path: Path) -> list[Row]:
    # Sources quote nothing; a quotation mark is part of the text.
    text = gzip.decompress(path.read_bytes()).decode()
    lines = text.split("\n")
    headings = lines[0].split("\t")
    return [
        Row(dict(zip(headings, line.split("\t"), strict=False)), path.name, number)
        for number, line in enumerate(lines[1:], 2)
        if line
    ]


def write_gzip(path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Writes a compressed TSV without time stamp, so that the same rows give the same bytes; returns the rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(headings)
    count = 0
    for row in rows:
        writer.writerow([" ".join(value.split()) for value in row])
        count += 1
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    return count


def main(sources: Path) -> None:
    """Builds every derived file from a folder of sources and prints what came out."""
    builder = build_products(sources)
    headings = ["product_id", "vendor", "title", "licensable", "titles", "publishers"]
    written = {
        "derived_products.tsv.gz": write_gzip(DATA / "derived_products.tsv.gz", headings, product_rows(builder)),
        "product_codes.tsv.gz": write_gzip(
            DATA / "product_codes.tsv.gz", ["product_code", "product_id"], code_rows(sources, builder)
        ),
        "cycles.tsv.gz": write_gzip(
            DATA / "cycles.tsv.gz",
            ["lifecycle", "cycle", "label", "release_date", "end_of_support", "build"],
            cycle_rows(sources),
        ),
        **build_device_data(sources, DATA, write_gzip),
    }
    for name, count in written.items():
        size = (DATA / name).stat().st_size
        print(f"{name:<28} {count:>7,} rows {size / 1000:>8,.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
