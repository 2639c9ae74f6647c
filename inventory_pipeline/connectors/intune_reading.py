"""How Intune is read: pages and reports become tables, once per session, so that all tables agree with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors import graph_directory, intune_devices, intune_software
from inventory_pipeline.connectors.graph_directory import EntraDevices
from inventory_pipeline.connectors.graph_export import ExportJob, report_batches, start_export
from inventory_pipeline.connectors.graph_session import GraphSession
from inventory_pipeline.connectors.graph_signin import GraphError
from inventory_pipeline.connectors.graph_table import Collected

MANAGED_PERMISSION = "DeviceManagementManagedDevices.Read.All"
APPS_PERMISSION = "DeviceManagementApps.Read.All"


@dataclass
class IntuneReading:
    """One session's reading. `entra` is none, managed or all; `note` says something in the sync log of a table."""

    session: GraphSession
    entra: str
    page_size: int
    report_seconds: float
    note: Callable[[str, str], None]
    _managed_keys: list[str] = field(default_factory=list)

    @cached_property
    def entra_devices(self) -> EntraDevices:
        """Devices of Entra."""
        return graph_directory.entra_devices(self.session)

    @cached_property
    def devices(self) -> Collected:
        """The table `device`.

        Raises:
            GraphError: the application may not, or Graph fails.
        """
        session = self.session
        job = self._ordered(intune_devices.REPORT, intune_devices.REPORT_COLUMNS, MANAGED_PERMISSION)
        entra = self.entra_devices if self.entra != "none" else EntraDevices()
        clients = self._client_keys()
        try:
            inventory = intune_devices.report_rows(self._rows(job, coded=False))
        except ValueError as error:
            raise GraphError(str(error), "Try again later.") from error
        table = Collected("device")
        managed_ids: set[str] = set()

        def add(objects: Sequence[dict[str, Any]]) -> None:
            columns = intune_devices.device_columns(objects, inventory, entra, clients)
            managed_ids.update(name.lower() for name in columns["entra_device_id"] if name)
            self._managed_keys.extend(columns["source_device_id"])
            table.add(columns)

        address = session.urls.managed_devices(intune_devices.SELECT, self.page_size)
        for objects in session.pages(address, permission=MANAGED_PERMISSION):
            add(objects)
        # Objects move while pages are read, and some are passed over; the report tells which to ask for.
        unseen = [
            session.urls.managed_device(key, intune_devices.SELECT) for key in sorted(inventory) if key not in table
        ]
        answers = session.batch(unseen, permission=MANAGED_PERMISSION, missing_ok=True)
        passed_over = [entry for answer in answers for entry in answer]
        add(passed_over)
        if passed_over:
            self.note("device", f"{len(passed_over):,} devices were missing between pages and were asked for singly.")
        if self.entra == "all":
            others = [
                entry for entry in entra.objects.values() if str(entry.get("deviceId") or "").lower() not in managed_ids
            ]
            table.add(intune_devices.entra_columns(others))
        return table

    @cached_property
    def usage_reporting(self) -> Collected:
        """The table `usage_reporting`: no managed device reports use of software."""
        table = Collected("usage_reporting")
        if not self._managed_keys:
            address = self.session.urls.managed_devices(["id"], self.page_size)
            pages = self.session.pages(address, permission=MANAGED_PERMISSION)
            self._managed_keys = [entry["id"] for page in pages for entry in page]
        keys = list(dict.fromkeys(self._managed_keys))
        table.add({"source_device_id": keys, "reports_usage": [False] * len(keys)})
        return table

    @cached_property
    def detected_apps(self) -> intune_software.DeviceApps:
        """The table `software`.

        Raises:
            GraphError: the application may not, or Graph fails.
        """
        permission = f"{MANAGED_PERMISSION} or {APPS_PERMISSION}"
        raw = self._ordered(intune_software.RAW_REPORT, intune_software.RAW_COLUMNS, permission)
        aggregate = self._ordered(intune_software.CATALOG_REPORT, intune_software.CATALOG_COLUMNS, permission)
        catalog = intune_software.Catalog()
        for batch in self._rows(aggregate, coded=False):
            catalog.add(batch)
        apps = intune_software.DetectedApps(catalog)
        try:
            apps.add_all(self._rows(raw, coded=True))
        except ValueError as error:
            raise GraphError(str(error), "Try again later.") from error
        found = apps.finish()
        if lone := found.without_rows():
            names = ", ".join(sorted({app[0] for app in lone})[:5])
            self.note(
                "software",
                f"{len(lone):,} apps are counted by Intune, but on no device by name: {names}.",
            )
        return found

    def _client_keys(self) -> dict[str, str]:
        try:
            pages = self.session.pages(
                self.session.urls.co_managed_devices(self.page_size), permission=MANAGED_PERMISSION
            )
            return dict(entry for objects in pages for entry in intune_devices.client_keys(objects))
        except GraphError as error:
            if error.status not in (400, 404, 501):
                raise
            self.note("device", "Graph gives no keys of ConfigMgr clients here; co-managed devices have none.")
            return {}

    def _ordered(self, report: str, columns: Sequence[str], permission: str) -> ExportJob:
        return start_export(self.session, report, columns, permission=permission)

    def _rows(self, job: ExportJob, *, coded: bool) -> Iterator[pa.RecordBatch]:
        return report_batches(self.session, job, wait_seconds=self.report_seconds, coded=coded)
