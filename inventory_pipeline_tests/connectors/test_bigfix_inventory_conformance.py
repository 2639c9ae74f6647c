"""BigFix Inventory keeps what every connector promises: by its REST API, as a file, and by ODBC as SQL Server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.bigfix_inventory import BigFixInventory
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites import PASSWORD, VARIABLE, Database
from inventory_pipeline_tests.connectors.sites_bigfix_inventory import CONTENT, as_file, by_odbc
from inventory_pipeline_tests.counterparts.bigfix_inventory import InventoryServer, running_inventory

TOKEN = "token-of-the-stand-in-0123456789"
OF_COMPUTERS = {"computers": "id", "computer_hardware": "computer_id", "software_instances": "computer_id"}


class Site(ConformanceSource):
    """The small site, whichever way it is reached."""

    def __init__(self, database: Database | InventoryServer) -> None:
        self.database = database

    def connector(self) -> Connector:
        assert isinstance(self.database, Database)
        return BigFixInventory(name="BFI", **self.database.fields)

    def broken_connector(self) -> tuple[Connector, str]:
        assert isinstance(self.database, Database)
        if self.database.server is not None:
            fields = {**self.database.fields, "username": "nobody"}
            return BigFixInventory(name="BFI", **fields), "wrong name or password"
        return BigFixInventory(name="BFI", url=self.database.fields["url"] + "x"), "no database"

    def change_device(self) -> str:
        self.database.execute("UPDATE computers SET name = 'RENAMED', last_seen = '2026-04-01 00:00:00' WHERE id = 1")
        return "1"

    def remove_device(self) -> str:
        for table, key in OF_COMPUTERS.items():
            self.database.execute(f"DELETE FROM {table} WHERE {key} = 2")
        return "2"

    def break_while_reading(self) -> None:
        self.database.execute("ALTER TABLE software_instances RENAME COLUMN component_name TO hidden_away")

    def repair(self) -> None:
        self.database.execute("ALTER TABLE software_instances RENAME COLUMN hidden_away TO component_name")


class ApiSite(Site):
    """The site behind its REST API."""

    secret = TOKEN

    def __init__(self, server: InventoryServer) -> None:
        super().__init__(server)
        self.server = server

    def connector(self) -> Connector:
        return self._connector("BFI_TOKEN")

    def broken_connector(self) -> tuple[Connector, str]:
        return self._connector("BFI_STALE"), "refuses the token"

    def _connector(self, variable: str) -> BigFixInventory:
        return BigFixInventory(
            name="BFI", api_url=self.server.url, token=Secret(env=variable), ca_file=str(self.server.ca_file),
            page_size=3, patience_seconds=5,
        )  # fmt: skip

    def break_while_reading(self) -> None:
        self.server.faults.denied.add("software_instances")

    def repair(self) -> None:
        self.server.faults.denied.clear()


class TestByApi(ConnectorConformance):
    @pytest.fixture
    def source(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ApiSite]:
        monkeypatch.setenv("BFI_TOKEN", TOKEN)
        monkeypatch.setenv("BFI_STALE", "stale")
        with running_inventory(tmp_path / "server", CONTENT, token=TOKEN, password=PASSWORD) as server:
            yield ApiSite(server)


class TestAsFile(ConnectorConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Site:
        (tmp_path / "site").mkdir()
        return Site(as_file(tmp_path / "site"))


@pytest.mark.needs("odbc")
class TestByOdbc(ConnectorConformance):
    @pytest.fixture
    def source(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Site]:
        monkeypatch.setenv(VARIABLE, PASSWORD)
        with by_odbc() as database:
            site = Site(database)
            site.secret = PASSWORD
            yield site
