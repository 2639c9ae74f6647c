"""ServiceNow keeps what every connector promises, however removals are found and however it signs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.servicenow import ServiceNow
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites_servicenow import running_site
from inventory_pipeline_tests.counterparts.servicenow import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    ServiceNowServer,
)
from inventory_pipeline_tests.counterparts.servicenow_instance import AUDIT


class Site(ConformanceSource):
    """The example instance, with an account."""

    secret = PASSWORD

    def __init__(self, server: ServiceNowServer) -> None:
        self.server = server

    def connector(self) -> Connector:
        return self._connector("SERVICENOW_PASSWORD")

    def broken_connector(self) -> tuple[Connector, str]:
        return self._connector("SERVICENOW_STALE"), "refuses the account"

    def _connector(self, variable: str) -> ServiceNow:
        return ServiceNow(
            name="CMDB", url=self.server.url, username=USERNAME, password=Secret(env=variable),
            ca_file=str(self.server.ca_file), page_size=2, patience_seconds=1,
        )  # fmt: skip

    def change_device(self) -> str:
        self.server.instance.passes(hours=1)
        return self.server.instance.update("LON-LT-01", name="LON-LT-RENAMED")

    def remove_device(self) -> str:
        self.server.instance.passes(hours=1)
        self.server.instance.delete("openssl on BER-LNX-01")
        return self.server.instance.delete("BER-LNX-01")

    def break_while_reading(self) -> None:
        self.server.instance.forbidden.add("cmdb_sam_sw_install")

    def repair(self) -> None:
        self.server.instance.forbidden.discard("cmdb_sam_sw_install")


class SiteByClient(Site):
    """The same with an OAuth client of its own account, whose tokens hold for a few requests."""

    secret = CLIENT_SECRET

    def _connector(self, variable: str) -> ServiceNow:
        return ServiceNow(
            name="CMDB", url=self.server.url, client_id=CLIENT_ID, ca_file=str(self.server.ca_file),
            client_secret=Secret(env=variable.replace("PASSWORD", "SECRET")), page_size=2, patience_seconds=1,
        )  # fmt: skip

    def broken_connector(self) -> tuple[Connector, str]:
        return self._connector("SERVICENOW_STALE"), "no token"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceNowServer]:
    with running_site(tmp_path, monkeypatch) as running:
        yield running


class TestWithAudit(ConnectorConformance):
    @pytest.fixture
    def source(self, server: ServiceNowServer) -> Site:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Site(server)


class TestWithoutAudit(ConnectorConformance):
    @pytest.fixture
    def source(self, server: ServiceNowServer) -> Site:  # pyright: ignore[reportIncompatibleMethodOverride]
        server.instance.forbidden.add(AUDIT)
        return Site(server)


class TestByClient(ConnectorConformance):
    @pytest.fixture
    def source(self, server: ServiceNowServer) -> Site:  # pyright: ignore[reportIncompatibleMethodOverride]
        server.token_requests = 5
        return SiteByClient(server)
