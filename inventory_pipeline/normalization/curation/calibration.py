"""Calibration: from what a model says to how often that is right, as a rising line through a few points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
_POINTS = 24


@dataclass(frozen=True, slots=True)
class Calibration:
    """Points of a rising line from log-odds to probability; beyond its ends it is flat."""

    log_odds: tuple[float, ...]
    probability: tuple[float, ...]

    def apply(self, log_odds: Numbers) -> Numbers:
        """Calibrated probabilities."""
        return np.interp(log_odds, self.log_odds, self.probability)


def calibrate(log_odds: Numbers, truth: npt.NDArray[np.bool_]) -> Calibration:
    """The rising line that fits held-out predictions: groups of equal size, pooled where they fall, each drawn a
    little towards one half so that few observations never give certainty."""
    order = np.argsort(log_odds, kind="stable")
    groups = [group for group in np.array_split(order, _POINTS) if len(group)]
    sums = [(float(np.sum(truth[g])), float(len(g)), float(np.mean(log_odds[g]))) for g in groups]
    pooled: list[tuple[float, float, list[float]]] = []
    for right, count, place in sums:
        pooled.append((right, count, [place]))
        while len(pooled) > 1 and pooled[-2][0] / pooled[-2][1] >= pooled[-1][0] / pooled[-1][1]:
            last = pooled.pop()
            before = pooled.pop()
            pooled.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    places: list[float] = []
    values: list[float] = []
    for right, count, where in pooled:
        value = (right + 1.0) / (count + 2.0)
        for place in dict.fromkeys((where[0], where[-1])):
            places.append(round(place, 4))
            values.append(round(value, 5))
    return Calibration(tuple(places), tuple(values))


def calibration_error(probability: Numbers, truth: npt.NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean distance between what is said and what is seen, over bins of equal width."""
    if not len(probability):
        return 0.0
    places = np.minimum((probability * bins).astype(int), bins - 1)
    distance = [
        abs(float(probability[places == b].mean()) - float(truth[places == b].mean())) * int(np.sum(places == b))
        for b in range(bins)
        if np.any(places == b)
    ]
    return sum(distance) / len(probability)
