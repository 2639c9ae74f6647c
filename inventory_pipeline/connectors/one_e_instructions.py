"""One instruction from its sending to its end: waited for by status and statistics, and given up politely.

Facts: 1E SDK, "Issuing an instruction" and InstructionStatistics; the numbers of the status as in the public sample
gurry/msteams-samples-hello-world-csharp (TachyonInstructionStatus). An instruction that everybody has answered stays
open for devices that come online until its time is over, so that the counts decide and not the status alone.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from inventory_pipeline.connectors.one_e_api import ConsumerApi, Row
from inventory_pipeline.connectors.one_e_questions import Plan
from inventory_pipeline.connectors.one_e_rows import device_id
from inventory_pipeline.connectors.one_e_signin import OneEError

APPROVAL, AUTHENTICATION = 1, 12
ENDED = frozenset({6, 7})
FAILED = {2: "was rejected", 8: "was cancelled", 9: "was cancelled", 10: "has failed", 11: "was suspended"}
LONGEST_PAUSE = 15.0
SAID_EVERY = 30.0
COMMENT = "Inventory Pipeline: sync"

logger = logging.getLogger("inventory_pipeline.connectors")


@dataclass(frozen=True, slots=True)
class Asked:
    """An instruction that is to be read: its id, whether everybody answered whom it was sent to, and its counts."""

    number: int
    is_complete: bool
    sent: int
    received: int
    statistics: Row


def ask(api: ConsumerApi, plan: Plan, timeout_seconds: float, say: Callable[[str], None]) -> Asked:
    """Sends a question and waits until all devices have answered, or the time is over; then it is ended.

    Raises:
        OneEError: it needs approval or authentication, was ended by somebody, or no device answered.
    """
    number = api.ask(
        plan.definition_id,
        plan.parameters,
        gather_minutes=plan.gather_minutes,
        keep_minutes=plan.keep_minutes,
        comment=COMMENT,
    )
    try:
        asked = _wait(api, plan, number, timeout_seconds)
    except BaseException:
        api.cancel(number)
        raise
    if not asked.received:
        api.cancel(number)
        raise OneEError(
            f"no device answered {plan.title} within {timeout_seconds:,.0f} seconds (sent to {asked.sent:,}).",
            "Check that devices are online; raise instruction_timeout_minutes, or lower stagger_seconds.",
        )
    if not asked.is_complete:
        say(
            f"{asked.received:,} of {asked.sent:,} devices answered {plan.title} within {timeout_seconds:,.0f} "
            "seconds; it was ended, and the others keep what is known of them."
        )
    return asked


def _wait(api: ConsumerApi, plan: Plan, number: int, timeout_seconds: float) -> Asked:
    begun = time.monotonic()
    before: tuple[int, int] | None = None
    said = begun
    while True:
        status = int(api.instruction(number).get("Status") or 0)
        _check(plan, status)
        statistics = api.statistics(number)
        counts = (int(statistics.get("SentCount") or 0), int(statistics.get("ReceivedCount") or 0))
        everybody = 0 < counts[0] <= counts[1]
        # Counts come late, and devices one by one: they are believed when they stand still.
        if status in ENDED or (everybody and counts == before):
            return Asked(number, everybody or status not in ENDED, *counts, statistics)
        elapsed = time.monotonic() - begun
        if elapsed >= timeout_seconds:
            return Asked(number, False, *counts, statistics)
        before = counts
        if time.monotonic() - said >= SAID_EVERY:
            said = time.monotonic()
            logger.info("%s: %s of %s devices have answered.", plan.title, f"{counts[1]:,}", f"{counts[0]:,}")
        api.pause(min(LONGEST_PAUSE, 0.2 + elapsed / 10, timeout_seconds - elapsed + 0.01))


def _check(plan: Plan, status: int) -> None:
    if status == APPROVAL:
        raise OneEError(
            f"{plan.title} waits for approval, so that it was withdrawn.",
            "Take the approval workflow off this question, or name another one in instruction_names.",
        )
    if status == AUTHENTICATION:
        raise OneEError(
            f"{plan.title} wants a second factor, so that it was withdrawn.",
            "Switch two-factor authentication off for this account, or name another question in instruction_names.",
        )
    if status in FAILED:
        raise OneEError(
            f"{plan.title} {FAILED[status]} at the server.", "Look at it in 1E (History), and run it again."
        )


def without_data(others: Iterable[Row], statistics: Row) -> tuple[set[str], dict[str, str]]:
    """Of the responses without rows: devices that answered that there is nothing, and devices that failed with why.

    What the numbers of their status mean is not documented. So it is told by the counts: where nobody failed, all are
    answers; else those with the only status that as many have as answered without data, and that names no error.
    """
    failures = sum(
        int(statistics.get(name) or 0)
        for name in ("TotalErrorRespondents", "TotalNotImplementedRespondents", "TotalResponseTooLargeRespondents")
    )
    by_status: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for other in others:
        key = device_id(other)
        if key:
            by_status[str(other.get("Status"))][key] = " ".join(str(other.get("ErrorData") or "").split())[:200]
    nothing = int(statistics.get("TotalSuccessNoDataRespondents") or 0)
    quiet = [s for s, found in by_status.items() if not any(found.values()) and (not failures or len(found) == nothing)]
    if failures and len(quiet) != 1:
        quiet = []
    answered = {key for status in quiet for key in by_status[status]}
    failed = {
        key: reason or f"it answered with status {status}"
        for status, found in by_status.items()
        if status not in quiet
        for key, reason in found.items()
    }
    return answered, failed
