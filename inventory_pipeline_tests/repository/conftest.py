"""Stores for tests of the repository, on SQLite and a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest

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
