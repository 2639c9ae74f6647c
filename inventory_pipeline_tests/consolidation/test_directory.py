"""What directories say meets the machines and people that it is about."""

from __future__ import annotations

from inventory_pipeline_tests.consolidation.estate import Estate

ENTRA_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_a_member_goes_by_key_or_by_its_entra_device_id() -> None:
    made = Estate().device("a", "1", entra_device_id=ENTRA_ID.upper()).device("a", "2")
    for member in (ENTRA_ID, "2", "3"):
        made.add("group_member", "a", source_group_id="g", member_kind="device", member_id=member)
    made.add("group_member", "a", source_group_id="h", member_kind="user", member_id=ENTRA_ID)
    made.add("group", "a", source_group_id="g", name="Pilots")
    tables = made.run()
    ids = {row["source_device_id"]: row["device_id"] for row in tables["device_record"].to_pylist()}
    members = {(row["source_group_id"], row["member_id"]): row for row in tables["inventory_group_member"].to_pylist()}
    assert members[("g", ENTRA_ID)]["device_id"] == ids["1"]
    assert members[("g", "2")]["device_id"] == ids["2"]
    assert members[("g", "3")]["device_id"] is None
    assert members[("h", ENTRA_ID)]["device_id"] is None
    (group,) = tables["inventory_group"].to_pylist()
    assert group["device_members"] == 2


def test_use_by_person_meets_the_person_by_name() -> None:
    made = Estate().device("a", "1")
    made.add("user", "a", source_user_id="u1", upn="anna.smith@example.com")
    for user in ("Anna.Smith@example.com", "7F1C0C8E5A1E4A7E9A510D6A1A2B3C4D"):
        made.add("user_software_usage", "a", source_user_id=user, title="Excel", platform="Windows", used_within_days=7)
    tables = made.run()
    (person,) = tables["person"].to_pylist()
    found = {row["source_user_id"]: row["person_id"] for row in tables["user_software_usage"].to_pylist()}
    assert found == {"Anna.Smith@example.com": person["person_id"], "7F1C0C8E5A1E4A7E9A510D6A1A2B3C4D": None}
