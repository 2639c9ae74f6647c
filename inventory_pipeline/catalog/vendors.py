"""Vendors: their names as people write them, and who took over, was renamed or split off, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from inventory_pipeline.catalog.folding import plain
from inventory_pipeline.catalog.loader import DATA
from inventory_pipeline.catalog.reading import read_rows

_LEGAL = re.compile(
    r"[\s,]+(?:inc|incorporated|llc|ltd|limited|corp|corporation|co|company|gmbh|ag|sa|s\.a|sas|srl|s\.r\.l|spa|s\.p\.a"
    r"|bv|b\.v|nv|n\.v|ab|as|a/s|oy|oyj|kk|pty|plc|lp|llp|ug|kg|sarl|s\.r\.o|s\.r\. o|se"
    r"|aps|pte|pvt|kft|zoo|sp\. z o\.o)\.?$",
    re.I,
)
_COPYRIGHT = re.compile(
    r"^(?:.*?\bcopyright\b\W*|(?:[^,]*\d[^,]*, ?)?(?=(?:19|20)\d\d\b))(?:(?:19|20)\d\d|present|by\b|\W)*", re.I
)
_RIGHTS = re.compile(r"\W*\b(?:all rights|tous droits|alle rechte)\b.*$", re.I)
_LEGAL_IN_FRONT = re.compile(r"^(?:компания|ооо|зао|оао|пао|ао|ooo|株式会社)\b[\s\"«]*", re.I)  # noqa: RUF001
_ADDRESS = re.compile(r"\s*[<(][^<>()]*(?:@|://)[^<>()]*[>)]|\s+-\s+https?://\S+$")
_URL = re.compile(r"^(?:https?://)?(?:www\.)?(.+?)/*$", re.I)


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


def clean_vendor(publisher: str) -> str | None:
    """The publisher as written, without legal forms, copyright and addresses; None when nothing remains."""
    text = _RIGHTS.sub("", _COPYRIGHT.sub("", plain(publisher)[:200])).strip(" ,.")
    text = _LEGAL_IN_FRONT.sub("", text).strip(' "»') or text
    text = _URL.sub(r"\1", _ADDRESS.sub("", text).strip(' "')) or text
    for _ in range(4):
        shorter = _LEGAL.sub("", text).strip(" ,.")
        if shorter == text or not shorter:
            break
        text = shorter
    return text or None
