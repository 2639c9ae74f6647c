"""Products, titles and publishers of winget's manifests: what uninstall lists of Windows call software."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from inventory_pipeline.catalog.build_rows import Found
from inventory_pipeline.catalog.folding import fold, slug, title_key, tokens, vendor_key
from inventory_pipeline.catalog.loader import DATA, curated_catalog
from inventory_pipeline.catalog.reading import read_rows
from inventory_pipeline.catalog.titles import TitleReader
from inventory_pipeline.catalog.vendors import clean_vendor
from inventory_pipeline.catalog.writing import read_tsv

_CHANNEL = re.compile(
    r"(?:[ .-]+(?:beta|alpha|preview|pre-?release|nightly|canary|dev|insiders?"
    r"|eap|rc|esr|lts|snapshot|stable|portable))+$",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?:[ -]+(?:version |v)?\d+(?:\.\d+)*(?:\.x)?)+$", re.IGNORECASE)
_ARCHITECTURE = re.compile(r"[ -]*[(\[]?\b(?:x64|x86|amd64|arm64|64-?bit|32-?bit|win64|win32)\b[)\]]?", re.IGNORECASE)
_EMPTY_BRACKETS = re.compile(r"[(\[]\s*[)\]]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")
_EDITIONS = "|".join(
    sorted((re.escape(row["word"]) for row in read_rows(DATA / "words.csv") if row["class"] == "edition"), key=len)[
        ::-1
    ]
)
_NUMBERED_EDITION = re.compile(
    rf"(?P<title>.*[^\W\d_]{{2}}.*?)[ -]+v?\d+(?:\.\d+)*[ -]+[(\[]?(?P<edition>{_EDITIONS})(?: edition)?[)\]]?",
    re.IGNORECASE,
)
_RIGHTS = re.compile(r"\W*(?:\d{4}\s*-\s*\d{4}\W*)?\ball rights reserved\b.*$|^.*\bd\.?b\.?a\.?\s+", re.IGNORECASE)
_COPYRIGHT = re.compile(
    r"^(?:copyright\s*)?(?:\(c\)|©)?\s*(?:\d{4}(?:\s*-\s*\d{4})?[\s,]+)?(?=.*[^\W\d_])", re.IGNORECASE
)
_NOTICE = re.compile(r"rights reserved|copyright|^\(c\)|©|^\d{4} |\bd\.?b\.?a\b", re.IGNORECASE)
_FREE = re.compile(
    r"\b(?:mit|gpl|lgpl|agpl|apache|bsd|mpl|isc|unlicense|zlib|wtfpl|public domain|freeware|free|cc0|cddl|epl|eupl"
    r"|artistic|open source|boost|gnu|mozilla public|psf|libpng|ms-pl|bsl-1\.0|0bsd|cc-by)\b",
    re.IGNORECASE,
)


def clean_name(name: str) -> str:
    """A product's name without version, architecture and channel behind it."""
    name = " ".join(_EMPTY_BRACKETS.sub("", _ARCHITECTURE.sub("", name)).split())
    for _ in range(4):
        shorter = _CHANNEL.sub("", _VERSION.sub("", name)).strip(" -_")
        if shorter == name or len(re.findall(r"[^\W\d_]", shorter)) < 2:
            break
        name = shorter
    return name


def split_edition(name: str) -> tuple[str, str]:
    """A product's name, and the edition that stands behind a version in it: `DatabaseSpy 2025 Enterprise Edition` is
    the edition Enterprise of DatabaseSpy. Without a version between them both belong to the name."""
    found = _NUMBERED_EDITION.fullmatch(name)
    if not found:
        return name, ""
    edition = re.sub(r"(?i) edition$", "", found["edition"])
    return clean_name(found["title"]), edition.title() if edition.islower() else edition


def clean_publisher(publisher: str) -> str:
    """A publisher without the words of a copyright notice around it."""
    return _COPYRIGHT.sub("", _RIGHTS.sub("", publisher)).strip(" ,.") if _NOTICE.search(publisher) else publisher


