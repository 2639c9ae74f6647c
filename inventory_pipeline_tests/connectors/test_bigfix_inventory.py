"""BigFix Inventory by its REST API and from a database: the same rows, pages without loss, and what goes wrong."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlalchemy.dialects import mssql
from sqlglot import exp

from inventory_pipeline.connectors import bigfix_inventory_rows as mapping
from inventory_pipeline.connectors.base import RefusedUnit, Secret, Units, run_test
from inventory_pipeline.connectors.bigfix_inventory import BigFixInventory
from inventory_pipeline.connectors.bigfix_inventory_api import json_rows
from inventory_pipeline.connectors.bigfix_inventory_database import NEEDED, InventoryDatabase, discover
from inventory_pipeline.connectors.bigfix_inventory_reading import key_of
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.connectors.sites import PASSWORD, VARIABLE, Database
from inventory_pipeline_tests.connectors.sites_bigfix_inventory import CONTENT, as_file, by_odbc
from inventory_pipeline_tests.counterparts.bigfix_inventory import InventoryServer, running_inventory

TOKEN = "token-of-the-stand-in-0123456789"
XEON = "Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz"
Row = dict[str, Any]


def by_api(server: InventoryServer, **fields: Any) -> BigFixInventory:
    given = {"api_url": server.url, "token": Secret(env="BFI_TOKEN"), "ca_file": str(server.ca_file), "page_size": 50}
    return BigFixInventory(name="BFI", **{**given, "patience_seconds": 20, **fields})


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InventoryServer]:
    monkeypatch.setenv("BFI_TOKEN", TOKEN)
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with running_inventory(tmp_path / "server", CONTENT, token=TOKEN, password=PASSWORD) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return as_file(tmp_path)


@pytest.fixture(params=["api", "sqlite", pytest.param("odbc", marks=pytest.mark.needs("odbc"))])
def connector(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BigFixInventory]:
    """The small site by every way."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    if request.param == "api":
        yield by_api(request.getfixturevalue("server"))
    elif request.param == "sqlite":
        yield BigFixInventory(name="BFI", **as_file(tmp_path).fields)
    else:
        with by_odbc() as database:
            yield BigFixInventory(name="BFI", **database.fields)


