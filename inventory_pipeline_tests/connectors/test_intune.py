"""What Intune brings, how it tells changes apart, and how few requests it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from inventory_pipeline.connectors.base import Secret
from inventory_pipeline.connectors.intune import Intune
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, SyncReport, run_sync
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_faults import Answer, Fault, Request, failure
from inventory_pipeline_tests.counterparts.graph_tenant import (
    Tenant,
    app,
    csv_text,
    guid,
    managed_device,
    user,
    zipped,
)

pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")

VARIABLE = "INTUNE_TEST_SECRET"
ANNA, OFFICE_USERS, WINDOWS = guid("anna.smith@example.com"), guid("Office users"), guid("Windows devices")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    with running_graph(tmp_path / "graph", polls=0) as running:
        monkeypatch.setenv(VARIABLE, running.answers.secret)
        yield running


@pytest.fixture
def tenant(server: GraphServer) -> Tenant:
    return server.answers.tenant


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    policy = SyncPolicy(guard_share=1.0, reject_share=0.5)
    return Store(str(tmp_path / "store"), f"sqlite:///{tmp_path / 'ledger.sqlite'}", policy).ensure("main", "Main")


def intune(server: GraphServer, **fields: Any) -> Intune:
    return Intune(name="Head office", client_secret=Secret(env=VARIABLE), **{**server.fields, **fields})


def sync(repository: Repository, server: GraphServer, *categories: Category, **fields: Any) -> SyncReport:
    return run_sync(repository, intune(server, **fields), SyncOptions(categories=categories or None))


def rows(repository: Repository, table: str) -> list[dict[str, Any]]:
    return repository.visible().arrow(table).to_pylist()


def by(repository: Repository, table: str, column: str) -> dict[str, dict[str, Any]]:
    return {row[column]: row for row in rows(repository, table)}


def test_a_device_joins_graph_report_and_entra(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.device)
    device = by(repository, "device", "name")["LON-LT-0001"]
    assert device["source_device_id"] == guid("LON-LT-0001")
    assert device["serial_number"].startswith("SN")
    assert device["entra_device_id"] == guid("entra LON-LT-0001")
    assert device["ad_sid"] == "S-1-5-21-1-2-3-5121"
    assert device["mac_addresses"] == ["A4BB6D112233", "A4BB6D112299"]
    assert device["ip_addresses"] == ["10.20.30.40"]
    assert device["primary_user"] == "anna.smith@example.com"
    assert device["inventory_date"].isoformat() == "2026-11-20T10:11:12.123456"
    assert device["memory_mb"] is None
    assert not device["is_obsolete"]
    extra = json.loads(device["extra"])
    assert extra["processor_architecture"] == "x64"
    assert extra["trust_type"] == "ServerAd"
    phone = by(repository, "device", "name")["PHONE-1"]
    assert phone["imei"] == "490154203237518"
    assert phone["is_obsolete"]
    assert "STRAY-1" not in by(repository, "device", "name")


def test_co_managed_devices_carry_the_key_of_the_configmgr_client(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.device)
    devices = by(repository, "device", "name")
    assert devices["LON-LT-0002"]["cross_reference"] == "sccm:GUID:1F2E3D4C-0000-4000-8000-000000000001"
    assert devices["LON-LT-0001"]["cross_reference"] is None
    # Graph beta may go or refuse; the devices come all the same, and the log says what is missing.
    server.answers.faults.append(
        Fault("/beta/", lambda request, answer: failure(400, "BadRequest", "Not supported."), times=9)
    )
    report = sync(repository, server, Category.device)
    assert any("ConfigMgr" in note for log in report.tables for note in log.notes)
    assert by(repository, "device", "name")["LON-LT-0002"]["cross_reference"] is None


@pytest.mark.parametrize(
    ("entra", "names", "sid"),
    [
        ("none", 4, None),
        ("managed", 4, "S-1-5-21-1-2-3-5121"),
        ("all", 5, "S-1-5-21-1-2-3-5121"),
    ],
)
def test_how_much_of_entra_comes_is_chosen(
    server: GraphServer, repository: Repository, entra: str, names: int, sid: str | None
) -> None:
    if entra == "none":
        server.answers.permissions.remove("Device.Read.All")
    sync(repository, server, Category.device, entra_devices=entra)
    devices = by(repository, "device", "name")
    assert len(devices) == names
    assert devices["LON-LT-0001"]["ad_sid"] == sid
    if entra == "all":
        assert devices["STRAY-1"]["source_device_id"] == guid("object STRAY-1")
        assert devices["STRAY-1"]["entra_device_id"] == guid("entra STRAY-1")


def test_devices_that_move_between_pages_are_neither_doubled_nor_lost(
    server: GraphServer, repository: Repository
) -> None:
    sync(repository, server, Category.device)
    before = rows(repository, "device")
    server.answers.repeat_and_skip = True
    report = sync(repository, server, Category.device)
    assert report.status == "unchanged"
    assert [row["source_device_id"] for row in rows(repository, "device")] == [
        row["source_device_id"] for row in before
    ]
    assert any("1 devices were missing between pages" in note for log in report.tables for note in log.notes)


def test_a_device_that_only_an_old_report_knows_is_gone(
    server: GraphServer, tenant: Tenant, repository: Repository
) -> None:
    sync(repository, server, Category.device)
    del tenant.devices[guid("PHONE-1")]
    sync(repository, server, Category.device)
    assert "PHONE-1" not in by(repository, "device", "name")


def test_apps_of_both_reports_complete_each_other(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    device = guid("LON-LT-0001")
    bare = {**app("Paint.NET", "", "", key="k1"), "ApplicationShortVersion": "5.1"}
    tenant.apps[device] = [
        app("Firefox", "145.0", "Mozilla"),
        app("Firefox", "145.0", "Mozilla", key="the same under another key"),
        bare,
        {**app("Übersetzer", "1.0"), "ApplicationShortVersion": "1"},
    ]
    tenant.extra_catalog = [{**app("Paint.NET", "5.1.2", "dotPDN LLC", key="k1"), "DeviceCount": "1"}]
    report = sync(repository, server, Category.software)
    found = {row["title"]: row for row in rows(repository, "software") if row["source_device_id"] == device}
    assert len(found) == 3
    assert found["Firefox"]["publisher"] == "Mozilla"
    assert found["Firefox"]["origin"] == "detected_app"
    assert json.loads(found["Firefox"]["extra"])["application_id"] == guid("Firefox145.0")
    assert (found["Paint.NET"]["publisher"], found["Paint.NET"]["version"]) == ("dotPDN LLC", "5.1.2")
    assert json.loads(found["Übersetzer"]["extra"])["short_version"] == "1"
    tenant.extra_catalog = [{**app("Ghost", "9"), "DeviceCount": "7"}]
    report = sync(repository, server, Category.software)
    (log,) = report.tables
    assert any("on no device by name: Ghost" in note for note in log.notes)


def test_only_devices_whose_apps_changed_are_read_again(
    server: GraphServer, tenant: Tenant, repository: Repository
) -> None:
    sync(repository, server, Category.software)
    for apps in tenant.apps.values():
        apps.reverse()
    tenant.apps = dict(reversed(tenant.apps.items()))
    (log,) = sync(repository, server, Category.software).tables
    assert (log.units_read, log.added, log.removed) == (0, 0, 0)
    tenant.apps[guid("PHONE-1")].append(app("New", "1"))
    (log,) = sync(repository, server, Category.software).tables
    assert (log.units_read, log.added) == (1, 1)


def test_software_takes_a_fixed_number_of_requests(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    def requests() -> int:
        server.answers.requests.clear()
        sync(repository, server, Category.software)
        return len(server.answers.requests)

    few = requests()
    for number in range(300):
        device = managed_device(f"PC-{number}")
        tenant.devices[device["id"]] = device
        tenant.apps[device["id"]] = [app("7-Zip 24.09 (x64)", "24.09", "Igor Pavlov")]
    assert requests() == few
    assert len(rows(repository, "software")) == 308


def test_devices_take_one_request_a_page(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    for number in range(96):
        device = managed_device(f"PC-{number}")
        tenant.devices[device["id"]] = device
        tenant.inventory[device["id"]] = {}
    server.answers.page_size = 10
    sync(repository, server, Category.device, entra_devices="none")
    asked = [request for request in server.answers.requests if "/v1.0/deviceManagement/managedDevices" in request]
    assert len(asked) == 10
    assert len(rows(repository, "device")) == 100


@pytest.mark.parametrize(("report", "table"), [("AppInvRawData", "software"), ("DevicesWithInventory", "device")])
def test_a_report_without_device_ids_is_refused(server: GraphServer, report: str, table: str) -> None:
    server.answers.prepared[report] = zipped(report, csv_text(["ApplicationName"], [{"ApplicationName": "7-Zip"}]))
    connector = intune(server)
    with pytest.raises(ConnectorError, match=f"{report} has no column DeviceId"), connector.opened():
        connector.keys(table)


def test_no_device_is_said_to_report_use(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.usage)
    found = rows(repository, "usage_reporting")
    assert {row["reports_usage"] for row in found} == {False}
    assert len(found) == 4
    assert not rows(repository, "software_usage")


def test_users_come_whole_and_then_by_changes(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    sync(repository, server, Category.user)
    anna = by(repository, "user", "upn")["anna.smith@example.com"]
    assert anna["account"] == "asmith"
    assert anna["sid"] == "S-1-5-21-1-2-3-1109"
    assert anna["department"] == "Finance"
    assert by(repository, "user", "upn")["gone.leaver@example.com"]["enabled"] is False
    server.answers.requests.clear()
    report = sync(repository, server, Category.user)
    assert report.status == "unchanged"
    assert len([request for request in server.answers.requests if "/v1.0/" in request]) == 1
    tenant.users.put({"id": ANNA, "department": None})
    tenant.users.put(user("new@example.com"))
    tenant.users.delete(guid("nobody@example.com"))
    (log,) = sync(repository, server, Category.user).tables
    assert (log.units_read, log.units_gone) == (2, 1)
    found = by(repository, "user", "upn")
    assert found["anna.smith@example.com"]["department"] is None
    assert found["anna.smith@example.com"]["job_title"] == "Controller"
    assert "new@example.com" in found
    assert "nobody@example.com" not in found


def test_a_lost_delta_state_begins_anew(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    sync(repository, server, Category.user, Category.group)
    tenant.users.delete(guid("nobody@example.com"))
    tenant.join(OFFICE_USERS, guid("ben.weber@example.com"), "user")
    server.answers.forget_delta = True
    sync(repository, server, Category.user, Category.group)
    assert "nobody@example.com" not in by(repository, "user", "upn")
    members = [row["member_id"] for row in rows(repository, "group_member") if row["source_group_id"] == OFFICE_USERS]
    assert sorted(members) == sorted([ANNA, guid("ben.weber@example.com")])


def test_groups_have_members_of_every_kind(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.group)
    groups = by(repository, "group", "name")
    assert groups["All Company"]["kind"] == "Microsoft 365 group"
    assert groups["Windows devices"]["kind"] == "dynamic security group"
    held = {(row["source_group_id"], row["member_kind"], row["member_id"]) for row in rows(repository, "group_member")}
    assert held == {
        (OFFICE_USERS, "user", ANNA),
        (guid("All Company"), "user", ANNA),
        (guid("All Company"), "group", OFFICE_USERS),
        (WINDOWS, "device", guid("entra LON-LT-0001")),
        (WINDOWS, "device", guid("entra STRAY-1")),
    }


def test_who_left_before_the_first_sync_is_no_member(
    server: GraphServer, tenant: Tenant, repository: Repository
) -> None:
    tenant.join(WINDOWS, guid("object STRAY-1"), "device", leave=True)
    sync(repository, server, Category.group)
    held = [row["member_id"] for row in rows(repository, "group_member") if row["source_group_id"] == WINDOWS]
    assert held == [guid("entra LON-LT-0001")]


def test_what_goes_while_changes_are_read_is_gone(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    sync(repository, server, Category.user)
    tenant.users.put({"id": ANNA, "department": "Legal"})

    def leaves(request: Request, answer: Answer) -> Answer:
        tenant.users.delete(ANNA)
        return answer

    # The delta answer names her; when she is asked for by id, she is no longer there.
    server.answers.faults.append(Fault("users/delta", leaves))
    sync(repository, server, Category.user)
    assert "anna.smith@example.com" not in by(repository, "user", "upn")


def test_members_come_and_go_by_changes(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    server.answers.page_size = 100
    sync(repository, server, Category.group)
    tenant.join(OFFICE_USERS, ANNA, "user", leave=True)
    tenant.join(WINDOWS, guid("object LON-LT-0002"), "device")
    tenant.join(WINDOWS, guid("object STRAY-1"), "device", leave=True)
    tenant.groups.delete(guid("All Company"))
    server.answers.requests.clear()
    sync(repository, server, Category.group)
    held = {(row["source_group_id"], row["member_id"]) for row in rows(repository, "group_member")}
    assert held == {(WINDOWS, guid("entra LON-LT-0001")), (WINDOWS, guid("entra LON-LT-0002"))}
    assert set(by(repository, "group", "name")) == {"Office users", "Windows devices"}
    assert not [request for request in server.answers.requests if "devices/delta" in request]
    assert len([request for request in server.answers.requests if "groups/delta" in request]) == 1


def test_other_settings_read_everything_anew(server: GraphServer) -> None:
    assert intune(server).fingerprint != intune(server, entra_devices="all").fingerprint


def test_stray_values_do_no_harm(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    odd = managed_device(
        "ODD", serialNumber=" ", enrolledDateTime="0001-01-01T00:00:00Z", physicalMemoryInBytes=17179869184,
        wiFiMacAddress="000000000000", manufacturer=None, userPrincipalName="",
    )  # fmt: skip
    tenant.devices[odd["id"]] = odd
    report = sync(repository, server, Category.device)
    device = by(repository, "device", "name")["ODD"]
    assert device["serial_number"] is None
    assert device["first_seen"] is None
    assert device["memory_mb"] == 16384
    assert device["mac_addresses"] is None
    assert device["primary_user"] is None
    assert not sum(log.rejected + log.values_rejected for log in report.tables)


def test_a_listing_is_the_same_whatever_the_order_of_answers(server: GraphServer, tenant: Tenant) -> None:
    def listed() -> list[tuple[str, str]]:
        connector = intune(server)
        with connector.opened():
            return [
                (row["unit_key"], row["stamp"])
                for table in ("device", "software", "group_member")
                for batch in connector.keys(table).batches
                for row in pa.Table.from_batches([batch]).to_pylist()
            ]

    before = listed()
    tenant.devices = dict(reversed(tenant.devices.items()))
    tenant.apps = {key: [*reversed(apps), apps[0]] for key, apps in reversed(tenant.apps.items())}
    assert listed() == before


def test_an_answer_without_a_delta_link_is_no_end(server: GraphServer, repository: Repository) -> None:
    server.answers.faults.append(Fault("users/delta", lambda request, answer: Answer(200, b'{"value": []}'), times=9))
    with pytest.raises(Exception, match="without a delta link"):
        sync(repository, server, Category.user)
