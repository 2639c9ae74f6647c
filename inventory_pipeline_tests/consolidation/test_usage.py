"""Usage categories and the nine reasons for Unreported, each as the specification states it."""

from __future__ import annotations

from typing import Any

import pytest

from inventory_pipeline.consolidation.policy import ConsolidationPolicy, UsagePolicy
from inventory_pipeline_tests.consolidation.estate import Estate, day

ACROBAT = "Adobe: Acrobat"
FUTURE = -40


def estate(policy: ConsolidationPolicy | None = None) -> Estate:
    """A second machine inventoried at the end of sync date, on which the product and another one show usage."""
    made = Estate(policy).device("a", "other").software("a", "other", ACROBAT).software("a", "other", "Other: Tool")
    made.add("software_usage", "a", source_device_id="other", title=ACROBAT, last_used=day(1))
    return made


def used(made: Estate, ago: float | None, device: str = "1", **values: Any) -> Estate:
    last_used = None if ago is None else day(ago)
    return made.add("software_usage", "a", source_device_id=device, title=ACROBAT, last_used=last_used, **values)


def reports(made: Estate, device: str = "1") -> Estate:
    return made.add("usage_reporting", "a", source_device_id=device, reports_usage=True)


def judged(made: Estate, device: str = "1") -> tuple[str, str | None]:
    tables = made.run(until="installation")
    ids = {row["source_device_id"]: row["device_id"] for row in tables["device_record"].to_pylist()}
    (row,) = [row for row in tables["installation"].to_pylist() if row["device_id"] == ids[device]]
    return row["usage_category"], row["unreported_reason"]


@pytest.mark.parametrize(
    ("ago", "category"),
    [(0, "used"), (30, "used"), (31, "rarely_used"), (90, "rarely_used"), (91, "unused"), (400, "unused")],
)
def test_age_of_the_last_usage_decides(ago: int, category: str) -> None:
    assert judged(used(estate().device("a", "1").software("a", "1", ACROBAT), ago)) == (category, None)


def test_limits_are_the_sites() -> None:
    policy = ConsolidationPolicy(usage=UsagePolicy(rarely_used_after_days=5, unused_after_days=10))
    assert judged(used(estate(policy).device("a", "1").software("a", "1", ACROBAT), 6)) == ("rarely_used", None)
    assert judged(used(estate(policy).device("a", "1").software("a", "1", ACROBAT), 11)) == ("unused", None)


def test_ages_are_measured_against_the_end_of_sync_date_and_not_the_clock() -> None:
    made = Estate().device("a", "1", ago=1000).software("a", "1", ACROBAT)
    assert judged(used(made, 1010)) == ("used", None)


def test_the_end_of_sync_date_may_come_from_usage() -> None:
    made = Estate().device("a", "1", ago=20).software("a", "1", ACROBAT).device("a", "2", ago=20)
    made.add("software_usage", "a", source_device_id="2", title="Other: Tool", last_used=day(0))
    assert judged(used(made, 45)) == ("rarely_used", None)


def test_the_newest_of_several_usages_counts() -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT)
    assert judged(used(used(made, 200, user="anna"), 3, user="ben")) == ("used", None)


def test_without_usage_on_a_reporting_machine_it_is_unused() -> None:
    made = reports(estate().device("a", "1").software("a", "1", ACROBAT, install_date=day(30).date()))
    assert judged(made) == ("unused", None)


@pytest.mark.parametrize(
    ("age", "expected"), [(29, ("rarely_used", None)), (30, ("unreported", "device_stopped_reporting"))]
)
def test_device_stopped_reporting(age: int, expected: tuple[str, str | None]) -> None:
    assert judged(used(estate().device("a", "1", ago=age).software("a", "1", ACROBAT), 60)) == expected


def test_invalid_usage_date() -> None:
    made = used(estate().device("a", "1").software("a", "1", ACROBAT), FUTURE)
    assert judged(made) == ("unreported", "invalid_usage_date")


def test_a_usage_date_in_the_future_does_not_hide_a_good_one() -> None:
    made = used(used(estate().device("a", "1").software("a", "1", ACROBAT), FUTURE, user="x"), 2, user="y")
    assert judged(made) == ("used", None)


@pytest.mark.parametrize(("age", "expected"), [(6, ("unreported", "recently_installed")), (7, ("unused", None))])
def test_recently_installed(age: int, expected: tuple[str, str | None]) -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT, install_date=day(age).date())
    assert judged(reports(made)) == expected


def test_recently_installed_needs_a_machine_that_reports_usage() -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT, install_date=day(2).date())
    assert judged(made) == ("unreported", "no_device_usage")


def test_invalid_install_date() -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT, install_date=day(FUTURE).date())
    assert judged(reports(made)) == ("unreported", "invalid_install_date")


def test_no_product_usage() -> None:
    made = estate().device("a", "1").software("a", "1", "Other: Tool", install_date=day(60).date())
    assert judged(reports(made)) == ("unreported", "no_product_usage")


def test_no_device_usage() -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT, install_date=day(60).date())
    assert judged(made) == ("unreported", "no_device_usage")


@pytest.mark.parametrize(
    ("age", "expected"), [(30, ("unused", None)), (31, ("unreported", "device_inventory_too_old"))]
)
def test_device_inventory_too_old(age: int, expected: tuple[str, str | None]) -> None:
    made = estate().device("a", "1", ago=age).software("a", "1", ACROBAT, install_date=day(60).date())
    assert judged(reports(made)) == expected


def test_invalid_device_inventory_date() -> None:
    made = estate().device("a", "1", ago=FUTURE).software("a", "1", ACROBAT)
    assert judged(reports(made)) == ("unreported", "invalid_device_inventory_date")


def test_no_device_inventory_date() -> None:
    made = estate().device("a", "1", ago=None).software("a", "1", ACROBAT)
    assert judged(reports(made)) == ("unreported", "no_device_inventory_date")


def test_a_date_hours_ahead_is_a_time_zone_and_not_the_future() -> None:
    made = used(estate().device("a", "1", ago=-0.9).software("a", "1", ACROBAT), -0.5)
    assert judged(made) == ("used", None)


def test_usage_of_a_file_or_another_source_of_the_same_machine_counts() -> None:
    made = estate().device("a", "1", serial_number="4B3XKD3").software("a", "1", ACROBAT, "24.1")
    made.device("b", "9", serial_number="4B3XKD3")
    made.add("software_usage", "b", source_device_id="9", title=ACROBAT, version="23.9", last_used=day(4), run_count=7)
    tables = made.run(until="installation")
    (row,) = [row for row in tables["installation"].to_pylist() if row["version"] == "24.1"]
    assert (row["usage_category"], row["last_used"], row["run_count"]) == ("used", day(4), 7)


def test_usage_belongs_to_the_version_that_it_names() -> None:
    made = estate().device("a", "1").software("a", "1", ACROBAT, "2015").software("a", "1", ACROBAT, "24.1.5")
    made.add("software_usage", "a", source_device_id="1", title=ACROBAT, version="24.1", last_used=day(4))
    rows = made.run(until="installation")["installation"].to_pylist()
    found = {row["version"]: row["usage_category"] for row in rows if row["version"]}
    assert found == {"2015": "unused", "24.1.5": "used"}
