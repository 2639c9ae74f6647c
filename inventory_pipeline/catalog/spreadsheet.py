"""Cells that go through a spreadsheet and come back: nothing in them runs as a formula, and nothing is lost."""

from __future__ import annotations

import re

# OWASP "CSV Injection": a spreadsheet takes texts with these in front for formulas.
_FORMULA = re.compile(r"^[\s\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")


def guarded(text: str) -> str:
    """The text for a cell: an apostrophe in front of what would be a formula, and of what has an apostrophe there."""
    return f"'{text}" if _FORMULA.match(text) or text.startswith("'") else text


def unguarded(text: str) -> str:
    """The text of a cell that `guarded` wrote, also after a spreadsheet saved it."""
    return text[1:] if text.startswith("'") and (_FORMULA.match(text[1:]) or text.startswith("''")) else text
