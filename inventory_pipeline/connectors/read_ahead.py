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
    """Takes the items of one source in a thread of its own and puts them into a queue; at the end it puts itself."""

    def __init__(self, items: Iterator[T], queue: Queue[tuple[T] | _Reader[T]]) -> None:
        super().__init__(name="read-ahead", daemon=True)
        self.stopped = Event()
        self.error: BaseException | None = None
        self._items = items
        self._queue = queue
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
        self._put(self)

    def _put(self, item: tuple[T] | _Reader[T]) -> bool:
        while not self.stopped.is_set():
            try:
                self._queue.put(item, timeout=LOOK_SECONDS)
            except Full:
                continue
            return True
        return False


def read_ahead(*sources: Iterator[T], most: int = ITEMS_AHEAD) -> Generator[T, None, None]:
    """The items of the sources, at most `most` of each (and those in hand) taken ahead of their use.

    Sources are read side by side: the items of one come in their order, those of several as they are there. Each
    iterator is run and closed in one thread, which is not the caller's. What it raises is raised here, after all of its
    items that came before; the others are then read no further. A caller who stops early waits until the item that is
    being read is there, but no longer than LONGEST_GOODBYE_SECONDS, since a source may be silent.
    """
    queue: Queue[tuple[T] | _Reader[T]] = Queue(most * len(sources))
    readers = [_Reader(source, queue) for source in sources]
    for reader in readers:
        reader.start()
    running = list(readers)
    try:
        while running and (item := _next(queue, running)) is not None:
            if isinstance(item, tuple):
                yield item[0]
                continue
            if item.error is not None:
                raise item.error
            running.remove(item)
    finally:
        for reader in readers:
            reader.stopped.set()
        for reader in readers:
            reader.join(LONGEST_GOODBYE_SECONDS)


def _next(queue: Queue[tuple[T] | _Reader[T]], running: list[_Reader[T]]) -> tuple[T] | _Reader[T] | None:
    # In short waits, so that a signal is seen, and an end that could not be told.
    while True:
        try:
            return queue.get(timeout=LOOK_SECONDS)
        except Empty:
            if not any(reader.is_alive() for reader in running) and queue.empty():
                return None
