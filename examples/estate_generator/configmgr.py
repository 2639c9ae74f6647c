"""The company's ConfigMgr site as a database: Windows machines of the main domain, their software, use and updates."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from estate_generator.company import DOMAIN, NETBIOS_DOMAIN, NOW, Person
from estate_generator.facts import Facts
from estate_generator.machines import Installed, Machine
from estate_generator.mishaps import Distortions, swapped
from estate_generator.sqlite_file import database, fill
from estate_generator.updates import UpdateState, superseded_by, update_id

FIRST_RESOURCE, FIRST_USER = 16777300, 2063597600
_SEVERITY = {"Critical": 10, "Important": 8, "Moderate": 6, "Low": 2}
_CLASSES = {
    "v_GS_COMPUTER_SYSTEM": "MICROSOFT|COMPUTER_SYSTEM|1.0",
    "v_GS_ADD_REMOVE_PROGRAMS": "MICROSOFT|ADD_REMOVE_PROGRAMS|1.0",
    "v_GS_ADD_REMOVE_PROGRAMS_64": "MICROSOFT|ADD_REMOVE_PROGRAMS_64|1.0",
    "v_GS_NETWORK_ADAPTER_CONFIGUR": "MICROSOFT|NETWORK_ADAPTER_CONFIGURATION|1.0",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One client record of the site: a machine as it is now, or as it was before it was installed anew."""

    resource: int
    machine: Machine
    name: str
    is_obsolete: bool
    scanned: datetime
    software: Sequence[Installed]


def records(machines: Sequence[Machine], wrong: Distortions, dice: random.Random) -> list[Record]:
    """Client records; installed anew means two of them."""
    found: list[Record] = []
    resource = FIRST_RESOURCE
    for machine in machines:
        if "configmgr" not in machine.seen:
            continue
        old = wrong.old_record.get(machine.number)
        if old:
            name = wrong.old_name.get(machine.number, machine.name)
            scanned = machine.inventory_date - timedelta(days=dice.randrange(45, 120))
            found.append(Record(resource, machine, name, old == "obsolete", scanned, machine.software[::2]))
            resource += 1
        scanned = wrong.future_inventory.get(machine.number, machine.inventory_date)
        found.append(Record(resource, machine, machine.name, False, scanned, machine.software))
        resource += 1
    return found


def write(
    path: Path,
    found: Sequence[Record],
    people: Sequence[Person],
    patches: Sequence[UpdateState],
    wrong: Distortions,
    facts: Facts,
    dice: random.Random,
) -> None:
    """Writes the site's database."""
    with database(path, "configmgr") as connection:
        _discovery(connection, found, people, wrong)
        _inventory(connection, found, wrong)
        _software(connection, found, wrong, dice)
        _usage(connection, found, wrong, facts)
        _updates(connection, found, patches, facts)
        _groups(connection, found)
        _applications(connection)
        maps = [
            {"GroupID": number, "DisplayName": name, "InvClassName": view, "MIFClass": name}
            for number, (view, name) in enumerate(_CLASSES.items(), start=1)
        ]
        fill(connection, "v_GroupMap", maps)


