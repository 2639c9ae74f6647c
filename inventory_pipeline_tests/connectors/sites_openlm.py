"""A small Reporting Hub, and a database of another shape, in PostgreSQL, MariaDB, SQLite and behind the SQL Server stand-in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import psycopg

from inventory_pipeline.connectors.base import Secret
from inventory_pipeline_tests.connectors.sites import READER, SCHEMAS, Database
from inventory_pipeline_tests.counterparts.mariadb import MariaDbServer
from inventory_pipeline_tests.counterparts.postgres import PostgresServer
from inventory_pipeline_tests.counterparts.tds import running_tds_server

VARIABLE, PASSWORD = "OPENLM_TEST_PASSWORD", "op3nlm-pass-word"

HUB = (
    (SCHEMAS / "openlm.sql").read_text(encoding="utf-8")
    + """
INSERT INTO license_dimension VALUES
    (1, '27000@lic01', 'adskflex', '87545ACD_2026_0F', 'AutoCAD 2026', 'network', '1.000', 'SN 1', '2027-03-31'),
    (2, '27000@lic01', 'MLM', 'MATLAB', '', 'network', '50', NULL, NULL),
    (3, '27000@lic02', 'MLM', 'MATLAB', NULL, 'network', '50', NULL, NULL);
INSERT INTO user_dimension VALUES (1, 'asmith', 'Anna', 'Smith', 'Anna Smith', 'Design', 'anna.smith@example.com'),
    (2, 'bweber', 'Ben', 'Weber', 'Ben Weber', 'Research', NULL);
INSERT INTO workstation_dimension VALUES (1, 'LON-WS-0007'), (2, 'BER-WS-0001');
INSERT INTO calendar_dimension VALUES (1, '2024-01-01', '01-01-2024', 0), (2, '2026-01-05', '01-05-2026', 0),
    (3, '2026-01-06', '01-06-2026', 0);
INSERT INTO raw_usage VALUES (900, 1, 1, 1, 1, 60, 1, 0), (1000, 1, 1, 1, 2, 5400, 1, 0), (1001, 2, 2, 2, 3, 600, 4, 1);
INSERT INTO feature_usage VALUES (1, 1, 1, 1, 60, 1, 1, 0), (1, 1, 1, 2, 3600, 1, 1, 0), (1, 1, 1, 3, 1800, 1, 1, 0),
    (2, 2, 2, 3, 600, 1, 4, 1), (2, 2, NULL, 3, 600, 1, 1, 0);
INSERT INTO raw_denials VALUES (1000, 1, 2, 2, 3, -4, 132, 14, 'Licensed number of users already reached');
INSERT INTO daily_quantity VALUES (1, 1, 20), (1, 2, 50), (2, 3, 5);
"""
)

SERVER = """
CREATE TABLE lic_servers (id INTEGER, port_and_host VARCHAR(100));
CREATE TABLE lic_products (id INTEGER, server_id INTEGER, vendor_name VARCHAR(100), code VARCHAR(100), seats INTEGER);
CREATE TABLE lic_log (id INTEGER, product_id INTEGER, login VARCHAR(100), host VARCHAR(100), begun TIMESTAMP NULL,
    finished TIMESTAMP NULL);
INSERT INTO lic_servers VALUES (1, '27000@lic01');
INSERT INTO lic_products VALUES (17, 1, 'adskflex', 'ACD_2026', 50);
INSERT INTO lic_log VALUES (5, 17, 'asmith', 'LON-WS-0007', '2026-01-05 08:00:00', '2026-01-05 09:30:00'),
    (6, 17, 'asmith', 'LON-WS-0007', '2026-01-06 08:00:00', NULL);
"""
"""A database that nothing is known of."""


def openlm_in_postgres(server: PostgresServer, content: str = HUB) -> Database:
    """A database of its own on a PostgreSQL server, whose password stands in VARIABLE."""
    url = server.create_database("openlm")

    def execute(sql: str) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(sql.encode())

    execute(content)
    return Database(execute, {"url": url.replace(f":{server.password}@", "@"), "password": Secret(env=VARIABLE)})


def openlm_in_mariadb(server: MariaDbServer, content: str = HUB) -> Database:
    """A database of its own on a MariaDB server, whose password stands in VARIABLE."""
    url = server.create_database("openlm")
    server.execute(content, "openlm")
    return Database(lambda sql: server.execute(sql, "openlm"), {"url": url, "password": Secret(env=VARIABLE)})


def openlm_as_file(folder: Path, content: str = HUB) -> Database:
    """An SQLite file."""
    path = folder / "openlm.sqlite"

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    execute(content)
    return Database(execute, {"url": f"sqlite:///{path}"})


@contextmanager
def openlm_in_sql_server(content: str = HUB) -> Iterator[Database]:
    """A database behind the SQL Server stand-in, to be read by ODBC."""
    database = duckdb.connect()
    database.execute("CREATE SCHEMA dbo; SET search_path = 'dbo'")
    database.execute(content)
    with running_tds_server({"openlm": database}, {READER: PASSWORD}) as server:
        fields = {
            "server": "127.0.0.1", "port": server.port, "database": "openlm", "username": READER,
            "password": Secret(env=VARIABLE), "encrypt": False,
        }  # fmt: skip
        yield Database(database.execute, fields, server, server.statements)
    database.close()
