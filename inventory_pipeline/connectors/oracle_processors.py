"""Processors of a database's machine, from the text that the processor part of Oracle's collection leaves.

Facts: `<host>-lms_cpuq.txt` is free text per operating system. On Linux it names the machine (`Machine Name=`) and
holds /proc/cpuinfo (proc(5): `processor`, `physical id`, `cpu cores`, `model name`); on Windows `Computer Name:`,
`NumberOfProcessors:`, `CPU NumberOfCores:` of each processor and `ProcessorNameString`. The texts of AIX, Solaris and
HP-UX are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FILE_ENDING = "lms_cpuq.txt"


@dataclass(frozen=True, slots=True)
class Processors:
    """The processors of one machine; what the text does not say is None."""

    host: str
    name: str | None
    sockets: int
    cores: int
    logical_cores: int | None


def processors_in(text: str) -> Processors | None:
    """What the text says; None when it says too little, or another machine's form is unknown."""
    host = _first(text, r"^\s*Machine Name\s*=\s*(\S+)") or _first(text, r"^\s*Computer Name\s*:\s*(\S+)")
    if host is None:
        return None
    if re.search(r"^\s*physical id\s*:", text, re.MULTILINE):
        return _of_linux(host, text)
    return _of_windows(host, text)


def _of_linux(host: str, text: str) -> Processors | None:
    cores_of: dict[str, int] = {}
    logical = set()
    for block in re.split(r"^(?=processor\s*:)", text, flags=re.MULTILINE)[1:]:
        socket, cores = _first(block, r"^physical id\s*:\s*(\d+)"), _first(block, r"^cpu cores\s*:\s*(\d+)")
        logical.add(_first(block, r"^processor\s*:\s*(\d+)"))
        if socket is not None and cores is not None:
            cores_of[socket] = int(cores)
    if not cores_of:
        return None
    name = _first(text, r"^model name\s*:\s*(.+?)\s*$")
    return Processors(host, name, len(cores_of), sum(cores_of.values()), len(logical))


def _of_windows(host: str, text: str) -> Processors | None:
    cores = [int(number) for number in re.findall(r"^\s*CPU NumberOfCores\s*:\s*(\d+)", text, re.MULTILINE)]
    sockets = _first(text, r"^\s*NumberOfProcessors\s*:\s*(\d+)")
    if not cores:
        return None
    name = _first(text, r"^\s*ProcessorNameString\s*[:=]?\s*(.+?)\s*$")
    return Processors(host, name, int(sockets) if sockets else len(cores), sum(cores), None)


def _first(text: str, pattern: str) -> str | None:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None
