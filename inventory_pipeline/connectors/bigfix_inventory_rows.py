"""From resources of BigFix Inventory to canonical rows, the same for its REST API and its database.

Facts: columns of the resources and associations in "Retrieval of hardware inventory (v2)", "... of software inventory
(v2)", "... physical processors (v2)", "... system memory (v2)" (kilobytes), "computer_hardware association" (computer
types 0 physical, 1 virtual, 2 in a public cloud) and "usage_data association" on help.hcl-software.com. Times are GMT.
`computer_hardware.processor_brand_string` is named in the mapping from the first version of the API alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.bigfix_inventory_api import Row, value
from inventory_pipeline.connectors.bigfix_rows import os_version

HARDWARE = tuple(
    f"computer_hardware.{name}"
    for name in (
        "computer_type", "server_serial_number", "server_vendor", "server_model", "server_name", "system_model",
        "cluster_name", "partition_cores", "processor_brand_string",
    )
)  # fmt: skip
COMPUTER = (
    "bigfix_id", "name", "dns_name", "ip_address", "os", "os_type", "first_seen", "last_seen", "is_deleted",
    "is_managed_by_vm_manager", *HARDWARE,
)  # fmt: skip
DETAILS: dict[str, tuple[str, ...]] = {
    "detailed_hw_ip_addresses": ("address", "permanent_mac_address"),
    "detailed_hw_network_adapters": ("current_address", "permanent_address"),
    "detailed_hw_memories": ("total_physical",),
    "detailed_hw_smbios": ("system_serial_number",),
}
PROCESSORS = "detailed_hw_physical_processors"
PROCESSOR = ("id", "core_per_package_count", "logical_proc_per_core")
_COMPONENT = (
    "instance_id", "component_name", "component_release", "component_detailed_version", "component_publisher_name",
    "is_present", "is_suppressed",
)  # fmt: skip
SOFTWARE = (
    *_COMPONENT, "product_name", "product_release", "product_publisher_name", "discoverable_guid", "discovery_path",
    "discovery_start", "bundle_name",
)  # fmt: skip
USAGE = (
    *_COMPONENT,
    *(f"usage_data.{name}" for name in ("process", "first_used", "last_used", "total_runs", "total_time")),
)

Details = Mapping[str, Sequence[Row]]
Canonical = dict[str, Any]


def device_row(computer: Row, details: Details) -> Canonical:
    """A device; `details` are the computer's rows by resource. What is said of a guest's host is left out."""
    is_physical = text(value(computer, "computer_hardware.computer_type")) == "0"
    serials = [value(row, "system_serial_number") for row in details.get("detailed_hw_smbios", ())]
    memory = [value(row, "total_physical") for row in details.get("detailed_hw_memories", ())]
    name = text(computer.get("dns_name"))
    key = text(computer.get("bigfix_id"))
    system = text(computer.get("os"))
    return {
        "source_device_id": text(computer["id"]),
        "name": text(computer.get("name")),
        "fqdn": name if name and "." in name else None,
        "manufacturer": _of_host(computer, "server_vendor", is_physical),
        "model": _of_host(computer, "server_model", is_physical),
        "serial_number": first(serials) or _of_host(computer, "server_serial_number", is_physical),
        "os_name": system,
        "os_version": os_version(system or ""),
        "memory_mb": _megabytes(first(memory)),
        "mac_addresses": _together(details, "current_address", "permanent_address", "permanent_mac_address"),
        "ip_addresses": _together(details, "address") or text(computer.get("ip_address")),
        "is_virtual": {"0": "false", "1": "true", "2": "true"}.get(
            text(value(computer, "computer_hardware.computer_type")) or ""
        ),
        "cross_reference": f"bigfix:{key}" if key else None,
        "first_seen": text(computer.get("first_seen")),
        "inventory_date": text(computer.get("last_seen")),
        "source_object": "computers",
        "extra": extra(
            os_type=computer.get("os_type"),
            computer_type=value(computer, "computer_hardware.computer_type"),
            server_name=value(computer, "computer_hardware.server_name"),
            system_model=value(computer, "computer_hardware.system_model"),
            cluster_name=value(computer, "computer_hardware.cluster_name"),
            is_managed_by_vm_manager=computer.get("is_managed_by_vm_manager"),
        ),
    }


def processor_rows(computer: Row, processors: Sequence[Row]) -> Iterator[Canonical]:
    """A row per socket of a physical computer; else one row with the cores of the partition, since sockets of a guest
    are those of its host."""
    kind = text(value(computer, "computer_hardware.computer_type"))
    name = text(value(computer, "computer_hardware.processor_brand_string"))
    common = {"source_device_id": text(computer["id"]), "name": name}
    if kind in ("0", None) and processors:
        for row in processors:
            cores, threads = text(row.get("core_per_package_count")), text(row.get("logical_proc_per_core"))
            both = cores and threads and cores.isdigit() and threads.isdigit()
            yield {
                **common,
                "slot": text(row.get("id")) or "0",
                "sockets": "1",
                "cores": cores,
                "logical_cores": str(int(cores) * int(threads)) if both and cores and threads else None,
                "hyperthreading": str(int(threads) > 1).lower() if both and threads else None,
                "source_object": PROCESSORS,
            }
        return
    cores = text(value(computer, "computer_hardware.partition_cores"))
    if cores or name:
        yield {**common, "slot": "0", "cores": cores, "source_object": "computers"}


def software_rows(device: str, instances: Iterable[Row]) -> Iterator[Canonical]:
    """Components, each once per computer, in however many folders it was found."""
    seen: set[tuple[str | None, ...]] = set()
    for row in instances:
        named = _component(row)
        if named is None or tuple(named.values()) in seen:
            continue
        seen.add(tuple(named.values()))
        yield {
            "source_device_id": device,
            **named,
            "scope": "machine",
            "origin": "signature",
            "source_object": "software_instances",
            "extra": extra(
                product=row.get("product_name"),
                product_release=row.get("product_release"),
                product_publisher=row.get("product_publisher_name"),
                bundle=row.get("bundle_name"),
                component_guid=row.get("discoverable_guid"),
                discovery_path=row.get("discovery_path"),
                discovery_start=row.get("discovery_start"),
            ),
        }


def usage_rows(device: str, instances: Iterable[Row]) -> Iterator[Canonical]:
    """Use of components: that of the instance that was used last, where there are several."""
    newest: dict[tuple[str | None, ...], Canonical] = {}
    for row in instances:
        named = _component(row)
        if named is None or not is_used(row):
            continue
        process = text(value(row, "usage_data.process"))
        found = {
            "source_device_id": device,
            **named,
            "file_name": process,
            "first_used": text(value(row, "usage_data.first_used")),
            "last_used": text(value(row, "usage_data.last_used")),
            "run_count": text(value(row, "usage_data.total_runs")),
            "source_object": "software_instances",
            # In which unit is not documented.
            "extra": extra(total_time=value(row, "usage_data.total_time")),
        }
        key = (*named.values(), process)
        if key not in newest or (found["last_used"] or "") > (newest[key]["last_used"] or ""):
            newest[key] = found
    yield from newest.values()


def is_used(row: Row) -> bool:
    """Whether an instance has been seen in use."""
    return bool(text(value(row, "usage_data.last_used")))


def reporting_row(computer: Row, *, reports: bool) -> Canonical:
    """Whether a computer reports use at all: it does when any of its software has been seen in use."""
    return {
        "source_device_id": text(computer["id"]),
        "reports_usage": str(reports).lower(),
        "last_report": text(computer.get("last_seen")) if reports else None,
        "source_object": "software_instances",
    }


def batch(rows: Iterable[Canonical]) -> Iterator[pa.RecordBatch]:
    """All rows as one batch of text columns; none where there is no row."""
    listed = list(rows)
    if listed:
        names = dict.fromkeys(name for row in listed for name in row)
        yield pa.RecordBatch.from_pylist(listed, pa.schema([(name, pa.string()) for name in names]))


def first(values: Iterable[Any]) -> str | None:
    """The first value that is one, as text."""
    return next((found for found in map(text, values) if found), None)


def text(found: Any) -> str | None:
    """A value as text; blank is none."""
    if found is None:
        return None
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, dt.datetime | dt.date):
        return found.isoformat()
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return str(found).strip() or None


def extra(**values: Any) -> str | None:
    """Values that have no canonical place, as JSON."""
    kept = {name: text(found) for name, found in values.items() if text(found)}
    return json.dumps(kept, ensure_ascii=False) if kept else None


def _component(row: Row) -> dict[str, str | None] | None:
    title = text(row.get("component_name"))
    if title is None:
        return None
    version = text(row.get("component_detailed_version")) or text(row.get("component_release"))
    return {"title": title, "publisher": text(row.get("component_publisher_name")), "version": version}


def _of_host(computer: Row, column: str, is_physical: bool) -> str | None:
    return text(value(computer, f"computer_hardware.{column}")) if is_physical else None


def _together(details: Details, *columns: str) -> str | None:
    found = [text(row.get(name)) for rows in details.values() for row in rows for name in columns]
    return "; ".join(dict.fromkeys(one for one in found if one)) or None


def _megabytes(kilobytes: str | None) -> str | None:
    """Kilobytes as megabytes; what is no number is left as it is, to be set aside with its reason."""
    return str(int(kilobytes) // 1024) if kilobytes and kilobytes.isdigit() else kilobytes
