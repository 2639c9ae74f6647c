"""A session with Microsoft Graph: pages, delta rounds, batches and downloads, as plain dictionaries and bytes.

Facts: Microsoft Graph, "Paging", "JSON batching", "Throttling guidance", "Use delta query to track changes", "Error
codes". Answers are read as JSON and never through msgraph-sdk's models. Addresses that Graph hands out are followed
only where they belong to the same service root, since the token goes with them; downloads go without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inventory_pipeline.connectors.graph_requests import BATCH_REQUESTS, GraphUrls
from inventory_pipeline.connectors.graph_signin import Application, GraphError, SignIn
from inventory_pipeline.connectors.graph_table import in_groups
from inventory_pipeline.connectors.http import Answer, Wire

Page = dict[str, Any]
BATCH_ROUNDS = 8
_STATE_LOST = {
    "syncstatenotfound",
    "syncstateinvalid",
    "resyncrequired",
    "badrequest_deltatoken",
    "directory_expiredtoken",
}


class StateLost(GraphError):
    """Graph no longer knows the state that a delta link stands for: the listing has to begin anew."""


class GraphSession:
    """Signed in as one application; not to be shared between threads, but for its own reading ahead."""

    def __init__(
        self,
        graph_url: str,
        application: Application,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        timeout_seconds: float = 120,
        patience_seconds: float = 900,
    ) -> None:
        self.graph_url = graph_url
        self._sign_in = SignIn(application, f"{graph_url}/.default", ca_file=ca_file, proxy=proxy)
        self._wire = Wire(
            urlsplit(graph_url).netloc,
            ca_file=ca_file,
            proxy=proxy,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
            error=GraphError,
        )
        self._ahead = ThreadPoolExecutor(1, "graph-ahead")

    @cached_property
    def urls(self) -> GraphUrls:
        """Builder of addresses."""
        return GraphUrls(self.graph_url)

    def sign_in(self) -> None:
        """Gets a first token.

        Raises:
            GraphError: Entra cannot be reached or refuses.
        """
        self._sign_in.token()

    def close(self) -> None:
        """Gives connections back."""
        self._ahead.shutdown(cancel_futures=True)
        self._wire.close()
        self._sign_in.close()

    def is_own(self, address: str) -> bool:
        """Whether an address belongs to this session's service root, so that the token may go there."""
        return address.startswith((f"{self.graph_url}/v1.0/", f"{self.graph_url}/beta/"))

    def one(self, address: str, *, permission: str, eventual: bool = False) -> Page:
        """One answer.

        Raises:
            GraphError: with the permission named, when the application may not; or Graph fails.
        """
        headers = {"ConsistencyLevel": "eventual"} if eventual else {}
        return self._json("GET", address, permission=permission, headers=headers)

    def post(self, address: str, body: bytes, *, permission: str) -> Page:
        """The answer to a JSON body."""
        headers = {"Content-Type": "application/json"}
        return self._json("POST", address, permission=permission, headers=headers, body=body)

    def pages(self, address: str, *, permission: str, eventual: bool = False) -> Iterator[list[Page]]:
        """Objects of a collection, page by page; the next page is fetched while one is being worked on."""
        for page in self._linked(address, permission=permission, eventual=eventual):
            yield page.get("value") or []

    def delta(self, address: str, *, permission: str) -> Delta:
        """A round of a delta query, from its first address, or from the link of an earlier round."""
        return Delta(self, address, permission)

    def batch(self, addresses: Sequence[str], *, permission: str, missing_ok: bool = False) -> list[list[Page]]:
        """Objects at many addresses, in few requests and in their order; with `missing_ok` none for what is not there.

        Each is an object or a collection; what follows of a collection is fetched by itself.
        """
        found: list[list[Page]] = []
        for part in in_groups(addresses, BATCH_REQUESTS):
            answers = self._batched(list(part), permission)
            for address, (status, body) in zip(part, answers, strict=True):
                if status == 404 and missing_ok:
                    found.append([])
                    continue
                if status >= 400:
                    raise self._failure(status, body, permission, address)
                objects = list(body["value"]) if "value" in body else [body]
                if link := body.get("@odata.nextLink"):
                    objects += [entry for page in self.pages(link, permission=permission) for entry in page]
                found.append(objects)
        return found

    def redirected(self, address: str, *, permission: str) -> str:
        """The pre-signed address that Graph sends to."""
        answer = self._answer("GET", address, permission=permission, headers={})
        target = answer.headers.get("location", "")
        if answer.status not in (301, 302, 303, 307) or not target.startswith("https://"):
            raise GraphError(f"Graph gave no download for {_shown(address)}.", "Try again later.")
        return target

    def download(self, address: str, path: Path) -> None:
        """Writes what a pre-signed address holds to a file; goes on where a broken connection ended."""
        self._wire.download(address, path)

    def head(self, address: str, size: int) -> bytes:
        """The first bytes of what a pre-signed address holds."""
        return self._wire.head(address, size)

    def _linked(self, address: str, *, permission: str, eventual: bool = False) -> Iterator[Page]:
        seen = {address}
        page = self.one(address, permission=permission, eventual=eventual)
        while True:
            link = page.get("@odata.nextLink")
            following: Future[Page] | None = None
            if link:
                if link in seen:
                    raise GraphError(f"Graph sends in a circle for {_shown(address)}.", "Try again later.")
                seen.add(link)
                following = self._ahead.submit(self.one, link, permission=permission, eventual=eventual)
            try:
                yield page
            except GeneratorExit:
                if following is not None:
                    following.cancel()
                raise
            if following is None:
                return
            page = following.result()

    def _batched(self, addresses: list[str], permission: str) -> list[tuple[int, Page]]:
        answers: dict[int, tuple[int, Page]] = {}
        wanted = list(range(len(addresses)))
        for _ in range(BATCH_ROUNDS):
            url, body = self.urls.batch([addresses[place] for place in wanted])
            given = self.post(url, body, permission=permission)
            again: list[int] = []
            pause = 0.0
            for response in given.get("responses") or ():
                place, status = wanted[int(response["id"])], int(response["status"])
                answers[place] = (status, response.get("body") or {})
                if status in (429, 500, 502, 503, 504):
                    again.append(place)
                    named = {name.lower(): value for name, value in (response.get("headers") or {}).items()}
                    pause = max(pause, self._wire.pause(named.get("retry-after")))
            missing = [place for place in range(len(addresses)) if place not in answers]
            wanted = sorted({*again, *missing})
            if not wanted:
                break
            self._wire.wait(pause)
        return [answers.get(place, (503, {})) for place in range(len(addresses))]

    def _json(
        self, method: str, address: str, *, permission: str, headers: dict[str, str], body: bytes | None = None
    ) -> Page:
        answer = self._answer(method, address, permission=permission, headers=headers, body=body)
        return answer.page

    def _answer(
        self, method: str, address: str, *, permission: str, headers: dict[str, str], body: bytes | None = None
    ) -> Answer:
        if not self.is_own(address):
            raise GraphError(
                f"Graph sends to {urlsplit(address).netloc}, which is not {urlsplit(self.graph_url).netloc}.",
                "Correct graph_url; a gateway must write its own name into what Graph answers.",
            )
        for renew in (False, True):
            token = self._sign_in.token(renew=renew)
            answer = self._wire.send(method, address, {**headers, "Authorization": f"Bearer {token}"}, body)
            if answer.status != 401:
                break
        if answer.status >= 400:
            raise self._failure(answer.status, answer.page, permission, address)
        return answer

    def _failure(self, status: int, page: Page, permission: str, address: str) -> GraphError:
        error = page.get("error")
        error = error if isinstance(error, dict) else {}
        code, said = str(error.get("code") or ""), _said(error)
        if status == 410 or code.lower() in _STATE_LOST or ("delta" in address and "deltatoken" in said.lower()):
            return StateLost("Graph no longer knows the state of the last sync.", status=status, code=code)
        if status == 403:
            return GraphError(
                f"the application lacks the permission {permission} ({code or 403}).",
                f"App registrations, API permissions: add Microsoft Graph, Application permissions, {permission}, "
                "and grant admin consent.",
                status=status,
                code=code,
            )
        if status == 401:
            return GraphError(
                "Graph does not accept the sign-in.", "Check cloud, graph_url and tenant_id.", status=status, code=code
            )
        told = f" ({code}: {said})" if said else f" ({code or status})"
        return GraphError(
            f"Graph refuses {_shown(address)}{told}.",
            "Check that the tenant has this service and its licences; else try again later.",
            status=status,
            code=code,
        )


class Delta:
    """A round of a delta query: iterate over (objects, ids of removed ones); `link` is there at the end."""

    def __init__(self, session: GraphSession, address: str, permission: str) -> None:
        self._session = session
        self._address = address
        self._permission = permission
        self.link = ""

    def __iter__(self) -> Iterator[tuple[list[Page], list[str]]]:
        for page in self._session._linked(self._address, permission=self._permission):
            entries = page.get("value") or []
            self.link = page.get("@odata.deltaLink") or self.link
            yield (
                [entry for entry in entries if "@removed" not in entry],
                [entry["id"] for entry in entries if "@removed" in entry],
            )
        if not self.link:
            raise GraphError(f"Graph ended {_shown(self._address)} without a delta link.", "Try again later.")


def _said(error: dict[str, Any]) -> str:
    """Graph's words, as far as they are a sentence: Intune puts JSON and ids into them."""
    text = str(error.get("message") or "").strip()
    if text.startswith("{"):
        try:
            text = str(json.loads(text).get("Message") or "")
        except ValueError:
            text = ""
    return text.split(" - Operation ID")[0].splitlines()[0].rstrip(". ")[:200] if text.strip() else ""


def _shown(address: str) -> str:
    return urlsplit(address).path
