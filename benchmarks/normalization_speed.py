"""Speed and memory of software normalization beside a plain exact join on the lower-cased title, in the same run.

    python -m benchmarks.normalization_speed                       # 200,000 distinct statements
    python -m benchmarks.normalization_speed --rows 1000000 --curated 50000

Distinct statements are made from the catalog's own titles with versions, architectures and languages behind them, a
fifth of them unknown. Printed are rows per second by the join and by the rules with what share each recognizes, then
of as many undecided statements as `--curated` says how many curation weighs per second; the ratio is to the join.
Memory is the peak of this process (worker processes, one per further core, have their own).
"""

from __future__ import annotations

import argparse
import random
import resource
import time

import duckdb
import pyarrow as pa

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.curation.curate import Curation
from inventory_pipeline.normalization.software import normalize_software

LOAD_SECONDS = 1.0
"""What loading the catalog may take."""


def statements(catalog: Catalog, rows: int) -> pa.Table:
    """Distinct statements, the same for the same number."""
    choose = random.Random(rows)
    products = sorted(catalog.products.values(), key=lambda p: p.product_id)
    behind = ("", " (x64)", " {v}", " {v} (64-bit)", " - de-de", " version {v}", " {v} (x64 en-US)")
    made: dict[str, list[str]] = {name: [] for name in ("software_key", "title", "publisher", "version")}
    for number in range(rows):
        product = choose.choice(products)
        version = f"{choose.randint(1, 30)}.{choose.randint(0, 20)}.{number}"
        known = number % 5 != 0
        title = product.title if known else f"{product.title} Qx{number}"
        made["software_key"].append(str(number))
        made["title"].append(title + choose.choice(behind).format(v=version))
        made["publisher"].append(product.vendor)
        made["version"].append(version)
    return pa.table(made)


def main() -> None:
    """Runs all on the same rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="distinct statements")
    parser.add_argument("--curated", type=int, default=10_000, help="undecided ones that curation weighs")
    options = parser.parse_args()
    started = time.perf_counter()
    catalog = load_catalog()
    took = time.perf_counter() - started
    print(
        f"catalog of {len(catalog.products):,} products loaded in {took:.2f} s, {took / LOAD_SECONDS:.2f} of its limit"
    )
    table = statements(catalog, options.rows)
    titles = pa.table({"title": sorted({t for p in catalog.products.values() for t in (p.title, *p.titles)})})
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.register("statement", table)
        connection.register("known", titles)
        found = connection.execute(
            "select count(*) from statement s semi join known k on lower(k.title) = lower(s.title)"
        ).fetchone()
    joined = _told("exact join", options.rows, started, (found or (0,))[0])
    started = time.perf_counter()
    decided = normalize_software(table, catalog)
    undecided = decided.column("product_id").is_null()
    _told("rules", options.rows, started, options.rows - decided.column("product_id").null_count, joined)
    left = table.filter(undecided).slice(0, options.curated)
    started = time.perf_counter()
    weighed = normalize_software(left, catalog, Curation())
    _told("curation", left.num_rows, started, left.num_rows - weighed.column("product_id").null_count, joined)
    print(f"memory peaks at {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def _told(name: str, rows: int, started: float, recognized: int, joined: float | None = None) -> float:
    seconds = time.perf_counter() - started
    ratio = f"{seconds / rows / joined:8.1f} x the join" if joined else ""
    print(
        f"{name:10} {rows:>9,} rows {seconds:7.1f} s {rows / seconds:>10,.0f} rows/s {recognized / rows:6.1%} {ratio}"
    )
    return seconds / rows


if __name__ == "__main__":
    main()
