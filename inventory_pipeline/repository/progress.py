"""Signs of life of a running sync: progress in the log at a steady pace, heartbeats in the ledger."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from inventory_pipeline.repository.ledger import Ledger

logger = logging.getLogger("inventory_pipeline.sync")
HEARTBEAT_SECONDS = 30.0


class Progress:
    """Context manager around a sync's work; the sync tells it what it does, a thread of its own tells the world.

    A thread, so that a source that answers slowly does not silence it.
    """

    def __init__(self, ledger: Ledger, action_id: str, title: str, seconds: float) -> None:
        self._ledger = ledger
        self._action_id = action_id
        self._title = title
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"progress {action_id}", daemon=True)
        self._lock = threading.Lock()
        self._doing = "connecting"
        self._rows = self._units = 0
        self._units_total: int | None = None
        self._since = time.monotonic()

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def start(self, doing: str, units_total: int | None = None) -> None:
        """A new piece of work; `units_total` units lie ahead, None when that is not known."""
        with self._lock:
            self._doing, self._units_total = doing, units_total
            self._rows = self._units = 0
            self._since = time.monotonic()

    def add(self, *, rows: int = 0, units: int = 0) -> None:
        """So much more was done."""
        with self._lock:
            self._rows += rows
            self._units += units

    def text(self) -> str:
        """The state in one line."""
        with self._lock:
            parts = [self._doing]
            if self._rows:
                parts.append(f"{self._rows:,} rows")
            if self._units_total:
                parts.append(f"{self._units:,} of {self._units_total:,} units")
                if 0 < self._units < self._units_total:
                    each = (time.monotonic() - self._since) / self._units
                    parts.append(f"about {_duration(each * (self._units_total - self._units))} left")
            return f"{self._title}: {', '.join(parts)}"

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._stop.wait(min(self._seconds, HEARTBEAT_SECONDS)):
            logger.info("%s", self.text())
            if time.monotonic() - beaten >= HEARTBEAT_SECONDS:
                beaten = time.monotonic()
                try:
                    self._ledger.beat(self._action_id)
                except SQLAlchemyError as error:
                    logger.warning("%s: no heartbeat could be written: %s", self._title, type(error).__name__)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
