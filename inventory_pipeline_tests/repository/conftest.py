"""Stores for tests of the repository, on SQLite and a local folder, and a real HTTP S3 server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest
from moto.server import ThreadedMotoServer

from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline_tests.repository.sources import Source, estate


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store with the default policy and the repositories `main` and `other`."""
    store = Store(tmp_path / "data", policy=SyncPolicy())
    store.ensure("main", "Main Inventory")
    store.ensure("other", "Other Inventory")
    return store


@pytest.fixture
def repository(store: Store) -> Repository:
    """The repository `main`."""
    return store.repository("main")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A source with ten devices, software on each, two groups."""
    return estate(tmp_path / "source.json")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Host and port of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty bucket's folder."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    bucket = f"inventory-{uuid.uuid4().hex[:8]}"
    boto3.client("s3", endpoint_url=f"http://{s3_server}", region_name="us-east-1").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/site-one/inventory?endpoint_override={quote(s3_server)}&scheme=http&region=us-east-1"
