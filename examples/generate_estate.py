"""Generates the example estate: a company of some 300 devices as its systems state it, and the truth beside them.

    python examples/generate_estate.py                       # into examples/estate
    python examples/generate_estate.py --output DIR --seed 7

The same seed gives the same bytes. Files that it did not write are left alone. What goes wrong in this company is in
`estate_generator/mishaps.py`, and in README.md with the place where to see it.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from estate_generator import configmgr, files, updates, virtual, wsus
from estate_generator.company import employ
from estate_generator.facts import Facts
from estate_generator.machines import Builder, Machine, use
from estate_generator.mishaps import Distortions, distort

PEOPLE = 210
SEED = 20260915


def generate(output: Path, seed: int = SEED) -> list[Machine]:
    """Writes the estate into a folder; returns the true machines."""
    dice = random.Random(seed)
    facts = Facts()
    people = employ(dice, PEOPLE)
    machines = Builder(facts, people, dice).build()
    use(machines, facts, dice)
    wrong = distort(machines, dice)
    patches = updates.states(machines, facts, dice)
    records = configmgr.records(machines, wrong, dice)
    output.mkdir(parents=True, exist_ok=True)
    (output / "truth").mkdir(exist_ok=True)
    configmgr.write(output / "configmgr.sqlite", records, people, patches, wrong, facts, dice)
    wsus.write(output / "susdb.sqlite", machines, patches, facts)
    files.write(output / "files", machines, people, wrong)
    virtual.write(output / "virtual_estate.json", machines)
    _write_truth(output / "truth", machines, records, wrong, facts)
    return machines


def _write_truth(
    folder: Path, machines: list[Machine], records: list[configmgr.Record], wrong: Distortions, facts: Facts
) -> None:
    """Which source record is which machine, which title is which product, and whom each mishap befell."""
    known = [("head_office_configmgr", str(record.resource), record.machine.id) for record in records]
    for machine in machines:
        if "wsus" in machine.seen:
            known.append(("wsus", wsus.target_id(machine), machine.id))
        names = {files.register_name(machine, wrong)} if "register" in machine.seen else set()
        names |= {machine.name} if machine.kind in ("lab", "mac", "mobile") else set()
        names |= {machine.name.lower()} if machine.kind == "linux" else set()
        known += [("branch_files", name, machine.id) for name in sorted(names)]
    _table(folder / "devices.csv", ("connector", "source_device_id", "machine"), known)
    titles = {
        (t.title, t.publisher, t.version, t.vendor, t.product, t.kind, t.parent)
        for versions in facts.items.values()
        for t in versions
    }
    heads = ("title", "publisher", "version", "vendor", "product", "kind", "parent")
    _table(folder / "products.csv", heads, sorted(titles))
    said = [(mishap, machine.id, machine.name) for mishap, machine in wrong.said]
    _table(folder / "mishaps.csv", ("mishap", "machine", "name"), said)


def _table(path: Path, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)


def main() -> None:
    """Generates and says how much it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "estate")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    machines = generate(options.output, options.seed)
    software = sum(len(machine.software) for machine in machines)
    print(f"{options.output}: {len(machines)} machines with {software:,} software records in their sources.")


if __name__ == "__main__":
    main()
