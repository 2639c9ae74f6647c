"""The REST API of BigFix Inventory: rows of a resource, grouped by their key, streamed, and resumed where they break.

Facts: help.hcl-software.com/bigfix/{9.5,10.0,11.0}/inventory: "Retrieval of hardware inventory (v2)" and others,
"Common REST API elements" (operators; countSwitch=1 leaves out the count), "REST API for retrieving authentication
token", "Options to limit size of the individual response" (answers are streamed since 10.0.2, and paging by criteria is
advised over offsets), "REST API considerations" (a stream that is interrupted is an error). A wrong column is answered
with 400, or with 500 in older versions: so columns are found out by asking for them.
"""

from __future__ import annotations

import codecs
import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from inventory_pipeline.connectors.http import BROKEN, RETRIED, Answer, WebError, Wire

Row: TypeAlias = dict[str, Any]
Criterion: TypeAlias = tuple[str, str, str]
_ROWS = re.compile(r'"rows"\s*:\s*\[')
_BLANK = re.compile(r"[\s,]*")
_REFUSED = frozenset({400, 500})
PERMISSION = "Give the account's role in BigFix Inventory the permissions View Endpoints and View Hardware Inventory."


class InventoryApiError(WebError):
    """BigFix Inventory could not be reached, refused, or failed."""


class InventoryApi:
    """One session. `account` is name and password, from which a token is asked where none is given."""

    def __init__(
        self,
        url: str,
        token: str | None,
        account: tuple[str, str] | None,
        *,
        page_size: int,
        ca_file: str | None,
        proxy: str | None,
        timeout_seconds: float,
        patience_seconds: float,
    ) -> None:
        self.url = url.rstrip("/")
        self.host = urlsplit(self.url).netloc
        self._token, self._account = token, account
        self._page_size, self._patience = page_size, patience_seconds
        self._found: dict[str, tuple[str, ...]] = {}
        self._wire = Wire(
            self.host,
            ca_file=ca_file,
            proxy=proxy,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
            error=InventoryApiError,
            # 500 says that a column is wrong, in older versions: whoever asks knows whether that can be.
            judge=lambda answer: 400 if answer.status == 500 else answer.status,
        )

    def close(self) -> None:
        """Gives connections back."""
        self._wire.close()

    def open(self) -> str:
        """Signs in; returns what the server says of its version.

        Raises:
            InventoryApiError: it cannot be reached, or refuses the account.
        """
        if self._token is None and self._account is not None:
            self._token = self._sign_in(*self._account)
        answer = self._get("api/sam/about", [])
        if answer.status == 401:
            raise self._refused(401, "api/sam/about")
        return " ".join(str(v) for v in answer.page.values() if isinstance(v, str | int | float))[:80]

    def place(self, resource: str) -> str:
        """The resource itself."""
        return resource

    def columns(self, resource: str, key: str, wanted: Iterable[str]) -> tuple[str, ...]:
        """Those of the wanted columns that the server knows, with the key in front; asked once per session.

        Raises:
            InventoryApiError: the resource cannot be read at all.
        """
        wanted = tuple(name for name in dict.fromkeys(wanted) if name != key)
        cached = f"{resource} {key} {' '.join(wanted)}"
        if cached not in self._found:
            if not self.accepts(resource, [key]):
                raise self._refused(400, resource)
            known = self._known(resource, key, wanted)
            if len(known) < len(wanted) and not self.accepts(resource, [key]):
                # It has begun to fail meanwhile, so that nothing is known of what it refused.
                raise self._refused(500, resource)
            self._found[cached] = (key, *known)
        return self._found[cached]

    def _known(self, resource: str, key: str, names: Sequence[str]) -> tuple[str, ...]:
        """Halves what is refused until the unknown columns are alone; a lone one is asked for twice."""
        if not names or self.accepts(resource, [key, *names]):
            return tuple(names)
        if len(names) == 1:
            return tuple(names) if self.accepts(resource, [key, *names]) else ()
        middle = len(names) // 2
        return (*self._known(resource, key, names[:middle]), *self._known(resource, key, names[middle:]))

    def accepts(self, resource: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()) -> bool:
        """Whether the server answers a question for these columns, ordered by the first, and criteria."""
        answer = self._get(f"api/sam/v2/{resource}", _query(columns, columns[0], criteria, 1))
        if answer.status == 200:
            return True
        if answer.status in _REFUSED:
            return False
        raise self._refused(answer.status, resource)

    def groups(
        self, resource: str, key: str, columns: Sequence[str], criteria: Sequence[Criterion] = ()
    ) -> Iterator[list[Row]]:
        """Rows that meet all criteria, those with the same (whole-numbered) key together, in the order of the key.

        A page ends within a group or a connection breaks within one: the group is then asked for again from its
        beginning, so that no row comes twice and none is lost.

        Raises:
            InventoryApiError: the server refuses, or fails for longer than the session's patience.
        """
        following: int | None = None
        since, attempt = time.monotonic(), 0
        while True:
            bounds = [(key, ">=", str(following))] if following is not None else []
            group: list[Row] = []
            current: int | None = None
            begun_at, rows = following, 0
            try:
                for row in self._rows(resource, _query(columns, key, [*criteria, *bounds], self._page_size)):
                    rows += 1
                    number = self._key(resource, key, row, following if current is None else current)
                    if group and number != current:
                        yield group
                        group, attempt, since = [], 0, time.monotonic()
                        following = number
                    current = number
                    group.append(row)
            except InventoryApiError as error:
                if error.code != BROKEN:
                    raise
                attempt += 1
                pause = self._wire.pause(error.retry_after, attempt) if isinstance(error, _Again) else attempt * 0.5
                if time.monotonic() - since + pause > self._patience:
                    raise
                self._wire.wait(pause)
                continue
            if rows < self._page_size:
                if group:
                    yield group
                return
            if following == begun_at:
                raise InventoryApiError(
                    f"{resource} has more than {self._page_size:,} rows with {key} {current}.", "Raise page_size."
                )

    def _key(self, resource: str, key: str, row: Row, before: int | None) -> int:
        try:
            number = int(row[key])
        except (KeyError, TypeError, ValueError):
            number = None
        if number is None or (before is not None and number < before):
            raise InventoryApiError(
                f"{self.host} does not give {resource} in the order of {key}.",
                "Update BigFix Inventory to 9.2.8 or newer.",
            )
        return number

    def _rows(self, resource: str, query: list[tuple[str, str]]) -> Iterator[Row]:
        with self._wire.stream(self._address(f"api/sam/v2/{resource}", query), self._headers()) as response:
            if response.status_code != 200:
                # Columns and criteria have been accepted before, so that 500 is an import that gets in the way.
                if response.status_code in RETRIED:
                    raise _Again(self.host, response.status_code, response.headers.get("retry-after"))
                raise self._refused(response.status_code, resource)
            ended = yield from json_rows(response.iter_bytes())
            if not ended:
                raise _Again(self.host, 0, None)

    def _get(self, path: str, query: list[tuple[str, str]]) -> Answer:
        return self._wire.send("GET", self._address(path, query), self._headers())

    def _address(self, path: str, query: list[tuple[str, str]]) -> str:
        return f"{self.url}/{path}?{urlencode(query)}" if query else f"{self.url}/{path}"

    def _headers(self) -> dict[str, str]:
        # In the header, since an address is written into logs on the way.
        token = {"Token": self._token} if self._token else {}
        return {"Accept": "application/json", "Accept-Language": "en-US", **token}

    def _sign_in(self, name: str, password: str) -> str:
        body = json.dumps({"user": name, "password": password}).encode()
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        answer = self._wire.send("POST", f"{self.url}/api/get_token", headers, body)
        token = answer.page.get("token")
        if answer.status != 200 or not token:
            raise InventoryApiError(
                f"{self.host} gives the account no token: wrong name or password, or single sign-on is on.",
                "Check the account; with single sign-on, give the token of the account's profile as token.",
                status=answer.status,
            )
        return str(token)

    def _refused(self, status: int, resource: str) -> InventoryApiError:
        if status == 401:
            return InventoryApiError(
                f"{self.host} refuses the token: it is wrong, or has been replaced.",
                "Take the token from the account's profile (Show token), or give username and password.",
                status=401,
            )
        if status == 403:
            return InventoryApiError(f"the account may not read {resource}.", PERMISSION, status=403)
        if status == 404:
            return InventoryApiError(
                f"{self.host} has no resource {resource}.", "Correct api_url; BigFix Inventory 9.2.12 or newer has it."
            )
        return InventoryApiError(
            f"{self.host} refuses {resource} (HTTP {status}).",
            "Wait until the data import has ended, and try again.",
            status=status,
        )


