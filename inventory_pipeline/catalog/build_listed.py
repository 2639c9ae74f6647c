"""Products that further open lists name: weaknesses by vendor and product, packages of other package managers,
applications of macOS, packages of Linux distributions.

They are a tier of their own (`listed`): a list says that a product exists and whose it is, not how an uninstall list
spells it, so that such a product only decides where the publisher agrees or the title names the vendor.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from inventory_pipeline.catalog.build_rows import Found
from inventory_pipeline.catalog.build_winget import clean_name, without_vendor
from inventory_pipeline.catalog.folding import fold, slug, title_key, tokens, vendor_key
from inventory_pipeline.catalog.titles import TitleReader
from inventory_pipeline.catalog.writing import read_tsv

# What is no software on a computer, and titles that name a version of a product instead of a product.
_NOT_SOFTWARE = re.compile(
    r"firmware|\bbios\b|router|camera|switch(?:es)?\b|printer|\bplc\b|wordpress|woocommerce|buddypress|joomla|drupal"
    r"|\bwp\b|plug-?in|theme\b|elementor|gutenberg|gateway|chipset|processor|motherboard|snapdragon|modem|thinkpad"
    r"|thinksystem|thinkagile|\bnas\b|scalance|ruggedcom|simatic (?:s7|et|cp)|shortcode|series\b|\brev\.|appliance"
    r"|multiple products|android|\bios\b",
    re.IGNORECASE,
)
_MODEL_CODE = re.compile(r"\b(?=[\w/-]*\d{3})(?=[\w/-]*[a-z])[\w/-]+\b|\b[a-z]+\d*-[a-z]*\d", re.IGNORECASE)
_OF_A_VERSION = re.compile(
    r"\(cu|\bversion \d|service pack|\bfor (?:x64|x86|arm64|32-bit|\()|cumulative|server core| on (?:windows|linux|mac)"
    r"|[|,;:<>]|\d\.\d|\b\d{1,2}h\d\b",
    re.IGNORECASE,
)
_FREE_HOSTS = re.compile(
    r"(?:^|\.)(?:github|gitlab|sourceforge|google|codeplex|bitbucket|wordpress|blogspot|apple|appspot|netlify|vercel"
    r"|codeberg|sr|herokuapp|archive|gnu|gnome|kde|microsoft|mozilla|readthedocs|steampowered|itch)\.\w+$|\.github\.io$"
)
_SECOND_LEVEL = frozenset(["co", "com", "org", "net", "ac", "gov", "edu", "or", "ne"])
_DECORATION = re.compile(r"\s*\((?:install|portable|cask|[\w ]*only)\)\s*$", re.IGNORECASE)
_PACKERS = frozenset(
    [
        "debian",
        "ubuntu",
        "ubuntu_developers",
        "canonical",
        "gentoo",
        "suse",
        "opensuse",
        "redhat",
        "fedoraproject",
        "centos",
    ]
)
"""Makers of distributions: they own packages of their own too, which the other lists have."""
_DISTRIBUTION_PACKAGE = re.compile(r"pkg:(?:deb|rpm)/[\w.-]+/([a-z0-9][a-z0-9+._-]*)")


class ListedBuilder:
    """Collects products of lists that neither the curated nor the derived catalog has.

    `reader` reads titles against the catalog built so far; `vendors` maps vendor keys to known vendors.
    """

    def __init__(self, reader: TitleReader, vendors: Mapping[str, str]) -> None:
        self.reader, self.vendors = reader, vendors
        self.products: dict[str, Found] = {}
        self.packages: dict[str, str] = {}
        self.further: dict[str, set[str]] = defaultdict(set)

    def build(self, sources: Path) -> None:
        """Reads every list of a folder of sources."""
        self._weaknesses(sources)
        self._chocolatey(sources)
        for name, homepage, source in self._applications(sources):
            self._application(name, homepage, source)
        self._distribution_packages(sources)

    def add(self, vendor: str, title: str, source: str, tags: str = "") -> str:
        """A product of a list; returns its id, which is that of a known product where there is one, else empty when
        the title is none."""
        if source != "packages":
            title = clean_name(without_vendor(" ".join(_DECORATION.sub("", title).split()), vendor))
        vendor = self.vendors.get(vendor_key(vendor), vendor)
        if source != "packages":
            title = without_vendor(title, vendor)
        if not re.search(r"[^\W\d_]{2}", title) or len(title) > 80 or not vendor_key(vendor):
            return ""
        match = self.reader.match(tokens(fold(title)), vendor_key(vendor))
        if match and match.agreement == "publisher" and not match.unexplained:
            return match.product.product_id
        product_id = f"{slug(vendor)}/{slug(title)}"
        if product_id.startswith("/") or product_id.endswith("/"):
            return ""
        if product_id not in self.reader.catalog.products:
            entry = self.products.setdefault(product_id, Found(vendor, title))
            entry.sources.add(source)
            entry.tags.update(tags.lower().split())
            if title_key(title) != title_key(entry.title):
                entry.titles.add(title)
        return product_id

    def _weaknesses(self, sources: Path) -> None:
        """Vendor and product as vendors spell them in records of weaknesses; only vendors known from elsewhere."""
        known = set(self.vendors)
        listed = gzip.decompress((sources / "recog_vendor.txt.gz").read_bytes()).decode()
        known.update(vendor_key(line) for line in listed.split("\n"))
        pairs: Counter[tuple[str, str]] = Counter()
        with gzip.open(sources / "cisa_kev.csv.gz", "rt", encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                known.add(vendor_key(row["vendorProject"]))
                pairs[(row["vendorProject"], row["product"])] += 1
        for row in read_tsv(sources / "vulnrichment_products.tsv.gz"):
            if row["kind"] == "cna" and vendor_key(row["vendor"]) in known:
                pairs[(row["vendor"], row["product"])] += int(row["cve_count"] or 0)
        for (vendor, product), _ in sorted(pairs.items(), key=lambda p: (-p[1], p[0])):
            if not any(p.search(product) for p in (_NOT_SOFTWARE, _MODEL_CODE, _OF_A_VERSION)):
                self.add(vendor.replace("™", "").strip(), product, "weaknesses")

    def _chocolatey(self, sources: Path) -> None:
        """Titles with their authors; an author of a known product is a further publisher of it."""
        for row in read_tsv(sources / "chocolatey.tsv.gz"):
            author = row["authors"].split(",")[0].strip()
            if "{" in row["id"] or not vendor_key(author) or _NOT_SOFTWARE.search(row["title"]):
                continue
            title = _DECORATION.sub("", row["title"])
            owners = self.reader.catalog.titles.get(title_key(clean_name(title)), ())
            if len(owners) == 1 and len(title) >= 5:
                self.further[owners[0]].add(author)
            else:
                self.add(author, title, "chocolatey", row["tags"])

    def _applications(self, sources: Path) -> Iterator[tuple[str, str, str]]:
        """Name, home page and list of applications whose maker no list names."""
        for row in read_tsv(sources / "homebrew_cask_2019.tsv.gz"):
            yield row["names"].split("|")[0], row["homepage"], "casks"
        for row in read_tsv(sources / "scoop.tsv.gz"):
            shortcuts = {part.split("\\")[-1] for part in row["shortcut_names"].split("|") if part}
            same = [s for s in shortcuts if slug(s).replace("-", "") == row["name"].replace("-", "")]
            if same:
                yield same[0], row["homepage"], "scoop"

    def _application(self, name: str, homepage: str, source: str) -> None:
        title = clean_name(name)
        if title_key(title) in self.reader.catalog.titles or _NOT_SOFTWARE.search(title):
            return
        label = vendor_of_homepage(homepage)
        if label and title:
            self.add(self.vendors.get(vendor_key(label), label), title, source)

    def _distribution_packages(self, sources: Path) -> None:
        """Names of rpm and deb packages to the product and vendor that they carry."""
        found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        products_of: dict[str, set[str]] = defaultdict(set)
        for row in read_tsv(sources / "purl2cpe.tsv.gz"):
            maker = row["cpe_vendor"].strip("_")
            products_of[maker].add(row["cpe_product"])
            package = _DISTRIBUTION_PACKAGE.match(row["purl"])
            if package and maker not in _PACKERS:
                found[package.group(1).lower()][(maker, row["cpe_product"])] += 1
        for package, pairs in sorted(found.items()):
            named = [pair for pair in pairs if slug(pair[1]) == slug(package)]
            if not named and (len({pair[0] for pair in pairs}) > 1 or not self._is_known(next(iter(pairs))[0])):
                continue
            # Of several makers: a known vendor, then the project of that name itself, then the one with more products.
            vendor, product = max(
                named or pairs,
                key=lambda pair: (
                    self._is_known(pair[0]),
                    pair[0].removesuffix("_project") == pair[1],
                    pairs[pair],
                    len(products_of[pair[0]]),
                    pair,
                ),
            )
            title = package if slug(product) == slug(package) else product.replace("_", " ")
            product_id = self.add(self._maker(vendor), title, "packages")
            if product_id:
                self.packages[package] = product_id

    def _is_known(self, maker: str) -> bool:
        """True for a vendor that the catalog has from elsewhere than the packages themselves."""
        return vendor_key(maker.replace("_", " ")) in self.reader.catalog.vendors

    def _maker(self, vendor: str) -> str:
        plain = vendor.removesuffix("_project").strip("_").replace("_", " ")
        return self.vendors.get(vendor_key(plain)) or " ".join(
            word.upper() if len(word) <= 3 else word.capitalize() for word in plain.split()
        )


def vendor_of_homepage(url: str) -> str:
    """The maker that an application's home page names: the owner of a repository, else the domain's own label."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    host = (parts.hostname or "").lower().removeprefix("www.")
    path = [part for part in parts.path.split("/") if part]
    if host in {"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"}:
        return path[0] if path else ""
    if host.endswith((".github.io", ".gitlab.io")):
        return host.split(".")[0]
    if not host or _FREE_HOSTS.search(host):
        return ""
    labels = host.split(".")[:-1]
    if len(labels) > 1 and labels[-1] in _SECOND_LEVEL:
        labels = labels[:-1]
    label = labels[-1] if labels else ""
    return " ".join(part.capitalize() for part in label.split("-")) if len(label) > 2 else label.upper()


def lifecycles_of(sources: Path) -> dict[str, tuple[str, str]]:
    """Title key of a product of endoflife.date to its name there and its own vendor key by CPE, empty if unknown."""
    found: dict[str, tuple[str, str]] = {}
    vendors: dict[str, str] = {}
    titles: dict[str, str] = {}
    for row in read_tsv(sources / "endoflife_identifiers.tsv.gz"):
        titles[row["product"]] = row["title"]
        if row["kind"] == "cpe":
            parts = row["value"].replace("cpe:2.3:", "cpe:/").removeprefix("cpe:/").split(":")
            if len(parts) >= 3:
                vendors.setdefault(row["product"], vendor_key(parts[1].replace("_", " ")))
    for name, title in sorted(titles.items()):
        found.setdefault(title_key(title), (name, vendors.get(name, "")))
    return found
