"""The SQL Server stand-in, seen through real ODBC clients: what it answers is what connectors rely on."""

from __future__ import annotations

import datetime as dt
import decimal
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyodbc
import pytest
import sqlalchemy as sa

from inventory_pipeline_tests.counterparts.tds import TdsServer, running_tds_server

pytestmark = pytest.mark.needs("odbc")

USER, PASSWORD = "reader", "p;w d'1"
GUID = uuid.UUID("b7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11")


def odbc(server: TdsServer, **changes: str) -> str:
    """An ODBC connection string for FreeTDS; braces quote values as ODBC has it."""
    settings = {
        "DRIVER": "FreeTDS",
        "SERVER": "127.0.0.1",
        "PORT": str(server.port),
        "DATABASE": "CM_HQ1",
        "UID": USER,
        "PWD": "{" + PASSWORD.replace("}", "}}") + "}",
        "TDS_Version": "7.4",
        "ClientCharset": "UTF-8",
    }
    return ";".join(f"{key}={value}" for key, value in (settings | changes).items())


@pytest.fixture(scope="module")
def server() -> Iterator[TdsServer]:
    database = duckdb.connect()
    database.execute("CREATE SCHEMA dbo")
    database.execute(
        """
        CREATE TABLE dbo.v_Everything AS
        SELECT 7::INTEGER AS whole, 9007199254740993::BIGINT AS big, true AS flag, 1.5::DOUBLE AS real,
            12.3400::DECIMAL(19,4) AS price, 123.456::DECIMAL(9,3) AS exact, DATE '2024-02-29' AS day,
            TIMESTAMP '2024-01-02 03:04:05.123456' AS moment, TIMESTAMP_MS '2024-01-02 03:04:05.120' AS old_moment,
            UUID 'b7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11' AS guid, '\\x01\\xFF'::BLOB AS bytes,
            'Größe 漢字 "quoted"' AS label, NULL::VARCHAR AS nothing
        """
    )
    database.execute("CREATE TABLE dbo.v_Long AS SELECT repeat('é', 10000)::JSON AS document FROM range(0)")
    database.execute("INSERT INTO dbo.v_Long SELECT to_json(repeat('é', 10000))")
    database.execute("CREATE TABLE dbo.v_Many AS SELECT i::INTEGER AS id, 'row ' || i AS label FROM range(50000) t(i)")
    database.execute("CREATE TABLE dbo.v_Secret AS SELECT 1 AS id")
    with running_tds_server({"CM_HQ1": database}, {USER: PASSWORD}) as running:
        running.faults.denied.add("v_Secret")
        yield running


@pytest.fixture
def connection(server: TdsServer) -> Iterator[pyodbc.Connection]:
    opened = pyodbc.connect(odbc(server), timeout=10)
    yield opened
    opened.close()


def test_every_type_arrives_as_sql_server_sends_it(connection: pyodbc.Connection) -> None:
    row = connection.execute("SELECT * FROM dbo.v_Everything WITH (NOLOCK)").fetchone()
    assert row is not None
    assert tuple(row) == (
        7,
        9007199254740993,
        True,
        1.5,
        decimal.Decimal("12.3400"),
        decimal.Decimal("123.456"),
        dt.date(2024, 2, 29),
        dt.datetime(2024, 1, 2, 3, 4, 5, 123456),
        dt.datetime(2024, 1, 2, 3, 4, 5, 120000),
        str(GUID).upper(),
        b"\x01\xff",
        'Größe 漢字 "quoted"',
        None,
    )


def test_text_longer_than_4000_characters_arrives_whole(connection: pyodbc.Connection) -> None:
    row = connection.execute("SELECT document FROM v_Long").fetchone()
    assert row is not None
    assert row[0] == '"' + "é" * 10000 + '"'


def test_parameters_of_all_kinds_reach_the_statement(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    found = cursor.execute("SELECT id FROM v_Many WHERE id >= ? AND label = ?", 10, "row 4711").fetchall()
    assert [row[0] for row in found] == [4711]
    moment = dt.datetime(2024, 1, 2, 3, 4, 5)
    found = cursor.execute("SELECT whole FROM v_Everything WHERE moment > CAST(? AS datetime2)", moment).fetchall()
    assert len(found) == 1
    assert cursor.execute("SELECT whole FROM v_Everything WHERE guid = ?", str(GUID)).fetchone() is not None


def test_many_rows_arrive_in_order(connection: pyodbc.Connection) -> None:
    rows = connection.execute("SELECT id, label FROM v_Many ORDER BY id").fetchall()
    assert [row[0] for row in rows] == list(range(50000))
    assert rows[-1][1] == "row 49999"


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("SELECT 1 FROM v_Missing", "208"),
        ("SELECT missing FROM v_Many", "207"),
        ("SELECT FROM WHERE", "102"),
        ("SELECT id FROM v_Secret", "229"),
    ],
)
@pytest.mark.parametrize("by_rpc", [False, True], ids=["batch", "rpc"])
def test_errors_carry_sql_servers_numbers_and_the_connection_goes_on(
    connection: pyodbc.Connection, statement: str, number: str, by_rpc: bool
) -> None:
    with pytest.raises(pyodbc.Error, match=rf"\({number}\)"):
        if by_rpc:
            connection.execute(statement + " AND 1 = ?" if "WHERE" in statement else statement + " WHERE 1 = ?", 1)
        else:
            connection.execute(statement)
    row = connection.execute("SELECT count(*) FROM v_Many").fetchone()
    assert row is not None
    assert row[0] == 50000


def test_wrong_password_and_unknown_database_are_refused(server: TdsServer) -> None:
    with pytest.raises(pyodbc.Error, match="18456"):
        pyodbc.connect(odbc(server, PWD="wrong"), timeout=10)
    with pytest.raises(pyodbc.Error, match=r"4060|Cannot open"):
        pyodbc.connect(odbc(server, DATABASE="CM_NONE"), timeout=10)


def test_a_cut_wire_is_an_error_and_not_a_short_result(server: TdsServer) -> None:
    opened = pyodbc.connect(odbc(server), timeout=10)
    server.faults.cut_after_rows = 25_000
    with pytest.raises(pyodbc.Error):
        opened.execute("SELECT id, label FROM v_Many").fetchall()
    again = pyodbc.connect(odbc(server), timeout=10).execute("SELECT count(*) FROM v_Many").fetchone()
    assert again is not None
    assert again[0] == 50000


def test_sqlalchemys_dialect_works_on_it(server: TdsServer) -> None:
    url = sa.URL.create("mssql+pyodbc", query={"odbc_connect": odbc(server)})
    engine = sa.create_engine(url)
    many = sa.table("v_Many", sa.column("id", sa.Integer), sa.column("label", sa.Unicode))
    with engine.connect() as connected:
        query = sa.select(many.c.label).where(many.c.id.in_([3, 5])).order_by(many.c.id).limit(5)
        assert connected.execute(query).scalars().all() == ["row 3", "row 5"]
        columns = sa.text("SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'v_Many'")
        assert set(connected.execute(columns).scalars()) == {"id", "label"}
    engine.dispose()


def test_tls_is_spoken_when_the_client_asks_for_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True, cwd=tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    database = duckdb.connect()
    database.execute("CREATE SCHEMA dbo")
    database.execute("CREATE TABLE dbo.t AS SELECT i AS id FROM range(20000) r(i)")
    with running_tds_server({"CM_HQ1": database}, {USER: PASSWORD}, context) as server:
        rows = pyodbc.connect(odbc(server, Encryption="require"), timeout=10).execute("SELECT id FROM t").fetchall()
        assert len(rows) == 20000
