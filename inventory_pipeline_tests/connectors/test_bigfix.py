"""BigFix: properties become devices, processors and software; relevance over time becomes patch states."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from inventory_pipeline.connectors.base import Connector, RefusedUnit, Secret, run_test
from inventory_pipeline.connectors.bigfix import BigFix
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites import PASSWORD, READER, VARIABLE, Database, schema_text
from inventory_pipeline_tests.counterparts.tds import running_tds_server

SEVEN_ZIP = "7-Zip 23.01 (x64) | 23.01 | Igor Pavlov"
PROPERTIES = {
    11: {
        "Computer Name": "LON-LT-0001", "DNS Name": "lon-lt-0001.corp.example.com", "CPU": "2300 MHz Xeon Gold 5218",
        "OS": "Win2019 10.0.17763.3406 (1809)", "Last Report Time": "Wed, 19 Apr 2023 15:55:23 +0200",
        "RAM": "16384 MB", "IP Address": "10.1.2.3\n10.1.2.4", "MAC Address": "00:25:90:11:22:33",
        "Computer Type": "Virtual",
        "User Name": "<none>", "Computer Serial Number": "7XK2M94", "Agent Version": "11.0.1.96",
        "Installed Applications - Windows": f"{SEVEN_ZIP}\nTool without version\n{SEVEN_ZIP}",
    },
    12: {"Computer Name": "BER-SRV-02", "OS": "Linux Red Hat Enterprise Server 9.2", "CPU": "Apple M1",
         "Last Report Time": "Thu, 20 Apr 2023 08:00:00 +0000", "RAM": "16 GB"},
    13: {"Computer Name": "DELETED", "Last Report Time": "Thu, 20 Apr 2023 08:00:00 +0000"},
}  # fmt: skip
CONTENT = """
INSERT INTO COMPUTERS VALUES (11, NULL, 0), (12, NULL, 0), (13, NULL, 1);
INSERT INTO BES_COLUMN_HEADINGS VALUES (11, 'SMBIOS UUID', 'Singular expression refers to nonexistent object.', 1);
INSERT INTO BES_FIXLETS VALUES ('Enterprise Security', 501, 'MS23-APR: Security Update - KB5025230'),
    ('Enterprise Security', 502, 'Other');
INSERT INTO BES_FIXLET_PROPERTIES VALUES ('Enterprise Security', 501, 'Source Severity', 'Critical'),
    ('Enterprise Security', 501, 'Source ID', 'KB5025230'), ('Enterprise Security', 501, 'Category', 'Security Update'),
    ('Enterprise Security', 501, 'Source Release Date', '2023-04-11');
INSERT INTO BES_RELEVANT_FIXLET_HISTORY VALUES
    ('Enterprise Security', 501, 11, '2023-04-12 00:00:00', '2023-04-12 00:00:00', '2023-04-15 00:00:00'),
    ('Enterprise Security', 502, 11, '2023-04-12 00:00:00', '2023-04-18 00:00:00', '2023-04-15 00:00:00'),
    ('Enterprise Security', 501, 12, '2023-04-12 00:00:00', '2023-04-12 00:00:00', NULL);
