"""Several cores give what one gives, and a worker that fails costs time only."""

from __future__ import annotations

import sys

import pytest

from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.parallel import decide_in_parallel
from inventory_pipeline.normalization.software import CHUNK, decide_table
from inventory_pipeline_tests.normalization.conftest import statements
from inventory_pipeline_tests.normalization.test_real_titles import TITLES


def test_processes_and_chunks_do_not_matter(catalog: Catalog) -> None:
    table = statements([{"title": r["title"], "publisher": r["publisher"], "version": r["version"]} for r in TITLES])
    alone = decide_table(table, catalog)
    assert len(TITLES) < CHUNK
    assert decide_in_parallel(table, catalog, processes=3).equals(alone)
    one_by_one = [decide_table(table.slice(n, 1), catalog).to_pylist()[0] for n in range(10)]
    assert one_by_one == alone.slice(0, 10).to_pylist()


def test_a_failed_worker_is_made_up_for(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = statements([{"title": "Google Chrome", "publisher": "Google LLC"}] * 4)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    decided = decide_in_parallel(table, catalog, processes=2)
    assert decided.column("product_id").to_pylist() == ["google/chrome"] * 4
    assert "A worker of normalization failed" in caplog.text
