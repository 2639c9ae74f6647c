"""DuckDB connections for work on raw data: bounded memory, spilling into a folder of the run's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from inventory_pipeline.repository.policy import SyncPolicy


@contextmanager
def working_connection(policy: SyncPolicy, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database under the policy's memory limit that spills into `spill`."""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = ?", [policy.memory_limit])
        connection.execute("SET temp_directory = ?", [str(spill)])
        connection.execute("SET threads = ?", [policy.threads])
        yield connection