def _discovery(
    connection: sqlite3.Connection, found: Sequence[Record], people: Sequence[Person], wrong: Distortions
) -> None:
    fill(
        connection,
        "v_R_System",
        [
            {
                "ResourceID": r.resource,
                "ResourceType": 5,
                "Name0": r.name,
                "Netbios_Name0": r.name[:15],
                "Resource_Domain_OR_Workgr0": NETBIOS_DOMAIN,
                "Full_Domain_Name0": DOMAIN.upper(),
                "AD_Site_Name0": r.machine.site.city,
                "SMBIOS_GUID0": _uuid(r.machine, wrong),
                "SMS_Unique_Identifier0": f"GUID:{r.resource:08X}-6B1F-4E0B-9C1D-{r.resource:012X}",
                "SID0": r.machine.sid if not r.is_obsolete else f"{r.machine.sid}9",
                "User_Domain0": NETBIOS_DOMAIN if r.machine.owner else None,
                "User_Name0": r.machine.owner.account if r.machine.owner else None,
                "Operating_System_Name_and0": "Microsoft Windows NT "
                + ("Server" if r.machine.is_server else "Workstation")
                + " 10.0",
                "Build01": f"{r.machine.system.version}.{4000 + r.machine.number % 3}",
                "Client0": 1,
                "Client_Version0": "5.00.9122.1000",
                "Active0": 0 if r.is_obsolete else 1,
                "Obsolete0": int(r.is_obsolete),
                "Decommissioned0": 0,
                "Is_Virtual_Machine0": int(r.machine.is_virtual),
                "Virtual_Machine_Host_Name0": r.machine.host.fqdn if r.machine.host else None,
                "Creation_Date0": r.scanned - timedelta(days=300),
                "Last_Logon_Timestamp0": r.scanned - timedelta(hours=5),
            }
            for r in found
        ],
    )
    fill(
        connection,
        "v_RA_System_ResourceNames",
        [{"ResourceID": r.resource, "Resource_Names0": f"{r.name.lower()}.{DOMAIN}"} for r in found],
    )
    fill(
        connection,
        "v_RA_System_MACAddresses",
        [{"ResourceID": r.resource, "MAC_Addresses0": mac} for r in found for mac in _macs(r.machine, wrong)],
    )
    fill(
        connection,
        "v_RA_System_IPAddresses",
        [{"ResourceID": r.resource, "IP_Addresses0": r.machine.ip_address} for r in found],
    )
    fill(
        connection,
        "v_AgentDiscoveries",
        [
            {"ResourceId": r.resource, "AgentName": "Heartbeat Discovery", "AgentTime": r.scanned + timedelta(hours=3)}
            for r in found
        ],
    )
    fill(
        connection,
        "v_UserMachineRelationship",
        [
            {
                "RelationshipResourceID": 33554432 + number,
                "MachineResourceID": r.resource,
                "MachineResourceName": r.name,
                "UniqueUserName": r.machine.owner.domain_account,
                "RelationActive": 1,
                "CreationTime": r.scanned - timedelta(days=200),
            }
            for number, r in enumerate(found)
            if r.machine.owner and not r.is_obsolete
        ],
    )
    fill(
        connection,
        "v_R_User",
        [
            {
                "ResourceID": FIRST_USER + person.number,
                "Unique_User_Name0": person.domain_account,
                "User_Name0": person.account,
                "Windows_NT_Domain0": NETBIOS_DOMAIN,
                "Full_User_Name0": person.display_name,
                "User_Principal_Name0": person.upn,
                "Mail0": person.upn,
                "SID0": person.sid,
                "User_Account_Control0": 512 if person.enabled else 514,
                "department0": person.department.name,
                "title0": person.job_title,
                "company0": "Kestrel & Rowe Analytical",
                "co0": person.site.country,
            }
            for person in people
        ],
    )


