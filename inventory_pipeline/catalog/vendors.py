"""Vendors that became others: who took over, was renamed or split off, and when. Facts written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inventory_pipeline.catalog.loader import DATA
from inventory_pipeline.catalog.reading import read_rows


@dataclass(frozen=True, slots=True)
class Succession:
    """`predecessor` became `vendor` in `year` by `how` (acquired, merged, renamed, split, transferred)."""

    predecessor: str
    vendor: str
    year: str
    how: str


def successions(data: Path = DATA) -> list[Succession]:
    """All successions of vendors, as the catalog's file has them."""
    return [
        Succession(row["predecessor"], row["vendor"], row["year"], row["how"])
        for row in read_rows(data / "vendor_successions.csv")
    ]
