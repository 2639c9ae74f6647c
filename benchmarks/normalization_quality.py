"""Quality of software normalization on labelled rows: by rules, by curation behind them, and both.

    python benchmarks/normalization_quality.py FOLDER [--threshold T] [--errors]

FOLDER holds `software_dev_inputs.tsv`, `software_dev_gold.tsv` and `score.py`, which decides what is correct. The rows
were taken from inventories and from winget's manifests; neither rules nor the model are fitted to them. Rows of the
set `winget` come from the same source as the derived part of the catalog, so that the set `hand` is the one that says
how well unknown inventories are read.

Printed per group of rows: the share that rules decide and how much of it is right, the same for curation at its
threshold, for both together (what counts as normalized), the share that is right at all when suggestions count too,
and the calibration error of all confidences.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.normalization.curation.calibration import calibration_error
from inventory_pipeline.normalization.curation.curate import THRESHOLD, Curation
from inventory_pipeline.normalization.software import normalize_software


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled row, its decision, and whether that is right."""

    raw: dict[str, str]
    gold: dict[str, str]
    decision: dict[str, object]
    right: bool

    @property
    def confidence(self) -> float:
        """Confidence of decision or suggestion."""
        return float(str(self.decision["confidence"]))

    @property
    def by(self) -> str:
        """`rule`, `model`, or empty for what does not count as normalized."""
        if not (self.decision["product_id"] or self.decision["parent_product_id"]):
            return ""
        return "model" if self.decision["decided_by"] == "model" else "rule"


def read_tsv(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV without quoting."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def judge(folder: Path, threshold: float) -> list[Judged]:
    """Every labelled row with its decision; a suggestion is judged like a decision."""
    score = _module(folder / "score.py")
    rows = read_tsv(folder / "software_dev_inputs.tsv")
    gold = {row["row_id"]: row for row in read_tsv(folder / "software_dev_gold.tsv")}
    columns = {
        "software_key": [row["row_id"] for row in rows],
        "source": ["file_upload"] * len(rows),
        "title": [row["raw_name"] for row in rows],
        "publisher": [row["raw_publisher"] or None for row in rows],
        "version": [row["raw_version"] or None for row in rows],
        "origin": [{"macos": "app bundle", "linux": "rpm"}.get(row["os"]) for row in rows],
    }
    decided = normalize_software(pa.table(columns), load_catalog(), Curation(threshold)).to_pylist()
    judged = []
    for row, decision in zip(rows, decided, strict=True):
        is_normalized = decision["product_id"] or decision["parent_product_id"]
        vendor = decision["vendor"] if is_normalized else decision["suggestion_vendor"]
        title = decision["title"] if is_normalized else decision["suggestion_title"]
        right = score.correct(gold[row["row_id"]], {"vendor": vendor or "", "title": title or ""})
        judged.append(Judged(row, gold[row["row_id"]], decision, bool(right)))
    return judged


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be read.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def print_group(name: str, rows: Sequence[Judged]) -> None:
    """One line of figures."""
    cells = [f"{name:<26} {len(rows):>4}"]
    for kinds in (("rule",), ("model",), ("rule", "model")):
        counted = [row for row in rows if row.by in kinds]
        right = sum(row.right for row in counted) / len(counted) if counted else float("nan")
        cells.append(f"{len(counted) / len(rows):>7.1%} {right:>7.1%}")
    cells.append(f"{sum(row.right for row in rows) / len(rows):>7.1%}")
    error = calibration_error(np.array([row.confidence for row in rows]), np.array([row.right for row in rows]))
    print("  ".join([*cells, f"{error:>6.3f}"]))


def print_figures(judged: Sequence[Judged]) -> None:
    """Figures of all rows, per set, platform and kind, and of versions and editions where the product is right."""
    print(f"{'':<31}  {'by rules':>15}  {'by curation':>15}  {'normalized':>15}  {'right':>7}  calib.")
    print(f"{'rows':<31}  {'share   prec.':>15}  {'share   prec.':>15}  {'share   prec.':>15}  {'at all':>7}  error")
    print_group("all", judged)
    groups: list[tuple[str, Callable[[Judged], str]]] = [
        ("set", lambda row: row.gold["set"]),
        ("platform", lambda row: row.raw["os"]),
        ("publisher", lambda row: "stated" if row.raw["raw_publisher"] else "missing"),
        ("kind", lambda row: row.gold["gold_class"]),
    ]
    for group, key in groups:
        for value in sorted({key(row) for row in judged}):
            print_group(f"{group} {value}", [row for row in judged if key(row) == value])
    for column, gold_column in (("version_family", "gold_version_family"), ("edition", "gold_edition")):
        known = [row for row in judged if row.right and row.gold[gold_column] and row.by]
        same = sum(
            _same(str(row.decision[column] or row.decision["version"] or ""), row.gold[gold_column]) for row in known
        )
        print(f"{column} right where the product is: {same} of {len(known)}")


def _same(found: str, gold: str) -> bool:
    found, gold = found.lower().removesuffix(".x"), gold.lower()
    return found == gold or found.startswith(gold + ".") or (bool(found) and (found in gold or gold in found))


def main() -> None:
    """Reads the arguments and prints what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the labelled rows")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="threshold of curation")
    parser.add_argument("--errors", action="store_true", help="also list what counts as normalized and is wrong")
    arguments = parser.parse_args()
    judged = judge(arguments.folder, arguments.threshold)
    print_figures(judged)
    if arguments.errors:
        for row in judged:
            if row.by and not row.right:
                said = f"{row.decision['vendor']} / {row.decision['title']} ({row.decision['rule_id']})"
                print(f"{row.raw['raw_publisher']} | {row.raw['raw_name']} -> {said}")


if __name__ == "__main__":
    main()
