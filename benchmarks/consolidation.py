"""How long consolidation takes and how much memory: 1.0 million source device records, 20 million software rows.

    python -m benchmarks.consolidation                      # both runs and the comparison of their results
    python -m benchmarks.consolidation --scale 0.01         # a hundredth of it
    python -m benchmarks.consolidation --steps              # with the time of every table

The estate is generated as raw Parquet files of four connectors (kept in `--folder`, so that a second call starts at
once): 400,000 machines, of which 5 % have placeholder serial numbers, 1 % cloned UUIDs, 2 % a dock's MAC address. Each
run is a process of its own; memory is the peak resident size of that process, all libraries included. The limited run
gives the engine so much that the whole process stays below 2 GB. Both must give the same tables, compared by a hash
over all rows that does not depend on their order. `copy` is the floor that ratios are of: DuckDB reads the same raw
rows and writes them as Parquet again, and does nothing else.
"""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes its compute functions at import, where pyright does not see them)

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from inventory_pipeline.consolidation.build import Inputs, build_tables
from inventory_pipeline.consolidation.engine import DuckDBEngine
from inventory_pipeline.consolidation.policy import ConsolidationPolicy
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.records import TABLES

CONNECTORS = {"sccm": "sccm", "intune": "intune", "wsus": "wsus", "files": "file_upload"}
MACHINES = 400_000
RUNS = (("default", "6GB"), ("2 GB", "1200MB"))
LIMIT_MB = 2000

# Which machines a connector knows, and the software rows of each.
_KNOWN = {"sccm": ("true", 30), "intune": ("m % 8 < 5", 32), "wsus": ("m % 8 >= 3", 0), "files": ("m % 4 = 0", 0)}
_DEVICE = """
select
  '{connector}-' || lpad(m::varchar, 7, '0') as source_device_id,
  case when m % 50 = 7 and '{connector}' = 'files' then 'OLD-' || m else 'PC' || lpad(m::varchar, 7, '0') end as name,
  case when '{connector}' in ('sccm', 'wsus') then 'pc' || lpad(m::varchar, 7, '0') || '.corp.example.com' end as fqdn,
  'corp.example.com' as domain,
  case when '{connector}' <> 'wsus' then (['Dell Inc.', 'HP', 'LENOVO', 'Microsoft Corporation'])[m % 4 + 1] end
    as manufacturer,
  (['Latitude 7440', 'EliteBook 840 G9', '21CB', 'Surface Pro 9'])[m % 4 + 1] as model,
  case when '{connector}' = 'wsus' then null when m % 20 = 3 then 'To be filled by O.E.M.'
    else upper(substr(md5('serial' || m), 1, 8)) end as serial_number,
  case when '{connector}' in ('sccm', 'files') then case when m % 100 = 11 then md5('clone' || (m // 10000))
    else md5('uuid' || m) end end as smbios_uuid,
  (['Windows 11 Pro', 'Windows 10 Enterprise', 'Windows Server 2022 Standard'])[m % 3 + 1] as os_name,
  '10.0.' || (19041 + case when hash(m, '{connector}', 2) % 30 = 0 then 9 else m % 9 end) as os_version,
  8192 * (1 + m % 4) as memory_mb,
  ['00:25:90:' || substr(md5('mac' || m), 1, 2) || ':' || substr(md5('mac' || m), 3, 2) || ':'
    || substr(md5('mac' || m), 5, 2),
    case when m % 50 = 9 then '00:50:b6:00:00:' || lpad((m % 90)::varchar, 2, '0') end]
    as mac_addresses,
  case when '{connector}' = 'intune' then 'user' || m || '@example.com' end as primary_user,
  timestamp '2026-06-30 08:00:00' - to_minutes(cast(hash(m, '{connector}') % 40000 as bigint)) as inventory_date,
  false as is_obsolete,
  source_device_id as unit_key, cast(h as bigint) as row_hash
from (select range as m, hash(range, 1) >> 2 from range({machines})) as t(m, h)
where {known}
order by source_device_id
"""
_SOFTWARE = """
select
  '{connector}-' || lpad(m::varchar, 7, '0') as source_device_id,
  'Product ' || product || case when product % 7 = 0 then ' (x64)' else '' end as title,
  'Vendor ' || (product % 900) as publisher,
  (product % 30) || '.' || version || case when '{connector}' = 'sccm' then '' else '.0' end as version,
  date '2026-06-01' - cast(hash(m, product) % 900 as integer) as install_date,
  case when product % 3 = 0 and '{connector}' = 'sccm' then '{{' || md5(product::varchar) || '}}' end as product_code,
  case when '{connector}' = 'sccm' then 'registry' else 'detected_app' end as origin,
  source_device_id as unit_key, cast(hash(m, product, version) >> 1 as bigint) as row_hash
from (
  select m, 300 * k + cast(floor(300 * pow((hash(m, k) % 100000) / 100000.0, 2)) as integer) as product,
    (hash(m, k, 5) % 12) as version
  from range({machines}) as a(m), range({each}) as b(k)
  where {known}
) as drawn
order by source_device_id
"""
_USAGE = """
select source_device_id, title, publisher, version, timestamp '2026-06-30 08:00:00' - to_hours(
    cast(row_hash % 4000 as bigint)) as last_used, unit_key, row_hash
from ({software}) where row_hash % 12 = 0
"""
_PROCESSOR = """
select source_device_id, '0' as slot, 'GenuineIntel' as vendor, 'Intel(R) Core(TM) i' || (memory_mb // 8192) || ' CPU'
  as name, 1 as sockets, 8 as cores, 16 as logical_cores, unit_key, row_hash
from ({device})
"""


