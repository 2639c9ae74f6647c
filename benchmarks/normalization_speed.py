"""Speed of software normalization beside a plain exact join on the lower-cased title, in the same run.

    python benchmarks/normalization_speed.py [ROWS]

ROWS (default 200,000) distinct statements are made from the catalog's own titles with versions, architectures and
languages behind them, a fifth of them unknown. Prints rows per second of both, and what share each recognizes.
"""

from __future__ import annotations

import random
import sys
import time

import duckdb
import pyarrow as pa

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.software import normalize_software


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
    """Runs both on the same rows."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    started = time.perf_counter()
    catalog = load_catalog()
    print(f"catalog loaded in {time.perf_counter() - started:.2f} s: {len(catalog.products):,} products")
    table = statements(catalog, rows)
    titles = pa.table({"title": sorted({t for p in catalog.products.values() for t in (p.title, *p.titles)})})
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.register("statement", table)
        connection.register("known", titles)
        found = connection.execute(
            "select count(*) from statement s semi join known k on lower(k.title) = lower(s.title)"
        ).fetchone()
    seconds = time.perf_counter() - started
    print(f"exact join     {rows / seconds:>12,.0f} rows/s, recognizes {(found or (0,))[0] / rows:.1%}")
    started = time.perf_counter()
    decided = normalize_software(table, catalog)
    seconds = time.perf_counter() - started
    share = 1 - decided.column("product_id").null_count / rows
    print(f"normalization  {rows / seconds:>12,.0f} rows/s, recognizes {share:.1%} ({seconds:.1f} s)")


if __name__ == "__main__":
    main()
