"""Processors: brand strings become vendor, family and model. Speed is never looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import lru_cache

import pyarrow as pa

from inventory_pipeline.catalog.devices import processor_cores
from inventory_pipeline.catalog.folding import fold, plain
from inventory_pipeline.catalog.loader import DATA
from inventory_pipeline.catalog.processor_names import plain_processor
from inventory_pipeline.catalog.reading import read_rows
from inventory_pipeline.catalog.site_processors import ProcessorRule

PROCESSOR_SCHEMA = pa.schema(
    [
        pa.field("vendor", pa.string()),
        pa.field("family", pa.string()),
        pa.field("model", pa.string()),
        pa.field("cores_per_socket", pa.int64()),
        pa.field("rule_id", pa.string()),
    ]
)
_VENDORS = (
    (re.compile(r"intel"), "Intel"),
    (re.compile(r"\bamd\b|advanced micro devices|authenticamd"), "AMD"),
    (re.compile(r"apple"), "Apple"),
    (re.compile(r"qualcomm"), "Qualcomm"),
    (re.compile(r"ampere"), "Ampere"),
    (re.compile(r"^arm\b"), "Arm"),
    (re.compile(r"\bibm\b"), "IBM"),
    (re.compile(r"\bvia\b|centaurhauls"), "VIA"),
    (re.compile(r"broadcom"), "Broadcom"),
    (re.compile(r"oracle|sun micro"), "Oracle"),
)
_COUNTS = {"single": 1, "dual": 2, "triple": 3, "quad": 4, "six": 6, "eight": 8, "twelve": 12, "sixteen": 16}
_CORES = re.compile(rf"\b(\d{{1,3}}|{'|'.join(_COUNTS)})[- ]cores?\b")
_COMPUTE_CORES = re.compile(r"compute cores (\d+)c")
_KEEP_LOWER = re.compile(r"^(?:i[3579]|v\d|m[357]?)(?=-|$)")


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor is; columns as `normalize_processors` documents them."""

    vendor: str | None
    family: str | None
    model: str | None
    cores_per_socket: int | None
    rule_id: str | None


def normalize_processors(distinct: pa.Table, rules: Sequence[ProcessorRule] = ()) -> pa.Table:
    """What each distinct processor string is.

    In: one row per distinct `vendor` and `name` (brand string), either may be null. Out: one row per row, in order,
    in `PROCESSOR_SCHEMA`. `cores_per_socket` only where the string says it (64-Core) or shipped data about that very
    processor does. The first of a site's `rules` that matches stands above all of that, with `rule_id` `site:` and its
    id. Pure: the strings, rules and shipped facts decide.
    """
    columns = [
        distinct.column(name).to_pylist() if name in distinct.column_names else [None] * distinct.num_rows
        for name in ("vendor", "name")
    ]
    found = [
        by_site_rules(normalize_processor(vendor, name), name, rules) for vendor, name in zip(*columns, strict=True)
    ]
    rows = list(zip(*(astuple(processor) for processor in found), strict=True)) or [()] * len(PROCESSOR_SCHEMA)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(rows, PROCESSOR_SCHEMA, strict=True)],
        schema=PROCESSOR_SCHEMA,
    )


def by_site_rules(found: Processor, name: str | None, rules: Sequence[ProcessorRule]) -> Processor:
    """What a processor is, after the first of a site's rules that matches its brand string."""
    shown = fold((name or "")[:300])
    rule = next((rule for rule in rules if rule.processor.fullmatch(shown)), None)
    if rule is None:
        return found
    return replace(
        found,
        vendor=rule.vendor or found.vendor,
        family=rule.family or found.family,
        model=rule.model or found.model,
        cores_per_socket=rule.cores_per_socket or found.cores_per_socket,
        rule_id=f"site:{rule.rule_id.removeprefix('site:')}",
    )


@lru_cache(maxsize=50_000)
def normalize_processor(vendor: str | None, name: str | None) -> Processor:
    """One processor; see `normalize_processors`."""
    shown = plain_processor(name)
    folded = fold(shown)
    cores = _cores(fold((name or "")[:300]), folded)
    for rule_id, regex, maker, family in _rules():
        found = regex.match(folded)
        if not found:
            continue
        # The model in the source's letters: the folded text has the same length unless accents were taken away.
        start, end = found.span("model") if found.group("model") else (0, 0)
        model = (shown if len(shown) == len(folded) else folded)[start:end].strip()
        series = model.split()[0].split("-")[0] if model else ""
        if "{series}" in family:
            family = family.replace("{series}", series.lower() if series[:1].lower() == "i" else series).strip()
        return Processor(maker, family or None, _tidy(model) or None, cores, rule_id)
    text = f"{fold(plain((vendor or '')[:200]))} {folded}"
    known = next((maker for words, maker in _VENDORS if words.search(text)), None)
    return Processor(known, None, None, cores, f"vendor:{known}" if known else None)


@lru_cache(maxsize=1)
def _rules() -> tuple[tuple[str, re.Pattern[str], str, str], ...]:
    return tuple(
        (row["rule_id"], re.compile(row["regex"]), row["vendor"], row["family"])
        for row in read_rows(DATA / "processor_rules.csv")
    )


def _cores(folded: str, plain_name: str) -> int | None:
    stated = _CORES.search(folded)
    if stated:
        return _COUNTS.get(stated.group(1)) or int(stated.group(1))
    compute = _COMPUTE_CORES.search(folded)
    if compute:
        return int(compute.group(1))
    return processor_cores().get(plain_name)


def _tidy(model: str) -> str:
    """`I7-1165g7` and `i7-1165G7` are one model: letters of numbers in capitals, but for the series."""
    words = []
    for word in model.split():
        low = word.lower()
        kept = _KEEP_LOWER.match(low)
        if kept:
            words.append(low[: kept.end()] + low[kept.end() :].upper())
        elif re.search(r"\d", word):
            words.append(word.upper())
        elif word.isupper() and len(word) > 3:
            words.append(word.title())
        else:
            words.append(word)
    return " ".join(words)
