"""Which source's value a machine has, where it came from, and what sources disagree about."""

from __future__ import annotations

from typing import Any

from inventory_pipeline.consolidation.policy import ConsolidationPolicy, PrecedencePolicy
from inventory_pipeline_tests.consolidation.estate import Estate, day

SERIAL: dict[str, Any] = {"serial_number": "4B3XKD3"}


def device(made: Estate) -> dict:
    (row,) = made.run()["device"].to_pylist()
    return row


def test_precedence_decides_before_the_newer_date() -> None:
    made = Estate().device("sccm", "1", ago=9, os_name="Windows 11", **SERIAL)
    assert device(made.device("wsus", "2", ago=1, os_name="Windows", **SERIAL))["os_name"] == "Windows 11"


def test_an_attribute_may_have_its_own_order_by_type_or_connector() -> None:
    policy = ConsolidationPolicy(
        precedence=PrecedencePolicy(attributes={"os_name": ("site_b", "wsus"), "model": ("wsus",)})
    )
    made = Estate(policy, {"site_a": "sccm", "site_b": "sccm", "w": "wsus"})
    made.device("site_a", "1", os_name="A", model="A", ago=0, **SERIAL)
    made.device("site_b", "2", os_name="B", model="B", ago=1, **SERIAL)
    row = device(made.device("w", "3", os_name="W", model="W", ago=2, **SERIAL))
    assert (row["os_name"], row["model"]) == ("B", "W")


def test_of_equal_sources_the_newer_inventory_wins_and_the_future_does_not() -> None:
    made = Estate(types={"a": "sccm", "b": "sccm", "c": "sccm"}).device("a", "1", ago=5, os_name="older", **SERIAL)
    made.device("b", "2", ago=2, os_name="newer", **SERIAL).device("c", "3", ago=-300, os_name="future", **SERIAL)
    row = device(made)
    assert (row["os_name"], row["inventory_date"], row["inventory_date_status"]) == ("newer", day(2), "valid")


def test_empty_values_and_placeholders_leave_the_word_to_others() -> None:
    made = Estate().device(
        "sccm", "1", manufacturer="System manufacturer", model="To Be Filled By O.E.M.", os_name=" ", fqdn="pc1.x.org"
    )
    made.device("wsus", "2", manufacturer="Dell Inc.", model="Latitude 7440", os_name="Windows", fqdn="pc1.x.org")
    row = device(made)
    assert (row["manufacturer"], row["model"], row["os_name"]) == ("Dell Inc.", "Latitude 7440", "Windows")


def test_documented_dates_are_the_newest_whatever_the_precedence() -> None:
    made = Estate().device("sccm", "1", ago=9, last_boot=day(9), first_seen=day(50), **SERIAL)
    row = device(made.device("wsus", "2", ago=1, last_boot=day(3), first_seen=day(70), **SERIAL))
    assert (row["inventory_date"], row["last_boot"], row["first_seen"]) == (day(1), day(3), day(70))


def test_a_replaced_record_of_a_better_source_does_not_speak() -> None:
    made = Estate().device("sccm", "1", ago=100, os_name="Windows 7", is_obsolete=True, **SERIAL)
    assert device(made.device("wsus", "2", os_name="Windows 11", **SERIAL))["os_name"] == "Windows 11"


def test_provenance_names_the_record_of_every_value() -> None:
    made = Estate().device("sccm", "1", ago=9, name="PC1", **SERIAL).device("wsus", "2", ago=1, asset_tag="7", **SERIAL)
    tables = made.run()
    (source,) = tables["device_provenance"].to_pylist()
    record = {row["record_no"]: row["connector"] for row in tables["device_record"].to_pylist()}
    named = {name: record[source[name]] for name in ("name", "asset_tag", "serial_number", "inventory_date")}
    assert named == {"name": "sccm", "asset_tag": "wsus", "serial_number": "sccm", "inventory_date": "wsus"}
    assert source["os_name"] is None


def test_disagreements_are_differences_and_not_spellings() -> None:
    made = Estate().device("sccm", "1", name="PC1", manufacturer="Dell Inc.", memory_mb=8192, **SERIAL)
    made.device("wsus", "2", name="pc1.corp.example.com", manufacturer="DELL INC", memory_mb=16384, **SERIAL)
    rows = made.run()["device_disagreement"].to_pylist()
    assert {(row["attribute"], row["value"], row["connector"], row["is_chosen"]) for row in rows} == {
        ("memory_mb", "8192", "sccm", True),
        ("memory_mb", "16384", "wsus", False),
    }


def test_processors_come_from_one_source_only() -> None:
    made = Estate().device("sccm", "1", **SERIAL).device("bigfix", "2", **SERIAL)
    for slot in "01":
        made.add("processor", "bigfix", source_device_id="2", slot=slot, sockets=1, cores=8, logical_cores=16)
    made.add("processor", "sccm", source_device_id="1", slot="0", sockets=2, cores=16, logical_cores=32)
    row = device(made)
    assert (row["sockets"], row["cores"], row["logical_cores"]) == (2, 16, 32)
    made.rows["processor"][-1]["cores"] = None
    assert device(made)["cores"] == 16


def test_a_machine_that_a_source_tells_of_twice_has_its_processors_once() -> None:
    made = Estate().device("oracle", "db01", **SERIAL)
    for unit in ("db01/ORCL", "db01/HR"):
        made.add("processor", "oracle", unit_key=unit, source_device_id="db01", sockets=2, cores=16, logical_cores=32)
    row = device(made)
    assert (row["sockets"], row["cores"], row["logical_cores"]) == (2, 16, 32)


def test_a_virtual_machine_knows_its_host_and_people_their_devices() -> None:
    made = (
        Estate()
        .device("vcenter", "host-1", name="esx1")
        .device("vcenter", "vm-1", name="sql1", host_source_id="host-1", primary_user="CORP\\Anna")
    )
    made.add("virtual_host", "vcenter", source_host_id="host-1", name="esx1")
    made.add("virtual_machine", "vcenter", source_vm_id="vm-1", source_host_id="host-1", power_state="on", vcpus=4)
    made.add("user", "sccm", source_user_id="5", account="anna", domain="CORP", upn="anna@example.com")
    made.add("user", "intune", source_user_id="z", upn="Anna@Example.com", department="IT")
    tables = made.run()
    ids = {row["source_device_id"]: row["device_id"] for row in tables["device_record"].to_pylist()}
    (person,) = tables["person"].to_pylist()
    assert (person["department"], person["record_count"]) == ("IT", 2)
    guest = next(row for row in tables["device"].to_pylist() if row["name"] == "sql1")
    assert (guest["host_device_id"], guest["person_id"]) == (ids["host-1"], person["person_id"])
    (machine,) = tables["virtual_machine"].to_pylist()
    assert (machine["device_id"], machine["host_device_id"]) == (ids["vm-1"], ids["host-1"])
    (host,) = tables["virtual_host"].to_pylist()
    assert (host["device_id"], host["virtual_machines"], host["vcpus"]) == (ids["host-1"], 1, 4)
