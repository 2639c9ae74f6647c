"""Entra and Graph as a real HTTPS server on localhost, with a certificate of its own and faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory_pipeline_tests.counterparts.graph_answers import GraphAnswers
from inventory_pipeline_tests.counterparts.graph_tenant import Tenant, example_tenant
from inventory_pipeline_tests.counterparts.https import answering, certified, serving


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

    with serving(answering(answers.answer), context) as answers.root:
        yield GraphServer(answers.root, ca_file, answers)
