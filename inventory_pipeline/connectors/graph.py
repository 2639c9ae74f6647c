"""What the connectors to Microsoft Graph share: the form, signing in, and errors in their users' words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import Check, Connector, Secret
from inventory_pipeline.connectors.graph_signin import CLOUDS, Application, Cloud, GraphError
from inventory_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from inventory_pipeline.connectors.graph_session import GraphSession


class GraphConnector(Connector):
    """A tenant of Microsoft Entra, read through Microsoft Graph as an application."""

    versions: ClassVar[str] = "Microsoft Graph v1.0"

    tenant_id: str = Field(description="Directory (tenant) ID.")
    client_id: str | None = Field(
        default=None,
        description="Application (client) ID of the app registration; with managed_identity that of a user-assigned "
        "identity, or empty.",
    )
    client_secret: Secret | None = Field(default=None, description="Value of a client secret of the app registration.")
    certificate_file: str | None = Field(
        default=None, description="PEM or PFX file with certificate and private key, in place of client_secret."
    )
    certificate_password: Secret | None = Field(default=None, description="Password of certificate_file.")
    managed_identity: bool = Field(
        default=False, description="Sign in by the identity that Azure gave to this machine, in place of a secret."
    )
    cloud: Cloud = Field(default="AzurePublic", description="Cloud that the tenant is in.")
    graph_url: str | None = Field(
        default=None,
        description="Graph's address, where it is not the cloud's own: https://dod-graph.microsoft.us, or a gateway.",
    )
    login_url: str | None = Field(
        default=None, description="Address of the sign-in, where it is not the cloud's own, such as a gateway."
    )
    ca_file: str | None = Field(
        default=None, description="PEM file of the authority that a proxy or gateway signs its certificates with."
    )
    proxy: str | None = Field(default=None, description="Proxy, such as http://proxy.example.com:8080.")
    timeout_seconds: int = Field(default=120, gt=0, description="Longest wait for one answer.")
    patience_seconds: int = Field(
        default=900, gt=0, description="Longest wait in a row while Graph throttles or is not available."
    )

    _session: GraphSession | None = PrivateAttr(default=None)

    def connect(self) -> None:
        from inventory_pipeline.connectors.graph_session import GraphSession

        hosts = CLOUDS[self.cloud]
        application = self._application(self.login_url or hosts.login)
        with self.told(GraphError):
            self._session = GraphSession(
                (self.graph_url or hosts.graph).rstrip("/"),
                application,
                ca_file=self.ca_file,
                proxy=self.proxy,
                timeout_seconds=self.timeout_seconds,
                patience_seconds=self.patience_seconds,
            )
            self._session.sign_in()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None

    @property
    def session(self) -> GraphSession:
        """The open session."""
        if self._session is None:
            raise self.error("the connector is not connected.")
        return self._session

    def tried(self, name: str, address: str, permission: str, **options: Any) -> Check:
        """A check that reads an address."""
        try:
            self.session.one(address, permission=permission, **options)
        except GraphError as error:
            return Check(name, False, self.redact(str(error)), error.cure)
        return Check(name, True, f"Can read {name}.")

    def _application(self, login_url: str) -> Application:
        ways = [
            name
            for name, given in (
                ("client_secret", self.client_secret is not None),
                ("certificate_file", self.certificate_file is not None),
                ("managed_identity", self.managed_identity),
            )
            if given
        ]
        if len(ways) != 1:
            raise ConfigurationError(
                f"{' and '.join(ways)} are given." if ways else "no way to sign in is given.",
                subject=self.name,
                cure="Give one of client_secret, certificate_file and managed_identity.",
            )
        if self.client_id is None and not self.managed_identity:
            raise ConfigurationError(
                "client_id is missing.",
                subject=self.name,
                cure="Give the Application (client) ID of the app registration.",
            )
        return Application(
            tenant_id=self.tenant_id,
            client_id=self.client_id,
            login_url=login_url.rstrip("/"),
            secret=self.client_secret.reveal() if self.client_secret else None,
            secret_name=self.client_secret.env if self.client_secret else "",
            certificate_file=Path(self.certificate_file) if self.certificate_file else None,
            certificate_password=self.certificate_password.reveal() if self.certificate_password else None,
            managed_identity=self.managed_identity,
        )
