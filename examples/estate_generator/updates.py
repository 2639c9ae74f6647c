"""Which updates a machine has and lacks, as ConfigMgr and WSUS both see it."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from estate_generator.company import NOW
from estate_generator.facts import Facts, Update
from estate_generator.machines import Machine

_IDS = uuid.UUID("8e3c7c59-5c1e-49c5-8f3b-1f1d8b1f9a77")


@dataclass(frozen=True, slots=True)
class UpdateState:
    """One update on one machine: installed, missing, failed or pending_reboot."""

    machine: Machine
    update: Update
    state: str
    changed: datetime


def update_id(update: Update) -> str:
    """The update's GUID, the same in WSUS and ConfigMgr."""
    return str(uuid.uuid5(_IDS, update.kb))


def superseded_by(facts: Facts) -> dict[str, Update]:
    """The update that replaces each one, by KB article."""
    return {update.supersedes: update for update in facts.updates if update.supersedes}


def states(machines: Sequence[Machine], facts: Facts, dice: random.Random) -> list[UpdateState]:
    """States of the updates that apply to each Windows machine, oldest update first; most machines are up to date."""
    found: list[UpdateState] = []
    newer = superseded_by(facts)
    for machine in machines:
        if not machine.is_windows:
            continue
        applying = [update for update in facts.updates if _applies(update, machine)]
        lag = dice.choices((0, 1, 2), (70, 22, 8))[0]
        for update in applying:
            changed = min(machine.inventory_date, NOW) - timedelta(hours=dice.randrange(1, 90))
            released = datetime.combine(update.release_date, datetime.min.time())
            successors = _chain(update, newer)
            if len(successors) < lag:
                state = dice.choices(("missing", "failed", "pending_reboot"), (80, 12, 8))[0]
            else:
                state = "installed"
            found.append(UpdateState(machine, update, state, max(changed, released + timedelta(days=1))))
    return found


def _applies(update: Update, machine: Machine) -> bool:
    if update.product == machine.system.update_product:
        stated = re.search(r"Version (\d\dH\d)", update.title)
        return stated is None or stated[1] == machine.system.marketing
    if update.product == "Microsoft SQL Server 2019":
        return any("SQL Server 2019" in installed.title.title for installed in machine.software)
    return update.product == "Microsoft Defender Antivirus"


def _chain(update: Update, newer: dict[str, Update]) -> list[Update]:
    found = []
    while update.kb in newer:
        update = newer[update.kb]
        found.append(update)
    return found
