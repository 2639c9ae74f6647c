"""What the company keeps in files: an asset register, exports of Macs, Linux, phones and the laboratory, HR's people."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from estate_generator.company import NOW, Person
from estate_generator.machines import Installed, Machine
from estate_generator.mishaps import Distortions

Rows = Iterable[Sequence[Any]]


def write(folder: Path, machines: Sequence[Machine], people: Sequence[Person], wrong: Distortions) -> None:
    """Writes the folder of files."""
    kinds: dict[str, list[Machine]] = {}
    for machine in machines:
        kinds.setdefault(machine.kind, []).append(machine)
    register = [machine for machine in machines if "register" in machine.seen]
    _put(folder / "register" / "devices - asset register.csv", _csv(_register(register, wrong), ";"), "cp1252")
    _put(folder / "munich" / "devices-lab.tsv", _csv(_lab(kinds["lab"]), "\t"), "utf-16")
    _put(folder / "munich" / "software-lab.tsv", _csv(_lab_software(kinds["lab"]), "\t"), "utf-16")
    _put(folder / "macs" / "devices-macs.csv", _csv(_macs(kinds["mac"]), ","), "utf-8-sig")
    _put(folder / "macs" / "processors-macs.csv", _csv(_processors(kinds["mac"]), ","), "utf-8-sig")
    _gzip(folder / "macs" / "software-macs.csv.gz", _csv(_software(kinds["mac"]), ","))
    _zip(
        folder / "linux-2026-09.zip",
        {"devices.csv": _csv(_linux(kinds["linux"]), ","), "software.csv": _csv(_software(kinds["linux"]), ",")},
    )
    _put(folder / "devices-phones.csv", _csv(_phones(kinds["mobile"]), ","), "utf-8")
    _put(folder / "hr" / "users.tsv", _csv(_people(people), "\t"), "utf-8")
    _put(folder / "helpdesk" / "devices-helpdesk.csv", _csv(_helpdesk(kinds["laptop"]), ","), "utf-8")
    _put(folder / "vsphere" / "virtual_machines.csv", _csv(_virtual(machines), ","), "utf-8")
    _put(folder / "vsphere" / "virtual_hosts.csv", _csv(_hosts(kinds["esx"]), ","), "utf-8")


def register_name(machine: Machine, wrong: Distortions) -> str:
    """The name under which the register has a machine."""
    name = wrong.old_name.get(machine.number, machine.name)
    return name.lower() if machine.number % 5 == 0 else name


def _register(machines: Sequence[Machine], wrong: Distortions) -> Rows:
    yield (
        "Asset Tag",
        "Computer Name",
        "Manufacturer",
        "Model",
        "Serial Number",
        "Purchase Date",
        "Warranty End",
        "Keeper",
        "Location",
    )
    makers = {"Dell Inc.": "Dell", "HP": "Hewlett-Packard", "LENOVO": "Lenovo"}
    for m in machines:
        serial = wrong.register_serial.get(m.number, m.serial_number)
        bought = m.purchase_date
        yield (
            m.asset_tag,
            register_name(m, wrong),
            makers.get(m.model.manufacturer, m.model.manufacturer) if not m.is_virtual else "VMware",
            m.model.name or m.model.model,
            serial.lower() if m.number % 4 == 0 else serial,
            f"{bought:%Y/%m/%d}" if bought else "",
            f"{bought + timedelta(days=1095):%Y-%m-%d}" if bought else "",
            m.owner.display_name if m.owner else "",
            {"MUC": "München", "LYS": "Lyon", "LON": "London"}[m.site.code],
        )  # fmt: skip
    # Sold long ago, and still in the register.
    for number in range(6):
        yield (
            f"KR{9000 + number}",
            f"KRA-OLD{number:02d}",
            "Dell",
            "OptiPlex 780",
            f"OLD{number:04d}",
            "2011/05/03",
            "",
            "",
            "London",
        )


def _lab(machines: Sequence[Machine]) -> Rows:
    yield (
        "name",
        "domain",
        "manufacturer",
        "model",
        "serial_number",
        "smbios_uuid",
        "mac_addresses",
        "os_name",
        "os_version",
        "inventory_date",
    )
    for m in machines:
        yield (m.name, m.domain, m.model.manufacturer, m.model.model, m.serial_number, m.smbios_uuid, m.mac_addresses[0],
               m.system.name, m.system.version, _time(m.inventory_date))  # fmt: skip


def _lab_software(machines: Sequence[Machine]) -> Rows:
    yield ("Computer Name", "Display Name", "Vendor", "Version", "Install Date")
    for m, installed in _installed(machines):
        if installed.title.origin in ("32", "64"):
            yield (m.name, installed.title.title, installed.title.publisher, installed.title.version, _day(installed))


def _macs(machines: Sequence[Machine]) -> Rows:
    yield ("Device Name", "Serial Number", "Manufacturer", "Model", "smbios_uuid", "MAC Address", "OS Name", "OS Version", "OS Build",
           "Memory MB", "Primary User", "Inventory Date")  # fmt: skip
    for m in machines:
        yield (m.name, m.serial_number, m.model.manufacturer, m.model.model, str(m.smbios_uuid).upper(), m.mac_addresses[0],
               m.system.name, m.system.version, m.system.build, m.memory_mb, m.owner.upn if m.owner else "",
               _time(m.inventory_date))  # fmt: skip


def _processors(machines: Sequence[Machine]) -> Rows:
    yield ("Computer Name", "slot", "vendor", "name", "sockets", "cores", "logical_cores")
    for m in machines:
        yield (m.name, "0", m.processor.manufacturer, m.processor.name, 1, m.processor.cores, m.processor.threads)


def _software(machines: Sequence[Machine]) -> Rows:
    yield ("Computer Name", "Title", "Publisher", "Version", "Install Date", "Origin", "Package Family")
    for m, installed in _installed(machines):
        title = installed.title
        yield (m.name, title.title, title.publisher, title.version, _day(installed), title.origin, title.product_code)


def _linux(machines: Sequence[Machine]) -> Rows:
    yield ("name", "fqdn", "manufacturer", "model", "serial_number", "smbios_uuid", "mac_addresses", "ip_addresses", "os_name",
           "os_version", "os_architecture", "memory_mb", "is_virtual", "inventory_date")  # fmt: skip
    for m in machines:
        yield (m.name.lower(), m.fqdn, m.model.manufacturer, m.model.model, m.serial_number, m.smbios_uuid, m.mac_addresses[0],
               m.ip_address, m.system.name, m.system.version, "x86_64", m.memory_mb, "yes", _time(m.inventory_date))  # fmt: skip


def _phones(machines: Sequence[Machine]) -> Rows:
    yield (
        "Device Name",
        "Serial Number",
        "IMEI",
        "Manufacturer",
        "Model",
        "OS Name",
        "OS Version",
        "Primary User",
        "Inventory Date",
    )
    for m in machines:
        yield (m.name, m.serial_number, m.imei, m.model.manufacturer, m.model.model, m.system.name, m.system.version,
               m.owner.upn if m.owner else "", _time(m.inventory_date))  # fmt: skip


def _people(people: Sequence[Person]) -> Rows:
    yield (
        "source_user_id",
        "UPN",
        "Display Name",
        "Department",
        "Job Title",
        "Company",
        "Country",
        "Enabled",
        "Last Sign In",
    )
    for p in people:
        yield (f"E{p.number:05d}", p.upn.upper() if p.number % 7 == 0 else p.upn, p.display_name, p.department.name, p.job_title,
               "Kestrel & Rowe Analytical", p.site.country, "yes" if p.enabled else "no", _time(p.last_sign_in))  # fmt: skip


def _helpdesk(laptops: Sequence[Machine]) -> Rows:
    """A list kept by hand, with what hands do to lists."""
    known = laptops[:6]
    yield ("Computer Name", "Serial Number", "Criticality", "Warranty End", "Memory MB", "Remark")
    yield (known[0].name, known[0].serial_number, "high", "2027-01-31", 16384, 'called "the Beast"')
    yield (known[1].name, known[1].serial_number, "high", "31.12.2027", 32768, "first line\nsecond line")
    yield (known[2].name, known[2].serial_number, "normal", "0207-05-01", "16 GB", "=cmd|' /C calc'!A0")
    yield (known[3].name, known[3].serial_number, "normal", "9999-12-31", 16384, "\u202egpj.exe")
    yield ("", "LOST0001", "low", "", "", "a row without a name")
    yield (known[4].name, known[4].serial_number, "low", "soon", "", "+49 89 1234")
    yield (
        known[5].name,
        known[5].serial_number,
        "low",
        "2026-02-30",
        "",
        "a date that there is not",
        "one value too many",
    )


def _virtual(machines: Sequence[Machine]) -> Rows:
    yield ("source_vm_id", "name", "source_host_id", "cluster", "datacenter", "vcpus", "memory_mb", "power_state", "guest_os",
           "guest_host_name", "instance_uuid", "bios_uuid")  # fmt: skip
    for m in machines:
        if m.host is not None:
            yield (f"vm-{1000 + m.number}", m.name, f"host-{m.host.number}", f"{m.host.site.code}-PROD", m.host.site.city,
                   4, m.memory_mb, "on", m.system.name, m.fqdn, m.instance_uuid, m.smbios_uuid)  # fmt: skip


def _hosts(hosts: Sequence[Machine]) -> Rows:
    yield ("source_host_id", "name", "cluster", "datacenter", "vendor", "model", "serial_number", "smbios_uuid", "processor_name",
           "sockets", "cores", "logical_cores", "memory_mb", "hypervisor", "hypervisor_version", "connection_state")  # fmt: skip
    for h in hosts:
        yield (f"host-{h.number}", h.fqdn, f"{h.site.code}-PROD", h.site.city, h.model.manufacturer, h.model.model,
               h.serial_number, h.smbios_uuid, h.processor.name, h.sockets, h.processor.cores * h.sockets,
               h.processor.threads * h.sockets, h.memory_mb, h.system.name, h.system.version, "connected")  # fmt: skip


def _installed(machines: Sequence[Machine]) -> Iterable[tuple[Machine, Installed]]:
    return ((machine, installed) for machine in machines for installed in machine.software)


def _day(installed: Installed) -> date | str:
    return installed.install_date or ""


def _time(moment: datetime) -> str:
    return min(moment, NOW).strftime("%Y-%m-%dT%H:%M:%SZ")


def _csv(rows: Rows, delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _put(path: Path, text: str, encoding: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding, "replace"))


def _gzip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _zip(path: Path, members: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 9, 15, 12, 0, 0)), text, zipfile.ZIP_DEFLATED)
