"""Configuration Manager (SCCM, MECM): devices, processors, software, usage, users, patches, collections, applications.

Facts: Microsoft's documentation of the site database's views and of the SMS Provider's classes (SMS_R_System,
SMS_UpdateComplianceStatus, SMS_MonthlyUsageSummary, SMS_CIRelation); state messages of topic type 402. An update's
CI_UniqueID is the GUID that WSUS has for it, so that updates of both sources meet.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PrivateAttr
from sqlalchemy import select

from inventory_pipeline.connectors import sccm_activity, sccm_inventory
from inventory_pipeline.connectors.base import TableSource
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_model import View
from inventory_pipeline.connectors.sccm_views import GROUP_MAP


class Sccm(DatabaseConnector):
    """A Configuration Manager site, through the views of its database.

    Brings every computer that has a client, also those that the site calls obsolete or decommissioned, which are marked
    `is_obsolete`.
    """

    type: ClassVar[str] = "sccm"
    title: ClassVar[str] = "ConfigMgr"
    versions: ClassVar[str] = "a Configuration Manager site database, 2012 to current branch"
    reader_role: ClassVar[str] = "the database role smsschm_users"
    sources: ClassVar[tuple[TableSource, ...]] = (
        sccm_inventory.DEVICE,
        sccm_inventory.PROCESSOR,
        sccm_inventory.SOFTWARE,
        sccm_activity.SOFTWARE_USAGE,
        sccm_activity.USAGE_REPORTING,
        sccm_activity.USER,
        sccm_activity.PATCH,
        sccm_activity.PATCH_STATE,
        sccm_activity.GROUP,
        sccm_activity.GROUP_MEMBER,
        sccm_activity.APPLICATION,
    )

    include_unmanaged: bool = Field(
        default=False, description="Also bring computers that were discovered but have no client."
    )
    include_not_applicable: bool = Field(
        default=False, description="Also bring states of updates that a device does not need: many rows, little news."
    )

    _map: dict[str, str] | None = PrivateAttr(default=None)

    def close(self) -> None:
        self._map = None
        super().close()

    def other_name(self, declared: View) -> str | None:
        """The view of an inventory class by the site's own map, since long names are cut differently."""
        if self._map is None:
            self._map = self._read_map()
        for name in (declared.name, *declared.aliases):
            found = self._map.get(name.lower())
            if found:
                return found
        return None

    def _read_map(self) -> dict[str, str]:
        query = self.look_up([GROUP_MAP]).fit(select(GROUP_MAP.c.InvClassName, GROUP_MAP.c.MIFClass))
        found: dict[str, str] = {}
        for view_name, mif_class in self.fetch(query) if query is not None else ():
            # MICROSOFT|NETWORK_ADAPTER_CONFIGURATION|1.0 is the class behind v_GS_NETWORK_ADAPTER_CONFIGUR.
            parts = str(mif_class or "").split("|")
            if len(parts) == 3 and view_name:
                found[f"v_gs_{parts[1].lower()}"] = str(view_name)
        return found
