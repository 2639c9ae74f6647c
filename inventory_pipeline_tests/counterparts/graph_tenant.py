"""A tenant as Graph tells it: objects in Microsoft's own shapes, their history for delta queries, licences, reports.

Shapes and names are those of the Graph v1.0 schema; `test_graph_types.py` reads every answer with msgraph-sdk's models.
"""

from __future__ import annotations

import csv
import io
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

SPACE = uuid.UUID("6f1c0c8e-5a1e-4a7e-9a51-0d6a1a2b3c4d")
OFFICE_E3, PLAN_EXCHANGE, PLAN_OFFICE = (
    "6fd2c87f-b296-42f0-b197-1e91e994b900",
    "efb87545-963c-4e0d-99df-69c6916d9eb0",
    "43de0ff5-c92c-492b-9116-175376d08c38",
)
VISIO, PLAN_VISIO = "c5928f49-12ba-48f7-ada3-0d743a3601d5", "663a804f-1c30-4ff0-9915-9db84f0d1cea"


def guid(name: str) -> str:
    """A GUID that is the same for the same name."""
    return str(uuid.uuid5(SPACE, name))


@dataclass
class Tracked:
    """Objects with a history: every change has a number, and what was deleted is remembered."""

    objects: dict[str, Object] = field(default_factory=dict)
    changed_at: dict[str, int] = field(default_factory=dict)
    deleted_at: dict[str, int] = field(default_factory=dict)
    version: int = 0

    def put(self, entry: Object) -> Object:
        """Adds or changes an object."""
        self.version += 1
        self.objects[entry["id"]] = {**self.objects.get(entry["id"], {}), **entry}
        self.changed_at[entry["id"]] = self.version
        self.deleted_at.pop(entry["id"], None)
        return self.objects[entry["id"]]

    def touch(self, key: str) -> None:
        """Says that something about an object changed."""
        self.version += 1
        self.changed_at[key] = self.version

    def delete(self, key: str) -> None:
        """Takes an object away."""
        self.version += 1
        del self.objects[key]
        self.changed_at.pop(key)
        self.deleted_at[key] = self.version

    def since(self, version: int) -> Iterator[Object]:
        """What changed after a version, removed objects with `@removed`; replays the oldest change once more."""
        changed = sorted((at, key) for key, at in self.changed_at.items() if at > version)
        for _, key in (*changed, *changed[:1]):
            yield self.objects[key]
        for key, at in self.deleted_at.items():
            if at > version:
                yield {"id": key, "@removed": {"reason": "changed"}}


@dataclass
class Tenant:
    """Everything that Graph would answer from."""

    devices: dict[str, Object] = field(default_factory=dict)
    inventory: dict[str, dict[str, str]] = field(default_factory=dict)
    clients: dict[str, str] = field(default_factory=dict)
    apps: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    extra_catalog: list[dict[str, str]] = field(default_factory=list)
    users: Tracked = field(default_factory=Tracked)
    groups: Tracked = field(default_factory=Tracked)
    entra: Tracked = field(default_factory=Tracked)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    member_changes: dict[str, list[tuple[int, str, str, bool]]] = field(default_factory=dict)
    subscriptions: list[Object] = field(default_factory=list)
    activity: list[dict[str, str]] = field(default_factory=list)
    app_use: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def join(self, group: str, member: str, kind: str, *, leave: bool = False) -> None:
        """Puts a member into a group, or takes it out."""
        self.groups.touch(group)
        held = self.members.setdefault(group, {})
        if leave:
            held.pop(member)
        else:
            held[member] = kind
        self.member_changes.setdefault(group, []).append((self.groups.version, member, kind, leave))

    def raw_report(self) -> list[dict[str, str]]:
        """Rows of AppInvRawData."""
        return [
            {**app, "DeviceId": device, "DeviceName": self.devices.get(device, {}).get("deviceName", "")}
            for device, apps in self.apps.items()
            for app in apps
        ]

    def catalog_report(self) -> list[dict[str, str]]:
        """Rows of AppInvAggregate: one per app, under keys of its own."""
        counted: dict[tuple[tuple[str, str], ...], int] = {}
        for apps in self.apps.values():
            for app in apps:
                told = tuple(sorted(app.items()))
                counted[told] = counted.get(told, 0) + 1
        rows = [{**dict(told), "DeviceCount": str(count)} for told, count in counted.items()]
        for row in rows:
            row["ApplicationId"] = guid(row["ApplicationName"] + row["ApplicationVersion"])
        return [*rows, *self.extra_catalog]

    def inventory_report(self) -> list[dict[str, str]]:
        """Rows of DevicesWithInventory, under the headings that it answers with."""
        return [{"DeviceId": key, **row} for key, row in self.inventory.items()]


