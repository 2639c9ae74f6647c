"""Builds the model of auto-curation from the shipped catalog.

    python -m inventory_pipeline.normalization.curation.build [OUTPUT]

Examples are names of the catalog itself (see `examples`), products held out in five parts in turn. Predictions for
parts that a model has not seen calibrate it and are what is printed. OUTPUT (default: the model that is shipped) is
the same bytes for the same catalog and numpy. Takes some minutes on one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.curation.boosting import fit
from inventory_pipeline.normalization.curation.calibration import calibrate, calibration_error
from inventory_pipeline.normalization.curation.examples import FOLDS, Example, examples
from inventory_pipeline.normalization.curation.features import PRODUCT_FEATURES, READING_FEATURES, matrix
from inventory_pipeline.normalization.curation.model import MODEL_FILE, as_json, load_model, save_model
from inventory_pipeline.normalization.curation.trees import Matrix

Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """Features of candidates with whether they are right, and the example and part that each belongs to."""

    rows: Matrix
    right: Truth
    example: npt.NDArray[np.int64]
    part: npt.NDArray[np.int64]


def build(catalog: Catalog, path: Path) -> dict[str, float]:
    """Builds and writes a model; figures of parts that were held out, by name."""
    made = [(part, example) for part in range(FOLDS) for example in examples(catalog, part)]
    product, reading = _products(made), _readings(made)
    product_guess, reading_guess = _held_out(product), _held_out(reading)
    chosen = _first_of_each(product, product_guess)
    product_line = calibrate(product_guess[chosen], product.right[chosen])
    reading_line = calibrate(reading_guess, reading.right)
    save_model(path, as_json(_fit(product), _fit(reading), product_line, reading_line))
    sure, right = _best(
        len(made),
        (reading.example, reading_line.apply(reading_guess) * _may_be_read(made), reading.right),
        (product.example[chosen], product_line.apply(product_guess[chosen]), product.right[chosen]),
    )
    figures = {"examples": len(made), "right": float(right.mean()), "calibration error": calibration_error(sure, right)}
    for limit in (0.9, 0.95, 0.97):
        counted = sure >= limit
        figures[f"share at {limit}"] = float(counted.mean())
        figures[f"precision at {limit}"] = float(right[counted].mean()) if counted.any() else float("nan")
    return figures


def judge(found: list[Example]) -> tuple[npt.NDArray[np.float64], Truth]:
    """What the shipped model says of examples: confidence in the likeliest answer to each, and whether it is right."""
    model = load_model()
    made = [(0, example) for example in found]
    product, reading = _products(made), _readings(made)
    guess = model.product_log_odds(product.rows)
    chosen = _first_of_each(product, guess)
    return _best(
        len(made),
        (
            reading.example,
            model.reading_calibration.apply(model.reading_log_odds(reading.rows)) * _may_be_read(made),
            reading.right,
        ),
        (product.example[chosen], model.product_calibration.apply(guess[chosen]), product.right[chosen]),
    )


def _best(
    count: int,
    reading: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], Truth],
    product: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], Truth],
) -> tuple[npt.NDArray[np.float64], Truth]:
    """The surer of reading and product for each example: confidence, and whether it is right."""
    sure, right = np.zeros(count), np.zeros(count, np.bool_)
    sure[reading[0]], right[reading[0]] = reading[1], reading[2]
    where, by_product, product_right = product
    better = by_product >= sure[where]
    sure[where[better]], right[where[better]] = by_product[better], product_right[better]
    return sure, right


def _may_be_read(made: list[tuple[int, Example]]) -> Truth:
    """Examples for which vendor and title of the row itself may stand: not where they misspell a known product."""
    return np.array([not any(c.is_misspelled for c in example.candidates) for _, example in made], np.bool_)


def _products(made: list[tuple[int, Example]]) -> Judged:
    found = [
        (n, part, c, right) for n, (part, e) in enumerate(made) for c, right in zip(e.candidates, e.right, strict=True)
    ]
    return Judged(
        matrix([c.values for _, _, c, _ in found], PRODUCT_FEATURES),
        np.array([right for *_, right in found], np.bool_),
        np.array([n for n, *_ in found], np.int64),
        np.array([part for _, part, *_ in found], np.int64),
    )


def _readings(made: list[tuple[int, Example]]) -> Judged:
    return Judged(
        matrix([e.reading for _, e in made], READING_FEATURES),
        np.array([e.reading_right for _, e in made], np.bool_),
        np.arange(len(made)),
        np.array([part for part, _ in made], np.int64),
    )


def _fit(judged: Judged, chosen: Truth | None = None):
    rows, right = (judged.rows, judged.right) if chosen is None else (judged.rows[chosen], judged.right[chosen])
    return fit(rows, right, np.ones(len(rows)))


def _held_out(judged: Judged) -> npt.NDArray[np.float64]:
    """Log-odds of each part by trees that have not seen it."""
    guess = np.zeros(len(judged.rows))
    for part in range(FOLDS):
        inside = judged.part == part
        guess[inside] = _fit(judged, ~inside).log_odds(judged.rows[inside])
    return guess


def _first_of_each(judged: Judged, guess: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The candidate of each example that has the highest log-odds."""
    order = np.lexsort((-guess, judged.example))
    firsts = np.concatenate([[True], judged.example[order][1:] != judged.example[order][:-1]])
    return order[firsts]


def main(path: Path = MODEL_FILE) -> None:
    """Builds the model and prints how it does on parts that were held out."""
    for name, value in build(load_catalog(), path).items():
        print(f"{name:<24} {value:>10,.0f}" if value > 1 else f"{name:<24} {value:>10.4f}")
    print(f"{path.name:<24} {path.stat().st_size / 1000:>9,.0f}k")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
