"""Tables and progress on the terminal; progress only where somebody watches."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

PACKAGE_LOGGER = "inventory_pipeline"


def out() -> Console:
    """Standard output; as wide as it likes when it is not a terminal, so that lines can be processed."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)


def print_table(rows: Sequence[dict[str, Any]], *, title: str = "", empty: str = "Nothing.") -> None:
    """Rows as a table; numbers to the right."""
    if not rows:
        out().print(empty)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for head in rows[0]:
        numeric = all(isinstance(row.get(head), int | float | None) for row in rows)
        table.add_column(head.replace("_", " "), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell(row.get(head))) for head in rows[0]))
    out().print(table)


def cell(value: Any) -> str:
    """A value as people read it: thousands separated, times in UTC to the minute."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return "; ".join(cell(item) for item in value)
    return str(value)


class _Progress(logging.Handler):
    def __init__(self, status: Status | None, verbose: bool) -> None:
        super().__init__(logging.INFO)
        self.status = status
        self.verbose = verbose
        self.console = Console(stderr=True, highlight=False)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = escape(record.getMessage())
        except (TypeError, ValueError):
            return
        if record.levelno >= logging.WARNING:
            self.console.print(f"[yellow]{text}[/yellow]")
        elif self.verbose:
            self.console.print(text, style="dim")
        elif self.status is not None:
            self.status.update(text)


@contextmanager
def progress(doing: str, *, verbose: bool = False) -> Iterator[None]:
    """Shows what the library reports while the block runs: the newest line on a terminal, every line when verbose."""
    warnings.filterwarnings("ignore", module="dagster")
    logger = logging.getLogger(PACKAGE_LOGGER)
    console = Console(stderr=True, highlight=False)
    status = console.status(escape(doing)) if console.is_terminal and not verbose else None
    handler = _Progress(status, verbose)
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        if status is None:
            yield
        else:
            with status:
                yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        logger.propagate = True
