"""Declared tables, steps and policies are true: lineage, headers, columns, placeholders, versions, components."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

import pyarrow as pa
import pytest
from pydantic import ValidationError

from inventory_pipeline.consolidation.attributes import ATTRIBUTES
from inventory_pipeline.consolidation.checks import CHECKS, run_checks
from inventory_pipeline.consolidation.engine import DuckDBEngine
from inventory_pipeline.consolidation.identity import connect
from inventory_pipeline.consolidation.identity_data import fold_uuid, listed_values, vendor_key
from inventory_pipeline.consolidation.policy import CheckPolicy, PrecedencePolicy
from inventory_pipeline.consolidation.step import Steps
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.consolidation.versions import version_key, version_tables
from inventory_pipeline.consolidation.views import VIEWS
from inventory_pipeline.records import TABLES
from inventory_pipeline_tests.consolidation.estate import READ_AT, Estate

# Filled by the driver between the steps, not by a step.
DRIVEN = {
    "connector", "key_kind", "junk_listed", "vendor_key", "cross_reference_system", "site_link", "site_unlink",
    "candidate", "representative", "software_normalized", "version_order", "vague_version", "model_decision",
    "processor_decision", "connector_set", "installation_usage_count", "previous_device_record", "previous_device",
    "previous_installation",
}  # fmt: skip


def test_lineage_names_existing_tables_without_circles() -> None:
    graph = {}
    for table in RELEASE_TABLES.values():
        for read in table.reads:
            assert read in RELEASE_TABLES or read.removeprefix("raw_") in TABLES, (table.name, read)
        assert set(table.key) <= set(table.column_names), table.name
        graph[table.name] = [read for read in table.reads if read in RELEASE_TABLES]
    assert set(TopologicalSorter(graph).static_order()) == set(RELEASE_TABLES)


def test_every_column_and_table_is_documented() -> None:
    for table in RELEASE_TABLES.values():
        assert table.doc, table.name
        assert table.grain, table.name
        assert len(set(table.column_names)) == len(table.columns), table.name
        for column in table.columns:
            assert column.doc, f"{table.name}.{column.name}"


def test_attributes_are_columns_of_the_canonical_table() -> None:
    assert {attribute.name for attribute in ATTRIBUTES} <= set(TABLES["device"].column_names)


def test_steps_say_what_they_read_and_write() -> None:
    steps = Steps({})
    made = {f"raw_{name}" for name in TABLES} | DRIVEN
    for name in Steps.names():
        step = steps[name]
        for word in ("reads", "writes", "grain", "why"):
            assert step.header(word), f"{name} does not say {word}"
        made |= set(re.findall(r"create or replace temp (?:table|view) (\w+)", step.text))
        for table in step.writes:
            assert table in made, f"{name} says that it writes {table}"
        for table in step.reads:
            assert table in made, f"{name} says that it reads {table}, which nothing before it makes"
        stated = set(step.reads) | set(step.writes)
        used = set(re.findall(r"(?:from|join) (raw_\w+)", step.text))
        assert used <= stated, f"{name} does not say that it reads {sorted(used - stated)}"


def test_a_misspelt_attribute_in_the_precedence_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="unknown attribute os_nam; known are name, netbios_name"):
        PrecedencePolicy(attributes={"os_nam": ("sccm",)})


@pytest.mark.parametrize(
    ("name", "key"),
    [("Dell Inc.", "dell"), ("Hewlett-Packard", "hp"), ("HPE", "hp"), ("ASUSTeK COMPUTER INC.", "asus"), (" ", ""),
     ("System manufacturer", ""), ("VMware, Inc.", "vmware")],
)  # fmt: skip
def test_vendors_are_one_in_all_their_spellings(name: str, key: str) -> None:
    assert vendor_key(name) == key


def test_uuids_fold_over_both_byte_orders() -> None:
    assert fold_uuid("00112233-4455-6677-8899-AABBCCDDEEFF") == fold_uuid("33221100-5544-7766-8899-aabbccddeeff")


def test_listed_placeholders_name_their_source() -> None:
    assert len(listed_values()) > 80
    assert all(row["source"] for row in listed_values())


def test_versions_are_ordered_by_number() -> None:
    versions = ["2013", "24.003.20112", "1.10", "1.0", "1.2", "1.0rc1", None]
    assert sorted(versions, key=version_key) == [None, "1.0", "1.0rc1", "1.2", "1.10", "24.003.20112", "2013"]


def test_a_vague_version_is_the_beginning_of_an_exact_one() -> None:
    stated = pa.table(
        {"version_no": [1, 2, 3, 4, 5], "product_no": [1, 1, 1, 1, 2], "version": [None, "16", "16.0.1", "160", "16"]}
    )
    _, vague = version_tables(stated)
    assert vague.to_pylist() == [
        {"version_no": 1, "exact_version_no": 2},
        {"version_no": 1, "exact_version_no": 3},
        {"version_no": 1, "exact_version_no": 4},
        {"version_no": 2, "exact_version_no": 3},
    ]


def test_components_of_long_chains_and_cycles() -> None:
    edges = [(n, n + 1) for n in range(300)] + [(400, 402), (402, 401), (401, 400)]
    engine = DuckDBEngine("500MB", 1)
    engine.register_arrow("edge", pa.table({"a": [a for a, _ in edges], "b": [b for _, b in edges]}))
    connect(engine)
    found = {row["id"]: row["label"] for row in engine.arrow("select * from representative").to_pylist()}
    engine.close()
    assert {found[n] for n in range(301)} == {0}
    assert {found[n] for n in (400, 401, 402)} == {400}


@pytest.fixture
def checked() -> DuckDBEngine:
    """An engine on which a small release stands, as it is checked before publishing."""
    made = Estate().device("a", "1").software("a", "1", "Adobe: Acrobat", "1")
    engine = DuckDBEngine("500MB", 1)
    for name, table in TABLES.items():
        engine.register_arrow(f"raw_{name}", pa.Table.from_pylist(made.rows[name], table.raw_schema))
    for name, table in made.run().items():
        engine.register_arrow(name, table)
    return engine


def failing(engine: DuckDBEngine, rows_before: dict[str, int] | None = None) -> set[str]:
    return {check.name for check in run_checks(engine, CheckPolicy(), rows_before or {}) if not check.passed}


def test_checks_pass_on_a_good_release(checked: DuckDBEngine) -> None:
    assert failing(checked) == set()
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("insert into device select * from device", "device_device_id_unique"),
        ("insert into device_record select * from device_record", "device_record_key_unique"),
        ("delete from device_record", "device_record_complete"),
        ("delete from device", "device_record_has_device"),
        ("delete from device", "installation_has_device"),
        ("delete from product", "installation_has_product"),
        ("update installation set usage_category = null", "installation_usage_complete"),
        ("update installation set unreported_reason = null", "installation_usage_complete"),
        ("insert into installation select * from installation", "installation_installation_id_unique"),
        ("delete from installation_record", "installation_record_complete"),
        ("update device_record set origin = 'mentioned'", "device_record_listed"),
    ],
)
def test_each_check_finds_what_it_is_for(checked: DuckDBEngine, damage: str, check: str) -> None:
    checked.execute(damage)
    assert check in failing(checked)


def test_a_collapse_is_seen_against_the_release_before(checked: DuckDBEngine) -> None:
    assert failing(checked, {"device": 2, "installation": 1}) == {"device_not_collapsed"}
    assert failing(checked, {"device": 1, "installation": 1}) == set()


def test_views_can_be_read(checked: DuckDBEngine) -> None:
    for name, view in VIEWS.items():
        checked.execute(f"create or replace temp view {name} as {view.query}")
    value = checked.arrow("select * from device_value where attribute = 'inventory_date'").to_pylist()
    assert (value[0]["connector"], value[0]["source_device_id"]) == ("a", "1")
    assert READ_AT.strftime("%Y-%m-%d") in value[0]["value"]
    assert checked.count("select count(*) from missing_patch") == 0
    assert checked.count("select count(*) from software_past_support") == 0