INSERT INTO BES_COMPUTERGROUPS VALUES (7, 'Servers');
"""


def _headings() -> str:
    rows = [f"({key}, '{name}', '{value}', 0)" for key, values in PROPERTIES.items() for name, value in values.items()]
    return f"INSERT INTO BES_COLUMN_HEADINGS VALUES {', '.join(rows)};"


def as_file(folder: Path) -> Database:
    path = folder / "bfenterprise.sqlite"

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    execute(schema_text("bfenterprise") + CONTENT + _headings())
    return Database(execute, {"url": f"sqlite:///{path}"})


def bigfix(database: Database, **fields: Any) -> BigFix:
    return BigFix(name="BigFix", **{**database.fields, **fields})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return as_file(tmp_path)


def rows(connector: BigFix, table: str) -> list[dict[str, Any]]:
    found = []
    with connector.opened():
        for batch in connector.read(table):
            assert not isinstance(batch, RefusedUnit)
            found += [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
    return found


def test_properties_become_a_device(database: Database, tmp_path: Path) -> None:
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, bigfix(database))
    devices = {row["source_device_id"]: row for row in repository.visible().arrow("device").to_pylist()}
    assert set(devices) == {"11", "12"}  # the deleted one does not come
    first = devices["11"]
    assert (first["name"], first["fqdn"], first["serial_number"]) == (
        "LON-LT-0001",
        "lon-lt-0001.corp.example.com",
        "7XK2M94",
    )
    assert first["inventory_date"] == dt.datetime(2023, 4, 19, 13, 55, 23)
    assert (first["memory_mb"], devices["12"]["memory_mb"]) == (16384, 16384)
    assert first["ip_addresses"] == ["10.1.2.3", "10.1.2.4"]
    assert (first["os_version"], first["is_virtual"]) == ("10.0.17763.3406", True)
    assert first["primary_user"] is None
    assert first["smbios_uuid"] is None  # a property that could not be evaluated is no value
    assert "11.0.1.96" in first["extra"]


def test_processors_and_software_lines(database: Database) -> None:
    processors = {row["source_device_id"]: row for row in rows(bigfix(database), "processor")}
    assert (processors["11"]["name"], processors["11"]["speed_mhz"]) == ("Xeon Gold 5218", "2300")
    assert processors["12"]["name"] == "Apple M1"
    software = rows(bigfix(database), "software")
    assert [(row["title"], row.get("version"), row.get("publisher")) for row in software] == [
        ("7-Zip 23.01 (x64)", "23.01", "Igor Pavlov"),
        ("Tool without version", None, None),
    ]


def test_sites_may_have_properties_of_their_own(database: Database) -> None:
    database.execute(
        "INSERT INTO BES_COLUMN_HEADINGS VALUES (12, 'Our Serial', 'ABC1234', 0), (12, 'Our Software', 'Widget | 2', 0)"
    )
    ours = bigfix(database, properties={"serial_number": ["Our Serial"]}, software_properties=["Our Software"])
    assert {row.get("serial_number") for row in rows(ours, "device")} == {None, "ABC1234"}
    assert [row["title"] for row in rows(ours, "software")] == ["Widget"]
    assert ours.fingerprint != bigfix(database).fingerprint


def test_relevance_over_time_is_the_state_of_a_patch(database: Database) -> None:
    states = {
        (row["source_device_id"], row["update_id"]): row["state"] for row in rows(bigfix(database), "patch_state")
    }
    assert states == {
        ("11", "Enterprise Security/501"): "installed",
        ("11", "Enterprise Security/502"): "missing",
        ("12", "Enterprise Security/501"): "missing",
    }
    patch = next(row for row in rows(bigfix(database), "patch") if row["update_id"].endswith("501"))
    assert (patch["kb"], patch["severity"], patch["classification"]) == ("KB5025230", "Critical", "Security Update")
    assert [row["name"] for row in rows(bigfix(database), "group")] == ["Servers"]


def test_without_the_table_of_deleted_computers_all_come(database: Database) -> None:
    database.execute("DROP TABLE COMPUTERS")
    assert {row["source_device_id"] for row in rows(bigfix(database), "device")} == {"11", "12", "13"}


def test_a_list_that_nobody_reports_fails_the_test_with_a_cure(database: Database) -> None:
    assert run_test(bigfix(database)).passed
    report = run_test(bigfix(database, software_properties=["Nothing"]), [Category.software])
    [failure] = report.failures
    assert "No computer reports Nothing" in failure.message
    assert "Application Information" in failure.cure


def test_lists_that_the_database_cut_are_noted(database: Database) -> None:
    database.execute(
        "UPDATE BES_COLUMN_HEADINGS SET Value = replace(hex(zeroblob(4000)), '00', 'ab') "
        "WHERE Name = 'Installed Applications - Windows'"
    )
    connector = bigfix(database)
    rows(connector, "software")
    assert "cuts the property" in " ".join(note.message for note in connector.take_notes())


def test_statements_read_documented_columns_only() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema_text("bfenterprise"))
        for table in BigFix.tables():
            for view in table.views:
                documented = {row[1] for row in connection.execute(f"PRAGMA table_info({view.name})")}
                assert {column.name for column in view.c} <= documented, view.name


class Site(ConformanceSource):
    secret = None

    def __init__(self, database: Database) -> None:
        self.database = database

    def connector(self) -> Connector:
        return bigfix(self.database)

    def broken_connector(self) -> tuple[Connector, str]:
        if self.database.server is not None:
            return bigfix(self.database, username="nobody"), "wrong name or password"
        return bigfix(self.database, url=self.database.fields["url"] + "x"), "no database"

    def change_device(self) -> str:
        self.database.execute(
            "UPDATE BES_COLUMN_HEADINGS SET Value = 'Fri, 21 Apr 2023 08:00:00 +0000' "
            "WHERE ComputerID = 11 AND Name = 'Last Report Time';"
            "UPDATE BES_COLUMN_HEADINGS SET Value = 'Win2022' WHERE ComputerID = 11 AND Name = 'OS'"
        )
        return "11"

    def remove_device(self) -> str:
        for table in ("COMPUTERS", "BES_COLUMN_HEADINGS", "BES_RELEVANT_FIXLET_HISTORY"):
            self.database.execute(f"DELETE FROM {table} WHERE ComputerID = 12")
        return "12"

    def break_while_reading(self) -> None:
        self.database.execute("ALTER TABLE BES_RELEVANT_FIXLET_HISTORY RENAME TO hidden_away")

    def repair(self) -> None:
        self.database.execute("ALTER TABLE hidden_away RENAME TO BES_RELEVANT_FIXLET_HISTORY")


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
        database = duckdb.connect()
        database.execute("CREATE SCHEMA dbo; SET search_path = 'dbo'")
        database.execute(schema_text("bfenterprise") + CONTENT + _headings())
        with running_tds_server({"BFEnterprise": database}, {READER: PASSWORD}) as server:
            fields = {
                "server": "127.0.0.1", "port": server.port, "database": "BFEnterprise", "username": READER,
                "password": Secret(env=VARIABLE), "encrypt": False,
            }  # fmt: skip
            site = Site(Database(database.execute, fields, server, server.statements))
            site.secret = PASSWORD
            yield site
