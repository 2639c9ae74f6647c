"""Writing of built catalog files: compressed TSV that is the same bytes for the same rows."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from inventory_pipeline.catalog.reading import Row


def write_gzip(path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Writes a compressed TSV without time stamp, so that the same rows give the same bytes; returns the rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
    writer.writerow(headings)
    count = 0
    for row in rows:
        writer.writerow([" ".join(value.split()) for value in row])
        count += 1
    path.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    return count


def read_tsv(path: Path) -> list[Row]:
    """Rows of a compressed TSV that quotes nothing: a quotation mark is part of the text."""
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    headings = lines[0].split("\t")
    return [
        Row(dict(zip(headings, line.split("\t"), strict=False)), path.name, number)
        for number, line in enumerate(lines[1:], 2)
        if line
    ]
