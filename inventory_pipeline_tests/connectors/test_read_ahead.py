"""Reading ahead changes when a source is read, never what comes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from inventory_pipeline.connectors.read_ahead import read_ahead


def test_what_came_before_a_failure_is_passed_on_first() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ConnectionError("page 3")

    seen = []
    with pytest.raises(ConnectionError, match="page 3"):
        for item in read_ahead(items()):
            time.sleep(0.02)
            seen.append(item)
    assert seen == [1, 2]


def test_the_source_is_read_while_an_item_is_in_work_but_not_further_than_agreed() -> None:
    taken: list[int] = []
    enough = threading.Event()

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            if number == 3:
                enough.set()
            yield number

    ahead = read_ahead(items(), most=2)
    assert next(ahead) == 0
    assert enough.wait(5)
    time.sleep(0.1)
    assert taken == [0, 1, 2, 3]  # one in work, two ahead, one in hand
    assert list(ahead) == list(range(1, 50))


def test_a_caller_who_stops_closes_the_source_where_it_was_read() -> None:
    threads: dict[str, str] = {}

    def items() -> Iterator[int]:
        threads["read"] = threading.current_thread().name
        try:
            while True:
                yield 1
        finally:
            threads["closed"] = threading.current_thread().name

    ahead = read_ahead(items())
    next(ahead)
    ahead.close()
    assert threads["closed"] == threads["read"] != threading.current_thread().name


def test_several_sources_are_read_at_the_same_time_and_each_keeps_its_order() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def items(source: str) -> Iterator[tuple[str, int]]:
        meeting.wait()  # nobody passes before all are being read
        for number in range(20):
            yield source, number

    seen = list(read_ahead(*(items(source) for source in "abc")))
    assert sorted(seen) == [(source, number) for source in "abc" for number in range(20)]
    for source in "abc":
        assert [number for name, number in seen if name == source] == list(range(20))


def test_when_one_of_several_fails_the_others_are_stopped_and_closed() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    def failing() -> Iterator[int]:
        yield 2
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        for _ in read_ahead(endless(), failing()):
            pass
    assert closed.is_set()
