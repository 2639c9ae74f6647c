"""Builds shipped device facts from open data: Lenovo machine types, Apple models, cores of processors."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from inventory_pipeline.catalog.processor_names import plain_processor

WriteRows = Callable[[Path, Sequence[str], Iterable[Sequence[str]]], int]
_MACHINE = re.compile(r"([0-9F]\d[A-Z0-9]{2}|F0[A-Z0-9]{2})[A-Z0-9]{3}(?:[A-Z0-9]{3})?")
_MODEL = re.compile(r"[A-Za-z].*[A-Za-z0-9+)]")
_JUNK = re.compile(r"invalid|filled|not |default|product|^lenovo$|^v?\d+[. ]", re.IGNORECASE)


def is_held_out(product_name: str) -> bool:
    """True for the fifth of model strings that the benchmark judges by facts built from the other four."""
    return hashlib.md5(product_name.encode(), usedforsecurity=False).digest()[0] % 5 == 0


def machine_type(model: str) -> str:
    """The four characters of a Lenovo model number that name the model; empty when it is none."""
    found = _MACHINE.fullmatch(model.strip().upper())
    if found:
        return found.group(1)
    return model.strip().upper() if re.fullmatch(r"\d{2}[A-Z0-9]{2}|F0[A-Z0-9]{2}|\d{5}", model.strip().upper()) else ""


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        yield from csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)


def lenovo_rows(models: Path, *, without_held_out: bool = False) -> Iterator[tuple[str, str]]:
    """Machine type to model, by what most machines of that type say in their version field."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row in _rows(models):
        if row["cvendor"] not in {"Lenovo", "IBM"} or (without_held_out and is_held_out(row["product_name"])):
            continue
        code, name = machine_type(row["product_name"]), " ".join(row["version"].split())
        name = re.sub(r"^lenovo\s+", "", name, flags=re.IGNORECASE)
        if code and _MODEL.fullmatch(name) and not _JUNK.search(name) and machine_type(name) == "":
            seen[code][name] += 1
    for code, names in sorted(seen.items()):
        yield (code, min(names, key=lambda n, c=names: (-c[n], n)))


def apple_rows(folder: Path) -> Iterator[list[str]]:
    """Apple model identifier to name; where several models share it, what their names have in common."""
    for name in ("apple_ios-device-identifiers.json.gz", "apple_mac-device-identifiers.json.gz"):
        known: dict[str, str | list[str]] = json.loads(gzip.decompress((folder / name).read_bytes()))
        for identifier, names in sorted(known.items()):
            if "," not in identifier:
                continue
            if isinstance(names, str):
                yield [identifier, names]
                continue
            heads = {n.split(" (")[0] for n in names}
            yield [identifier, heads.pop() if len(heads) == 1 else sorted(names)[0]]


def core_rows(cpus: Path) -> Iterator[list[str]]:
    """Processor name to cores per socket, where nine of ten machines (and at least five) say the same."""
    seen: dict[str, Counter[int]] = defaultdict(Counter)
    for row in _rows(cpus):
        name = plain_processor(row["cpu_version"]).lower()
        if row["cpu_core_count"].isdigit() and name:
            seen[name][int(row["cpu_core_count"])] += int(row["n"])
    for name, counts in sorted(seen.items()):
        cores, times = counts.most_common(1)[0]
        if times >= 5 and times >= 0.9 * sum(counts.values()) and re.search(r"\d", name):
            yield [name, str(cores)]


def build_device_data(sources: Path, data: Path, write: WriteRows) -> dict[str, int]:
    """Writes the device files into `data`; returns their rows."""
    return {
        "lenovo_machine_types.tsv.gz": write(
            data / "lenovo_machine_types.tsv.gz",
            ["machine_type", "model"],
            lenovo_rows(sources / "linuxhw_models.tsv.gz"),
        ),
        "apple_models.tsv.gz": write(data / "apple_models.tsv.gz", ["identifier", "model"], apple_rows(sources)),
        "processor_cores.tsv.gz": write(
            data / "processor_cores.tsv.gz", ["name", "cores"], core_rows(sources / "linuxhw_cpu_strings.tsv.gz")
        ),
    }
