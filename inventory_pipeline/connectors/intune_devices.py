"""Rows of devices that Intune manages: managedDevices, joined with the report DevicesWithInventory and Entra's devices.

Facts: Microsoft Graph v1.0 schema (managedDevice, device; managementState, managementAgentType); Microsoft Intune,
"Reports and properties available using Graph API" (DevicesWithInventory: its headings differ from the names of columns;
ProcessorArchitecture 0 x86, 5 ARM, 9 x64, 12 ARM64). A list of managedDevices gives physicalMemoryInBytes and
ethernetMacAddress as nothing; the report has the latter. Graph beta: configurationManagerClientInformation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.graph_directory import EntraDevices
from inventory_pipeline.connectors.graph_table import Objects, columns_of, extra_texts, values_of

COLUMNS = {
    "source_device_id": "id",
    "name": "deviceName",
    "manufacturer": "manufacturer",
    "model": "model",
    "serial_number": "serialNumber",
    "os_name": "operatingSystem",
    "os_version": "osVersion",
    "entra_device_id": "azureADDeviceId",
    "imei": "imei",
    "primary_user": "userPrincipalName",
    "first_seen": "enrolledDateTime",
    "inventory_date": "lastSyncDateTime",
}
EXTRA = {
    "management_agent": "managementAgent",
    "management_state": "managementState",
    "compliance_state": "complianceState",
    "owner_type": "managedDeviceOwnerType",
    "enrollment_type": "deviceEnrollmentType",
    "category": "deviceCategoryDisplayName",
    "is_encrypted": "isEncrypted",
    "is_supervised": "isSupervised",
    "jail_broken": "jailBroken",
    "android_security_patch": "androidSecurityPatchLevel",
    "meid": "meid",
    "storage_bytes": "totalStorageSpaceInBytes",
}
SELECT = (
    *COLUMNS.values(), *EXTRA.values(), "physicalMemoryInBytes", "wiFiMacAddress", "ethernetMacAddress",
)  # fmt: skip
RETIRING = frozenset({"retirePending", "retireIssued", "deletePending"})
ENTRA_COLUMNS = {
    "source_device_id": "id",
    "name": "displayName",
    "manufacturer": "manufacturer",
    "model": "model",
    "os_name": "operatingSystem",
    "os_version": "operatingSystemVersion",
    "entra_device_id": "deviceId",
    "ad_sid": "onPremisesSecurityIdentifier",
    "first_seen": "registrationDateTime",
    "inventory_date": "approximateLastSignInDateTime",
}
ENTRA_EXTRA = {"trust_type": "trustType", "enabled": "accountEnabled"}

REPORT = "DevicesWithInventory"
REPORT_COLUMNS = (
    "DeviceId", "ProcessorArchitecture", "EthernetMAC", "WifiMacAddress", "WiFiIPv4Address", "SkuFamily", "JoinType",
)  # fmt: skip
# Headings under which the report answers, where they are not the column's name in other letters and spaces.
REPORT_HEADINGS = {"wifimac": "WifiMacAddress"}
ARCHITECTURES = {"0": "x86", "5": "ARM", "9": "x64", "12": "ARM64"}


Inventory = dict[str, tuple[str | None, ...]]
"""By device id the other values of REPORT_COLUMNS, in their order."""


def report_rows(batches: Iterable[pa.RecordBatch]) -> Inventory:
    """What the report says, by device id.

    Raises:
        ValueError: it has no column of device ids.
    """
    found: Inventory = {}
    for batch in batches:
        names = {report_column(name): name for name in batch.schema.names}
        if "DeviceId" not in names:
            raise ValueError(f"the report {REPORT} has no column DeviceId; it has {', '.join(batch.schema.names)}.")
        columns = [
            batch.column(names[column]).to_pylist() if column in names else [None] * batch.num_rows
            for column in REPORT_COLUMNS
        ]
        for key, *values in zip(*columns, strict=True):
            if key:
                found[key] = tuple(value or None for value in values)
    return found


def report_column(heading: str) -> str:
    """The column's name for a heading of the report: `Device ID` is DeviceId."""
    folded = re.sub(r"[^a-z0-9]", "", heading.lower())
    known = {column.lower(): column for column in REPORT_COLUMNS}
    return REPORT_HEADINGS.get(folded) or known.get(folded, heading)


def device_columns(
    objects: Objects, inventory: Mapping[str, tuple[str | None, ...]], entra: EntraDevices, clients: Mapping[str, str]
) -> dict[str, Sequence[Any]]:
    """Canonical columns of managed devices. `clients` has the ConfigMgr client's key of co-managed ones."""
    told = values_of(objects, SELECT)
    columns: dict[str, Sequence[Any]] = {column: told[name] for column, name in COLUMNS.items()}
    nothing: tuple[str | None, ...] = (None,) * (len(REPORT_COLUMNS) - 1)
    reported = [inventory.get(key, nothing) for key in columns["source_device_id"]]
    architecture, ethernet, wifi, address, sku, join = zip(*reported, strict=True) if reported else ((),) * 6
    macs = zip(told["ethernetMacAddress"], ethernet, told["wiFiMacAddress"], wifi, strict=True)
    columns["mac_addresses"] = [_macs(entry) for entry in macs]
    columns["ip_addresses"] = [[value] if value else None for value in address]
    columns["memory_mb"] = [size >> 20 if size else None for size in told["physicalMemoryInBytes"]]
    columns["is_obsolete"] = [state in RETIRING for state in told["managementState"]]
    columns["cross_reference"] = [_cross_reference(clients.get(key)) for key in columns["source_device_id"]]
    extra: dict[str, Sequence[Any]] = {name: told[path] for name, path in EXTRA.items()}
    extra |= {
        "processor_architecture": [ARCHITECTURES.get(code or "", code) for code in architecture],
        "sku_family": sku,
        "join_type": join,
    }
    if entra.objects:
        registered = [entra.by_device_id.get((key or "").lower(), {}) for key in columns["entra_device_id"]]
        columns["ad_sid"] = [entry.get("onPremisesSecurityIdentifier") or None for entry in registered]
        extra["trust_type"] = [entry.get("trustType") for entry in registered]
    return {**columns, "extra": extra_texts(extra)}


def entra_columns(objects: Objects) -> dict[str, Sequence[Any]]:
    """Canonical columns of devices that Entra knows and Intune does not manage."""
    return {**columns_of(objects, ENTRA_COLUMNS), "extra": extra_texts(columns_of(objects, ENTRA_EXTRA))}


def client_keys(objects: Objects) -> Iterator[tuple[str, str]]:
    """Device id and ConfigMgr client id of co-managed devices."""
    for entry in objects:
        client = (entry.get("configurationManagerClientInformation") or {}).get("clientIdentifier")
        if client:
            yield entry["id"], client


def _cross_reference(client: str | None) -> str | None:
    # ConfigMgr writes its client ids as GUID:1F2E3D4C-..., Intune has been seen with and without the word.
    if not client:
        return None
    plain = client.strip().upper().removeprefix("GUID:").strip("{}")
    return f"sccm:GUID:{plain}"


def _macs(values: Iterable[str | None]) -> list[str] | None:
    # One address is written as 001122AABBCC here and 00:11:22:AA:BB:CC there; zeroes stand for none.
    kept = {value.replace(":", "") for value in values if value and value.strip("0:")}
    return sorted(kept) if kept else None
