"""A small estate to write tests with: raw rows as sources state them, and the release tables that come of them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from inventory_pipeline.consolidation.build import Inputs, build_tables
from inventory_pipeline.consolidation.engine import DuckDBEngine
from inventory_pipeline.consolidation.policy import ConsolidationPolicy
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.records import TABLES

READ_AT = dt.datetime(2026, 6, 30, 12)
TODAY = dt.datetime(2026, 6, 30, 8)
PARTS = {"update", "component", "language_pack"}


def day(ago: float) -> dt.datetime:
    """A time so many days before the estate's last inventory."""
    return TODAY - dt.timedelta(days=ago)


class StatedNormalizer:
    """Takes `Vendor: Title` for a product, `X (update of Vendor: Title)` for a part of one; the rest is unknown."""

    def software(self, distinct: pa.Table) -> pa.Table:
        rows = []
        for row in distinct.to_pylist():
            title, kind, parent = row["title"], "application", None
            for part in PARTS:
                if f"({part} of " in title:
                    title, _, rest = title.partition(f" ({part} of ")
                    kind, parent = part, _slug(rest.rstrip(")"))
            known = ": " in title or parent is not None
            is_ignored = title.startswith("ignore ")
            rows.append(
                {
                    "software_key": row["software_key"],
                    "product_id": _slug(title) if ": " in title else None,
                    "vendor": title.partition(": ")[0] if ": " in title else None,
                    "title": title.partition(": ")[2] if ": " in title else None,
                    "edition": row["edition"],
                    "version": row["version"],
                    "kind": kind,
                    "parent_product_id": parent,
                    "decided_by": "rule" if known or is_ignored else "none",
                    "rule_id": "r1" if known else None,
                    "confidence": 1.0 if known else 0.0,
                    "level": "title" if known else "none",
                    "evidence": "as stated",
                    "licensable": "licensed" if known else None,
                }
            )
        return (
            pa.Table.from_pylist(rows)
            if rows
            else pa.table({"software_key": [], "decided_by": [], "product_id": [], "parent_product_id": []})
        )

    def models(self, distinct: pa.Table) -> pa.Table:
        return distinct.select([]).append_column("vendor", distinct["manufacturer"])

    def processors(self, distinct: pa.Table) -> pa.Table:
        return distinct.select(["vendor"])


def _slug(title: str) -> str:
    vendor, _, name = title.partition(": ")
    return f"{vendor}/{name}".lower().replace(" ", "-")


class Estate:
    """Collects raw rows and consolidates them.

    Connectors are slugs; `types` says of which type they are (default: the slug itself).
    """

    def __init__(self, policy: ConsolidationPolicy | None = None, types: Mapping[str, str] | None = None) -> None:
        self.policy = policy or ConsolidationPolicy()
        self.types = dict(types or {})
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, table: str, connector: str, **values: Any) -> Estate:
        """Adds a raw row."""
        unknown = set(values) - set(TABLES[table].raw_schema.names)
        assert not unknown, unknown
        self.rows[table].append(
            {
                "connector": connector,
                "sync_id": "s1",
                "observed_at": READ_AT,
                "row_hash": len(self.rows[table]),
                **values,
            }
        )
        return self

    def device(self, connector: str, source_device_id: str, ago: float | None = 0, **values: Any) -> Estate:
        """Adds a device record; `ago` is the age of its inventory in days, None for no date."""
        if ago is not None:
            values.setdefault("inventory_date", day(ago))
        return self.add("device", connector, source_device_id=source_device_id, **values)

    def software(
        self, connector: str, source_device_id: str, title: str, version: str | None = None, **values: Any
    ) -> Estate:
        """Adds a software row."""
        return self.add(
            "software", connector, source_device_id=source_device_id, title=title, version=version, **values
        )

    def identity(self) -> dict[str, pa.Table]:
        """The tables of identity alone, which is quicker."""
        return self.run(until="junk_identifier")

    def run(
        self, previous: Mapping[str, pa.Table] | None = None, tmp_path: Any = None, until: str | None = None
    ) -> dict[str, pa.Table]:
        """All release tables, or those up to one of them; `previous` are those of the release before."""
        engine = DuckDBEngine("1GB", 2)
        try:
            connectors: set[str] = {str(row["connector"]) for rows in self.rows.values() for row in rows}
            for name, table in TABLES.items():
                engine.register_arrow(f"raw_{name}", pa.Table.from_pylist(self.rows[name], table.raw_schema))
            inputs = Inputs(
                {slug: self.types.get(slug, slug) for slug in connectors},
                StatedNormalizer(),
                RELEASE_TABLES["freshness"].arrow_schema.empty_table(),
            )
            if previous is not None:
                files = {}
                for name, table in previous.items():
                    pq.write_table(table, tmp_path / f"{name}.parquet")
                    files[name] = [str(tmp_path / f"{name}.parquet")]
                inputs = Inputs(inputs.connectors, inputs.normalizer, inputs.freshness, files)
            result = {}
            for name in build_tables(engine, inputs, self.policy):
                columns = ", ".join(f'"{column}"' for column in RELEASE_TABLES[name].column_names)
                result[name] = engine.arrow(f"select {columns} from {name}").cast(RELEASE_TABLES[name].arrow_schema)
                if name == until:
                    break
            return result
        finally:
            engine.close()


def machines(tables: Mapping[str, pa.Table]) -> set[frozenset[str]]:
    """Which source records are one machine, as sets of `connector:key`."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in tables["device_record"].to_pylist():
        found[row["device_id"]].add(f"{row['connector']}:{row['source_device_id']}")
    return {frozenset(members) for members in found.values()}
