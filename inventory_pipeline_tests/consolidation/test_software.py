"""Installations, what is folded into them, where every raw row went, patches, and differences between releases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inventory_pipeline_tests.consolidation.estate import Estate, day

OFFICE = "Microsoft: Office"
SERIAL: dict[str, Any] = {"serial_number": "4B3XKD3"}


def installations(made: Estate) -> dict[str, dict]:
    rows = made.run(until="installation_record")["installation"].to_pylist()
    return {f"{row['title']} {row['version']}": row for row in rows}


def test_the_same_software_of_several_sources_is_one_installation() -> None:
    made = Estate().device("sccm", "1", **SERIAL).device("intune", "2", **SERIAL)
    made.software("sccm", "1", OFFICE, "16.0.17328", install_date=day(90).date(), edition="Pro")
    made.software("intune", "2", OFFICE, "16.0.17328", install_date=day(80).date())
    found = installations(made)
    assert list(found) == ["Office 16.0.17328"]
    row = found["Office 16.0.17328"]
    assert (row["connectors"], row["record_count"], row["install_date"], row["edition"]) == (
        ["intune", "sccm"], 2, day(90).date(), "Pro",
    )  # fmt: skip


def test_two_versions_are_two_installations() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", OFFICE, "15.0").software("sccm", "1", OFFICE, "16.0")
    assert set(installations(made)) == {"Office 15.0", "Office 16.0"}


def test_a_vague_version_is_the_more_exact_one_beside_it() -> None:
    made = (
        Estate().device("sccm", "1").software("sccm", "1", OFFICE, "16.0.17328").software("sccm", "1", OFFICE, "16.0")
    )
    made.software("sccm", "1", OFFICE).software("sccm", "1", OFFICE, "15.0").software("sccm", "1", OFFICE, "16.01")
    found = installations(made)
    assert set(found) == {"Office 16.0.17328", "Office 15.0", "Office 16.01"}
    assert found["Office 16.0.17328"]["record_count"] == 2


def test_parts_fold_into_their_product_and_stay_linked() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", OFFICE, "16.0.17328")
    made.software("sccm", "1", f"Security Update KB500 (update of {OFFICE})", "1")
    made.software("sccm", "1", f"Office MUI French (language_pack of {OFFICE})", "16.0.17328")
    made.software("sccm", "1", f"Microsoft: Shared (component of {OFFICE})", "16.0.17328")
    tables = made.run(until="installation_record")
    (row,) = tables["installation"].to_pylist()
    assert (row["record_count"], row["component_count"]) == (1, 3)
    records = tables["installation_record"].to_pylist()
    assert {record["installation_id"] for record in records} == {row["installation_id"]}
    assert sorted(record["role"] for record in records) == ["component", "language_pack", "product", "update"]


def test_a_component_without_its_product_stands_for_itself() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", f"Microsoft: Shared (component of {OFFICE})", "16.0")
    assert set(installations(made)) == {"Shared 16.0"}


def test_every_row_goes_somewhere_even_when_unknown_or_ignored() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", "mystery", "1").software("sccm", "1", "ignore me")
    tables = made.run(until="installation_record")
    roles = {row["role"]: row["installation_id"] for row in tables["installation_record"].to_pylist()}
    assert roles == {"unidentified": None, "ignored": None}
    assert tables["unidentified_software"]["raw_title"].to_pylist() == ["mystery"]
    assert tables["installation"].num_rows == 0


def test_the_install_date_of_an_update_is_not_that_of_the_product() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", OFFICE, "16.0", install_date=day(50).date())
    made.software("sccm", "1", f"KB500 (update of {OFFICE})", "1", install_date=day(500).date())
    assert installations(made)["Office 16.0"]["install_date"] == day(50).date()


def _patched(*states: tuple[str, str, str, float]) -> Estate:
    made = Estate().device("wsus", "w", **SERIAL).device("sccm", "s", **SERIAL)
    made.add("patch", "wsus", update_id="AAAA-1", kb="5034441", title="x64", is_superseded=True)
    made.add("patch", "wsus", update_id="AAAA-2", kb="KB5034441", title="arm")
    made.add("patch", "sccm", update_id="aaaa-1", title="2024-01 Update (KB5034441)")
    for connector, update, state, ago in states:
        key = "w" if connector == "wsus" else "s"
        made.add("patch_state", connector, source_device_id=key, update_id=update, state=state, state_date=day(ago))
    return made


def test_the_newest_statement_of_all_sources_is_the_state_of_a_patch() -> None:
    tables = _patched(("wsus", "AAAA-1", "missing", 5), ("sccm", "aaaa-1", "installed", 2)).run(
        until="patch_compliance"
    )
    (row,) = tables["device_patch"].to_pylist()
    assert (row["patch_id"], row["state"], row["connector"], row["source_count"], row["sources_differ"]) == (
        "KB5034441", "installed", "sccm", 2, True,
    )  # fmt: skip
    (patch,) = tables["patch"].to_pylist()
    assert (patch["update_count"], patch["is_superseded"], patch["connectors"]) == (2, False, ["sccm", "wsus"])
    assert tables["patch_compliance"]["compliance"].to_pylist() == [1.0]


def test_of_several_updates_with_one_article_the_applicable_one_counts() -> None:
    tables = _patched(("wsus", "AAAA-1", "missing", 5), ("wsus", "AAAA-2", "not_applicable", 1)).run(
        until="patch_compliance"
    )
    (row,) = tables["device_patch"].to_pylist()
    assert (row["state"], row["is_missing"]) == ("missing", True)


def test_superseded_patches_are_marked_and_not_missing() -> None:
    made = Estate().device("wsus", "w").add("patch", "wsus", update_id="u1", kb="KB1000001", superseded_by=["U2"])
    made.add("patch", "wsus", update_id="u2", kb="KB1000002")
    for update in ("u1", "u2", "u3"):
        made.add("patch_state", "wsus", source_device_id="w", update_id=update, state="missing", state_date=day(1))
    tables = made.run()
    assert {row["patch_id"]: row["is_missing"] for row in tables["device_patch"].to_pylist()} == {
        "KB1000001": False,
        "KB1000002": True,
        "u3": True,
    }
    superseded = {row["patch_id"]: row["superseded_by"] for row in tables["patch"].to_pylist()}
    assert superseded["KB1000001"] == ["KB1000002"]
    assert tables["device"]["patches_missing"].to_pylist() == [2]


def test_the_difference_between_two_releases(tmp_path: Path) -> None:
    before = Estate().device("sccm", "1", name="PC1", memory_mb=8192).software("sccm", "1", OFFICE, "15.0")
    first = before.device("sccm", "2", name="GONE").run()
    assert first["difference"].num_rows == 0
    after = Estate().device("sccm", "1", name="PC1", memory_mb=16384).software("sccm", "1", OFFICE, "16.0")
    rows = after.device("sccm", "3", name="NEW").run(first, tmp_path)["difference"].to_pylist()
    assert {
        (row["entity"], row["change"], row["name"], row["attribute"], row["before"], row["after"]) for row in rows
    } == {
        ("device", "changed", "PC1", "memory_mb", "8192", "16384"),
        ("device", "went", "GONE", None, None, None),
        ("device", "came", "NEW", None, None, None),
        ("installation", "went", "Microsoft Office 15.0", None, None, None),
        ("installation", "came", "Microsoft Office 16.0", None, None, None),
    }


def test_the_summary_counts_records_once() -> None:
    made = Estate().device("sccm", "1").software("sccm", "1", OFFICE, "16.0").software("sccm", "1", "mystery")
    made.add("software_usage", "sccm", source_device_id="1", title="Only: Used", last_used=day(1))
    tables = made.run()
    software = next(row for row in tables["summary"].to_pylist() if row["section"] == "software")
    assert (software["records_collected"], software["normalized_records"], software["normalized_products"]) == (2, 1, 1)
    assert software["not_normalized_records"] == 1
    headline = {row["metric"]: row["value"] for row in tables["headline"].to_pylist()}
    assert (headline["installations"], headline["software_records"], headline["devices"]) == (1, 2, 1)
