"""Reading while what was read is worked on: a source is mostly waited for."""

from __future__ import annotations

import contextvars
from collections.abc import Generator, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
ITEMS_AHEAD = 2
LOOK_SECONDS = 0.2
LONGEST_GOODBYE_SECONDS = 30


class _Reader(Thread, Generic[T]):
    """Takes items in a thread of its own; a mark of its own ends them, with the error if there was one."""

    def __init__(self, items: Iterator[T], most: int) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self.queue: Queue[tuple[T] | None] = Queue(most)
        self.stopped = Event()
        self.error: BaseException | None = None
        self._items = items
        self._context = contextvars.copy_context()

    def run(self) -> None:
        self._context.run(self._take)

    def _take(self) -> None:
        try:
            for item in self._items:
                if not self._put((item,)):
                    break
        except BaseException as error:
            self.error = error
        try:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self.error = self.error or error
        self._put(None)

    def _put(self, item: tuple[T] | None) -> bool:
        while not self.stopped.is_set():
            try:
                self.queue.put(item, timeout=LOOK_SECONDS)
            except Full:
                continue
            return True
        return False


def read_ahead(items: Iterator[T], most: int = ITEMS_AHEAD) -> Generator[T, None, None]:
    """The items in their order, at most `most` of them (and the one in hand) taken ahead of their use.

    The iterator is run and closed in one thread, which is not the caller's. What it raises is raised here, after all
    items that came before. A caller who stops early waits until the item that is being read is there, but no longer
    than LONGEST_GOODBYE_SECONDS, since a source may be silent.
    """
    reader = _Reader(items, most)
    reader.start()
    try:
        while (item := _next(reader)) is not None:
            yield item[0]
        if reader.error is not None:
            raise reader.error
    finally:
        reader.stopped.set()
        reader.join(LONGEST_GOODBYE_SECONDS)


def _next(reader: _Reader[T]) -> tuple[T] | None:
    # In short waits, so that a signal is seen, and an end that could not be told.
    while True:
        try:
            return reader.queue.get(timeout=LOOK_SECONDS)
        except Empty:
            if not reader.is_alive() and reader.queue.empty():
                return None
