"""Signing in to Entra and reading Graph, with everything that goes wrong on the way."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from inventory_pipeline.connectors import graph_export
from inventory_pipeline.connectors.base import Secret, run_test
from inventory_pipeline.connectors.graph_export import report_batches, start_export
from inventory_pipeline.connectors.graph_session import GraphSession
from inventory_pipeline.connectors.graph_signin import CLOUDS, Application, GraphError, SignIn
from inventory_pipeline.connectors.intune import Intune
from inventory_pipeline.errors import ConfigurationError, ConnectorError
from inventory_pipeline.records import Category
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_faults import (
    Answer,
    Fault,
    broken,
    cut,
    error_in_success,
    throttled,
)
from inventory_pipeline_tests.counterparts.graph_tenant import guid
from inventory_pipeline_tests.counterparts.https import key_pem, self_signed

pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")

VARIABLE = "GRAPH_TEST_SECRET"
APP_COLUMNS = ["DeviceId", "ApplicationName"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    with running_graph(tmp_path / "graph") as running:
        monkeypatch.setenv(VARIABLE, running.answers.secret)
        yield running


@pytest.fixture
def session(server: GraphServer) -> Iterator[GraphSession]:
    answers = server.answers
    application = Application(answers.tenant_id, answers.client_id, server.url, secret=answers.secret)
    opened = GraphSession(server.url, application, ca_file=str(server.ca_file), patience_seconds=3)
    opened.sign_in()
    yield opened
    opened.close()


def intune(server: GraphServer, **fields: Any) -> Intune:
    given = {**server.fields, "client_secret": Secret(env=VARIABLE), **fields}
    return Intune(name="Head office", **given)


def devices(session: GraphSession) -> list[str]:
    pages = session.pages(session.urls.managed_devices(["id"], 2), permission="devices")
    return [entry["id"] for page in pages for entry in page]


@pytest.mark.parametrize(
    ("fields", "secret", "message", "cure"),
    [
        ({}, "wr0ng", "the client secret is wrong (AADSTS7000215)", VARIABLE),
        ({"client_id": guid("other")}, None, "is not known in the tenant", "client_id"),
        ({"tenant_id": guid("other")}, None, "does not exist", "tenant_id"),
        ({"tenant_id": "not a tenant!"}, None, "not a tenant! does not exist", "tenant_id"),
        ({"graph_url": "https://localhost:1"}, None, "this cloud's Graph is not known", "cloud"),
        ({"login_url": "https://localhost:1"}, None, "localhost:1 does not answer", "firewall"),
        ({"login_url": "https://login.invalid"}, None, "login.invalid cannot be resolved", "DNS"),
        ({"ca_file": None}, None, "certificate of localhost", "ca_file"),
        ({"ca_file": "/nowhere.pem"}, None, "CA file /nowhere.pem cannot be read", "PEM"),
        ({"proxy": "http://localhost:1"}, None, "proxy", "proxy"),
    ],
)
def test_a_refused_sign_in_says_why_and_what_to_do(
    server: GraphServer,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, Any],
    secret: str | None,
    message: str,
    cure: str,
) -> None:
    if secret:
        monkeypatch.setenv(VARIABLE, secret)
    report = run_test(intune(server, **fields))
    assert list(report.checks) == ["connection"]
    (failure,) = report.failures
    assert message in failure.message
    assert cure in failure.cure
    assert failure.message.count(".") <= 3 + failure.message.count("localhost") + failure.message.count(".pem")
    assert "Trace" not in failure.message
    for said in (failure.message, failure.cure):
        assert server.answers.secret not in said
        assert "wr0ng" not in said


def test_one_way_to_sign_in_has_to_be_given(server: GraphServer) -> None:
    for fields, said in (
        ({"client_secret": None}, "no way to sign in"),
        ({"managed_identity": True}, "client_secret and managed_identity"),
        ({"client_id": None}, "client_id is missing"),
    ):
        with pytest.raises(ConfigurationError, match=said), intune(server, **fields).opened():
            pass


@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_certificate_signs_in(
    server: GraphServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    certificate, key = self_signed("inventory")
    monkeypatch.setenv("CERTIFICATE_PASSWORD", "p f x")
    path = tmp_path / f"application.{form}"
    path.write_bytes(
        key_pem(key, "p f x") + certificate.public_bytes(serialization.Encoding.PEM)
        if form == "pem"
        else pkcs12.serialize_key_and_certificates(
            b"inventory", key, certificate, None, serialization.BestAvailableEncryption(b"p f x")
        )
    )
    fields = {"client_secret": None, "certificate_file": str(path)}
    with_password = {**fields, "certificate_password": Secret(env="CERTIFICATE_PASSWORD")}
    (unregistered,) = run_test(intune(server, **with_password)).failures
    assert "does not accept the certificate (AADSTS700027)" in unregistered.message
    server.answers.certificates.append(certificate)
    assert run_test(intune(server, **with_password)).passed
    (locked,) = run_test(intune(server, **fields)).failures
    assert "wrong password" in locked.message
    (missing,) = run_test(intune(server, client_secret=None, certificate_file=str(tmp_path / "no.pem"))).failures
    assert "No such file" in missing.message


def test_a_managed_identity_signs_in(server: GraphServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # As an app service finds it in its environment.
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/managed-identity")
    monkeypatch.setenv("IDENTITY_HEADER", server.answers.secret)
    assert run_test(intune(server, client_secret=None, client_id=None, managed_identity=True)).passed


def test_each_cloud_has_its_own_hosts() -> None:
    assert CLOUDS["AzureUSGovernment"].graph == "https://graph.microsoft.us"
    assert CLOUDS["AzureChina"].login == "https://login.chinacloudapi.cn"
    application = Application("tenant", "client", CLOUDS["AzurePublic"].login, secret="hidden")
    assert "hidden" not in repr(application)
    assert "hidden" not in repr(SignIn(application, "scope", ca_file=None, proxy=None).__dict__["_application"])


@pytest.mark.parametrize(
    "fault",
    [throttled("1"), throttled(None), broken(503), broken(500), cut, error_in_success],
    ids=["throttled", "throttled without a time", "unavailable", "failing", "cut", "error in a 200"],
)
def test_what_fails_for_a_while_is_asked_for_again(server: GraphServer, session: GraphSession, fault: Any) -> None:
    expected = list(server.answers.tenant.devices)
    server.answers.faults.append(Fault("$skiptoken=2", fault, times=2))
    begun = time.monotonic()
    assert devices(session) == expected
    if fault is not cut and fault.__closure__ and fault.__closure__[0].cell_contents == {"Retry-After": "1"}:
        assert time.monotonic() - begun >= 2
    assert not server.answers.faults[0].times


def test_throttled_for_ever_ends_in_one_sentence(server: GraphServer, session: GraphSession) -> None:
    server.answers.faults.append(Fault("managedDevices", throttled("2"), times=1000))
    with pytest.raises(GraphError, match=r"throttles \(HTTP 429\) for longer than 3 seconds") as failure:
        devices(session)
    assert "another hour" in failure.value.cure
    # A wait that is longer than the patience is not even begun.
    server.answers.faults[:] = [Fault("managedDevices", throttled("600"), times=1000)]
    begun = time.monotonic()
    with pytest.raises(GraphError, match="throttles"):
        devices(session)
    assert time.monotonic() - begun < 2


def test_a_token_that_expires_between_pages_is_renewed_once(server: GraphServer, session: GraphSession) -> None:
    seen: list[str] = []
    for number, page in enumerate(session.pages(session.urls.managed_devices(["id"], 1), permission="devices")):
        seen += [entry["id"] for entry in page]
        if number == 0:
            server.answers.expire_tokens()
    assert seen == list(server.answers.tenant.devices)
    server.answers.faults.append(Fault("managedDevices", lambda request, answer: Answer(401, b"{}"), times=1000))
    with pytest.raises(GraphError, match="does not accept the sign-in"):
        devices(session)


def test_the_token_goes_to_graph_alone(server: GraphServer, session: GraphSession) -> None:
    stranger = b'{"value": [], "@odata.nextLink": "https://graph.example.net/v1.0/users"}'
    server.answers.faults.append(Fault("managedDevices", lambda request, answer: Answer(200, stranger)))
    with pytest.raises(GraphError, match=r"graph\.example\.net, which is not localhost"):
        devices(session)
    assert session.is_own(f"{server.url}/v1.0/users/delta()?$deltatoken=1")
    assert not session.is_own(f"{server.url}.example.net/v1.0/users")


def test_a_circle_of_pages_ends(server: GraphServer, session: GraphSession) -> None:
    link = session.urls.managed_devices(["id"], 2)
    circle = f'{{"value": [], "@odata.nextLink": "{link}"}}'.encode()
    server.answers.faults.append(Fault("managedDevices", lambda request, answer: Answer(200, circle), times=9))
    with pytest.raises(GraphError, match="circle"):
        devices(session)


@pytest.mark.parametrize(
    ("category", "permission"),
    [
        (Category.device, "DeviceManagementManagedDevices.Read.All"),
        (Category.device, "Device.Read.All"),
        (Category.software, "DeviceManagementManagedDevices.Read.All"),
        (Category.software, "DeviceManagementApps.Read.All"),
        (Category.usage, "DeviceManagementManagedDevices.Read.All"),
        (Category.user, "User.Read.All"),
        (Category.group, "GroupMember.Read.All"),
        (Category.group, "Device.Read.All"),
    ],
)
def test_a_missing_permission_is_named(server: GraphServer, category: Category, permission: str) -> None:
    server.answers.permissions.remove(permission)
    report = run_test(intune(server), [category])
    assert report.failures
    for failure in report.failures:
        assert f"lacks the permission {permission} " in failure.message
        assert "grant admin consent" in failure.cure
    (table, *_) = [source.table for source in Intune.sources if source.category is category]
    connector = intune(server)
    with pytest.raises(ConnectorError, match=permission), connector.opened():
        connector.keys("group_member" if permission == "Device.Read.All" and category is Category.group else table)


def test_batches_keep_their_order_and_ask_again_for_what_was_throttled(
    server: GraphServer, session: GraphSession
) -> None:
    keys = [guid(name) for name in ("Office users", "All Company", "Windows devices")] * 8
    server.answers.faults.append(Fault("batched /v1.0/groups", throttled("0"), times=5))
    answers = session.batch([session.urls.group_members(key) for key in keys], permission="groups")
    assert [len(answer) for answer in answers] == [1, 2, 2] * 8
    assert sum("$batch" in request for request in server.answers.requests) < len(keys)
    lost = session.urls.group_members(guid("no group"))
    assert session.batch([lost], permission="groups", missing_ok=True) == [[]]
    with pytest.raises(GraphError, match="does not exist"):
        session.batch([lost], permission="groups")


def report(session: GraphSession, seconds: float = 10) -> pa.Table:
    job = start_export(session, "AppInvRawData", APP_COLUMNS, permission="devices")
    return pa.Table.from_batches(list(report_batches(session, job, wait_seconds=seconds, coded=False)))


def test_a_report_is_waited_for_and_read_as_text(
    server: GraphServer, session: GraphSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks, so that some end within a value.
    monkeypatch.setattr(graph_export, "BLOCK_BYTES", 128)
    server.answers.polls = 3
    device = guid("PHONE-1")
    names = ["NA", "007", 'Say "hi", twice', "Übung", *["two\nlines"] * 40]
    server.answers.tenant.apps = {device: [{"ApplicationName": name} for name in names]}
    found = report(session)
    assert found.column("ApplicationName").to_pylist() == names
    assert set(found.column("DeviceId").to_pylist()) == {device}


def test_addresses_of_downloads_are_not_logged(
    server: GraphServer, session: GraphSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        report(session)
        session.redirected(session.urls.active_users("D7"), permission="reports")
    assert caplog.records
    for record in caplog.records:
        assert "sig=" not in record.getMessage()
        assert server.answers.secret not in record.getMessage()
        assert not any(token in record.getMessage() for token in server.answers._tokens)


def test_a_download_goes_on_where_it_broke(server: GraphServer, session: GraphSession, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    address = server.answers._offer(content)
    server.answers.faults.append(Fault("/download/", cut, times=2))
    path = tmp_path / "report"
    session.download(address, path)
    assert path.read_bytes() == content
    assert server.answers.requests.count(f"GET {address.removeprefix(server.url).partition('?')[0]}") == 3


def test_reports_that_do_not_come_are_told(server: GraphServer, session: GraphSession) -> None:
    server.answers.polls = 1000
    with pytest.raises(GraphError, match="has not made the report AppInvRawData within 1 seconds"):
        report(session, 1)
    server.answers.fail_exports = True
    with pytest.raises(GraphError, match="Intune failed to make the report AppInvRawData"):
        report(session)
    server.answers.fail_exports, server.answers.polls = False, 0
    server.answers.prepared["AppInvRawData"] = b"PK no zip at all"
    with pytest.raises(GraphError, match="report AppInvRawData came damaged"):
        report(session)
    server.answers.prepared.clear()
    server.answers.faults.append(
        Fault("/download/", lambda request, answer: dataclasses.replace(answer, status=403, body=b""), times=1000)
    )
    with pytest.raises(GraphError, match=r"refused by localhost \(HTTP 403\)") as failure:
        report(session)
    assert "sig=" not in str(failure.value)