def split_words(identifier: str) -> str:
    """`BellSoft` stays; `TheDocumentFoundation` becomes `The Document Foundation`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z]{2})", " ", identifier)


class WingetBuilder:
    """Collects products of winget: attached to curated ones where vendor and title agree."""

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
        self.products: dict[str, Found] = {}
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

    def add(
        self,
        winget_id: str,
        name: str,
        publisher: str,
        names: Sequence[str],
        licence: str,
        localized: Sequence[str],
        tags: str,
    ) -> None:
        """One winget entry. A build for one language (`Mozilla.Firefox.de`, `Mozilla Firefox (de)`) is its product."""
        language = winget_id.rsplit(".", 1)[-1]
        if _LANGUAGE.fullmatch(language):
            name, *names = (n.removesuffix(f"({language})").strip() for n in (name, *names))
        publisher = publisher or self.publisher_of_prefix.get(winget_id.split(".")[0], "")
        vendor = self.vendors.get(vendor_key(publisher)) or publisher or split_words(winget_id.split(".")[0])
        if not title_key(name) or not vendor_key(vendor):
            return
        known = self.curated_of(publisher or vendor, (name, *names), winget_id)
        if known:
            self.of_id[winget_id.lower()] = known
            return
        title, _ = split_edition(clean_name(name))
        stripped = without_vendor(title, vendor)
        product_id = f"{slug(vendor)}/{slug(stripped)}"
        if product_id.startswith("/") or product_id.endswith("/"):
            return
        self.of_id[winget_id.lower()] = product_id
        if product_id in self.reader.catalog.products:
            return
        entry = self.products.setdefault(product_id, Found(vendor, stripped, {"winget"}))
        spellings = [split_edition(clean_name(n)) for n in (name, *names, *localized)]
        entry.titles.update(spelling for spelling, _ in spellings if title_key(spelling))
        entry.editions.update(e for _, e in spellings if e)
        entry.publishers.add(publisher)
        entry.tags.update(tag.strip().lower().replace(" ", "-") for tag in re.split(r"[|,]", tags))
        if licence:
            entry.licensable = "free" if _FREE.search(licence) else "unknown"


def without_vendor(title: str, vendor: str) -> str:
    """A title without its vendor in front, unless hardly anything remains."""
    words, name = tokens(fold(title)), tokens(fold(vendor))
    if len(words) > len(name) and words[: len(name)] == name and title.lower().startswith(vendor.lower()):
        rest = title[len(vendor) :].strip(" -_:")
        if len(re.findall(r"[^\W\d_]", rest)) >= 3:
            return rest
    return title


def winget_products(sources: Path) -> WingetBuilder:
    """Products, titles and publishers of winget's manifests of 2024 and its index of 2026."""
    builder = WingetBuilder()
    rows = read_tsv(sources / "winget_products_2024-07.tsv.gz")
    prefixes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    spellings: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        publisher = clean_publisher(row["publisher"])
        prefixes[row["id"].split(".")[0]][publisher] += 1
        spellings[vendor_key(publisher)][publisher] += 1
    # One spelling of each vendor: the most frequent, then the shortest; without legal form, as people call it.
    spellings.pop("", None)
    for key, counts in spellings.items():
        spelling = min(counts, key=lambda p, c=counts: (-c[p], len(p), p))
        builder.vendors.setdefault(key, clean_vendor(spelling) or spelling)
    for prefix, counts in prefixes.items():
        builder.publisher_of_prefix[prefix] = min(counts, key=lambda p, c=counts: (-c[p], p))
    for row in rows:
        localized = [part.split("=", 1)[-1] for part in row["localized"].split("|") if part]
        names = row["all_names"].split("|")
        publisher = clean_publisher(row["publisher"])
        builder.add(row["id"], row["name"], publisher, names, row["license"], localized, row["tags"])
    for row in read_tsv(sources / "winget_index_2026-08.tsv.gz"):
        if row["id"].lower() not in builder.of_id:
            builder.add(row["id"], row["name"], "", (), "", (), row["tags"])
    for row in read_tsv(sources / "winget_arp_displaynames.tsv.gz"):
        product = builder.products.get(builder.of_id.get(row["id"].lower(), ""))
        name, edition = split_edition(clean_name(row["display_name"]))
        if product and title_key(name):
            product.titles.add(name)
            product.editions.update({edition} - {""})
            if row["publisher"]:
                product.publishers.add(clean_publisher(row["publisher"]))
    return builder
