"""1E keeps what every connector promises: with a Windows account, and as an application with a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.one_e import OneE
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites_one_e import (
    LAPTOP,
    PASSWORD,
    SERVER,
    USERNAME,
    VARIABLE,
    small_platform,
)
from inventory_pipeline_tests.counterparts.one_e import OneEServer, running_one_e


class Site(ConformanceSource):
    """The small platform, signed in to by a Windows account."""

    secret = PASSWORD

    def __init__(self, server: OneEServer) -> None:
        self.server = server

    def connector(self) -> Connector:
        return self._connector(username=USERNAME, password=Secret(env=VARIABLE))

    def broken_connector(self) -> tuple[Connector, str]:
        return self._connector(username=USERNAME, password=Secret(env="ONE_E_STALE")), "refuses the account"

    def _connector(self, **fields: Any) -> OneE:
        given = {"url": self.server.url, "ca_file": str(self.server.ca_file), "page_size": 2, "patience_seconds": 5}
        return OneE(name="1E", **{**given, **fields})

    def change_device(self) -> str:
        self.server.platform.device(LAPTOP).update(Name="RENAMED", LastConnUtc="2026-04-01T00:00:00Z")
        return LAPTOP

    def remove_device(self) -> str:
        self.server.platform.remove(SERVER)
        return SERVER

    def break_while_reading(self) -> None:
        self.server.faults.denied.add("responses")

    def repair(self) -> None:
        self.server.faults.denied.clear()


class ApplicationSite(Site):
    """The platform, signed in to by certificate."""

    def connector(self) -> Connector:
        return self._by_certificate(self.server.application_id)

    def broken_connector(self) -> tuple[Connector, str]:
        return self._by_certificate("another"), "does not accept the certificate"

    def _by_certificate(self, application: str) -> OneE:
        return self._connector(application_id=application, certificate_file=str(self.server.certificate_file))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneEServer]:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setenv("ONE_E_STALE", "not-the-password")
    with running_one_e(tmp_path / "server", small_platform(), username=USERNAME, password=PASSWORD) as running:
        yield running


class TestByAccount(ConnectorConformance):
    @pytest.fixture
    def source(self, server: OneEServer) -> Site:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Site(server)


class TestByCertificate(ConnectorConformance):
    @pytest.fixture
    def source(self, server: OneEServer) -> ApplicationSite:  # pyright: ignore[reportIncompatibleMethodOverride]
        return ApplicationSite(server)
