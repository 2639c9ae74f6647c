"""1E between pages and in bad weather: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import RefusedUnit, Units
from inventory_pipeline_tests.connectors.sites_one_e import (
    LAPTOP,
    MAC,
    PASSWORD,
    QUESTIONED,
    SERVER,
    USERNAME,
    VARIABLE,
    connector,
    device,
    error,
    read,
    small_platform,
)
from inventory_pipeline_tests.counterparts.one_e import OneEServer, running_one_e


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneEServer]:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with running_one_e(tmp_path / "server", small_platform(), username=USERNAME, password=PASSWORD) as running:
        yield running


def test_no_device_is_lost_when_others_are_removed_between_pages(server: OneEServer) -> None:
    platform = server.platform
    platform.devices = [device(n, f"{n:08x}-0000-4000-8000-000000000000", f"PC-{n:03}") for n in range(1, 30)]

    def remove() -> None:
        if len(server.asked("devices")) == 3:
            del platform.devices[:3]

    platform.after_page = remove
    (rows,) = read(connector(server, page_size=4), "device")
    assert len(platform.devices) == 26
    assert {int(row["source_device_id"][:8], 16) for row in rows} >= set(range(4, 30))


def test_a_server_that_counts_from_zero_gives_its_first_device_too(server: OneEServer) -> None:
    server.platform.first = 0
    assert {row["source_device_id"] for row in read(connector(server, page_size=2), "device")[0]} == {
        LAPTOP,
        SERVER,
        MAC,
    }


@pytest.mark.parametrize("properly", [True, False])
@pytest.mark.parametrize("at", ["devices", "responses", "instructionstatistics", "managementgroups"])
def test_an_answer_that_is_cut_off_is_asked_for_again(server: OneEServer, at: str, properly: bool) -> None:
    server.faults.at, server.faults.cuts, server.faults.properly = at, 2, properly
    devices, software, members = read(connector(server, page_size=2), "device", "software", "group_member")
    assert (len(devices), len(software), len(members)) == (3, 9, 3)
    assert server.faults.cuts == 0


def test_an_instruction_whose_answer_is_lost_is_not_sent_again(server: OneEServer) -> None:
    server.faults.at, server.faults.cuts, server.faults.cut_after, server.faults.properly = "instructions", 1, 3, False
    assert "breaks" in error(connector(server), "software")
    assert len(server.platform.instructions) == 1
    server.faults.cuts, server.faults.properly = 1, True
    assert "what is no JSON" in error(connector(server), "software")
    assert len(server.platform.instructions) == 2


def test_throttling_is_obeyed(server: OneEServer) -> None:
    server.faults.at, server.faults.status = "devices", [(429, {"Retry-After": "1"}), (503, {})]
    begun = time.monotonic()
    assert len(read(connector(server), "device")[0]) == 3
    assert time.monotonic() - begun > 1
    # An instruction that was put off has not been sent.
    server.faults.at, server.faults.status = "instructions", [(429, {"Retry-After": "1"})]
    read(connector(server), "processor")
    assert len(server.platform.instructions) == 1


def test_a_server_that_fails_for_longer_than_patience(server: OneEServer) -> None:
    server.faults.at, server.faults.status = "devices", [(500, {})] * 50
    assert "fails (HTTP 500) for longer than 1 seconds" in error(connector(server, patience_seconds=1), "device")


def test_only_the_units_that_are_wanted_are_read(server: OneEServer) -> None:
    one = connector(server)
    with one.opened():
        for table in QUESTIONED:
            for batch in one.read(table, Units((LAPTOP,))):
                assert not isinstance(batch, RefusedUnit)
                assert set(batch.to_pydict()["source_device_id"]) == {LAPTOP}
