"""A million software rows from ODBC to committed raw Parquet, beside bare readers of the same rows.

    python -m benchmarks.odbc_reading                 # 1,000,000 rows on 10,000 devices
    python -m benchmarks.odbc_reading --rows 100000

A server that speaks SQL Server's protocol serves a generated ConfigMgr site from a process of its own, and FreeTDS
reads it. Each way is a process of its own: `pyodbc` fetches the rows of the view and throws them away, `arrow-odbc`
reads the same statement into Arrow, `read` is what the connector yields in canonical columns, `sync` is a first sync of
the category software until its commit, `again` a second one that finds nothing new. CPU seconds and memory (peak
resident size) are the client's; the ratio is to `pyodbc`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from inventory_pipeline.connectors.base import RefusedUnit, Secret
from inventory_pipeline.connectors.odbc import OdbcTarget, connection_string
from inventory_pipeline.connectors.sccm import Sccm
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync

USER, PASSWORD, VARIABLE = "reader", "benchmark", "BENCHMARK_SCCM_PASSWORD"
DATABASE = "CM_P01"
DEVICES = 10_000
FIRST = 16777217
STATEMENT = (
    "SELECT ResourceID, ProdID0, DisplayName0, Publisher0, Version0, InstallDate0 FROM dbo.v_GS_ADD_REMOVE_PROGRAMS_64"
)


def _serve(rows: int, channel: Connection) -> None:
    from inventory_pipeline_tests.connectors.sites import schema_text
    from inventory_pipeline_tests.counterparts.tds import running_tds_server

    database = duckdb.connect()
    database.execute("CREATE SCHEMA dbo; SET search_path = 'dbo'")
    database.execute(schema_text("configmgr"))
    each = max(1, rows // DEVICES)
    database.execute(
        f"""
        INSERT INTO v_R_System BY NAME SELECT {FIRST} + range AS ResourceID, 5 AS ResourceType,
            'PC' || range AS Name0, 'PC' || range AS Netbios_Name0, 1 AS Client0, 0 AS Obsolete0, 0 AS Decommissioned0
        FROM range({min(DEVICES, rows)});
        INSERT INTO v_GS_WORKSTATION_STATUS SELECT ResourceID, 1, 1, TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-01'
        FROM v_R_System;
        INSERT INTO v_GS_ADD_REMOVE_PROGRAMS_64
        SELECT s.ResourceID, p.range, 1, TIMESTAMP '2026-01-01', '{{' || upper(CAST(uuid() AS VARCHAR)) || '}}',
            'Product ' || hash(p.range) % 5000 || ' Professional (64-bit)', 'Vendor ' || p.range % 90 || ' Corporation',
            p.range % 30 || '.0.' || hash(s.ResourceID, p.range) % 9999, '20250317'
        FROM v_R_System s, range({each}) p ORDER BY ALL
        """
    )
    with running_tds_server({DATABASE: database}, {USER: PASSWORD}) as server:
        channel.send(server.port)
        channel.recv()


def _text(port: int) -> str:
    return connection_string(OdbcTarget("FreeTDS", "127.0.0.1", port, DATABASE, USER, PASSWORD, False, False))


def _connector(port: int) -> Sccm:
    return Sccm(
        name="Site", server="127.0.0.1", port=port, database=DATABASE, username=USER, password=Secret(env=VARIABLE),
        encrypt=False,
    )  # fmt: skip


def _pyodbc(port: int, _: str) -> int:
    import pyodbc

    cursor = pyodbc.connect(_text(port)).cursor().execute(STATEMENT)
    rows = 0
    while batch := cursor.fetchmany(10_000):
        rows += len(batch)
    return rows


def _arrow_odbc(port: int, _: str) -> int:
    from arrow_odbc import read_arrow_batches_from_odbc

    reader = read_arrow_batches_from_odbc(
        query=STATEMENT, connection_string=_text(port), batch_size=10_000, max_text_size=512
    )
    return sum(batch.num_rows for batch in reader)


def _read(port: int, _: str) -> int:
    connector = _connector(port)
    rows = 0
    with connector.opened():
        for batch in connector.read("software"):
            rows += 0 if isinstance(batch, RefusedUnit) else batch.num_rows
    return rows


def _sync(port: int, folder: str) -> int:
    repository = Store(folder).ensure("main", "Main")
    report = run_sync(repository, _connector(port), SyncOptions(categories=(Category.software,)))
    print(f"  {report.status}: {report.message}", file=sys.stderr)
    return repository.visible().rows("software")


WAYS: dict[str, Callable[[int, str], int]] = {
    "pyodbc": _pyodbc,
    "arrow-odbc": _arrow_odbc,
    "read": _read,
    "sync": _sync,
    "again": _sync,
}


def _measure(way: str, port: int, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.odbc_reading", "--way", way, "--port", str(port), "--folder", folder]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, VARIABLE: PASSWORD}
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a line per way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        started, before = time.perf_counter(), _cpu()
        rows = WAYS[options.way](options.port, options.folder)
        figures = {"rows": rows, "wall": time.perf_counter() - started, "cpu": _cpu() - before, "peak_mb": _peak_mb()}
        print(json.dumps(figures))
        return
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(options.rows, theirs), daemon=True)
    server.start()
    port = ours.recv()
    try:
        with tempfile.TemporaryDirectory() as folder:
            floor = None
            for way in WAYS:
                figures = _measure(way, port, folder)
                floor = floor or figures
                print(
                    f"{way:10} {figures['rows']:>9,} rows {figures['wall']:6.1f} s wall {figures['cpu']:6.1f} CPU s "
                    f"{figures['rows'] / figures['wall']:9,.0f} rows/s  peak {figures['peak_mb']:5,.0f} MB  "
                    f"{figures['wall'] / floor['wall']:5.2f} x wall, {figures['cpu'] / floor['cpu']:5.2f} x CPU of "
                    "pyodbc",
                    flush=True,
                )
    finally:
        ours.send("end")
        server.join(10)
        server.terminate()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_mb() -> float:
    # Of this program since it was started; getrusage would include what its parent had before.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
