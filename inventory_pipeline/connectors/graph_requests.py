"""Addresses of Microsoft Graph, built by msgraph-sdk's request builders: paths and parameters are Microsoft's own.

Facts: msgraph-sdk 1.65 (Graph v1.0). Its models are not used to read answers: they cost milliseconds per object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msgraph.graph_service_client import GraphServiceClient

IDS_PER_FILTER = 15
"""Values that Entra takes in one `in` clause."""
BATCH_REQUESTS = 20
"""Requests that Graph takes in one JSON batch."""


class GraphUrls:
    """Addresses below one service root, such as `https://graph.microsoft.com`. Importing the SDK takes a while; so only
    those who make one pay for it."""

    def __init__(self, graph_url: str) -> None:
        from kiota_abstractions.authentication import AnonymousAuthenticationProvider
        from msgraph.graph_request_adapter import GraphRequestAdapter
        from msgraph.graph_service_client import GraphServiceClient

        self.root = f"{graph_url}/v1.0"
        adapter = GraphRequestAdapter(AnonymousAuthenticationProvider())
        adapter.base_url = self.root
        self.client: GraphServiceClient = GraphServiceClient(request_adapter=adapter)

    def get(self, choose: Callable[[GraphServiceClient], Any], **query: Any) -> str:
        """The address that a request builder would get, with query options by their Python names (select, top ...)."""
        from kiota_abstractions.base_request_configuration import RequestConfiguration

        builder = choose(self.client)
        configuration = None
        if query:
            options = getattr(builder, f"{type(builder).__name__}GetQueryParameters")
            configuration = RequestConfiguration(query_parameters=options(**query))
        request = builder.to_get_request_information(configuration)
        request.path_parameters["baseurl"] = self.root
        return request.url

    def managed_devices(self, select: Sequence[str], top: int) -> str:
        """Devices that Intune manages, by pages."""
        return self.get(lambda graph: graph.device_management.managed_devices, select=list(select), top=top)

    def managed_device(self, device_id: str, select: Sequence[str]) -> str:
        """One device that Intune manages."""
        return self.get(
            lambda graph: graph.device_management.managed_devices.by_managed_device_id(device_id), select=list(select)
        )

    def co_managed_devices(self, top: int) -> str:
        """Keys that ConfigMgr clients have there, of devices that both manage: known to Graph beta only."""
        url = self.get(
            lambda graph: graph.device_management.managed_devices,
            select=["id", "configurationManagerClientInformation"],
            filter="managementAgent eq 'configurationManagerClientMdm' or "
            "managementAgent eq 'configurationManagerClientMdmEas' or "
            "managementAgent eq 'configurationManagerClient'",
            top=top,
        )
        return url.replace("/v1.0/", "/beta/", 1)

    def entra_devices(self, select: Sequence[str]) -> str:
        """First round of the delta query over Entra's devices."""
        return self.get(lambda graph: graph.devices.delta, select=list(select))

    def users(self, select: Sequence[str]) -> str:
        """First round of the delta query over users."""
        return self.get(lambda graph: graph.users.delta, select=list(select))

    def users_by_id(self, ids: Iterable[str], select: Sequence[str]) -> str:
        """Up to IDS_PER_FILTER users."""
        return self.get(lambda graph: graph.users, filter=_among(ids), select=list(select))

    def groups(self, select: Sequence[str]) -> str:
        """First round of the delta query over groups and, with `members` selected, their members."""
        return self.get(lambda graph: graph.groups.delta, select=list(select))

    def groups_by_id(self, ids: Iterable[str], select: Sequence[str]) -> str:
        """Up to IDS_PER_FILTER groups."""
        return self.get(lambda graph: graph.groups, filter=_among(ids), select=list(select))

    def group_members(self, group_id: str) -> str:
        """Direct members of one group."""
        return self.get(lambda graph: graph.groups.by_group_id(group_id).members, select=["id", "deviceId"], top=999)

    def export_jobs(self, top: int) -> str:
        """Export jobs of Intune's reports."""
        return self.get(lambda graph: graph.device_management.reports.export_jobs, top=top)

    def export_job(self, job_id: str) -> str:
        """One export job."""
        return self.get(
            lambda graph: graph.device_management.reports.export_jobs.by_device_management_export_job_id(job_id)
        )

    def new_export_job(self, report: str, columns: Sequence[str]) -> tuple[str, bytes]:
        """Address and body of a request for a report as a zip with one CSV file."""
        from msgraph.generated.models.device_management_export_job import DeviceManagementExportJob
        from msgraph.generated.models.device_management_report_file_format import DeviceManagementReportFileFormat

        job = DeviceManagementExportJob(
            report_name=report, select=list(columns), format=DeviceManagementReportFileFormat.Csv
        )
        request = self.client.device_management.reports.export_jobs.to_post_request_information(job)
        request.path_parameters["baseurl"] = self.root
        return request.url, request.content or b""

    def subscriptions(self) -> str:
        """Subscribed products of the tenant."""
        return self.get(lambda graph: graph.subscribed_skus)

    def licensed_users(self, select: Sequence[str]) -> str:
        """Users who have a licence; to be asked with `ConsistencyLevel: eventual`."""
        return self.get(
            lambda graph: graph.users,
            select=list(select),
            filter="assignedLicenses/$count ne 0",
            count=True,
            top=999,
        )

    def licensed_groups(self) -> str:
        """Groups that bring licences to their members; to be asked with `ConsistencyLevel: eventual`."""
        return self.get(
            lambda graph: graph.groups,
            select=["id", "displayName"],
            filter="assignedLicenses/$count ne 0",
            count=True,
            top=999,
        )

    def active_users(self, period: str) -> str:
        """Last activity of each user per service."""
        return self.get(lambda graph: graph.reports.get_office365_active_user_detail_with_period(period))

    def app_users(self, period: str) -> str:
        """Which Microsoft 365 apps each user has used, by platform."""
        return self.get(lambda graph: graph.reports.get_m365_app_user_detail_with_period(period))

    def batch(self, urls: Sequence[str]) -> tuple[str, bytes]:
        """Address and body of a JSON batch of requests that get these addresses (at most BATCH_REQUESTS)."""
        requests = [
            {"id": str(number), "method": "GET", "url": url.removeprefix(self.root)} for number, url in enumerate(urls)
        ]
        return f"{self.root}/$batch", json.dumps({"requests": requests}).encode()


def _among(ids: Iterable[str]) -> str:
    return f"id in ({', '.join(repr(str(name)) for name in ids)})"
