"""The company's vSphere estate for the vCenter simulator: datacenters, clusters, hosts and guests, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from estate_generator.machines import Machine


def write(path: Path, machines: Sequence[Machine]) -> None:
    """Writes the estate."""
    hosts = [machine for machine in machines if machine.kind == "esx"]
    sites = list(dict.fromkeys(host.site.code for host in hosts))
    datacenters = []
    for code in sites:
        own = [host for host in hosts if host.site.code == code]
        guests = [machine for machine in machines if machine.host in own]
        cluster = {
            "name": f"{code}-PROD",
            "hosts": [_host(host) for host in own],
            "vms": [*(_guest(guest) for guest in guests), _template(own[0], code)],
        }
        datacenters.append({"name": own[0].site.city, "clusters": [cluster]})
    estate = {"vcenter": {"instance_uuid": "7a6f0f4c-2f3e-4e0a-9c1d-5b2b3c4d5e6f"}, "datacenters": datacenters}
    path.write_text(json.dumps(estate, indent=1) + "\n", encoding="utf-8")


def _host(host: Machine) -> dict[str, Any]:
    return {
        "name": host.fqdn,
        "vendor": host.model.manufacturer,
        "model": host.model.model,
        "serial_number": host.serial_number,
        "uuid": str(host.smbios_uuid),
        "cpu_model": host.processor.name,
        "sockets": host.sockets,
        "cores": host.processor.cores * host.sockets,
        "threads": host.processor.threads * host.sockets,
        "memory_mb": host.memory_mb,
        "version": host.system.version,
        "build": host.system.build,
    }


def _guest(guest: Machine) -> dict[str, Any]:
    return {
        "name": guest.name,
        "host": guest.host.fqdn if guest.host else "",
        "vcpus": 4,
        "cores_per_socket": 2,
        "memory_mb": guest.memory_mb,
        "power_state": "on",
        "guest_os": guest.system.name,
        "guest_host_name": guest.fqdn,
        "ip_addresses": [guest.ip_address],
        "mac_addresses": guest.mac_addresses,
        "instance_uuid": str(guest.instance_uuid),
        "bios_uuid": str(guest.smbios_uuid),
        "is_template": False,
    }


def _template(host: Machine, code: str) -> dict[str, Any]:
    return {
        "name": f"tpl-{code.lower()}-windows-2022",
        "host": host.fqdn,
        "vcpus": 2,
        "cores_per_socket": 1,
        "memory_mb": 4096,
        "power_state": "off",
        "guest_os": "Microsoft Windows Server 2022 (64-bit)",
        "guest_host_name": "",
        "ip_addresses": [],
        "mac_addresses": [],
        "instance_uuid": "",
        "bios_uuid": "",
        "is_template": True,
    }
