"""Entra and Graph as a real HTTPS server on localhost, with a certificate of its own and faults."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from inventory_pipeline_tests.counterparts.graph_answers import GraphAnswers
from inventory_pipeline_tests.counterparts.graph_faults import Request
from inventory_pipeline_tests.counterparts.graph_tenant import Tenant, example_tenant


@dataclass
class GraphServer:
    """A running server: where it is, what signed its certificate, and what it answers."""

    url: str
    ca_file: Path
    answers: GraphAnswers

    @property
    def fields(self) -> dict[str, Any]:
        """Settings of a connector to it, but for the way to sign in."""
        return {
            "tenant_id": self.answers.tenant_id,
            "client_id": self.answers.client_id,
            "graph_url": self.url,
            "login_url": self.url,
            "ca_file": str(self.ca_file),
            "patience_seconds": 20,
        }


@contextmanager
def running_graph(folder: Path, tenant: Tenant | None = None, **settings: Any) -> Iterator[GraphServer]:
    """Runs a server for a tenant (the small example company without one); settings are those of GraphAnswers."""
    answers = GraphAnswers(tenant=tenant or example_tenant(), **settings)
    certificate, key = self_signed("localhost")
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, both = folder / "graph-ca.pem", folder / "graph.pem"
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    both.write_bytes(key_pem(key) + ca_file.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError, ssl.SSLError):
                super().handle()

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            request = Request(
                self.command,
                unquote(parts.path),
                {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(size) if size else b"",
            )
            answer = answers.answer(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.cut is None:
                self.wfile.write(answer.body)
                return
            self.wfile.write(answer.body[: answer.cut])
            self.wfile.flush()
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def do_POST(self) -> None:
            self.do_GET()

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 32

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not trust the certificate is no failure of the server."""

    server = Server(("127.0.0.1", 0), Handler)
    answers.root = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield GraphServer(answers.root, ca_file, answers)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def self_signed(name: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """A certificate that is its own authority, and its key."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def key_pem(key: rsa.RSAPrivateKey, password: str | None = None) -> bytes:
    """A private key as PEM."""
    how = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
