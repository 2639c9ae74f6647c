"""Which records become one machine, which do not, and what is said about it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.consolidation.policy import ConsolidationPolicy, IdentityPolicy, RecordPair, SourceRecord
from inventory_pipeline_tests.consolidation.estate import Estate, machines

UUID = "4C4C4544-0042-3310-8058-B4C04F4B4433"
SWAPPED = "44454C4C-4200-1033-8058-B4C04F4B4433"
GUID = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
DELL: dict[str, Any] = {"manufacturer": "Dell Inc."}


def together(estate: Estate, *records: str) -> bool:
    return any(set(records) <= machine for machine in machines(estate.identity()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"serial_number": "4B3XKD3", **DELL}, {"serial_number": " 4b3xkd3 ", "manufacturer": "DELL"}),
        ({"serial_number": "4B3XKD3", **DELL}, {"serial_number": "4B3XKD3"}),
        ({"smbios_uuid": UUID}, {"smbios_uuid": SWAPPED}),
        ({"smbios_uuid": UUID}, {"smbios_uuid": "{" + UUID.lower() + "}"}),
        ({"entra_device_id": GUID.upper()}, {"entra_device_id": GUID.replace("-", "")}),
        ({"ad_object_guid": GUID}, {"ad_object_guid": GUID.upper()}),
        ({"ad_sid": "S-1-5-21-1-2-3-1104"}, {"ad_sid": "s-1-5-21-1-2-3-1104"}),
        ({"imei": "35-209900-176148-1"}, {"imei": "3520990017614823"}),
        ({"instance_uuid": GUID}, {"instance_uuid": GUID.upper().replace("-", "")}),
        ({"cross_reference": "b:2"}, {}),
        ({"cross_reference": "CMDB:77"}, {"cross_reference": "cmdb:77"}),
        ({"fqdn": "PC1.corp.example.com"}, {"name": "pc1.corp.example.com."}),
        ({"name": "PC1", "domain": "CORP"}, {"netbios_name": "PC1", "netbios_domain": "corp"}),
        ({"name": "PC1", "domain": "CORP"}, {"fqdn": "pc1.corp.example.com"}),
        ({"mac_addresses": ["00-25-90-AA-BB-CC"]}, {"mac_addresses": ["aa:aa:aa:aa:aa:aa", "0025.90aa.bbcc"]}),
    ],
    ids=lambda value: next(iter(value), "reference") if isinstance(value, dict) else None,
)  # fmt: skip
def test_each_key_merges_in_every_notation(one: dict, other: dict) -> None:
    assert together(Estate().device("a", "1", **one).device("b", "2", **other), "a:1", "b:2")


@pytest.mark.parametrize(
    "stated",
    [
        {"serial_number": "To be filled by O.E.M.", **DELL},
        {"serial_number": "0000000000"},
        {"serial_number": "AAAAAAAA"},
        {"serial_number": "1.0"},
        {"smbios_uuid": "00000000-0000-0000-0000-000000000000"},
        {"smbios_uuid": "03000200-0400-0500-0006-000700080009"},
        {"smbios_uuid": "00020003-0004-0005-0006-000700080009"},
        {"smbios_uuid": "Not Specified"},
        {"mac_addresses": ["02:00:4C:4F:4F:50"]},
        {"mac_addresses": ["00:50:56:C0:00:08"]},
        {"ad_sid": "S-1-5-21-1-2-3"},
        {"name": "localhost", "domain": "CORP"},
        {"fqdn": "localhost.localdomain"},
        {"name": "PC1", "domain": "WORKGROUP"},
        {"name": "PC1"},
        {"ip_addresses": ["10.0.0.1"]},
    ],
    ids=str,
)
def test_what_identifies_nothing_merges_nothing(stated: dict) -> None:
    assert not together(Estate().device("a", "1", **stated).device("b", "2", **stated), "a:1", "b:2")


def test_the_same_serial_number_of_two_vendors_is_two_machines() -> None:
    estate = Estate().device("a", "1", serial_number="1234599", manufacturer="HP")
    assert not together(estate.device("b", "2", serial_number="1234599", manufacturer="Lenovo"), "a:1", "b:2")


def test_a_cloned_uuid_is_junk_and_the_serial_numbers_decide() -> None:
    estate = Estate().device("a", "1", smbios_uuid=UUID, serial_number="AAA111", **DELL)
    estate.device("a", "2", smbios_uuid=UUID, serial_number="BBB222", **DELL)
    estate.device("b", "3", smbios_uuid=SWAPPED, serial_number="BBB222")
    tables = estate.identity()
    assert machines(tables) == {frozenset({"a:1"}), frozenset({"a:2", "b:3"})}
    (junk,) = tables["junk_identifier"].to_pylist()
    assert (junk["key_kind"], junk["reason"], junk["serial_numbers"]) == ("smbios_uuid", "several_machines", 2)
    (conflict,) = tables["identity_conflict"].to_pylist()
    assert conflict["reason"] == "serial_numbers_differ"
    assert "AAA111" in conflict["detail"]
    assert "BBB222" in conflict["detail"]


def test_a_value_that_too_many_records_of_one_source_carry_is_junk() -> None:
    estate = Estate()
    for number in range(4):
        estate.device("a", str(number), serial_number="CHASSIS7", **DELL)
    tables = estate.device("b", "x", serial_number="CHASSIS7", **DELL).identity()
    assert len(machines(tables)) == 5
    (junk,) = tables["junk_identifier"].to_pylist()
    assert (junk["reason"], junk["records"], junk["connectors"]) == ("too_many_records", 5, 2)


def test_many_former_records_of_a_reimaged_machine_are_not_junk() -> None:
    estate = Estate().device("sccm", "0", serial_number="4B3XKD3")
    for number in range(1, 6):
        estate.device("sccm", str(number), ago=100 * number, serial_number="4B3XKD3")
    assert len(machines(estate.identity())) == 1


def test_two_live_records_of_one_source_are_not_merged() -> None:
    estate = Estate().device("a", "1", serial_number="4B3XKD3").device("a", "2", ago=1, serial_number="4B3XKD3")
    tables = estate.identity()
    assert len(machines(tables)) == 2
    (conflict,) = tables["identity_conflict"].to_pylist()
    assert (conflict["key_kind"], conflict["reason"]) == ("serial_number", "two_live_records")


@pytest.mark.parametrize("older", [{"ago": 30}, {"ago": 0, "is_obsolete": True}], ids=["older", "obsolete"])
def test_a_reimaged_machine_stays_one_and_its_newest_record_speaks(older: dict) -> None:
    estate = (
        Estate()
        .device("sccm", "1", serial_number="4B3XKD3", name="NEW")
        .device("sccm", "2", serial_number="4B3XKD3", name="OLD", **older)
    )
    tables = estate.run()
    assert len(machines(tables)) == 1
    assert tables["device"]["name"].to_pylist() == ["NEW"]
    live = {row["source_device_id"]: row["is_live"] for row in tables["device_record"].to_pylist()}
    assert live == {"1": True, "2": False}


def test_a_dock_does_not_join_the_machines_that_used_it() -> None:
    dock: dict[str, Any] = {"mac_addresses": ["00:50:B6:11:22:33"]}
    estate = Estate()
    for number in range(3):
        estate.device("a", str(number), serial_number=f"SERIAL{number}", **dock)
    tables = estate.device("b", "x", **dock).identity()
    assert len(machines(tables)) == 4
    assert tables["junk_identifier"]["reason"].to_pylist() == ["dock_or_adapter"]


def test_a_weak_key_gives_way_to_hardware() -> None:
    estate = Estate().device("a", "1", fqdn="pc1.corp.example.com", smbios_uuid=UUID)
    estate.device("b", "2", fqdn="pc1.corp.example.com", smbios_uuid="11223344-5566-4788-9900-aabbccddeeff")
    tables = estate.identity()
    assert len(machines(tables)) == 2
    assert "hardware_keys_differ" in tables["identity_conflict"]["reason"].to_pylist()


def test_a_strong_key_merges_although_names_differ() -> None:
    estate = Estate().device("a", "1", name="OLD-NAME", domain="CORP", smbios_uuid=UUID)
    assert together(estate.device("b", "2", name="NEW-NAME", domain="CORP", smbios_uuid=UUID), "a:1", "b:2")


def test_a_new_board_keeps_the_machine() -> None:
    estate = Estate().device("a", "1", serial_number="4B3XKD3", smbios_uuid=UUID, fqdn="pc1.corp.example.com")
    estate.device("b", "2", serial_number="4B3XKD3", smbios_uuid="11223344-5566-4788-9900-aabbccddeeff")
    assert together(estate.device("wsus", "3", fqdn="pc1.corp.example.com"), "a:1", "b:2", "wsus:3")


def test_a_name_given_again_after_a_long_time_is_not_the_same_machine() -> None:
    estate = (
        Estate().device("a", "1", ago=400, fqdn="pc1.corp.example.com").device("b", "2", fqdn="pc1.corp.example.com")
    )
    tables = estate.identity()
    assert len(machines(tables)) == 2
    assert "names_far_apart" in tables["identity_conflict"]["reason"].to_pylist()


def test_a_directory_account_passes_to_the_replacement_machine() -> None:
    account: dict[str, Any] = {"ad_object_guid": "0f9b1c52-7c11-4a35-9d6e-2f1f6ad1b3aa"}
    estate = Estate().device("sccm", "old", ago=200, serial_number="OLD1111", **account)
    estate.device("sccm", "new", serial_number="NEW2222", **account).device("ad", "x", ago=1, **account)
    tables = estate.identity()
    assert machines(tables) == {frozenset({"sccm:old"}), frozenset({"sccm:new", "ad:x"})}
    assert tables["identity_conflict"]["key_kind"].to_pylist() == ["ad_object_guid"]


def test_one_bad_key_does_not_stop_the_good_ones_around_it() -> None:
    estate = Estate().device("a", "1", serial_number="AAA111", mac_addresses=["00:25:90:00:00:01"])
    estate.device("b", "2", serial_number="BBB222", mac_addresses=["00:25:90:00:00:01", "00:25:90:00:00:02"])
    estate.device("c", "3", mac_addresses=["00:25:90:00:00:02"])
    assert machines(estate.identity()) == {frozenset({"a:1"}), frozenset({"b:2", "c:3"})}


def test_an_oversized_cluster_is_held_for_review() -> None:
    estate = Estate(ConsolidationPolicy(identity=IdentityPolicy(max_records_per_device=3)))
    for connector in "abcd":
        estate.device(connector, "1", serial_number="4B3XKD3")
    tables = estate.identity()
    assert len(machines(tables)) == 4
    assert set(tables["identity_conflict"]["reason"].to_pylist()) == {"oversized"}


def _pair(a: str, b: str) -> RecordPair:
    (left, one), (right, other) = a.split(":"), b.split(":")
    return RecordPair(
        a=SourceRecord(connector=left, source_device_id=one), b=SourceRecord(connector=right, source_device_id=other)
    )


def test_hand_corrections_win_over_keys() -> None:
    policy = ConsolidationPolicy(
        identity=IdentityPolicy(links=(_pair("a:1", "b:2"), _pair("a:1", "z:gone")), unlinks=(_pair("a:3", "b:4"),))
    )
    estate = Estate(policy).device("a", "1", serial_number="AAA111").device("b", "2", serial_number="BBB222")
    estate.device("c", "5", serial_number="BBB222").device("d", "6", serial_number="AAA111")
    estate.device("a", "3", serial_number="CCC333").device("b", "4", serial_number="CCC333")
    tables = estate.identity()
    assert machines(tables) == {frozenset({"a:1", "b:2", "c:5", "d:6"}), frozenset({"a:3"}), frozenset({"b:4"})}
    links = {row["source_device_id"]: row["link_key"] for row in tables["device_record"].to_pylist()}
    assert links["2"] == "link"
    assert tables["identity_conflict"]["reason"].to_pylist() == ["unlinked"]


def test_every_record_says_which_key_linked_it_and_to_what() -> None:
    estate = Estate().device("a", "1", serial_number="4B3XKD3", fqdn="pc1.corp.example.com", **DELL)
    estate.device("b", "2", serial_number="4B3XKD3").device("c", "3", fqdn="pc1.corp.example.com")
    rows = {row["source_device_id"]: row for row in estate.identity()["device_record"].to_pylist()}
    assert rows["1"]["link_key"] is None
    assert (rows["2"]["link_key"], rows["2"]["link_value"]) == ("serial_number", "dell|4B3XKD3")
    assert (rows["3"]["link_key"], rows["3"]["linked_connector"], rows["3"]["linked_source_device_id"]) == (
        "fqdn", "a", "1",
    )  # fmt: skip


def test_the_order_of_records_plays_no_part() -> None:
    draw = random.Random(7)
    for _ in range(4):
        devices = []
        for number in range(40):
            stated: dict = {"ago": draw.choice([0, 1, 40, 300, None])}
            if draw.random() < 0.5:
                stated["serial_number"] = f"SERIAL{draw.randrange(12)}"
            if draw.random() < 0.5:
                stated["smbios_uuid"] = f"{draw.randrange(12):08x}-5566-4788-9900-aabbccddeeff"
            if draw.random() < 0.5:
                stated["fqdn"] = f"pc{draw.randrange(12)}.corp.example.com"
            if draw.random() < 0.5:
                stated["mac_addresses"] = [f"0025900000{draw.randrange(12):02x}" for _ in range(2)]
            devices.append((draw.choice("abc"), str(number), stated))
        found = []
        for _ in range(2):
            draw.shuffle(devices)
            estate = Estate()
            for connector, key, stated in devices:
                estate.device(connector, key, **stated)
            tables = estate.identity()
            found.append((machines(tables), sorted(map(str, tables["identity_conflict"].to_pylist()))))
        assert found[0] == found[1]


def test_ids_stay_with_shared_members_over_merges_splits_and_new_first_records(tmp_path: Path) -> None:
    before = (
        Estate()
        .device("b", "1", serial_number="AAA111")
        .device("b", "2", serial_number="BBB222")
        .device("c", "3", serial_number="BBB222")
    )
    first = before.run()
    ids = {row["source_device_id"]: row["device_id"] for row in first["device_record"].to_pylist()}
    after = Estate().device("a", "0", serial_number="AAA111").device("b", "1", serial_number="AAA111")
    after.device("b", "2", serial_number="BBB222").device("c", "3", serial_number="CCC333").device("d", "4")
    tables = after.run(first, tmp_path)
    now = {row["source_device_id"]: row["device_id"] for row in tables["device_record"].to_pylist()}
    assert now["0"] == now["1"] == ids["1"]
    assert now["2"] == ids["2"]
    assert len(set(now.values())) == 4
    merged = Estate().device("b", "1", serial_number="AAA111").device("c", "3", serial_number="AAA111")
    assert merged.run(tables, tmp_path)["device"]["device_id"].to_pylist() == [ids["1"]]


def test_a_device_that_only_its_software_mentions_is_kept() -> None:
    tables = Estate().device("a", "1").software("a", "2", "Adobe: Acrobat").run()
    assert {row["source_device_id"]: row["origin"] for row in tables["device_record"].to_pylist()} == {
        "1": "listed",
        "2": "mentioned",
    }
    assert tables["installation"].num_rows == 1
