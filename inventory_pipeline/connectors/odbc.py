"""Connections to databases: connection strings, the choice of driver, and reading without locks and without writing.

Facts: connection string keywords of Microsoft's ODBC Driver 17 and 18 for SQL Server and of FreeTDS 1.x; the driver 18
encrypts by default and checks the certificate, FreeTDS encrypts when told to and checks it only with a `ca file` in
freetds.conf. The wheel `mssql-python-odbc` (18.6, Microsoft's licence within) brings the driver 18 for Linux as
`libs/linux/<family>/<machine>/lib/libmsodbcsql-18.*`, which unixODBC loads by its path. SNAPSHOT isolation
reads consistently without locks where the database allows it (ConfigMgr's setup does); READ UNCOMMITTED reads without
locks anywhere.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event

from inventory_pipeline.errors import ConfigurationError

MICROSOFT_DRIVERS = ("ODBC Driver 18 for SQL Server", "ODBC Driver 17 for SQL Server")
FREETDS = "FreeTDS"
APPLICATION = "Inventory Pipeline"
SNAPSHOT_QUERY = "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"


@dataclass(frozen=True, slots=True, repr=False)
class OdbcTarget:
    """All that a connection to SQL Server by ODBC needs. Has no repr, since it holds the password."""

    driver: str
    server: str
    port: int
    database: str
    username: str | None
    password: str | None
    encrypt: bool
    trust_server_certificate: bool


def installed_drivers() -> list[str]:
    """Names of the ODBC drivers that are installed. Raises ImportError when pyodbc or unixODBC are missing."""
    import pyodbc

    return pyodbc.drivers()


def driver_of_wheel() -> str | None:
    """Path of Microsoft's driver in the package mssql-python-odbc, where it is installed and has one for this Linux."""
    package = find_spec("mssql_python_odbc")
    if package is None or package.origin is None or platform.system() != "Linux":
        return None
    system: dict[str, str] = {}
    with suppress(OSError):
        system = platform.freedesktop_os_release()
    likes = f"{system.get('ID', '')} {system.get('ID_LIKE', '')}".split()
    family = "suse" if any("suse" in name for name in likes) else "rhel" if {"rhel", "fedora"} & {*likes} else None
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    folder = Path(package.origin).parent / "libs" / "linux" / (family or "debian_ubuntu") / machine / "lib"
    return next((str(file) for file in sorted(folder.glob("libmsodbcsql-1*"))), None)


def choose_driver(wanted: str, installed: Sequence[str], of_wheel: str | None = None) -> str:
    """The driver to use: the one that is wanted, or with `auto` the best there is: Microsoft's, else FreeTDS.

    `of_wheel` is the path of a driver that came as a Python package; an installed one of Microsoft's goes before it.

    Raises:
        ConfigurationError: none of them is installed.
    """
    if wanted != "auto":
        # A path to a driver's library is as good as a name that odbcinst.ini knows.
        if "/" in wanted or wanted in installed:
            return wanted
        raise ConfigurationError(
            f"the ODBC driver {wanted} is not installed.",
            cure=f"Installed: {', '.join(installed) or 'none'}. Use driver: auto, or install it.",
        )
    for name in MICROSOFT_DRIVERS:
        if name in installed:
            return name
    if of_wheel:
        return of_wheel
    if FREETDS in installed:
        return FREETDS
    raise ConfigurationError(
        "no ODBC driver for SQL Server is installed.",
        cure="Install Microsoft's ODBC Driver 18 for SQL Server (as a Python package: pip install mssql-python-odbc), "
        "or FreeTDS (Debian: apt-get install tdsodbc).",
    )


def connection_string(target: OdbcTarget) -> str:
    """The ODBC connection string. It holds the password: never print it.

    Raises:
        ConfigurationError: the driver cannot keep what was asked for.
    """
    instance = "\\" in target.server
    settings: dict[str, str] = {"DRIVER": target.driver}
    is_freetds = "freetds" in target.driver.lower() or "tdsodbc" in target.driver.lower()
    if is_freetds:
        if target.encrypt and not target.trust_server_certificate:
            raise ConfigurationError(
                "FreeTDS encrypts but does not check the server's certificate.",
                cure="Install Microsoft's ODBC driver, or accept this with trust_server_certificate: true.",
            )
        settings["SERVER"] = target.server
        if not instance:
            settings["PORT"] = str(target.port)
        settings |= {
            "TDS_Version": "7.4",
            "ClientCharset": "UTF-8",
            "Encryption": "require" if target.encrypt else "off",
        }
    else:
        settings["SERVER"] = target.server if instance else f"{target.server},{target.port}"
        settings |= {
            "Encrypt": "yes" if target.encrypt else "no",
            "TrustServerCertificate": "yes" if target.trust_server_certificate else "no",
        }
    settings |= {"DATABASE": target.database, "APP": APPLICATION, "ApplicationIntent": "ReadOnly"}
    if target.username is None:
        settings["Trusted_Connection"] = "yes"
    else:
        settings |= {"UID": target.username, "PWD": target.password or ""}
    return "".join(f"{keyword}={_quoted(value, is_freetds)};" for keyword, value in settings.items())


