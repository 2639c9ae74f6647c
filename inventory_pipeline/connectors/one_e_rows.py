"""From devices, management groups and responses of 1E to canonical rows.

Facts: 1E SDK, pages Devices (its examples show versions packed as four 16-bit numbers, and times as ISO 8601 or, in
older versions, as seconds since 1970), ManagementGroups, "Defining the scope" (default names of criticality), Responses
(Values follow the instruction's schema); the models Device and Response of Tachyon.SDK.Consumer (2020).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from inventory_pipeline.connectors.one_e_api import Row
from inventory_pipeline.connectors.one_e_questions import DEVICE, Plan

CRITICALITY = {"1": "Non-critical", "2": "Low", "3": "Medium", "4": "High", "5": "Critical"}
NO_GUID = "00000000-0000-0000-0000-000000000000"
STATES = {
    "installed": "installed",
    "notinstalled": "missing",
    "missing": "missing",
    "needed": "missing",
    "required": "missing",
    "available": "missing",
    "applicable": "missing",
    "failed": "failed",
    "pendingreboot": "pending_reboot",
    "rebootrequired": "pending_reboot",
    "notapplicable": "not_applicable",
    "notrequired": "not_applicable",
    "unknown": "unknown",
}
"""Words for the state of a patch, without case and blanks; others are named in the sync log."""

TIMES = frozenset({"first_used", "last_used", "install_date", "state_date", "release_date"})

Canonical = dict[str, str | None]


def device_id(item: Mapping[str, Any]) -> str | None:
    """The key of a device: the GUID that 1E gave to its client."""
    found = text(item.get("TachyonGuid"))
    return found.lower() if found and found != NO_GUID else None


def device_row(item: Row) -> Canonical:
    """A device as the search for devices gives it."""
    fqdn, platform = text(item.get("Fqdn")), text(item.get("VrPlatform"))
    smbios = text(item.get("SMBiosGuid"))
    criticality = text(item.get("Criticality"))
    return {
        DEVICE: device_id(item),
        "name": text(item.get("Name")) or fqdn,
        "domain": text(item.get("Domain")),
        "fqdn": fqdn if fqdn and "." in fqdn else None,
        "manufacturer": text(item.get("Manufacturer")),
        "model": text(item.get("Model")),
        "serial_number": text(item.get("SerialNumber")),
        "smbios_uuid": smbios if smbios != NO_GUID else None,
        "chassis_type": text(item.get("ChassisType")),
        "os_name": text(item.get("OsVerTxt")) or text(item.get("OsType")),
        "os_version": packed_version(item.get("OsVerNum")),
        "os_architecture": text(item.get("OsArchitecture")),
        "memory_mb": text(item.get("RamMB")),
        "mac_addresses": text(item.get("MAC")),
        "ip_addresses": text(item.get("LocalIpAddress")),
        "primary_user": text(item.get("User")),
        "is_virtual": "true" if platform and platform.casefold() not in ("none", "n/a", "unknown") else None,
        "criticality": CRITICALITY.get(criticality or "", None if criticality == "0" else criticality),
        "first_seen": moment(item.get("CreatedUtc")),
        "last_boot": moment(item.get("LastBootUTC")),
        "inventory_date": moment(item.get("LastConnUtc")),
        "source_object": "Devices",
        "extra": extra(
            os_type=item.get("OsType"),
            device_type=item.get("DeviceType"),
            cpu_type=item.get("CpuType"),
            cpu_architecture=item.get("CpuArchitecture"),
            bios_version=item.get("BiosVersion"),
            virtual_platform=platform,
            agent_version=packed_version(item.get("AgentVersion")),
            time_zone=item.get("TimeZoneId"),
            tags=item.get("Tags"),
            location=item.get("Location"),
        ),
    }


def group_id(item: Row) -> str | None:
    """The key of a management group: the id that scopes use, which outlives others."""
    return text(item.get("UsableId")) or text(item.get("Id"))


def group_row(item: Row) -> Canonical:
    """A management group."""
    return {
        "source_group_id": group_id(item),
        "name": text(item.get("Name")),
        "kind": "management group",
        "description": text(item.get("Description")),
        "source_object": "ManagementGroups",
    }


def member_ids(contents: Iterable[Any], by_name: Mapping[str, str]) -> tuple[list[str], int]:
    """Keys of the devices in a management group, and how many of its contents are no device that is known.

    Contents are devices, or their full names; `by_name` are keys of devices by full name in lower case.
    """
    found, unknown = set(), 0
    for entry in contents:
        item = entry if isinstance(entry, dict) else {"Fqdn": entry}
        key = device_id(item) or by_name.get((text(item.get("Fqdn")) or text(item.get("Name")) or "").lower())
        if key:
            found.add(key)
        else:
            unknown += 1
    return sorted(found), unknown


def answer_row(device: str, values: Mapping[str, Any], plan: Plan, source_object: str) -> Canonical:
    """A response as a row with canonical columns; what has no canonical place is in `extra`."""
    row: Canonical = {DEVICE: device}
    for column, name in plan.columns.items():
        row[column] = time_text(values.get(name)) if column in TIMES else text(values.get(name))
    row["source_object"] = source_object
    row["extra"] = extra(**{name: values.get(name) for name in plan.rest})
    return row


def ids(values: Mapping[str, Any] | None, column: str | None) -> list[str]:
    """Keys of patches in a column that lists them, divided by commas."""
    listed = text((values or {}).get(column)) if column else None
    return [found.lower() for one in re.split(r"[,;]", listed or "") if (found := one.strip(" {}"))]


def patch_row(row: Canonical, states: Mapping[str, str]) -> Canonical | None:
    """A response about a patch with its key and its state in canonical words; None where it has no key."""
    number = re.search(r"\d{5,}", row.get("kb") or "")
    row["kb"] = f"KB{number.group()}" if number else None
    row["update_id"] = (row.get("update_id") or "").strip("{}").lower() or row["kb"]
    word = row.get("state")
    row["state"] = states.get(folded_state(word), "unknown") if word else "unknown"
    return row if row["update_id"] else None


def folded_state(word: str | None) -> str:
    """A word for a state, without case, blanks and what stands between words."""
    return re.sub(r"[\W_]+", "", word or "").casefold()


def packed_version(number: Any) -> str | None:
    """A version that is packed into one number, as four numbers."""
    try:
        value = int(number)
    except (TypeError, ValueError):
        return text(number)
    if value <= 0:
        return None
    parts = [value >> shift & 0xFFFF for shift in (48, 32, 16, 0)]
    while len(parts) > 2 and not parts[-1]:
        parts.pop()
    return ".".join(map(str, parts))


def moment(found: Any) -> str | None:
    """A time as text in ISO 8601; seconds since 1970 are taken for UTC."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return dt.datetime.fromtimestamp(found, dt.UTC).isoformat() if found > 0 else None
    return text(found)


def time_text(found: Any) -> str | None:
    """A time of a response: text as it is, and seconds since 1970, also as text of ten digits, in ISO 8601."""
    if isinstance(found, str) and len(found) == 10 and found.isdigit():
        found = int(found)
    return moment(found)


def text(found: Any) -> str | None:
    """A value as text; blank is none."""
    if isinstance(found, str):
        return found.strip() or None
    if found is None:
        return None
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, list):
        return "; ".join(filter(None, map(text, found))) or None
    if isinstance(found, dict):
        return json.dumps(found, sort_keys=True, ensure_ascii=False) if found else None
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return str(found).strip() or None


def extra(**values: Any) -> str | None:
    """Values that have no canonical place, as JSON."""
    kept = tuple((name, said) for name, found in values.items() if (said := text(found)))
    return _written(kept) if kept else None


@lru_cache(maxsize=100_000)
def _written(kept: tuple[tuple[str, str], ...]) -> str:
    # Few of them differ between devices.
    return json.dumps(dict(kept), ensure_ascii=False)
