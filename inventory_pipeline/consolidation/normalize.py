"""Hands distinct values to the normalization room and puts its answers on the engine as tables."""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes its compute functions at import, where pyright does not see them)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from inventory_pipeline.consolidation.engine import Engine

_SOFTWARE_TEXTS = (
    "product_id", "vendor", "title", "edition", "version_family", "version", "category", "kind", "parent_product_id",
    "licensable", "decided_by", "rule_id", "level", "evidence", "suggestion_vendor", "suggestion_title",
)  # fmt: skip
SOFTWARE_SCHEMA = pa.schema(
    [
        pa.field("software_key", pa.int64()),
        *(pa.field(name, pa.string()) for name in _SOFTWARE_TEXTS),
        pa.field("release_date", pa.date32()),
        pa.field("end_of_support", pa.date32()),
        pa.field("confidence", pa.float64()),
        pa.field("is_ignored", pa.bool_()),
    ]
)


class Normalizer(Protocol):
    """Decides what distinct raw values are; each takes and gives a table with one row per distinct value, in order."""

    def software(self, distinct: pa.Table) -> pa.Table:
        """See `normalization.software.normalize_software`."""
        ...

    def models(self, distinct: pa.Table) -> pa.Table:
        """See `normalization.devices.normalize_models`."""
        ...

    def processors(self, distinct: pa.Table) -> pa.Table:
        """See `normalization.processors.normalize_processors`."""
        ...


@dataclass(frozen=True, slots=True)
class CatalogNormalizer:
    """The normalization room with a catalog; `curation` is passed through to it."""

    catalog: Any
    curation: Any = None

    def software(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        from inventory_pipeline.normalization.software import normalize_software

        return normalize_software(distinct, self.catalog, self.curation)

    def models(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        from inventory_pipeline.normalization.devices import normalize_models

        return normalize_models(distinct, self.catalog.model_rules)

    def processors(self, distinct: pa.Table) -> pa.Table:
        """See `Normalizer`."""
        from inventory_pipeline.normalization.processors import normalize_processors

        return normalize_processors(distinct, self.catalog.processor_rules)


def normalize_software_statements(engine: Engine, normalizer: Normalizer) -> None:
    """Table `software_normalized` from `software_statement` and `statement_devices`."""
    distinct = engine.arrow(
        "select s.statement_no as software_key, s.source, s.title, s.publisher, s.version, s.edition, s.product_code, "
        "s.package_family, s.origin, s.records as installs, coalesce(d.devices, 0) as devices "
        "from software_statement s left join statement_devices d on d.statement_no = s.statement_no "
        "order by s.statement_no"
    )
    decided = normalizer.software(distinct)
    columns = {
        field.name: decided[field.name].cast(field.type)
        if field.name in decided.column_names
        else pa.nulls(decided.num_rows, field.type)
        for field in SOFTWARE_SCHEMA
    }
    if "is_ignored" not in decided.column_names:
        # A rule that names no product leaves the statement out on purpose.
        by_rule = pc.is_in(columns["decided_by"], value_set=pa.array(["rule", "site_rule"]))
        nothing = pc.and_(pc.is_null(columns["product_id"]), pc.is_null(columns["parent_product_id"]))
        columns["is_ignored"] = pc.and_(by_rule, nothing)
    engine.register_arrow("software_normalized", pa.table(columns, schema=SOFTWARE_SCHEMA))


def normalize_hardware(engine: Engine, normalizer: Normalizer) -> None:
    """Table `model_decision` from the values chosen for machines (`device_choice`)."""
    distinct = engine.arrow(
        "select distinct manufacturer, model, chassis_type, is_virtual from device_choice "
        "order by manufacturer, model, chassis_type, is_virtual"
    )
    decided = normalizer.models(distinct)
    _register(engine, "model_decision", distinct, decided, ("vendor", "device_type", "family", "model", "rule_id"))


def normalize_processor_names(engine: Engine, normalizer: Normalizer) -> None:
    """Table `processor_decision` from the distinct vendors and names of `raw_processor`."""
    distinct = engine.arrow("select distinct vendor, name from raw_processor order by vendor, name")
    decided = normalizer.processors(distinct)
    _register(engine, "processor_decision", distinct, decided, ("vendor", "family", "model", "rule_id"))


def _register(engine: Engine, name: str, distinct: pa.Table, decided: pa.Table, columns: tuple[str, ...]) -> None:
    kept: dict[str, Any] = {f"raw_{column}": distinct[column] for column in distinct.column_names}
    for column in columns:
        if column in decided.column_names:
            kept[column] = decided[column].cast(pa.string())
        else:
            kept[column] = pa.nulls(distinct.num_rows, pa.string())
    engine.register_arrow(name, pa.table(kept))
