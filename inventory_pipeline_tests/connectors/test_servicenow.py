"""ServiceNow: what comes, pages without loss or doubles, and what goes wrong on the way."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import Secret, run_test
from inventory_pipeline.connectors.servicenow import ServiceNow
from inventory_pipeline.connectors.servicenow_table import narrowed
from inventory_pipeline.errors import ConfigurationError, ConnectorError, SyncError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Repository
from inventory_pipeline_tests.connectors.sites_servicenow import (
    by_account,
    by_client,
    empty_repository,
    many,
    names,
    rows,
    running_site,
    said,
    sync,
)
from inventory_pipeline_tests.counterparts import servicenow as server_of
from inventory_pipeline_tests.counterparts.graph_faults import Answer, Fault, Request, cut, json_answer
from inventory_pipeline_tests.counterparts.servicenow import CLIENT_SECRET, PASSWORD, USERNAME, ServiceNowServer
from inventory_pipeline_tests.counterparts.servicenow_instance import (
    AUDIT,
    COMPUTER,
    SOFTWARE,
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


def test_devices_come_with_their_references_resolved_and_no_request_for_each(server: ServiceNowServer) -> None:
    found = {row["name"]: row for row in rows(by_account(server), "device")}
    assert set(found) == {"LON-SRV-01", "BER-LNX-01", "LON-LT-01", "OLD-PC"}
    one, laptop = found["LON-SRV-01"], found["LON-LT-01"]
    assert one["source_device_id"] == sys_id("LON-SRV-01")
    assert (one["manufacturer"], one["model"]) == ("Dell Inc.", "PowerEdge R750")
    assert (one["serial_number"], one["memory_mb"], one["is_virtual"]) == ("7XK2M94", "131072", "false")
    assert (one["fqdn"], one["domain"]) == ("lon-srv-01.corp.example.com", "corp.example.com")
    assert one["inventory_date"] == "2026-11-25 22:00:00"
    assert laptop["primary_user"] == "ada"
    extra = json.loads(one["extra"])
    assert (extra["class"], extra["location"], extra["install_status"]) == ("cmdb_ci_win_server", "London", "1")
    assert (found["OLD-PC"]["is_obsolete"], one["is_obsolete"]) == ("true", "false")
    assert {name for name, _ in server.requests} == {COMPUTER}


def test_cores_are_those_of_all_processors_and_what_it_says_is_kept(server: ServiceNowServer) -> None:
    found = {row["source_device_id"]: row for row in rows(by_account(server), "processor")}
    assert set(found) == {sys_id("LON-SRV-01"), sys_id("BER-LNX-01")}
    one, guest = found[sys_id("LON-SRV-01")], found[sys_id("BER-LNX-01")]
    assert (one["sockets"], one["cores"], one["logical_cores"], one["speed_mhz"]) == ("2", "32", "64", "3100")
    assert json.loads(one["extra"]) == {"cpu_core_count": "16", "cpu_core_thread": "2"}
    assert one["vendor"] == "Intel"
    assert guest["cores"] == "4"
    assert "logical_cores" not in guest


def test_software_users_and_groups_come(server: ServiceNowServer) -> None:
    connector = by_account(server)
    titles = {(r["source_device_id"], r["title"], r["publisher"], r["version"]) for r in rows(connector, "software")}
    assert (sys_id("LON-LT-01"), "7-Zip 23.01 (x64)", "Igor Pavlov", "23.01") in titles
    assert len(titles) == 5
    users = {row["account"]: row for row in rows(connector, "user")}
    assert (users["ada"]["department"], users["ada"]["company"]) == ("Finance", "Example Ltd")
    assert (users["ada"]["display_name"], users["ada"]["enabled"], users["bob"]["enabled"]) == (
        "Ada Löwe",
        "true",
        "false",
    )
    assert json.loads(users["bob"]["extra"]) == {"manager": "ada"}
    groups = {row["name"]: row for row in rows(connector, "group")}
    assert groups["Night shift"]["parent_group_id"] == sys_id("Service Desk")
    members = {(r["source_group_id"], r["member_kind"], r["member_id"]) for r in rows(connector, "group_member")}
    assert (sys_id("Night shift"), "user", sys_id("bob")) in members
    assert len(members) == 3


def _ids(connector: ServiceNow) -> list[str]:
    return [row["source_device_id"] for row in rows(connector, "device")]


@pytest.mark.parametrize("more", [0, 3, 10, 41])
def test_every_record_comes_once_by_pages_behind_the_last_sys_id(server: ServiceNowServer, more: int) -> None:
    keys = many(server, more)
    assert _ids(by_account(server, page_size=7)) == keys
    assert not any("sysparm_offset" in parameters for _, parameters in server.requests)
    assert {parameters["sysparm_limit"] for _, parameters in server.requests} <= {"1", "7"}


def test_records_that_access_rules_hide_do_not_end_the_reading(server: ServiceNowServer) -> None:
    keys = many(server, 60)
    hidden = {*keys[3:6], *keys[12:40], *keys[62:]}  # within a page, whole pages, the end
    server.instance.hidden_rows = hidden
    assert _ids(by_account(server, page_size=5)) == [key for key in keys if key not in hidden]


def test_records_that_come_and_go_between_pages_neither_hide_nor_double_others(server: ServiceNowServer) -> None:
    keys = many(server, 40)
    state = {"pages": 0}

    def change(table: str) -> None:
        state["pages"] += 1
        if state["pages"] == 2:  # what has been read already goes, so that offsets would shift
            for key in keys[:3]:
                server.instance.records.pop(key, None)
                server.instance.classes.pop(key, None)
            server.instance.insert(COMPUTER, "NEW-PC", name="NEW-PC")

    server.after = change
    found = _ids(by_account(server, page_size=5))
    assert len(found) == len(set(found))
    assert set(keys) <= set(found)


def test_a_page_that_repeats_the_last_record_doubles_nothing(server: ServiceNowServer) -> None:
    keys = many(server, 20)
    server.repeats = True
    assert _ids(by_account(server, page_size=5)) == keys


def test_an_instance_that_gives_one_page_again_and_again_is_told(server: ServiceNowServer) -> None:
    page = [{"sys_id": sys_id(str(n)), "name": str(n)} for n in range(2)]
    server.faults = [Fault("ORDERBYsys_id", lambda request, answer: json_answer({"result": page}), times=100)]
    with pytest.raises(ConnectorError, match=r"CMDB: .*repeats a page of cmdb_ci_computer"):
        rows(by_account(server, page_size=2), "device")


@pytest.mark.parametrize(
    "make",
    [server_of.throttled("0"), server_of.throttled(None), server_of.error_in_success, server_of.half, cut],
    ids=["429 with Retry-After", "429 without", "error in a 200", "half a body", "cut"],
)
def test_what_is_throttled_or_broken_is_asked_again(
    server: ServiceNowServer, make: Callable[[Request, Answer], Answer]
) -> None:
    keys = many(server, 10)
    server.faults = [Fault("?ORDERBYsys_id", make), Fault("sys_id>", make)]
    assert _ids(by_account(server, page_size=5)) == keys
    assert [fault.times for fault in server.faults] == [0, 0]


def test_a_wait_that_is_longer_than_patience_fails(server: ServiceNowServer) -> None:
    server.faults = [Fault("ORDERBYsys_id", server_of.throttled("600"), times=9)]
    with pytest.raises(ConnectorError, match=r"throttles \(HTTP 429\) for longer than 5 seconds"):
        rows(by_account(server, patience_seconds=5), "device")


def test_a_transaction_that_is_cancelled_is_tried_with_smaller_pages(server: ServiceNowServer) -> None:
    keys = many(server, 60)
    server.slow_above = 30
    assert _ids(by_account(server, page_size=100)) == keys
    assert {parameters["sysparm_limit"] for _, parameters in server.requests} == {"1", "100", "25"}
    server.slow_above = 5
    with pytest.raises(ConnectorError, match=r"needs longer for cmdb_ci_computer.*Lower page_size"):
        rows(by_account(server, page_size=100), "device")


def test_nothing_found_may_be_a_404_but_a_wrong_address_may_not(server: ServiceNowServer) -> None:
    server.empty_is_404 = True
    assert rows(by_account(server, queries={"device": "name=NOBODY"}), "device") == []
    with pytest.raises(ConnectorError, match="no Table API at this address"):
        rows(by_account(server, url=f"{server.url}/elsewhere"), "device")


def test_an_instance_that_sleeps_has_not_lost_its_records(server: ServiceNowServer, repository: Repository) -> None:
    sync(repository, by_account(server))
    server.faults = [Fault(COMPUTER, server_of.asleep, times=99)]
    with pytest.raises(SyncError, match=r"something else than records.*wake the instance"):
        sync(repository, by_account(server))
    assert len(names(repository)) == 4


def test_a_token_that_expires_between_pages_is_renewed(server: ServiceNowServer) -> None:
    keys = many(server, 30)
    server.token_requests = 3
    assert _ids(by_client(server, page_size=5)) == keys
    assert len(server.grants) > 1
    assert {grant["grant_type"] for grant in server.grants} == {"client_credentials"}


@pytest.mark.parametrize(("expires_in", "grants"), [(1799, 1), ("1799", 1), (20, 1), ("", 1)])
def test_a_token_is_kept_while_it_holds(server: ServiceNowServer, expires_in: int | str, grants: int) -> None:
    many(server, 30)
    server.expires_in = expires_in
    rows(by_client(server, page_size=5), "device")
    assert len(server.grants) == grants


def test_a_client_can_sign_in_for_an_account(server: ServiceNowServer) -> None:
    account = {"username": USERNAME, "password": Secret(env="SERVICENOW_PASSWORD")}
    assert len(rows(by_client(server, **account), "device")) == 4
    assert (server.grants[0]["grant_type"], server.grants[0]["username"]) == ("password", USERNAME)
    stale = {"username": USERNAME, "password": Secret(env="SERVICENOW_STALE")}
    with pytest.raises(ConnectorError, match=r"gives the OAuth client no token \(HTTP 401\)"):
        rows(by_client(server, **stale), "device")


def test_a_wrong_password_is_tried_once_only(server: ServiceNowServer) -> None:
    tries: list[str] = []

    def count(request: Request, answer: Answer) -> Answer:
        tries.append(request.path)
        return answer

    server.faults = [Fault(COMPUTER, count, times=9)]
    with pytest.raises(ConnectorError, match="refuses the account"):
        rows(by_account(server, password=Secret(env="SERVICENOW_STALE")), "device")
    assert len(tries) == 1  # so that no account is locked by it


def test_queries_with_alternatives_are_paged_whole(server: ServiceNowServer) -> None:
    many(server, 20)
    query = "nameSTARTSWITHPC-1^NQname=OLD-PC^ORname=LON-LT-01"
    found = [row["name"] for row in rows(by_account(server, page_size=3, queries={"device": query}), "device")]
    assert sorted(found) == sorted(["PC-1", *(f"PC-1{n}" for n in range(10)), "OLD-PC", "LON-LT-01"])
    assert narrowed("a=1^NQb=2^EQ", "c=3", order="d") == "a=1^c=3^NQb=2^c=3^ORDERBYd"


def test_the_test_names_hidden_columns_and_how_removals_are_found(server: ServiceNowServer) -> None:
    server.instance.hidden_fields |= {(COMPUTER, "serial_number"), ("core_company", "name")}
    server.instance.forbidden |= {"cmdb_model"}
    report = run_test(by_account(server), (Category.device, Category.processor))
    assert report.passed
    text = said(report)
    assert "hidden by access rules: manufacturer.name, model_id.name, serial_number" in text
    assert "cpu_manufacturer.name" in text
    assert "sys_audit_delete tells what has gone" in text
    server.instance.forbidden |= {AUDIT}
    assert "sys_audit_delete is hidden, so all keys are listed" in said(run_test(by_account(server)))


def test_an_account_for_users_alone_brings_users(server: ServiceNowServer) -> None:
    server.instance.forbidden |= {COMPUTER}
    assert len(rows(by_account(server), "user")) == 2
    report = run_test(by_account(server), (Category.device, Category.user))
    assert [check.name for check in report.failures] == [COMPUTER]


@pytest.mark.parametrize(
    ("spoil", "fields", "message"),
    [
        (lambda one: one.forbidden.add(SOFTWARE), {}, "may not read the table cmdb_sam_sw_install"),
        (lambda one: one.tables.pop(SOFTWARE), {}, "no table cmdb_sam_sw_install.*Name the right one in tables"),
        (lambda one: one.hidden_fields.add((SOFTWARE, "installed_on")), {}, "has not, or hides, installed_on"),
        (lambda one: one.hidden_rows.update(one.records), {}, "has 5 records, and the account may see none"),
        (lambda one: None, {"software": "activ_install=true^ORversion=1"}, "names activ_install, which it has not"),
        (lambda one: one.hidden_fields.add((SOFTWARE, "version")), {"software": "version=1"}, "names a field that"),
    ],
)  # fmt: skip
def test_the_test_tells_what_cannot_be_read(
    server: ServiceNowServer, spoil: Callable[[Any], None], fields: dict[str, str], message: str
) -> None:
    with_records = by_account(server, queries=fields)
    spoil(server.instance)
    report = run_test(with_records, (Category.software,))
    [failure] = report.failures
    assert re.search(message, f"{failure.message} {failure.cure}")
    assert failure.cure
    assert report.checks["connection"][0].passed


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "http://localhost"}, "no https address"),
        ({"url": "https://name:word@localhost"}, "no https address"),
        ({"password": None}, "no account"),
        ({"tables": {"computers": "x"}}, "tables names computers"),
        ({"tables": {"device": "cmdb_ci_computer/../x"}}, "no name in ServiceNow"),
        ({"columns": {"device": {"nmae": "name"}}}, "device has no column nmae"),
        ({"columns": {"device": {"name": "Host name"}}}, "'Host name' is no name in ServiceNow"),
        ({"queries": {"device": "active=true^ORDERBYname"}}, "orders or groups"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    server: ServiceNowServer, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as failure:
        rows(by_account(server, **fields), "device")
    assert failure.value.cure
    assert "word@" not in str(failure.value)
    assert not server.requests


def test_neither_tokens_nor_headers_are_told(
    server: ServiceNowServer, repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    texts = []
    with caplog.at_level(logging.DEBUG):
        for connector in (by_client(server), by_account(server)):
            server.faults = [Fault(SOFTWARE, server_of.throttled("99"), times=9)]
            texts += [repr(connector), said(run_test(connector))]
            with pytest.raises(SyncError) as failure:
                sync(repository, connector, Category.software)
            texts += [repr(failure.value), repr(failure.value.__cause__), repr(failure.value.__context__)]
    texts += [record.getMessage() for record in caplog.records]
    header = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    assert server.tokens
    for secret in (PASSWORD, CLIENT_SECRET, header, *server.tokens):
        assert not [text for text in texts if secret in text]
