"""The shipped catalog, and a short way to ask about one statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.software import IN_COLUMNS, normalize_software

Ask = Callable[..., dict[str, Any]]


def statements(rows: list[dict[str, str | None]]) -> pa.Table:
    """Rows as the table that `normalize_software` takes, keyed by their place."""
    return pa.table(
        {
            name: pa.array([str(n) if name == "software_key" else r.get(name) for n, r in enumerate(rows)], pa.string())
            for name in IN_COLUMNS
        }
    )


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def ask(catalog: Catalog) -> Ask:
    def _ask(
        title: str | None, publisher: str | None = None, version: str | None = None, **more: Any
    ) -> dict[str, Any]:
        used = more.pop("catalog", catalog)
        row = {"title": title, "publisher": publisher, "version": version, **more}
        return normalize_software(statements([row]), used).to_pylist()[0]

    return _ask
