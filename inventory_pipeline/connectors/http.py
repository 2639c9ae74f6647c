"""Requests over HTTPS, for all connectors to web services: repeated while the service throttles or fails.

What is throttled waits as long as the service says, or longer with every attempt where it says nothing; what is cut off
or broken is asked for again; patience has an end. A 200 can carry an error in its body, and a connection can end within
one, so each service says by `judge` what an answer stands for.
"""

from __future__ import annotations

import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

RETRIED = frozenset({429, 500, 502, 503, 504, 509})
PUT_OFF = frozenset({429, 503})
BROKEN_ATTEMPTS = 6
LONGEST_BACKOFF = 60.0
CHUNK_BYTES = 1 << 20
BROKEN = "broken"

# They log whole addresses and headers, and the addresses of downloads carry the right to them.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class WebError(Exception):
    """A web service could not be reached, refused, or failed; the text says why in one sentence, `cure` what to do.

    `status` is the HTTP status and `code` the service's own code, where there is one.
    """

    def __init__(self, message: str, cure: str = "", *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.cure = cure
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """An answer: status, headers by lower-case name, body."""

    status: int
    headers: httpx.Headers
    content: bytes

    @cached_property
    def page(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.content) if self.content else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def document(self) -> Any:
        """The body as JSON, whatever it is; ValueError where it is none."""
        return json.loads(self.content)


def json_status(answer: Answer) -> int:
    """The status that an answer of JSON stands for: what is cut off or an error in a 200 is to be asked for again."""
    if answer.status not in (200, 201) or "json" not in answer.headers.get("content-type", "json"):
        return answer.status
    if not answer.page:
        return 502
    return 503 if "error" in answer.page and "value" not in answer.page else answer.status


class Wire:
    """One connection pool. `error` is the class of what is raised, `judge` the status that an answer stands for."""

    def __init__(
        self,
        host: str,
        *,
        ca_file: str | None,
        proxy: str | None,
        timeout_seconds: float,
        patience_seconds: float,
        error: type[WebError] = WebError,
        judge: Callable[[Answer], int] = json_status,
        auth: httpx.Auth | None = None,
    ) -> None:
        self.host = host
        self._error = error
        self._judge = judge
        self._patience = patience_seconds
        self._stopped = threading.Event()
        try:
            context = ssl.create_default_context(cafile=ca_file) if ca_file else ssl.create_default_context()
        except (OSError, ssl.SSLError) as problem:
            raise error(
                f"the CA file {ca_file} cannot be read ({problem.strerror or problem}).",
                "Give a file of PEM certificates as ca_file.",
            ) from problem
        self._client = httpx.Client(
            verify=context,
            proxy=proxy,
            timeout=httpx.Timeout(timeout_seconds, connect=20),
            follow_redirects=False,
            auth=auth,
        )

    def close(self) -> None:
        """Ends waits and gives connections back."""
        self._stopped.set()
        self._client.close()

    def send(
        self, method: str, address: str, headers: dict[str, str], body: bytes | None = None, *, once: bool = False
    ) -> Answer:
        """The answer to a request, whatever its status, once the service neither throttles nor fails.

        With `once`, a request that may have had its effect is not repeated: only one that the service put off (429,
        503) is.

        Raises:
            WebError: it cannot be reached, or throttles or fails for longer than the session's patience.
        """
        begun = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            answer: Answer | None = None
            try:
                response = self._client.request(method, address, headers=headers, content=body)
                answer = Answer(response.status_code, response.headers, response.content)
                status = self._judge(answer)
                if status not in RETRIED or (once and answer.status not in PUT_OFF):
                    return answer
            except httpx.TransportError as error:
                if once or attempt >= BROKEN_ATTEMPTS or _is_hopeless(error):
                    raise self._unreachable(error) from error
                status = 0
            pause = self.pause(answer.headers.get("retry-after") if answer else None, attempt)
            if time.monotonic() - begun + pause > self._patience:
                raise self._exhausted(status)
            self.wait(pause)

    @contextmanager
    def stream(self, address: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """An answer whose body is read as it comes. Nothing is repeated: whoever reads knows where to go on.

        Raises:
            WebError: it cannot be reached, or breaks off (then with the code BROKEN, and asking again may help).
        """
        problem: WebError | None = None
        try:
            with self._client.stream("GET", address, headers=headers) as response:
                yield response
        except httpx.TransportError as error:
            problem = self._unreachable(error)
            problem.code = "" if _is_hopeless(error) else BROKEN
        if problem is not None:
            raise problem

    def pause(self, retry_after: str | None, attempt: int = 1) -> float:
        """Seconds to wait: what the service says, or longer with every attempt."""
        if retry_after:
            if retry_after.strip().isdigit():
                return float(retry_after)
            try:
                return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
            except (ValueError, TypeError):
                pass
        return min(LONGEST_BACKOFF, 0.5 * 2 ** min(attempt - 1, 10)) * (0.5 + random.random())  # noqa: S311

    def wait(self, seconds: float) -> None:
        """Waits, unless the session is closed meanwhile."""
        if self._stopped.wait(seconds):
            raise self._error("the session was closed.", "Run it again.")

    def download(self, address: str, path: Path) -> None:
        """Writes a download to a file; goes on at its end when the connection breaks.

        Raises:
            WebError: it cannot be had.
        """
        attempt = 0
        with path.open("wb") as file:
            while True:
                attempt += 1
                headers = {"Range": f"bytes={file.tell()}-"} if file.tell() else {}
                try:
                    with self._client.stream("GET", address, headers=headers) as response:
                        if response.status_code not in RETRIED:
                            self._check_download(response)
                            if response.status_code == 200:
                                file.seek(0)
                                file.truncate()
                            for chunk in response.iter_raw(CHUNK_BYTES):
                                file.write(chunk)
                            return
                except httpx.TransportError as error:
                    if attempt >= BROKEN_ATTEMPTS or _is_hopeless(error):
                        raise self._unreachable(error) from error
                if attempt >= BROKEN_ATTEMPTS:
                    raise self._error("the download of a report fails.", "Try again later.")
                self.wait(self.pause(None, attempt))

    def head(self, address: str, size: int) -> bytes:
        """The first bytes of a download.

        Raises:
            WebError: it cannot be had.
        """
        found = b""
        try:
            with self._client.stream("GET", address) as response:
                self._check_download(response)
                for chunk in response.iter_raw(size):
                    found += chunk
                    if len(found) >= size:
                        break
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return found[:size]

    def _check_download(self, response: httpx.Response) -> None:
        if response.status_code not in (200, 206):
            raise self._error(
                f"the download of a report is refused by {response.url.host} (HTTP {response.status_code}).",
                "Try again; allow this host in firewall and proxy.",
            )

    def _unreachable(self, error: httpx.TransportError) -> WebError:
        text = str(error).lower()
        if "certificate verify failed" in text:
            return self._error(
                f"the certificate of {self.host} is not trusted.",
                "Give the certificate authority of your proxy as ca_file.",
            )
        if isinstance(error, httpx.ProxyError):
            return self._error("the proxy refuses or does not answer.", "Correct proxy, and allow the host there.")
        if isinstance(error, httpx.TimeoutException):
            return self._error(f"{self.host} does not answer in time.", "Check firewall and proxy; try again later.")
        if "name or service" in text or "resolve" in text or "nodename" in text:
            return self._error(f"the name {self.host} cannot be resolved.", "Check the name, DNS and proxy.")
        return self._error(
            f"the connection to {self.host} breaks ({type(error).__name__}).", "Check firewall and proxy; try again."
        )

    def _exhausted(self, status: int) -> WebError:
        does = "throttles" if status == 429 else "fails" if status else "cannot be reached"
        return self._error(
            f"{self.host} {does}{f' (HTTP {status})' if status else ''} for longer than {self._patience:.0f} seconds.",
            "Run the sync at another hour, apart from others that read the same service; or raise patience_seconds.",
            status=status,
        )


def _is_hopeless(error: httpx.TransportError) -> bool:
    text = str(error).lower()
    return isinstance(error, httpx.ProxyError | httpx.UnsupportedProtocol) or "certificate verify failed" in text
