"""From properties of vCenter's objects to rows of canonical tables: pure functions, by table and kind of object."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from inventory_pipeline.connectors.vsphere import Properties

Row = dict[str, Any]

HOST_PROPERTIES = (
    "name",
    "parent",
    "summary.hardware",
    "hardware.systemInfo.serialNumber",
    "config.product",
    "config.hyperThread",
    "config.network.pnic",
    "config.network.vnic",
    "runtime.connectionState",
    "runtime.bootTime",
)
GUEST_PROPERTIES = (
    "name",
    "parent",
    "config.uuid",
    "config.instanceUuid",
    "config.guestFullName",
    "config.template",
    "config.createDate",
    "config.hardware.numCPU",
    "config.hardware.numCoresPerSocket",
    "config.hardware.memoryMB",
    "runtime.host",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.bootTime",
    "guest.hostName",
    "guest.guestFullName",
    "guest.ipAddress",
    "guest.net",
)
POWER_STATES = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where objects are: names and parents of folders, compute resources and datacenters."""

    vcenter: str
    names: Mapping[str, str]
    parents: Mapping[str, str]
    clusters: frozenset[str]
    datacenters: frozenset[str]
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def key(self, object_id: str | None) -> str | None:
        """An object's id made unique among vCenters: `<instance uuid>:<managed object id>`."""
        return f"{self.vcenter}:{object_id}" if object_id else None

    def cluster(self, object_id: str | None) -> str | None:
        """Name of the nearest cluster above the object."""
        return self._above(object_id, self.clusters)

    def datacenter(self, object_id: str | None) -> str | None:
        """Name of the datacenter above the object."""
        return self._above(object_id, self.datacenters)

    def _above(self, object_id: str | None, wanted: frozenset[str]) -> str | None:
        passed: set[str] = set()
        while object_id and object_id not in passed:
            if object_id in wanted:
                return self.names.get(object_id)
            passed.add(object_id)
            object_id = self.parents.get(object_id)
        return None


def shown_name(name: Any) -> str | None:
    """A name as people see it: vCenter keeps `%`, `/` and `\\` in names escaped."""
    if not name:
        return None
    return re.sub("%(25|2f|5c)", lambda found: bytes.fromhex(found.group(1)).decode(), str(name), flags=re.IGNORECASE)


def host_device(host: Properties, places: Places) -> Row:
    """Row of `device` for a host."""
    hardware, product = host.get("summary.hardware"), host.get("config.product")
    name = shown_name(host.get("name"))
    addresses = [
        getattr(getattr(nic.spec, "ip", None), "ipAddress", None) for nic in host.get("config.network.vnic") or ()
    ]
    return {
        "source_device_id": places.key(host.id),
        "name": name,
        "fqdn": _dotted(name),
        "manufacturer": _text(hardware.vendor),
        "model": _text(hardware.model),
        "serial_number": serial_number(host),
        "smbios_uuid": _text(hardware.uuid),
        "asset_tag": _identifier(hardware, "AssetTag"),
        "os_name": hypervisor(product),
        "os_version": _text(product.version) if product else None,
        "os_build": _text(product.build) if product else None,
        "memory_mb": hardware.memorySize >> 20,
        "mac_addresses": _listed(nic.mac for nic in host.get("config.network.pnic") or ()),
        "ip_addresses": _listed(addresses),
        "is_virtual": False,
        "last_boot": _utc(host.get("runtime.bootTime")),
    }


def host_processor(host: Properties, places: Places) -> Row:
    """Row of `processor` for a host: one row with the sums over its sockets."""
    hardware, threads = host.get("summary.hardware"), host.get("config.hyperThread")
    return {
        "source_device_id": places.key(host.id),
        "name": _text(hardware.cpuModel),
        "sockets": hardware.numCpuPkgs,
        "cores": hardware.numCpuCores,
        "logical_cores": hardware.numCpuThreads,
        "hyperthreading": bool(threads.active) if threads else hardware.numCpuThreads > hardware.numCpuCores,
        "speed_mhz": hardware.cpuMhz,
    }


def virtual_host(host: Properties, places: Places) -> Row:
    """Row of `virtual_host`."""
    hardware, product = host.get("summary.hardware"), host.get("config.product")
    return {
        "source_host_id": places.key(host.id),
        "name": shown_name(host.get("name")),
        "cluster": places.cluster(host.get("parent")),
        "datacenter": places.datacenter(host.get("parent")),
        "vendor": _text(hardware.vendor),
        "model": _text(hardware.model),
        "serial_number": serial_number(host),
        "smbios_uuid": _text(hardware.uuid),
        "processor_name": _text(hardware.cpuModel),
        "sockets": hardware.numCpuPkgs,
        "cores": hardware.numCpuCores,
        "logical_cores": hardware.numCpuThreads,
        "memory_mb": hardware.memorySize >> 20,
        "hypervisor": hypervisor(product),
        "hypervisor_version": _text(product.version) if product else None,
        "connection_state": _text(host.get("runtime.connectionState")),
        "tags": list(places.tags.get(host.id, ())) or None,
    }


