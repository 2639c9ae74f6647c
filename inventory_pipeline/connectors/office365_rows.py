"""Rows of subscriptions, their assignments, and of Microsoft's activity reports.

Facts: Microsoft Graph v1.0 schema (subscribedSku, licenseAssignmentState) and reference (reportRoot:
getOffice365ActiveUserDetail, getM365AppUserDetail, with their headings). A tenant may conceal names in its reports:
then each is 32 hexadecimal digits (Microsoft 365 admin center, Settings, Org settings, Reports).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from inventory_pipeline.connectors.graph_table import Objects, columns_of
from inventory_pipeline.connectors.office365_skus import SkuNames

PERIODS = (7, 30, 90, 180)
SERVICES = ("Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams")
UPN, DELETED, REFRESHED, LAST_ACTIVITY = (
    "User Principal Name",
    "Is Deleted",
    "Report Refresh Date",
    "Last Activity Date",
)
PUBLISHER = "Microsoft"

SUBSCRIPTION_COLUMNS = {
    "sku_id": "skuId",
    "sku_part_number": "skuPartNumber",
    "consumed": "consumedUnits",
    "status": "capabilityStatus",
}
PREPAID_COLUMNS = {"prepaid": "enabled", "suspended": "suspended", "warning": "warning"}
LICENSED_SELECT = ("id", "accountEnabled", "assignedLicenses", "licenseAssignmentStates")

_CELL = re.compile(r"(?P<app>.+) \((?P<platform>[^)]+)\)$")
_CONCEALED = re.compile(r"[0-9A-Fa-f]{32}")

Row = dict[str, Any]


def subscription_columns(objects: Objects, names: SkuNames) -> dict[str, Sequence[Any]]:
    """Canonical columns of `subscription`."""
    columns: dict[str, Sequence[Any]] = columns_of(objects, SUBSCRIPTION_COLUMNS)
    columns |= columns_of([entry.get("prepaidUnits") or {} for entry in objects], PREPAID_COLUMNS)
    columns["product_name"] = [
        names.product(sku, part) for sku, part in zip(columns["sku_id"], columns["sku_part_number"], strict=True)
    ]
    columns["extra"] = [
        json.dumps(
            {
                "applies_to": entry.get("appliesTo"),
                "service_plans": [plan.get("servicePlanName") for plan in entry.get("servicePlans") or ()],
            }
        )
        for entry in objects
    ]
    return columns


def plans_by_sku(objects: Objects) -> dict[str, dict[str, str]]:
    """Names of the service plans for users by their id, by SKU id."""
    return {
        entry["skuId"]: {
            plan["servicePlanId"]: plan.get("servicePlanName") or plan["servicePlanId"]
            for plan in entry.get("servicePlans") or ()
            if plan.get("appliesTo") != "Company"
        }
        for entry in objects
    }


def assignment_rows(
    users: Objects, plans: Mapping[str, Mapping[str, str]], groups: Mapping[str, str], names: SkuNames
) -> Iterator[Row]:
    """Rows of `subscription_assignment`: one per user, SKU and way of assignment."""
    for user in users:
        for state in _states(user):
            sku, group = state["skuId"], state.get("assignedByGroup")
            disabled = set(state.get("disabledPlans") or ())
            offered = plans.get(sku, {})
            extra = {
                "product_name": names.product(sku, None),
                "group_name": groups.get(group or ""),
                "error": state.get("error") if state.get("error") not in (None, "None") else None,
            }
            told = {name: value for name, value in extra.items() if value}
            yield {
                "source_user_id": user["id"],
                "sku_id": sku,
                "assigned_by_group": group,
                "service_plans": [name for key, name in offered.items() if key not in disabled],
                "disabled_plans": sorted(offered.get(key) or names.plan(key) for key in disabled),
                "state": state.get("state"),
                "assigned_at": state.get("lastUpdatedDateTime"),
                "extra": json.dumps(told, ensure_ascii=False) if told else None,
            }


def _states(user: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """How a user got each licence; where Graph does not say, that the user has it."""
    states = list(user.get("licenseAssignmentStates") or ())
    told = {state["skuId"] for state in states}
    bare = [licence for licence in user.get("assignedLicenses") or () if licence["skuId"] not in told]
    return [*states, *bare]


def report_rows(text: str) -> list[Row]:
    """Rows of a usage report, without users who are deleted.

    Raises:
        ValueError: it has not the headings of such a report.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    if UPN not in (reader.fieldnames or ()) or REFRESHED not in (reader.fieldnames or ()):
        raise ValueError(f"the report has no column {UPN} or {REFRESHED}.")
    return [row for row in reader if row.get(UPN) and row.get(DELETED, "").lower() != "true"]


def are_concealed(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the names are hashes in place of names."""
    return bool(rows) and all(_CONCEALED.fullmatch(row[UPN]) for row in rows)


def activity_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of `subscription_activity`: one per user and licensed or used service."""
    for row in rows:
        for service in SERVICES:
            last = row.get(f"{service} {LAST_ACTIVITY}") or None
            if last or str(row.get(f"Has {service} License", "")).lower() == "true":
                yield {
                    "source_user_id": row[UPN],
                    "service": service,
                    "last_activity": last,
                    "report_date": row[REFRESHED],
                }


def app_rows(reports: Mapping[int, Sequence[Row]]) -> Iterator[Row]:
    """Rows of `user_software_usage`: one per user, app and platform, with the shortest period that shows use."""
    users: dict[str, dict[tuple[str, str], int]] = {}
    facts: dict[str, Row] = {}
    for days in sorted(reports, reverse=True):
        for row in reports[days]:
            facts[row[UPN]] = row
            used = users.setdefault(row[UPN], {})
            for column, value in row.items():
                if str(value).lower() == "yes" and (cell := _CELL.match(column)):
                    used[(cell["app"], cell["platform"])] = days
    for upn, used in users.items():
        for (app, platform), days in sorted(used.items()):
            yield {
                "source_user_id": upn,
                "title": app,
                "publisher": PUBLISHER,
                "platform": platform,
                "used_within_days": days,
                "last_activity": facts[upn].get(LAST_ACTIVITY) or None,
                "report_date": facts[upn][REFRESHED],
            }
