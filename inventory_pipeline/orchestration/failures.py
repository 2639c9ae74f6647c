"""Errors as people see them in a run: one message, no traceback, no secret."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dagster as dg

from inventory_pipeline.errors import InventoryError

DEEPEST = 100


@contextmanager
def readable_failures(log: dg.DagsterLogManager, redact: Callable[[str], str] = str) -> Iterator[None]:
    """Turns errors within the block into `dg.Failure` with their message alone.

    Errors of ours say what to do. Anything else is a defect or a driver's error: its type and message are the
    failure, its traceback goes to the run's debug log, both without secrets. Runs are not retried by Dagster: the
    client that talks to a source retries what is worth retrying, and a sync resumes where the last one stopped.
    """
    try:
        yield
    except (dg.Failure, dg.DagsterError):
        raise
    except InventoryError as error:
        raise _failure(redact(str(error))) from None
    except Exception as error:
        log.debug(redact(traceback.format_exc(limit=DEEPEST)))
        message = f"{type(error).__name__}: {error}".strip()
        raise _failure(redact(f"Unexpected error. {message}\nThe debug log of this run holds the details.")) from None


def _failure(message: str) -> dg.Failure:
    # Dagster shows the stack of whatever ends a step, and only this keeps it from doing so. A run has its process for
    # itself; where it has not, `stacks_as_before` undoes it.
    sys.tracebacklimit = 0
    return dg.Failure(description=message, allow_retries=False)


@contextmanager
def stacks_as_before() -> Iterator[None]:
    """Runs within the block leave the process' own tracebacks as they were."""
    before = getattr(sys, "tracebacklimit", None)
    try:
        yield
    finally:
        if before is None:
            with suppress(AttributeError):
                del sys.tracebacklimit
        else:
            sys.tracebacklimit = before
