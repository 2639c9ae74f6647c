"""Order of versions, and which version is a vaguer statement of which."""

from __future__ import annotations

import re
from collections import defaultdict

import pyarrow as pa

_PARTS = re.compile(r"\d+|[a-z]+", re.IGNORECASE)


def version_key(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """A sort key: numbers by value, words below numbers (1.0rc1 before 1.0.1), no version below all."""
    if not version:
        return ()
    parts = _PARTS.findall(version)
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in parts)


def version_tables(version_text: pa.Table) -> tuple[pa.Table, pa.Table]:
    """From version_no, product_no, version: the order of versions, and pairs of a vague and a more exact version.

    Returns `version_order` (version_no, version_order) and `vague_version` (version_no, exact_version_no): no version
    at all is vaguer than any, `16.0` is vaguer than `16.0.17328`.
    """
    rows = version_text.select(["version_no", "product_no", "version"]).to_pylist()
    ordered = sorted(rows, key=lambda row: (version_key(row["version"]), row["version"] or "", row["version_no"]))
    by_product: dict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        by_product[row["product_no"]][row["version"] or ""] = row["version_no"]
    vague: list[tuple[int, int]] = []
    for versions in by_product.values():
        for version, number in versions.items():
            if not version:
                continue
            pieces = version.split(".")
            shorter = ["", *(".".join(pieces[:count]) for count in range(1, len(pieces)))]
            vague.extend((versions[text], number) for text in shorter if text in versions)
    vague.sort()
    numbers = pa.int32()
    return (
        pa.table(
            {
                "version_no": pa.array([row["version_no"] for row in ordered], numbers),
                "version_order": pa.array(range(len(ordered)), numbers),
            }
        ),
        pa.table(
            {
                "version_no": pa.array([pair[0] for pair in vague], numbers),
                "exact_version_no": pa.array([pair[1] for pair in vague], numbers),
            }
        ),
    )