def rows(connector: BigFixInventory, table: str, units: Units | None = None) -> list[Row]:
    found = []
    with connector.opened():
        for batch in connector.read(table, units):
            assert not isinstance(batch, RefusedUnit)
            found += [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
    return found


def by_device(found: list[Row]) -> dict[str, Row]:
    return {row["source_device_id"]: row for row in found}


def test_devices_have_their_own_values_and_not_those_of_their_hosts(connector: BigFixInventory) -> None:
    devices = by_device(rows(connector, "device"))
    assert set(devices) == {"1", "2", "400"}  # the deleted one does not come
    physical, guest, cloud = devices["1"], devices["2"], devices["400"]
    assert (physical["manufacturer"], physical["model"], physical["serial_number"]) == (
        "Dell Inc.",
        "PowerEdge R750",
        "7XK2M94",
    )
    assert (physical["os_version"], physical["memory_mb"], physical["is_virtual"]) == (
        "10.0.17763.3406",
        "131072",
        "false",
    )
    assert physical["ip_addresses"] == "10.1.0.1; 10.1.0.9"
    assert physical["mac_addresses"] == "00:25:90:11:22:33; 00:25:90:11:22:34"
    assert (physical["fqdn"], physical["cross_reference"]) == ("lon-srv-01.corp.example.com", "bigfix:1001")
    assert guest["serial_number"] == "VMware-42 22 6a 4c"
    assert "manufacturer" not in guest
    assert "model" not in guest
    assert "fqdn" not in guest  # a name without a domain is none
    assert json.loads(guest["extra"])["cluster_name"] == "LON-PROD"
    assert (cloud["ip_addresses"], cloud["is_virtual"]) == ("10.1.0.4", "true")
    assert "serial_number" not in cloud


def test_sockets_of_a_guest_are_not_those_of_its_host(connector: BigFixInventory) -> None:
    found = rows(connector, "processor")
    of = lambda key: [(r["slot"], r["cores"], r.get("logical_cores")) for r in found if r["source_device_id"] == key]  # noqa: E731
    assert of("1") == [("11", "16", "32"), ("12", "16", "32")]
    assert of("2") == [("0", "4", None)]
    assert of("400") == [("0", "2", None)]
    assert found[0]["name"] == XEON


def test_software_that_is_there_comes_once(connector: BigFixInventory) -> None:
    found = [(r["source_device_id"], r["title"], r["version"], r["publisher"]) for r in rows(connector, "software")]
    assert [one for one in found if one[0] != "3"] == [
        ("1", "SQL Server", "15.0.4312.2", "Microsoft"),
        ("2", "DB2", "11.5", "IBM"),
        ("400", "Widget", "3", "Acme"),
    ]


def test_use_is_told_by_the_last_one_and_by_whether_a_computer_reports_it(connector: BigFixInventory) -> None:
    [use] = rows(connector, "software_usage")
    assert (use["title"], use["file_name"], use["run_count"]) == ("SQL Server", "sqlservr.exe", "3")
    assert use["last_used"].startswith("2026-02-21")
    reporting = {key: row["reports_usage"] for key, row in by_device(rows(connector, "usage_reporting")).items()}
    assert reporting == {"1": "true", "2": "false", "400": "false"}


def test_units_that_lie_apart_are_asked_for_apart(server: InventoryServer) -> None:
    assert {r["source_device_id"] for r in rows(by_api(server), "device", Units(("1", "400")))} == {"1", "400"}
    asked = [
        json.loads(query["criteria"][0])["and"]
        for name, query in server.requests
        if name == "computers" and "criteria" in query
    ]
    bounds = [[(c[1], c[2]) for c in one if c[0] == "id"] for one in asked]
    assert [b for b in bounds if b] == [[(">=", "1"), ("<=", "1")], [(">=", "400"), ("<=", "400")]]


def _many(server: InventoryServer, computers: int, each: int) -> None:
    """Computers 1000 ... with software each."""
    server.execute(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        "INSERT INTO computers (id, name, last_seen, is_deleted) "
        f"SELECT 1000 + i, 'C' || i, '2026-03-01 00:00:00', 0 FROM n WHERE i < {computers};"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
        "INSERT INTO software_instances (instance_id, computer_id, component_name, component_release, is_present, "
        "is_suppressed) "
        f"SELECT 5000 + i, 1000 + i / {each}, 'Töol ' || i, '1', 1, 0 FROM n WHERE i < {computers * each}"
    )


def _titles(found: list[Row]) -> list[str]:
    return sorted(row["title"] for row in found if row["title"].startswith("Töol"))


def test_pages_end_within_a_computer_and_nothing_is_lost_or_doubled(server: InventoryServer) -> None:
    _many(server, 40, 7)
    titles = _titles(rows(by_api(server, page_size=20), "software"))
    assert titles == sorted(f"Töol {n}" for n in range(280))
    limits = {query["limit"][0] for _, query in server.requests}
    assert limits == {"1", "20"}


def test_a_computer_that_exceeds_a_page_is_told_and_not_cut(server: InventoryServer) -> None:
    _many(server, 2, 30)
    with pytest.raises(ConnectorError, match=r"more than 20 rows with computer_id 1000.*Raise page_size"):
        rows(by_api(server, page_size=20), "software")


@pytest.mark.parametrize("properly", [False, True])
def test_answers_that_break_off_go_on_where_they_broke(server: InventoryServer, properly: bool) -> None:
    _many(server, 40, 7)
    server.faults.properly = properly
    server.faults.cut_after, server.faults.cuts = 3000, 6
    assert _titles(rows(by_api(server, page_size=100), "software")) == sorted(f"Töol {n}" for n in range(280))
    assert server.faults.cuts == 0


def test_a_server_that_is_busy_is_asked_again_when_it_says(server: InventoryServer) -> None:
    server.faults.status = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"}), (500, {})]
    assert len(rows(by_api(server), "device")) == 3
    server.faults.status = [(503, {"Retry-After": "600"})]
    with pytest.raises(ConnectorError, match=r"HTTP 503.*data import"):
        rows(by_api(server), "device")


@pytest.mark.parametrize("refusal", [400, 500])
def test_columns_that_a_version_lacks_are_found_out_and_left_out(server: InventoryServer, refusal: int) -> None:
    server.refusal = refusal
    server.faults.unknown = {"computer_hardware.processor_brand_string", "is_managed_by_vm_manager", "is_suppressed"}
    report = run_test(by_api(server))
    assert report.passed, report.failures
    said = " ".join(check.message for checks in report.checks.values() for check in checks)
    assert "without is_managed_by_vm_manager, computer_hardware.processor_brand_string" in said
    assert "name" not in by_device(rows(by_api(server), "processor"))["1"]
    assert "Suppressed Tool" in {row["title"] for row in rows(by_api(server), "software")}


def test_a_version_without_usage_fails_usage_only(server: InventoryServer) -> None:
    server.faults.unknown = {name for name in mapping.USAGE if name.startswith("usage_data.")}
    report = run_test(by_api(server))
    assert {name for name, checks in report.checks.items() if not all(c.passed for c in checks)} == {"usage"}


def test_permissions_are_named(server: InventoryServer) -> None:
    server.faults.denied = {"software_instances"}
    report = run_test(by_api(server))
    assert {name for name, checks in report.checks.items() if not all(c.passed for c in checks)} == {
        "software",
        "usage",
    }
    assert "View Hardware Inventory" in report.failures[0].cure
    server.faults.denied = {"detailed_hw_smbios"}
    connector = by_api(server)
    assert "serial_number" in by_device(rows(connector, "device"))["1"]  # that of the server, which is the computer
    assert "detailed_hw_smbios" in " ".join(note.message for note in connector.take_notes())
    assert not run_test(connector, [Category.device]).passed


def test_sign_in_by_name_and_password(server: InventoryServer) -> None:
    account = {"token": None, "username": "reader", "password": Secret(env=VARIABLE)}
    assert run_test(by_api(server, **account)).passed
    server.password = "changed"
    [failure] = run_test(by_api(server, **account)).failures
    assert "wrong name or password" in failure.message
    assert PASSWORD not in repr(failure)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"api_url": "http://localhost:1"}, "no https address"),
        ({"token": None}, "no account"),
        ({"ca_file": None}, "not trusted"),
        ({"token": Secret(env="BFI_OTHER")}, "refuses the token"),
    ],
)
def test_what_keeps_it_from_connecting_is_said_with_a_cure(
    server: InventoryServer, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], cause: str
) -> None:
    monkeypatch.setenv("BFI_OTHER", "stale")
    [failure] = run_test(by_api(server, **fields)).failures
    assert cause in failure.message
    assert failure.cure


