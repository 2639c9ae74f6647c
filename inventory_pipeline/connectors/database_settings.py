"""Where a database connector connects to: its fields, and what becomes of them."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field, PrivateAttr
from sqlalchemy.exc import SQLAlchemyError

from inventory_pipeline.connectors import odbc
from inventory_pipeline.connectors.base import Connector, Secret
from inventory_pipeline.connectors.database_errors import Place
from inventory_pipeline.errors import ConfigurationError


class DatabaseSettings(Connector):
    """Fields of a source that is a database: SQL Server by ODBC, or whatever SQLAlchemy speaks to by `url`."""

    reader_role: ClassVar[str] = ""

    server: str | None = Field(
        default=None, description="Server, or server\\instance; as the certificate names it when encrypt is on."
    )
    port: int = Field(default=1433, gt=0, lt=65536, description="TCP port. Not used with server\\instance.")
    database: str | None = Field(default=None, description="Name of the database.")
    authentication: Literal["sql", "integrated"] = Field(
        default="sql",
        description="sql: username and password. integrated: the account of this process (Kerberos).",
    )
    username: str | None = Field(default=None, description="SQL account that may read; nothing is ever written.")
    password: Secret | None = Field(default=None, description="Password of the account.")
    encrypt: bool = Field(default=True, description="Encrypt the connection (TLS).")
    trust_server_certificate: bool = Field(
        default=False, description="Accept any certificate of the server. Prefer installing its authority."
    )
    driver: str = Field(
        default="auto",
        description="ODBC driver by name or path. auto: Microsoft's driver 18 or 17, else FreeTDS.",
    )
    url: str | None = Field(
        default=None,
        description="SQLAlchemy URL, in place of server and database: a copy in PostgreSQL, MariaDB or SQLite. "
        "Without the password, which belongs into password.",
        repr=False,
    )
    time_zone: str = Field(
        default="UTC", description="Time zone of times that the database holds without one, such as Europe/London."
    )
    login_seconds: int = Field(default=15, gt=0, description="Longest wait for a connection.")
    timeout_seconds: int = Field(default=600, gt=0, description="Longest wait for one statement to begin to answer.")
    connections: int = Field(
        default=1, ge=1, le=8, description="Connections that read side by side. Each reads other units."
    )

    _driver_taken: str = PrivateAttr(default="")

    def secrets(self) -> tuple[str, ...]:
        found = list(super().secrets())
        try:
            inside = sa.make_url(self.url).password if self.url else None
        except SQLAlchemyError:
            inside = self.url
        return (*found, str(inside)) if inside else tuple(found)

    def place(self) -> Place:
        """What messages say of the place; nothing secret."""
        if self.url:
            url = sa.make_url(self.url)
            return Place(url.host or "", url.database or "", url.username or "", self.reader_role)
        return Place(self.server or "", self.database or "", self.username or "", self.reader_role)

    def target(self) -> sa.URL | str:
        """Where to connect, with the password: a URL, or an ODBC connection string.

        Raises:
            ConfigurationError: fields are missing or contradict each other.
        """
        password = self.password.reveal() if self.password else None
        if self.url:
            return self._given_url(password)
        missing = [name for name in ("server", "database") if not getattr(self, name)]
        if self.authentication == "sql":
            missing += [name for name in ("username", "password") if not getattr(self, name)]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} missing.",
                subject=self.name,
                cure="Give server and database with username and password, authentication: integrated, or a url.",
            )
        drivers: list[str] | None = None
        with suppress(ImportError):
            drivers = odbc.installed_drivers()
        if drivers is None:
            raise ConfigurationError(
                "pyodbc cannot be loaded.",
                subject=self.name,
                cure="Install unixodbc (Debian: apt-get install unixodbc tdsodbc).",
            )
        self._driver_taken = odbc.choose_driver(self.driver, drivers, odbc.driver_of_wheel())
        target = odbc.OdbcTarget(
            driver=self._driver_taken,
            server=self.server or "",
            port=self.port,
            database=self.database or "",
            username=self.username if self.authentication == "sql" else None,
            password=password if self.authentication == "sql" else None,
            encrypt=self.encrypt,
            trust_server_certificate=self.trust_server_certificate,
        )
        return odbc.connection_string(target)

    def _given_url(self, password: str | None) -> sa.URL:
        url: sa.URL | None = None
        with suppress(SQLAlchemyError):
            url = sa.make_url(self.url or "")
        if url is None:
            raise ConfigurationError(
                "url is not a SQLAlchemy URL.",
                subject=self.name,
                cure="Write it as dialect+driver://user@server/database.",
            )
        if url.password is not None:
            raise ConfigurationError(
                "url holds a password.",
                subject=self.name,
                cure="Write it as password: {env: NAME}, and without in url.",
            )
        return url.set(username=self.username or url.username, password=password) if password else url
