"""A small AppClarity database: what it holds, as a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from inventory_pipeline_tests.connectors.sites import Database, schema_text

CONTENT = """
INSERT INTO Entitlement VALUES
    (1, 'license', 'PO-1', 'Perpetual', '2020-01-01 00:00:00', '2099-12-31 00:00:00', 'Adobe', 'Acrobat', '2020', 'Pro', 'per user', 50, 210.50, 'EUR', 'EMEA', NULL, 'smith'),
    (2, 'Maintenance', NULL, NULL, NULL, NULL, 'Adobe', 'Acrobat', NULL, NULL, NULL, 50, NULL, NULL, NULL, 'renewed', 'smith'),
    (3, 'Agreement', 'EA-7', NULL, NULL, NULL, 'Adobe', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'smith'),
    (4, 'License', NULL, NULL, NULL, NULL, '=HYPERLINK("x")', 'Tab\tand
line', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'smith'),
    (5, 'Maintenance', NULL, NULL, NULL, NULL, 'IBM', 'Db2', NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, 'smith');
INSERT INTO EntitlementLink VALUES (2, 3), (2, 4), (2, 5), (2, 1), (2, 2), (5, 3);
"""


def as_file(folder: Path) -> Database:
    path = folder / "appclarity.sqlite"

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)

    execute(schema_text("appclarity") + CONTENT)
    return Database(execute, {"url": f"sqlite:///{path}"})
