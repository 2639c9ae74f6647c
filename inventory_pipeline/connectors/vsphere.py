"""The vSphere API as this package uses it: one session, and properties of many objects in few calls.

Facts: vSphere Web Services SDK programming guide 8.0 (PropertyCollector, RetrievePropertiesEx, ContainerView). Reading
an attribute of a managed object is a call of its own, so objects never leave this module: what comes out of it are
plain dictionaries of properties.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl
from pyVmomi.VmomiSupport import ManagedObject

VERSIONS_PATH = "/sdk/vimServiceVersions.xml"


class VSphereError(Exception):
    """The server could not be reached, refused, or failed; the text says why, `cure` what to do."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Properties:
    """One managed object: its id verbatim, the properties that it has, and those that the account may not read.

    References to other managed objects are their ids.
    """

    id: str
    values: dict[str, Any] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()

    def get(self, path: str) -> Any:
        """A property, or None when the object has none or the account may not read it."""
        return self.values.get(path)


def tls_context(*, verify: bool, ca_file: Path | None) -> ssl.SSLContext:
    """A TLS context that checks the server's certificate, unless told not to.

    Raises:
        VSphereError: the CA file cannot be read.
    """
    if ca_file is not None:
        try:
            return ssl.create_default_context(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise VSphereError(
                f"the CA file {ca_file} cannot be read ({error}).", "Give a file of PEM certificates as `ca_file`."
            ) from error
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class VSphere:
    """A session with a vCenter Server."""

    def __init__(self, instance: vim.ServiceInstance, page_size: int) -> None:
        self._instance = instance
        self._page_size = page_size
        with _translated():
            self._content: Any = instance.RetrieveContent()

    @property
    def about(self) -> Any:
        """What the server says of itself (vim.AboutInfo)."""
        return self._content.about

    def close(self) -> None:
        """Logs out; a server that no longer answers is left as it is."""
        with contextlib.suppress(Exception):
            Disconnect(self._instance)

    def may_read_everything(self) -> bool | None:
        """Whether the account holds System.Read at the root; None when the server cannot say."""
        try:
            answer = self._content.authorizationManager.HasPrivilegeOnEntities(
                [self._content.rootFolder], self._content.sessionManager.currentSession.key, ["System.Read"]
            )
            return all(privilege.isGranted for entity in answer for privilege in entity.privAvailability)
        except (vmodl.MethodFault, AttributeError, OSError):
            return None

    def licenses(self) -> list[Any]:
        """Licences that the server knows (vim.LicenseManager.LicenseInfo), with their use.

        Raises:
            VSphereError: the server fails or refuses.
        """
        with _translated():
            return list(self._content.licenseManager.licenses or ())

    def properties(self, kind: str, paths: Sequence[str]) -> Iterator[list[Properties]]:
        """All objects of a kind (HostSystem, VirtualMachine ...) below the root that the account sees, page by page.

        Properties that an object does not have, or that the server's version does not know, are left out.

        Raises:
            VSphereError: the server fails or refuses.
        """
        managed = getattr(vim, kind)
        collector = self._content.propertyCollector
        token = ""
        with _translated():
            view = self._content.viewManager.CreateContainerView(self._content.rootFolder, [managed], True)
        try:
            with _translated():
                page = self._first_page(view, managed, list(paths))
            while page is not None:
                token = page.token
                yield [_plain(found) for found in page.objects]
                if not token:
                    break
                with _translated():
                    page = collector.ContinueRetrievePropertiesEx(token)
        finally:
            with contextlib.suppress(Exception):
                if token:
                    collector.CancelRetrievePropertiesEx(token)
            with contextlib.suppress(Exception):
                view.DestroyView()

    def _first_page(self, view: Any, managed: Any, paths: list[str]) -> Any:
        query = vmodl.query.PropertyCollector
        selection = query.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
        objects = [query.ObjectSpec(obj=view, skip=True, selectSet=[selection])]
        while True:
            spec = query.FilterSpec(objectSet=objects, propSet=[query.PropertySpec(type=managed, pathSet=paths)])
            try:
                return self._content.propertyCollector.RetrievePropertiesEx(
                    [spec], query.RetrieveOptions(maxObjects=self._page_size)
                )
            except vmodl.query.InvalidProperty as fault:
                # An older server refuses the whole question for one property that it does not know.
                if fault.name not in paths:
                    raise
                paths = [path for path in paths if path != fault.name]


def log_in(
    host: str, port: int, user: str, password: str, *, context: ssl.SSLContext, timeout_seconds: int, page_size: int
) -> VSphere:
    """Opens a session, after a look at whether a vSphere server answers there at all.

    Raises:
        VSphereError: wrong host, port, certificate, user or password; or it is no vCenter Server.
    """
    _probe(host, port, context, timeout_seconds)
    with _translated():
        instance = SmartConnect(
            host=host, port=port, user=user, pwd=password, sslContext=context, httpConnectionTimeout=timeout_seconds
        )
    session = VSphere(instance, page_size)
    if session.about.apiType != "VirtualCenter":
        session.close()
        raise VSphereError(
            f"{host} is {session.about.fullName}, not a vCenter Server.", "Give the host name of the vCenter Server."
        )
    return session


def _probe(host: str, port: int, context: ssl.SSLContext, timeout_seconds: int) -> None:
    connection = http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=context)
    try:
        with _translated():
            connection.request("GET", VERSIONS_PATH)
            response = connection.getresponse()
            body = response.read(1 << 20)
    finally:
        connection.close()
    with contextlib.suppress(ElementTree.ParseError):
        # The document comes from a server that TLS has vouched for, and is cut to a megabyte.
        if response.status == 200 and ElementTree.fromstring(body).tag == "namespaces":  # noqa: S314
            return
    raise VSphereError(
        f"a web server answers at {host}:{port}, but it is not vSphere (HTTP {response.status} for {VERSIONS_PATH}).",
        "Correct `host` and `port`.",
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except vim.fault.InvalidLogin as fault:
        raise VSphereError(
            "the server refuses user name or password.", "Correct `username`, and the variable that holds the password."
        ) from fault
    except vim.fault.NoPermission as fault:
        raise VSphereError(
            f"the account lacks the privilege {fault.privilegeId}.",
            "Give it the role Read-only at the vCenter root, with propagation to children.",
        ) from fault
    except vmodl.fault.SecurityError as fault:
        raise VSphereError(f"the server refuses: {_said(fault)}.", "Check the account's permissions.") from fault
    except vmodl.MethodFault as fault:
        raise VSphereError(f"the server failed: {_said(fault)}.", "Try again; look into the server's log.") from fault
    except ssl.SSLCertVerificationError as error:
        raise VSphereError(
            f"the server's certificate is not trusted ({error.verify_message}).",
            "Give the certificate authority's file as `ca_file` (https://<vcenter>/certs/download.zip has it), "
            "and the name that stands in the certificate as `host`.",
        ) from error
    except ssl.SSLError as error:
        raise VSphereError(f"TLS failed ({error.reason or error}).", "Correct `port`; it should be 443.") from error
    except socket.gaierror as error:
        raise VSphereError("the host name cannot be resolved.", "Correct `host`.") from error
    except TimeoutError as error:
        raise VSphereError("the server did not answer in time.", "Check host, port and firewall.") from error
    except (OSError, http.client.HTTPException, ElementTree.ParseError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise VSphereError(f"the connection failed ({reason}).", "Check host, port and firewall.") from error


def _said(fault: Any) -> str:
    text = (fault.msg or type(fault).__name__).strip().rstrip(".")
    return text.splitlines()[0] if text else type(fault).__name__


def _plain(found: Any) -> Properties:
    values = {
        entry.name: entry.val._GetMoId() if isinstance(entry.val, ManagedObject) else entry.val
        for entry in found.propSet
    }
    forbidden = tuple(
        missing.path for missing in found.missingSet if isinstance(missing.fault, vmodl.fault.SecurityError)
    )
    return Properties(found.obj._GetMoId(), values, forbidden)
