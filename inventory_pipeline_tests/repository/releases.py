"""Small releases for tests: two tables, published like a consolidation publishes them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from inventory_pipeline.repository.release import Release, ReleaseBuild, begin_release
from inventory_pipeline.repository.store import Repository

VIEWS = {"named": "SELECT name FROM device WHERE name IS NOT NULL"}


def build(repository: Repository, *names: str | None, **columns: pa.Array) -> ReleaseBuild:
    """A release that is built and not published yet: a device per name, and `columns` besides."""
    begun = begin_release(repository, run_id="run-1")
    ids = [f"id{number}" for number in range(len(names))]
    tables = {
        "device": pa.table({"device_id": ids, "name": pa.array(names, pa.string()), **columns}),
        "freshness": pa.table({"connector": ["fixture"], "last_status": ["committed"]}),
    }
    for name, table in tables.items():
        begun.path(name).mkdir(parents=True, exist_ok=True)
        pq.write_table(table, begun.path(name) / "part-0.parquet")
        begun.add(name, table.num_rows, ["part-0.parquet"])
    return begun


def publish(repository: Repository, *names: str | None, **columns: pa.Array) -> Release:
    """A published release."""
    checks = [{"name": "c", "table": "device", "passed": True, "blocking": True, "message": "", "metadata": {}}]
    return build(repository, *names, **columns).publish(checks, {"run_id": "run-1"}, VIEWS)
