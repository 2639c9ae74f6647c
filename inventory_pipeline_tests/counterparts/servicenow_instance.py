"""Tables of a ServiceNow instance in memory: classes that extend each other, references, access rules, encoded queries.

Behaves as ServiceNow's "Table API" (Australia) documents it: unknown and forbidden fields are left out of answers,
conditions on unknown fields are ignored, the limit is applied before access rules, the total counts before them.
Deleting writes sys_audit_delete under the class of the record, unless the table is not audited.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import ge, gt, le, lt

Row = dict[str, str]
AUDIT = "sys_audit_delete"
COMPUTER = "cmdb_ci_computer"
SOFTWARE = "cmdb_sam_sw_install"
_SYSTEM = ("sys_id", "sys_created_on", "sys_updated_on", "sys_mod_count")
_CONDITION = re.compile(r"([a-z][a-z0-9_]*(?:[.][a-z0-9_]+)*)(>=|<=|!=|=|>|<|IN|LIKE|STARTSWITH)(.*)", re.DOTALL)
_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "=": lambda value, given: value == given,
    "!=": lambda value, given: value != given,
    ">": gt, "<": lt, ">=": ge, "<=": le,
    "IN": lambda value, given: value in given.split(","),
    "LIKE": lambda value, given: given in value,
    "STARTSWITH": lambda value, given: value.startswith(given),
}  # fmt: skip


class InvalidTable(Exception):
    """The instance has no such table."""


class Forbidden(Exception):
    """The account may not do this; the text is ServiceNow's."""


