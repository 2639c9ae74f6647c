"""Microsoft Intune: managed devices, detected apps, and the users, groups and devices of Microsoft Entra around them.

Facts: see `intune_devices` and `intune_software` for what is read, `graph_directory` for delta queries. Intune reports
no use of software per device (neither Graph v1.0 nor the export reports do); `usage_reporting` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors import graph_directory
from inventory_pipeline.connectors.base import Check, Keys, RefusedUnit, TableSource, Units
from inventory_pipeline.connectors.graph import GraphConnector
from inventory_pipeline.connectors.graph_directory import (
    DEVICES_PERMISSION,
    GROUPS_PERMISSION,
    USERS_PERMISSION,
    Listing,
)
from inventory_pipeline.connectors.graph_signin import GraphError
from inventory_pipeline.connectors.graph_table import Collected
from inventory_pipeline.connectors.intune_reading import APPS_PERMISSION, MANAGED_PERMISSION, IntuneReading
from inventory_pipeline.connectors.intune_software import DeviceApps
from inventory_pipeline.records import Category

# Raised when the same answers would give other rows than before.
MAPPING_VERSION = "1"


class Intune(GraphConnector):
    """Microsoft Intune, through Microsoft Graph.

    Brings managed devices with facts of their Entra objects, detected apps, users and groups.
    """

    type: ClassVar[str] = "intune"
    title: ClassVar[str] = "Intune"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource(
            "device",
            ("deviceManagement/managedDevices", "report DevicesWithInventory", "devices/delta"),
            f"{MANAGED_PERMISSION}, {DEVICES_PERMISSION}",
            "Hash of what was read",
            chunk_units=10_000,
        ),
        TableSource(
            "software",
            ("report AppInvRawData", "report AppInvAggregate"),
            f"{MANAGED_PERMISSION}, {APPS_PERMISSION}",
            "Sum over hashes of a device's apps",
            chunk_units=5_000,
        ),
        TableSource(
            "usage_reporting", ("deviceManagement/managedDevices",), MANAGED_PERMISSION, "Device listed", 10_000
        ),
        TableSource("user", ("users/delta",), USERS_PERMISSION, "Delta query, with removals", chunk_units=10_000),
        TableSource("group", ("groups/delta",), GROUPS_PERMISSION, "Delta query, with removals", 10_000),
        TableSource(
            "group_member",
            ("groups/delta", "groups/{id}/members", "devices/delta"),
            f"{GROUPS_PERMISSION}, {DEVICES_PERMISSION}",
            "Delta query, with removals",
            chunk_units=10_000,
        ),
    )

    entra_devices: Literal["none", "managed", "all"] = Field(
        default="managed",
        description="Devices of Microsoft Entra. managed: completes managed devices, by SID and trust type. all: also "
        "brings devices that Intune does not manage. none: Entra's devices are not read, but for groups.",
    )
    page_size: int = Field(default=1000, gt=0, le=1000, description="Managed devices per page.")
    report_seconds: int = Field(default=3600, gt=0, description="Longest wait for a report that Intune makes.")

    _reading: IntuneReading | None = PrivateAttr(default=None)
    _listings: dict[tuple[str, str], Listing] = PrivateAttr(default_factory=dict)
    _listed: dict[str, Collected] = PrivateAttr(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return f"{MAPPING_VERSION} {self.entra_devices}"

    def connect(self) -> None:
        super().connect()
        self._reading = IntuneReading(
            self.session, self.entra_devices, self.page_size, self.report_seconds, note=self.note
        )

    def close(self) -> None:
        super().close()
        self._reading, self._listings, self._listed = None, {}, {}

    def check(self, category: Category) -> Iterator[Check]:
        urls = self.session.urls
        devices = ("managed devices", urls.managed_devices(["id"], 1), MANAGED_PERMISSION)
        reports = ("reports", urls.export_jobs(1), MANAGED_PERMISSION)
        apps = (
            "apps",
            urls.get(lambda graph: graph.device_app_management.mobile_apps, select=["id"], top=1),
            APPS_PERMISSION,
        )
        entra = ("Entra devices", urls.get(lambda graph: graph.devices, select=["id"], top=1), DEVICES_PERMISSION)
        groups = ("groups", urls.get(lambda graph: graph.groups, select=["id"], top=1), GROUPS_PERMISSION)
        users = ("users", urls.get(lambda graph: graph.users, select=["id"], top=1), USERS_PERMISSION)
        needed = {
            Category.device: [devices, reports, *([entra] if self.entra_devices != "none" else [])],
            Category.software: [reports, apps],
            Category.usage: [devices],
            Category.user: [users],
            Category.group: [groups, entra],
        }
        for name, address, permission in needed[category]:
            yield self.tried(name, address, permission)

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        with self.told(GraphError):
            if table not in ("user", "group", "group_member"):
                return Keys(self._rows(table).listing())
            return self._directory(table, cursor).keys(table)

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        with self.told(GraphError):
            rows = self._rows(table)
        yield from rows.read(units.keys if units is not None else None)

    def _rows(self, table: str) -> Collected | DeviceApps:
        if self._reading is None:
            raise self.error("the connector is not connected.")
        own = {"device": "devices", "usage_reporting": "usage_reporting", "software": "detected_apps"}
        if table in own:
            return getattr(self._reading, own[table])
        if table not in self._listed:
            self._directory(table, None)
        return self._listed[table]

    def _directory(self, table: str, cursor: Mapping[str, Any] | None) -> Listing:
        kind, reading = ("user" if table == "user" else "group"), self._reading
        place = (kind, str((cursor or {}).get("link")))
        if place not in self._listings:
            self._listings[place] = (
                graph_directory.users(self.session, cursor)
                if kind == "user" or reading is None
                else graph_directory.groups(self.session, cursor, lambda: reading.entra_devices.device_ids())
            )
        self._listed[table] = self._listings[place].tables[table]
        return self._listings[place]