def guest_device(guest: Properties, places: Places) -> Row:
    """Row of `device` for a guest. Host name, addresses and operating system come from VMware Tools where they run."""
    host_name = _text(guest.get("guest.hostName"))
    nics = guest.get("guest.net") or ()
    addresses = [address for nic in nics for address in nic.ipAddress or ()] or [guest.get("guest.ipAddress")]
    return {
        "source_device_id": places.key(guest.id),
        "name": shown_name(guest.get("name")),
        "netbios_name": host_name if host_name and "." not in host_name and len(host_name) <= 15 else None,
        "fqdn": _dotted(host_name),
        "smbios_uuid": _text(guest.get("config.uuid")),
        "instance_uuid": _text(guest.get("config.instanceUuid")),
        "os_name": _text(guest.get("guest.guestFullName")) or _text(guest.get("config.guestFullName")),
        "memory_mb": guest.get("config.hardware.memoryMB"),
        "mac_addresses": _listed(nic.macAddress for nic in nics),
        "ip_addresses": _listed(addresses),
        "is_virtual": True,
        "host_source_id": places.key(guest.get("runtime.host")),
        "first_seen": _utc(guest.get("config.createDate")),
        "last_boot": _utc(guest.get("runtime.bootTime")),
        "is_obsolete": str(guest.get("runtime.connectionState")) == "orphaned",
    }


def guest_processor(guest: Properties, places: Places) -> Row:
    """Row of `processor` for a guest: its virtual sockets and cores."""
    vcpus, per_socket = guest.get("config.hardware.numCPU"), guest.get("config.hardware.numCoresPerSocket")
    return {
        "source_device_id": places.key(guest.id),
        "sockets": -(-vcpus // per_socket) if vcpus and per_socket else None,
        "cores": vcpus,
        "logical_cores": vcpus,
    }


def virtual_machine(guest: Properties, places: Places) -> Row:
    """Row of `virtual_machine`. Cluster and datacenter are the host's; without a host in sight, the folder's."""
    host = guest.get("runtime.host")
    return {
        "source_vm_id": places.key(guest.id),
        "name": shown_name(guest.get("name")),
        "source_host_id": places.key(host),
        "cluster": places.cluster(host),
        "datacenter": places.datacenter(host) or places.datacenter(guest.get("parent")),
        "vcpus": guest.get("config.hardware.numCPU"),
        "cores_per_socket": guest.get("config.hardware.numCoresPerSocket"),
        "memory_mb": guest.get("config.hardware.memoryMB"),
        "power_state": POWER_STATES.get(str(guest.get("runtime.powerState")), "unknown"),
        "guest_os": _text(guest.get("guest.guestFullName")) or _text(guest.get("config.guestFullName")),
        "guest_host_name": _text(guest.get("guest.hostName")),
        "instance_uuid": _text(guest.get("config.instanceUuid")),
        "bios_uuid": _text(guest.get("config.uuid")),
        "is_template": bool(guest.get("config.template")),
        "tags": list(places.tags.get(guest.id, ())) or None,
    }


def license_feature(info: Any, places: Places, server: str) -> Row:
    """Row of `license_feature` for a licence (vim.LicenseManager.LicenseInfo), a total of 0 being without limit.

    The licence key opens the product, so that a hash stands for it.
    """
    named = "|".join((info.licenseKey, info.editionKey, info.name))
    properties = {entry.key: entry.value for entry in info.properties or ()}
    expires = properties.get("expirationDate")
    return {
        "source_feature_id": places.key(hashlib.sha256(named.encode()).hexdigest()[:16]),
        "license_server": server,
        "vendor": "VMware",
        "feature": info.editionKey,
        "description": _text(info.name),
        "version": _text(properties.get("ProductVersion")),
        "license_type": _text(info.costUnit),
        "quantity": info.total or None,
        "in_use": info.used,
        "expiration_date": expires.date() if isinstance(expires, datetime) else None,
    }


def serial_number(host: Properties) -> str | None:
    """The system's serial number, which vSphere 6.7 and newer give; else the service tag."""
    return _text(host.get("hardware.systemInfo.serialNumber")) or _identifier(
        host.get("summary.hardware"), "ServiceTag"
    )


def hypervisor(product: Any) -> str | None:
    """Name and version, `VMware ESXi 8.0.2`."""
    if product is None:
        return None
    return " ".join(part for part in (_text(product.name), _text(product.version)) if part) or None


def _identifier(hardware: Any, kind: str) -> str | None:
    for entry in hardware.otherIdentifyingInfo or ():
        if entry.identifierType and entry.identifierType.key == kind:
            return _text(entry.identifierValue)
    return None


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value)
    return text if text.strip() else None


def _dotted(name: str | None) -> str | None:
    # A host may be known by its address; that is no name.
    return name if name and "." in name and not re.fullmatch(r"[\d.]+", name) else None


def _listed(values: Any) -> list[str] | None:
    return list(dict.fromkeys(value for value in values if value)) or None


def _utc(moment: datetime | None) -> datetime | None:
    # Hosts compute the time of boot anew for each answer: fractions of a second differ and would look like a change.
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0) if moment else None
