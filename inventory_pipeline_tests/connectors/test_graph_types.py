"""The Graph server of the tests speaks Microsoft's schema: msgraph-sdk's models know every property that it sends."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_serialization_json.json_parse_node_factory import JsonParseNodeFactory
from msgraph.generated.models.device_collection_response import DeviceCollectionResponse
from msgraph.generated.models.device_management_export_job import DeviceManagementExportJob
from msgraph.generated.models.directory_object_collection_response import DirectoryObjectCollectionResponse
from msgraph.generated.models.group_collection_response import GroupCollectionResponse
from msgraph.generated.models.managed_device import ManagedDevice
from msgraph.generated.models.managed_device_collection_response import ManagedDeviceCollectionResponse
from msgraph.generated.models.subscribed_sku_collection_response import SubscribedSkuCollectionResponse
from msgraph.generated.models.user_collection_response import UserCollectionResponse
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from inventory_pipeline.connectors import graph_directory, intune_devices, office365_rows
from inventory_pipeline.connectors.graph_requests import GraphUrls
from inventory_pipeline.connectors.graph_session import GraphSession
from inventory_pipeline.connectors.graph_signin import Application
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_tenant import guid

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ANNOTATIONS = ("@odata.", "members@delta", "@removed")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GraphServer]:
    with running_graph(tmp_path, page_size=100) as running:
        yield running


@pytest.fixture
def session(server: GraphServer) -> Iterator[GraphSession]:
    answers = server.answers
    application = Application(answers.tenant_id, answers.client_id, server.url, secret=answers.secret)
    opened = GraphSession(server.url, application, ca_file=str(server.ca_file))
    yield opened
    opened.close()


def unknown(model: Any) -> set[str]:
    """Properties that a model does not know, here and below."""
    found: set[str] = set()
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if field.name == "additional_data":
            found |= {name for name in value if not name.startswith(ANNOTATIONS)}
            continue
        for entry in value if isinstance(value, list) else [value]:
            if dataclasses.is_dataclass(entry):
                found |= unknown(entry)
    return found


READ: dict[str, tuple[Callable[[GraphUrls], str], Any]] = {
    "managed devices": (lambda urls: urls.managed_devices(intune_devices.SELECT, 5), ManagedDeviceCollectionResponse),
    "one managed device": (
        lambda urls: urls.managed_device(guid("LON-LT-0001"), intune_devices.SELECT),
        ManagedDevice,
    ),
    "Entra devices": (lambda urls: urls.entra_devices(graph_directory.ENTRA_SELECT), DeviceCollectionResponse),
    "users": (lambda urls: urls.users(graph_directory.USER_SELECT), UserCollectionResponse),
    "users by id": (
        lambda urls: urls.users_by_id([guid("anna.smith@example.com")], graph_directory.USER_SELECT),
        UserCollectionResponse,
    ),
    "groups": (lambda urls: urls.groups((*graph_directory.GROUP_SELECT, "members")), GroupCollectionResponse),
    "group members": (lambda urls: urls.group_members(guid("Windows devices")), DirectoryObjectCollectionResponse),
    "licensed users": (lambda urls: urls.licensed_users(office365_rows.LICENSED_SELECT), UserCollectionResponse),
    "licensed groups": (lambda urls: urls.licensed_groups(), GroupCollectionResponse),
    "subscriptions": (lambda urls: urls.subscriptions(), SubscribedSkuCollectionResponse),
}


@pytest.mark.parametrize("name", READ)
def test_answers_hold_nothing_that_microsofts_models_do_not_know(name: str, session: GraphSession) -> None:
    address, model = READ[name]
    answer = session._answer("GET", address(session.urls), permission="", headers={"ConsistencyLevel": "eventual"})
    node = JsonParseNodeFactory().get_root_parse_node("application/json", answer.content)
    parsed: Any = node.get_object_value(model)
    entries = parsed.value if hasattr(parsed, "value") else [parsed]
    assert entries
    assert all(entry.id for entry in entries)
    assert not unknown(parsed)


def test_export_jobs_hold_nothing_that_microsofts_models_do_not_know(session: GraphSession) -> None:
    url, body = session.urls.new_export_job("AppInvRawData", ["DeviceId"])
    job = session.post(url, body, permission="")
    parsed: Any = None
    for _ in range(3):
        answer = session._answer("GET", session.urls.export_job(job["id"]), permission="", headers={})
        node = JsonParseNodeFactory().get_root_parse_node("application/json", answer.content)
        parsed = node.get_object_value(DeviceManagementExportJob)
        assert not unknown(parsed)
    assert parsed.status.value == "completed"
    assert parsed.url


def test_microsofts_own_client_reads_the_server(server: GraphServer, session: GraphSession) -> None:
    async def devices() -> list[ManagedDevice]:
        from azure.identity.aio import ClientSecretCredential

        answers = server.answers
        async with ClientSecretCredential(
            answers.tenant_id,
            answers.client_id,
            answers.secret,
            authority=server.url,
            disable_instance_discovery=True,
            connection_verify=str(server.ca_file),
        ) as credential:
            provider = AzureIdentityAuthenticationProvider(
                credential, scopes=[f"{server.url}/.default"], allowed_hosts=["localhost"]
            )
            import ssl

            client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=server.ca_file))
            adapter = GraphRequestAdapter(provider, GraphClientFactory.create_with_default_middleware(client=client))
            adapter.base_url = f"{server.url}/v1.0"
            graph = GraphServiceClient(request_adapter=adapter)
            page = await graph.device_management.managed_devices.get(RequestConfiguration())
            await client.aclose()
            return (page.value if page else None) or []

    found = asyncio.run(devices())
    ours = [entry for page in session.pages(session.urls.managed_devices(["id"], 5), permission="") for entry in page]
    assert [device.id for device in found] == [entry["id"] for entry in ours]
    assert {device.device_name for device in found} >= {"LON-LT-0001"}
