"""Versions: cleaned, as people call them (2013, 24.x), and where in its life a product's version stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from inventory_pipeline.catalog.folding import fold
from inventory_pipeline.catalog.model import Catalog, Cycle, Product

_SUFFIX = r"(?:[-+ ]?(?:alpha|beta|rc|preview|b|a|p|u|sp|r)[-. ]?\d*)?"
_DOTTED = re.compile(r"(?<![\d/])\d+(?:[._]\d+)+" + _SUFFIX)
_VERSION = re.compile(r"\d+" + _SUFFIX)
_YEAR = re.compile(r"(?:19[89]|20[0-4])\d(?:\.\d+)*")
_NAMED = re.compile(r"x\d|xi|x|cs\d(?:\.\d)?|dc|cc|r20\d\d[ab]|v\d+i|st\d+|xe\d*", re.IGNORECASE)
_JAVA = re.compile(r"1\.(\d+)")
_SPELLED = {"dc": "DC", "cc": "CC", "xi": "XI", "x": "X"}


def clean_version(version: str | None) -> str | None:
    """The version without decoration (`v24.08 (x64)` is `24.08`), at most 100 characters; None without a number."""
    if not version:
        return None
    folded = fold(version[:200])
    # A date in front of the version (driver packages) is not the version.
    found = _DOTTED.search(folded) or _VERSION.search(folded)
    return found.group().replace(" ", "").replace("_", ".")[:100] if found else None


def version_family(catalog: Catalog, product: Product, numbers: Sequence[str], version: str | None) -> str | None:
    """The colloquial version of a product.

    By the product's `family`: `title` takes what the title says (2013, CS6, XI); `major` and `major.minor` cut the
    version; `none` has none; other names are styles of `version_families.csv`, from version prefix to family, that
    a year in the title overrules. `numbers`: the title's words that look like versions.
    """
    style = product.family
    if style == "none":
        return None
    year = next((n for n in numbers if _YEAR.fullmatch(n)), None)
    if style == "title":
        return _from_title(numbers, year) or _cut(version, 1)
    if style == "major":
        return _cut(version or next(iter(numbers), None), 1)
    if style == "major.minor":
        return _cut(version or next(iter(numbers), None), 2)
    if style == "java":
        return _java(numbers, version)
    if style in {"dotnet", "ubuntu"}:
        return _cut(next((n for n in numbers if "." in n), None) or version or next(iter(numbers), None), 2)
    if style == "acrobat":
        return _acrobat(numbers, version)
    if style == "matlab":
        return next((n.upper().replace("A", "a").replace("B", "b") for n in numbers if _NAMED.fullmatch(n)), None)
    if style == "windows":
        named = next((n for n in numbers if n in {"7", "8", "8.1", "10", "11", "xp", "vista", "2000"}), None)
        if named:
            return {"xp": "XP", "vista": "Vista"}.get(named, named)
    if style == "dotnetfx":
        known = [family for _, family in catalog.families.get(style, ())]
        return next((n for n in numbers if n in known), None) or _by_prefix(catalog, style, (version, *numbers))
    rows = catalog.families.get(style)
    if rows:
        if style == "vcredist" and _fourteen(version, numbers):
            return "2015-2022"
        if year and style != "windows":
            return f"{year} R2" if "r2" in numbers else year
        return _by_prefix(catalog, style, (version, *numbers)) or _cut(version, 1)
    return _year_of(year, numbers, version) or _cut(version or next(iter(numbers), None), 1)


def _year_of(year: str | None, numbers: Sequence[str], version: str | None) -> str | None:
    """The year in a title as family, unless it is that of something else: the version begins with another year, the
    version itself stands before it (`WiX Toolset v3.14 Native 2017 SDK`), or it belongs to a date."""
    if not year or not version:
        return year
    counted = re.match(r"(?:19[89]|20[0-4])\d(?:\.\d+)?", version)
    if counted and counted.group()[:4] != year[:4]:
        return counted.group()
    before = list(numbers[: numbers.index(year)])
    if len(before) > 1 and all(re.fullmatch(r"[0-3]?\d", n) for n in before[-2:]):
        return None
    named = (n.lstrip("v.") for n in before if re.match(r"v?\.?\d+\.\d", n))
    return None if any(version.startswith(n) for n in named) else year


def _by_prefix(catalog: Catalog, style: str, values: Iterable[str | None]) -> str | None:
    """The family of the first value that begins with one of the style's prefixes, longest prefixes first."""
    rows = sorted(catalog.families.get(style, ()), key=lambda row: (-len(row[0]), row[0]))
    for value in values:
        for prefix, family in rows:
            if value and (value.startswith(prefix) or value == prefix.removesuffix(".")):
                return family
    return None