class ParsingNormalizer:
    """Takes publisher and title as they stand; the time of real rules is measured by their own benchmark."""

    def software(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        rows = distinct.num_rows
        title = pc.replace_substring_regex(distinct["title"], r" \(x64\)$", "")
        product = pc.utf8_lower(pc.binary_join_element_wise(distinct["publisher"], title, "/"))
        version = pc.replace_substring_regex(distinct["version"], r"^(\d+[.]\d+)[.]0$", r"\1")
        return pa.table(
            {
                "software_key": distinct["software_key"],
                "product_id": product,
                "vendor": distinct["publisher"],
                "title": title,
                "version": version,
                "parent_product_id": pa.nulls(rows, pa.string()),
                "kind": pa.array(["application"] * rows),
                "licensable": pa.array(["unknown"] * rows),
                "decided_by": pa.array(["parsed"] * rows),
            }
        )

    def models(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        return pa.table({"vendor": distinct["manufacturer"], "model": distinct["model"]})

    def processors(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        return distinct.select(["vendor"])


def generate(folder: Path, machines: int) -> dict[str, list[str]]:
    """Raw Parquet files by canonical table; nothing is done where they are there already."""
    listing = folder / "files.json"
    if listing.exists():
        return json.loads(listing.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[str]] = {}
    with duckdb.connect(config={"threads": 2, "memory_limit": "8GB", "temp_directory": str(folder)}) as connection:
        for connector, (known, each) in _KNOWN.items():
            values = {"connector": connector, "machines": machines, "known": known, "each": each}
            device = _DEVICE.format(**values)
            queries = {"device": device}
            if connector in {"sccm", "intune"}:
                queries["processor"] = _PROCESSOR.format(device=device)
                queries["software"] = _SOFTWARE.format(**values)
            if connector == "sccm":
                queries["software_usage"] = _USAGE.format(software=queries["software"])
            for table, query in queries.items():
                file = str(folder / f"{table}-{connector}.parquet")
                stated = (
                    f"select '{connector}' as connector, timestamp '2026-06-30 12:00:00' as observed_at, * "
                    f"from ({query})"
                )
                names = {row[0] for row in connection.execute(f"describe {stated}").fetchall()}
                columns = ", ".join(
                    f"cast({_named(field.name) if field.name in names else 'null'} as {_sql_type(field.type)}) "
                    f"as {_named(field.name)}"
                    for field in TABLES[table].raw_schema
                )
                connection.execute(
                    f"copy (select {columns} from ({stated})) to '{file}' (format parquet, compression zstd)"
                )
                found.setdefault(table, []).append(file)
    listing.write_text(json.dumps(found))
    return found


def _named(name: str) -> str:
    return f'"{name}"'


def _sql_type(kind: pa.DataType) -> str:
    return {
        "string": "varchar", "int64": "bigint", "double": "double", "bool": "boolean", "timestamp[us]": "timestamp",
        "date32[day]": "date",
    }.get(str(kind), "varchar[]")  # fmt: skip


def consolidate(files: dict[str, list[str]], target: Path, memory_limit: str, steps: bool) -> dict[str, object]:
    """Builds and writes all release tables in this process; returns its figures and a hash per table."""
    engine = DuckDBEngine(memory_limit, 2)
    for name, table in TABLES.items():
        engine.register_parquet(f"raw_{name}", files.get(name, []), table.raw_schema)
    inputs = Inputs(CONNECTORS, ParsingNormalizer(), RELEASE_TABLES["freshness"].arrow_schema.empty_table())
    rows: dict[str, int] = {}
    started, before = time.perf_counter(), _cpu()
    for name in build_tables(engine, inputs, ConsolidationPolicy()):
        table = RELEASE_TABLES[name]
        names = ", ".join(f'"{column}"' for column in table.column_names)
        rows[name], _ = engine.write(f"select {names} from {name}", target / name, table.arrow_schema)
        if steps:
            print(
                f"  {time.perf_counter() - started:7.1f} s  {_cpu() - before:7.1f} CPU s  {name}: {rows[name]:,}",
                file=sys.stderr,
            )
    wall, cpu = time.perf_counter() - started, _cpu() - before
    engine.close()
    peak = _peak_mb()
    return {"wall": wall, "cpu": cpu, "peak_mb": peak, "rows": rows}


def copy(files: dict[str, list[str]], target: Path) -> dict[str, object]:
    """Reads every raw row and writes it again; returns the figures of that alone."""
    started, before = time.perf_counter(), _cpu()
    target.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 2, "memory_limit": "6GB", "preserve_insertion_order": False}) as connection:
        for name, paths in files.items():
            connection.execute(
                f"copy (select * from read_parquet({paths})) to '{target / name}.parquet' "
                "(format parquet, compression zstd)"
            ).fetchall()
    return {"wall": time.perf_counter() - started, "cpu": _cpu() - before, "peak_mb": _peak_mb(), "rows": {}}


def _peak_mb() -> float:
    # Of this program since it was started; getrusage would include what its parent had before.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def hashes(target: Path) -> dict[str, str]:
    """Per table a hash over all rows that does not depend on their order."""
    with duckdb.connect(config={"threads": 2}) as connection:
        return {
            name: str(
                connection.execute(
                    f"select count(*), sum(hash(t)::hugeint) from read_parquet('{target / name}/*.parquet') as t"
                ).fetchone()
            )
            for name in RELEASE_TABLES
        }


def main() -> int:
    """Prints one line per run, and whether the results are the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the 400,000 machines")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "inventory-benchmark")
    parser.add_argument("--steps", action="store_true", help="print the time at every table")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--memory-limit", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder / f"scale-{options.scale:g}"
    files = generate(folder / "raw", int(MACHINES * options.scale))
    if options.run == "copy":
        print(json.dumps(copy(files, folder / "copy")))
        return 0
    if options.run:
        print(json.dumps(consolidate(files, folder / options.run, options.memory_limit, options.steps)))
        return 0
    found: list[dict[str, str]] = []
    floor = _in_a_process(options, "copy", "")
    print(f"copy     {floor['cpu']:.0f} CPU s, {floor['wall']:.0f} s wall, peak {floor['peak_mb']:,.0f} MB", flush=True)
    exceeded = False
    for name, memory_limit in RUNS:
        target = name.replace(" ", "")
        figures = _in_a_process(options, target, memory_limit)
        rows = figures["rows"]
        exceeded = exceeded or (name == "2 GB" and figures["peak_mb"] > LIMIT_MB)
        print(
            f"{name:8} {rows['device_record']:,} records, {rows['installation_record']:,} software rows -> "
            f"{rows['device']:,} devices, {rows['installation']:,} installations: {figures['cpu']:.0f} CPU s, "
            f"{figures['wall']:.0f} s wall, peak {figures['peak_mb']:,.0f} MB (engine limit {memory_limit}), "
            f"{figures['cpu'] / floor['cpu']:.1f} x the CPU of a copy",
            flush=True,
        )
        found.append(hashes(folder / target))
    same = found[0] == found[1]
    print(
        "Both runs give the same tables."
        if same
        else f"DIFFERENT: {[t for t in found[0] if found[0][t] != found[1][t]]}"
    )
    if exceeded:
        print(f"The limited run needed more than {LIMIT_MB:,} MB.")
    return 0 if same and not exceeded else 1


def _in_a_process(options: argparse.Namespace, run: str, memory_limit: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.consolidation", "--scale", str(options.scale)]
    command += ["--folder", str(options.folder), "--run", run, "--memory-limit", memory_limit]
    command += ["--steps"] if options.steps else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
