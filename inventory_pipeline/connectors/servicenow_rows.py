"""What is read from which table of ServiceNow, and the canonical rows that it makes.

Facts: tables and columns of the base system and of Software Asset Management, as its dictionary (sys_dictionary) lists
them. Dots walk references, so that the instance resolves them for a whole page at once. cpu_core_count counts the cores
of one processor, ram is in MB, cpu_speed in MHz; install_status 7 is "Retired".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from inventory_pipeline.connectors.servicenow_table import Row
from inventory_pipeline.records import TABLES

RETIRED = "7"
COMPUTER = "cmdb_ci_computer"


@dataclass(frozen=True, slots=True)
class Mapped:
    """A table of the instance as it is read: its name, the column that names the unit, columns by canonical name.

    Names that begin with `extra_` go into the column `extra`.
    """

    name: str
    unit: str
    columns: Mapping[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns to ask for, each once."""
        return tuple(dict.fromkeys([self.unit, *self.columns.values()]))


DECLARED: dict[str, Mapped] = {
    "device": Mapped(
        COMPUTER,
        "sys_id",
        {
            "source_device_id": "sys_id", "name": "name", "netbios_name": "host_name", "fqdn": "fqdn",
            "domain": "dns_domain", "manufacturer": "manufacturer.name", "model": "model_id.name",
            "serial_number": "serial_number", "asset_tag": "asset_tag", "chassis_type": "chassis_type",
            "os_name": "os", "os_version": "os_version", "memory_mb": "ram", "mac_addresses": "mac_address",
            "ip_addresses": "ip_address", "primary_user": "assigned_to.user_name", "is_virtual": "virtual",
            "first_seen": "first_discovered", "inventory_date": "last_discovered", "extra_class": "sys_class_name",
            "extra_install_status": "install_status", "extra_operational_status": "operational_status",
            "extra_os_service_pack": "os_service_pack", "extra_discovery_source": "discovery_source",
            "extra_location": "location.name", "extra_department": "department.name",
            "extra_cost_center": "cost_center.name", "extra_company": "company.name",
        },
    ),
    "processor": Mapped(
        COMPUTER,
        "sys_id",
        {
            "source_device_id": "sys_id", "name": "cpu_name", "vendor": "cpu_manufacturer.name", "sockets": "cpu_count",
            "cores": "cpu_core_count", "logical_cores": "cpu_core_thread", "speed_mhz": "cpu_speed",
            "extra_cpu_type": "cpu_type",
        },
    ),
    "software": Mapped(
        "cmdb_sam_sw_install",
        "installed_on",
        {
            "source_device_id": "installed_on", "title": "display_name", "publisher": "publisher", "version": "version",
            "product_code": "prod_id", "install_date": "install_date", "extra_last_used": "last_used",
            "extra_last_scanned": "last_scanned", "extra_active_install": "active_install",
        },
    ),
    "user": Mapped(
        "sys_user",
        "sys_id",
        {
            "source_user_id": "sys_id", "account": "user_name", "email": "email", "display_name": "name",
            "department": "department.name", "company": "company.name", "job_title": "title", "enabled": "active",
            "last_sign_in": "last_login_time", "extra_employee_number": "employee_number",
            "extra_manager": "manager.user_name",
        },
    ),
    "group": Mapped(
        "sys_user_group",
        "sys_id",
        {"source_group_id": "sys_id", "name": "name", "description": "description", "parent_group_id": "parent"},
    ),
    "group_member": Mapped("sys_user_grmember", "group", {"source_group_id": "group", "member_id": "user"}),
}  # fmt: skip
_CONSTANTS = {"processor": {"slot": "0"}, "group": {"kind": "user group"}, "group_member": {"member_kind": "user"}}
_NEEDED = {"processor": "name", "software": "title", "group_member": "member_id"}


def batch(table: str, mapped: Mapped, rows: Sequence[Row]) -> pa.RecordBatch:
    """Records of a page in canonical columns, as text, but for those without a unit or what a row is about."""
    needed = mapped.columns.get(_NEEDED.get(table, ""), mapped.unit)
    rows = [row for row in rows if row.get(mapped.unit) and row.get(needed)]
    columns = {name: [row.get(column) or None for row in rows] for name, column in mapped.columns.items()}
    if table == "processor":
        _sum_cores(columns)
    if table == "device" and "is_obsolete" not in columns:
        states = columns.get("extra_install_status", [None] * len(rows))
        columns["is_obsolete"] = ["true" if state == RETIRED else "false" if state else None for state in states]
    columns |= {name: [value] * len(rows) for name, value in _CONSTANTS.get(table, {}).items()}
    extras = {name.removeprefix("extra_"): columns.pop(name) for name in [*columns] if name.startswith("extra_")}
    columns["extra"] = _json(extras, len(rows))
    columns["source_object"] = [mapped.name] * len(rows)
    return pa.RecordBatch.from_pydict({name: pa.array(values, pa.string()) for name, values in columns.items()})


def unknown_columns(table: str, mapped: Mapped) -> list[str]:
    """Names among the mapped columns that the canonical table does not have."""
    known = set(TABLES[table].column_names)
    return [name for name in mapped.columns if not name.startswith("extra_") and name not in known]


def _sum_cores(columns: dict[str, list[str | None]]) -> None:
    """Cores and threads of all processors, from those of one; what ServiceNow says stands in `extra`."""
    sockets, cores, threads = (columns.get(name, []) for name in ("sockets", "cores", "logical_cores"))
    if cores:
        columns["extra_cpu_core_count"] = [*cores]
        columns["cores"] = cores = [_product(*pair) for pair in zip(sockets or ["1"] * len(cores), cores, strict=True)]
    if threads:
        columns["extra_cpu_core_thread"] = [*threads]
        both = zip(cores or [None] * len(threads), threads, strict=True)
        columns["logical_cores"] = [_product(*pair) if pair[0] and pair[1] else None for pair in both]


def _product(first: str | None, second: str | None) -> str | None:
    """The product of two numbers; the second as it is where the first is none."""
    if first and second and first.isdigit() and second.isdigit():
        return str(int(first) * int(second))
    return second


def _json(columns: Mapping[str, list[str | None]], count: int) -> list[str | None]:
    texts: list[str | None] = []
    for row in range(count):
        kept = {name: values[row] for name, values in columns.items() if values[row]}
        texts.append(json.dumps(kept, ensure_ascii=False) if kept else None)
    return texts
