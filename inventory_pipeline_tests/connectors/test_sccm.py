"""What the sccm and wsus connectors make of a site, the same in all databases; and what happens when it goes wrong."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mssql
from sqlglot import exp

from inventory_pipeline.connectors import odbc
from inventory_pipeline.connectors.base import RefusedUnit, Units, run_test
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.registry import connector_type, connector_type_names
from inventory_pipeline.connectors.sccm import Sccm
from inventory_pipeline.connectors.wsus import Wsus
from inventory_pipeline.errors import ConfigurationError, ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.connectors.sites import (
    ACROBAT,
    FIRST,
    NEWER_UPDATE,
    OLD,
    PASSWORD,
    SECOND,
    UNMANAGED,
    VARIABLE,
    WINDOWS_UPDATE,
    Database,
    postgres_site,
    schema_text,
    sql_server_site,
    sqlite_site,
)
from inventory_pipeline_tests.counterparts.postgres import PostgresServer

PLACE = {"unit_key", "source_object", "source_row"}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres")),
                        pytest.param("freetds", marks=pytest.mark.needs("odbc")),
                        pytest.param("microsoft", marks=pytest.mark.needs("odbc"))])  # fmt: skip
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The small ConfigMgr site in each kind of database."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    if request.param == "sqlite":
        yield sqlite_site("configmgr", tmp_path)
    elif request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        monkeypatch.setenv(VARIABLE, server.password)
        yield postgres_site("configmgr", server)
    else:
        driver = odbc.FREETDS if request.param == "freetds" else odbc.driver_of_wheel()
        assert driver is not None, "pip install mssql-python-odbc"
        with sql_server_site("configmgr", driver) as database:
            yield database


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The site behind the SQL Server stand-in."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with sql_server_site("configmgr") as database:
        yield database


def rows(connector: DatabaseConnector, table: str, units: Units | None = None) -> list[dict[str, Any]]:
    """What the connector reads of a table, without nulls and places."""
    found = []
    with connector.opened():
        for batch in connector.read(table, units):
            assert not isinstance(batch, RefusedUnit)
            for row in batch.to_pylist():
                found.append({k: v for k, v in row.items() if v is not None and k not in PLACE})
    return found


def one(connector: DatabaseConnector, table: str, **wanted: Any) -> dict[str, Any]:
    """The only row of a table with these values."""
    matching = [row for row in rows(connector, table) if all(row.get(k) == v for k, v in wanted.items())]
    assert len(matching) == 1, matching
    return matching[0]


def sccm(site: Database, **fields: Any) -> Sccm:
    return Sccm(name="Head Office", **{**site.fields, **fields})


def test_a_device_is_put_together_from_inventory_and_discovery(site: Database) -> None:
    device = one(sccm(site), "device", source_device_id=str(FIRST))
    assert (device["manufacturer"], device["model"], device["serial_number"]) == (
        "Dell Inc.",
        "Latitude 7440",
        "7XK2M94",
    )
    # The UUID of the inventory, not what a discovery had; the computer's enclosure, not the dock's.
    assert device["smbios_uuid"] == "4C4C4544-0058-4B10-8032-B7C04F393434"
    assert (device["chassis_type"], device["asset_tag"]) == ("10", "A-1")
    assert device["mac_addresses"] == "AA:BB:CC:00:11:22; AA:BB:CC:00:11:33"
    assert device["primary_user"] == "CORP\\asmith"
    assert int(device["memory_mb"]) == 16252
    assert json.loads(device["extra"]) == {
        "sms_unique_identifier": "GUID:1",
        "client_version": "5.00.9128",
        "office_version": "16.0.17928.20440",
        "office_platform": "x64",
        # Where it is to be updated from goes before where it was installed from.
        "office_update_channel": "Monthly Enterprise Channel",
    }
    assert device["cross_reference"] == "sccm:GUID:1"


def test_what_inventory_lacks_is_taken_from_discovery(site: Database) -> None:
    device = one(sccm(site), "device", source_device_id=str(SECOND))
    assert device["smbios_uuid"] == "4C4C4544-AAAA"
    assert device["mac_addresses"] == "00:50:56:00:00:02"
    assert device["ip_addresses"] == "10.1.2.4; 10.1.2.5"
    assert device["primary_user"] == "CORP\\weber"
    # An address of one's own is no channel, and stays as it is.
    assert json.loads(device["extra"])["office_update_channel"] == "http://updates.corp.example.com/office"


def test_obsolete_clients_are_marked_and_machines_without_client_do_not_come(site: Database) -> None:
    devices = {row["source_device_id"]: bool(row["is_obsolete"]) for row in rows(sccm(site), "device")}
    assert devices == {str(FIRST): False, str(SECOND): False, str(OLD): True}
    assert str(UNMANAGED) not in devices


def test_software_of_all_classes_comes_once(site: Database) -> None:
    found = [row for row in rows(sccm(site), "software") if row["source_device_id"] == str(FIRST)]
    assert [row["title"] for row in found if row.get("product_code", "").upper() == ACROBAT] == [
        "Adobe Acrobat (64-bit)"
    ]
    assert sorted((row["title"], row["architecture"]) for row in found if row["title"].startswith("7-Zip")) == [
        ("7-Zip 24.09", "x86"),
        ("7-Zip 24.09 (x64)", "x64"),
    ]
    assert [row["version"] for row in found if row["title"] == "Tool without a key"] == ["1", "2"]
    appx = one(sccm(site), "software", origin="appx")
    assert appx["package_family"] == "Microsoft.WindowsTerminal_8wekyb3d8bbwe"
    assert all(row["title"].strip() for row in found)


def test_usage_is_summed_over_months_and_joined_with_programs(site: Database) -> None:
    visio = one(sccm(site), "software_usage", title="Visio")
    assert (visio["run_count"], float(visio["used_minutes"]), visio["user"]) == (8, 11.0, "CORP\\asmith")
    assert str(visio["first_used"]).startswith("2025-01-31")
    assert str(visio["last_used"]).startswith("2025-02-03")
    acrobat = one(sccm(site), "software_usage", file_name="acrobat.exe")
    assert (acrobat["title"], acrobat["version"]) == ("Adobe Acrobat", "24.001")
    reporting = {row["source_device_id"]: bool(row["reports_usage"]) for row in rows(sccm(site), "usage_reporting")}
    assert reporting == {str(FIRST): True, str(SECOND): True, str(OLD): False}


def test_updates_have_products_and_successors_and_states_say_why(site: Database) -> None:
    update = one(sccm(site), "patch", update_id=WINDOWS_UPDATE)
    assert (update["kb"], update["severity"], update["classification"]) == ("KB5034441", "Critical", "Security Updates")
    assert update["product"] == "Windows 10; Windows 11"
    assert update["superseded_by"] == NEWER_UPDATE
    states = {(row["source_device_id"], row["update_id"]): row["state"] for row in rows(sccm(site), "patch_state")}
    assert states == {
        (str(FIRST), WINDOWS_UPDATE): "failed",
        (str(SECOND), WINDOWS_UPDATE): "installed",
        (str(SECOND), NEWER_UPDATE): "pending_reboot",
    }


def test_accounts_collections_and_applications(site: Database) -> None:
    enabled = {row["account"]: row.get("enabled") for row in rows(sccm(site), "user")}
    assert {name: None if value is None else bool(value) for name, value in enabled.items()} == {
        "asmith": True,
        "gone": False,
        "odd": None,
    }
    members = {
        (row["source_group_id"], row["member_kind"], row["member_id"]) for row in rows(sccm(site), "group_member")
    }
    assert ("P0100014", "user", "2063597568") in members
    assert ("SMS00001", "device", str(SECOND)) in members
    kinds = {row["name"]: (row["kind"], bool(row["is_deployed"])) for row in rows(sccm(site), "application")}
    assert kinds == {"7-Zip": ("package", True), "Adobe Acrobat": ("application", True)}


def test_a_class_that_the_site_does_not_collect_is_noted_and_left_empty(tmp_path: Path) -> None:
    site = sqlite_site("configmgr", tmp_path)
    site.execute("DROP TABLE v_GS_SYSTEM_ENCLOSURE; ALTER TABLE v_GS_PC_BIOS RENAME COLUMN SerialNumber0 TO Other0")
    connector = sccm(site)
    device = one(connector, "device", source_device_id=str(FIRST))
    assert "chassis_type" not in device
    assert device["serial_number"] == "7XK2M94"  # of another class
    notes = " ".join(note.message for note in connector.take_notes())
    assert "v_GS_SYSTEM_ENCLOSURE" in notes


def test_what_a_category_cannot_do_without_is_an_error_that_names_it(tmp_path: Path) -> None:
    site = sqlite_site("configmgr", tmp_path)
    site.execute("ALTER TABLE v_R_System RENAME COLUMN Name0 TO Nom0")
    with pytest.raises(ConnectorError, match=r"Head Office.*Name0 of v_R_System") as failure:
        rows(sccm(site), "device")
    assert failure.value.cure


def test_only_devices_that_reported_anew_are_read_again(server: Database, tmp_path: Path) -> None:
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, sccm(server))
    server.execute(f"UPDATE v_GS_WORKSTATION_STATUS SET LastHWScan = '2026-03-01' WHERE ResourceID = {FIRST}")
    server.execute(
        f"UPDATE v_GS_ADD_REMOVE_PROGRAMS_64 SET Version0 = '25.0' WHERE ResourceID = {FIRST} AND GroupID = 2"
    )
    server.statements.clear()
    report = run_sync(repository, sccm(server))
    software = report.table("software")
    assert (software.units_read, software.units_changed) == (1, 1)
    reading = [text for text in server.statements if "v_GS_ADD_REMOVE_PROGRAMS_64" in text and "DisplayName0" in text]
    assert reading
    assert all("WHERE" in text.upper() for text in reading if "1 = 0" not in text and "1=0" not in text)


def test_nothing_is_locked_and_nothing_is_written(server: Database) -> None:
    connector = sccm(server)
    assert run_test(connector).passed
    for source in Sccm.sources:
        rows(connector, source.table)
    said = " ".join(server.statements).upper()
    assert "READ UNCOMMITTED" in said or "NOLOCK" in said or "SNAPSHOT" in said
    assert not re.search(
        r"\b(INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|TRUNCATE)\b\s+(INTO|TABLE|VIEW|\[?DBO)", said
    )


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"username": "nobody"}, "wrong name or password"),
        ({"database": "CM_XYZ"}, "no database CM_XYZ"),
        ({"port": 9}, "cannot be reached"),
        ({"driver": "No Such Driver"}, "driver"),
        ({"server": None}, "server missing"),
        ({"encrypt": True}, "does not check the server's certificate"),
    ],
)  # fmt: skip
def test_what_keeps_it_from_connecting_is_said_with_a_cure(
    server: Database, fields: dict[str, Any], cause: str
) -> None:
    report = run_test(sccm(server, login_seconds=5, **fields))
    assert not report.passed
    [failure] = report.failures
    assert cause in failure.message
    assert failure.cure
    assert PASSWORD not in repr(report)


def test_a_missing_password_variable_is_named(server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    [failure] = run_test(sccm(server)).failures
    assert VARIABLE in failure.message


def test_a_view_that_may_not_be_read_fails_its_categories_only(server: Database) -> None:
    assert server.server is not None
    server.server.faults.denied.add("v_UpdateComplianceStatus")
    report = run_test(sccm(server))
    failed = {name for name, checks in report.checks.items() if not all(check.passed for check in checks)}
    assert failed == {"patch"}
    [failure] = report.failures
    assert "v_UpdateComplianceStatus" in failure.message
    assert "db_datareader" in failure.cure or "grant" in failure.cure.lower()


def test_hostile_texts_arrive_as_they_are(site: Database, tmp_path: Path) -> None:
    hostile = [
        'O\'Brien "quoted"; DROP TABLE x; --',
        "line\nbreak\ttab",
        "=cmd|' /C calc'!A0",
        "\u202etxt.exe",
        "漢字 ß",
    ]
    for number, text in enumerate(hostile):
        quoted = text.replace("'", "''")
        site.execute(
            "INSERT INTO v_GS_ADD_REMOVE_PROGRAMS_64 (ResourceID, GroupID, ProdID0, DisplayName0) "
            f"VALUES ({SECOND}, {50 + number}, 'key{number}', '{quoted}')"
        )
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, sccm(site))
    titles = set(repository.visible().arrow("software").column("title").to_pylist())
    assert set(hostile) <= titles


def test_absurd_dates_and_units_are_set_aside_value_by_value(site: Database, tmp_path: Path) -> None:
    site.execute(
        "INSERT INTO v_GS_ADD_REMOVE_PROGRAMS_64 (ResourceID, GroupID, ProdID0, DisplayName0, InstallDate0) VALUES "
        f"({SECOND}, 60, 'k1', 'Sometime', '99999999'), ({SECOND}, 61, 'k2', 'Local', '31.12.2025')"
    )
    repository = Store(tmp_path / "store").ensure("main", "Main")
    report = run_sync(repository, sccm(site))
    assert report.table("software").values_rejected == 2
    rejects = repository.rejects("software").to_pylist()
    assert {row["value"] for row in rejects} == {"99999999", "31.12.2025"}
    assert all(row["row_kept"] and row["reason"] for row in rejects)


def test_ten_megabytes_in_one_cell_are_set_aside_and_the_rest_comes(tmp_path: Path) -> None:
    site = sqlite_site("configmgr", tmp_path)
    site.execute(
        "INSERT INTO v_GS_ADD_REMOVE_PROGRAMS_64 (ResourceID, GroupID, ProdID0, DisplayName0) VALUES "
        f"({SECOND}, 70, 'k', 'A' || replace(hex(zeroblob(5000000)), '0', 'x'))"
    )
    repository = Store(tmp_path / "store", policy=SyncPolicy(reject_share=0.5)).ensure("main", "Main")
    report = run_sync(repository, sccm(site))
    assert (report.table("software").rejected, report.table("software").rows_total) == (1, 7)
    [reject] = repository.rejects("software").to_pylist()
    assert len(reject["value"]) <= 1000
    assert "32,768" in reject["reason"]


def test_wsus_takes_states_from_what_computers_reported(tmp_path: Path) -> None:
    connector = Wsus(name="WSUS", **sqlite_site("susdb", tmp_path).fields)
    for everything, expected in ((False, {WINDOWS_UPDATE}), (True, {WINDOWS_UPDATE, NEWER_UPDATE})):
        asked = Wsus(name="WSUS", include_not_applicable=everything, url=connector.url)
        states = {
            row["update_id"]: row["state"] for row in rows(asked, "patch_state") if row["source_device_id"] == "0a1b"
        }
        assert states[WINDOWS_UPDATE] == "pending_reboot"
        assert set(states) == expected
    device = one(connector, "device", source_device_id="0a1b")
    assert (device["serial_number"], device["os_version"]) == ("7XK2M94", "10.0.22631")
    update = one(connector, "patch", update_id=NEWER_UPDATE)
    assert "kb" not in update
    assert bool(update["is_declined"])


def _database_types() -> list[type[DatabaseConnector]]:
    found = [connector_type(name) for name in connector_type_names()]
    return [model for model in found if issubclass(model, DatabaseConnector)]


@pytest.mark.parametrize("model", _database_types(), ids=lambda model: model.type)
def test_every_shipped_statement_is_transact_sql_that_only_reads(model: type[DatabaseConnector]) -> None:
    for table in model.tables():
        for statement in table.statements:
            text = str(statement.compile(dialect=mssql.dialect(), compile_kwargs={"literal_binds": True}))
            [parsed] = sqlglot.parse(text, dialect="tsql")
            assert isinstance(parsed, exp.Query), text


@pytest.mark.parametrize(("model", "schema"), [(Sccm, "configmgr"), (Wsus, "susdb")])
def test_statements_read_documented_columns_only(model: type[DatabaseConnector], schema: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema_text(schema))
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        documented = {
            name.lower(): {row[1].lower() for row in connection.execute(f"PRAGMA table_info({name})")}
            for name in tables
        }
    for table in model.tables():
        for view in table.views:
            assert view.name.lower() in documented, view.name
            for column in view.c:
                assert column.name.lower() in documented[view.name.lower()], f"{view.name}.{column.name}"


def test_the_best_driver_there_is_is_taken() -> None:
    eighteen, seventeen = odbc.MICROSOFT_DRIVERS
    wheel = "/lib/libmsodbcsql-18.6.so.2.1"
    assert odbc.choose_driver("auto", [odbc.FREETDS, seventeen, eighteen], wheel) == eighteen
    assert odbc.choose_driver("auto", [odbc.FREETDS, seventeen], wheel) == seventeen
    assert odbc.choose_driver("auto", [odbc.FREETDS], wheel) == wheel
    assert odbc.choose_driver("auto", ["PostgreSQL", odbc.FREETDS]) == odbc.FREETDS
    with pytest.raises(ConfigurationError, match="pip install mssql-python-odbc"):
        odbc.choose_driver("auto", ["PostgreSQL"])


def test_integrated_authentication_and_instances_go_into_the_connection() -> None:
    target = odbc.OdbcTarget("ODBC Driver 18 for SQL Server", "sql01\\PROD", 1433, "CM_P01", None, None, True, False)
    text = odbc.connection_string(target)
    assert "Trusted_Connection=yes" in text
    assert "1433" not in text
    assert Category.device in Sccm.categories()
