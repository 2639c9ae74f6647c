"""The server: sign-in, batches and RPC requests of many clients, each on a cursor of its own."""

from __future__ import annotations

import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from inventory_pipeline_tests.counterparts.tds import wire
from inventory_pipeline_tests.counterparts.tds.translate import (
    FUNCTIONS,
    SqlError,
    Statement,
    as_sql_error,
    translate,
)
from inventory_pipeline_tests.counterparts.tds.values import (
    ParameterReader,
    TooLongError,
    column_metadata,
    column_type,
    encode_rows,
)

_PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
_ROWS_PER_FETCH = 10_000


@dataclass
class Faults:
    """What the server does wrong on purpose; may be changed while it runs."""

    cut_after_rows: int | None = None
    denied: set[str] = field(default_factory=set)


class TdsServer(socketserver.ThreadingTCPServer):
    """Serves DuckDB databases under SQL Server's protocol, on loopback.

    `databases` maps names to connections whose objects live in schemas such as `dbo`; `users` maps names to
    passwords. With `tls` (an ssl server context), clients that ask for encryption get it.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        databases: Mapping[str, duckdb.DuckDBPyConnection],
        users: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.databases, self.users, self.tls = dict(databases), dict(users), tls
        self.faults = Faults()
        self.statements: list[str] = []
        self.lock = threading.Lock()
        for connection in self.databases.values():
            connection.execute("CREATE SCHEMA IF NOT EXISTS dbo")
            for function in FUNCTIONS:
                connection.execute(function)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.server_address[1]


class _Session(socketserver.BaseRequestHandler):
    server: TdsServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle(self) -> None:
        self.stream = wire.TdsStream(self.request)
        self.prepared: dict[int, tuple[str, str]] = {}
        self.database = "master"
        self.cursor: duckdb.DuckDBPyConnection | None = None
        try:
            while True:
                kind, payload = self.stream.receive()
                if kind == wire.PRELOGIN:
                    self._prelogin(payload)
                elif kind == wire.LOGIN7:
                    if not self._login(wire.parse_login(payload)):
                        return
                elif kind == wire.ATTENTION:
                    self._reply(wire.done(wire.DONE_ATTENTION))
                elif kind == wire.TRANSACTION:
                    self._reply(self._transaction(payload))
                elif kind == wire.SQL_BATCH:
                    start = struct.unpack_from("<I", payload)[0]
                    self._answer(payload[start:].decode("utf-16-le"), {}, wire.DONE)
                elif kind == wire.RPC:
                    self._rpc(payload)
                else:
                    self._reply(wire.error(50000, f"Packet type {kind:#x} is not known.") + wire.done(wire.DONE_ERROR))
        except (EOFError, ConnectionError, ssl.SSLError):
            return

    def _reply(self, tokens: bytes) -> None:
        self.stream.send(tokens)

    def _prelogin(self, payload: bytes) -> None:
        asked = wire.prelogin_encryption(payload)
        wants_tls = asked in (wire.ENCRYPT_ON, wire.ENCRYPT_REQUIRED)
        if self.server.tls is not None and wants_tls:
            self._reply(wire.prelogin_reply(wire.ENCRYPT_ON))
            self.stream.start_tls(self.server.tls)
        else:
            self._reply(wire.prelogin_reply(wire.ENCRYPT_NOT_SUPPORTED))

    def _login(self, login: wire.Login) -> bool:
        if self.server.users.get(login.user) != login.password:
            message = f"Login failed for user '{login.user}'."
            self._reply(wire.error(18456, message, 14) + wire.done(wire.DONE_ERROR))
            return False
        database = next((name for name in self.server.databases if name.lower() == login.database.lower()), None)
        if database is None and login.database.lower() != "master":
            message = f'Cannot open database "{login.database}" requested by the login. The login failed.'
            self._reply(wire.error(4060, message, 11) + wire.done(wire.DONE_ERROR))
            return False
        self.database = database or "master"
        if database is not None:
            self.cursor = self.server.databases[database].cursor()
            self.cursor.execute("SET search_path = 'dbo,main'")
        self._reply(wire.login_acknowledgement(self.database))
        return True

    def _transaction(self, payload: bytes) -> bytes:
        # Reading needs no transaction of its own here: begin, commit and rollback are only acknowledged.
        start = struct.unpack_from("<I", payload)[0]
        request = struct.unpack_from("<H", payload, start)[0]
        descriptor = b"\x01" + bytes(7)
        if request == 5:
            change = b"\x08\x08" + descriptor + b"\0"
        elif request in (7, 8):
            change = bytes([9 if request == 7 else 10]) + b"\0\x08" + descriptor
        else:
            return wire.done()
        return b"\xe3" + struct.pack("<H", len(change)) + change + wire.done()

    def _answer(self, batch: str, parameters: Mapping[str, Any], token: int, ending: bytes = b"") -> None:
        """Runs a batch and streams its results; `ending` closes an RPC reply."""
        with self.server.lock:
            self.server.statements.append(batch)
        rest = b""
        in_procedure = token == wire.DONE_PROC
        try:
            statements = translate(batch, self.database, self.server.faults.denied)
            for number, statement in enumerate(statements, 1):
                more = wire.DONE_MORE if in_procedure or number < len(statements) else 0
                rest = self._results(statement, parameters, rest, wire.DONE_IN_PROC if in_procedure else token, more)
        except (SqlError, duckdb.Error, TooLongError) as failure:
            if isinstance(failure, duckdb.Error):
                failure = as_sql_error(failure)
            elif isinstance(failure, TooLongError):
                failure = SqlError(8152, str(failure))
            rest += wire.error(failure.number, failure.message, failure.severity)
            self._reply(rest + wire.done(wire.DONE_ERROR, 0, token))
            return
        if in_procedure:
            self._reply(rest + ending)
        else:
            self._reply(rest if statements else wire.done())

    def _results(
        self, statement: Statement, parameters: Mapping[str, Any], rest: bytes, token: int, more: int
    ) -> bytes:
        if self.cursor is None:
            raise SqlError(208, "No database is open.")
        used = {name: value for name, value in parameters.items() if name in statement.parameters}
        result = self.cursor.execute(statement.sql, used or None)
        if not statement.returns_rows:
            return rest + wire.done(wire.DONE_COUNT | more, 0, token)
        description = result.description or []
        types = [column_type(str(column[1])) for column in description]
        rest += column_metadata([column[0] for column in description], [info for info, _ in types])
        encoders = [encoder for _, encoder in types]
        count = 0
        while rows := result.fetchmany(_ROWS_PER_FETCH):
            cut = self.server.faults.cut_after_rows
            if cut is not None and count + len(rows) > cut:
                self.stream.send(rest + encode_rows(rows[: cut - count], encoders) if cut > count else rest, last=False)
                self.server.faults.cut_after_rows = None
                raise ConnectionAbortedError
            count += len(rows)
            rest = self.stream.send(rest + encode_rows(rows, encoders), last=False)
        return rest + wire.done(wire.DONE_COUNT | more, count, token)

    def _rpc(self, payload: bytes) -> None:
        position = struct.unpack_from("<I", payload)[0]
        length = struct.unpack_from("<H", payload, position)[0]
        position += 2
        if length == 0xFFFF:
            number = struct.unpack_from("<H", payload, position)[0]
            procedure, position = _PROCEDURES.get(number, f"procedure {number}"), position + 2
        else:
            procedure = payload[position : position + 2 * length].decode("utf-16-le").lower()
            position += 2 * length
        reader = ParameterReader(payload, position + 2)
        parameters: list[tuple[str, Any]] = []
        while reader.more():
            parameters.append(reader.parameter())
        self._call(procedure.split(".")[-1], parameters)

    def _call(self, procedure: str, parameters: Sequence[tuple[str, Any]]) -> None:
        end = wire.return_status() + wire.done(0, 0, wire.DONE_PROC)
        values = [value for _, value in parameters]
        if procedure == "sp_executesql":
            declared = values[1] if len(values) > 1 else ""
            self._answer(values[0], _bind(declared, parameters[2:]), wire.DONE_PROC, end)
        elif procedure in ("sp_prepare", "sp_prepexec"):
            handle = len(self.prepared) + 1
            self.prepared[handle] = (values[2], values[1] or "")
            end = wire.return_status() + wire.return_handle(handle) + wire.done(0, 0, wire.DONE_PROC)
            if procedure == "sp_prepare":
                self._reply(end)
            else:
                self._answer(values[2], _bind(values[1] or "", parameters[3:]), wire.DONE_PROC, end)
        elif procedure == "sp_execute":
            statement, declared = self.prepared[values[0]]
            self._answer(statement, _bind(declared, parameters[1:]), wire.DONE_PROC, end)
        elif procedure == "sp_unprepare":
            self.prepared.pop(values[0], None)
            self._reply(end)
        elif procedure == "sp_datatype_info" or procedure.startswith("sp_cursor"):
            self._reply(wire.error(2812, f"'{procedure}' is not offered here.") + wire.done(2, 0, wire.DONE_PROC))
        else:
            message = f"Could not find stored procedure '{procedure}'."
            self._reply(wire.error(2812, message) + wire.done(wire.DONE_ERROR, 0, wire.DONE_PROC))


def _bind(declaration: str, parameters: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Parameter names without @, from the request or else in the order of the declaration."""
    declared = [part.strip().split()[0] for part in declaration.split(",") if part.strip().startswith("@")]
    return {(name or declared[position]).lstrip("@"): value for position, (name, value) in enumerate(parameters)}


@contextmanager
def running_tds_server(
    databases: Mapping[str, duckdb.DuckDBPyConnection],
    users: Mapping[str, str],
    tls: ssl.SSLContext | None = None,
) -> Iterator[TdsServer]:
    """Runs a server in a thread of its own until the block ends."""
    with TdsServer(databases, users, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
