"""What Microsoft 365 brings: subscriptions, who has them and how, and what is used."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.connectors.base import Secret, run_test
from inventory_pipeline.connectors.office365 import Office365
from inventory_pipeline.connectors.office365_skus import sku_names
from inventory_pipeline.errors import ConfigurationError, SyncError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, SyncReport, run_sync
from inventory_pipeline_tests.counterparts.graph import GraphServer, running_graph
from inventory_pipeline_tests.counterparts.graph_faults import Answer, Fault
from inventory_pipeline_tests.counterparts.graph_tenant import (
    OFFICE_E3,
    VISIO,
    Tenant,
    activity,
    app_use,
    guid,
    licence,
    licensed,
    subscription,
    user,
)

pytestmark = pytest.mark.filterwarnings("ignore:This class is deprecated:DeprecationWarning")

VARIABLE = "OFFICE365_TEST_SECRET"
ANNA, BEN = guid("anna.smith@example.com"), guid("ben.weber@example.com")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphServer]:
    with running_graph(tmp_path / "graph") as running:
        monkeypatch.setenv(VARIABLE, running.answers.secret)
        yield running


@pytest.fixture
def tenant(server: GraphServer) -> Tenant:
    return server.answers.tenant


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    policy = SyncPolicy(guard_share=1.0, reject_share=0.5)
    return Store(str(tmp_path / "store"), f"sqlite:///{tmp_path / 'ledger.sqlite'}", policy).ensure("main", "Main")


def office365(server: GraphServer, **fields: Any) -> Office365:
    return Office365(name="Head office", client_secret=Secret(env=VARIABLE), **{**server.fields, **fields})


def sync(repository: Repository, server: GraphServer, *categories: Category, **fields: Any) -> SyncReport:
    return run_sync(repository, office365(server, **fields), SyncOptions(categories=categories or None))


def rows(repository: Repository, table: str) -> list[dict[str, Any]]:
    return repository.visible().arrow(table).to_pylist()


def test_subscriptions_have_the_names_that_microsoft_publishes(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.subscription)
    found = {row["sku_id"]: row for row in rows(repository, "subscription")}
    assert found[OFFICE_E3]["product_name"] == "Office 365 E3"
    assert found[VISIO]["product_name"] == "Visio Plan 2"
    assert [found[OFFICE_E3][name] for name in ("prepaid", "consumed", "suspended", "warning")] == [10, 3, 0, 2]
    assert found[OFFICE_E3]["status"] == "Enabled"


def test_assignments_say_by_which_way_and_with_which_plans(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.subscription)
    found = {(row["source_user_id"], row["sku_id"]): row for row in rows(repository, "subscription_assignment")}
    assert len(found) == 4
    by_group = found[(ANNA, OFFICE_E3)]
    assert by_group["assigned_by_group"] == guid("Office users")
    assert by_group["service_plans"] == ["OFFICESUBSCRIPTION"]
    assert by_group["disabled_plans"] == ["EXCHANGE_S_ENTERPRISE"]
    assert json.loads(by_group["extra"])["group_name"] == "Office users"
    assert found[(ANNA, VISIO)]["assigned_by_group"] is None
    assert found[(BEN, OFFICE_E3)]["service_plans"] == ["EXCHANGE_S_ENTERPRISE", "OFFICESUBSCRIPTION"]
    assert found[(BEN, OFFICE_E3)]["assigned_at"].isoformat() == "2026-05-06T07:08:09"


def test_a_licence_may_come_by_user_and_by_group_at_once(
    server: GraphServer, tenant: Tenant, repository: Repository
) -> None:
    both = licensed(licence(VISIO), licence(VISIO, group=guid("Office users"), state="Error"))
    tenant.users.put({**user("ben.weber@example.com"), **both})
    bare = user("bare@example.com", assignedLicenses=[{"skuId": VISIO, "disabledPlans": []}])
    tenant.users.put(bare)
    sync(repository, server, Category.subscription)
    found = [row for row in rows(repository, "subscription_assignment") if row["sku_id"] == VISIO]
    of_ben = {row["assigned_by_group"]: row for row in found if row["source_user_id"] == BEN}
    assert set(of_ben) == {None, guid("Office users")}
    assert json.loads(of_ben[guid("Office users")]["extra"])["error"] == "CountViolation"
    assert [row["sku_id"] for row in found if row["source_user_id"] == bare["id"]] == [VISIO]


def test_the_order_of_answers_is_no_change(server: GraphServer, tenant: Tenant, repository: Repository) -> None:
    sync(repository, server, Category.subscription)
    for entry in tenant.users.objects.values():
        entry.get("licenseAssignmentStates", []).reverse()
    tenant.users.objects = dict(reversed(tenant.users.objects.items()))
    tenant.activity.reverse()
    report = sync(repository, server, Category.subscription)
    assert sum(log.units_read for log in report.tables) == 0


def test_activity_is_told_by_service(server: GraphServer, repository: Repository) -> None:
    sync(repository, server, Category.subscription)
    found = {
        (row["source_user_id"], row["service"]): str(row["last_activity"])
        for row in rows(repository, "subscription_activity")
    }
    assert found[("anna.smith@example.com", "Exchange")] == "2026-11-23"
    assert found[("anna.smith@example.com", "Teams")] == "2026-10-01"
    assert found[("ben.weber@example.com", "Exchange")] == "None"
    assert not [name for name, _ in found if name == "old@example.com"]
    assert {str(row["report_date"]) for row in rows(repository, "subscription_activity")} == {"2026-11-24"}


def test_use_of_apps_is_bounded_by_the_shortest_period_that_shows_it(
    server: GraphServer, repository: Repository
) -> None:
    sync(repository, server, Category.usage)
    found = {
        (row["source_user_id"], row["title"], row["platform"]): row["used_within_days"]
        for row in rows(repository, "user_software_usage")
    }
    assert found == {
        ("anna.smith@example.com", "Excel", "Windows"): 7,
        ("anna.smith@example.com", "Word", "Web"): 30,
        ("anna.smith@example.com", "Teams", "Mobile"): 180,
    }


def test_concealed_names_are_recognised_and_the_cure_is_told(
    server: GraphServer, tenant: Tenant, repository: Repository
) -> None:
    concealed = "7F1C0C8E5A1E4A7E9A510D6A1A2B3C4D"
    tenant.activity = [activity(concealed, Exchange="2026-11-23")]
    tenant.app_use = {"D7": [app_use(concealed, 7, "Excel (Windows)")]}
    report = run_test(office365(server), [Category.usage])
    (failure,) = report.failures
    assert "conceals the names" in failure.message
    assert "Display concealed user, group, and site names" in failure.cure
    done = sync(repository, server, Category.usage, Category.subscription)
    notes = {log.table: log.notes for log in done.tables}
    assert any("conceals" in note for note in notes["user_software_usage"])
    assert any("Org settings" in note for note in notes["subscription_activity"])
    assert not any("conceals" in note for note in notes["subscription_assignment"])
    assert done.status == "committed"


def test_a_newer_list_of_names_can_be_given(
    server: GraphServer, tenant: Tenant, repository: Repository, tmp_path: Path
) -> None:
    tenant.subscriptions.append(subscription(guid("new sku"), "BRAND_NEW", bought=1, used=0, plans={}))
    sync(repository, server, Category.subscription)
    unknown = {row["sku_part_number"]: row["product_name"] for row in rows(repository, "subscription")}
    assert unknown["BRAND_NEW"] is None
    path = tmp_path / "list.csv"
    path.write_bytes(
        b"Product_Display_Name,String_Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\r\n"
        + f'"Brand new, caf\u00e9",BRAND_NEW,{guid("new sku")},PLAN,{guid("plan")},Plan\r\n'.encode("cp1252")
    )
    sync(repository, server, Category.subscription, sku_list=str(path))
    named = {row["sku_part_number"]: row["product_name"] for row in rows(repository, "subscription")}
    assert named["BRAND_NEW"] == "Brand new, café"
    assert sku_names(path).plan(guid("plan")) == "PLAN"


def test_a_list_of_names_that_is_none_is_refused(server: GraphServer, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    torn = tmp_path / "torn.gz"
    torn.write_bytes(gzip.compress(b"Product_Display_Name")[:-4])
    for path, said in (
        (wrong, "no column Product_Display_Name"),
        (torn, "cannot be read"),
        (tmp_path / "no", "cannot"),
    ):
        with pytest.raises(ConfigurationError, match=said), office365(server, sku_list=str(path)).opened():
            pass


def test_the_shipped_list_knows_what_companies_buy() -> None:
    names = sku_names()
    assert len(names.products) > 500
    assert names.product("05E9A617-0261-4CEE-BB44-138D3EF5D965", None) == "Microsoft 365 E3"
    assert names.product("unknown", "spe_e5") == "Microsoft 365 E5"
    assert names.product("unknown", "unknown") is None


def test_permissions_are_named_for_subscriptions_and_reports(server: GraphServer, repository: Repository) -> None:
    for permission, category in (
        ("LicenseAssignment.Read.All", Category.subscription),
        ("Reports.Read.All", Category.usage),
        ("User.Read.All", Category.user),
        ("GroupMember.Read.All", Category.subscription),
    ):
        server.answers.permissions.remove(permission)
        failures = run_test(office365(server), [category]).failures
        assert [f"lacks the permission {permission} " in failure.message for failure in failures] == [True]
        with pytest.raises(SyncError, match=permission):
            sync(repository, server, category)
        server.answers.permissions.add(permission)


def test_reports_are_fetched_without_the_token(server: GraphServer, repository: Repository) -> None:
    # The server refuses a download that comes with one.
    sync(repository, server, Category.usage)
    assert [request for request in server.answers.requests if "/download/" in request]


def test_a_report_that_is_none_says_so(server: GraphServer, repository: Repository) -> None:
    server.answers.faults.append(
        Fault("/download/", lambda request, answer: Answer(200, b"<html>Sign in</html>"), times=9)
    )
    with pytest.raises(SyncError, match="no column User Principal Name"):
        sync(repository, server, Category.usage)
    server.answers.faults[:] = [Fault("getM365App", lambda request, answer: Answer(200, b'{"value": 1}'))]
    with pytest.raises(SyncError, match="gave no download"):
        sync(repository, server, Category.usage, patience_seconds=1)
