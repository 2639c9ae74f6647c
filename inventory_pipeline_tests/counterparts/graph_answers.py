"""What Graph answers for a tenant: pages, delta queries, batches, export jobs, activity reports."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, unquote

from inventory_pipeline_tests.counterparts.graph_entra import EntraAnswers
from inventory_pipeline_tests.counterparts.graph_faults import Answer, Fault, Request, failure, json_answer
from inventory_pipeline_tests.counterparts.graph_tenant import (
    ACTIVITY_COLUMNS,
    APP_COLUMNS,
    HEADINGS,
    Object,
    Tenant,
    Tracked,
    csv_text,
    zipped,
)

PERMISSIONS = {
    "DeviceManagementManagedDevices.Read.All", "DeviceManagementApps.Read.All", "Device.Read.All", "User.Read.All",
    "GroupMember.Read.All", "LicenseAssignment.Read.All", "Reports.Read.All",
}  # fmt: skip
CATALOG_COLUMNS = {
    "AppInvRawData": {
        "ApplicationKey", "ApplicationName", "ApplicationPublisher", "ApplicationShortVersion", "ApplicationVersion",
        "DeviceId", "DeviceName", "OSDescription", "OSVersion", "Platform", "UserId", "EmailAddress", "UserName",
    },
    "AppInvAggregate": {
        "ApplicationId", "ApplicationKey", "ApplicationName", "ApplicationPublisher", "ApplicationShortVersion",
        "ApplicationVersion", "DeviceCount", "Platform",
    },
    "DevicesWithInventory": {
        "DeviceId", "DeviceName", "SerialNumber", "EthernetMAC", "WifiMacAddress", "WiFiIPv4Address", "SkuFamily",
        "JoinType", "ProcessorArchitecture",
    },
}  # fmt: skip


@dataclass
class GraphAnswers(EntraAnswers):
    """Answers for one tenant and one application."""

    tenant: Tenant = field(default_factory=Tenant)
    permissions: set[str] = field(default_factory=lambda: set(PERMISSIONS))
    page_size: int = 2
    polls: int = 1
    faults: list[Fault] = field(default_factory=list)
    latency: float = 0.0
    repeat_and_skip: bool = False
    forget_delta: bool = False
    fail_exports: bool = False
    requests: list[str] = field(default_factory=list)
    prepared: dict[str, bytes] = field(default_factory=dict)
    _jobs: dict[str, Object] = field(default_factory=dict)
    _downloads: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, request: Request) -> Answer:
        """The answer to a request, with whatever fault is due."""
        time.sleep(self.latency)
        with self._lock:
            self.requests.append(f"{request.method} {request.path}")
            answer = self._right(request)
            told = f"{request.path}?{'&'.join(f'{k}={v}' for k, v in request.query.items())}"
            for fault in self.faults:
                if fault.where in told and fault.times:
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault.make(request, answer)
            return answer

    def _right(self, request: Request) -> Answer:
        path = request.path
        if (answer := self.sign_in(request)) is not None:
            return answer
        if path.startswith("/download/"):
            return self._download(request)
        if not path.startswith(("/v1.0/", "/beta/")):
            return failure(404, "ResourceNotFound", "Resource not found.")
        if not self.signed_in(request):
            return failure(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
        return self._graph(request, path.split("/", 2)[2], beta=path.startswith("/beta/"))

    def _graph(self, request: Request, path: str, *, beta: bool = False) -> Answer:
        for pattern, permission, answer in self._routes():
            found = re.fullmatch(pattern, path)
            if found is None:
                continue
            if permission and permission not in self.permissions:
                return failure(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
            given = [unquote(part) for part in found.groups()]
            if path == "deviceManagement/managedDevices" and beta:
                return self._co_managed(request)
            return answer(request, *given)
        return failure(400, "BadRequest", f"Resource not found for the segment '{path.split('/')[0]}'.")

    def _routes(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        managed, users, groups = "DeviceManagementManagedDevices.Read.All", "User.Read.All", "GroupMember.Read.All"
        return [
            (r"deviceManagement/managedDevices", managed, self._managed_devices),
            (r"deviceManagement/managedDevices/([^/]+)", managed, self._managed_device),
            (r"deviceManagement/reports/exportJobs", managed, self._export_jobs),
            (r"deviceManagement/reports/exportJobs/([^/]+)", managed, self._export_job),
            (r"deviceAppManagement/mobileApps", "DeviceManagementApps.Read.All", self._mobile_apps),
            (r"users/delta\(\)", users, lambda request: self._delta(request, self.tenant.users, "users")),
            (r"groups/delta\(\)", groups, self._groups_delta),
            (
                r"devices/delta\(\)",
                "Device.Read.All",
                lambda request: self._delta(request, self.tenant.entra, "devices"),
            ),
            (r"devices/([^/]+)/memberOf", groups, self._member_of),
            (
                r"devices",
                "Device.Read.All",
                lambda request: self._listed(request, self.tenant.entra.objects, "devices"),
            ),
            (r"users", users, lambda request: self._listed(request, self.tenant.users.objects, "users")),
            (r"groups", groups, lambda request: self._listed(request, self.tenant.groups.objects, "groups")),
            (r"groups/([^/]+)/members", groups, self._group_members),
            (r"subscribedSkus", "LicenseAssignment.Read.All", self._subscriptions),
            (r"reports/getOffice365ActiveUserDetail\(period='(D\d+)'\)", "Reports.Read.All", self._activity),
            (r"reports/getM365AppUserDetail\(period='(D\d+)'\)", "Reports.Read.All", self._app_use),
            (r"\$batch", "", self._batch),
        ]

    def _managed_devices(self, request: Request) -> Answer:
        skip = request.query.get("$skiptoken")
        if f"managedDevices {skip}" in self.prepared:
            return Answer(200, self.prepared[f"managedDevices {skip}"], {"Content-Type": "application/json"})
        devices = list(self.tenant.devices.values())
        if self.repeat_and_skip and len(devices) > 2:
            # An object that moves while pages are read: one comes twice, another never.
            devices = [*devices[:2], devices[1], *devices[3:]]
        return self._page(request, devices, "deviceManagement/managedDevices")

    def _mobile_apps(self, request: Request) -> Answer:
        return self._page(request, [], "deviceAppManagement/mobileApps")

    def _co_managed(self, request: Request) -> Answer:
        found = [
            {"id": key, "configurationManagerClientInformation": {"clientIdentifier": client, "isBlocked": False}}
            for key, client in self.tenant.clients.items()
            if key in self.tenant.devices
        ]
        return json_answer({"value": found})

    def _managed_device(self, request: Request, key: str) -> Answer:
        device = self.tenant.devices.get(key)
        if device is None:
            return failure(404, "ResourceNotFound", "Resource not found.")
        return json_answer({"@odata.context": f"{self.root}/v1.0/$metadata#x", **selected(device, request)})

    def _listed(self, request: Request, objects: dict[str, Object], name: str) -> Answer:
        wanted = request.query.get("$filter", "")
        if among := re.fullmatch(r"id in \((.*)\)", wanted):
            ids = re.findall(r"'([^']*)'", among.group(1))
            if len(ids) > 15:
                return failure(400, "Request_UnsupportedQuery", "Too many child clauses: at most 15 are allowed.")
            return self._page(request, [objects[key] for key in ids if key in objects], name)
        if wanted == "assignedLicenses/$count ne 0":
            if request.headers.get("consistencylevel") != "eventual" or request.query.get("$count") != "true":
                return failure(400, "Request_UnsupportedQuery", "Unsupported Query.")
            return self._page(request, [entry for entry in objects.values() if entry.get("assignedLicenses")], name)
        return self._page(request, list(objects.values()), name)

    def _page(self, request: Request, objects: list[Object], path: str) -> Answer:
        start = int(request.query.get("$skiptoken", "0"))
        size = min(int(request.query.get("$top", "100")), self.page_size)
        page: Object = {
            "@odata.context": f"{self.root}/v1.0/$metadata#{path}",
            "value": [selected(entry, request) for entry in objects[start : start + size]],
        }
        if start + size < len(objects):
            page["@odata.nextLink"] = self._link(path, request, {"$skiptoken": str(start + size)})
        return json_answer(page)

    def _link(self, path: str, request: Request, token: dict[str, str]) -> str:
        query = {**request.query, **token}
        return f"{self.root}/v1.0/{path}?" + "&".join(f"{name}={quote(value)}" for name, value in query.items())

    def _delta(self, request: Request, tracked: Tracked, name: str) -> Answer:
        if "$top" in request.query or "$filter" in request.query:
            return failure(400, "Request_UnsupportedQuery", "Unsupported query option.")
        since, until, select = self._round(request, tracked)
        if since is None:
            return failure(410, "syncStateNotFound", "The sync state generation is not found.")
        changes = [entry for entry in tracked.since(since) if since or "@removed" not in entry]
        shown = [entry if "@removed" in entry else chosen(entry, select) for entry in changes]
        return self._delta_page(request, shown, f"{name}/delta()", f"{since}.{until}.{select}", f"{until}.{select}")

    def _groups_delta(self, request: Request) -> Answer:
        tracked = self.tenant.groups
        since, until, select = self._round(request, tracked)
        if since is None:
            return failure(410, "syncStateNotFound", "The sync state generation is not found.")
        shown: list[Object] = []
        for entry in tracked.since(since):
            if "@removed" in entry:
                shown += [entry] if since else []
                continue
            members = [
                {
                    "@odata.type": f"#microsoft.graph.{kind}",
                    "id": key,
                    **({"@removed": {"reason": "deleted"}} if leave else {}),
                }
                for at, key, kind, leave in self.tenant.member_changes.get(entry["id"], [])
                if at > since
            ]
            # Large groups come in several pieces.
            shown.append({**chosen(entry, select), **({"members@delta": members[:1]} if members else {})})
            if members[1:]:
                shown.append({**chosen(entry, select), "members@delta": members[1:]})
        return self._delta_page(request, shown, "groups/delta()", f"{since}.{until}.{select}", f"{until}.{select}")

    def _round(self, request: Request, tracked: Tracked) -> tuple[int | None, int, str]:
        """From which version, to which, and what was selected in the first request."""
        if skip := request.query.get("$skiptoken"):
            since, until, rest = skip.split(".", 2)
            return int(since), int(until), rest.rsplit("@", 1)[0]
        if token := request.query.get("$deltatoken"):
            since, _, select = token.partition(".")
            return (None if self.forget_delta else int(since)), tracked.version, select
        return 0, tracked.version, request.query.get("$select", "")

    def _delta_page(self, request: Request, shown: list[Object], path: str, state: str, end: str) -> Answer:
        start = int(request.query.get("$skiptoken", "@0").rsplit("@", 1)[1])
        page: Object = {
            "@odata.context": f"{self.root}/v1.0/$metadata#{path.partition('/')[0]}",
            "value": shown[start : start + self.page_size],
        }
        if start + self.page_size < len(shown):
            following = quote(f"{state}@{start + self.page_size}")
            page["@odata.nextLink"] = f"{self.root}/v1.0/{path}?$skiptoken={following}"
        else:
            page["@odata.deltaLink"] = f"{self.root}/v1.0/{path}?$deltatoken={quote(end)}"
        return json_answer(page)

    def _group_members(self, request: Request, key: str) -> Answer:
        if key not in self.tenant.groups.objects:
            return failure(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
        found = []
        for member, kind in self.tenant.members.get(key, {}).items():
            entry: Object = {"@odata.type": f"#microsoft.graph.{kind}", "id": member}
            if kind == "device" and member in self.tenant.entra.objects:
                entry["deviceId"] = self.tenant.entra.objects[member]["deviceId"]
            found.append(entry)
        return self._page(request, found, f"groups/{key}/members")

    def _member_of(self, request: Request, key: str) -> Answer:
        if key not in self.tenant.entra.objects:
            return failure(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
        found = [
            {"@odata.type": "#microsoft.graph.group", "id": group}
            for group, members in self.tenant.members.items()
            if key in members
        ]
        return self._page(request, found, f"devices/{key}/memberOf")

    def _subscriptions(self, request: Request) -> Answer:
        return json_answer(
            {"@odata.context": f"{self.root}/v1.0/$metadata#subscribedSkus", "value": self.tenant.subscriptions}
        )

    def _activity(self, request: Request, period: str) -> Answer:
        return self._report(csv_text(ACTIVITY_COLUMNS, self.tenant.activity))

    def _app_use(self, request: Request, period: str) -> Answer:
        return self._report(csv_text(APP_COLUMNS, self.tenant.app_use.get(period, [])))

    def _report(self, text: str) -> Answer:
        return Answer(302, headers={"Location": self._offer(text.encode())})

    def _offer(self, content: bytes) -> str:
        name = secrets.token_urlsafe(12)
        self._downloads[name] = content
        # Pre-signed addresses carry their right in the query.
        return f"{self.root}/download/{name}?sig={secrets.token_urlsafe(24)}"

    def _download(self, request: Request) -> Answer:
        content = self._downloads.get(request.path.rpartition("/")[2])
        if content is None or "authorization" in request.headers or "sig" not in request.query:
            return Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>", {"Content-Type": "application/xml"})
        if part := re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "")):
            start = int(part.group(1))
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            return Answer(206, content[start:], {**headers, "Content-Type": "application/octet-stream"})
        return Answer(200, content, {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"})

    def _export_jobs(self, request: Request) -> Answer:
        if request.method == "GET":
            return self._page(
                request, [dict(job) for job in self._jobs.values()], "deviceManagement/reports/exportJobs"
            )
        wanted = json.loads(request.body)
        known = CATALOG_COLUMNS.get(wanted.get("reportName"))
        if known is None or wanted.get("format") != "csv" or set(wanted.get("select") or ()) - known:
            return failure(400, "BadRequest", "The report or one of its columns is not known.")
        if wanted["reportName"].startswith("AppInv") and "DeviceManagementApps.Read.All" not in self.permissions:
            return failure(403, "Forbidden", "The application is not authorized to have this report.")
        key = f"{wanted['reportName']}_{secrets.token_hex(4)}"
        self._jobs[key] = {
            "id": key,
            "reportName": wanted["reportName"],
            "filter": "",
            "select": wanted["select"],
            "format": "csv",
            "snapshotId": None,
            "localizationType": "localizedValuesAsAdditionalColumn",
            "status": "notStarted",
            "url": None,
            "requestDateTime": "2026-11-26T08:00:00Z",
            "expirationDateTime": "0001-01-01T00:00:00Z",
        }
        return json_answer(dict(self._jobs[key]), 201)

    def _export_job(self, request: Request, key: str) -> Answer:
        job = self._jobs.get(key)
        if job is None:
            return failure(404, "ResourceNotFound", "Resource not found.")
        asked = self.requests.count(f"GET {request.path}")
        if self.fail_exports:
            job["status"] = "failed"
        elif asked > self.polls and job["status"] != "completed":
            job.update(
                status="completed", url=self._offer(self._export(job)), expirationDateTime="2026-11-26T14:00:00Z"
            )
        elif job["status"] == "notStarted":
            job["status"] = "inProgress"
        return json_answer(dict(job))

    def _export(self, job: Object) -> bytes:
        name = job["reportName"]
        if name in self.prepared:
            return self.prepared[name]
        rows = {
            "AppInvRawData": self.tenant.raw_report,
            "AppInvAggregate": self.tenant.catalog_report,
            "DevicesWithInventory": self.tenant.inventory_report,
        }[name]()
        return zipped(name, csv_text(job["select"], rows, HEADINGS if name == "DevicesWithInventory" else None))

    def _batch(self, request: Request) -> Answer:
        wanted = json.loads(request.body)["requests"]
        if len(wanted) > 20:
            return failure(400, "BadRequest", "A batch holds at most 20 requests.")
        responses = []
        for entry in reversed(wanted):
            path, _, query = entry["url"].partition("?")
            inner = Request(
                entry["method"],
                f"/v1.0{path}",
                {name: values[0] for name, values in parse_qs(query).items()},
                {name.lower(): value for name, value in entry.get("headers", {}).items()},
            )
            answer = self._faulty(inner, self._graph(inner, path.removeprefix("/")))
            responses.append(
                {"id": entry["id"], "status": answer.status, "headers": answer.headers, "body": json.loads(answer.body)}
            )
        return json_answer({"responses": responses})

    def _faulty(self, request: Request, answer: Answer) -> Answer:
        told = f"batched {request.path}"
        for fault in self.faults:
            if fault.where in told and fault.where.startswith("batched") and fault.times:
                fault.times -= 1
                return fault.make(request, answer)
        return answer


def selected(entry: Object, request: Request) -> Object:
    """An object's selected properties; those that it lacks are null."""
    names = [name for name in request.query.get("$select", "").split(",") if name]
    if not names:
        return dict(entry)
    kind = {"@odata.type": entry["@odata.type"]} if "@odata.type" in entry else {}
    return {**kind, "id": entry["id"], **{name: entry.get(name) for name in names if name in entry or not kind}}


def chosen(entry: Object, select: str) -> Object:
    """An object's selected properties; those never set are missing, as delta queries answer."""
    names: Iterable[str] = [name for name in select.split(",") if name] or list(entry)
    return {"id": entry["id"], **{name: entry[name] for name in names if name in entry}}