def _inventory(connection: sqlite3.Connection, found: Sequence[Record], wrong: Distortions) -> None:
    def rows(*columns: str) -> Iterator[tuple[Record, dict[str, Any]]]:
        for r in found:
            base = {"ResourceID": r.resource, "GroupID": 1, "RevisionID": 1, "TimeStamp": r.scanned}
            yield r, base | dict.fromkeys(columns)

    fill(connection, "v_GS_WORKSTATION_STATUS", [{**base, "LastHWScan": r.scanned} for r, base in rows()])
    fill(
        connection,
        "v_GS_COMPUTER_SYSTEM",
        [
            {
                **base,
                "Name0": r.name,
                "Manufacturer0": r.machine.model.manufacturer,
                "Model0": r.machine.model.model,
                "Domain0": DOMAIN,
                "UserName0": r.machine.owner.domain_account if r.machine.owner else None,
            }
            for r, base in rows()
        ],
    )
    fill(
        connection,
        "v_GS_COMPUTER_SYSTEM_PRODUCT",
        [
            {
                **base,
                "IdentifyingNumber0": _serial(r.machine, wrong),
                "UUID0": _uuid(r.machine, wrong),
                "Vendor0": r.machine.model.manufacturer,
                "Version0": r.machine.model.name or "Not Available",
            }
            for r, base in rows()
        ],
    )
    fill(connection, "v_GS_PC_BIOS", [{**base, "SerialNumber0": _serial(r.machine, wrong)} for r, base in rows()])
    fill(
        connection,
        "v_GS_SYSTEM_ENCLOSURE",
        [
            {
                **base,
                "ChassisTypes0": r.machine.model.chassis_type,
                "SerialNumber0": _serial(r.machine, wrong),
                "SMBIOSAssetTag0": r.machine.asset_tag if r.machine.number % 3 == 0 else "No Asset Tag",
            }
            for r, base in rows()
        ],
    )
    fill(
        connection,
        "v_GS_OPERATING_SYSTEM",
        [
            {
                **base,
                "Caption0": r.machine.system.name,
                "Version0": r.machine.system.version,
                "BuildNumber0": r.machine.system.build,
                "OSArchitecture0": {"de": "64-Bit", "fr": "64 bits"}.get(r.machine.site.language, "64-bit"),
                "LastBootUpTime0": r.scanned - timedelta(days=r.machine.number % 12, hours=2),
            }
            for r, base in rows()
        ],
    )
    fill(
        connection,
        "v_GS_X86_PC_MEMORY",
        [{**base, "TotalPhysicalMemory0": r.machine.memory_mb * 1024 - 131072} for r, base in rows()],
    )
    fill(
        connection,
        "v_GS_NETWORK_ADAPTER_CONFIGUR",
        [
            {
                **base,
                "IPAddress0": r.machine.ip_address if not place else None,
                "MACAddress0": mac,
                "IPEnabled0": int(not place or mac == wrong.extra_mac.get(r.machine.number)),
            }
            for r, base in rows()
            for place, mac in enumerate(_macs(r.machine, wrong))
        ],
    )
    fill(
        connection,
        "v_GS_PROCESSOR",
        [
            {
                **base,
                "GroupID": socket + 1,
                "DeviceID0": f"CPU{socket}",
                "Name0": r.machine.processor.name,
                "Manufacturer0": r.machine.processor.manufacturer,
                "SocketDesignation0": f"U3E{socket + 1}",
                "NumberOfCores0": r.machine.processor.cores,
                "NumberOfLogicalProcessors0": r.machine.processor.threads,
                "NormSpeed0": r.machine.processor.speed_mhz,
                "IsHyperthreadEnabled0": int(r.machine.processor.threads > r.machine.processor.cores),
            }
            for r, base in rows()
            for socket in range(r.machine.sockets)
        ],
    )


def _software(connection: sqlite3.Connection, found: Sequence[Record], wrong: Distortions, dice: random.Random) -> None:
    views: dict[str, list[dict[str, Any]]] = {
        "v_GS_ADD_REMOVE_PROGRAMS": [],
        "v_GS_ADD_REMOVE_PROGRAMS_64": [],
        "v_GS_WINDOWS8_APPLICATION": [],
    }
    for r in found:
        for place, installed in enumerate(r.software, start=1):
            title = installed.title
            base = {"ResourceID": r.resource, "GroupID": place, "RevisionID": 1, "TimeStamp": r.scanned}
            if title.origin == "appx":
                views["v_GS_WINDOWS8_APPLICATION"].append(
                    {
                        **base,
                        "ApplicationName0": title.title,
                        "Version0": title.version,
                        "Publisher0": title.publisher,
                        "FamilyName0": title.product_code,
                    }
                )
                continue
            day = installed.install_date
            if r.machine.number in wrong.future_install and place % 9 == 0:
                day = NOW.date() + timedelta(days=4000)
            view = "v_GS_ADD_REMOVE_PROGRAMS" + ("_64" if title.origin == "64" else "")
            views[view].append(
                {
                    **base,
                    "ProdID0": title.product_code or _key(title.title),
                    "DisplayName0": title.title if dice.random() > 0.01 else f"{title.title} ",
                    "Publisher0": title.publisher or None,
                    "Version0": title.version or None,
                    "InstallDate0": day.strftime("%Y%m%d") if day else None,
                }
            )
    for view, rows in views.items():
        fill(connection, view, rows)


