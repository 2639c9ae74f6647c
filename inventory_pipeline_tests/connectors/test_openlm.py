"""OpenLM: a Reporting Hub is found by its documented columns, any other database is read as it is mapped."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import run_test
from inventory_pipeline.connectors.openlm import OpenLm
from inventory_pipeline.connectors.openlm_mapping import Part
from inventory_pipeline.errors import SyncError, SyncHeld
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncReport, run_sync
from inventory_pipeline_tests.connectors.sites import Database
from inventory_pipeline_tests.connectors.sites_openlm import (
    HUB,
    PASSWORD,
    SERVER,
    VARIABLE,
    openlm_as_file,
    openlm_in_mariadb,
    openlm_in_postgres,
    openlm_in_sql_server,
)
from inventory_pipeline_tests.counterparts.mariadb import MariaDbServer
from inventory_pipeline_tests.counterparts.postgres import PostgresServer

Make = Callable[..., Database]
MAPPED = {
    "features": Part(
        table="lic_products",
        joins=["lic_products.server_id = lic_servers.id"],
        columns={
            "source_feature_id": "id", "license_server": "lic_servers.port_and_host", "vendor": "vendor_name",
            "feature": "code", "quantity": "seats",
        },
    ),
    "sessions": Part(
        table="lic_log",
        columns={
            "source_session_id": "id", "source_feature_id": "product_id", "user": "login", "device_name": "host",
            "started": "begun", "ended": "finished",
        },
    ),
}  # fmt: skip


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.needs("postgres")),
        pytest.param("mariadb", marks=pytest.mark.needs("mariadb")),
        pytest.param("odbc", marks=pytest.mark.needs("odbc")),
        "file",
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Loads a content into a database of each kind."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    opened = []
    if request.param in ("postgres", "mariadb"):
        server = request.getfixturevalue(f"{request.param}_server")
        monkeypatch.setenv(VARIABLE, server.password)
        load = openlm_in_postgres if request.param == "postgres" else openlm_in_mariadb
        yield lambda content=HUB: load(server, content)
    elif request.param == "file":
        yield lambda content=HUB: openlm_as_file(tmp_path, content)
    else:

        def make(content: str = HUB) -> Database:
            context = openlm_in_sql_server(content)
            opened.append(context)
            return context.__enter__()

        yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def hub(tmp_path: Path) -> Database:
    return openlm_as_file(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Store(tmp_path / "store").ensure("main", "Main")


def openlm(database: Database, **fields: Any) -> OpenLm:
    return OpenLm(name="OpenLM", **{**database.fields, **fields})


def table(repository: Repository, name: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in repository.visible().arrow(name).to_pylist()}


def notes(report: SyncReport, name: str) -> str:
    return " ".join(report.table(name).notes)


def test_a_reporting_hub_is_found_by_its_documented_columns(make: Make, repository: Repository) -> None:
    connector = openlm(make(), used_time_unit="seconds")
    assert run_test(connector).passed
    run_sync(repository, connector)

    features = table(repository, "license_feature", "source_feature_id")
    assert {key: row["quantity"] for key, row in features.items()} == {"1": 50, "2": 5, "3": None}
    acad = features["1"]
    assert (acad["license_server"], acad["vendor"]) == ("27000@lic01", "adskflex")
    assert (acad["feature"], acad["description"]) == ("87545ACD_2026_0F", "AutoCAD 2026")
    assert (acad["license_type"], acad["version"]) == ("network", "1.000")
    assert (acad["expiration_date"], acad["extra"]) == (dt.date(2027, 3, 31), '{"additional_key": "SN 1"}')

    sessions = table(repository, "license_session", "source_session_id")
    assert set(sessions) == {"1000", "1001", "denial:1000"}  # 900 began more than a year before
    session, denial = sessions["1001"], sessions["denial:1000"]
    assert (session["source_feature_id"], session["user"], session["device_name"]) == ("2", "bweber", "BER-WS-0001")
    assert (session["quantity"], session["is_denial"], session["started"]) == (4, False, dt.datetime(2026, 1, 6))
    assert (denial["is_denial"], denial["source_feature_id"], denial["user"]) == (True, "1", "bweber")
    assert "already reached" in denial["extra"]

    usage = {row["source_device_id"]: row for row in repository.visible().arrow("software_usage").to_pylist()}
    assert set(usage) == {"LON-WS-0007", "BER-WS-0001"}
    used = usage["LON-WS-0007"]
    assert (used["title"], used["publisher"], used["version"]) == ("AutoCAD 2026", "adskflex", "1.000")
    assert (used["user"], used["run_count"], used["used_minutes"]) == ("asmith", 2, 90.0)
    assert (used["first_used"], used["last_used"]) == (dt.datetime(2026, 1, 5), dt.datetime(2026, 1, 6))
    assert usage["BER-WS-0001"]["title"] == "MATLAB"


def test_any_other_database_is_read_as_it_is_mapped(make: Make, repository: Repository) -> None:
    connector = openlm(make(SERVER), **MAPPED)
    assert run_test(connector).passed
    run_sync(repository, connector)
    [feature] = table(repository, "license_feature", "source_feature_id").values()
    assert (feature["license_server"], feature["feature"], feature["quantity"]) == ("27000@lic01", "ACD_2026", 50)
    sessions = table(repository, "license_session", "source_session_id")
    assert (sessions["5"]["started"], sessions["5"]["ended"]) == (
        dt.datetime(2026, 1, 5, 8),
        dt.datetime(2026, 1, 5, 9, 30),
    )
    assert sessions["6"]["ended"] is None
    [used] = repository.visible().arrow("software_usage").to_pylist()
    assert (used["title"], used["run_count"], used["used_minutes"]) == ("ACD_2026", 2, 90.0)
    assert used["last_used"] == dt.datetime(2026, 1, 6, 8)


def test_workstations_are_devices_that_other_sources_know_by_their_full_name(
    make: Make, repository: Repository
) -> None:
    database = make()
    database.execute(
        "UPDATE workstation_dimension SET workstation = 'ber-ws-0001.lab.example.com' WHERE workstation_key = 2"
    )
    run_sync(repository, openlm(database, workstation_domain="corp.example.com"))
    devices = table(repository, "device", "source_device_id")
    assert {key: (row["name"], row["domain"]) for key, row in devices.items()} == {
        "LON-WS-0007": ("LON-WS-0007", "corp.example.com"),
        "BER-WS-0001.LAB.EXAMPLE.COM": ("BER-WS-0001.LAB.EXAMPLE.COM", None),
    }
    assert devices["LON-WS-0007"]["first_seen"] == dt.datetime(2026, 1, 5)
    run_sync(repository, openlm(database))
    assert table(repository, "device", "source_device_id")["LON-WS-0007"]["domain"] is None


def test_a_workstation_in_two_spellings_is_one(make: Make, repository: Repository) -> None:
    database = make()
    database.execute("INSERT INTO workstation_dimension VALUES (3, 'lon-ws-0007')")
    database.execute("UPDATE feature_usage SET workstation_key = 3 WHERE calendar_key = 3 AND license_key = 1")
    run_sync(repository, openlm(database))
    assert set(table(repository, "device", "source_device_id")) == {"LON-WS-0007", "BER-WS-0001"}
    [used] = [
        row
        for row in repository.visible().arrow("software_usage").to_pylist()
        if row["source_device_id"] == "LON-WS-0007"
    ]
    assert used["run_count"] == 2


@pytest.mark.needs("mariadb")
def test_a_table_that_may_not_be_read_is_named_for_its_category(
    mariadb_server: MariaDbServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = openlm_in_mariadb(mariadb_server)
    tables = ("license_dimension", "user_dimension", "workstation_dimension", "calendar_dimension", "feature_usage")
    mariadb_server.execute(
        "CREATE OR REPLACE USER reader IDENTIFIED BY 'reader-pass';\n"
        + "".join(f"GRANT SELECT ON openlm.{name} TO reader;\n" for name in tables)
        # A right on the table, by which the catalog shows it, but none to read.
        + "GRANT INSERT ON openlm.raw_denials TO reader;\n"
    )
    monkeypatch.setenv(VARIABLE, "reader-pass")
    connector = openlm(database, url=database.fields["url"].replace(f"{mariadb_server.account}@", "reader@"))
    report = run_test(connector)
    assert all(check.passed for category in ("device", "usage") for check in report.checks[category])
    checks = {check.name: check for check in report.checks["license_server"]}
    assert "may not read raw_denials" in checks["denials"].message
    assert "Grant it SELECT" in checks["denials"].cure
    assert {name for name, check in checks.items() if not check.passed} == {"denials"}
    assert "no table of sessions" in checks["sessions"].message  # of which the account does not even know
    with pytest.raises(SyncError, match=r"OpenLM: .*may not read raw_denials"):
        run_sync(repository, connector)


def test_minutes_stay_empty_while_their_unit_is_not_known(hub: Database, repository: Repository) -> None:
    report = run_sync(repository, openlm(hub))
    assert {row["used_minutes"] for row in repository.visible().arrow("software_usage").to_pylist()} == {None}
    assert "used_time_unit" in notes(report, "software_usage")


def test_what_the_documentation_leaves_open_can_be_named_beside_what_was_found(
    hub: Database, repository: Repository
) -> None:
    hub.execute("ALTER TABLE raw_usage RENAME COLUMN session_id TO number")
    report = run_sync(repository, openlm(hub))
    assert set(table(repository, "license_session", "source_session_id")) == {"denial:1000"}
    assert "source_session_id" in notes(report, "license_session")
    run_sync(repository, openlm(hub, sessions=Part(columns={"source_session_id": "number"})))
    sessions = table(repository, "license_session", "source_session_id")
    assert set(sessions) == {"1000", "1001", "denial:1000"}
    assert sessions["1000"]["user"] == "asmith"


def test_what_could_not_be_told_is_said_and_the_rest_comes(hub: Database, repository: Repository) -> None:
    hub.execute("ALTER TABLE raw_usage RENAME COLUMN user_key TO who")
    report = run_sync(repository, openlm(hub))
    assert "What joins raw_usage with user_dimension could not be told" in notes(report, "license_session")
    session = table(repository, "license_session", "source_session_id")["1000"]
    assert (session["user"], session["device_name"]) == (None, "LON-WS-0007")


def test_other_columns_that_tables_share_do_not_keep_them_apart(hub: Database, repository: Repository) -> None:
    for name in ("raw_usage", "raw_denials", "license_dimension", "workstation_dimension"):
        hub.execute(f"ALTER TABLE {name} ADD COLUMN etl_run INTEGER")
    run_sync(repository, openlm(hub))
    session = table(repository, "license_session", "source_session_id")["1000"]
    assert (session["source_feature_id"], session["device_name"]) == ("1", "LON-WS-0007")


def test_sessions_of_nobody_come_too(make: Make, repository: Repository) -> None:
    database = make()
    database.execute("UPDATE raw_usage SET user_key = NULL WHERE session_id = 1001")
    run_sync(repository, openlm(database))
    assert table(repository, "license_session", "source_session_id")["1001"]["user"] is None


@pytest.mark.needs("postgres")
def test_tables_of_the_same_name_are_told_apart_by_their_schema(
    postgres_server: PostgresServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, postgres_server.password)
    database = openlm_in_postgres(postgres_server, SERVER)
    database.execute("CREATE SCHEMA old; CREATE TABLE old.lic_products AS SELECT * FROM lic_products")
    with pytest.raises(SyncError, match="lic_products is not there, may not be seen, or there are several"):
        run_sync(repository, openlm(database, **MAPPED))
    named = MAPPED["features"].model_copy(update={"table": "public.lic_products"})
    run_sync(repository, openlm(database, **{**MAPPED, "features": named}))
    assert set(table(repository, "license_feature", "source_feature_id")) == {"17"}


@pytest.mark.needs("mariadb")
def test_other_databases_of_the_same_server_are_left_alone(
    mariadb_server: MariaDbServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, mariadb_server.password)
    database = openlm_in_mariadb(mariadb_server)
    mariadb_server.create_database("openlm_copy")
    mariadb_server.execute("CREATE TABLE openlm_copy.license_dimension AS SELECT * FROM openlm.license_dimension;\n")
    for driver in ("mariadb+pymysql", "mysql+pymysql"):
        url = database.fields["url"].replace("mariadb+pymysql", driver)
        assert not notes(run_sync(repository, openlm(database, url=url)), "license_feature")
    assert len(table(repository, "license_feature", "source_feature_id")) == 3


@pytest.mark.needs("mariadb")
def test_a_server_that_falls_silent_is_not_waited_for(
    mariadb_server: MariaDbServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, mariadb_server.password)
    database = openlm_in_mariadb(mariadb_server)
    database.execute(
        "DROP TABLE daily_quantity;\n"
        "CREATE VIEW daily_quantity AS SELECT license_key, 3 AS calendar_key, 5 + SLEEP(10) AS max_license_quantity "
        "FROM license_dimension;\n"
    )
    began = time.monotonic()
    with pytest.raises(SyncError, match="did not answer in time"):
        run_sync(repository, openlm(database, timeout_seconds=2))
    assert time.monotonic() - began < 25


def test_licences_without_a_key_are_known_by_all_that_is_documented(hub: Database, repository: Repository) -> None:
    for measure in ("raw_usage", "feature_usage", "raw_denials", "daily_quantity"):
        hub.execute(f"DROP TABLE {measure}")
    hub.execute(
        "CREATE VIEW usage_by_name AS SELECT 'LON-WS-0007' AS host, 'a|b|MATLAB|50|network|' AS feature, 'x' AS person"
    )
    connector = openlm(
        hub,
        usage=Part(table="usage_by_name", columns={"source_feature_id": "feature", "device_name": "host"}),
    )
    run_sync(repository, connector)
    assert set(table(repository, "license_feature", "source_feature_id")) == {
        "27000@lic01|adskflex|87545ACD_2026_0F|1.000|network|SN 1",
        "27000@lic01|MLM|MATLAB|50|network|",
        "27000@lic02|MLM|MATLAB|50|network|",
    }


def test_measures_that_know_licences_by_different_columns_still_meet_them(
    hub: Database, repository: Repository
) -> None:
    hub.execute(
        "ALTER TABLE license_dimension ADD COLUMN license_no INTEGER; UPDATE license_dimension SET license_no = "
        "license_key + 100; ALTER TABLE raw_usage RENAME COLUMN license_key TO license_no; "
        "UPDATE raw_usage SET license_no = license_no + 100"
    )
    run_sync(repository, openlm(hub))
    features = table(repository, "license_feature", "source_feature_id")
    sessions = table(repository, "license_session", "source_session_id")
    assert features[sessions["1001"]["source_feature_id"]]["feature"] == "MATLAB"
    assert features[sessions["denial:1000"]["source_feature_id"]]["vendor"] == "adskflex"


def test_several_tables_of_the_same_columns_are_named_and_none_is_taken(hub: Database, repository: Repository) -> None:
    hub.execute("CREATE TABLE license_dimension_copy AS SELECT * FROM license_dimension")
    with pytest.raises(SyncError, match=r"no table of licences.*: license_dimension, license_dimension_copy"):
        run_sync(repository, openlm(hub))
    named = {
        "table": "license_dimension",
        "columns": {"source_feature_id": "license_key", "feature": "license_feature"},
    }
    usage = Part(table="raw_usage", columns={"source_feature_id": "license_key", "device_name": "workstation_key"})
    report = run_sync(repository, openlm(hub, features=Part(**named), usage=usage))
    assert "license_dimension, license_dimension_copy" in notes(report, "license_feature")


def test_sessions_that_are_no_longer_found_hold_the_sync(hub: Database, repository: Repository) -> None:
    run_sync(repository, openlm(hub))
    before = table(repository, "license_session", "source_session_id")
    hub.execute("ALTER TABLE raw_usage RENAME COLUMN session_id TO number")
    with pytest.raises(SyncHeld, match="license_session"):
        run_sync(repository, openlm(hub))
    assert table(repository, "license_session", "source_session_id") == before


def test_a_newer_start_moves_what_is_read(hub: Database, repository: Repository) -> None:
    run_sync(repository, openlm(hub, history_days=1000))
    assert "900" in table(repository, "license_session", "source_session_id")
    run_sync(repository, openlm(hub, history_days=30))
    assert "900" not in table(repository, "license_session", "source_session_id")


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        (Part(table="nowhere", columns={"source_session_id": "a", "source_feature_id": "b"}), "table nowhere"),
        (Part(columns={"source_session_id": "serial"}), "raw_usage has no column serial"),
        (Part(columns={"sessionid": "session_id"}), "sessions has no column sessionid"),
        (Part(joins=["raw_usage.user_key"]), "not of the form"),
        (Part(joins=["a.b = c.d"]), "neither side"),
        (Part(joins=["raw_usage.user_key = raw_usage.user_key"]), "brings no further table"),
        (Part(columns={"user": "daily_quantity.calendar_key"}), "not joined"),
    ],
)
def test_a_mapping_that_does_not_fit_the_site_is_said(
    hub: Database, repository: Repository, sessions: Part, message: str
) -> None:
    connector = openlm(hub, sessions=sessions)
    failure = next(check for check in run_test(connector).failures if check.name == "sessions")
    assert message in failure.message
    assert "`sessions`" in failure.cure
    with pytest.raises(SyncError, match=message):
        run_sync(repository, connector)


def test_a_database_that_nothing_is_known_of_fails_its_test(tmp_path: Path) -> None:
    failures = run_test(openlm(openlm_as_file(tmp_path, SERVER))).failures
    assert {check.name for check in failures} == {"features", "usage"}
    assert all("grant" in check.cure for check in failures)
