"""The door for Dagster: `inventory.yaml` becomes assets, checks, jobs, schedules and sensors."""

from __future__ import annotations

import dagster as dg

from inventory_pipeline.orchestration.build import build_definitions
from inventory_pipeline.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the configuration that INVENTORY_CONFIG names, else the working folder's, else the example's."""
    return build_definitions(load_settings())
