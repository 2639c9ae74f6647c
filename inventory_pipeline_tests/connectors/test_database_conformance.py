"""ConfigMgr and WSUS keep what every connector promises: as SQLite, in PostgreSQL, and by ODBC as SQL Server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.sccm import Sccm
from inventory_pipeline.connectors.wsus import Wsus
from inventory_pipeline.errors import SyncError
from inventory_pipeline.repository.store import Repository
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance, snapshot
from inventory_pipeline_tests.connectors.sites import (
    FIRST,
    PASSWORD,
    SECOND,
    VARIABLE,
    Database,
    postgres_site,
    schema_text,
    sql_server_site,
    sqlite_site,
)
from inventory_pipeline_tests.counterparts.postgres import PostgresServer

SITES: dict[str, type[DatabaseConnector]] = {"configmgr": Sccm, "susdb": Wsus}
WSUS_FIRST, WSUS_SECOND = "0a1b", "0a1c"
# Columns that name the device a row belongs to.
DEVICE_COLUMNS = {"configmgr": ("ResourceID", "ResourceId", "MachineResourceID"), "susdb": ("ComputerTargetId",)}
CHANGES = {
    "configmgr": (
        f"UPDATE v_GS_COMPUTER_SYSTEM SET Model0 = 'Latitude 7450' WHERE ResourceID = {FIRST};"
        f"UPDATE v_GS_WORKSTATION_STATUS SET LastHWScan = '2026-02-01 00:00:00' WHERE ResourceID = {FIRST}"
    ),
    "susdb": (
        "UPDATE vComputerTarget SET Model = 'Latitude 7450', LastSyncTime = '2026-02-01 00:00:00', "
        f"LastReportedStatusTime = '2026-02-01 00:00:00' WHERE ComputerTargetId = '{WSUS_FIRST}'"
    ),
}
# Read after devices, so that a part of the sync has been read when it fails.
HIDDEN = {"configmgr": "v_GS_PROCESSOR", "susdb": "vUpdateInstallationInfoBasic"}


class Site(ConformanceSource):
    """A small site in any database."""

    secret = PASSWORD

    def __init__(self, name: str, database: Database) -> None:
        self.name, self.database = name, database
        self.model = SITES[name]

    def connector(self) -> Connector:
        return self.model(name="Site", **self.database.fields)

    def broken_connector(self) -> tuple[Connector, str]:
        if self.database.server is not None:
            return self.model(name="Site", **{**self.database.fields, "username": "nobody"}), "wrong name or password"
        url = self.database.fields["url"].rsplit("/", 1)[0] + "/nowhere"
        return self.model(name="Site", **{**self.database.fields, "url": url}), "no database"

    def change_device(self) -> str:
        self.database.execute(CHANGES[self.name])
        return str(FIRST) if self.name == "configmgr" else WSUS_FIRST

    def remove_device(self) -> str:
        gone = str(SECOND) if self.name == "configmgr" else f"'{WSUS_SECOND}'"
        for table, columns in re.findall(r"CREATE TABLE (\w+) \((.*?)\);", schema_text(self.name), re.DOTALL):
            for column in DEVICE_COLUMNS[self.name]:
                if re.search(rf"\b{column}\b", columns):
                    self.database.execute(f"DELETE FROM {table} WHERE {column} = {gone}")
        return gone.strip("'")

    def break_while_reading(self) -> None:
        hidden = HIDDEN[self.name]
        self.database.execute(f"ALTER TABLE {hidden} RENAME TO hidden_away")

    def repair(self) -> None:
        self.database.execute(f"ALTER TABLE hidden_away RENAME TO {HIDDEN[self.name]}")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


class Files(ConnectorConformance):
    """SQLite: what the example runs on."""

    name = "configmgr"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Site:
        tmp_path.joinpath("site").mkdir()
        site = Site(self.name, sqlite_site(self.name, tmp_path / "site"))
        site.secret = None  # a file has no password
        return site


class TestConfigMgrAsFile(Files):
    pass


class TestWsusAsFile(Files):
    name = "susdb"


@pytest.mark.needs("postgres")
class TestConfigMgrInPostgres(ConnectorConformance):
    name = "configmgr"

    @pytest.fixture
    def source(self, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Site:  # pyright: ignore[reportIncompatibleMethodOverride]
        monkeypatch.setenv(VARIABLE, postgres_server.password)
        site = Site(self.name, postgres_site(self.name, postgres_server))
        site.secret = postgres_server.password
        return site


@pytest.mark.needs("odbc")
class ByOdbc(ConnectorConformance):
    name = "configmgr"

    @pytest.fixture
    def source(self) -> Iterator[Site]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with sql_server_site(self.name) as database:
            yield Site(self.name, database)


class TestConfigMgrByOdbc(ByOdbc):
    def test_a_wire_that_is_cut_loses_nothing(self, source: Site, repository: Repository) -> None:
        run_sync(repository, source.connector())
        before = snapshot(repository)
        source.change_device()
        assert source.database.server is not None
        source.database.server.faults.cut_after_rows = 1
        with pytest.raises(SyncError, match="ended the connection") as failure:
            run_sync(repository, source.connector(), SyncOptions(clean=True))
        assert "Site" in str(failure.value)
        assert snapshot(repository) == before
        assert run_sync(repository, source.connector()).status == "committed"


class TestWsusByOdbc(ByOdbc):
    name = "susdb"
