"""ServiceNow over several syncs: what changed and what has gone is found, and nothing else is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import run_test
from inventory_pipeline.errors import SyncError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Repository
from inventory_pipeline_tests.connectors.sites_servicenow import (
    by_account,
    empty_repository,
    many,
    names,
    running_site,
    sync,
)
from inventory_pipeline_tests.counterparts.servicenow import ServiceNowServer
from inventory_pipeline_tests.counterparts.servicenow_instance import (
    AUDIT,
    COMPUTER,
    SOFTWARE,
    Table,
    sys_id,
)

Row = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceNowServer]:
    with running_site(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return empty_repository(tmp_path)


def test_later_syncs_ask_for_what_changed_and_read_only_that(server: ServiceNowServer, repository: Repository) -> None:
    many(server, 30)
    sync(repository, by_account(server))
    server.instance.passes(hours=2)
    server.instance.update("PC-7", name="RENAMED")
    server.requests.clear()
    sync(repository, by_account(server))
    assert "RENAMED" in names(repository)
    queries = [query for query in server.asked(COMPUTER) if "ORDERBYsys_id" in query]
    assert queries == [
        "sys_updated_on>=2026-11-27 07:45:00^ORDERBYsys_id",  # the last sync, less the overlap
        f"sys_idIN{sys_id('PC-7')}^ORDERBYsys_id",
    ]


def test_two_changes_within_one_second_are_both_seen(server: ServiceNowServer, repository: Repository) -> None:
    server.instance.update("OLD-PC", name="FIRST")
    sync(repository, by_account(server))
    server.instance.update("OLD-PC", name="SECOND")
    sync(repository, by_account(server))
    assert "SECOND" in names(repository)


def test_a_change_that_was_committed_late_is_seen(server: ServiceNowServer, repository: Repository) -> None:
    sync(repository, by_account(server))
    server.instance.passes(minutes=-10)
    server.instance.update("OLD-PC", name="LATE")
    server.instance.passes(minutes=30)
    sync(repository, by_account(server))
    assert "LATE" in names(repository)


def test_a_record_without_a_visible_time_of_change_is_always_read(
    server: ServiceNowServer, repository: Repository
) -> None:
    server.instance.hidden_fields |= {(COMPUTER, "sys_mod_count")}
    server.instance.tables[COMPUTER].columns = (*server.instance.tables[COMPUTER].columns, "u_own")
    fields = {"columns": {"device": {"source_device_id": "u_own"}}}  # a unit of its own, so that all are listed
    for key, row in server.instance.records.items():
        row["u_own"] = key[:8]
    sync(repository, by_account(server, **fields))
    server.instance.hidden_fields |= {(COMPUTER, "sys_updated_on")}
    server.instance.update("OLD-PC", name="CHANGED")
    sync(repository, by_account(server, **fields))
    server.instance.update("OLD-PC", name="AGAIN")
    sync(repository, by_account(server, **fields))
    assert "AGAIN" in names(repository)


def test_what_the_audit_tells_of_goes_without_listing_all(server: ServiceNowServer, repository: Repository) -> None:
    many(server, 30)
    sync(repository, by_account(server))
    server.instance.passes(hours=1)
    server.instance.delete("PC-3")
    server.instance.delete("BER-LNX-01")  # told of under its class
    server.requests.clear()
    report = sync(repository, by_account(server))
    assert report.tables[0].removed == 2
    assert not {"PC-3", "BER-LNX-01"} & names(repository)
    assert "ORDERBYsys_id" not in server.asked(COMPUTER)


@pytest.mark.parametrize("reason", ["not audited", "hidden", "field hidden", "cleaned", "rows hidden"])
def test_what_the_audit_keeps_quiet_about_goes_too(
    server: ServiceNowServer, repository: Repository, reason: str
) -> None:
    instance = server.instance
    sync(repository, by_account(server))
    instance.passes(hours=1)
    instance.tables["cmdb_ci_linux_server"].is_audited = reason != "not audited"
    if reason == "hidden":
        instance.forbidden.add(AUDIT)
    if reason == "field hidden":
        instance.hidden_fields.add((AUDIT, "tablename"))
    instance.delete("BER-LNX-01")
    told = [key for key, table in instance.classes.items() if table == AUDIT]
    if reason == "cleaned":
        for key in told:
            instance.records.pop(key)
            instance.classes.pop(key)
    if reason == "rows hidden":
        instance.hidden_rows |= set(told)
    sync(repository, by_account(server))
    assert names(repository) == {"LON-SRV-01", "LON-LT-01", "OLD-PC"}


def test_a_record_that_was_restored_stays(server: ServiceNowServer, repository: Repository) -> None:
    instance = server.instance
    sync(repository, by_account(server))
    instance.passes(hours=1)
    key = sys_id("LON-LT-01")
    kept = (dict(instance.records[key]), instance.classes[key])
    instance.delete("LON-LT-01")
    instance.records[key], instance.classes[key] = kept
    instance.delete("OLD-PC")
    sync(repository, by_account(server))
    assert names(repository) == {"LON-SRV-01", "BER-LNX-01", "LON-LT-01"}


def test_all_is_listed_once_in_a_while(server: ServiceNowServer, repository: Repository) -> None:
    sync(repository, by_account(server))
    for days, whole in ((3, False), (3, False), (3, True), (3, False)):
        server.instance.passes(days=days)
        server.requests.clear()
        sync(repository, by_account(server))
        assert ("ORDERBYsys_id" in server.asked(COMPUTER)) == whole


def test_without_counts_all_is_listed(server: ServiceNowServer, repository: Repository) -> None:
    server.counts = False
    keys = many(server, 12)
    sync(repository, by_account(server, page_size=5))
    server.instance.passes(hours=1)
    server.instance.delete("PC-1")
    sync(repository, by_account(server, page_size=5))
    assert len(names(repository)) == len(keys) - 1


def test_records_that_leave_the_query_go(server: ServiceNowServer, repository: Repository) -> None:
    fields = {"queries": {"device": "install_status!=7^EQ"}}
    sync(repository, by_account(server, **fields))
    assert names(repository) == {"LON-SRV-01", "BER-LNX-01", "LON-LT-01"}
    server.instance.passes(hours=1)
    server.instance.update("LON-LT-01", install_status="7")
    server.instance.update("OLD-PC", install_status="1")
    sync(repository, by_account(server, **fields))
    assert names(repository) == {"LON-SRV-01", "BER-LNX-01", "OLD-PC"}


def test_software_that_moves_or_goes_does_so_on_both_computers(
    server: ServiceNowServer, repository: Repository
) -> None:
    sync(repository, by_account(server), Category.software)
    server.instance.passes(hours=1)
    server.instance.update("7-Zip 23.01 (x64) on LON-SRV-01", installed_on=sys_id("OLD-PC"))
    server.instance.delete("WinZip on OLD-PC")
    sync(repository, by_account(server), Category.software)
    table = repository.visible().arrow("software").select(["source_device_id", "title"])
    found = {(row["source_device_id"], row["title"]) for row in table.to_pylist()}
    assert (sys_id("OLD-PC"), "7-Zip 23.01 (x64)") in found
    assert (sys_id("LON-SRV-01"), "7-Zip 23.01 (x64)") not in found
    assert (sys_id("OLD-PC"), "WinZip") not in found
    assert len(found) == 4


def test_tables_and_columns_of_an_application_scope_are_read(server: ServiceNowServer, repository: Repository) -> None:
    server.instance.tables["x_acme_sam_install"] = Table(
        ("u_device", "u_title", "u_vendor", "u_number"), references={"u_device": COMPUTER, "u_vendor": "core_company"}
    )
    server.instance.insert("x_acme_sam_install", "one", u_device=sys_id("OLD-PC"), u_title="Widget", u_vendor=sys_id("Intel"), u_number="A-1")  # noqa: E501  # fmt: skip
    connector = by_account(
        server,
        tables={"software": "x_acme_sam_install"},
        columns={
            "software": {
                "source_device_id": "u_device", "title": "u_title", "publisher": "u_vendor.name", "version": "",
                "product_code": "", "install_date": "", "extra_number": "u_number", "extra_last_used": "",
                "extra_last_scanned": "", "extra_active_install": "",
            }
        },
    )  # fmt: skip
    assert run_test(connector, (Category.software,)).passed
    sync(repository, connector, Category.software)
    [row] = repository.visible().arrow("software").to_pylist()
    assert (row["source_device_id"], row["title"], row["publisher"]) == (sys_id("OLD-PC"), "Widget", "Intel")
    assert (json.loads(row["extra"]), row["version"]) == ({"number": "A-1"}, None)


def test_the_sync_log_names_hidden_columns(server: ServiceNowServer, repository: Repository) -> None:
    server.instance.hidden_fields |= {(COMPUTER, "serial_number")}
    report = sync(repository, by_account(server))
    assert any("hides, serial_number" in note for note in report.tables[0].notes)


def test_a_column_of_keys_that_becomes_hidden_removes_nothing(server: ServiceNowServer, repository: Repository) -> None:
    sync(repository, by_account(server), Category.software)
    server.instance.hidden_fields.add((SOFTWARE, "installed_on"))
    with pytest.raises(SyncError, match="has no column installed_on, or hides it"):
        sync(repository, by_account(server), Category.software)
    assert repository.visible().arrow("software").num_rows == 5