HEADINGS = {"DeviceId": "Device ID", "WifiMacAddress": "Wi-Fi MAC"}
"""DevicesWithInventory answers some columns under other headings than it was asked for."""


def csv_text(columns: Iterable[str], rows: Iterable[dict[str, str]], headings: dict[str, str] | None = None) -> str:
    """Rows as CSV with a BOM, as Graph sends it."""
    columns = list(columns)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([(headings or {}).get(column, column) for column in columns])
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return "\ufeff" + out.getvalue()


def zipped(name: str, text: str) -> bytes:
    """A zip with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", text)
    return out.getvalue()


def managed_device(name: str, **values: Any) -> Object:
    """A managedDevice with every property that connectors select."""
    key = guid(name)
    return {
        "id": key,
        "deviceName": name,
        "managedDeviceName": f"asmith_Windows_{name}",
        "manufacturer": "Dell Inc.",
        "model": "Latitude 7440",
        "serialNumber": f"SN{key[:7].upper()}",
        "operatingSystem": "Windows",
        "osVersion": "10.0.22631.4460",
        "azureADDeviceId": guid(f"entra {name}"),
        "imei": "",
        "meid": "",
        "wiFiMacAddress": "A4BB6D112233",
        "ethernetMacAddress": None,
        "userPrincipalName": "anna.smith@example.com",
        "userId": guid("anna.smith@example.com"),
        "enrolledDateTime": "2025-03-01T08:00:00Z",
        "lastSyncDateTime": "2026-11-20T10:11:12.1234567Z",
        "physicalMemoryInBytes": 0,
        "totalStorageSpaceInBytes": 511101108224,
        "managementAgent": "mdm",
        "managementState": "managed",
        "complianceState": "compliant",
        "managedDeviceOwnerType": "company",
        "deviceEnrollmentType": "windowsAzureADJoin",
        "deviceCategoryDisplayName": "Unassigned",
        "isEncrypted": True,
        "isSupervised": False,
        "jailBroken": "Unknown",
        "androidSecurityPatchLevel": "",
        **values,
    }


def entra_device(name: str, **values: Any) -> Object:
    """A device of Entra, for a managed device of the same name."""
    return {
        "id": guid(f"object {name}"),
        "deviceId": guid(f"entra {name}"),
        "displayName": name,
        "accountEnabled": True,
        "operatingSystem": "Windows",
        "operatingSystemVersion": "10.0.22631.4460",
        "manufacturer": "Dell Inc.",
        "model": "Latitude 7440",
        "trustType": "AzureAd",
        "registrationDateTime": "2025-03-01T08:00:00Z",
        "approximateLastSignInDateTime": "2026-11-19T00:00:00Z",
        **values,
    }


def user(upn: str, **values: Any) -> Object:
    """A user of Entra. Properties that were never set are missing, as in delta answers."""
    return {
        "id": guid(upn),
        "userPrincipalName": upn,
        "displayName": upn.partition("@")[0].replace(".", " ").title(),
        "mail": upn,
        "accountEnabled": True,
        "userType": "Member",
        "usageLocation": "GB",
        "createdDateTime": "2024-01-02T03:04:05Z",
        **values,
    }


def licence(sku: str, *, group: str | None = None, disabled: tuple[str, ...] = (), state: str = "Active") -> Object:
    """A licenseAssignmentState."""
    return {
        "skuId": sku,
        "assignedByGroup": group,
        "disabledPlans": list(disabled),
        "state": state,
        "error": "None" if state == "Active" else "CountViolation",
        "lastUpdatedDateTime": "2026-05-06T07:08:09Z",
    }


def licensed(*states: Object) -> Object:
    """Properties of a user who has these licences."""
    return {
        "licenseAssignmentStates": list(states),
        "assignedLicenses": [
            {"skuId": sku, "disabledPlans": []} for sku in dict.fromkeys(state["skuId"] for state in states)
        ],
    }


def subscription(sku: str, part: str, *, bought: int, used: int, plans: dict[str, str]) -> Object:
    """A subscribedSku; `plans` gives names by id."""
    return {
        "id": f"{guid('tenant')}_{sku}",
        "accountId": guid("tenant"),
        "accountName": "example",
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": used,
        "prepaidUnits": {"enabled": bought, "suspended": 0, "warning": 2, "lockedOut": 0},
        "servicePlans": [
            {"servicePlanId": key, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": "User"}
            for key, name in plans.items()
        ],
        "skuId": sku,
        "skuPartNumber": part,
        "subscriptionIds": [guid(f"subscription {sku}")],
    }


def app(name: str, version: str, publisher: str = "", *, platform: str = "Windows", key: str = "") -> dict[str, str]:
    """An app as the reports tell it."""
    return {
        "ApplicationKey": key or guid(f"{name} {version}").replace("-", "") * 2,
        "ApplicationName": name,
        "ApplicationPublisher": publisher,
        "ApplicationVersion": version,
        "ApplicationShortVersion": "",
        "Platform": platform,
    }


def activity(upn: str, **dates: str) -> dict[str, str]:
    """A row of getOffice365ActiveUserDetail; dates by service (Exchange, Teams ...)."""
    row = {"Report Refresh Date": "2026-11-24", "User Principal Name": upn, "Display Name": upn, "Is Deleted": "False"}
    for service in SERVICES:
        row[f"Has {service} License"] = "True"
        row[f"{service} Last Activity Date"] = dates.get(service.replace(" ", ""), "")
    return {**row, "Assigned Products": "OFFICE 365 E3+VISIO PLAN 2"}


SERVICES = ("Exchange", "OneDrive", "SharePoint", "Skype For Business", "Yammer", "Teams")
ACTIVITY_COLUMNS = (
    "Report Refresh Date", "User Principal Name", "Display Name", "Is Deleted", "Deleted Date",
    *(f"Has {service} License" for service in SERVICES),
    *(f"{service} Last Activity Date" for service in SERVICES),
    *(f"{service} License Assign Date" for service in SERVICES),
    "Assigned Products",
)  # fmt: skip
APPS, PLATFORMS = ("Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"), ("Windows", "Mac", "Mobile", "Web")
APP_COLUMNS = (
    "Report Refresh Date", "User Principal Name", "Last Activation Date", "Last Activity Date", "Report Period",
    *PLATFORMS, *APPS, *(f"{name} ({platform})" for platform in PLATFORMS for name in APPS),
)  # fmt: skip


def app_use(upn: str, days: int, *used: str, last: str = "2026-11-20") -> dict[str, str]:
    """A row of getM365AppUserDetail; `used` names cells such as `Excel (Windows)`."""
    row = {
        "Report Refresh Date": "2026-11-24", "User Principal Name": upn, "Last Activation Date": "2026-01-05",
        "Last Activity Date": last, "Report Period": str(days),
    }  # fmt: skip
    return {**row, **{column: "Yes" if column in used else "No" for column in APP_COLUMNS[5:]}}


def example_tenant() -> Tenant:
    """A small company: four managed devices, one more in Entra, five users, three groups, two subscriptions."""
    tenant = Tenant()
    for name, values in (
        ("LON-LT-0001", {}),
        ("LON-LT-0002", {"managementAgent": "configurationManagerClientMdm", "userPrincipalName": ""}),
        ("BER-MAC-0001", {"manufacturer": "Apple", "model": "MacBook Pro", "operatingSystem": "macOS"}),
        ("PHONE-1", {"operatingSystem": "iOS", "imei": "490154203237518", "managementState": "retirePending",
                     "manufacturer": "Apple", "model": "iPhone 15", "azureADDeviceId": guid("")}),
    ):  # fmt: skip
        device = managed_device(name, **values)
        tenant.devices[device["id"]] = device
        tenant.inventory[device["id"]] = {
            "ProcessorArchitecture": "9", "EthernetMAC": "A4BB6D112299", "WifiMacAddress": "A4BB6D112233",
            "WiFiIPv4Address": "10.20.30.40", "SkuFamily": "Enterprise", "JoinType": "Azure AD joined",
        }  # fmt: skip
        tenant.apps[device["id"]] = [app("7-Zip 24.09 (x64)", "24.09", "Igor Pavlov"), app(f"Tool, of {name}", "1.0")]
    tenant.clients[guid("LON-LT-0002")] = "1F2E3D4C-0000-4000-8000-000000000001"
    tenant.extra_catalog = [{**app("Ghost", "9"), "ApplicationId": guid("ghost"), "DeviceCount": "7"}]
    for name in ("LON-LT-0001", "LON-LT-0002", "BER-MAC-0001", "STRAY-1"):
        tenant.entra.put(entra_device(name))
    tenant.entra.put(
        entra_device("LON-LT-0001", onPremisesSecurityIdentifier="S-1-5-21-1-2-3-5121", trustType="ServerAd")
    )
    tenant.users.put(
        user("anna.smith@example.com", department="Finance", jobTitle="Controller", companyName="Example Ltd",
             country="GB", onPremisesSamAccountName="asmith", onPremisesDomainName="corp.example.com",
             onPremisesSecurityIdentifier="S-1-5-21-1-2-3-1109",
             **licensed(licence(OFFICE_E3, group=guid("Office users"), disabled=(PLAN_EXCHANGE,)), licence(VISIO)))
    )  # fmt: skip
    tenant.users.put(user("ben.weber@example.com", **licensed(licence(OFFICE_E3))))
    tenant.users.put(user("gone.leaver@example.com", accountEnabled=False, **licensed(licence(OFFICE_E3))))
    tenant.users.put(user("nobody@example.com"))
    tenant.users.put(user("guest_partner.com#EXT#@example.com", userType="Guest"))
    for name, values in (
        ("Office users", {"groupTypes": [], "securityEnabled": True, "mailEnabled": False,
                          "assignedLicenses": [{"skuId": OFFICE_E3, "disabledPlans": [PLAN_EXCHANGE]}]}),
        ("All Company", {"groupTypes": ["Unified"], "securityEnabled": False, "mailEnabled": True,
                         "description": "Everyone"}),
        ("Windows devices", {"groupTypes": ["DynamicMembership"], "securityEnabled": True, "mailEnabled": False}),
    ):  # fmt: skip
        tenant.groups.put({"id": guid(name), "displayName": name, **values})
    tenant.join(guid("Office users"), guid("anna.smith@example.com"), "user")
    tenant.join(guid("All Company"), guid("anna.smith@example.com"), "user")
    tenant.join(guid("All Company"), guid("Office users"), "group")
    tenant.join(guid("Windows devices"), guid("object LON-LT-0001"), "device")
    tenant.join(guid("Windows devices"), guid("object STRAY-1"), "device")
    tenant.subscriptions = [
        subscription(OFFICE_E3, "ENTERPRISEPACK", bought=10, used=3,
                     plans={PLAN_EXCHANGE: "EXCHANGE_S_ENTERPRISE", PLAN_OFFICE: "OFFICESUBSCRIPTION"}),
        subscription(VISIO, "VISIOCLIENT", bought=1, used=1, plans={PLAN_VISIO: "VISIO_CLIENT_SUBSCRIPTION"}),
    ]  # fmt: skip
    tenant.activity = [
        activity("anna.smith@example.com", Exchange="2026-11-23", Teams="2026-10-01"),
        activity("ben.weber@example.com"),
        {**activity("old@example.com", Exchange="2025-01-01"), "Is Deleted": "True"},
    ]
    tenant.app_use = {
        "D7": [app_use("anna.smith@example.com", 7, "Excel (Windows)", "Excel", "Windows")],
        "D30": [app_use("anna.smith@example.com", 30, "Excel (Windows)", "Word (Web)")],
        "D90": [app_use("anna.smith@example.com", 90, "Excel (Windows)", "Word (Web)")],
        "D180": [app_use("anna.smith@example.com", 180, "Excel (Windows)", "Word (Web)", "Teams (Mobile)"),
                 app_use("ben.weber@example.com", 180, last="")],
    }  # fmt: skip
    return tenant
