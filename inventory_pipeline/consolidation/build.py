"""The order of the steps: from raw views on an engine to the tables of a release, each named when it can be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from inventory_pipeline.consolidation.attributes import ATTRIBUTES, Attribute
from inventory_pipeline.consolidation.doubled import fold_doubled
from inventory_pipeline.consolidation.engine import Engine
from inventory_pipeline.consolidation.identity import connect, merge_clusters
from inventory_pipeline.consolidation.identity_data import (
    KEY_KINDS,
    UUID_KINDS,
    junk_listed,
    junk_regex,
    placeholders,
    vendor_key,
)
from inventory_pipeline.consolidation.normalize import (
    Normalizer,
    normalize_hardware,
    normalize_processor_names,
    normalize_software_statements,
)
from inventory_pipeline.consolidation.policy import ConsolidationPolicy, RecordPair
from inventory_pipeline.consolidation.step import Steps
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.consolidation.versions import version_tables
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import TABLES, ColumnType
from inventory_pipeline.repository.storage import sql_text

_log = logging.getLogger("inventory_pipeline.consolidation")

# Attributes whose change from release to release is news.
_DIFFERENCE_ATTRIBUTES = (
    "name", "fqdn", "vendor", "model_name", "serial_number", "os_name", "os_version", "memory_mb", "processor_name",
    "primary_user", "is_virtual", "host_device_id", "is_obsolete",
)  # fmt: skip
_MASK_TYPES = ((62, "bigint"), (126, "hugeint"))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a build needs besides the raw views.

    `connectors` maps slugs to connector types; `freshness` is the repository's freshness table; `previous` holds
    the Parquet files of the release before this one, by table.
    """

    connectors: Mapping[str, str]
    normalizer: Normalizer
    freshness: pa.Table
    previous: Mapping[str, list[str]] = field(default_factory=dict)


