"""ServiceNow's Table API: keyset pages that lose nothing, and answers that are errors or are not whole.

Facts: ServiceNow "Table API" (Yokohama to Australia): sysparm_query, sysparm_fields (dot-walked references; unknown or
forbidden fields are left out), sysparm_limit (applied before access rules, so that a page with fewer records is not the
last one), sysparm_offset, sysparm_no_count, X-Total-Count (counts before access rules), version 1 answers 404 where
nothing is found, a part of a query that is not valid is ignored. Every value is text, times are UTC. An error can
stand in the body of a 200, and an instance that sleeps answers with a web page.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from inventory_pipeline.connectors.http import Answer, WebError, Wire

Row: TypeAlias = dict[str, str]
SMALLEST_PAGE = 10
TOO_SLOW = "slow"
ROLES = "Give it a role or an access rule for reading the table through the Table API; the guide names them."


class ServiceNowError(WebError):
    """The instance could not be reached, refused, or failed; the code TOO_SLOW says that a smaller page may help."""


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one answer; `total` is what the query finds, before access rules, and `at` the server's time."""

    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    at: dt.datetime | None = None


class TableApi:
    """Requests to one instance. `authorization` gives the header of that name; asked for a new one after a 401."""

    def __init__(self, url: str, wire: Wire, authorization: Callable[[bool], str], *, page_size: int) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self.page_size = page_size
        self._wire = wire
        self._authorization = authorization

    def close(self) -> None:
        """Gives connections back."""
        self._wire.close()

    def pages(self, table: str, query: str, fields: Sequence[str], *, size: int | None = None) -> Iterator[list[Row]]:
        """Records that an encoded query finds, page by page in the order of sys_id; every record once.

        Goes on behind the last sys_id, past records that access rules hide, and with smaller pages where the
        instance gives up for want of time.

        Raises:
            ServiceNowError: the instance refuses or fails.
        """
        size = size or self.page_size
        wanted = tuple(dict.fromkeys(["sys_id", *fields]))
        last, offset, counted = "", 0, True
        before: set[str] = set()
        while True:
            asked = narrowed(query, f"sys_id>{last}" if last else "", order="sys_id")
            try:
                page = self.look(table, asked, wanted, size, offset=offset, counted=counted)
            except ServiceNowError as error:
                if error.code != TOO_SLOW or size <= SMALLEST_PAGE:
                    raise
                size = max(SMALLEST_PAGE, size // 4)
                continue
            found = {row.get("sys_id", ""): row for row in page.rows}
            if "" in found:
                raise ServiceNowError(f"{table} hides sys_id from the account.", ROLES)
            fresh = [row for key, row in found.items() if key not in before]
            if not fresh:
                if len(page.rows) >= size:
                    raise ServiceNowError(f"{self.host} repeats a page of {table}.", "Try again later.")
                if counted and offset + size >= (page.total or 0):
                    return
                # Nothing but hidden records, or the end: the count tells which.
                offset += size if counted else 0
                counted = True
                continue
            yield fresh
            if counted and page.total is not None and offset + len(page.rows) >= page.total:
                return
            last, offset, before = page.rows[-1]["sys_id"], 0, set(found)
            counted = len(page.rows) < size

    def look(
        self, table: str, query: str, fields: Sequence[str], limit: int, *, offset: int = 0, counted: bool = True
    ) -> Page:
        """One request.

        Raises:
            ServiceNowError: the instance refuses or fails.
        """
        parameters = {
            "sysparm_query": query,
            "sysparm_fields": ",".join(fields),
            "sysparm_limit": str(limit),
            "sysparm_exclude_reference_link": "true",
            "sysparm_display_value": "false",
            "sysparm_suppress_pagination_header": "true",
            "sysparm_no_count": "false" if counted else "true",
        }
        if offset:
            parameters["sysparm_offset"] = str(offset)
        answer = self._get(f"{self.url}/api/now/table/{table}?{urlencode(parameters)}", table)
        if answer.status == 404:
            return Page([], 0, _date(answer))
        found = answer.page.get("result")
        if not isinstance(found, list):
            raise ServiceNowError(
                f"{self.host} answers with something else than records of {table}.",
                "Correct url; wake the instance if it sleeps.",
            )
        rows = [{name: _plain(value) for name, value in row.items()} for row in found]
        total = answer.headers.get("x-total-count", "") if counted else ""
        return Page(rows, int(total) if total.isdigit() else None, _date(answer))

    def _get(self, address: str, table: str) -> Answer:
        header = self._authorization(False)
        answer = self._send(address, header)
        # Signing in again with the same name and password would but lock the account.
        if answer.status == 401 and (renewed := self._authorization(True)) != header:
            answer = self._send(address, renewed)
        if _is_slow(answer):
            raise ServiceNowError(
                f"{self.host} needs longer for {table} than it allows itself.",
                "Lower page_size; narrow the query of this table, or have an index made for it.",
                code=TOO_SLOW,
            )
        if answer.status == 200 or (answer.status == 404 and "no record" in said(answer).lower()):
            return answer
        raise self._refused(answer, table)

    def _send(self, address: str, header: str) -> Answer:
        return self._wire.send("GET", address, {"Accept": "application/json", "Authorization": header})

    def _refused(self, answer: Answer, table: str) -> ServiceNowError:
        text = said(answer)
        if answer.status == 401:
            return ServiceNowError(
                f"{self.host} refuses the account: wrong name or password, or it is locked.",
                "Check the account, and the environment variables that hold its secrets.",
                status=401,
            )
        if "query records" in text:
            return ServiceNowError(
                f"the query for {table} names a field that is hidden from the account, or not there.",
                "Correct queries and columns of this table, or let the account read their fields.",
                status=answer.status,
            )
        if answer.status == 403:
            return ServiceNowError(f"the account may not read the table {table}.", ROLES, status=403)
        if "Invalid table" in text:
            return ServiceNowError(f"the instance has no table {table}.", "Name the right one in tables.", status=400)
        if answer.status in (301, 302, 307, 308, 404):
            return ServiceNowError(
                f"{self.host} has no Table API at this address (HTTP {answer.status}).",
                "Give the instance's own address as url, https://example.service-now.com.",
                status=answer.status,
            )
        return ServiceNowError(
            f"{self.host} refuses {table} (HTTP {answer.status}{f': {text}' if text else ''}).",
            "Check the query of this table; else try again later.",
            status=answer.status,
        )


def narrowed(query: str, *conditions: str, order: str = "") -> str:
    """An encoded query with further conditions, in each of its alternatives (`^NQ` begins one)."""
    parts = [part.removesuffix("^EQ") for part in query.split("^NQ")]
    text = "^NQ".join("^".join(piece for piece in (part, *conditions) if piece) for part in parts)
    return "^".join(piece for piece in (text, f"ORDERBY{order}" if order else "") if piece)


def judge(answer: Answer) -> int:
    """The status that an answer stands for: an error in a 200 is to be asked again, unless it took too long."""
    if _is_slow(answer):
        return 200
    if answer.status != 200 or "json" not in answer.headers.get("content-type", ""):
        return answer.status
    if not answer.page:
        return 502
    return 503 if "error" in answer.page and "access_token" not in answer.page else 200


def said(answer: Answer) -> str:
    """What an answer says of an error, in one line."""
    error = answer.page.get("error")
    text = error.get("message") if isinstance(error, dict) else error
    return str(text).splitlines()[0][:200] if text else ""


def _is_slow(answer: Answer) -> bool:
    return "maximum execution time" in said(answer)


def _date(answer: Answer) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(dt.UTC)
    except (ValueError, TypeError):
        return None


def _plain(value: object) -> str:
    """A value as text; a reference that comes as an object is its sys_id."""
    if isinstance(value, dict):
        value = value.get("value", "")
    if isinstance(value, list | bool | int | float):
        return json.dumps(value)
    return str(value or "")
