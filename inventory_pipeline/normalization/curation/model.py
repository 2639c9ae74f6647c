"""The model of auto-curation: two ensembles of trees with their calibrations, in one small file that comes along."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.normalization.curation.calibration import Calibration, Numbers
from inventory_pipeline.normalization.curation.features import PRODUCT_FEATURES, READING_FEATURES
from inventory_pipeline.normalization.curation.trees import Matrix, Trees

MODEL_FILE = Path(str(files("inventory_pipeline.normalization.curation"))) / "model.json.gz"


@dataclass(frozen=True, slots=True)
class CurationModel:
    """How likely a candidate is right. `product` judges products of the catalog, `reading` what a row says itself.

    `version`: eight hexadecimal characters of the file's content, which every decision names.
    """

    version: str
    product: Trees
    reading: Trees
    product_calibration: Calibration
    reading_calibration: Calibration

    def product_log_odds(self, rows: Matrix) -> Numbers:
        """Log-odds of candidates by `features.PRODUCT_FEATURES`, not calibrated."""
        return self.product.log_odds(rows)

    def reading_log_odds(self, rows: Matrix) -> Numbers:
        """Log-odds of readings by `features.READING_FEATURES`, not calibrated."""
        return self.reading.log_odds(rows)


def save_model(path: Path, model: dict[str, Any]) -> None:
    """Writes a model; the same model gives the same bytes."""
    path.write_bytes(gzip.compress(json.dumps(model, separators=(",", ":")).encode(), 9, mtime=0))


def as_json(
    product: Trees, reading: Trees, product_calibration: Calibration, reading_calibration: Calibration
) -> dict[str, Any]:
    """A model as JSON values, with the features that it reads."""
    return {
        "product_features": PRODUCT_FEATURES,
        "reading_features": READING_FEATURES,
        "product": product.as_json(),
        "reading": reading.as_json(),
        "product_calibration": [product_calibration.log_odds, product_calibration.probability],
        "reading_calibration": [reading_calibration.log_odds, reading_calibration.probability],
    }


@lru_cache(maxsize=2)
def load_model(path: Path = MODEL_FILE) -> CurationModel:
    """Reads a model.

    Raises ConfigurationError when the file is missing or was built for other features.
    """
    cure = "Build it: python -m inventory_pipeline.normalization.curation.build"
    try:
        data = path.read_bytes()
        content = json.loads(gzip.decompress(data))
    except (OSError, EOFError, ValueError) as error:
        raise ConfigurationError(f"cannot be read: {error}.", subject=str(path), cure=cure) from error
    if (tuple(content["product_features"]), tuple(content["reading_features"])) != (PRODUCT_FEATURES, READING_FEATURES):
        raise ConfigurationError("was built for other features.", subject=str(path), cure=cure)
    return CurationModel(
        version=hashlib.sha256(data).hexdigest()[:8],
        product=Trees.from_json(content["product"]),
        reading=Trees.from_json(content["reading"]),
        product_calibration=Calibration(*(tuple(values) for values in content["product_calibration"])),
        reading_calibration=Calibration(*(tuple(values) for values in content["reading_calibration"])),
    )
