"""BigFix Inventory's REST API as a real HTTPS server on localhost, over an SQLite database with its resources.

Speaks as documented on help.hcl-software.com/bigfix/11.0/inventory: the token in a header, columns[], order[], limit,
criteria with the operators =, != and comparisons, answers in chunks, 400 for a wrong column.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from inventory_pipeline_tests.counterparts.https import QuietHandler, certified, serving

_ASSOCIATIONS = {
    "computers": ("computer_hardware", "computer_hardware.computer_id = computers.id"),
    "software_instances": ("usage_data", "usage_data.instance_id = software_instances.instance_id"),
}
_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})


@dataclass
class Faults:
    """What goes wrong: `status` answers are given first; `cut_after` bytes end answers, `cuts` times.

    With `properly`, a cut answer ends as HTTP wants it, so that only its content tells that it is not whole.
    """

    status: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    cut_after: int | None = None
    cuts: int = 0
    properly: bool = False
    denied: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


@dataclass
class InventoryServer:
    """A running server; `requests` are resource and parsed query of what was asked."""

    url: str
    ca_file: Path
    database: Path
    token: str
    password: str
    refusal: int = 400
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def execute(self, sql: str) -> None:
        """Changes what the server holds."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.executescript(sql)

    def answer(self, resource: str, query: dict[str, list[str]]) -> list[dict[str, Any]] | None:
        """Rows of a resource; None when the question is wrong."""
        with closing(sqlite3.connect(self.database)) as connection:
            try:
                return self._rows(connection, resource, query)
            except (sqlite3.OperationalError, KeyError, ValueError):
                return None

    def _rows(self, connection: sqlite3.Connection, resource: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        source, condition = resource, ""
        if resource in _ASSOCIATIONS:
            other, condition = _ASSOCIATIONS[resource]
            source += f" LEFT JOIN {other} ON {condition}"
        columns = query["columns[]"]
        where, values = ["1 = 1"], []
        for name, operator, value in json.loads(query.get("criteria", ['{"and":[]}'])[0])["and"]:
            if operator not in _OPERATORS:
                raise ValueError(operator)
            where.append(f"{self._named(resource, name)} {operator} ?")
            values.append(value.replace("T", " ").rstrip("Z") if "T" in value else int(value))
        named = ", ".join(self._named(resource, name) for name in columns)
        order = ", ".join(self._named(resource, name) for name in query["order[]"])
        text = f"SELECT {named} FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"
        found = connection.execute(text, [*values, int(query["limit"][0])]).fetchall()
        return [self._object(columns, row) for row in found]

    def _named(self, resource: str, name: str) -> str:
        if name in self.faults.unknown:
            raise ValueError(name)
        outer, _, inner = name.rpartition(".")
        return f"{outer or resource}.{inner}"

    @staticmethod
    def _object(columns: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in zip(columns, row, strict=True):
            outer, _, inner = name.rpartition(".")
            if isinstance(value, str) and len(value) == 19 and value[10] == " ":
                value = value.replace(" ", "T") + "Z"
            (found.setdefault(outer, {}) if outer else found)[inner] = value
        return found


@contextmanager
def running_inventory(folder: Path, content: str, *, token: str, password: str) -> Iterator[InventoryServer]:
    """Runs a server over a database made of `content`."""
    ca_file, context = certified(folder)
    state = InventoryServer("", ca_file, folder / "inventory.sqlite", token, password)
    state.execute(content)

    class Handler(QuietHandler):
        def respond(self) -> None:
            self._sign_in() if self.command == "POST" else self._read()

        def _sign_in(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            good = self.path == "/api/get_token" and asked.get("password") == state.password
            self._give(200 if good else 401, {"token": state.token} if good else {"error": "Unauthorized"})

        def _read(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path).removeprefix("/api/sam/")
            if self.headers.get("Token") != state.token:
                self._give(401, {"error": "Unauthorized"})
            elif path == "about":
                self._give(200, {"version": "11.0.3"})
            else:
                self._resource(path.removeprefix("v2/"), parse_qs(parts.query))

        def _resource(self, resource: str, query: dict[str, list[str]]) -> None:
            state.requests.append((resource, query))
            if state.faults.status and query["limit"] != ["1"]:
                status, headers = state.faults.status.pop(0)
                self._give(status, {"error": "busy"}, headers)
            elif resource in state.faults.denied:
                self._give(403, {"error": "Forbidden"})
            elif (found := state.answer(resource, query)) is None:
                self._give(state.refusal, {"error": "Bad Request"})
            else:
                self._stream(found)

        def _stream(self, found: list[dict[str, Any]]) -> None:
            body = json.dumps({"rows": found}, ensure_ascii=False).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            cut = state.faults.cut_after if state.faults.cuts and len(body) > (state.faults.cut_after or 0) else None
            for start in range(0, len(body) if cut is None else cut, 700):
                part = body[start : start + 700]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            state.faults.cuts -= cut is not None
            if cut is None or state.faults.properly:
                self.wfile.write(b"0\r\n\r\n")
                return
            self.cut_off()

        def _give(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serving(Handler, context) as state.url:
        yield state
