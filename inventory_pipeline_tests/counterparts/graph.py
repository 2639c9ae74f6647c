"""Entra and Graph as a real HTTPS server on localhost, with a certificate of its own and faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from inventory_pipeline_tests.counterparts.graph_answers import GraphAnswers
from inventory_pipeline_tests.counterparts.graph_faults import Request
from inventory_pipeline_tests.counterparts.graph_tenant import Tenant, example_tenant
from inventory_pipeline_tests.counterparts.https import QuietHandler, certified, serving


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
    ca_file, context = certified(folder)

    class Handler(QuietHandler):
        def respond(self) -> None:
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
            self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.cut_off()

    with serving(Handler, context) as answers.root:
        yield GraphServer(answers.root, ca_file, answers)
