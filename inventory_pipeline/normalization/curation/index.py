"""Names of the catalog by similarity: trigrams of letters weighted by how rare they are, in plain numpy."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

LONGEST_QUERY = 120
"""Characters of a title that are compared."""


def trigrams(text: str) -> list[str]:
    """Distinct groups of three letters of a text with a blank at either end, in order."""
    padded = f" {text[:LONGEST_QUERY]} "
    return list(dict.fromkeys(padded[place : place + 3] for place in range(len(padded) - 2)))


@dataclass(frozen=True)
class NameIndex:
    """Names (title keys) searched by cosine over trigrams. Build it with `build_index`.

    `names`: in sorted order, which their numbers follow. `postings` and `weights`: numbers of names and their weights
    per trigram, one behind the other; `starts` says where each begins.
    """

    names: list[str]
    vocabulary: Mapping[str, int]
    rarity: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    postings: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    numbers: Mapping[str, int] = field(repr=False)

    def scores(self, text: str) -> npt.NDArray[np.float32]:
        """Cosine between a text and every name."""
        known = [number for gram in trigrams(text) if (number := self.vocabulary.get(gram)) is not None]
        total = len(trigrams(text))
        if not known:
            return np.zeros(len(self.names), np.float32)
        slices = [slice(self.starts[number], self.starts[number + 1]) for number in known]
        places = np.concatenate([self.postings[s] for s in slices])
        shares = np.concatenate([self.weights[s] * self.rarity[n] for s, n in zip(slices, known, strict=True)])
        # Trigrams that no name has make the text longer too: they count as the rarest.
        unknown = (total - len(known)) * float(self.rarity.max()) ** 2
        norm = math.sqrt(float(np.sum(self.rarity[known] ** 2)) + unknown)
        return (np.bincount(places, shares, len(self.names)) / norm).astype(np.float32)


def build_index(names: Sequence[str]) -> NameIndex:
    """An index over names; doubled ones count once."""
    ordered = sorted(set(names))
    found: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(ordered):
        for gram in trigrams(name):
            found[gram].append(number)
    vocabulary = {gram: number for number, gram in enumerate(found)}
    lengths = np.fromiter((len(places) for places in found.values()), np.int64, len(found))
    rarity = np.log((len(ordered) + 1) / (lengths + 0.5)).astype(np.float32)
    postings = np.fromiter((n for places in found.values() for n in places), np.int32, int(lengths.sum()))
    spread = np.repeat(rarity, lengths)
    norms = np.sqrt(np.bincount(postings, spread**2, len(ordered)))
    weights = (spread / norms[postings]).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return NameIndex(
        ordered, vocabulary, rarity, starts, postings, weights, {name: n for n, name in enumerate(ordered)}
    )


def best(scores: npt.NDArray[np.float32], count: int, at_least: float) -> list[int]:
    """Places of the highest scores, highest first, ties by place."""
    count = min(count, len(scores))
    if not count:
        return []
    chosen = np.argpartition(-scores, count - 1)[:count]
    chosen = chosen[scores[chosen] >= at_least]
    return [int(place) for place in chosen[np.lexsort((chosen, -scores[chosen]))]]
