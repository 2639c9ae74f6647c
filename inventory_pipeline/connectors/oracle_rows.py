"""What was measured of one Oracle database, and the canonical rows that come of it.

Facts: Oracle Database Reference (V$INSTANCE, V$DATABASE, V$VERSION, V$OPTION, V$LICENSE, DBA_USERS, GV$INSTANCE,
V$PARAMETER, DBA_FEATURE_USAGE_STATISTICS). Feature usage keeps the rows of earlier versions and of databases that this
one was copied from for ever, so only those of its own DBID and newest version count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory_pipeline.connectors.oracle_processors import Processors

Row = Mapping[str, Any]

_EDITION = re.compile(r"(Enterprise|Standard|Express|Personal) Edition(?: (?:2|One))?|Free", re.IGNORECASE)
_RELEASE = re.compile(r"(?:Release|Version) (\d+(?:\.\d+)+)")
_PACKS = {"DIAGNOSTIC": "Diagnostics Pack", "TUNING": "Tuning Pack"}


@dataclass(slots=True)
class Measured:
    """Rows of the views by lower-case column names; `key` is the database's, `source_object` where they come from."""

    key: str
    source_object: str
    instance: Row = field(default_factory=dict)
    database: Row = field(default_factory=dict)
    license: Row = field(default_factory=dict)
    banners: list[str] = field(default_factory=list)
    options: list[Row] = field(default_factory=list)
    features: list[Row] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    user_count: int | None = None
    instances: int | None = None
    processors: Processors | None = None

    @property
    def host_name(self) -> str | None:
        """Name of the machine, as the database knows it."""
        return self.instance.get("host_name")

    @property
    def cores(self) -> Any:
        """Physical cores: as the database sees them, else as a file of the collection says."""
        return self.license.get("cpu_core_count_current") or (self.processors.cores if self.processors else None)

    @property
    def sockets(self) -> Any:
        """Sockets, likewise."""
        return self.license.get("cpu_socket_count_current") or (self.processors.sockets if self.processors else None)


def device_row(measured: Measured) -> Iterator[dict[str, Any]]:
    """The machine that the database runs on, as far as the database knows it."""
    host = measured.host_name
    if host:
        yield {
            "source_device_id": host.lower(),
            "name": host.split(".")[0],
            "fqdn": host if "." in host else None,
            "os_name": measured.database.get("platform_name"),
        }


def processor_row(measured: Measured) -> Iterator[dict[str, Any]]:
    """The processors of the machine in one row: as a file of the collection says, else as the database sees them."""
    if measured.cores is not None and measured.host_name:
        yield {
            "source_device_id": measured.host_name.lower(),
            "name": measured.processors.name if measured.processors else None,
            "sockets": measured.sockets,
            "cores": measured.cores,
            "logical_cores": measured.processors.logical_cores
            if measured.processors
            else measured.license.get("cpu_count_current"),
        }


def instance_row(measured: Measured) -> Iterator[dict[str, Any]]:
    """The database instance."""
    banner = next((text for text in measured.banners if "Database" in text), "")
    edition = _EDITION.search(banner)
    release = _RELEASE.search(banner)
    stated = measured.instance
    codes = {"EE": "Enterprise Edition", "SE": "Standard Edition", "XE": "Express Edition"}
    cluster = measured.parameters.get("cluster_database", "")
    yield {
        "source_database_id": measured.key,
        "source_device_id": measured.host_name.lower() if measured.host_name else None,
        "host_name": measured.host_name,
        "instance_name": stated.get("instance_name"),
        "database_name": measured.database.get("name") or stated.get("instance_name"),
        "vendor": "Oracle",
        "product": "Oracle Database",
        "edition": edition[0]
        if edition
        else codes.get(str(stated.get("edition") or "").upper(), stated.get("edition")),
        "version": stated.get("version_full") or stated.get("version") or (release[1] if release else None),
        "cores": measured.cores,
        "sockets": measured.sockets,
        "sessions_high_water": measured.license.get("sessions_highwater"),
        "user_count": measured.user_count,
        "is_cluster": (measured.instances or 1) > 1 or cluster.upper() == "TRUE",
        "is_container": str(measured.database.get("cdb") or "").upper() == "YES" if measured.database else None,
        "extra": json.dumps({"banner": banner, "role": measured.database.get("database_role")}) if banner else None,
    }


def feature_rows(measured: Measured) -> Iterator[dict[str, Any]]:
    """Installed options, packs that are switched on, and features with their use."""
    for row in measured.options:
        if str(row.get("value") or "").upper() == "TRUE":
            yield {"source_database_id": measured.key, "feature": row["parameter"], "kind": "option"}
    access = measured.parameters.get("control_management_pack_access", "").upper()
    for word, name in _PACKS.items():
        if word in access:
            yield {
                "source_database_id": measured.key,
                "feature": name,
                "kind": "pack",
                "extra": json.dumps({"control_management_pack_access": access}),
            }
    for row in _newest(measured):
        yield {
            "source_database_id": measured.key,
            "feature": row["name"],
            "version": row.get("version"),
            "kind": "feature",
            "currently_used": row.get("currently_used"),
            "detected_usages": row.get("detected_usages"),
            "first_used": row.get("first_usage_date"),
            "last_used": row.get("last_usage_date"),
        }


def _newest(measured: Measured) -> list[Row]:
    rows = measured.features
    own = str(measured.database.get("dbid") or "")
    if own:
        rows = [row for row in rows if str(row.get("dbid")) == own]
    if not rows:
        return []
    newest = max(rows, key=lambda row: (str(row.get("last_sample_date") or ""), _numbers(row.get("version"))))
    same = (str(newest.get("dbid")), newest.get("version"))
    return [row for row in rows if (str(row.get("dbid")), row.get("version")) == same]


def _numbers(version: object) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version or "")))