def test_tokens_stand_in_no_address(server: InventoryServer) -> None:
    rows(by_api(server), "device")
    assert TOKEN not in repr(server.requests)


def test_software_that_is_recognised_later_is_read_though_its_computer_did_not_report(
    server: InventoryServer, tmp_path: Path
) -> None:
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, by_api(server))
    assert run_sync(repository, by_api(server)).status == "unchanged"
    server.execute(
        "INSERT INTO software_instances (instance_id, computer_id, component_name, component_release, discovery_start, "
        "is_present, is_suppressed) VALUES (900, 2, 'New Find', '1', '2026-03-03 00:00:00', 1, 0);"
        "UPDATE software_instances SET is_present = 0, discovery_end = '2026-03-03 00:00:00' WHERE instance_id = 106"
    )
    report = run_sync(repository, by_api(server))
    assert (report.table("software").units_read, report.table("device").units_read) == (2, 0)
    titles = set(repository.visible().arrow("software").column("title").to_pylist())
    assert "New Find" in titles
    assert "Widget" not in titles


def test_a_gap_between_syncs_is_looked_back_over(server: InventoryServer, tmp_path: Path) -> None:
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, by_api(server))
    # The others have gone on reporting for months; what was found at the gap's begin is older than a week.
    server.execute(
        "UPDATE computers SET last_seen = '2026-06-01 00:00:00' WHERE id = 1;"
        "INSERT INTO software_instances (instance_id, computer_id, component_name, component_release, discovery_start, "
        "is_present, is_suppressed) VALUES (901, 2, 'Found in March', '1', '2026-03-05 00:00:00', 1, 0)"
    )
    run_sync(repository, by_api(server))
    assert "Found in March" in repository.visible().arrow("software").column("title").to_pylist()


def test_times_are_utc(server: InventoryServer, tmp_path: Path) -> None:
    repository = Store(tmp_path / "store").ensure("main", "Main")
    run_sync(repository, by_api(server))
    devices = by_device(repository.visible().arrow("device").to_pylist())
    assert devices["1"]["inventory_date"] == dt.datetime(2026, 3, 1, 8)


