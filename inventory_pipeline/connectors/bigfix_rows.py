"""From retrieved properties of BigFix to canonical rows.

Facts: names and forms of the built-in properties as BigFix's own computer documents show them: OS `Win2019
10.0.17763.3406 (1809)`, CPU `2300 MHz Xeon Gold 5218`, Last Report Time as in RFC 5322, RAM with its unit, `<none>` for
nothing. Software lists of the analysis "Application Information (Windows)" have a line a program, its name before `|`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime

import pyarrow as pa

Computers = Mapping[str, Mapping[str, str]]

SOFTWARE_PROPERTIES = ("Installed Applications - Windows",)
PROPERTIES: dict[str, tuple[str, ...]] = {
    "name": ("Computer Name",),
    "fqdn": ("DNS Name",),
    "os_name": ("OS",),
    "memory_mb": ("RAM",),
    "ip_addresses": ("IP Address", "IPv6 Address"),
    "mac_addresses": ("MAC Address", "MAC Addresses"),
    "manufacturer": ("Computer Manufacturer",),
    "model": ("Computer Model",),
    "serial_number": ("Computer Serial Number", "BIOS Serial Number"),
    "smbios_uuid": ("SMBIOS UUID",),
    "primary_user": ("User Name",),
    "inventory_date": ("Last Report Time",),
}
"""Built-in properties, and those of hardware under names that sites often give them."""

ASIDE = {
    "agent_version": "Agent Version",
    "device_type": "Device Type",
    "active_directory_path": "Active Directory Path",
}
_LISTS = ("ip_addresses", "mac_addresses")
_NOTHING = frozenset({"", "<none>", "<not reported>", "n/a", "<error>"})
_CPU = re.compile(r"(\d+) MHz (.+)")
_RAM = re.compile(r"(\d+)\s*(MB|GB)?", re.IGNORECASE)
_OS_VERSION = re.compile(r"\b(\d+\.\d+(?:\.\d+)+)")


def device_rows(computers: Computers, names: Mapping[str, Sequence[str]]) -> Iterator[pa.RecordBatch]:
    """Devices; `names` are the properties of each canonical column, the first with a value counts."""
    rows: list[dict[str, object]] = []
    for key, properties in computers.items():
        row: dict[str, object] = {"source_device_id": key, "source_object": "BES_COLUMN_HEADINGS"}
        for column, candidates in names.items():
            found = [value for name in candidates if (value := _value(properties, name))]
            if found:
                row[column] = (
                    "; ".join("; ".join(text.splitlines()) for text in found) if column in _LISTS else found[0]
                )
        row["memory_mb"] = _megabytes(row.get("memory_mb"))
        row["inventory_date"] = _moment(row.get("inventory_date"))
        row["is_virtual"] = {"virtual": "true", "physical": "false"}.get(properties.get("Computer Type", "").lower())
        if "os_version" not in row and (version := os_version(str(row.get("os_name", "")))):
            row["os_version"] = version
        aside = {name: value for name, title in ASIDE.items() if (value := _value(properties, title))}
        row["extra"] = _json(aside)
        rows.append(row)
    columns = ["source_device_id", *names, "is_virtual", "os_version", "source_object", "extra"]
    yield from _batch(rows, list(dict.fromkeys(columns)))


def os_version(name: str) -> str | None:
    """The version within the name that BigFix gives a Windows system: `Win2019 10.0.17763.3406 (1809)`."""
    found = _OS_VERSION.search(name)
    return found[1] if found else None


def processor_rows(computers: Computers) -> Iterator[pa.RecordBatch]:
    """One row per computer that states its processor; BigFix's own property names the first one only."""
    rows = []
    for key, properties in computers.items():
        text = _value(properties, "CPU")
        if text is None:
            continue
        parsed = _CPU.fullmatch(text)
        name, speed = (parsed[2], parsed[1]) if parsed else (text, None)
        rows.append(
            {
                "source_device_id": key,
                "slot": "0",
                "name": name,
                "speed_mhz": speed,
                "source_object": "BES_COLUMN_HEADINGS",
            }
        )
    yield from _batch(rows, ["source_device_id", "slot", "name", "speed_mhz", "source_object"])


def software_rows(computers: Computers, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Programs of the listing properties: title, version and publisher parted by `|`; what is not stated is null."""
    rows = []
    for key, properties in computers.items():
        seen: set[tuple[str, ...]] = set()
        for name in names:
            for line in (_value(properties, name) or "").splitlines():
                parts = tuple(part.strip() for part in line.split("|"))
                if not parts[0] or parts in seen or parts[0].lower() in _NOTHING:
                    continue
                seen.add(parts)
                rows.append(
                    {
                        "source_device_id": key,
                        "title": parts[0],
                        "version": parts[1] if len(parts) > 1 and parts[1].lower() not in _NOTHING else None,
                        "publisher": parts[2] if len(parts) > 2 and parts[2].lower() not in _NOTHING else None,
                        "scope": "machine",
                        "origin": "registry",
                        "source_object": name,
                    }
                )
    yield from _batch(rows, ["source_device_id", "title", "version", "publisher", "scope", "origin", "source_object"])


def _value(properties: Mapping[str, str], name: str) -> str | None:
    text = properties.get(name, "").strip()
    return None if text.lower() in _NOTHING else text


def _megabytes(text: object) -> object:
    """`16384 MB` and `16 GB` as megabytes; what is neither is left as it is, to be set aside with its reason."""
    found = _RAM.fullmatch(str(text or ""))
    if found is None:
        return text
    return str(int(found[1]) * (1024 if (found[2] or "").upper() == "GB" else 1))


def _moment(text: object) -> object:
    """A time of RFC 5322 in UTC; what is none is left as it is, to be set aside with its reason."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(str(text))
    except (TypeError, ValueError):
        return text
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(values: Mapping[str, str]) -> str | None:
    return json.dumps(values, ensure_ascii=False) if values else None


def _batch(rows: list[dict[str, object]], columns: list[str]) -> Iterator[pa.RecordBatch]:
    if rows:
        schema = pa.schema([(column, pa.string()) for column in columns])
        texts = [{k: None if v is None else str(v) for k, v in row.items()} for row in rows]
        yield pa.RecordBatch.from_pylist(texts, schema)
