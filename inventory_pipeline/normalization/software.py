"""Software: distinct raw statements become vendor, title, version and edition from the catalog by rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from inventory_pipeline.catalog.collector import without_collector
from inventory_pipeline.catalog.folding import vendor_key
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.cleaning import fold_column
from inventory_pipeline.normalization.decider import SURE, Decider, Reading
from inventory_pipeline.normalization.decision import DECISION_SCHEMA, Decision, decisions_table
from inventory_pipeline.normalization.rulebook import Statement

if TYPE_CHECKING:
    from inventory_pipeline.normalization.curation.curate import Curation

__all__ = ["IN_COLUMNS", "SURE", "decide_table", "normalize_software"]

IN_COLUMNS: tuple[str, ...] = (
    "software_key",
    "source",
    "title",
    "publisher",
    "version",
    "edition",
    "product_code",
    "package_family",
    "origin",
)
CHUNK = 50_000
"""Rows that are in memory as objects at a time."""


def normalize_software(distinct: pa.Table, catalog: Catalog, curation: Curation | None = None) -> pa.Table:
    """What each distinct software statement is, by the catalog's rules, and with `curation` by a model behind them.

    In: one row per distinct statement with `software_key`, `source` (connector type), `title`, `publisher`,
    `version`, `edition`, `product_code`, `package_family`, `origin` (texts as the source wrote them); missing columns
    count as empty, others (`installs`, `devices`) are not looked at.

    Out: one row per row of the input, in its order, in `DECISION_SCHEMA`. `product_id` is set for normalized rows
    only. `decided_by`: `site_rule`, `rule`, `model` (by curation, at or above its threshold), `parsed` (vendor and
    title could only be read from the row: not normalized, see the suggestion columns) or `none`. A row that a rule
    leaves out on purpose is decided by it and has no product. `parent_product_id`: the product into which updates,
    language packs and components fold; an update's `product_id` is that of the product that it patches, and a part
    that the catalog does not list has a parent only.

    The result depends on the values of the row, the catalog and the curation only: not on other rows, their order, or
    the clock. No row that a rule decides is ever given to the model.
    Never raises for a value, however hostile.
    """
    from inventory_pipeline.normalization.parallel import decide_in_parallel

    decided = decide_in_parallel(distinct, catalog)
    if curation is None:
        return decided
    from inventory_pipeline.normalization.curation.curate import curate_table

    return curate_table(distinct, decided, catalog, curation)


def decide_table(distinct: pa.Table, catalog: Catalog) -> pa.Table:
    """`normalize_software` by rules alone, in this process."""
    if distinct.num_rows == 0:
        return DECISION_SCHEMA.empty_table()
    decider = Decider(catalog)
    with without_collector():
        parts = [_decide(distinct.slice(start, CHUNK), decider) for start in range(0, distinct.num_rows, CHUNK)]
    return pa.concat_tables(parts)


def _decide(distinct: pa.Table, decider: Decider) -> pa.Table:
    columns = {
        name: distinct.column(name).to_pylist() if name in distinct.column_names else [None] * distinct.num_rows
        for name in IN_COLUMNS
    }
    titles, title_numbers = _distinct(columns["title"])
    folded, words = fold_column(titles)
    decisions: list[Decision] = []
    read: dict[tuple[int, str], Reading] = {}
    for row in range(distinct.num_rows):
        number = title_numbers[row]
        publisher = columns["publisher"][row] or ""
        statement = Statement(
            source=(columns["source"][row] or "").lower(),
            title=titles[number],
            folded=folded[number],
            words=words[number],
            publisher=publisher,
            publisher_key=vendor_key(publisher[:500]),
            version=columns["version"][row] or "",
            product_code=(columns["product_code"][row] or "").strip().lower(),
            package_family=(columns["package_family"][row] or "").strip().lower(),
            origin=(columns["origin"][row] or "").lower(),
        )
        decisions.append(decider.decide(statement, columns["edition"][row] or "", read, number))
    return decisions_table(distinct.column("software_key"), decisions)


def _distinct(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    numbers: dict[str, int] = {}
    return_numbers = [numbers.setdefault(value or "", len(numbers)) for value in values]
    return list(numbers), return_numbers
