"""Checks cron expressions before a schedule is made of them."""

from __future__ import annotations

import re

_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
SHORTHANDS = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")


def cron_problem(text: str) -> str | None:
    """What is wrong with a cron expression of five fields (POSIX crontab, with names and steps), or None."""
    if text in SHORTHANDS:
        return None
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return f"a cron expression has five fields, this has {len(parts)}"
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        for item in part.lower().split(","):
            if not _item_is_valid(item, name, low, high):
                return f"{item or 'nothing'!r} is no {name}"
    return None


def _item_is_valid(item: str, name: str, low: int, high: int) -> bool:
    match = re.fullmatch(r"(\*|[a-z]+|\d+)(?:-([a-z]+|\d+))?(?:/(\d+))?", item)
    if match is None or (match[3] is not None and int(match[3]) == 0):
        return False
    if match[1] == "*":
        return match[2] is None
    if name == "day of month" and match[1] == "l":
        return match[2] is None and match[3] is None
    first, last = (_number(value, name, low) for value in (match[1], match[2] or match[1]))
    return first is not None and last is not None and low <= first <= last <= high


def _number(value: str, name: str, low: int) -> int | None:
    if value.isdigit():
        return int(value)
    names = _NAMES.get(name, ())
    return names.index(value) + low if value in names else None
