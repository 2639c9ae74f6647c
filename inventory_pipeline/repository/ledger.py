"""The ledger: one row per action, one row per sync and table, one row per release. A row is the commit.

Raw data and releases are immutable folders; nothing sees them until a transaction here names them. Positions number
the commits of all repositories: they grow by one within the committing transaction, so that "the data as of position
n" means the same for every reader. SQLite serves one machine, PostgreSQL several.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.repository.schema import (
    SCHEMA_VERSION,
    action_table,
    metadata,
    release_table,
    repository_table,
    state_table,
    sync_table,
)

__all__ = ["Ledger", "action_table", "new_id", "release_table", "repository_table", "sync_table", "utc_now"]

UNFINISHED = ("interrupted", "failed", "held")
"""Statuses of syncs that ended without committing anything."""


def utc_now() -> dt.datetime:
    """Now in UTC, without zone, as tables hold it."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def new_id() -> str:
    """An id whose text order is the order of time: `20261124t131502123456-1f3a`."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dt%H%M%S%f}-{uuid.uuid4().hex[:4]}"


class Ledger:
    """The ledger at a SQLAlchemy URL (`sqlite:///path` or `postgresql+psycopg://...`); creates its tables.

    Raises:
        ConfigurationError: the URL is not usable, or the ledger was written by a newer version.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
        except exc.ArgumentError:
            raise ConfigurationError(
                "the ledger's URL is not a SQLAlchemy URL.", cure="Write sqlite:///file or postgresql+psycopg://..."
            ) from None
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.where = parsed.render_as_string(hide_password=True)
        try:
            if self.is_sqlite and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            # READ COMMITTED (the server's default) plus the locked counter row is what commits rely on.
            options: dict[str, Any] = {"connect_args": {"timeout": 60}} if self.is_sqlite else {"pool_pre_ping": True}
            self.engine = sa.create_engine(parsed, **options)
            if self.is_sqlite:
                event.listen(self.engine, "connect", _prepare_sqlite)
            self._create()
        except (exc.SQLAlchemyError, ImportError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).split("\n")[0]
            if parsed.password:
                reason = reason.replace(str(parsed.password), "[secret]")
            failure = ConfigurationError(
                f"the ledger {self.where} cannot be opened: {reason}", cure="Check the URL, the server and the account."
            )
        else:
            return
        # Raised here, so that no driver error, which may hold the password, hangs on it as context.
        raise failure

    def _create(self) -> None:
        with self.writing() as connection:
            if not self.is_sqlite:
                # Two processes that both create tables would otherwise collide in the catalog.
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7305182)"))
            metadata.create_all(connection)
            state = connection.execute(sa.select(state_table)).one_or_none()
            if state is None:
                connection.execute(state_table.insert().values(id=1, schema_version=SCHEMA_VERSION, position=0))
            elif state.schema_version > SCHEMA_VERSION:
                raise ConfigurationError(
                    f"the ledger {self.where} has schema version {state.schema_version}, this program knows "
                    f"{SCHEMA_VERSION}.",
                    cure="Upgrade Inventory Pipeline.",
                )

    def close(self) -> None:
        """Closes pooled connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction; on SQLite it takes the write lock at once, so that two writers wait instead of failing."""
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def next_position(self, connection: sa.Connection) -> int:
        """Takes the next position within the given transaction; commits are serialized by this row's lock."""
        connection.execute(state_table.update().values(position=state_table.c.position + 1))
        return connection.execute(sa.select(state_table.c.position)).scalar_one()

    def lock(self, connection: sa.Connection) -> None:
        """Waits for other writers within a transaction, and keeps them waiting until it ends."""
        connection.execute(state_table.update().values(position=state_table.c.position))

    def position(self) -> int:
        """The newest committed position."""
        with self.reading() as connection:
            return connection.execute(sa.select(state_table.c.position)).scalar_one()

    def queue(self, kind: str, title: str, *, action_id: str | None = None, **values: Any) -> str:
        """Writes the row of an action that waits to be started, and returns its id; `begin` with that id starts it."""
        action_id = action_id or new_id()
        row = {"action_id": action_id, "kind": kind, "title": title, "status": "queued", "queued_at": utc_now()}
        with self.writing() as connection:
            connection.execute(action_table.insert().values({**row, **values}))
        return action_id

    def begin(self, kind: str, title: str, *, action_id: str | None = None, **values: Any) -> str:
        """Writes the row of an action that starts now (or starts the queued one of that id), and returns its id.

        `values` are further columns of `action`: repository, connector, connector_type, options, run_id.
        """
        action_id = action_id or new_id()
        now = utc_now()
        row = {
            "kind": kind,
            "title": title,
            "status": "running",
            "started_at": now,
            "heartbeat_at": now,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            **values,
        }
        with self.writing() as connection:
            queued = sa.and_(action_table.c.action_id == action_id, action_table.c.status == "queued")
            if connection.execute(action_table.update().where(queued).values(row)).rowcount == 0:
                connection.execute(action_table.insert().values(action_id=action_id, queued_at=now, **row))
        return action_id

    def beat(self, action_id: str) -> None:
        """Says that an action is alive."""
        with self.writing() as connection:
            connection.execute(
                action_table.update().where(action_table.c.action_id == action_id).values(heartbeat_at=utc_now())
            )

    def end(self, action_id: str, status: str, message: str = "") -> None:
        """Writes how an action ended that commits no data."""
        with self.writing() as connection:
            connection.execute(
                action_table.update()
                .where(action_table.c.action_id == action_id)
                .values(status=status, message=message, ended_at=utc_now())
            )

    def commit(
        self,
        connection: sa.Connection,
        action_id: str,
        position: int,
        status: str,
        tables: Sequence[Mapping[str, Any]] = (),
        message: str = "",
    ) -> None:
        """Gives an action its position and its `sync_table` rows, within the caller's transaction.

        The caller takes the position first: it is the lock, so what it then checks stays true until the commit.
        """
        connection.execute(
            action_table.update()
            .where(action_table.c.action_id == action_id)
            .values(status=status, message=message, ended_at=utc_now(), position=position)
        )
        rows = [{**row, "action_id": action_id, "position": position} for row in tables]
        if rows:
            connection.execute(sync_table.insert(), rows)

    def status(self, action_id: str, connection: sa.Connection) -> str:
        """Status of an action, within a transaction."""
        query = sa.select(action_table.c.status).where(action_table.c.action_id == action_id)
        return connection.execute(query).scalar_one()

    def interrupt_dead(self, repository: str, connector: str | None, *, silent_minutes: float = 10) -> list[str]:
        """Marks running syncs of a connector and repository whose process is gone as interrupted; returns their ids.
        Without a connector: actions of the repository as a whole.

        A process of this machine is looked for by its id; one of another machine, or one whose id may have been given
        anew, counts as gone when its heartbeat is older than `silent_minutes`.
        """
        running = sa.and_(
            action_table.c.repository == repository,
            action_table.c.connector == connector,
            action_table.c.status == "running",
        )
        limit = utc_now() - dt.timedelta(minutes=silent_minutes)
        with self.writing() as connection:
            rows = connection.execute(sa.select(action_table).where(running)).all()
            dead = [
                row.action_id
                for row in rows
                if (row.host == socket.gethostname() and not _alive(row.pid)) or row.heartbeat_at < limit
            ]
            if dead:
                connection.execute(
                    action_table.update()
                    .where(action_table.c.action_id.in_(dead))
                    .values(
                        status="interrupted",
                        ended_at=utc_now(),
                        message="The process ended before the action did; nothing of it was committed.",
                    )
                )
        return dead


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 60000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _alive(pid: int | None) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
