"""Shipped facts about devices and processors: vendors, families, machine types, virtual machines, placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from inventory_pipeline.catalog.folding import fold, vendor_key
from inventory_pipeline.catalog.loader import DATA
from inventory_pipeline.catalog.reading import read_rows


@dataclass(frozen=True, slots=True)
class VirtualRule:
    """A maker and model by which a virtual machine is recognized."""

    rule_id: str
    manufacturer: re.Pattern[str]
    model: re.Pattern[str]
    vendor: str
    family: str
    model_name: str


@dataclass(frozen=True, slots=True)
class Family:
    """A model family by the words that its models begin with; `device_type` is empty when it has several."""

    prefix: re.Pattern[str]
    name: str
    device_type: str


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Everything that device normalization looks up. Keys are folded."""

    vendors: Mapping[str, str]
    families: Mapping[str, tuple[Family, ...]]
    machine_types: Mapping[str, str]
    apple_models: Mapping[str, str]
    virtual: tuple[VirtualRule, ...]
    placeholders: Mapping[str, re.Pattern[str]]
    chassis: Mapping[str, str]


@lru_cache(maxsize=1)
def device_facts() -> DeviceFacts:
    """The shipped facts, read once."""
    vendors: dict[str, str] = {}
    for row in read_rows(DATA / "device_vendors.csv"):
        for name in (row["vendor"], *row.many("aliases")):
            vendors.setdefault(vendor_key(name), row["vendor"])
    families: dict[str, list[tuple[str, Family]]] = {}
    for row in read_rows(DATA / "device_families.csv"):
        if row["prefix"]:
            family = Family(_prefix(fold(row["prefix"])), row["family"], row["device_type"])
            families.setdefault(row["vendor"], []).append((row["prefix"], family))
    placeholders: dict[str, list[str]] = {"manufacturer": [], "model": []}
    for row in read_rows(DATA / "device_placeholders.csv"):
        for column in placeholders if row["kind"] == "both" else (row["kind"],):
            placeholders[column].append(_wildcard_text(row["pattern"]))
    return DeviceFacts(
        vendors=vendors,
        families={
            vendor: tuple(family for _, family in sorted(rows, key=lambda r: (-len(r[0]), r[0])))
            for vendor, rows in families.items()
        },
        machine_types={r["machine_type"]: r["model"] for r in read_rows(DATA / "lenovo_machine_types.tsv.gz")},
        apple_models={r["identifier"].lower(): r["model"] for r in read_rows(DATA / "apple_models.tsv.gz")},
        virtual=tuple(
            VirtualRule(
                row["rule_id"],
                re.compile(_wildcard_text(row["manufacturer"])),
                re.compile(_wildcard_text(row["model"])),
                row["vendor"],
                row["family"],
                row["model_name"],
            )
            for row in read_rows(DATA / "virtual_machines.csv")
        ),
        # Nothing but punctuation, zeros, or a counting number names no device either.
        placeholders={
            name: re.compile("|".join([*found, r"[\W_0]*", r"0?1234567\d*", r"x+"]))
            for name, found in placeholders.items()
        },
        chassis={row["chassis"]: row["device_type"] for row in read_rows(DATA / "chassis_types.csv")},
    )


@lru_cache(maxsize=1)
def processor_cores() -> Mapping[str, int]:
    """Cores per socket by processor name (`processor_names.plain_processor`, in lower case)."""
    return {row["name"]: int(row["cores"]) for row in read_rows(DATA / "processor_cores.tsv.gz")}


def _wildcard_text(pattern: str) -> str:
    return re.escape(fold(pattern)).replace(r"\*", ".*")


def _prefix(folded: str) -> re.Pattern[str]:
    # Short prefixes are series letters and need a number behind (Z440, t620); others end with a word.
    if len(folded) <= 2:
        return re.compile(re.escape(folded) + r"(?=\d)")
    return re.compile(re.escape(folded) + (r"" if folded[-1] in "-" else r"(?![a-z])"))