def _usage(connection: sqlite3.Connection, found: Sequence[Record], wrong: Distortions, facts: Facts) -> None:
    program = {p.product: p for p in reversed(facts.programs)}
    metered = [p for p in facts.programs if p.is_metered]
    files = {p.product: 72057594037927936 + place for place, p in enumerate(metered)}
    fill(
        connection,
        "v_MeteredFiles",
        [
            {
                "RuleID": place,
                "ProductName": p.product,
                "FileName": p.file_name,
                "FileVersion": "*",
                "MeteredFileID": files[p.product],
                "MeteredFileVersion": None,
            }
            for place, p in enumerate(metered)
        ],
    )
    summary, recent, users = [], [], {}
    for r in found:
        owner = r.machine.owner
        if r.is_obsolete:
            continue
        for place, installed in enumerate(r.software, start=1):
            watched = program.get(installed.title.product)
            if installed.last_used is None or watched is None:
                continue
            used = installed.last_used
            if r.machine.number in wrong.future_usage and place % 5 == 0:
                used = NOW + timedelta(days=730)
            if watched.is_metered:
                number = owner.number if owner else 0
                users[number] = owner.domain_account if owner else f"{NETBIOS_DOMAIN}\\service"
                summary.append(
                    {
                        "ResourceID": r.resource,
                        "FileID": files[watched.product],
                        "MeteredUserID": number,
                        "TimeKey": used.year * 100 + used.month,
                        "UsageCount": 1 + r.resource % 40,
                        "TSUsageCount": 0,
                        "UsageTime": 600 * (1 + r.resource % 90),
                        "LastUsage": used,
                    }
                )
            else:
                recent.append(
                    {
                        "ResourceID": r.resource,
                        "GroupID": place,
                        "RevisionID": 1,
                        "TimeStamp": r.scanned,
                        "ExplorerFileName0": watched.file_name,
                        "LastUserName0": owner.domain_account if owner else None,
                        "LastUsedTime0": used,
                        "LaunchCount0": 1 + r.resource % 200,
                        "FileVersion0": installed.title.version,
                        "CompanyName0": installed.title.publisher,
                        "ProductName0": installed.title.title,
                        "ProductVersion0": installed.title.version,
                    }
                )
    fill(connection, "v_MonthlyUsageSummary", _summed(summary))
    fill(connection, "v_GS_CCM_RECENTLY_USED_APPS", recent)
    fill(
        connection,
        "v_MeteredUser",
        [{"MeteredUserID": number, "FullName": name} for number, name in sorted(users.items())],
    )


def _summed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    # One row per machine, file, user and month.
    found = {(r["ResourceID"], r["FileID"], r["MeteredUserID"], r["TimeKey"]): r for r in rows}
    return list(found.values())


def _updates(
    connection: sqlite3.Connection, found: Sequence[Record], patches: Sequence[UpdateState], facts: Facts
) -> None:
    newer = superseded_by(facts)
    fill(
        connection,
        "v_UpdateInfo",
        [
            {
                "CI_ID": 1000 + u.number,
                "CI_UniqueID": update_id(u),
                "CIVersion": 200,
                "ArticleID": u.kb.removeprefix("KB"),
                "BulletinID": None,
                "Title": u.title,
                "Severity": _SEVERITY.get(u.severity, 0),
                "DatePosted": datetime.combine(u.release_date, datetime.min.time()) + timedelta(hours=17),
                "IsExpired": 0,
                "IsSuperseded": int(u.kb in newer),
            }
            for u in facts.updates
        ],
    )
    names = sorted({u.product for u in facts.updates} | {u.classification for u in facts.updates})
    kinds = {u.product: "Product" for u in facts.updates} | {
        u.classification: "UpdateClassification" for u in facts.updates
    }
    fill(
        connection,
        "v_CategoryInfo",
        [
            {
                "CategoryInstance_UniqueID": f"{kinds[name]}:{number}",
                "CategoryInstanceID": number,
                "CategoryTypeName": kinds[name],
                "CategoryInstanceName": name,
            }
            for number, name in enumerate(names, start=1)
        ],
    )
    numbers = {name: number for number, name in enumerate(names, start=1)}
    fill(
        connection,
        "v_CICategories_All",
        [
            {
                "CI_ID": 1000 + u.number,
                "CategoryInstance_UniqueID": f"{kinds[name]}:{numbers[name]}",
                "CategoryInstanceID": numbers[name],
                "CategoryTypeName": kinds[name],
            }
            for u in facts.updates
            for name in (u.product, u.classification)
        ],
    )
    by_kb = {u.kb: u for u in facts.updates}
    fill(
        connection,
        "v_CIRelation",
        [
            {"FromCIID": 1000 + u.number, "ToCIID": 1000 + by_kb[u.supersedes].number, "RelationType": 6}
            for u in facts.updates
            if u.supersedes in by_kb
        ],
    )
    current = {r.machine.number: r.resource for r in found if not r.is_obsolete}
    messages = {"failed": 11, "pending_reboot": 9}
    fill(
        connection,
        "v_UpdateComplianceStatus",
        [
            {
                "CI_ID": 1000 + p.update.number,
                "ResourceID": current[p.machine.number],
                "Status": 3 if p.state == "installed" else 2,
                "LastEnforcementMessageID": messages.get(p.state),
                "LastStatusCheckTime": p.changed + timedelta(hours=1),
                "LastStatusChangeTime": p.changed,
            }
            for p in patches
            if p.machine.number in current
        ],
    )


