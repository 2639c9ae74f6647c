"""Questions of 1E: found in what the site has, asked, waited for, and given up politely."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import run_test
from inventory_pipeline.connectors.one_e_instructions import without_data
from inventory_pipeline.connectors.one_e_questions import Named, Plan, plan
from inventory_pipeline.records import Category
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.connectors.sites_one_e import (
    LAPTOP,
    MAC,
    PASSWORD,
    PATCHES,
    PROCESSORS,
    QUESTIONED,
    SERVER,
    SOFTWARE,
    USAGE,
    USERNAME,
    VARIABLE,
    Row,
    connector,
    definition,
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


def test_the_test_says_which_question_gives_what(server: OneEServer) -> None:
    report = run_test(connector(server))
    assert report.passed
    assert report.checks["software"][1].message.startswith(f"{SOFTWARE} gives title, publisher, version, install_date")
    assert "without edition" in report.checks["software"][1].message
    assert not server.asked("instructions")  # nothing is sent


def test_missing_columns_are_told_and_can_be_named(server: OneEServer) -> None:
    own = next(d for d in server.platform.definitions if d["Name"] == SOFTWARE)
    own["Schema"][0]["Name"] = "AppTitel"
    for rows in server.platform.content[SOFTWARE].values():
        for row in rows:
            row["AppTitel"] = row.pop("Product")
    message, cure = failure(connector(server), Category.software)
    assert f"{SOFTWARE} (AppTitel, Publisher" in message
    assert "instruction_names of software" in cure
    message, cure = failure(connector(server, instruction_names={"software": SOFTWARE}), Category.software)
    assert f"{SOFTWARE} gives no title: its columns are AppTitel, Publisher" in message
    assert "instruction_columns of software" in cure
    named = {"instruction_names": {"software": "103"}, "instruction_columns": {"software": {"title": "apptitel"}}}
    assert len(read(connector(server, **named), "software")[0]) == 9
    wrong = {**named, "instruction_columns": {"software": {"title": "Nothing"}}}
    assert "has no column Nothing; it has AppTitel" in failure(connector(server, **wrong), Category.software)[0]


def test_questions_that_are_not_there_or_not_the_only_ones(server: OneEServer) -> None:
    message, cure = failure(connector(server, instruction_set="Elsewhere"), Category.software)
    assert "no question of the instruction set Elsewhere" in message
    assert "1E Inventory product pack" in cure
    assert (
        "no question Missing" in failure(connector(server, instruction_names={"patch": "Missing"}), Category.patch)[0]
    )
    again = definition(105, "Other-Software", "Inventory - which software is there?", "Product Version", "limitSecs")
    server.platform.definitions.append(again)
    message, _ = failure(connector(server), Category.software)
    assert f"several questions of 1E Inventory give software: Other-Software, {SOFTWARE}" in message
    one = connector(server, instruction_names={"software": "other-software"})
    assert run_test(one, [Category.software]).passed


def test_an_instruction_set_is_preferred_to_a_documented_name_only_when_that_is_missing(server: OneEServer) -> None:
    own = next(d for d in server.platform.definitions if d["Name"] == PROCESSORS)
    own["Name"] = "Renamed-Processors"
    server.platform.content["Renamed-Processors"] = server.platform.content.pop(PROCESSORS)
    assert len(read(connector(server), "processor")[0]) == 4


def test_parameters_that_a_question_wants(server: OneEServer) -> None:
    own = next(d for d in server.platform.definitions if d["Name"] == PATCHES)
    own["Parameters"].append(
        {"Name": "source", "DefaultValue": None, "Validation": {"AllowedValues": ["WSUSL", "SCCM"]}}
    )
    own["Parameters"].append({"Name": "online", "DefaultValue": "false"})
    message, cure = failure(connector(server), Category.patch)
    assert "wants the parameter source" in message
    assert "instruction_parameters of patch" in cure
    message, _ = failure(connector(server, instruction_parameters={"patch": {"source": "CAB"}}), Category.patch)
    assert "does not take CAB as source" in message
    message, _ = failure(
        connector(server, instruction_parameters={"patch": {"source": "SCCM", "x": "1"}}), Category.patch
    )
    assert "has no parameter x" in message
    read(connector(server, instruction_parameters={"patch": {"Source": "WSUSL"}}), "patch")
    (sent,) = server.asked("instructions")
    assert {p["Name"]: p["Value"] for p in sent["Parameters"]} == {
        "limitSecs": "60",
        "source": "WSUSL",
        "online": "false",
    }


def test_a_question_that_may_not_be_sent(server: OneEServer) -> None:
    own = next(d for d in server.platform.definitions if d["Name"] == USAGE)
    own["IsLicensed"] = False
    assert "not licensed" in failure(connector(server), Category.usage)[0]
    own["IsLicensed"] = True
    own["Parameters"][1]["Validation"] = {"AllowedValues": ["120", "300"]}
    message, cure = failure(connector(server), Category.usage)
    assert "does not take 60 as limitSecs" in message
    assert "stagger_seconds" in cure


@pytest.mark.parametrize(
    ("rule", "written"),
    [
        (None, "2026-03-09"),
        (r"^\d{4}-\d{2}-\d{2}$", "2026-03-09"),
        (r"^\d{2}/\d{2}/\d{4}$", "03/09/2026"),
        (r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", "2026-03-09T00:00:00Z"),
    ],
)
def test_the_start_date_is_written_as_the_question_wants_it(rule: str | None, written: str) -> None:
    own = definition(1, USAGE, "what is the summary of file usage since <startDate>?", "FileName LastUsed", "startDate")
    own["Parameters"][0]["Validation"] = {"Regex": rule}
    assert planned("usage", own, since=dt.date(2026, 3, 9)).parameters == {"startDate": written}


def test_times_are_kept_within_what_the_definition_allows() -> None:
    own = definition(1, PROCESSORS, "", "Name CoreCount", MaximumInstructionTtlMinutes=30, MaximumResponseTtlMinutes=20)
    found = planned("processor", own)
    assert (found.gather_minutes, found.keep_minutes) == (30, 20)
    own = definition(1, PROCESSORS, "", "Name CoreCount", MinimumInstructionTtlMinutes=90)
    assert planned("processor", own).gather_minutes == 90


def planned(key: str, own: Row, since: dt.date = dt.date(2026, 1, 1)) -> Plan:
    return plan(
        key, [own], Named(), instruction_set="1E Inventory", stagger_seconds=60, since=since, gather_minutes=60,
        keep_minutes=60,
    )  # fmt: skip


def test_answers_are_waited_for_and_the_instruction_is_ended(server: OneEServer) -> None:
    server.platform.pace = 0.5
    begun = time.monotonic()
    (rows,) = read(connector(server, page_size=2), "software")
    assert time.monotonic() - begun > 1.5  # three devices, one after the other
    assert len(rows) == 9
    (sent,) = server.asked("instructions")
    assert (sent["KeepRaw"], sent["Export"], sent["InstructionTtlMinutes"]) == (True, False, 60)
    assert server.asked("instructions/1/cancel/true")


def test_an_instruction_that_never_completes_is_given_up_and_the_silent_keep_their_report(
    server: OneEServer, tmp_path: Path
) -> None:
    repository = store(tmp_path).repository("main")
    only = SyncOptions(categories=(Category.software,))
    server.platform.content[SOFTWARE][MAC] = [{"Product": "Logic Pro", "Version": "11.0"}]
    run_sync(repository, connector(server), only)
    before = repository.visible().arrow("software").num_rows
    server.platform.never.add(SOFTWARE)  # the last one, the Mac, does not answer
    server.platform.content[SOFTWARE][LAPTOP].append({"Product": "New", "Version": "1"})
    report = run_sync(repository, connector(server, instruction_timeout_minutes=0.02, stagger_seconds=1), only)
    assert report.status == "committed"
    (log,) = report.tables
    assert (log.added, log.removed, log.units_refused) == (1, 0, 1)
    assert any("2 of 3 devices answered" in note for note in log.notes)
    assert repository.visible().arrow("software").num_rows == before + 1
    assert server.asked("instructions/2/cancel/true")


def test_devices_that_are_offline_keep_their_report_and_are_named(server: OneEServer) -> None:
    server.platform.online = {LAPTOP}
    (rows,) = read(connector(server), "processor")
    assert {row["refused"] for row in rows if "refused" in row} == {SERVER, MAC}
    assert "did not answer" in next(row["reason"] for row in rows if "refused" in row)


@pytest.mark.parametrize(("status", "said"), [(1, "waits for approval"), (12, "second factor"), (2, "was rejected")])
def test_a_question_that_needs_approval_is_withdrawn(server: OneEServer, status: int, said: str) -> None:
    server.platform.workflow[PATCHES] = status
    assert said in error(connector(server), "patch_state")
    assert server.asked("instructions/1/cancel/true")


def test_no_answer_at_all_is_an_error(server: OneEServer) -> None:
    server.platform.online = set()
    said = error(connector(server, instruction_timeout_minutes=0.01, stagger_seconds=0), "software")
    assert f"no device answered {SOFTWARE}" in said
    assert server.asked("instructions/1/cancel/true")


def test_an_estate_without_devices_is_asked_nothing(server: OneEServer) -> None:
    server.platform.devices.clear()
    assert read(connector(server), *QUESTIONED, "usage_reporting") == [[]] * 5
    assert not server.asked("instructions")


def test_a_device_that_answers_with_an_error_keeps_its_report(server: OneEServer) -> None:
    server.platform.broken[SERVER] = (2, "Module  not\nloaded")
    one = connector(server)
    (rows,) = read(one, "software")
    assert [(r["refused"], r["reason"]) for r in rows if "refused" in r] == [(SERVER, "Module not loaded")]
    assert MAC not in {r.get("refused") for r in rows}  # it answered that there is nothing
    assert "with an error, such as: Module not loaded" in notes(one)


def test_answers_without_data_are_told_from_errors_by_the_counts() -> None:
    def other(key: str, status: int, text: str = "") -> Row:
        return {"TachyonGuid": key, "Status": status, "ErrorData": text}

    quiet, failed = without_data([other("a", 7), other("b", 7)], {"TotalSuccessNoDataRespondents": 2})
    assert (quiet, failed) == ({"a", "b"}, {})
    statistics = {"TotalSuccessNoDataRespondents": 1, "TotalNotImplementedRespondents": 2}
    quiet, failed = without_data([other("a", 7), other("b", 3), other("c", 3)], statistics)
    assert (quiet, set(failed)) == ({"a"}, {"b", "c"})
    # One of each: nobody can tell which is which, so that none counts as an empty report.
    quiet, failed = without_data(
        [other("a", 7), other("b", 3)], {"TotalSuccessNoDataRespondents": 1, "TotalErrorRespondents": 1}
    )
    assert (quiet, set(failed)) == (set(), {"a", "b"})


def test_older_servers_count_at_another_address(server: OneEServer) -> None:
    server.platform.old_paths = True
    assert len(read(connector(server), "processor")[0]) == 4
