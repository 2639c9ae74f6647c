"""From settings to everything that Dagster shows."""

from __future__ import annotations

import logging

import dagster as dg

from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.alerts import alert_sensor
from inventory_pipeline.orchestration.connectors import connector_definitions
from inventory_pipeline.orchestration.consolidation import consolidation_definitions, consolidation_job
from inventory_pipeline.orchestration.entitlements import entitlement_definitions
from inventory_pipeline.orchestration.maintenance import maintenance_definitions
from inventory_pipeline.orchestration.runtime import Runtime, fixed_resource
from inventory_pipeline.orchestration.sensors import consolidation_sensor
from inventory_pipeline.settings import Settings


def build_definitions(settings: Settings, *, runtime: Runtime | None = None, console: bool = True) -> dg.Definitions:
    """Connectors, consolidation, repository actions, schedules and sensors of a configuration.

    Runs execute in one process: a spawned step costs seconds, and parallelism belongs inside a connector or across
    runs. With `console=False` runs write nothing to the terminal, for programs that have their own.
    """
    runtime = runtime or Runtime(settings)
    job = consolidation_job()
    shared = dg.Definitions(
        executor=dg.in_process_executor,
        resources={names.INVENTORY_RESOURCE: fixed_resource(runtime, "Settings and store.")},
        sensors=[alert_sensor(runtime), consolidation_sensor(runtime, job)],
        loggers=None if console else {"console": _silent_logger},
    )
    return dg.Definitions.merge(
        shared,
        *(connector_definitions(entry, settings) for entry in settings.connectors),
        consolidation_definitions(settings, job),
        entitlement_definitions(settings),
        maintenance_definitions(runtime),
    )


@dg.logger(config_schema={}, description="Writes nothing.")
def _silent_logger(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("inventory_pipeline.silent", level=logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    return logger
