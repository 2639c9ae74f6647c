"""Errors as people see them in a run: one message, no traceback, no secret."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from inventory_pipeline.errors import InventoryError


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
        raise dg.Failure(description=redact(str(error)), allow_retries=False) from None
    except Exception as error:
        log.debug(redact(traceback.format_exc()))
        message = f"{type(error).__name__}: {error}".strip()
        raise dg.Failure(
            description=redact(f"Unexpected error. {message}\nThe debug log of this run holds the details."),
            allow_retries=False,
        ) from None
