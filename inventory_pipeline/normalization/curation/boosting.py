"""Gradient boosting of small trees for yes and no, in plain numpy: used when a model is built, not when it is used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inventory_pipeline.normalization.curation.trees import Matrix, Trees, probability

BINS = 48
DEPTH = 4
_SMOOTHING = 5.0
_RATE = 0.08
_FEWEST = 40.0


def fit(rows: Matrix, truth: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], *, trees: int = 160) -> Trees:
    """Trees that predict `truth` from the features in `rows`.

    Newton boosting on logistic loss over histograms: each tree of depth 4 splits every node of a level by the feature
    and limit that gain most, or not at all. The same input gives the same trees.
    """
    edges = [_edges(rows[:, column]) for column in range(rows.shape[1])]
    binned = np.stack([np.searchsorted(e, rows[:, c], side="left") for c, e in enumerate(edges)], axis=1).astype(
        np.int32
    )
    share = float(np.average(truth, weights=weights))
    base = float(np.log(share / (1 - share)))
    total = np.full(len(rows), base)
    made: list[tuple[npt.NDArray[np.int16], Matrix, Matrix]] = []
    for _ in range(trees):
        guess = probability(total)
        slope = weights * (truth - guess)
        curve = weights * np.maximum(guess * (1 - guess), 1e-6)
        features, limits, values, leaf = _tree(binned, edges, slope, curve)
        total += values[leaf]
        made.append((features, limits, values))
    return Trees(base, np.stack([t[0] for t in made]), np.stack([t[1] for t in made]), np.stack([t[2] for t in made]))


def _edges(column: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Limits between bins: midpoints of distinct values where there are few, else of quantiles."""
    values = np.unique(column)
    if len(values) > BINS:
        values = np.unique(np.quantile(column, np.linspace(0, 1, BINS)))
    return ((values[1:] + values[:-1]) / 2).astype(np.float32)


def _tree(
    binned: npt.NDArray[np.int32],
    edges: list[npt.NDArray[np.float32]],
    slope: npt.NDArray[np.float64],
    curve: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int16], Matrix, Matrix, npt.NDArray[np.int64]]:
    inner = 2**DEPTH - 1
    features, limits = np.zeros(inner, np.int16), np.full(inner, np.inf, np.float32)
    node = np.zeros(len(binned), np.int64)
    for level in range(DEPTH):
        first, count = 2**level - 1, 2**level
        local = node - first
        best_gain = np.full(count, 1e-9)
        best_bin = np.full(count, -1)
        for column, column_edges in enumerate(edges):
            if not len(column_edges):
                continue
            width = len(column_edges) + 1
            cell = local * width + binned[:, column]
            slopes = np.bincount(cell, slope, count * width).reshape(count, width)
            curves = np.bincount(cell, curve, count * width).reshape(count, width)
            left_slope, left_curve = np.cumsum(slopes, 1)[:, :-1], np.cumsum(curves, 1)[:, :-1]
            all_slope, all_curve = slopes.sum(1, keepdims=True), curves.sum(1, keepdims=True)
            right_slope, right_curve = all_slope - left_slope, all_curve - left_curve
            gain = (
                left_slope**2 / (left_curve + _SMOOTHING)
                + right_slope**2 / (right_curve + _SMOOTHING)
                - all_slope**2 / (all_curve + _SMOOTHING)
            )
            # Leaves need enough rows that are not yet certain: a curve of 0.25 is one undecided row.
            gain[(left_curve < _FEWEST / 8) | (right_curve < _FEWEST / 8)] = 0
            where = gain.argmax(1)
            value = gain[np.arange(count), where]
            better = value > best_gain
            best_gain[better], best_bin[better] = value[better], where[better]
            features[first : first + count][better] = column
        for number in range(count):
            if best_bin[number] >= 0:
                limits[first + number] = edges[features[first + number]][best_bin[number]]
        chosen = features[node]
        cut = np.where(best_bin[local] >= 0, best_bin[local], np.iinfo(np.int32).max)
        node = 2 * node + 1 + (binned[np.arange(len(binned)), chosen] > cut)
    leaf = node - inner
    slopes = np.bincount(leaf, slope, 2**DEPTH)
    curves = np.bincount(leaf, curve, 2**DEPTH)
    values = (_RATE * slopes / (curves + _SMOOTHING)).astype(np.float32)
    return features, limits, values, leaf
