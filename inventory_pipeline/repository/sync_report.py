"""What a sync is asked to do, and what it says that it did."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from inventory_pipeline.records import Category


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How one sync is to run.

    `categories`: the data to sync; None for all that the connector brings and the repository takes.
    `clean`: read everything and replace what the connector brought, for those categories.
    `dry_run`: read and compare, commit nothing. `accept_shrink`: approve what the guard would hold.
    """

    categories: tuple[Category, ...] | None = None
    clean: bool = False
    dry_run: bool = False
    accept_shrink: bool = False


@dataclass(frozen=True, slots=True)
class TableLog:
    """What a sync found for one canonical table, the line of the sync log.

    Units are the reports that replace each other whole (devices, groups, files). `added`, `changed`, `removed` and
    `unchanged` count rows against those visible before; `rejected` rows were set aside, `values_rejected` single
    values. `units_resumed` had been read by an earlier attempt, `units_refused` could not be read and keep their last
    good report, `units_gone` are no longer at the source. Totals are what is visible afterwards; `bytes` is what was
    written.
    """

    table: str
    category: Category
    rows_read: int = 0
    units_read: int = 0
    units_resumed: int = 0
    units_refused: int = 0
    units_new: int = 0
    units_changed: int = 0
    units_gone: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    rejected: int = 0
    values_rejected: int = 0
    rows_before: int = 0
    rows_total: int = 0
    units_before: int = 0
    units_total: int = 0
    bytes: int = 0
    complete: bool = False
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_unchanged(self) -> bool:
        """True when no row came, went or changed."""
        return self.added == self.changed == self.removed == 0


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Result of a sync. `status` is committed, unchanged or dry_run; the others end in an error.

    `position` is the ledger position of the commit (None for a dry run); times are UTC with zone. `problems` says why
    a dry run's sync would not have been committed.
    """

    action_id: str
    repository: str
    connector: str
    status: str
    tables: tuple[TableLog, ...]
    started_at: dt.datetime
    ended_at: dt.datetime
    position: int | None = None
    message: str = ""
    problems: tuple[str, ...] = ()

    def table(self, name: str) -> TableLog:
        """The line of a table; KeyError when the sync did not touch it."""
        for log in self.tables:
            if log.table == name:
                return log
        raise KeyError(f"the sync of {self.connector} did not touch {name}")

    def total(self, figure: str) -> int:
        """Sum of a figure (`rows_read`, `added`, `removed` ...) over all tables."""
        return sum(getattr(log, figure) for log in self.tables)


def summary(tables: tuple[TableLog, ...]) -> str:
    """One sentence for the process log."""

    def total(figure: str) -> str:
        return f"{sum(getattr(log, figure) for log in tables):,}"

    parts = [f"{total('rows_read')} rows read", f"{total('added')} added", f"{total('changed')} changed"]
    parts.append(f"{total('removed')} removed")
    for figure, words in (("rejected", "rows rejected"), ("units_refused", "objects could not be read")):
        if any(getattr(log, figure) for log in tables):
            parts.append(f"{total(figure)} {words}")
    return ", ".join(parts) + "."
