"""Processor brand strings without what does not tell processors apart: trademarks, speed, filler words."""

from __future__ import annotations

import re

from inventory_pipeline.catalog.folding import plain

_SPEED = re.compile(r"@?\s*\d+(?:[.,]\d+)?\s?[GM]H[Zz]?\b|@.*$", re.IGNORECASE)
_WITH = re.compile(r"\s+(?:w/|with)\s+.*$|\s+radeon\b.*$|,.*$", re.IGNORECASE)
_CORES = re.compile(
    r"\b(?:\d+|single|dual|triple|quad|six|eight|twelve|sixteen)[- ]cores?\b|\bcores? processors?\b", re.IGNORECASE
)
_FILLER = re.compile(
    r"\b(?:cpu|processor|genuine|apu|version|engineering sample|\(64bit supported\)?)\b|\(64bit.*$", re.IGNORECASE
)
_GENERATION = re.compile(r"^\d+(?:st|nd|rd|th) gen\s+", re.IGNORECASE)


def plain_processor(name: str | None) -> str:
    """A brand string without trademarks, speed, generation, core words, graphics and filler, one blank between words.

    `11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz` becomes `Intel Core i7-1165G7`.
    """
    text = plain((name or "")[:300])
    for pattern in (_SPEED, _WITH, _CORES, _FILLER, _GENERATION):
        text = pattern.sub(" ", text)
    return " ".join(text.replace(" 0 ", " ").split()).strip(" -,@").removesuffix(" 0")
