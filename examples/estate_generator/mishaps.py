"""What goes wrong in the company, one function each. `README.md` says where to see what became of it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from estate_generator.company import NOW
from estate_generator.machines import Machine

DOCK_MAC = "00:50:B6:1E:77:0C"
CLONED_UUID = uuid.UUID("42051f3c-9a7e-4b1d-8c66-0f2d3e4a5b6c")
DEFAULT_UUIDS = ("03000200-0400-0500-0006-000700080009", "00000000-0000-0000-0000-000000000000")
PLACEHOLDER_SERIALS = ("To be filled by O.E.M.", "System Serial Number", "Default string", "")


@dataclass(slots=True)
class Distortions:
    """What single sources say otherwise than it is, by the machine's number."""

    configmgr_serial: dict[int, str] = field(default_factory=dict)
    configmgr_uuid: dict[int, str] = field(default_factory=dict)
    extra_mac: dict[int, str] = field(default_factory=dict)
    old_record: dict[int, str] = field(default_factory=dict)
    old_name: dict[int, str] = field(default_factory=dict)
    register_serial: dict[int, str] = field(default_factory=dict)
    future_inventory: dict[int, datetime] = field(default_factory=dict)
    future_install: set[int] = field(default_factory=set)
    future_usage: set[int] = field(default_factory=set)
    said: list[tuple[str, Machine]] = field(default_factory=list)


def distort(machines: Sequence[Machine], dice: random.Random) -> Distortions:
    """All mishaps."""
    found = Distortions()
    for mishap in MISHAPS:
        mishap(machines, found, dice)
    return found


def placeholder_identifiers(machines: Sequence[Machine], found: Distortions, _: random.Random) -> None:
    """Machines of a local shop: serial numbers and UUIDs as the board's maker left them."""
    for place, machine in enumerate(_of(machines, "desktop_unbranded")):
        found.configmgr_serial[machine.number] = PLACEHOLDER_SERIALS[place % len(PLACEHOLDER_SERIALS)]
        found.configmgr_uuid[machine.number] = DEFAULT_UUIDS[place % len(DEFAULT_UUIDS)]
        found.register_serial[machine.number] = ""
        found.said.append(("placeholder identifiers", machine))


def cloned_uuid(machines: Sequence[Machine], found: Distortions, _: random.Random) -> None:
    """Six servers that were copied as files instead of from a template: one UUID, one serial number in all of them."""
    clones = [m for m in _of(machines, "server") if m.is_virtual][:6]
    for machine in clones:
        found.configmgr_uuid[machine.number] = str(CLONED_UUID)
        found.configmgr_serial[machine.number] = "VMware-42 05 1f 3c 9a 7e 4b 1d-8c 66 0f 2d 3e 4a 5b 6c"
        found.said.append(("cloned UUID", machine))


def reimaged(machines: Sequence[Machine], found: Distortions, dice: random.Random) -> None:
    """Installed anew: a second ConfigMgr record, the first one obsolete or merely silent, under another name."""
    for place, machine in enumerate(dice.sample(_of(machines, "laptop"), 9)):
        found.old_record[machine.number] = "obsolete" if place % 3 else "silent"
        if place % 2:
            found.old_name[machine.number] = f"KRA-NB{7000 + machine.number}"
        found.said.append(("re-imaged", machine))


def renamed(machines: Sequence[Machine], found: Distortions, dice: random.Random) -> None:
    """Renamed since it was bought: the register has the old name."""
    free = [m for m in _of(machines, "laptop", "desktop") if m.number not in found.old_record]
    for machine in dice.sample(free, 8):
        found.old_name[machine.number] = f"KRA-PC{5000 + machine.number}"
        found.said.append(("renamed", machine))


def new_board(machines: Sequence[Machine], found: Distortions, dice: random.Random) -> None:
    """A new main board: another UUID than before, and the serial number only on the old board."""
    free = [m for m in _of(machines, "laptop") if m.number not in found.old_record and m.number not in found.old_name]
    for machine in dice.sample(free, 3):
        found.configmgr_serial[machine.number] = "System Serial Number"
        found.said.append(("new board", machine))


def dock(machines: Sequence[Machine], found: Distortions, dice: random.Random) -> None:
    """A docking station in the meeting room: its MAC address is in the inventory of 25 laptops."""
    for machine in dice.sample(_of(machines, "laptop"), 25):
        found.extra_mac[machine.number] = DOCK_MAC
        found.said.append(("dock MAC address", machine))


def dates_to_come(machines: Sequence[Machine], found: Distortions, dice: random.Random) -> None:
    """Clocks that run ahead: inventory, install and usage dates in the future."""
    one, *others = dice.sample(_of(machines, "desktop"), 6)
    found.future_inventory[one.number] = NOW + timedelta(days=3653)
    found.future_install.update(machine.number for machine in others[:3])
    found.future_usage.update(machine.number for machine in others[3:])
    found.said += [("future dates", machine) for machine in (one, *others)]


MISHAPS: tuple[Callable[[Sequence[Machine], Distortions, random.Random], None], ...] = (
    placeholder_identifiers,
    cloned_uuid,
    reimaged,
    renamed,
    new_board,
    dock,
    dates_to_come,
)


def swapped(value: uuid.UUID) -> str:
    """A UUID as agents inside of ESX guests see it: the first three groups with their bytes in the other order."""
    return str(uuid.UUID(bytes=value.bytes_le)).upper()


def _of(machines: Sequence[Machine], *kinds: str) -> list[Machine]:
    return [machine for machine in machines if machine.kind in kinds]
