"""OpenLM keeps what every connector promises: in PostgreSQL, MariaDB, by ODBC as SQL Server, and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.connectors.openlm import OpenLm
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites import Database
from inventory_pipeline_tests.connectors.sites_openlm import (
    PASSWORD,
    VARIABLE,
    openlm_as_file,
    openlm_in_mariadb,
    openlm_in_postgres,
    openlm_in_sql_server,
)
from inventory_pipeline_tests.counterparts.mariadb import MariaDbServer
from inventory_pipeline_tests.counterparts.postgres import PostgresServer


class Hub(ConformanceSource):
    """A small Reporting Hub in any database."""

    table = "license_feature"

    def __init__(self, database: Database, secret: str | None) -> None:
        self.database, self.secret = database, secret

    def connector(self) -> Connector:
        return OpenLm(name="OpenLM", used_time_unit="seconds", **self.database.fields)

    def broken_connector(self) -> tuple[Connector, str]:
        fields = self.database.fields
        if self.database.server is not None:
            return OpenLm(name="OpenLM", **{**fields, "username": "nobody"}), "wrong name or password"
        return OpenLm(name="OpenLM", **{**fields, "url": fields["url"].rsplit("/", 1)[0] + "/nowhere"}), "no database"

    def change_device(self) -> str:
        self.database.execute("UPDATE license_dimension SET license_description = 'AutoCAD 2027' WHERE license_key = 1")
        return "1"

    def remove_device(self) -> str:
        self.database.execute("DELETE FROM license_dimension WHERE license_key = 3")
        return "3"

    def break_while_reading(self) -> None:
        # Times of use are read last, when licences and sessions have been read; tables are known by their columns.
        for measure in ("feature_usage", "raw_usage"):
            self.database.execute(f"ALTER TABLE {measure} RENAME COLUMN usage_time TO hidden_away")

    def repair(self) -> None:
        for measure in ("feature_usage", "raw_usage"):
            self.database.execute(f"ALTER TABLE {measure} RENAME COLUMN hidden_away TO usage_time")


class TestAsFile(ConnectorConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Hub:
        folder = tmp_path / "site"
        folder.mkdir()
        return Hub(openlm_as_file(folder), None)


@pytest.mark.needs("postgres")
class TestInPostgres(ConnectorConformance):
    @pytest.fixture
    def source(self, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Hub:  # pyright: ignore[reportIncompatibleMethodOverride]
        monkeypatch.setenv(VARIABLE, postgres_server.password)
        return Hub(openlm_in_postgres(postgres_server), postgres_server.password)


@pytest.mark.needs("mariadb")
class TestInMariaDb(ConnectorConformance):
    @pytest.fixture
    def source(self, mariadb_server: MariaDbServer, monkeypatch: pytest.MonkeyPatch) -> Hub:  # pyright: ignore[reportIncompatibleMethodOverride]
        monkeypatch.setenv(VARIABLE, mariadb_server.password)
        return Hub(openlm_in_mariadb(mariadb_server), mariadb_server.password)


@pytest.mark.needs("odbc")
class TestByOdbc(ConnectorConformance):
    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:  # pyright: ignore[reportIncompatibleMethodOverride]
        monkeypatch.setenv(VARIABLE, PASSWORD)
        with openlm_in_sql_server() as database:
            yield Hub(database, PASSWORD)