def _groups(connection: sqlite3.Connection, found: Sequence[Record]) -> None:
    live = [r for r in found if not r.is_obsolete]
    groups: dict[str, tuple[str, list[Record]]] = {
        "SMS00001": ("All Systems", list(found)),
        "KRA00010": ("All Windows Servers", [r for r in live if r.machine.is_server]),
        "KRA00011": (
            "Workstations London",
            [r for r in live if not r.machine.is_server and r.machine.site.code == "LON"],
        ),
        "KRA00012": (
            "Workstations Munich",
            [r for r in live if not r.machine.is_server and r.machine.site.code == "MUC"],
        ),
        "KRA00013": (
            "Workstations Lyon",
            [r for r in live if not r.machine.is_server and r.machine.site.code == "LYS"],
        ),
        "KRA00020": ("Pilot Windows 11 24H2", [r for r in live if r.machine.number % 17 == 0]),
        "KRA00021": ("Empty since 2024", []),
    }
    fill(
        connection,
        "v_Collection",
        [
            {
                "CollectionID": key,
                "Name": name,
                "Comment": None,
                "CollectionType": 2,
                "LimitToCollectionID": None if key == "SMS00001" else "SMS00001",
            }
            for key, (name, _) in groups.items()
        ],
    )
    fill(
        connection,
        "v_FullCollectionMembership",
        [
            {"CollectionID": key, "ResourceID": r.resource, "ResourceType": 5, "Name": r.name}
            for key, (_, members) in groups.items()
            for r in members
        ],
    )


def _applications(connection: sqlite3.Connection) -> None:
    packages = [
        ("KRA00101", "7-Zip", "24.06", "Igor Pavlov"),
        ("KRA00102", "SAP GUI for Windows", "8.00", "SAP"),
        ("KRA00103", "Cisco Secure Client", "5.1.4.74", "Cisco"),
    ]
    fill(
        connection,
        "v_Package",
        [
            {
                "PackageID": key,
                "Name": name,
                "Version": version,
                "Manufacturer": vendor,
                "PackageType": 0,
                "SourceDate": NOW - timedelta(days=200),
                "SecurityKey": None,
            }
            for key, name, version, vendor in packages
        ],
    )
    fill(connection, "v_Advertisement", [{"AdvertisementID": "KRA20001", "PackageID": "KRA00102"}])
    names = ["Google Chrome", "Zoom", "Notepad++", "Tableau Desktop"]
    fill(
        connection,
        "v_ConfigurationItems",
        [
            {
                "CI_ID": 5000 + number,
                "CI_UniqueID": f"ScopeId_7F1B/Application_{number}/3",
                "ModelName": f"ScopeId_7F1B/Application_{number}",
                "CIType_ID": 10,
                "IsLatest": 1,
                "IsDeployed": number % 2,
                "DateLastModified": NOW - timedelta(days=30 + number),
            }
            for number, _ in enumerate(names)
        ],
    )
    fill(
        connection,
        "v_LocalizedCIProperties",
        [{"CI_ID": 5000 + number, "LocaleID": 1033, "DisplayName": name} for number, name in enumerate(names)],
    )


def _serial(machine: Machine, wrong: Distortions) -> str:
    return wrong.configmgr_serial.get(machine.number, machine.serial_number)


def _uuid(machine: Machine, wrong: Distortions) -> str:
    given = wrong.configmgr_uuid.get(machine.number)
    if given is not None:
        return given.upper()
    return swapped(machine.smbios_uuid) if machine.is_virtual else str(machine.smbios_uuid).upper()


def _macs(machine: Machine, wrong: Distortions) -> list[str]:
    extra = wrong.extra_mac.get(machine.number)
    return [*machine.mac_addresses, *([extra] if extra else [])]


def _key(title: str) -> str:
    return "".join(character for character in title if character.isalnum())[:40]
