"""Facts that identity works with: kinds of keys, placeholder values, vendors' names, hand corrections."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import pyarrow as pa

from inventory_pipeline.repository.storage import sql_text


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key. Merging goes by number: the strongest first.

    `moves`: the key belongs to an account rather than to hardware, so it may pass to a new machine.
    """

    number: int
    name: str
    strength: Literal["strong", "weak"]
    title: str


KEY_KINDS: tuple[KeyKind, ...] = (
    KeyKind(0, "link", "strong", "hand correction"),
    KeyKind(1, "cross_reference", "strong", "cross reference"),
    KeyKind(2, "serial_number", "strong", "serial number"),
    KeyKind(3, "smbios_uuid", "strong", "SMBIOS UUID"),
    KeyKind(4, "instance_uuid", "strong", "vCenter instance UUID"),
    KeyKind(5, "imei", "strong", "IMEI"),
    KeyKind(6, "entra_device_id", "strong", "Entra device id"),
    KeyKind(7, "ad_object_guid", "strong", "Active Directory object GUID"),
    KeyKind(8, "ad_sid", "strong", "Active Directory SID"),
    KeyKind(9, "fqdn", "weak", "fully qualified domain name"),
    KeyKind(10, "name_domain", "weak", "name and domain"),
    KeyKind(11, "mac_address", "weak", "MAC address"),
)
KIND_BY_NAME = {kind.name: kind for kind in KEY_KINDS}
UUID_KINDS: tuple[tuple[int, str], ...] = tuple(
    (KIND_BY_NAME[name].number, name) for name in ("smbios_uuid", "instance_uuid", "entra_device_id", "ad_object_guid")
)
_LISTED_AS = {"serial": ("serial_number",), "uuid": tuple(name for _, name in UUID_KINDS), "mac": ("mac_address",)}

# First word of a manufacturer's name, where vendors write theirs in several ways.
_VENDOR_WORDS = {
    "hewlett": "hp",
    "hpe": "hp",
    "hpinc": "hp",
    "asustek": "asus",
    "asustekcomputer": "asus",
    "super": "supermicro",
    "micro": "msi",
    "siemens": "fujitsu",
}


@cache
def listed_values() -> tuple[dict[str, str], ...]:
    """Rows of `data/junk_identifiers.tsv`: kind, match, value, note, source."""
    text = files("inventory_pipeline.consolidation").joinpath("data/junk_identifiers.tsv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def placeholders(kind: str) -> frozenset[str]:
    """Values of `manufacturer` or `model` that say nothing, in lower case."""
    return frozenset(
        row["value"].lower() for row in listed_values() if row["kind"] == kind and row["match"] == "exact_ci"
    )


def fold_uuid(text: str) -> str:
    """A UUID without punctuation, in the smaller of its two byte orders: 32 lower-case hexadecimal digits."""
    digits = re.sub(r"[^0-9a-z]", "", text.lower())
    pairs = [digits[i : i + 2] for i in range(0, 16, 2)]
    swapped = "".join([*pairs[3::-1], *pairs[5:3:-1], *pairs[7:5:-1]]) + digits[16:]
    return min(digits, swapped)


def junk_listed() -> pa.Table:
    """Listed values as keys: kind_no, key_value (normalized as keys are; serial numbers without vendor)."""
    rows: set[tuple[int, str]] = set()
    for row in listed_values():
        if row["match"] != "exact_ci":
            continue
        for name in _LISTED_AS.get(row["kind"], ()):
            value = re.sub(r"[^A-Z0-9]", "", row["value"].upper())
            rows.add((KIND_BY_NAME[name].number, fold_uuid(row["value"]) if row["kind"] == "uuid" else value))
    ordered = sorted(rows)
    return pa.table(
        {
            "kind_no": pa.array([row[0] for row in ordered], pa.int32()),
            "key_value": pa.array([row[1] for row in ordered], pa.string()),
        }
    )


def junk_regex(kind: str) -> str:
    """One regular expression for all listed patterns of a kind, as a SQL literal; MAC patterns without colons."""
    patterns = []
    for row in listed_values():
        if row["kind"] == kind and row["match"] in {"regex", "prefix"}:
            pattern = f"^{row['value']}" if row["match"] == "prefix" else row["value"]
            patterns.append(pattern.replace(":", "") if kind == "mac" else pattern)
    return sql_text("(?i)" + "|".join(f"({pattern})" for pattern in patterns)) if patterns else "'^$'"


def vendor_key(manufacturer: str) -> str:
    """The first word of a manufacturer's name, so that `Dell Inc.` and `DELL` are one; empty for placeholders."""
    cleaned = manufacturer.strip().lower()
    if cleaned in placeholders("manufacturer"):
        return ""
    word = next(iter(re.findall(r"[a-z0-9]+", cleaned)), "")
    return _VENDOR_WORDS.get(word, word)
