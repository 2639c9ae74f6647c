"""ServiceNow's Table API as a real HTTPS server on localhost, with sign-in, throttling, and what else goes wrong.

Speaks as ServiceNow's "Table API" and "OAuth API request parameters" document it; faults as their users report them: an
error with part of the records in a 200, bodies that end early, 429 with and without Retry-After, a web page instead of
JSON, 404 for an empty result (version 1).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote

from inventory_pipeline_tests.counterparts.graph_faults import Answer, Fault, Request, json_answer
from inventory_pipeline_tests.counterparts.https import answering, certified, serving
from inventory_pipeline_tests.counterparts.servicenow_instance import Forbidden, Instance, InvalidTable

_TABLE = "/api/now/table/"
USERNAME, PASSWORD = "inventory", "p4ss: wörd"
CLIENT_ID, CLIENT_SECRET = "0123456789abcdef0123456789abcdef", "client-s3cret"


@dataclass
class ServiceNowServer:
    """A running server; `requests` are tables and parameters of what was asked, `tokens` how long each still holds.

    `token_requests` is for how many requests a token holds, `slow_above` the limit above which a transaction is
    cancelled, `after` something that happens after every answer of a table; with `repeats`, pages overlap by a record.
    """

    url: str
    ca_file: Path
    instance: Instance
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tokens: dict[str, int] = field(default_factory=dict)
    grants: list[dict[str, str]] = field(default_factory=list)
    token_requests: int = 1_000_000
    expires_in: int | str = 1799
    slow_above: int | None = None
    empty_is_404: bool = False
    repeats: bool = False
    counts: bool = True
    after: Callable[[str], None] = lambda table: None

    def asked(self, table: str) -> list[str]:
        """Queries for a table so far."""
        return [parameters["sysparm_query"] for name, parameters in self.requests if name == table]

    def answer(self, request: Request) -> Answer:
        """The answer to a request, with what goes wrong on the way."""
        answer = self._token(request) if request.path == "/oauth_token.do" else self._table(request)
        for fault in self.faults:
            if fault.where in f"{request.path}?{unquote(request.query.get('sysparm_query', ''))}":
                if fault.after > 0:
                    fault.after -= 1
                elif fault.times > 0:
                    fault.times -= 1
                    return fault.make(request, answer)
        return answer

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.grants.append(form)
        client = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        account = (form.get("username"), form.get("password")) == (USERNAME, PASSWORD)
        if not client or (form["grant_type"] == "password" and not account):
            return json_answer({"error_description": "access_denied", "error": "server_error"}, 401)
        token = secrets.token_urlsafe(32)
        self.tokens[token] = self.token_requests
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in})

    def _signed_in(self, header: str) -> bool:
        kind, _, value = header.partition(" ")
        if kind == "Basic":
            return base64.b64decode(value).decode() == f"{USERNAME}:{PASSWORD}"
        self.tokens[value] = self.tokens.get(value, 0) - 1
        return self.tokens[value] >= 0

    def _table(self, request: Request) -> Answer:
        if not self._signed_in(request.headers.get("authorization", "")):
            return failure(401, "User Not Authenticated", "Required to provide Auth information")
        if not request.path.startswith(_TABLE):
            return failure(404, "Requested URI does not represent any resource", request.path)
        table, asked = request.path.removeprefix(_TABLE), request.query
        self.requests.append((table, asked))
        query, limit = asked.get("sysparm_query", ""), int(asked.get("sysparm_limit", "10000"))
        if self.repeats:
            query = query.replace("sys_id>", "sys_id>=").replace("sys_id>==", "sys_id>=")
        try:
            names = asked["sysparm_fields"].split(",")
            rows, total = self.instance.find(table, query, names, int(asked.get("sysparm_offset", "0")), limit)
        except InvalidTable:
            return failure(400, f"Invalid table {table}", "")
        except Forbidden as refusal:
            return failure(403, str(refusal), "Field(s) present in the query do not have permission to be read")
        if self.slow_above is not None and limit > self.slow_above:
            text = "Transaction cancelled: maximum execution time exceeded"
            return json_answer({"result": rows[:2], "error": {"message": text, "detail": text}, "status": "failure"})
        if not rows and self.empty_is_404:
            answer = failure(404, "No Record found", "Records matching query not found")
        else:
            answer = json_answer({"result": rows})
        if self.counts and asked.get("sysparm_no_count") != "true":
            answer.headers["X-Total-Count"] = str(total)
        self.after(table)
        return answer


def failure(status: int, message: str, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as ServiceNow words it."""
    answer = json_answer({"error": {"message": message, "detail": detail}, "status": "failure"}, status)
    answer.headers.update(headers or {})
    return answer


def throttled(retry_after: str | None) -> Callable[[Request, Answer], Answer]:
    """429, with or without Retry-After."""
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return lambda request, answer: failure(429, "Rate limit exceeded", "", headers)


def error_in_success(request: Request, answer: Answer) -> Answer:
    """A 200 that holds an error instead of records."""
    error = {"message": "com.glide.db.TransientException", "detail": ""}
    return json_answer({"result": [], "error": error, "status": "failure"})


def half(request: Request, answer: Answer) -> Answer:
    """A 200 with half a body that ends as HTTP wants it, so that only its content tells."""
    return Answer(200, answer.body[: len(answer.body) // 2], answer.headers)


def asleep(request: Request, answer: Answer) -> Answer:
    """The web page of an instance that hibernates."""
    return Answer(200, b"<html><title>Instance Hibernating page</title></html>", {"Content-Type": "text/html"})


@contextmanager
def running_servicenow(folder: Path, instance: Instance) -> Iterator[ServiceNowServer]:
    """Runs a server for an instance."""
    ca_file, context = certified(folder)
    state = ServiceNowServer("", ca_file, instance)

    class Handler(answering(state.answer)):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(state.instance.now, usegmt=True)

    with serving(Handler, context) as state.url:
        yield state
