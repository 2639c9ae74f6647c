"""Names of Microsoft 365 subscriptions and service plans, from Microsoft's published list.

Facts: Microsoft, "Product names and service plan identifiers for licensing", as of January 2026; source and licence of
the shipped copy stand in `data/LICENSES.md`. The CSV file that the same page offers for download is read as well, so
that a site can be ahead of the package.
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

SHIPPED = "microsoft_365_skus.tsv.gz"
SHIPPED_AS_OF = "January 2026"
COLUMNS = ("Product_Display_Name", "String_Id", "GUID", "Service_Plan_Name", "Service_Plan_Id")


@dataclass(frozen=True, slots=True)
class SkuNames:
    """Product names by SKU id and by part number, plan names by plan id; all keys in lower case."""

    products: dict[str, str] = field(default_factory=dict)
    part_numbers: dict[str, str] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)

    def product(self, sku_id: str | None, part_number: str | None) -> str | None:
        """The product's name; by part number where the id is unknown (national clouds have ids of their own)."""
        by_id = self.products.get((sku_id or "").lower())
        return by_id or self.part_numbers.get((part_number or "").lower())

    def plan(self, plan_id: str) -> str:
        """The plan's name, or its id when the list does not know it."""
        return self.plans.get(plan_id.lower(), plan_id)


def sku_names(path: Path | None = None) -> SkuNames:
    """The names from a file in Microsoft's columns (CSV or TSV, also compressed by gzip), or the shipped ones.

    Raises:
        ValueError: the file cannot be read, or is not that list; the text says why.
    """
    return _shipped() if path is None else _parsed(_content(path), str(path))


@cache
def _shipped() -> SkuNames:
    packed = resources.files("inventory_pipeline.connectors").joinpath("data", SHIPPED).read_bytes()
    return _parsed(gzip.decompress(packed), SHIPPED)


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError) as error:
        raise ValueError(f"the list of SKU names {path} cannot be read ({error}).") from error


def _parsed(content: bytes, name: str) -> SkuNames:
    # Microsoft's file has carried accents in Windows-1252 and in UTF-8 at different times.
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    heading = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in heading else ",")
    given = {(column or "").strip().strip("\ufeff").lstrip("?"): column for column in rows.fieldnames or ()}
    missing = [column for column in COLUMNS if column not in given]
    if missing:
        raise ValueError(f"the list of SKU names {name} has no column {', '.join(missing)}.")
    names = SkuNames()
    for row in rows:
        product, part_number, sku_id, plan, plan_id = ((row[given[column]] or "").strip() for column in COLUMNS)
        names.products.setdefault(sku_id.lower(), product)
        names.part_numbers.setdefault(part_number.lower(), product)
        names.plans.setdefault(plan_id.lower(), plan)
    return names
