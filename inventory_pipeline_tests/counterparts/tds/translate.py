"""T-SQL to DuckDB's SQL by sqlglot, and DuckDB's errors to the numbers that SQL Server gives."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

_SESSION_ONLY = re.compile(
    r"(?is)^\s*(set\s|use\s|begin\s+tran|commit|rollback|if\s+@@trancount|declare\s|save\s+tran|print\s)"
)
_VARIABLES = {"@@VERSION": "'Microsoft SQL Server 2019 (stand-in)'", "@@SPID": "51", "@@SERVERNAME": "'TDSDUCK'"}
FUNCTIONS = (
    "CREATE OR REPLACE MACRO serverproperty(name) AS CASE lower(name) WHEN 'productversion' THEN '15.0.2000.5' "
    "WHEN 'edition' THEN 'Developer Edition (64-bit)' WHEN 'engineedition' THEN '3' ELSE NULL END",
    "CREATE OR REPLACE MACRO schema_name() AS 'dbo'",
    "CREATE OR REPLACE MACRO suser_sname() AS 'reader'",
    "CREATE OR REPLACE MACRO getutcdate() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
    "CREATE OR REPLACE MACRO sysutcdatetime() AS CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)",
)


class SqlError(Exception):
    """An error that the client sees, with SQL Server's number."""

    def __init__(self, number: int, message: str, severity: int = 16) -> None:
        super().__init__(message)
        self.number, self.message, self.severity = number, message, severity


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement in DuckDB's SQL; `parameters` are the names that it uses, `returns_rows` whether it is a query."""

    sql: str
    parameters: frozenset[str]
    returns_rows: bool


def translate(batch: str, database: str, denied: Collection[str] = ()) -> list[Statement]:
    """The statements of a batch; those that only set the session are left out.

    Raises:
        SqlError: the text does not parse (102), or reads an object that is denied (229).
    """
    text = batch.strip().rstrip(";")
    if not text or _SESSION_ONLY.match(text):
        return []
    for variable, value in _VARIABLES.items():
        text = re.sub(re.escape(variable) + r"\b", value, text, flags=re.IGNORECASE)
    text = re.sub(r"(?i)\bDB_NAME\(\)", f"'{database}'", text)
    try:
        trees = sqlglot.parse(text, read="tsql")
    except SqlglotError as failure:
        raise SqlError(102, f"Incorrect syntax: {str(failure)[:400]}", 15) from None
    statements = []
    forbidden = {name.lower() for name in denied}
    for tree in trees:
        if tree is None:
            continue
        for table in tree.find_all(exp.Table):
            if table.name.lower() in forbidden:
                schema = table.db or "dbo"
                raise SqlError(
                    229,
                    f"The SELECT permission was denied on the object '{table.name}', database '{database}', "
                    f"schema '{schema}'.",
                    14,
                )
            table.set("catalog", None)
        sql = re.sub(r"@(\w+)", r"$\1", tree.sql(dialect="duckdb"))
        names = frozenset(re.findall(r"\$(\w+)", sql))
        statements.append(Statement(sql, names, isinstance(tree, exp.Query)))
    return statements


def as_sql_error(failure: duckdb.Error) -> SqlError:
    """SQL Server's number and wording for an error of DuckDB's."""
    message = str(failure)
    if match := re.search(r"(?:Table|View|Schema) with name (\S+) does not exist", message):
        return SqlError(208, f"Invalid object name '{match[1]}'.")
    if match := re.search(r'(?:Referenced column|column) "([^"]+)" (?:not found|does not)', message):
        return SqlError(207, f"Invalid column name '{match[1]}'.")
    if isinstance(failure, duckdb.ConversionException):
        return SqlError(245, f"Conversion failed: {message[:300]}")
    if match := re.search(r"Function with name (\S+) does not exist", message):
        return SqlError(195, f"'{match[1]}' is not a recognized built-in function name.")
    return SqlError(50000, message[:800])