class _Again(InventoryApiError):
    """The server throttles, is busy with an import, or broke its answer off."""

    def __init__(self, host: str, status: int, retry_after: str | None) -> None:
        what = f"fails (HTTP {status})" if status else "breaks its answer off"
        super().__init__(
            f"{host} {what} again and again.",
            "Wait until the data import has ended; or raise patience_seconds.",
            status=status,
            code=BROKEN,
        )
        self.retry_after = retry_after


def _query(columns: Sequence[str], order: str, criteria: Sequence[Criterion], limit: int) -> list[tuple[str, str]]:
    parts = [("limit", str(limit)), ("countSwitch", "1"), ("order[]", order)]
    if criteria:
        parts.append(("criteria", json.dumps({"and": [list(c) for c in criteria]}, separators=(",", ":"))))
    return [*parts, *(("columns[]", column) for column in columns)]


def json_rows(chunks: Iterable[bytes]) -> Iterator[Row]:
    """Objects of the list `rows` as they come; returns whether the list came to its end."""
    decoder, scan = codecs.getincrementaldecoder("utf-8")("replace"), json.JSONDecoder().raw_decode
    text, place, begun = "", 0, False
    for chunk in chunks:
        text, place = text[place:] + decoder.decode(chunk), 0
        if not begun:
            found = _ROWS.search(text)
            if found is None:
                continue
            begun, place = True, found.end()
        while True:
            skipped = _BLANK.match(text, place)
            place = skipped.end() if skipped else place
            if text.startswith("]", place):
                return True
            try:
                row, place = scan(text, place)
            except ValueError:
                break
            if not isinstance(row, dict):
                return False
            yield row
    return False


def value(row: Row, column: str) -> Any:
    """The value of a column; that of an association `computer_hardware.status` stands in an object of its own."""
    if column in row:
        return row[column]
    outer, _, inner = column.partition(".")
    found = row.get(outer)
    if isinstance(found, list):
        found = found[0] if found else None
    return found.get(inner) if inner and isinstance(found, dict) else None
