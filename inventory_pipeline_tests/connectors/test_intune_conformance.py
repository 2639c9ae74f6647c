"""Intune keeps what every connector promises, against a Graph server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.intune import Intune
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_faults import Fault, broken
from inventory_pipeline_tests.counterparts.graph_tenant import guid

VARIABLE = "INTUNE_TEST_SECRET"

pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


class ManagedTenant(ConformanceSource):
    """A tenant of one's own."""

    def __init__(self, server: GraphServer) -> None:
        self.server = server
        self.secret = server.answers.secret

    def connector(self) -> Connector:
        fields = {**self.server.fields, "patience_seconds": 1}
        return Intune(name="Head office", client_secret=Secret(env=VARIABLE), entra_devices="all", **fields)

    def broken_connector(self) -> tuple[Connector, str]:
        fields = {**self.server.fields, "client_id": guid("another application")}
        return Intune(name="Broken", client_secret=Secret(env=VARIABLE), **fields), "not known in the tenant"

    def change_device(self) -> str:
        key = guid("LON-LT-0001")
        self.server.answers.tenant.devices[key]["lastSyncDateTime"] = "2026-11-25T06:00:00Z"
        self.server.answers.tenant.devices[key]["osVersion"] = "10.0.26100.1"
        return key

    def remove_device(self) -> str:
        key = guid("BER-MAC-0001")
        tenant = self.server.answers.tenant
        for held in (tenant.devices, tenant.inventory, tenant.apps):
            held.pop(key)
        tenant.join(guid("Windows devices"), guid("object STRAY-1"), "device", leave=True)
        tenant.users.delete(guid("nobody@example.com"))
        tenant.entra.delete(guid("object BER-MAC-0001"))
        return key

    def break_while_reading(self) -> None:
        self.server.answers.faults.append(Fault("$skiptoken=2", broken(), times=1000))

    def repair(self) -> None:
        self.server.answers.faults.clear()


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def source(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ManagedTenant]:
        with running_graph(tmp_path / "graph", polls=0) as server:
            monkeypatch.setenv(VARIABLE, server.answers.secret)
            yield ManagedTenant(server)
