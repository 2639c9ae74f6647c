"""Quality of software normalization on labelled rows.

    python benchmarks/normalization_quality.py FOLDER

FOLDER holds `software_dev_inputs.tsv`, `software_dev_gold.tsv` and `score.py`, which decides what is correct. The rows
were taken from inventories and from winget's manifests; rules are not fitted to them. Rows of the set `winget` come
from the same source as the derived part of the catalog, so that the set `hand` is the one that says how well unknown
inventories are read.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.normalization.software import SURE, normalize_software


def read_tsv(path: Path) -> list[dict[str, str]]:
    """Rows of a TSV without quoting."""
    with path.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def predict(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    """Predictions in the columns that `score.py` reads: normalized rows as they are, else the suggestion."""
    columns = {
        "software_key": [row["row_id"] for row in rows],
        "source": ["file_upload"] * len(rows),
        "title": [row["raw_name"] for row in rows],
        "publisher": [row["raw_publisher"] or None for row in rows],
        "version": [row["raw_version"] or None for row in rows],
    }
    decided = normalize_software(pa.table(columns), load_catalog()).to_pylist()
    return [
        {
            "row_id": d["software_key"],
            "vendor": d["vendor"] if d["product_id"] else d["suggestion_vendor"] or "",
            "title": d["title"] if d["product_id"] else d["suggestion_title"] or "",
            "edition": d["edition"] or "",
            "version": d["version_family"] or d["version"] or "",
            "confidence": d["confidence"],
            "catalog_ref": "",
        }
        for d in decided
    ]


def software(folder: Path) -> None:
    """Prints the score of the development set."""
    predictions = predict(read_tsv(folder / "software_dev_inputs.tsv"))
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "predictions.tsv"
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(
                handle, list(predictions[0]), delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\"
            )
            writer.writeheader()
            writer.writerows(predictions)
        gold = folder / "software_dev_gold.tsv"
        score = [sys.executable, folder / "score.py", gold, path, "--threshold", str(SURE)]
        subprocess.run([str(part) for part in score], check=True)


def main() -> None:
    """Reads the arguments and prints what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the labelled rows")
    software(parser.parse_args().folder)


if __name__ == "__main__":
    main()
