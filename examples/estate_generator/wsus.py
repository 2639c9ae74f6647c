"""The company's WSUS server as a database: Windows machines by full name, updates, and their states."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from estate_generator.facts import Facts
from estate_generator.machines import Machine
from estate_generator.sqlite_file import database, fill
from estate_generator.updates import UpdateState, update_id

_IDS = uuid.UUID("1f6a8a52-0b1b-4d07-8c9e-5a3b9c6de011")
_STATES = {"missing": 2, "installed": 4, "failed": 5, "pending_reboot": 6}
_GROUPS = ("All Computers", "Servers", "Workstations", "Laboratory")


def _id(text: str) -> str:
    return str(uuid.uuid5(_IDS, text))


def target_id(machine: Machine) -> str:
    """The key that WSUS has for a machine."""
    return _id(machine.id)


def write(path: Path, machines: Sequence[Machine], patches: Sequence[UpdateState], facts: Facts) -> None:
    """Writes the server's database."""
    known = [machine for machine in machines if "wsus" in machine.seen]
    reported = {m.number: m.inventory_date + timedelta(hours=1) for m in known}
    with database(path, "susdb") as connection:
        fill(
            connection,
            "vComputerTarget",
            [
                {
                    "ComputerTargetId": target_id(m),
                    "Name": m.fqdn if m.number % 40 else m.name.lower(),
                    "IPAddress": m.ip_address,
                    "LastSyncResult": "Succeeded",
                    "LastSyncTime": reported[m.number],
                    "LastReportedStatusTime": reported[m.number] - timedelta(minutes=30),
                    "ClientVersion": f"{m.system.version}.1",
                    "OSArchitecture": "AMD64",
                    "Make": m.model.manufacturer,
                    "Model": m.model.model,
                    "OSMajorVersion": 10,
                    "OSMinorVersion": 0,
                    "OSBuildNumber": int(m.system.build),
                    "OSServicePackMajorNumber": 0,
                    "OSDefaultUILanguage": {"de": "de-DE", "fr": "fr-FR"}.get(m.site.language, "en-US"),
                }
                for m in known
            ],
        )
        fill(
            connection,
            "vComputerInventory",
            [
                {
                    "ComputerTargetId": target_id(m),
                    "ClassName": "Win32_OperatingSystem",
                    "InstanceId": 1,
                    "PropertyName": "Caption",
                    "Value": m.system.name,
                }
                for m in known
            ],
        )
        classes = sorted({u.classification for u in facts.updates})
        products = sorted({u.product for u in facts.updates})
        fill(connection, "vClassification", [{"ClassificationId": _id(c), "DefaultTitle": c} for c in classes])
        fill(
            connection,
            "vCategory",
            [{"CategoryId": _id(p), "CategoryType": "Product", "DefaultTitle": p} for p in products],
        )
        fill(
            connection,
            "vUpdate",
            [
                {
                    "UpdateId": update_id(u),
                    "RevisionNumber": 200,
                    "DefaultTitle": u.title,
                    "ClassificationId": _id(u.classification),
                    "CreationDate": datetime.combine(u.release_date, datetime.min.time()) + timedelta(hours=17),
                    "IsDeclined": int(u.number % 19 == 0),
                    "MsrcSeverity": u.severity,
                    "PublicationState": "Published",
                    "UpdateType": "Software",
                    "KnowledgebaseArticle": u.kb.removeprefix("KB"),
                    "SecurityBulletin": None,
                }
                for u in facts.updates
            ],
        )
        fill(
            connection,
            "vUpdateInCategory",
            [
                {"UpdateId": update_id(u), "CategoryId": _id(u.product), "CategoryType": "Product"}
                for u in facts.updates
            ],
        )
        fill(
            connection,
            "vUpdateInstallationInfoBasic",
            [
                {"UpdateId": update_id(p.update), "ComputerTargetId": target_id(p.machine), "State": _STATES[p.state]}
                for p in patches
                if p.machine.number in reported
            ],
        )
        fill(
            connection,
            "vComputerTargetGroup",
            [
                {
                    "ComputerTargetGroupId": _id(g),
                    "Name": g,
                    "ParentTargetGroupId": None if g == _GROUPS[0] else _id(_GROUPS[0]),
                }
                for g in _GROUPS
            ],
        )
        fill(
            connection,
            "vComputerGroupMembership",
            [
                {
                    "ComputerTargetId": target_id(m),
                    "ComputerTargetGroupId": _id(group),
                    "IsExplicitMember": int(group != _GROUPS[0]),
                }
                for m in known
                for group in (_GROUPS[0], _group(m))
            ],
        )


def _group(machine: Machine) -> str:
    if machine.kind == "lab":
        return "Laboratory"
    return "Servers" if machine.is_server else "Workstations"
