"""Signing in to Microsoft Entra as an application: secret, certificate or managed identity; and what its refusals mean.

Facts: azure-identity 1.27 (ClientSecretCredential, CertificateCredential, ManagedIdentityCredential); Microsoft, Entra
authentication and authorization error codes (entra/identity-platform/reference-error-codes) and National cloud
deployments of Microsoft Graph (service roots and sign-in hosts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inventory_pipeline.connectors.http import WebError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

Cloud = Literal["AzurePublic", "AzureUSGovernment", "AzureChina"]


@dataclass(frozen=True, slots=True)
class CloudHosts:
    """Where one cloud's Graph and sign-in are."""

    graph: str
    login: str


CLOUDS: dict[str, CloudHosts] = {
    "AzurePublic": CloudHosts("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "AzureUSGovernment": CloudHosts("https://graph.microsoft.us", "https://login.microsoftonline.us"),
    "AzureChina": CloudHosts("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
}


class GraphError(WebError):
    """Entra or Graph could not be reached, refused, or failed."""


@dataclass(frozen=True, slots=True)
class Application:
    """Who signs in. `secret_name` and `password` never show."""

    tenant_id: str
    client_id: str | None
    login_url: str
    secret: str | None = None
    secret_name: str = ""
    certificate_file: Path | None = None
    certificate_password: str | None = None
    managed_identity: bool = False

    def __repr__(self) -> str:
        return f"Application({self.client_id} in {self.tenant_id})"


class SignIn:
    """Tokens for one scope; kept by azure-identity until shortly before they expire."""

    def __init__(self, application: Application, scope: str, *, ca_file: str | None, proxy: str | None) -> None:
        self._application = application
        self._scope = scope
        self._transport: dict[str, Any] = {
            "connection_verify": ca_file or True,
            "connection_timeout": 20,
            "read_timeout": 60,
            "retry_total": 3,
        }
        if proxy:
            self._transport["proxies"] = {"https": proxy, "http": proxy}
        self._credential: TokenCredential | None = None

    def token(self, *, renew: bool = False) -> str:
        """A bearer token; with `renew` a fresh one, since the server no longer takes the last.

        Raises:
            GraphError: Entra cannot be reached or refuses.
        """
        with _translated(self._application):
            if self._credential is None or renew:
                self._credential = _credential(self._application, self._transport)
            return self._credential.get_token(self._scope).token

    def close(self) -> None:
        """Gives connections back."""
        close = getattr(self._credential, "close", None)
        if close is not None:
            close()
        self._credential = None


def _credential(application: Application, transport: dict[str, Any]) -> TokenCredential:
    from azure.identity import CertificateCredential, ClientSecretCredential, ManagedIdentityCredential

    if application.managed_identity:
        return ManagedIdentityCredential(client_id=application.client_id, **transport)
    options: dict[str, Any] = {
        **transport,
        "authority": application.login_url,
        # Known hosts need no discovery, and unknown ones are what the user named.
        "disable_instance_discovery": True,
    }
    if application.certificate_file is not None:
        return CertificateCredential(
            application.tenant_id,
            application.client_id or "",
            certificate_path=str(application.certificate_file),
            password=application.certificate_password,
            **options,
        )
    return ClientSecretCredential(
        application.tenant_id, application.client_id or "", application.secret or "", **options
    )


@contextmanager
def _translated(application: Application) -> Iterator[None]:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
    from azure.identity import CredentialUnavailableError

    try:
        yield
    except CredentialUnavailableError as error:
        raise GraphError(
            "this machine has no managed identity.",
            "Give the machine an identity in Azure, or sign in by client_secret or certificate_file.",
        ) from error
    except (ClientAuthenticationError, HttpResponseError, ServiceRequestError) as error:
        raise _refusal(str(error), application) from error
    except OSError as error:
        if application.certificate_file is None:
            raise _refusal(str(error), application) from error
        raise _certificate(application, error.strerror or str(error)) from error
    except (ValueError, TypeError) as error:
        # azure-identity says so of a certificate without key, a wrong password, or a malformed tenant id.
        if application.certificate_file is not None and "tenant" not in str(error).lower():
            raise _certificate(application, "no private key in it, or a wrong password") from error
        raise _refusal(str(error), application) from error


def _certificate(application: Application, reason: str) -> GraphError:
    return GraphError(
        f"the certificate {application.certificate_file} cannot be used ({reason}).",
        "Give a PEM or PFX file that holds certificate and private key, and its password as certificate_password.",
    )


def _refusal(text: str, application: Application) -> GraphError:
    """Entra's words as one sentence of ours; its texts are long, carry trace ids and at times parts of a secret."""
    found = re.search(r"AADSTS(\d+)", text)
    code = found.group(1) if found else ""
    tenant, client = application.tenant_id, application.client_id
    variable = f" into the environment variable {application.secret_name}" if application.secret_name else ""
    known: dict[str, tuple[str, str]] = {
        "7000215": (
            "the client secret is wrong",
            f"Put the value of a client secret, not its id,{variable} (App registrations, Certificates & secrets).",
        ),
        "7000222": (
            "the client secret has expired",
            f"Create a new client secret of the app registration and put its value{variable}.",
        ),
        "700016": (
            f"the application {client} is not known in the tenant {tenant}",
            "Correct client_id (Application (client) ID of the app registration) and tenant_id.",
        ),
        "90002": (f"the tenant {tenant} does not exist", "Correct tenant_id (Directory (tenant) ID), and cloud."),
        "700027": (
            "Entra does not accept the certificate",
            "Upload the certificate to the app registration (Certificates & secrets); check that it has not expired.",
        ),
        "7000112": (f"the application {client} is disabled", "Enable sign-in of the enterprise application."),
        "500011": ("this cloud's Graph is not known in the tenant", "Correct cloud, and graph_url where it is given."),
        "53003": (
            "a Conditional Access policy blocks the sign-in",
            "Exclude the workload identity, or run this from an allowed place.",
        ),
    }
    same = {"900023": "90002", "900021": "90002", "9002313": "90002", "7000229": "700016", "700030": "700027"}
    if code in known or code in same:
        message, cure = known[same.get(code, code)]
        return GraphError(f"{message} (AADSTS{code}).", cure, code=f"AADSTS{code}")
    if code:
        return GraphError(
            f"Microsoft Entra refuses the sign-in (AADSTS{code}).",
            f"Look the code up at {application.login_url}/error?code={code}.",
            code=f"AADSTS{code}",
        )
    return _unreachable(text, application)


def _unreachable(text: str, application: Application) -> GraphError:
    host = application.login_url.removeprefix("https://")
    lowered = text.lower()
    if "tenant" in lowered and ("invalid" in lowered or "authority" in lowered or "discovery" in lowered):
        return GraphError(
            f"the tenant {application.tenant_id} does not exist, or its sign-in cannot be reached.",
            "Correct tenant_id (Directory (tenant) ID), and cloud.",
        )
    if "certificate verify failed" in lowered or "certificate_verify_failed" in lowered:
        return GraphError(
            f"the certificate of {host} is not trusted.",
            "Give the certificate authority of your proxy as ca_file.",
        )
    if "proxy" in lowered:
        return GraphError("the proxy refuses or does not answer.", "Correct proxy, and allow the host there.")
    if "resolve" in lowered or "name or service" in lowered:
        return GraphError(f"the name {host} cannot be resolved.", "Check cloud, DNS and proxy.")
    return GraphError(
        f"{host} does not answer as Microsoft Entra does.", "Check cloud, firewall and proxy, and try again later."
    )
