"""Requests and answers of the Graph server, errors as Entra and Graph word them, and what can go wrong on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inventory_pipeline_tests.counterparts.graph_tenant import guid


@dataclass
class Answer:
    """An HTTP answer. `cut` breaks the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Request:
    """An HTTP request, as far as Graph looks at it; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Fault:
    """Something that goes wrong for requests whose path and query contain a text: at the `after`-th, `times` times."""

    where: str
    make: Callable[[Request, Answer], Answer]
    after: int = 0
    times: int = 1


def throttled(retry_after: str | None = "0") -> Callable[[Request, Answer], Answer]:
    """429, with or without Retry-After."""
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    return lambda request, answer: failure(429, "TooManyRequests", "Too many requests.", headers)


def broken(status: int = 500) -> Callable[[Request, Answer], Answer]:
    """A failure of the service."""
    return lambda request, answer: failure(status, "InternalServerError", "An internal server error occurred.")


def cut(request: Request, answer: Answer) -> Answer:
    """The connection ends in the middle of the body."""
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body) // 2)


def error_in_success(request: Request, answer: Answer) -> Answer:
    """A 200 whose body is an error."""
    return Answer(200, failure(503, "ServiceUnavailable", "The service is busy.").body)


def json_answer(content: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def failure(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as Graph words it."""
    inner = {"date": "2026-11-26T08:00:00", "request-id": guid(message), "client-request-id": guid(code)}
    answer = json_answer({"error": {"code": code, "message": message, "innerError": inner}}, status)
    answer.headers.update(headers or {})
    return answer


def entra_failure(status: int, code: str, text: str) -> Answer:
    """An error as Entra words it."""
    told = f"{text} Trace ID: {guid('trace')} Correlation ID: {guid('correlation')} Timestamp: 2026-11-26 08:00:00Z"
    number = int(re.search(r"AADSTS(\d+)", text).group(1))  # pyright: ignore[reportOptionalMemberAccess]
    return json_answer({"error": code, "error_description": told, "error_codes": [number]}, status)