def build_tables(engine: Engine, inputs: Inputs, policy: ConsolidationPolicy) -> Iterator[str]:
    """Builds all release tables on the engine; yields each one's name as soon as it can be read.

    The views `raw_<table>` must stand on the engine. A table that was yielded stays until the generator ends, with
    its declared columns and some more of its own.
    """
    steps = Steps(_values(inputs, policy))
    for table, keys in fold_doubled(engine):
        _log.info("%s: %s stated in several files, taken together", table, f"{keys:,}")
    _register_inputs(engine, inputs, policy)
    _run(engine, steps, "10_source_record")
    _register_corrections(engine, policy)
    _register_vendors(engine)
    _run(engine, steps, "20_identity_key", "25_shared_key")
    merge_clusters(engine, steps)
    _run(engine, steps, "40_device_id", "41_device_member", "42_identity_conflict")
    yield from ("device_record", "identity_key", "identity_conflict", "junk_identifier")
    _drop(engine, "identity_key", "good_key", "shared_key", "cluster", "record_identity")
    parts = max(1, -(-engine.count("select count(*) from source_record") // 400_000))
    for part in range(parts):
        sql = steps["50_device_value"].render(part=part, parts=parts)
        if part:
            sql = sql.replace("create or replace temp table device_choice as", "insert into device_choice")
        engine.execute(sql)
    _run(engine, steps, "55_device_disagreement")
    yield "device_disagreement"
    _drop(engine, "device_disagreement")
    normalize_hardware(engine, inputs.normalizer)
    normalize_processor_names(engine, inputs.normalizer)
    _run(engine, steps, "60_processor")
    yield "device_processor"
    _run(engine, steps, "70_software_row")
    normalize_software_statements(engine, inputs.normalizer)
    _run(engine, steps, "72_decision")
    order, vague = version_tables(engine.arrow("select version_no, product_no, version from version_text"))
    engine.register_arrow("version_order", order)
    engine.register_arrow("vague_version", vague)
    _run(engine, steps, "73_product_version", "75_installation", "80_usage", "81_device_inventory")
    _register_connector_sets(engine, inputs)
    _run(engine, steps, "82_installation", "83_installation_record", "85_product")
    yield from ("software_decision", "unidentified_software", "product", "installation", "installation_record")
    _run(engine, steps, "87_user_edge")
    connect(engine)
    _run(
        engine, steps, "88_person", "90_patch", "92_device", "94_joined", "95_license_position", "95_subscription_waste"
    )
    yield from ("person", "patch", "device_patch", "patch_compliance", "device", "device_provenance")
    yield from (
        "virtual_machine", "virtual_host", "inventory_group_member", "inventory_group", "application",
        "subscription_assignment", "subscription_activity", "user_software_usage", "subscription", "license_session",
        "license_feature", "database_instance", "database_feature_usage", "entitlement", "license_position",
        "subscription_waste",
    )  # fmt: skip
    engine.execute(
        "create or replace temp table installation_usage_count as "
        "select usage_category, count(*) as installations from installation group by usage_category"
    )
    _run(engine, steps, "96_summary")
    if inputs.previous:
        _run(engine, steps, "98_difference")
    else:
        engine.register_arrow("difference", RELEASE_TABLES["difference"].arrow_schema.empty_table())
    yield from ("summary", "headline", "freshness", "difference")


def _run(engine: Engine, steps: Steps, *names: str) -> None:
    for name in names:
        engine.execute(steps[name].render())


def _drop(engine: Engine, *tables: str) -> None:
    engine.execute(";".join(f"drop table {table}" for table in tables))


def _values(inputs: Inputs, policy: ConsolidationPolicy) -> dict[str, Any]:
    """What the steps may use: declared attributes, policy values, listed placeholders."""
    mask_type = _mask_type(inputs)
    attributes = [_attribute(attribute) for attribute in ATTRIBUTES]
    return {
        "policy": policy,
        "mask_type": mask_type,
        "attributes": attributes,
        "ranked": [attribute for attribute in attributes if attribute["rule"] == "precedence"],
        "compared": [attribute for attribute in attributes if attribute["compare"] != "none"],
        "uuid_kinds": UUID_KINDS,
        "junk_regex": {"serial": junk_regex("serial"), "mac": junk_regex("mac")},
        "junk_values": {
            kind: ", ".join(sql_text(value) for value in sorted(placeholders(kind)))
            for kind in ("manufacturer", "model")
        },
        "user_columns": [name for name in TABLES["user"].column_names if name != "source_user_id"],
        "device_attributes": _DIFFERENCE_ATTRIBUTES,
    }


# How values of different sources are compared: first plainly, then, where that differs, as the attribute says.
_COMPARED = {
    "text": ("key_hash(lower(d.{0}))", "regexp_replace(lower(d.{0}), '[^0-9a-z]', '', 'g')"),
    "host": ("key_hash(lower(d.{0}))", "regexp_replace(lower(trim(d.{0})), '[.].*', '', 'g')"),
    "exact": ("d.{0}", "cast(d.{0} as varchar)"),
}


def _attribute(attribute: Attribute) -> dict[str, Any]:
    plain, compared = _COMPARED.get(attribute.compare, ("", ""))
    return {
        "name": attribute.name,
        "rule": attribute.rule,
        "compare": attribute.compare,
        "rank": f"rank_{attribute.name}",
        "is_text": TABLES["device"].column(attribute.name).type is ColumnType.text,
        "plain": plain.format(attribute.name),
        "compared": compared.format(attribute.name),
    }


def _mask_type(inputs: Inputs) -> str:
    """Sets of connectors are bit masks; the smallest integer type that holds them."""
    for most, name in _MASK_TYPES:
        if len(inputs.connectors) <= most:
            return name
    raise ConfigurationError(
        f"{len(inputs.connectors)} connectors bring data into one repository.",
        cure=f"At most {_MASK_TYPES[-1][0]} are possible; spread them over several repositories.",
    )


def _register_inputs(engine: Engine, inputs: Inputs, policy: ConsolidationPolicy) -> None:
    slugs = sorted(inputs.connectors)
    ranked: tuple[str, ...] = (*(a.name for a in ATTRIBUTES if _has_rank(a)), "processor")
    connectors: dict[str, pa.Array] = {
        "connector_no": pa.array(range(len(slugs)), pa.int32()),
        "connector": pa.array(slugs, pa.string()),
        "connector_type": pa.array([inputs.connectors[slug] for slug in slugs], pa.string()),
    }
    for name in ranked:
        ranks = [policy.precedence.rank(name, slug, inputs.connectors[slug]) for slug in slugs]
        connectors[f"rank_{name}"] = pa.array(ranks, pa.int32())
    engine.register_arrow("connector", pa.table(connectors))
    engine.register_arrow(
        "key_kind",
        pa.table(
            {
                "kind_no": pa.array([kind.number for kind in KEY_KINDS], pa.int32()),
                "name": [kind.name for kind in KEY_KINDS],
                "strength": [kind.strength for kind in KEY_KINDS],
                "title": [kind.title for kind in KEY_KINDS],
            }
        ),
    )
    engine.register_arrow("junk_listed", junk_listed())
    engine.register_arrow("cross_reference_system", _systems(inputs.connectors))
    engine.register_arrow("freshness", inputs.freshness)
    for table, name in (
        ("device_record", "previous_device_record"),
        ("device", "previous_device"),
        ("installation", "previous_installation"),
    ):
        engine.register_parquet(name, inputs.previous.get(table, []), RELEASE_TABLES[table].arrow_schema)


def _has_rank(attribute: Attribute) -> bool:
    return attribute.rule == "precedence"


def _systems(connectors: Mapping[str, str]) -> pa.Table:
    """Under which names records of a connector can be referred to: its slug, and its type if it is the only one."""
    types = list(connectors.values())
    names = [(slug, slug) for slug in connectors]
    names += [(kind, slug) for slug, kind in connectors.items() if types.count(kind) == 1 and kind not in connectors]
    names.sort()
    return pa.table(
        {
            "system": pa.array([name for name, _ in names], pa.string()),
            "connector": pa.array([slug for _, slug in names], pa.string()),
        }
    )


def _register_corrections(engine: Engine, policy: ConsolidationPolicy) -> None:
    """Tables `site_link` (record, link_group) and `site_unlink` (a, b); pairs whose records have gone are idle."""
    for name, pairs in (("stated_link", policy.identity.links), ("stated_unlink", policy.identity.unlinks)):
        engine.register_arrow(name, _pairs(pairs))
        engine.execute(
            f"create or replace temp table {name}_record as select a.record as a, b.record as b from {name} p "
            "join source_record a on a.connector = p.a_connector and a.source_device_id = p.a_source_device_id "
            "join source_record b on b.connector = p.b_connector and b.source_device_id = p.b_source_device_id "
            "where a.record <> b.record"
        )
    engine.execute("create or replace temp table edge as select a, b from stated_link_record")
    connect(engine)
    engine.execute(
        "create or replace temp table site_link as select id as record, label as link_group from representative;"
        "create or replace temp table site_unlink as select a, b from stated_unlink_record"
    )


def _pairs(pairs: tuple[RecordPair, ...]) -> pa.Table:
    return pa.table(
        {
            "a_connector": pa.array([pair.a.connector for pair in pairs], pa.string()),
            "a_source_device_id": pa.array([pair.a.source_device_id for pair in pairs], pa.string()),
            "b_connector": pa.array([pair.b.connector for pair in pairs], pa.string()),
            "b_source_device_id": pa.array([pair.b.source_device_id for pair in pairs], pa.string()),
        }
    )


def _register_vendors(engine: Engine) -> None:
    names = engine.arrow("select distinct manufacturer from raw_device where manufacturer is not null")["manufacturer"]
    listed = [str(name) for name in names.to_pylist()]
    engine.register_arrow(
        "vendor_key",
        pa.table(
            {
                "manufacturer": pa.array(listed, pa.string()),
                "vendor_key": pa.array([vendor_key(name) for name in listed], pa.string()),
            }
        ),
    )


def _register_connector_sets(engine: Engine, inputs: Inputs) -> None:
    """Table `connector_set`: connector_mask as the steps compute it, and the connectors' slugs."""
    slugs = sorted(inputs.connectors)
    mask_type = _mask_type(inputs)
    found = engine.arrow(
        "select cast(connector_mask as varchar) as mask from install_base group by connector_mask union "
        f"select cast(mask as varchar) from (select bit_or(cast(1 as {mask_type}) << c.connector_no) as mask "
        "from device_record r join connector c on c.connector = r.connector group by r.device) as d"
    )
    masks = sorted(int(mask) for mask in found["mask"].to_pylist())
    engine.register_arrow(
        "connector_set_text",
        pa.table(
            {
                "mask": pa.array([str(mask) for mask in masks], pa.string()),
                "connectors": pa.array(
                    [[slug for number, slug in enumerate(slugs) if mask >> number & 1] for mask in masks],
                    pa.list_(pa.string()),
                ),
            }
        ),
    )
    engine.execute(
        f"create or replace temp table connector_set as select cast(mask as {mask_type}) as connector_mask, connectors "
        "from connector_set_text"
    )
