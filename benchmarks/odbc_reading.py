"""A million software rows from ODBC to committed raw Parquet, beside bare readers of the same rows.

    python -m benchmarks.odbc_reading                 # 1,000,000 rows on 10,000 devices
    python -m benchmarks.odbc_reading --rows 100000
    python -m benchmarks.odbc_reading --driver microsoft   # the driver of the package mssql-python-odbc

`pip install -e .[benchmarks,microsoft]` brings what it compares with. A server that speaks SQL Server's protocol serves
a generated ConfigMgr site from a process of its own; FreeTDS or Microsoft's driver reads it. Each way is a process of
its own: `pyodbc` fetches the rows of the view and throws them away, `arrow-odbc` reads the same statement into Arrow,
`dlt` loads the same columns into Parquet files by dlt's `sql_table` with its backend pyarrow, `dlt-rows` with its
backend sqlalchemy, `read` is what the connector yields in canonical columns, `sync` is a first sync of the category
software until its commit (keys, stamps, checks and the ledger included), `again` a second one that finds nothing new.
CPU seconds and memory (peak resident size) are the client's; the ratio is to `pyodbc`.
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
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import duckdb
import sqlalchemy as sa
from pyarrow import parquet

from inventory_pipeline.connectors.base import RefusedUnit, Secret
from inventory_pipeline.connectors.odbc import FREETDS, OdbcTarget, connection_string, driver_of_wheel
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


@dataclass(frozen=True)
class Place:
    """Where a way reads, by which driver, and where it may write."""

    port: int
    driver: str
    folder: str
    connections: int = 1

    @property
    def text(self) -> str:
        return connection_string(
            OdbcTarget(self.driver, "127.0.0.1", self.port, DATABASE, USER, PASSWORD, False, False)
        )

    def connector(self) -> Sccm:
        return Sccm(
            name="Site", server="127.0.0.1", port=self.port, database=DATABASE, username=USER,
            password=Secret(env=VARIABLE), encrypt=False, driver=self.driver, connections=self.connections,
        )  # fmt: skip


def _pyodbc(place: Place) -> int:
    import pyodbc

    cursor = pyodbc.connect(place.text).cursor().execute(STATEMENT)
    rows = 0
    while batch := cursor.fetchmany(10_000):
        rows += len(batch)
    return rows


def _arrow_odbc(place: Place) -> int:
    from arrow_odbc import read_arrow_batches_from_odbc

    reader = read_arrow_batches_from_odbc(
        query=STATEMENT, connection_string=place.text, batch_size=10_000, max_text_size=512
    )
    return sum(batch.num_rows for batch in reader)


def _dlt(place: Place, backend: Literal["pyarrow", "sqlalchemy"] = "pyarrow") -> int:
    import dlt  # pyright: ignore[reportMissingImports]
    from dlt.destinations import filesystem  # pyright: ignore[reportMissingImports]
    from dlt.sources.sql_database import sql_table  # pyright: ignore[reportMissingImports]

    name = "v_GS_ADD_REMOVE_PROGRAMS_64"
    texts = ("ProdID0", "DisplayName0", "Publisher0", "Version0", "InstallDate0")
    # Declared, as our connector does it, so that its reflection is not measured.
    metadata = sa.MetaData(schema="dbo")
    sa.Table(name, metadata, sa.Column("ResourceID", sa.Integer), *(sa.Column(text, sa.Unicode(512)) for text in texts))
    engine = sa.create_engine(sa.URL.create("mssql+pyodbc", query={"odbc_connect": place.text}))
    table = sql_table(engine, table=name, schema="dbo", metadata=metadata, backend=backend, chunk_size=10_000)
    target = Path(place.folder) / f"dlt-{backend}"
    pipeline = dlt.pipeline(
        "benchmark", destination=filesystem(target.as_uri()), dataset_name="raw", pipelines_dir=f"{target}-state"
    )
    pipeline.run(table, loader_file_format="parquet")
    files = [str(file) for file in target.rglob("*.parquet") if "_dlt" not in str(file.relative_to(target))]
    return sum(parquet.read_metadata(file).num_rows for file in files)


def _read(place: Place) -> int:
    connector = place.connector()
    rows = 0
    with connector.opened():
        for batch in connector.read("software"):
            rows += 0 if isinstance(batch, RefusedUnit) else batch.num_rows
    return rows


def _sync(place: Place) -> int:
    repository = Store(place.folder).ensure("main", "Main")
    report = run_sync(repository, place.connector(), SyncOptions(categories=(Category.software,)))
    print(f"  {report.status}: {report.message}", file=sys.stderr)
    return repository.visible().rows("software")


WAYS: dict[str, Callable[[Place], int]] = {
    "pyodbc": _pyodbc,
    "arrow-odbc": _arrow_odbc,
    "dlt": _dlt,
    "dlt-rows": partial(_dlt, backend="sqlalchemy"),
    "read": _read,
    "sync": _sync,
    "again": _sync,
}


def _measure(way: str, place: Place) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.odbc_reading", "--way", way, "--port", str(place.port)]
    command += ["--folder", place.folder, "--driver", place.driver, "--connections", str(place.connections)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, VARIABLE: PASSWORD}
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a line per way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--driver", default=FREETDS, help="FreeTDS, microsoft, or an ODBC driver by name or path")
    parser.add_argument("--connections", type=int, default=1, help="connections that read side by side")
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        started, before = time.perf_counter(), _cpu()
        rows = WAYS[options.way](Place(options.port, options.driver, options.folder, options.connections))
        figures = {"rows": rows, "wall": time.perf_counter() - started, "cpu": _cpu() - before, "peak_mb": _peak_mb()}
        print(json.dumps(figures))
        return
    driver = driver_of_wheel() if options.driver == "microsoft" else options.driver
    if driver is None:
        parser.error("Microsoft's driver is not there: pip install mssql-python-odbc")
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(options.rows, theirs), daemon=True)
    server.start()
    port = ours.recv()
    try:
        with tempfile.TemporaryDirectory() as folder:
            floor = None
            for way in WAYS:
                figures = _measure(way, Place(port, driver, folder, options.connections))
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