def _quoted(value: str, is_freetds: bool) -> str:
    """A value in braces, which take it literally. A closing brace within is doubled; FreeTDS knows no doubling, it
    reads on to a brace with a semicolon behind, so that every setting must end in one."""
    if value and all(character.isalnum() or character in " ._-,:\\/" for character in value):
        return value
    if is_freetds:
        if "};" in value:
            raise ConfigurationError(
                "FreeTDS takes no value that holds a closing brace and a semicolon behind it.",
                cure="Use Microsoft's ODBC driver, or another password.",
            )
        return "{" + value + "}"
    return "{" + value.replace("}", "}}") + "}"


def read_only_engine(target: sa.URL | str, login_seconds: int, timeout_seconds: int) -> sa.Engine:
    """An engine whose connections only read, without locking what they read; nothing of it is logged.

    `target` is a SQLAlchemy URL, or an ODBC connection string for SQL Server, which stays out of the engine's URL.
    """
    backend = target.get_backend_name() if isinstance(target, sa.URL) else "mssql"
    if isinstance(target, sa.URL) and backend == "sqlite" and target.database not in (None, "", ":memory:"):
        # Opened as it is: without this, SQLite makes an empty database of a mistyped name.
        target = target.set(database=f"file:{quote(target.database)}", query={"mode": "ro", "uri": "true"})
    options: dict[str, Any] = {"hide_parameters": True}
    if not isinstance(target, sa.URL):
        options["creator"] = partial(_open_odbc, target, login_seconds)
    elif backend == "postgresql":
        session = f"-c statement_timeout={timeout_seconds * 1000} -c default_transaction_read_only=on"
        options["connect_args"] = {"connect_timeout": login_seconds, "options": session}
    elif backend in ("mysql", "mariadb"):
        options["connect_args"] = {"connect_timeout": login_seconds, "read_timeout": timeout_seconds}
    elif backend == "mssql":
        options["connect_args"] = {"timeout": login_seconds}
    if backend == "mssql":
        options["isolation_level"] = "AUTOCOMMIT"
    engine = sa.create_engine(target if isinstance(target, sa.URL) else "mssql+pyodbc://", **options)
    event.listen(engine, "connect", lambda connection, _: _prepare(backend, connection, timeout_seconds))
    return engine


def _open_odbc(text: str, login_seconds: int) -> Any:
    import pyodbc

    return pyodbc.connect(text, timeout=login_seconds, autocommit=True)


def _prepare(backend: str, connection: Any, timeout_seconds: int) -> None:
    """Settings of a new connection: no locks, no writes, no endless statements."""
    if backend == "mssql":
        import pyodbc

        connection.timeout = timeout_seconds
        # Values without an ODBC type of their own: datetimeoffset (-155) arrives as 20 bytes.
        connection.add_output_converter(-155, _datetimeoffset)
        cursor = connection.cursor()
        try:
            cursor.execute(SNAPSHOT_QUERY)
            row = cursor.fetchone()
        except pyodbc.Error:
            row = None
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation(row[0] if row else None)}")
        cursor.close()
    elif backend in ("mysql", "mariadb"):
        cursor = connection.cursor()
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()
    elif backend == "sqlite":
        connection.execute("PRAGMA query_only = ON")


def isolation(snapshot_state: int | None) -> str:
    """The level that reads without locks, by what SNAPSHOT_QUERY says."""
    return "SNAPSHOT" if snapshot_state == 1 else "READ UNCOMMITTED"


def _datetimeoffset(raw: bytes | None) -> Any:
    """SQL_SS_TIMESTAMPOFFSET: six shorts, nanoseconds, then the offset in hours and minutes."""
    if raw is None:
        return None
    import datetime as dt
    import struct

    year, month, day, hour, minute, second, nanoseconds, hours, minutes = struct.unpack("<6hI2h", raw)
    zone = dt.timezone(dt.timedelta(hours=hours, minutes=minutes))
    return dt.datetime(year, month, day, hour, minute, second, nanoseconds // 1000, zone)
