"""One row per thing and connector, where a connector states the same thing in several reports.

A source that is read unit by unit cannot do that. A folder of files can: the asset register and an export of Macs both
have a row of one device. Their rows become one: each column has its first value, those of the newest inventory first.
"""

from __future__ import annotations

from collections.abc import Iterator

from inventory_pipeline.consolidation.engine import Engine
from inventory_pipeline.records import SYSTEM_COLUMNS, TABLES, Table
from inventory_pipeline.repository.storage import sql_name, sql_names

# Of these, several rows with one key are several statements, which the steps count.
_AS_THEY_ARE = frozenset({"software", "software_usage"})


def fold_doubled(engine: Engine) -> Iterator[tuple[str, int]]:
    """Replaces the views `raw_<table>` in which a connector has several rows of one key; yields table and keys."""
    for table in TABLES.values():
        if table.name in _AS_THEY_ARE:
            continue
        keys = engine.count(f"select count(*) from ({_doubled(table)}) as doubled")
        if keys:
            engine.replace(f"raw_{table.name}", _folded(table))
            yield table.name, keys


def _doubled(table: Table) -> str:
    own = " || '|' || ".join(f"cast({sql_name(name)} as varchar)" for name in table.unit)
    names = sql_names(("connector", *table.key))
    return (
        f"select {names} from raw_{table.name} where unit_key is distinct from {own} "
        f"group by {names} having count(*) > 1"
    )


def _folded(table: Table) -> str:
    key = ("connector", *table.key)
    same = " and ".join(f"d.{sql_name(name)} is not distinct from r.{sql_name(name)}" for name in key)
    columns = [*table.column_names, *(column.name for column in SYSTEM_COLUMNS)]
    newest = "inventory_date desc nulls last, " if "inventory_date" in table.column_names else ""
    order = f"{newest}observed_at desc, source_object, source_row, row_hash"
    values = ", ".join(
        sql_name(name)
        if name in key
        else f"arg_min({sql_name(name)}, case when {sql_name(name)} is not null then place end) as {sql_name(name)}"
        for name in columns
    )
    return (
        f"with doubled as ({_doubled(table)}) "
        f"select {sql_names(columns, 'r.')} from raw_{table.name} r anti join doubled d on {same} "
        f"union all select {values} from (select r.*, row_number() over "
        f"(partition by {sql_names(key, 'r.')} order by {order}) as place "
        f"from raw_{table.name} r semi join doubled d on {same}) as stated group by {sql_names(key)}"
    )
