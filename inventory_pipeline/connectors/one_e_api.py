"""The Consumer API of the 1E platform: signed-in requests, pages of devices, instructions and their responses.

Facts: 1E SDK (help.1e.com/SDK, versions 8.1 to 23.11), pages Devices, ManagementGroups, InstructionDefinitions,
InstructionStatistics, Responses, Using Consumers; the models of Tachyon.SDK.Consumer (2020) for Search, Instruction,
ResponsesContainer and Error; public clients NilsTv8/1e-consumer-mcp and teamviewer/DexInstructionRunner for paths that
differ in newer versions. 401 answers a lack of permission as well as a sign-in that is not, or no longer, valid.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from inventory_pipeline.connectors.http import Answer, Wire
from inventory_pipeline.connectors.one_e_signin import Application, OneEError, WindowsAccount

Row: TypeAlias = dict[str, Any]
PORTALS = ("/tachyon/api", "/api")
FROM_THE_BEGINNING = "0;0"
MOVED_PAGES = 50
READ_DEVICES = "any role with instruction permissions (Questioner) on All Devices"
ASK = "Questioner on the instruction set, on All Devices"


class ConsumerApi:
    """One session at `url`, which ends in /consumer, under the name of a registered consumer."""

    def __init__(
        self,
        url: str,
        signs_in: WindowsAccount | Application,
        consumer: str,
        *,
        page_size: int,
        ca_file: str | None,
        proxy: str | None,
        timeout_seconds: float,
        patience_seconds: float,
    ) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._root, self._origin = url.rstrip("/"), f"{parts.scheme}://{parts.netloc}"
        self._account = signs_in if isinstance(signs_in, WindowsAccount) else None
        self._application = signs_in if isinstance(signs_in, Application) else None
        self._consumer, self._page_size = consumer, page_size
        self._token: str | None = None
        self._portal = ""
        self._paths: dict[str, str] = {}
        self._wire = Wire(
            self.host,
            ca_file=ca_file,
            proxy=proxy,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
            error=OneEError,
            judge=_judged,
            auth=self._account,
        )

    def open(self) -> None:
        """Signs in, and asks for what everybody may read.

        Raises:
            OneEError: it cannot be reached, or refuses the account, the certificate or the consumer.
        """
        if self._application is not None:
            self._sign_in(self._application)
        answer = self._send("GET", "Information")
        if answer.status == 401:
            raise self._not_signed_in()
        self._document(answer, "Information", "")

    def close(self) -> None:
        """Signs out, and gives connections back."""
        if self._token:
            with suppress(OneEError):
                self._wire.send("GET", self._authentication("Logout"), self._headers(), once=True)
        self._token = None
        self._wire.close()

    def pause(self, seconds: float) -> None:
        """Waits, unless the session is closed meanwhile."""
        self._wire.wait(seconds)

    def get(self, path: str, permission: str) -> Any:
        """What a GET answers, as JSON.

        Raises:
            OneEError: the platform refuses, naming `permission` as what is needed, or fails.
        """
        return self._document(self._send("GET", path), path, permission)

    def post(self, path: str, body: Any, permission: str, *, once: bool = False) -> Any:
        """What a POST answers, as `get`; with `once` nothing that may have had its effect is repeated."""
        return self._document(self._send("POST", path, body, once=once), path, permission)

    def devices(self) -> Iterator[list[Row]]:
        """All devices, in pages, each device once.

        A page begins with the last device of the one before, so that one sees when devices were removed meanwhile and
        others moved up; then the pages before are read again.

        Raises:
            OneEError: the platform refuses or fails, or does not give as many devices as it counts.
        """
        seen: set[str] = set()
        total = 0
        # Searches count from one; where that leaves a device out, the server counts from zero.
        for first in (1, 0):
            try:
                total = yield from self._device_pages(first, seen)
            except OneEError as error:
                if first or error.status != 400:
                    raise
            if len(seen) >= total:
                return
        raise OneEError(f"{self.host} gives {len(seen):,} of {total:,} devices.", "Run the sync again.")

    def _device_pages(self, first: int, seen: set[str]) -> Generator[list[Row], None, int]:
        start, last, moved = first, None, 0
        while True:
            found = self.device_page(start, self._page_size)
            items = found["Items"]
            if last is not None and (not items or _device_key(items[0]) != last):
                moved += 1
                if moved > MOVED_PAGES:
                    raise OneEError(f"{self.host} gives devices in another order every time.", "Run the sync again.")
                start, last = max(first, start - self._page_size), None
                continue
            fresh = [item for item in items if _device_key(item) not in seen]
            seen.update(map(_device_key, fresh))
            if fresh:
                yield fresh
            if len(items) < self._page_size:
                return int(found.get("TotalCount") or 0)
            last = _device_key(items[-1])
            start += len(items) - 1

    def device_page(self, start: int, size: int) -> Row:
        """One page of the search for devices: `Items` and `TotalCount`."""
        body = {"Filter": None, "Start": start, "PageSize": size, "Sort": [{"Column": "Id", "Direction": "ASC"}]}
        found = self.post("Devices", body, READ_DEVICES)
        if not isinstance(found, dict) or not isinstance(found.get("Items"), list):
            raise OneEError(f"{self.host} answers the search for devices in an unknown form.", "Check url.")
        return found

    def management_groups(self) -> list[Row] | None:
        """All management groups; None where the server knows none of them (before API version 3.3)."""
        return self._unless_missing("ManagementGroups", "Read on Management Groups")

    def group_contents(self, group_id: str) -> list[Any] | None:
        """What is in a management group; None when it has gone."""
        return self._unless_missing(f"ManagementGroups/Contents/Id/{group_id}", "Read on Management Groups")

    def questions(self) -> list[Row]:
        """Definitions of the questions that the account may ask; others are left out by the server."""
        return _listed(self.get("InstructionDefinitions?instructionType=Question", ASK))

    def ask(
        self, definition: int, parameters: Mapping[str, str], *, gather_minutes: int, keep_minutes: int, comment: str
    ) -> int:
        """Sends a question to all devices; returns the id of the instruction.

        Sent once: an answer that is lost is an error, rather than the same question to the whole estate again.
        """
        body = {
            "DefinitionId": definition,
            "Scope": None,
            "Parameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
            "InstructionTtlMinutes": gather_minutes,
            "ResponseTtlMinutes": keep_minutes,
            # Definitions may aggregate responses, which would no longer say which device gave them.
            "KeepRaw": True,
            "Export": False,
            "OffloadResponses": False,
            "Comments": comment,
        }
        found = self.post("Instructions", body, ASK, once=True)
        if not isinstance(found, dict) or not isinstance(found.get("Id"), int):
            raise OneEError(f"{self.host} does not say under which id it has sent an instruction.", "Run it again.")
        return found["Id"]

    def instruction(self, number: int) -> Row:
        """An instruction with its status."""
        return _object(self.get(f"Instructions/{number}", ASK))

    def statistics(self, number: int) -> Row:
        """Counts of an instruction: devices it was sent to, that answered, and how."""
        return _object(self._first("GET", ("InstructionStatistics/Summary/{}", "InstructionStatistics/{}"), number))

    def cancel(self, number: int) -> None:
        """Ends an instruction and keeps its responses, so that no device works on it any more; errors are no matter."""
        with suppress(OneEError):
            self.post(f"Instructions/{number}/cancel/true", None, ASK, once=True)

    def responses(self, number: int, *, others: bool = False) -> Iterator[list[Row]]:
        """Responses with data, in pages; with `others` those without data, and errors.

        Raises:
            OneEError: the platform refuses or fails.
        """
        paths = ("ResponseErrors/{}", "ResponseErrors/{}/false") if others else ("Responses/{}", "Responses/{}/false")
        start = FROM_THE_BEGINNING
        while True:
            body = {"Filter": None, "Start": start, "PageSize": self._page_size}
            found = _object(self._first("POST", paths, number, body))
            page = _listed(found.get("Responses"))
            if page:
                yield page
            following = found.get("Range")
            if not page or not following or following == start:
                return
            start = following

    def _first(self, method: str, paths: Sequence[str], number: int, body: Any = None) -> Any:
        """Asks by the path that this version has; which one it is, is found out once."""
        known = self._paths.get(paths[0])
        for pattern in (known,) if known else paths:
            path = pattern.format(number)
            answer = self._send(method, path, body)
            if answer.status in (404, 405) and pattern != paths[-1] and not known:
                continue
            document = self._document(answer, path, ASK)
            self._paths[paths[0]] = pattern
            return document
        return None

    def _unless_missing(self, path: str, permission: str) -> list[Any] | None:
        try:
            return _listed(self.get(path, permission))
        except OneEError as error:
            if error.status != 404:
                raise
            return None

    def _send(self, method: str, path: str, body: Any = None, *, once: bool = False) -> Answer:
        content = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        answer = self._wire.send(method, f"{self._root}/{path}", self._headers(), content, once=once)
        if answer.status == 401 and self._application is not None:
            # The token has expired, or the account may not: a new token tells.
            self._sign_in(self._application)
            answer = self._wire.send(method, f"{self._root}/{path}", self._headers(), content, once=once)
        return answer

    def _headers(self) -> dict[str, str]:
        token = {"X-Tachyon-Authenticate": self._token} if self._token else {}
        json_type = "application/json"
        return {"Accept": json_type, "Content-Type": json_type, "X-Tachyon-Consumer": self._consumer, **token}

    def _document(self, answer: Answer, path: str, permission: str) -> Any:
        what = path.split("?")[0].split("/")[0]
        if answer.status in (200, 201, 204):
            try:
                return answer.document if answer.content else None
            except ValueError:
                raise OneEError(f"{self.host} answers {what} with what is no JSON.", "Check url.") from None
        said = _said(answer)
        if answer.status in (401, 403):
            raise OneEError(
                f"the account may not read {what}{said}.", f"Give it {permission}." if permission else "", status=403
            )
        if answer.status == 404:
            raise OneEError(
                f"{self.host} has no {what} at {urlsplit(self._root).path or '/'}{said}.",
                "Give the address of the Consumer API as url, https://host/consumer.",
                status=404,
            )
        raise OneEError(
            f"{self.host} refuses {what} (HTTP {answer.status}){said}.",
            "Check that consumer names a consumer that is registered and enabled (Settings, Consumers).",
            status=answer.status,
        )

    def _authentication(self, action: str) -> str:
        return f"{self._origin}{self._portal}/Authentication/{action}"

    def _sign_in(self, application: Application) -> None:
        self._token = None
        audience = self._token_endpoint()
        body = json.dumps(application.assertion(audience)).encode()
        answer = self._wire.send("POST", self._authentication("RequestJwtAuthentication"), self._headers(), body)
        token = _plain(answer)
        if answer.status != 200 or not token:
            raise OneEError(
                f"{self.host} does not accept the certificate of application {application.application_id}"
                f"{_said(answer)}.",
                "Map the certificate's key id to a user (Add-1EJwtPrincipalMapping), and have the application id "
                "registered.",
                status=401,
            )
        self._token = token

    def _token_endpoint(self) -> str:
        for portal in (self._portal,) if self._portal else PORTALS:
            self._portal = portal
            answer = self._wire.send("GET", self._authentication("metadataendpoint"), self._headers())
            if answer.status == 404 and portal != PORTALS[-1]:
                continue
            address = _plain(answer)
            if answer.status == 200 and address.startswith("https://"):
                # Of the identity provider's own: it is told neither token nor consumer.
                endpoint = self._wire.send("GET", address, {"Accept": "application/json"}).page.get("token_endpoint")
                if isinstance(endpoint, str):
                    return endpoint
            break
        self._portal = ""
        raise OneEError(
            f"{self.host} does not say where its identity provider is.",
            "Sign in by username and password, or have application sign-in set up on the platform.",
            status=401,
        )

    def _not_signed_in(self) -> OneEError:
        if self._account is not None and self._account.offered and not self._account.is_offered:
            return OneEError(
                f"{self.host} takes no Windows account (it offers {', '.join(self._account.offered)}).",
                "Sign in by application_id and certificate_file.",
                status=401,
            )
        return OneEError(
            f"{self.host} refuses the account: wrong name or password, or it is no user of 1E.",
            "Write username as DOMAIN\\user, check the password, and add the account to Users and Groups in 1E.",
            status=401,
        )


def _judged(answer: Answer) -> int:
    """The status that an answer stands for: JSON that is cut off is to be asked for again."""
    if answer.status in (200, 201) and answer.content and "json" in answer.headers.get("content-type", "json"):
        try:
            _ = answer.document
        except ValueError:
            return 502
    return answer.status


def _plain(answer: Answer) -> str:
    """A body of one value, which comes as text or as a JSON string."""
    return answer.content.decode("utf-8", "replace").strip().strip('"')


def _said(answer: Answer) -> str:
    """What the platform says of an error (a list of ErrorCode and Message, or one), in brackets."""
    try:
        found = answer.document
    except ValueError:
        return ""
    first = found[0] if isinstance(found, list) and found else found
    message = str(first.get("Message") or first.get("ErrorCode") or "") if isinstance(first, dict) else ""
    return f" ({' '.join(message.split())[:200].rstrip('.')})" if message else ""


def _listed(found: Any) -> list[Any]:
    """A list, or the only list that an object holds."""
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else []
    return found if isinstance(found, list) else []


def _object(found: Any) -> Row:
    return found if isinstance(found, dict) else {}


def _device_key(item: Row) -> str:
    return str(item.get("Id") or item.get("TachyonGuid"))
