"""A small BigFix Inventory: what it holds, and the ways to reach it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from inventory_pipeline.connectors.base import Secret
from inventory_pipeline_tests.connectors.sites import PASSWORD, READER, VARIABLE, Database, schema_text
from inventory_pipeline_tests.counterparts.tds import running_tds_server

# 1 is physical, 2 a guest, 3 deleted, 4 in a cloud and without scan.
CONTENT = (
    schema_text("bigfix_inventory")
    + """
INSERT INTO computers VALUES
    (1, 1001, 'LON-SRV-01', 'lon-srv-01.corp.example.com', '10.1.0.1', 'Win2019 10.0.17763.3406 (1809)', 'WINDOWS', '2022-01-01 08:00:00', '2026-03-01 08:00:00', 0, 0),
    (2, 1002, 'LON-VM-02', 'lon-vm-02', '10.1.0.2', 'Linux Red Hat Enterprise Server 9.2', 'LINUX', '2022-01-01 08:00:00', '2026-03-02 08:00:00', 0, 1),
    (3, 1003, 'GONE', 'gone', '10.1.0.3', 'Win10', 'WINDOWS', '2021-01-01 08:00:00', '2025-01-01 08:00:00', 1, 0),
    (400, 1004, 'CLOUD-04', NULL, '10.1.0.4', 'Linux', 'LINUX', '2024-01-01 08:00:00', '2026-03-02 09:00:00', 0, 0);
INSERT INTO computer_hardware VALUES
    (1, 0, 'SRV-SERIAL-1', 'Dell Inc.', 'PowerEdge R750', 'Dell Inc. R750 1', 'PowerEdge R750', NULL, 32, 'Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz'),
    (2, 1, 'HOST-SERIAL-9', 'HPE', 'ProLiant DL380', 'HPE host9', 'VMware', 'LON-PROD', 4, 'Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz'),
    (400, 2, NULL, NULL, NULL, NULL, 'EC2', NULL, 2, NULL);
INSERT INTO detailed_hw_ip_addresses VALUES (1, 1, '10.1.0.1', '00:25:90:11:22:33'), (2, 1, '10.1.0.9', '00:25:90:11:22:34'), (3, 2, '10.1.0.2', '00:50:56:11:22:33');
INSERT INTO detailed_hw_network_adapters VALUES (1, 1, '00:25:90:11:22:33', '00:25:90:11:22:33'), (2, 2, '00:50:56:11:22:33', NULL);
INSERT INTO detailed_hw_memories VALUES (1, 1, '134217728'), (2, 2, '8388608');
INSERT INTO detailed_hw_smbios VALUES (1, 1, '7XK2M94'), (2, 2, 'VMware-42 22 6a 4c');
INSERT INTO detailed_hw_physical_processors VALUES (11, 1, '16', '2'), (12, 1, '16', '2'), (13, 2, '16', '2');
INSERT INTO software_instances VALUES
    (100, 1, 'SQL Server', '2019', '15.0.4312.2', 'Microsoft', 'SQL Server Standard', '2019', 'Microsoft', 'guid-1', 'C:\\sql', '2025-06-01 00:00:00', NULL, NULL, 1, 0),
    (101, 1, 'SQL Server', '2019', '15.0.4312.2', 'Microsoft', 'SQL Server Standard', '2019', 'Microsoft', 'guid-1', 'D:\\sql', '2025-06-01 00:00:00', NULL, NULL, 1, 0),
    (102, 1, 'Gone Tool', '1', NULL, 'Acme', NULL, NULL, NULL, NULL, NULL, '2024-01-01 00:00:00', '2025-01-01 00:00:00', NULL, 0, 0),
    (103, 1, 'Suppressed Tool', '1', NULL, 'Acme', NULL, NULL, NULL, NULL, NULL, '2024-01-01 00:00:00', NULL, NULL, 1, 1),
    (104, 2, 'DB2', '11.5', NULL, 'IBM', 'Db2 Advanced', '11.5', 'IBM', 'guid-2', '/opt/ibm', '2025-06-01 00:00:00', NULL, 'Cloud Pak', 1, 0),
    (105, 3, 'Of the deleted', '1', NULL, 'Acme', NULL, NULL, NULL, NULL, NULL, '2024-01-01 00:00:00', NULL, NULL, 1, 0),
    (106, 400, 'Widget', '3', NULL, 'Acme', NULL, NULL, NULL, NULL, NULL, '2025-06-01 00:00:00', NULL, NULL, 1, 0);
INSERT INTO usage_data VALUES
    (100, 'sqlservr.exe', '2025-06-02 00:00:00', '2026-02-20 10:00:00', 12, '400'),
    (101, 'sqlservr.exe', '2025-06-03 00:00:00', '2026-02-21 10:00:00', 3, '100'),
    (104, NULL, NULL, NULL, NULL, NULL);
"""
)


def as_file(folder: Path) -> Database:
    """The site as an SQLite file."""
    path = folder / "temadb.sqlite"

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    execute(CONTENT)
    return Database(execute, {"url": f"sqlite:///{path}"})


@contextmanager
def by_odbc() -> Iterator[Database]:
    """The site behind the SQL Server stand-in."""
    database = duckdb.connect()
    database.execute("CREATE SCHEMA dbo; SET search_path = 'dbo'")
    database.execute(CONTENT)
    with running_tds_server({"TEMADB": database}, {READER: PASSWORD}) as server:
        fields = {
            "server": "127.0.0.1", "port": server.port, "database": "TEMADB", "username": READER,
            "password": Secret(env=VARIABLE), "encrypt": False,
        }  # fmt: skip
        yield Database(database.execute, fields, server, server.statements)
