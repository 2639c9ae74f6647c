"""Signing in to the 1E platform: with a Windows account, or as an application with a certificate.

Facts: 1E SDK, "Consumer API reference" (Windows authentication, which is an NTLM challenge, or Basic where the site
allows it); "Authenticate against the 1E Platform and obtain a token" (the portal's API lies at /Tachyon/api up to 23.11
and at /api since 24.1); "Non-interactive JSON Web Token (JWT) Authentication" (the certificate's key id is mapped to a
user). Steps and claims as in the public client NilsTv8/1e-consumer-mcp, src/client.ts.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from inventory_pipeline.connectors.http import WebError

ASSERTION_SECONDS = 3600
_SCHEMES = ("NTLM", "Negotiate", "Basic")


class OneEError(WebError):
    """The 1E platform could not be reached, refused, or failed."""


class WindowsAccount(httpx.Auth):
    """Answers the challenge of a server that wants a Windows account; `offered` are the ways that it last named."""

    def __init__(self, username: str, password: str, host: str) -> None:
        self.offered: tuple[str, ...] = ()
        self._username, self._password, self._host = username, password, host
        self._is_basic = False

    @property
    def is_offered(self) -> bool:
        """Whether the server takes Windows accounts, or passwords, at all."""
        return any(name.lower() == way.lower() for name in self.offered for way in _SCHEMES)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Asks without an account first, since a connection stays signed in once it is."""
        if self._is_basic:
            request.headers["Authorization"] = self._basic()
        response = yield request
        if response.status_code != 401 or self._is_basic:
            return
        self.offered = tuple(value.split()[0] for value in _challenges(response) if value)
        known = {name.lower() for name in self.offered}
        scheme = next((name for name in _SCHEMES if name.lower() in known), None)
        if scheme == "Basic":
            self._is_basic = True
            request.headers["Authorization"] = self._basic()
            yield request
        elif scheme is not None:
            yield from self._by_challenge(request, response, scheme)

    def _by_challenge(
        self, request: httpx.Request, response: httpx.Response, scheme: str
    ) -> Generator[httpx.Request, httpx.Response, None]:
        spnego = _spnego()
        context = spnego.client(
            self._username,
            self._password,
            hostname=self._host,
            service="HTTP",
            protocol="ntlm" if scheme == "NTLM" else "negotiate",
            channel_bindings=_bindings(spnego, response),
        )
        token: bytes | None = None
        for _ in range(4):
            try:
                token = context.step(token)
            except spnego.exceptions.SpnegoError as error:
                raise OneEError(
                    f"signing in to {self._host} by {scheme} fails ({type(error).__name__}).",
                    "Write username as DOMAIN\\user, and check the password.",
                    status=401,
                ) from error
            if not token:
                return
            request.headers["Authorization"] = f"{scheme} {base64.b64encode(token).decode()}"
            response = yield request
            answered = [value.split() for value in _challenges(response)]
            given = [parts[1] for parts in answered if len(parts) == 2 and parts[0].lower() == scheme.lower()]
            if response.status_code != 401 or not given:
                return
            token = base64.b64decode(given[0])

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()


def _challenges(response: httpx.Response) -> list[str]:
    return response.headers.get_list("www-authenticate", split_commas=False)


def _spnego() -> Any:
    try:
        import spnego
        import spnego.channel_bindings
        import spnego.exceptions
    except ImportError as error:
        raise OneEError(
            "the package pyspnego is missing, without which no Windows account can sign in.",
            "Install it (pip install 'inventory-pipeline[windows_signin]'), or sign in by application_id and "
            "certificate_file.",
        ) from error
    return spnego


def _bindings(spnego: Any, response: httpx.Response) -> Any:
    """Ties the sign-in to this TLS connection, as Extended Protection of IIS demands (RFC 5929)."""
    stream = response.extensions.get("network_stream")
    wrapped = stream.get_extra_info("ssl_object") if stream is not None else None
    der = wrapped.getpeercert(True) if wrapped is not None else None
    if not der:
        return None
    try:
        named = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        named = None
    weak = named is None or isinstance(named, hashes.MD5 | hashes.SHA1)
    digest = hashes.Hash(hashes.SHA256() if weak or named is None else named)
    digest.update(der)
    return spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


@dataclass(frozen=True, slots=True)
class Application:
    """An application that signs assertions with the key of its certificate."""

    application_id: str
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    def assertion(self, audience: str) -> str:
        """A signed assertion for a token endpoint, valid for an hour."""
        thumbprint = _encoded(self.certificate.fingerprint(hashes.SHA1()))  # noqa: S303 - the key id is defined so
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "x5t": thumbprint, "kid": thumbprint}
        claims = {
            "aud": audience,
            "iss": self.application_id,
            "sub": self.application_id,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        signed = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return f"{signed}.{_encoded(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def load_application(application_id: str, file: Path, password: str | None) -> Application:
    """The application with its certificate and private key, from a PEM or PFX file.

    Raises:
        OneEError: the file cannot be read, or holds no RSA key with its certificate.
    """
    secret = password.encode() if password else None
    try:
        content = file.read_bytes()
        if b"-----BEGIN" in content:
            key: Any = serialization.load_pem_private_key(content, secret)
            certificate = x509.load_pem_x509_certificate(content)
        else:
            key, found, _ = pkcs12.load_key_and_certificates(content, secret)
            if found is None:
                raise ValueError("no certificate in it")
            certificate = found
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("no RSA key in it")
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = error.strerror if isinstance(error, OSError) else "no key and certificate, or a wrong password"
        raise OneEError(
            f"the certificate {file} cannot be used ({reason}).",
            "Give a PEM or PFX file that holds certificate and private key, and its password as certificate_password.",
        ) from error
    return Application(application_id, key, certificate)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
