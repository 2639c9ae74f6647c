"""The example instance of ServiceNow, connectors to it, and what they bring, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import RefusedUnit, Secret, TestReport
from inventory_pipeline.connectors.servicenow import ServiceNow
from inventory_pipeline.records import Category
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, SyncReport, run_sync
from inventory_pipeline_tests.counterparts.servicenow import (
    CLIENT_ID,
    CLIENT_SECRET,
    PASSWORD,
    USERNAME,
    ServiceNowServer,
    running_servicenow,
)
from inventory_pipeline_tests.counterparts.servicenow_instance import COMPUTER, example_instance

Row = dict[str, Any]
ACCOUNT = {"username": USERNAME, "password": Secret(env="SERVICENOW_PASSWORD")}
STALE = {"username": USERNAME, "password": Secret(env="SERVICENOW_STALE")}
CLIENT = {"client_id": CLIENT_ID, "client_secret": Secret(env="SERVICENOW_SECRET")}


@contextmanager
def running_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceNowServer]:
    """The example instance behind a server, and the secrets in the environment."""
    monkeypatch.setenv("SERVICENOW_PASSWORD", PASSWORD)
    monkeypatch.setenv("SERVICENOW_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("SERVICENOW_STALE", "stale")
    with running_servicenow(folder / "server", example_instance()) as running:
        yield running


def empty_repository(folder: Path) -> Repository:
    """A repository whose guard does not interfere with small sources."""
    policy = SyncPolicy(guard_share=1.0, reject_share=0.5)
    store = Store(str(folder / "store"), f"sqlite:///{folder / 'ledger.sqlite'}", policy)
    store.ensure("main", "Main", "inventory")
    return store.repository("main")


def by_account(server: ServiceNowServer, **fields: Any) -> ServiceNow:
    """A connector that signs in by name and password."""
    given = {"url": server.url, "ca_file": str(server.ca_file), **ACCOUNT, "patience_seconds": 20}
    return ServiceNow(name="CMDB", **{**given, **fields})


def by_client(server: ServiceNowServer, **fields: Any) -> ServiceNow:
    """A connector that signs in as an OAuth client."""
    given = {"url": server.url, "ca_file": str(server.ca_file), **CLIENT, "patience_seconds": 20}
    return ServiceNow(name="CMDB", **{**given, **fields})


def many(server: ServiceNowServer, count: int) -> list[str]:
    """More computers; sys_ids of all, in order."""
    for number in range(count):
        server.instance.insert(COMPUTER, f"PC-{number}", name=f"PC-{number}")
    return sorted(key for key, name in server.instance.classes.items() if name.startswith("cmdb_ci_"))


def rows(connector: ServiceNow, table: str) -> list[Row]:
    """Rows of a table, without their empty values."""
    found = []
    with connector.opened():
        for batch in connector.read(table):
            assert not isinstance(batch, RefusedUnit)
            found += [{k: v for k, v in row.items() if v is not None} for row in batch.to_pylist()]
    return found


def sync(repository: Repository, connector: ServiceNow, *categories: Category) -> SyncReport:
    """A sync of some categories, of devices without any."""
    return run_sync(repository, connector, SyncOptions(categories=categories or (Category.device,)))


def names(repository: Repository) -> set[str]:
    """Names of the devices of a repository."""
    return set(repository.visible().arrow("device").column("name").to_pylist())


def said(report: TestReport) -> str:
    """All that a Test says."""
    return " ".join(f"{check.message} {check.cure}" for checks in report.checks.values() for check in checks)
