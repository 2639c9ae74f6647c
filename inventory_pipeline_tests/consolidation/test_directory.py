"""What directories say meets the machines and people that it is about."""

from __future__ import annotations

import datetime as dt

from inventory_pipeline.consolidation.engine import DuckDBEngine
from inventory_pipeline.consolidation.views import VIEWS
from inventory_pipeline_tests.consolidation.estate import Estate

REPORTED = dt.date(2026, 6, 28)

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


def _tenant() -> Estate:
    made = Estate().add("subscription", "m", sku_id="e3", product_name="Microsoft 365 E3", prepaid=10, consumed=6)
    made.add("group", "m", source_group_id="g", name="Licensed")
    users = {
        "works": (True, REPORTED - dt.timedelta(days=2)),
        "left": (False, REPORTED - dt.timedelta(days=2)),
        "never": (True, None),
        "long_ago": (True, REPORTED - dt.timedelta(days=91)),
        "new": (True, None),
        "unknown": (True, None),
    }
    for user, (enabled, last) in users.items():
        upn = f"{user}@example.com"
        assigned = dt.datetime(2026, 6, 20 if user == "new" else 1) - dt.timedelta(days=0 if user == "new" else 200)
        made.add("user", "m", source_user_id=user, upn=upn, enabled=enabled)
        made.add("subscription_assignment", "m", source_user_id=user, sku_id="e3", assigned_at=assigned,
                 assigned_by_group="g" if user == "never" else None)  # fmt: skip
        if user != "unknown":
            for service, active in (("Exchange", last), ("Teams", None)):
                made.add("subscription_activity", "m", source_user_id=upn, service=service, last_activity=active,
                         report_date=REPORTED)  # fmt: skip
    return made


def test_subscriptions_of_the_disabled_and_idle_could_be_taken_back_with_the_way_to_do_it() -> None:
    found = {row["source_user_id"]: row for row in _tenant().run()["subscription_waste"].to_pylist()}
    # Who is active in one service, was assigned lately, or is in no report, is left alone.
    assert {user: row["reason"] for user, row in found.items()} == {
        "left": "disabled_account",
        "never": "never_used",
        "long_ago": "unused",
    }
    assert (found["never"]["assigned_directly"], found["never"]["assigned_by_groups"]) == (False, ["Licensed"])
    assert (found["left"]["assigned_directly"], found["left"]["assigned_by_groups"]) == (True, [])
    assert found["long_ago"]["last_activity"] == REPORTED - dt.timedelta(days=91)
    assert found["never"]["product_name"] == "Microsoft 365 E3"


def test_a_subscription_shows_what_is_unassigned_and_what_could_be_taken_back() -> None:
    tables = _tenant().run()
    engine = DuckDBEngine("1GB", 2)
    try:
        for name in ("subscription", "subscription_waste"):
            engine.register_arrow(name, tables[name])
        (row,) = engine.arrow(VIEWS["subscription_position"].query).to_pylist()
    finally:
        engine.close()
    assert (row["unassigned"], row["disabled_people"], row["unused_people"], row["reclaimable"]) == (4, 1, 2, 7)
