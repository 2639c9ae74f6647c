"""Signing in to ServiceNow: basic authentication, or a token of an OAuth client that is renewed in time.

Facts: ServiceNow "OAuth API request parameters" (Yokohama to Australia): POST oauth_token.do as a form; grants password
and client_credentials ("Client credentials grant workflow"); the answer has access_token and expires_in in seconds.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from inventory_pipeline.connectors.http import Wire
from inventory_pipeline.connectors.servicenow_table import ServiceNowError

_RENEW_BEFORE_SECONDS = 60.0
_USUAL_SECONDS = 300.0


def basic(username: str, password: str) -> str:
    """The header for a name and a password."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


@dataclass(slots=True)
class Tokens:
    """Tokens of an OAuth client; with an account it asks for that account's, else for its own."""

    url: str
    wire: Wire = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    account: tuple[str, str] | None = field(default=None, repr=False)
    _token: str = field(default="", repr=False)
    _until: float = 0.0

    def header(self, renew: bool) -> str:
        """The header with a token that holds a while yet; with `renew` a new one in any case.

        Raises:
            ServiceNowError: the instance gives none.
        """
        if renew or not self._token or time.monotonic() > self._until:
            self._token, seconds = self._ask()
            self._until = time.monotonic() + seconds - min(_RENEW_BEFORE_SECONDS, seconds / 2)
        return f"Bearer {self._token}"

    def _ask(self) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        if self.account is not None:
            form |= {"grant_type": "password", "username": self.account[0], "password": self.account[1]}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self.wire.send("POST", f"{self.url}/oauth_token.do", headers, urlencode(form).encode())
        token, seconds = answer.page.get("access_token"), str(answer.page.get("expires_in"))
        if answer.status != 200 or not token:
            raise ServiceNowError(
                f"{urlsplit(self.url).netloc} gives the OAuth client no token (HTTP {answer.status}).",
                "Check client_id, client_secret and the account, and that the client may use this grant.",
                status=answer.status,
            )
        return str(token), float(seconds) if seconds.isdigit() else _USUAL_SECONDS
