"""The numbered SQL steps: files that one can read, filled with declared attributes and policy values only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

# It fills SQL with our own names and numbers, no page with anybody's text: nothing to escape.
_ENVIRONMENT = jinja2.Environment(  # noqa: S701
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
)


@dataclass(frozen=True, slots=True)
class Step:
    """One file: its header (reads, writes, grain, why) and its text with places to fill."""

    name: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def header(self, word: str) -> str:
        """What the header says after `-- word:`, on one line."""
        found = re.search(rf"^-- {word}:((?:.*\n)(?:--  .*\n)*)", self.text, re.MULTILINE)
        return re.sub(r"\s*\n--\s*", " ", found.group(1)).strip() if found else ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Tables that the step reads."""
        return tuple(name.strip() for name in self.header("reads").split(","))

    @property
    def writes(self) -> tuple[str, ...]:
        """Tables that the step makes."""
        return tuple(name.strip() for name in self.header("writes").split(","))

    def render(self, **values: Any) -> str:
        """The SQL, ready to run."""
        return _ENVIRONMENT.from_string(self.text).render({**self.values, **values})


class Steps:
    """All steps by name (`10_source_record`), filled with the same values."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Step:
        return Step(name, _texts()[name], self._values)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Names of all steps in their order."""
        return tuple(sorted(_texts()))


@cache
def _texts() -> dict[str, str]:
    folder = files("inventory_pipeline.consolidation").joinpath("steps")
    return {
        entry.name.removesuffix(".sql"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