def test_rows_are_read_from_chunks_cut_anywhere() -> None:
    body = json.dumps({"total": 2, "rows": [{"a": 'x]}"ü'}, {"a": [1, {"b": 2}]}]}, ensure_ascii=False).encode()
    for size in (1, 2, 3, 7, 1000):
        found, reader = [], json_rows(body[n : n + size] for n in range(0, len(body), size))
        while True:
            try:
                found.append(next(reader))
            except StopIteration as end:
                assert end.value is True
                break
        assert found == [{"a": 'x]}"ü'}, {"a": [1, {"b": 2}]}]
    for cut in (0, 5, len(body) - 3):
        reader = json_rows([body[:cut]])
        with pytest.raises(StopIteration) as ended:
            while True:
                next(reader)
        assert ended.value.value is False


COLUMNS = [("dbo", resource, column) for resource, needed in NEEDED.items() for column in needed]


def test_tables_are_known_by_their_name_or_else_by_their_columns() -> None:
    shape = discover(
        [("dbo", "V_" + table, column.upper()) for _, table, column in COLUMNS if table != "usage_data"], {}, {}
    )
    assert shape.found["computers"].name == "V_computers"
    assert shape.found["computers"].columns["last_seen"] == "LAST_SEEN"
    assert "no table has the columns instance_id, last_used" in shape.missing["usage_data"]
    twice = discover([*COLUMNS, *(("old", "copy", c) for _, t, c in COLUMNS if t == "computers")], {}, {})
    assert twice.found["computers"].name == "computers"  # its own name goes before its columns
    double = [(s, f"{t}_{n}", c) for s, t, c in COLUMNS if t == "computers" for n in (1, 2)]
    assert "several tables could be computers" in discover(double, {}, {}).missing["computers"]


def test_tables_and_columns_can_be_named(database: Database) -> None:
    database.execute(
        "ALTER TABLE computers RENAME TO endpoint; ALTER TABLE endpoint RENAME COLUMN last_seen TO seen_at;"
        "CREATE TABLE endpoint_copy AS SELECT * FROM endpoint"
    )
    lost = BigFixInventory(name="BFI", **database.fields)
    [failure, *_] = run_test(lost).failures
    assert "no table has the columns id, name, last_seen of computers" in failure.message
    assert "table_names" in failure.cure
    with pytest.raises(ConnectorError, match=r"BFI.*computers"):
        rows(lost, "device")
    named = BigFixInventory(
        name="BFI",
        **database.fields,
        table_names={"computers": "endpoint"},
        column_names={"computers": {"last_seen": "seen_at"}},
    )
    report = run_test(named)
    assert report.passed
    assert report.checks["device"][0].message.startswith("endpoint can be read")
    assert by_device(rows(named, "device"))["1"]["inventory_date"].startswith("2026-03-01")
    assert named.fingerprint != lost.fingerprint


def test_what_a_database_lacks_beside_computers_is_left_out(database: Database) -> None:
    database.execute("DROP TABLE detailed_hw_memories; DROP TABLE computer_hardware")
    connector = BigFixInventory(name="BFI", **database.fields)
    assert run_test(connector).passed
    assert "memory_mb" not in by_device(rows(connector, "device"))["1"]
    assert "detailed_hw_memories" in " ".join(note.message for note in connector.take_notes())


def test_statements_for_the_database_are_transact_sql_that_only_reads() -> None:
    catalog = [("dbo", table, column) for table, columns in _all_columns().items() for column in columns]
    reader = InventoryDatabase(discover(catalog, {}, {}), lambda statement: iter(()), "mssql")
    wanted = {"computers": mapping.COMPUTER, **mapping.DETAILS, mapping.PROCESSORS: mapping.PROCESSOR}
    for resource, columns in [
        *wanted.items(),
        ("software_instances", mapping.SOFTWARE),
        ("software_instances", mapping.USAGE),
    ]:
        key = key_of(resource)
        criteria = ((key, ">=", "1"),)
        if resource == "software_instances":
            criteria = (*criteria, ("discovery_start", ">=", "2026-01-01T00:00:00Z"))
        statement = reader.statement(resource, key, reader.columns(resource, key, columns), criteria)
        text = str(statement.compile(dialect=mssql.dialect(), compile_kwargs={"literal_binds": True}))
        [parsed] = sqlglot.parse(text, dialect="tsql")
        assert isinstance(parsed, exp.Query), text
        assert len(reader.columns(resource, key, columns)) == len({key, *columns}), "the stand-in schema lacks a column"


def _all_columns() -> dict[str, list[str]]:
    found = {}
    for statement in sqlglot.parse(CONTENT, dialect="sqlite"):
        if isinstance(statement, exp.Create):
            found[statement.this.this.name] = [column.name for column in statement.this.expressions]
    return found
