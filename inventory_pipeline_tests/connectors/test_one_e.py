"""1E: the rows of every table, both ways to sign in, and settings that do not fit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from inventory_pipeline.connectors.base import RefusedUnit, Secret, run_test
from inventory_pipeline.connectors.one_e_signin import OneEError
from inventory_pipeline.errors import ConfigurationError, ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.connectors.sites_one_e import (
    ACCOUNT,
    KB_A,
    KB_B,
    LAPTOP,
    MAC,
    PASSWORD,
    PATCHES,
    SERVER,
    SOFTWARE,
    USERNAME,
    VARIABLE,
    Row,
    by_certificate,
    connector,
    error,
    failure,
    notes,
    read,
    small_platform,
    store,
)
from inventory_pipeline_tests.counterparts.one_e import OneEServer, running_one_e


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneEServer]:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with running_one_e(tmp_path / "server", small_platform(), username=USERNAME, password=PASSWORD) as running:
        yield running


def test_devices_with_packed_versions_and_what_is_no_value(server: OneEServer) -> None:
    (rows,) = read(connector(server), "device")
    laptop, virtual, mac = ({row["source_device_id"]: row for row in rows}[key] for key in (LAPTOP, SERVER, MAC))
    assert (laptop["os_name"], laptop["os_version"]) == ("Microsoft Windows 11 Enterprise", "10.0.22631")
    assert (laptop["serial_number"], laptop["memory_mb"], laptop["criticality"]) == ("7XK2M94", "16384", "High")
    assert (laptop["inventory_date"], laptop["fqdn"]) == ("2026-03-02T09:30:00Z", "lon-lt-0042.acme.example")
    assert json.loads(laptop["extra"])["agent_version"] == "8.1.0.823"
    assert "is_virtual" not in laptop
    assert (virtual["is_virtual"], virtual["last_boot"]) == ("true", "2026-02-17T00:00:00+00:00")
    assert "criticality" not in virtual  # undefined
    assert (mac["os_version"], "smbios_uuid" in mac) == ("14.4.1", False)


def test_processors_of_one_kind_in_two_sockets_are_two(server: OneEServer) -> None:
    (rows,) = read(connector(server), "processor")
    assert [(r["slot"], r["sockets"], r["cores"]) for r in rows if r["source_device_id"] == SERVER] == [
        ("0", "1", "2"),
        ("1", "1", "2"),
    ]
    # The clock of the moment would make another processor of it at every sync.
    assert not any("speed_mhz" in row or "SpeedMhz" in row.get("extra", "") for row in rows)


def test_software_comes_once_and_a_device_without_any_has_an_empty_report(server: OneEServer) -> None:
    one = connector(server)
    with one.opened():
        keys = {k: s for b in one.keys("software").batches for k, s in zip(*b.to_pydict().values(), strict=True)}
        rows = [
            row for batch in one.read("software") if not isinstance(batch, RefusedUnit) for row in batch.to_pylist()
        ]
    assert set(keys) == {LAPTOP, SERVER, MAC}
    assert all(keys.values())  # the Mac answered that there is nothing
    assert [(r["title"], r["install_date"]) for r in rows if r["source_device_id"] == LAPTOP] == [
        ("7-Zip 24.09 (x64)", "2025-11-03"),
        ("Adobe Acrobat (64-bit)", "2025-12-01T00:00:00+00:00"),
    ]
    assert {r["source_object"] for r in rows} == {SOFTWARE}  # and not the one of another set
    assert json.loads(rows[0]["extra"]) == {"Source": "registry"}


def test_usage_and_who_reports_any(server: OneEServer) -> None:
    usage, reporting = read(connector(server, usage_days=30, stagger_seconds=7), "software_usage", "usage_reporting")
    assert [(r["file_name"], r["user"], r["run_count"]) for r in usage] == [
        ("7zFM.exe", "ACME\\asmith", "3"),
        ("Acrobat.exe", "ACME\\asmith", "42"),
    ]
    assert {r["source_device_id"]: r["reports_usage"] for r in reporting} == {
        LAPTOP: "true",
        SERVER: "false",
        MAC: "false",
    }
    assert reporting[0]["last_report"] == "2026-02-27T16:00:00Z"
    (sent,) = server.asked("instructions")  # one question for both tables
    since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=30)
    assert {p["Name"]: p["Value"] for p in sent["Parameters"]} == {"startDate": since.isoformat(), "limitSecs": "7"}


def test_patches_and_their_states(server: OneEServer) -> None:
    server.platform.content[PATCHES][SERVER].append({"PatchGuid": "{AB}", "PatchIds": None, "Status": "Postponed"})
    server.platform.content[PATCHES][SERVER].append({"PatchGuid": None, "PatchIds": None, "Status": "Installed"})
    one = connector(server)
    states, patches = read(one, "patch_state", "patch")
    assert {(r["source_device_id"], r["update_id"]): r["state"] for r in states} == {
        (LAPTOP, KB_A): "missing",
        (LAPTOP, KB_B): "installed",
        (SERVER, KB_A): "pending_reboot",
        (SERVER, "ab"): "unknown",
    }
    by_id = {r["update_id"]: r for r in patches}
    assert (by_id[KB_A]["kb"], by_id[KB_A]["severity"]) == ("KB5034441", "Critical")
    assert (by_id[KB_B]["superseded_by"], by_id[KB_B]["is_superseded"]) == (KB_A, "true")
    said = notes(one)
    assert "Postponed" in said
    assert "patch_states" in said
    assert "1 patches have neither id nor number" in said
    (states,) = read(connector(server, patch_states={"postponed": "not_applicable"}), "patch_state")
    assert {r["state"] for r in states if r["update_id"] == "ab"} == {"not_applicable"}


def test_groups_and_members_by_id_or_name(server: OneEServer) -> None:
    server.platform.members["12"].append({"Fqdn": "stranger.acme.example"})
    one = connector(server)
    groups, members = read(one, "group", "group_member")
    london, macs = (group["source_group_id"] for group in groups)
    assert {(r["source_group_id"], r["member_id"]) for r in members} == {
        (london, LAPTOP),
        (london, SERVER),
        (macs, MAC),
    }
    assert "1 members are no device" in notes(one)


def test_members_are_read_again_where_their_hash_has_changed(server: OneEServer, tmp_path: Path) -> None:
    repository = store(tmp_path).repository("main")
    only = SyncOptions(categories=(Category.group,))
    run_sync(repository, connector(server), only)
    server.requests.clear()
    server.platform.members["11"].pop()
    server.platform.touch("11")
    run_sync(repository, connector(server), SyncOptions(categories=(Category.group,), accept_shrink=True))
    assert [path for _, path, _ in server.requests if "contents" in path] == ["managementgroups/contents/id/11"]
    assert repository.visible().arrow("group_member").num_rows == 2


def test_a_server_without_management_groups_is_no_error(server: OneEServer) -> None:
    server.platform.has_groups = False
    one = connector(server)
    report = run_test(one, [Category.group])
    assert report.passed
    assert "no management groups" in report.checks["group"][0].message
    assert read(one, "group", "group_member") == [[], []]
    assert "no management groups" in notes(one)


@pytest.mark.parametrize("ways", [("Negotiate", "NTLM"), ("NTLM",), ("Negotiate",), ("Basic",)], ids="-".join)
def test_a_windows_account_signs_in_by_what_the_server_offers(server: OneEServer, ways: tuple[str, ...]) -> None:
    server.ways = ways
    assert len(read(connector(server), "device")[0]) == 3
    wrong = connector(server, username="ACME\\nobody")
    assert "refuses the account" in error(wrong, "device") or "signing in" in error(wrong, "device")


def test_a_server_that_takes_no_windows_account_is_named_so(server: OneEServer) -> None:
    server.ways = ("Bearer",)
    said = error(connector(server), "device")
    assert "takes no Windows account (it offers Bearer)" in said
    assert "certificate_file" in said


@pytest.mark.parametrize("portal", ["/tachyon/api", "/api"])
def test_an_application_signs_in_by_certificate_and_out_again(server: OneEServer, portal: str) -> None:
    server.portal = portal
    assert len(read(by_certificate(server), "device")[0]) == 3
    assert (server.issued, server.tokens) == (1, {})  # signed out


def test_a_certificate_in_a_pfx_file_with_its_password(
    server: OneEServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = server.certificate_file.read_bytes()
    key: Any = serialization.load_pem_private_key(content, None)
    how = serialization.BestAvailableEncryption(b"open-sesame")
    pfx = tmp_path / "application.pfx"
    pfx.write_bytes(
        pkcs12.serialize_key_and_certificates(None, key, x509.load_pem_x509_certificate(content), None, how)
    )
    monkeypatch.setenv("PFX_PASSWORD", "open-sesame")
    one = by_certificate(server, certificate_file=str(pfx), certificate_password=Secret(env="PFX_PASSWORD"))
    assert len(read(one, "device")[0]) == 3
    monkeypatch.setenv("PFX_PASSWORD", "wrong")
    assert "cannot be used" in error(one, "device")


def test_a_token_that_expires_between_pages_is_replaced(server: OneEServer) -> None:
    server.token_uses = 4
    devices, software = read(by_certificate(server, page_size=2), "device", "software")
    assert len(devices) == 3
    assert len(software) == 9
    assert server.issued > 2


def test_a_token_that_is_refused_for_good_is_a_lack_of_permission(server: OneEServer) -> None:
    server.faults.denied.add("devices")
    said = error(by_certificate(server), "device")
    assert "may not read Devices (Not permitted)" in said
    assert server.issued == 2  # a new token was tried, once


def test_a_consumer_that_is_not_registered(server: OneEServer) -> None:
    message, _ = failure(connector(server, consumer="Nobody"), Category.device)
    assert "The consumer is not registered" in message


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "https://host/tachyon"}, "ends in /consumer"),
        ({"url": "http://host/consumer"}, "no https address"),
        ({"stagger_seconds": 3600}, "not less than the instruction timeout"),
        ({"instruction_names": {"devices": "x"}}, "instruction_names knows no devices"),
        ({"instruction_columns": {"software": {"name": "x"}}}, "instruction_columns of software knows no name"),
        ({"patch_states": {"gone": "away"}}, "patch_states knows no away"),
        ({"username": None}, "there is no account"),
        ({**ACCOUNT, "certificate_file": "x.pem", "application_id": "y"}, "two ways"),
        ({"certificate_file": "/nowhere.pem", "application_id": "y"}, "/nowhere.pem cannot be used (No such file"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit(server: OneEServer, fields: Row, said: str) -> None:
    with pytest.raises((ConfigurationError, ConnectorError)) as caught, connector(server, **fields).opened():
        pass
    assert said in str(caught.value)
    assert not isinstance(caught.value, OneEError)
