"""Boosted decision trees as arrays: prediction in plain numpy, and their form in a JSON file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble of trees of one depth.

    `features` and `limits`: trees x inner nodes, breadth first; a row goes right where its feature is above the
    limit. `values`: trees x leaves, added up to log-odds on top of `base`.
    """

    base: float
    features: npt.NDArray[np.int16]
    limits: Matrix
    values: Matrix

    @property
    def depth(self) -> int:
        """Decisions from root to leaf."""
        return int(np.log2(self.values.shape[1])) if self.values.size else 0

    def log_odds(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Log-odds of each row of a matrix of features."""
        total = np.full(len(rows), self.base, np.float64)
        numbers = np.arange(len(rows))
        for features, limits, values in zip(self.features, self.limits, self.values, strict=True):
            node = np.zeros(len(rows), np.int32)
            for _ in range(self.depth):
                node = 2 * node + 1 + (rows[numbers, features[node]] > limits[node])
            total += values[node - len(features)]
        return total

    def as_json(self) -> dict[str, Any]:
        """The trees as JSON values; numbers are rounded to what they are worth."""
        return {
            "base": round(self.base, 6),
            "features": self.features.tolist(),
            "limits": [[float(f"{value:.6g}") for value in tree] for tree in self.limits.tolist()],
            "values": [[float(f"{value:.5g}") for value in tree] for tree in self.values.tolist()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Trees:
        """The trees that `as_json` gave."""
        return cls(
            data["base"],
            np.array(data["features"], np.int16),
            np.array(data["limits"], np.float32),
            np.array(data["values"], np.float32),
        )


def probability(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probability from log-odds."""
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -40, 40)))
