"""Microsoft 365 keeps what every connector promises, against a Graph server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.office365 import Office365
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_faults import Fault, broken
from inventory_pipeline_tests.counterparts.graph_tenant import VISIO, guid, licence, licensed

VARIABLE = "OFFICE365_TEST_SECRET"

pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")


class LicensedTenant(ConformanceSource):
    """A tenant of one's own."""

    table = "subscription_assignment"

    def __init__(self, server: GraphServer) -> None:
        self.server = server
        self.secret = server.answers.secret

    def connector(self) -> Connector:
        fields = {**self.server.fields, "patience_seconds": 1}
        return Office365(name="Head office", client_secret=Secret(env=VARIABLE), **fields)

    def broken_connector(self) -> tuple[Connector, str]:
        fields = {**self.server.fields, "tenant_id": guid("another tenant")}
        return Office365(name="Broken", client_secret=Secret(env=VARIABLE), **fields), "tenant"

    def change_device(self) -> str:
        tenant, key = self.server.answers.tenant, guid("ben.weber@example.com")
        tenant.users.put({"id": key, "department": "Logistics", **licensed(licence(VISIO))})
        tenant.app_use["D7"][0]["Word (Mac)"] = "Yes"
        tenant.activity[1]["Teams Last Activity Date"] = "2026-11-24"
        return key

    def remove_device(self) -> str:
        tenant, key = self.server.answers.tenant, guid("gone.leaver@example.com")
        tenant.users.delete(key)
        tenant.activity.pop(0)
        tenant.subscriptions[0]["consumedUnits"] -= 1
        return key

    def break_while_reading(self) -> None:
        self.server.answers.faults.append(Fault("$skiptoken", broken(), times=1000))
        self.server.answers.faults.append(Fault("users/delta", broken(), times=1000))

    def repair(self) -> None:
        self.server.answers.faults.clear()


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def source(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[LicensedTenant]:
        with running_graph(tmp_path / "graph") as server:
            monkeypatch.setenv(VARIABLE, server.answers.secret)
            yield LicensedTenant(server)
