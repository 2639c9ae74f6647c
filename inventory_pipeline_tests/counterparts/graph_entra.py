"""Sign-in to Entra as an application: tokens for a secret, a certificate, or a managed identity."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from inventory_pipeline_tests.counterparts.graph_faults import Answer, Request, entra_failure, failure, json_answer
from inventory_pipeline_tests.counterparts.graph_tenant import guid


@dataclass
class EntraAnswers:
    """One tenant with one application; `root` is the server's own address."""

    tenant_id: str = guid("tenant")
    client_id: str = guid("application")
    secret: str = "s3cret~Value.of_the-App"
    root: str = ""
    certificates: list[x509.Certificate] = field(default_factory=list)
    _tokens: dict[str, bool] = field(default_factory=dict)

    def expire_tokens(self) -> None:
        """Makes Graph refuse every token given out so far."""
        self._tokens = dict.fromkeys(self._tokens, False)

    def signed_in(self, request: Request) -> bool:
        """Whether a request carries a token that is still good."""
        return bool(self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer ")))

    def sign_in(self, request: Request) -> Answer | None:
        """The answer to a request that is about signing in."""
        path = request.path
        if path.endswith("/v2.0/.well-known/openid-configuration"):
            return self._configuration(path.split("/")[1])
        if path.endswith("/oauth2/v2.0/token"):
            return self._token(request)
        return self._managed_identity(request) if path == "/managed-identity" else None

    def _configuration(self, tenant: str) -> Answer:
        if tenant != self.tenant_id:
            return entra_failure(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
        base = f"{self.root}/{tenant}"
        return json_answer(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0",
            }
        )

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("client_id") != self.client_id:
            text = (
                f"AADSTS700016: Application with identifier '{form.get('client_id')}' was not found in the directory."
            )
            return entra_failure(400, "unauthorized_client", text)
        if "client_assertion" in form:
            if not any(_signed(form["client_assertion"], known) for known in self.certificates):
                text = "AADSTS700027: The certificate used to sign the client assertion is not registered."
                return entra_failure(401, "invalid_client", text)
        elif form.get("client_secret") != self.secret:
            text = "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the secret value."
            return entra_failure(401, "invalid_client", text)
        if form.get("scope", "").removesuffix("/.default") != self.root:
            return entra_failure(400, "invalid_resource", "AADSTS500011: The resource principal was not found.")
        return json_answer({"token_type": "Bearer", "expires_in": 3599, "access_token": self._new_token()})

    def _managed_identity(self, request: Request) -> Answer:
        if request.headers.get("x-identity-header") != self.secret or request.query.get("resource") != self.root:
            return failure(400, "invalid_request", "No managed identity.")
        return json_answer(
            {
                "access_token": self._new_token(),
                "expires_on": "4102444800",
                "resource": self.root,
                "token_type": "Bearer",
            }
        )

    def _new_token(self) -> str:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = True
        return token


def _signed(assertion: str, certificate: x509.Certificate) -> bool:
    head, payload, signature = assertion.split(".")
    header = json.loads(_unpadded(head))
    thumbs = {
        base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).decode().rstrip("=")
        for algorithm in (hashes.SHA1(), hashes.SHA256())
    }
    if not {str(header.get(name)).rstrip("=") for name in ("x5t", "x5t#S256")} & thumbs:
        return False
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    scheme = (
        padding.PSS(padding.MGF1(hashes.SHA256()), hashlib.sha256().digest_size)
        if header["alg"] == "PS256"
        else padding.PKCS1v15()
    )
    key.verify(_unpadded(signature), f"{head}.{payload}".encode(), scheme, hashes.SHA256())
    return True


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