def sys_id(name: str) -> str:
    """A sys_id that goes with a name."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Table:
    """A table: its columns, the table it extends, and the tables that its columns refer to."""

    columns: tuple[str, ...]
    parent: str = ""
    references: dict[str, str] = field(default_factory=dict)
    is_audited: bool = True


@dataclass
class Instance:
    """An instance at the time `now`; `forbidden` are tables, `hidden_fields` and `hidden_rows` what rules hide."""

    tables: dict[str, Table]
    now: dt.datetime = dt.datetime(2026, 11, 26, 8, 0, tzinfo=dt.UTC)
    records: dict[str, Row] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    hidden_fields: set[tuple[str, str]] = field(default_factory=set)
    hidden_rows: set[str] = field(default_factory=set)

    def stamp(self) -> str:
        """The time as records have it."""
        return self.now.strftime("%Y-%m-%d %H:%M:%S")

    def insert(self, table: str, name: str, /, **values: str) -> str:
        """A new record, with a sys_id that goes with the name."""
        key = sys_id(name)
        system = {"sys_id": key, "sys_created_on": self.stamp(), "sys_updated_on": self.stamp(), "sys_mod_count": "0"}
        self.records[key] = {**system, **values}
        self.classes[key] = table
        return key

    def update(self, name: str, /, **values: str) -> str:
        """Changes a record."""
        row = self.records[sys_id(name)]
        count = str(int(row["sys_mod_count"]) + 1)
        row.update({**values, "sys_updated_on": self.stamp(), "sys_mod_count": count})
        return row["sys_id"]

    def delete(self, name: str) -> str:
        """Deletes a record."""
        key = sys_id(name)
        table = self.classes.pop(key)
        self.records.pop(key)
        if self.tables[table].is_audited:
            self.insert(AUDIT, f"deleted {name} {self.stamp()}", tablename=table, documentkey=key)
        return key

    def passes(self, **units: float) -> None:
        """Lets time go by."""
        self.now += dt.timedelta(**units)

    def find(self, table: str, query: str, names: list[str], offset: int, limit: int) -> tuple[list[Row], int]:
        """Records for a query, with the asked columns that there are, and how many the query finds.

        Raises:
            InvalidTable, Forbidden: as they say.
        """
        if table not in self.tables:
            raise InvalidTable(table)
        if table in self.forbidden:
            raise Forbidden("User Not Authorized")
        alternatives = [self._conditions(table, part) for part in query.split("^NQ")]
        found = [
            row
            for key, row in self.records.items()
            if table in self._lineage(self.classes[key])
            and any(all(any(test(row) for test in either) for either in every) for every in alternatives)
        ]
        for order in reversed(re.findall(r"(?:^|\^)ORDERBY(?!DESC)([a-z0-9_]+)", query)):
            found.sort(key=lambda row: row.get(order, ""))
        page = [row for row in found[offset : offset + limit] if row["sys_id"] not in self.hidden_rows]
        return [self._shown(table, row, names) for row in page], len(found)

    def columns(self, table: str) -> set[str]:
        """All columns of a table, with those of what it extends."""
        return {*_SYSTEM, *(c for name in self._lineage(table) for c in self.tables[name].columns)}

    def _lineage(self, table: str) -> list[str]:
        found = []
        while table in self.tables:
            found.append(table)
            table = self.tables[table].parent
        return found

    def _conditions(self, table: str, text: str) -> list[list[Callable[[Row], bool]]]:
        """Conditions that all hold, each of which is one of several."""
        every: list[list[Callable[[Row], bool]]] = []
        for part in text.split("^"):
            found = _CONDITION.fullmatch(part.removeprefix("OR"))
            if part.startswith(("ORDERBY", "GROUPBY")) or found is None:
                continue
            name, operator, given = found.groups()
            if (table, name) in self.hidden_fields:
                raise Forbidden("Insufficient rights to query records")
            if name.partition(".")[0] not in self.columns(table):
                continue
            compared = _COMPARED[operator]
            test = lambda row, n=name, c=compared, g=given: c(self._value(table, row, n) or "", g)  # noqa: E731
            if part.startswith("OR") and every:
                every[-1].append(test)
            else:
                every.append([test])
        return every

    def _shown(self, table: str, row: Row, names: list[str]) -> Row:
        shown = {}
        for name in names:
            value = self._value(table, row, name)
            if value is not None:
                shown[name] = value
        return shown

    def _value(self, table: str, row: Row, name: str) -> str | None:
        """The value of a column, through references; None where it is unknown or hidden."""
        first, _, rest = name.partition(".")
        if first not in self.columns(table) or (table, first) in self.hidden_fields:
            return None
        value = row.get(first, self.classes[row["sys_id"]] if first == "sys_class_name" else "")
        if not rest:
            return value
        target = next((t.references[first] for t in map(self.tables.get, self._lineage(table)) if t and first in t.references), None)  # noqa: E501  # fmt: skip
        if target is None or target in self.forbidden:
            return None
        if value not in self.records:
            return None if (target, rest) in self.hidden_fields or rest not in self.columns(target) else ""
        return self._value(target, self.records[value], rest)


def base_tables() -> dict[str, Table]:
    """Tables of the base system and of Software Asset Management, as far as they are read."""
    computer = (
        "name", "host_name", "fqdn", "dns_domain", "manufacturer", "model_id", "serial_number", "asset_tag",
        "chassis_type", "os", "os_version", "os_service_pack", "ram", "mac_address", "ip_address", "assigned_to",
        "virtual", "first_discovered", "last_discovered", "sys_class_name", "install_status", "operational_status",
        "discovery_source", "location", "department", "cost_center", "company", "cpu_name", "cpu_manufacturer",
        "cpu_count", "cpu_core_count", "cpu_core_thread", "cpu_speed", "cpu_type",
    )  # fmt: skip
    references = {
        "manufacturer": "core_company", "cpu_manufacturer": "core_company", "company": "core_company",
        "model_id": "cmdb_model", "assigned_to": "sys_user", "location": "cmn_location",
        "department": "cmn_department", "cost_center": "cmn_cost_center",
    }  # fmt: skip
    software = ("display_name", "publisher", "version", "prod_id", "installed_on", "install_date", "last_scanned", "last_used", "discovery_model", "active_install")  # noqa: E501  # fmt: skip
    user = ("user_name", "email", "name", "department", "company", "title", "active", "last_login_time", "employee_number", "manager")  # noqa: E501  # fmt: skip
    of_user = {"department": "cmn_department", "company": "core_company", "manager": "sys_user"}
    return {
        COMPUTER: Table(computer, references=references),
        "cmdb_ci_server": Table((), parent=COMPUTER),
        "cmdb_ci_linux_server": Table((), parent="cmdb_ci_server"),
        "cmdb_ci_win_server": Table((), parent="cmdb_ci_server"),
        SOFTWARE: Table(software, references={"installed_on": COMPUTER}),
        "sys_user": Table(user, references=of_user),
        "sys_user_group": Table(("name", "description", "parent"), references={"parent": "sys_user_group"}),
        "sys_user_grmember": Table(("group", "user"), references={"group": "sys_user_group", "user": "sys_user"}),
        AUDIT: Table(("tablename", "documentkey")),
        **{
            name: Table(("name",))
            for name in ("core_company", "cmdb_model", "cmn_location", "cmn_department", "cmn_cost_center")
        },
    }


def example_instance() -> Instance:
    """A small instance: two servers of different classes, two other computers, what is installed, and who is there."""
    one = Instance(base_tables())
    for table, names in {
        "core_company": ("Dell Inc.", "Intel", "Example Ltd"),
        "cmdb_model": ("PowerEdge R750", "Latitude 5440"),
        "cmn_department": ("Finance", "IT"),
        "cmn_location": ("London", "Berlin"),
    }.items():
        for name in names:
            one.insert(table, name, name=name)
    one.insert("sys_user", "ada", user_name="ada", name="Ada Löwe", email="ada@example.com", active="true", title="Analyst", department=sys_id("Finance"), company=sys_id("Example Ltd"), last_login_time="2026-11-20 07:30:00")  # noqa: E501  # fmt: skip
    one.insert("sys_user", "bob", user_name="bob", name="Bob", active="false", manager=sys_id("ada"))
    one.insert("sys_user_group", "Service Desk", name="Service Desk", description="First line")
    one.insert("sys_user_group", "Night shift", name="Night shift", parent=sys_id("Service Desk"))
    one.insert("sys_user_grmember", "ada at desk", group=sys_id("Service Desk"), user=sys_id("ada"))
    one.insert("sys_user_grmember", "bob at desk", group=sys_id("Service Desk"), user=sys_id("bob"))
    one.insert("sys_user_grmember", "bob by night", group=sys_id("Night shift"), user=sys_id("bob"))
    intel = {"cpu_name": "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz", "cpu_manufacturer": sys_id("Intel")}
    one.insert(
        "cmdb_ci_win_server", "LON-SRV-01", name="LON-SRV-01", host_name="LON-SRV-01",
        fqdn="lon-srv-01.corp.example.com", dns_domain="corp.example.com",
        manufacturer=sys_id("Dell Inc."), model_id=sys_id("PowerEdge R750"),
        serial_number="7XK2M94", os="Windows 2019 Standard", os_version="10.0.17763", ram="131072", virtual="false",
        mac_address="00:25:90:11:22:33", ip_address="10.1.0.1", install_status="1", location=sys_id("London"),
        first_discovered="2024-02-01 10:00:00", last_discovered="2026-11-25 22:00:00", cpu_count="2",
        cpu_core_count="16", cpu_core_thread="2", cpu_speed="3100", **intel,
    )  # fmt: skip
    one.insert(
        "cmdb_ci_linux_server", "BER-LNX-01", name="BER-LNX-01", os="Linux Red Hat", ram="8192", virtual="true",
        cpu_core_count="4", cpu_name="AMD EPYC 7763", install_status="1", location=sys_id("Berlin"),
    )  # fmt: skip
    one.insert(
        COMPUTER, "LON-LT-01", name="LON-LT-01", manufacturer=sys_id("Dell Inc."), serial_number="5CD1234X",
        model_id=sys_id("Latitude 5440"), assigned_to=sys_id("ada"), department=sys_id("Finance"), install_status="1",
    )  # fmt: skip
    one.insert(COMPUTER, "OLD-PC", name="OLD-PC", install_status="7")
    for device, title, publisher, version in (
        ("LON-SRV-01", "Microsoft SQL Server 2019", "Microsoft", "15.0.4312.2"),
        ("LON-SRV-01", "7-Zip 23.01 (x64)", "Igor Pavlov", "23.01"),
        ("BER-LNX-01", "openssl", "Red Hat", "3.0.7"),
        ("LON-LT-01", "7-Zip 23.01 (x64)", "Igor Pavlov", "23.01"),
        ("OLD-PC", "WinZip", "Corel", "9"),
    ):
        one.insert(
            SOFTWARE, f"{title} on {device}", display_name=title, publisher=publisher, version=version,
            installed_on=sys_id(device), install_date="2025-03-01", active_install="true",
        )  # fmt: skip
    one.passes(days=1)
    return one
