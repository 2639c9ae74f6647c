"""Many statements on several cores: other processes decide parts of the rows, with the same result in the same order.

A worker is a plain `python -m inventory_pipeline.normalization.parallel` with the catalog and its rows in a folder, so
that nothing of the calling process (its threads, connections, main module) comes along.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from pyarrow import feather

from inventory_pipeline.catalog.model import Catalog

FEWEST_ROWS = 100_000
"""Rows from which on other processes are worth their start."""
MOST_PROCESSES = 4

_log = logging.getLogger("inventory_pipeline.normalization")


def decide_in_parallel(distinct: pa.Table, catalog: Catalog, processes: int | None = None) -> pa.Table:
    """`software.decide_table`, on as many cores as there are (at most four) when there are many rows.

    A part whose worker fails is decided in this process.
    """
    from inventory_pipeline.normalization.software import decide_table

    count = processes or (1 if distinct.num_rows < FEWEST_ROWS else min(_cores(), MOST_PROCESSES))
    if count < 2:
        return decide_table(distinct, catalog)
    size = -(-distinct.num_rows // count)
    own, *others = [distinct.slice(start, size) for start in range(0, distinct.num_rows, size)]
    with tempfile.TemporaryDirectory(prefix="inventory-") as folder:
        workers = _start(Path(folder), others, catalog)
        parts = [decide_table(own, catalog)]
        for part, worker, answer in workers:
            failed = worker.wait() != 0 if worker else True
            if failed:
                _log.warning("A worker of normalization failed; its rows are decided here.")
            parts.append(decide_table(part, catalog) if failed else feather.read_table(answer, memory_map=False))
    return pa.concat_tables(parts)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start(
    folder: Path, parts: list[pa.Table], catalog: Catalog
) -> list[tuple[pa.Table, subprocess.Popen[bytes] | None, Path]]:
    (folder / "catalog").write_bytes(pickle.dumps(catalog, protocol=pickle.HIGHEST_PROTOCOL))
    started: list[tuple[pa.Table, subprocess.Popen[bytes] | None, Path]] = []
    for number, part in enumerate(parts):
        rows, answer = folder / f"rows-{number}", folder / f"decided-{number}"
        feather.write_feather(part, rows, compression="uncompressed")
        command = [sys.executable, "-m", __name__, str(folder / "catalog"), str(rows), str(answer)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        try:
            worker = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603 (ourselves)
        except OSError:
            worker = None
        started.append((part, worker, answer))
    return started


def _work(catalog_file: str, rows: str, answer: str) -> None:
    from inventory_pipeline.normalization.software import decide_table

    catalog = pickle.loads(Path(catalog_file).read_bytes())  # noqa: S301 (written by the process that started this one)
    feather.write_feather(decide_table(feather.read_table(rows), catalog), answer, compression="uncompressed")


if __name__ == "__main__":
    _work(*sys.argv[1:4])