def _fourteen(version: str | None, numbers: Sequence[str]) -> bool:
    # From 2015 on one redistributable replaces the one before; its titles name the range in several ways.
    return any((value or "").startswith("14.") for value in (version, *numbers)) or "2015" in numbers


def _from_title(numbers: Sequence[str], year: str | None) -> str | None:
    if year:
        return f"{year} R2" if "r2" in numbers else year
    named = next((n for n in numbers if _NAMED.fullmatch(n)), None)
    if named:
        return _SPELLED.get(named, named.upper())
    first = next((n for n in numbers if re.fullmatch(r"\d{1,4}(?:\.\d+)?[a-z]?", n)), None)
    return first or (_cut(numbers[0], 2) if numbers and re.match(r"\d", numbers[0]) else None)


def _cut(version: str | None, parts: int) -> str | None:
    found = re.match(r"v?\.?0*(\d+)(?:\.(\d+))?", version or "")
    if not found:
        return None
    major, minor = found.groups()
    if parts == 2 or (major == "0" and minor):
        return f"{major}.{minor}" if minor is not None else major
    return f"{major}.x"


def _java(numbers: Sequence[str], version: str | None) -> str | None:
    for value in (*numbers, version):
        if value:
            old = _JAVA.match(value.lstrip("v"))
            if old:
                # From 5 on the first number is left out.
                return old.group(1) if int(old.group(1)) >= 5 else f"1.{old.group(1)}"
            major = re.match(r"(\d{1,2})(?:$|[.u])", value)
            if major and int(major.group(1)) >= 5:
                return major.group(1)
    return None


def _acrobat(numbers: Sequence[str], version: str | None) -> str | None:
    named = next((n for n in numbers if n in {"dc", "xi", "x"} or _YEAR.fullmatch(n)), None)
    if named:
        return _SPELLED.get(named, named)
    major = re.match(r"\d+", version or next(iter(numbers), "") or "")
    if not major:
        return None
    number = int(major.group())
    # Acrobat DC counts 15 and, from 2017 on, the year without its century.
    return {10: "X", 11: "XI"}.get(number, "DC" if number >= 15 else str(number))


def find_cycle(
    catalog: Catalog, product: Product, family: str | None, version: str | None, edition: str | None
) -> Cycle | None:
    """The release cycle of endoflife.date that a version of a product belongs to; None when it is not known."""
    cycles = catalog.cycles.get(product.lifecycle)
    if not cycles:
        return None
    if product.lifecycle == "windows":
        return _windows_cycle(cycles, version, edition)
    names = [name.lower() for name in (family, (family or "").removesuffix(".x")) if name]
    for name in names:
        exact = [c for c in cycles if _plain(c.cycle) == name or _plain(c.label) == name]
        if exact:
            return exact[0]
    # The longest cycle name that is a prefix of the version, else the newest service pack of the family.
    prefixed = [c for c in cycles if version and (version + ".").startswith(_plain(c.cycle) + ".")]
    if prefixed:
        return max(prefixed, key=lambda c: len(c.cycle))
    built = [c for c in cycles if version and c.build and version.startswith(c.build)]
    return built[0] if len(built) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r" '__codename__'|-sp\d+$| sp\d+$|-(?=r2)", lambda m: " " if m.group() == "-" else "", text.lower())


def _windows_cycle(cycles: Sequence[Cycle], version: str | None, edition: str | None) -> Cycle | None:
    found = re.match(r"\d+\.\d+(?:\.\d+)?", version or "")
    if not found:
        return None
    same = [c for c in cycles if c.build == found.group()]
    folded = (edition or "").lower()
    if "ltsc" in folded or "ltsb" in folded:
        mark = "-iot-lts" if "iot" in folded else "-e-lts"
        return next((c for c in same if c.cycle.endswith(mark)), None)
    plain = [c for c in same if "-lts" not in c.cycle and "-iot" not in c.cycle]
    for mark, words in (("-e", ("enterprise", "education")), ("-w", ("home", "pro"))):
        if folded and any(word in folded for word in words):
            return next((c for c in plain if c.cycle.endswith(mark)), plain[0] if len(plain) == 1 else None)
    return plain[0] if len(plain) == 1 else None
