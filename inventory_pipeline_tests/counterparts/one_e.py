"""The 1E platform as a real HTTPS server on localhost: sign-in by NTLM, Basic and certificate, and faults.

NTLM is answered by pyspnego's acceptor, per connection as IIS does it. Assertions are verified with the certificate
that was registered; a token holds for a number of requests.
"""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import spnego
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from spnego.exceptions import SpnegoError

from inventory_pipeline_tests.counterparts.https import QuietHandler, certified, key_pem, self_signed, serving
from inventory_pipeline_tests.counterparts.one_e_platform import Platform

CONSUMERS = frozenset({"Explorer", "InventoryPipeline"})


@dataclass
class Faults:
    """What goes wrong at paths that begin with `at`: `status` answers are given first; answers end after `cut_after`
    bytes, `cuts` times, `properly` or by a broken connection. `denied` are first parts of paths that nobody may read.
    """

    at: str = ""
    status: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    cut_after: int = 20
    cuts: int = 0
    properly: bool = True
    denied: set[str] = field(default_factory=set)


@dataclass
class OneEServer:
    """A running server; `ways` are the schemes that it offers, `requests` the method and path of what was asked."""

    origin: str
    ca_file: Path
    platform: Platform
    username: str
    password: str
    application_id: str
    certificate: x509.Certificate
    certificate_file: Path
    ways: tuple[str, ...] = ("Negotiate", "NTLM")
    portal: str = "/tachyon/api"
    token_uses: int = 1_000_000
    faults: Faults = field(default_factory=Faults)
    tokens: dict[str, int] = field(default_factory=dict)
    issued: int = 0
    requests: list[tuple[str, str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of the Consumer API."""
        return f"{self.origin}/Consumer"

    def asked(self, path: str) -> list[Any]:
        """Bodies of what was asked at a path (in lower case) below /consumer."""
        return [body for _, own, body in self.requests if own == path]

    def signs_in(self, assertion: str) -> str | None:
        """A token for an assertion of the registered application."""
        head, claims, signature = assertion.split(".")
        key = self.certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            key.verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return None
        said, header = json.loads(_decoded(claims)), json.loads(_decoded(head))
        thumbprint = base64.urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA1())).rstrip(b"=").decode()
        endpoint = f"{self.origin}/idp/token"
        good = said["iss"] == said["sub"] == self.application_id and said["aud"] == endpoint
        if not good or header["kid"] != thumbprint or header["alg"] != "RS256" or said["exp"] <= said["iat"]:
            return None
        token = uuid.uuid4().hex
        self.tokens[token] = self.token_uses
        self.issued += 1
        return token


@contextmanager
def running_one_e(
    folder: Path, platform: Platform, *, username: str, password: str, application_id: str = "app-1"
) -> Iterator[OneEServer]:
    """Runs a server for a platform; `username` is DOMAIN\\user."""
    ca_file, context = certified(folder)
    own, own_key = self_signed("inventory")
    mine = folder / "application.pem"
    mine.write_bytes(key_pem(own_key) + own.public_bytes(serialization.Encoding.PEM))
    users = folder / "users"
    users.write_text(f"{username.replace(chr(92), ':')}:{password}\n")
    state = OneEServer("", ca_file, platform, username, password, application_id, own, mine)

    class Handler(QuietHandler):
        is_signed_in = False
        acceptor: Any = None

        def respond(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(size) if size else b""
            parts = urlsplit(self.path)
            path = parts.path.lower()
            body = json.loads(content) if content else None
            if path.startswith("/consumer/"):
                self._consumer(path.removeprefix("/consumer/"), parse_qs(parts.query), body)
            elif path == "/idp/.well-known/openid-configuration":
                self._give(200, {"token_endpoint": f"{state.origin}/idp/token"})
            elif path == f"{state.portal}/authentication/metadataendpoint":
                self._give(200, f"{state.origin}/idp/.well-known/openid-configuration")
            elif path == f"{state.portal}/authentication/requestjwtauthentication":
                token = state.signs_in(str(body))
                self._give(200 if token else 401, token or [{"ErrorCode": "Unauthorized", "Message": "No mapping."}])
            elif path == f"{state.portal}/authentication/logout":
                state.tokens.pop(self.headers.get("X-Tachyon-Authenticate") or "", None)
                self._give(200, None)
            else:
                self._give(404, None)

        def _consumer(self, path: str, query: dict[str, list[str]], body: Any) -> None:
            if not self._knows_caller():
                return
            state.requests.append((self.command, path, body))
            first = path.split("/")[0]
            if first != "information" and self.headers.get("X-Tachyon-Consumer") not in CONSUMERS:
                self._give(403, [{"ErrorCode": "ConsumerNotRegistered", "Message": "The consumer is not registered."}])
            elif state.faults.status and path.startswith(state.faults.at):
                status, headers = state.faults.status.pop(0)
                self._give(status, [{"ErrorCode": "Busy", "Message": "Try later."}], headers)
            elif first in state.faults.denied:
                self._give(401, [{"ErrorCode": "Unauthorized", "Message": "Not permitted."}])
            else:
                status, document = platform.answer(self.command, path.split("/"), query, body)
                self._give(status, document, cut=status == 200 and path.startswith(state.faults.at))

        def _knows_caller(self) -> bool:
            token = self.headers.get("X-Tachyon-Authenticate")
            if token:
                state.tokens[token] = state.tokens.get(token, 0) - 1
                if state.tokens[token] < 0:
                    self._give(401, [{"ErrorCode": "TokenExpired", "Message": "The token has expired."}])
                return state.tokens[token] >= 0
            if self.is_signed_in:
                return True
            scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
            if scheme == "Basic" and "Basic" in state.ways:
                if base64.b64decode(given).decode() == f"{state.username}:{state.password}":
                    return True
            elif scheme in ("NTLM", "Negotiate") and scheme in state.ways:
                return self._by_challenge(scheme, base64.b64decode(given))
            self._give(401, None, challenges=state.ways)
            return False

        def _by_challenge(self, scheme: str, given: bytes) -> bool:
            protocol = "ntlm" if scheme == "NTLM" else "negotiate"
            self.acceptor = self.acceptor or spnego.server(hostname="localhost", service="HTTP", protocol=protocol)
            try:
                token = self.acceptor.step(given)
            except SpnegoError:
                self.acceptor = None
                self._give(401, None, challenges=state.ways)
                return False
            if self.acceptor.complete:
                self.is_signed_in, self.acceptor = True, None
                return True
            self._give(401, None, challenges=(f"{scheme} {base64.b64encode(token or b'').decode()}",))
            return False

        def _give(
            self,
            status: int,
            document: Any,
            headers: dict[str, str] | None = None,
            *,
            challenges: tuple[str, ...] = (),
            cut: bool = False,
        ) -> None:
            data = json.dumps(document).encode() if document is not None else b""
            cut = cut and state.faults.cuts > 0 and len(data) > state.faults.cut_after
            shown = data[: state.faults.cut_after] if cut else data
            self.send_response(status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
                self.send_header(name, value)
            for challenge in challenges:
                self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", str(len(shown if state.faults.properly else data)))
            self.end_headers()
            self.wfile.write(shown)
            if cut:
                state.faults.cuts -= 1
                if not state.faults.properly:
                    self.cut_off()

    before = os.environ.get("NTLM_USER_FILE")
    os.environ["NTLM_USER_FILE"] = str(users)
    try:
        with serving(Handler, context) as state.origin:
            yield state
    finally:
        os.environ.pop("NTLM_USER_FILE")
        if before is not None:
            os.environ["NTLM_USER_FILE"] = before


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
