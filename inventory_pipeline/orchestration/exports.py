"""What Dagster shows of a connector that exports files: `Export Entitlements - <name>`, an asset, schedules."""

from typing import TYPE_CHECKING

import dagster as dg

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.failures import readable_failures
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.settings import ConnectorEntry, Schedule

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob


def export_definitions(entry: ConnectorEntry, connector: Connector) -> dg.Definitions:
    """Asset and job of the export. Schedules start it where the connector has nothing to sync."""
    title = f"Export {connector.exports} - {entry.name}"
    asset = _asset(entry, title)
    job = dg.define_asset_job(
        names.export_job(entry.slug),
        selection=dg.AssetSelection.assets(asset),
        description=f"**{title}**\n\nWrites files to be reviewed and imported. Fills no repository.",
        metadata={"title": title, "connector type": connector.title},
        run_tags={names.ACTION_TAG: title},
    )
    scheduled = () if entry.categories else entry.options.schedules
    schedules = [_schedule(entry, schedule, number, job) for number, schedule in enumerate(scheduled, start=1)]
    return dg.Definitions(assets=[asset], jobs=[job], schedules=schedules)


def _asset(entry: ConnectorEntry, title: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.export_key(entry.slug),
        deps=[names.source_key(entry.slug)],
        group_name=names.connector_group(entry.slug),
        description=f"{title}: files to be reviewed and imported.",
        kinds={"file"},
        required_resource_keys={names.INVENTORY_RESOURCE, names.connector_resource(entry.slug)},
    )
    def export(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        connector: Connector = getattr(context.resources, names.connector_resource(entry.slug))
        with readable_failures(context.log, connector.redact):
            return _export(context, entry, connector, title)

    return export


def _export(
    context: dg.AssetExecutionContext, entry: ConnectorEntry, connector: Connector, title: str
) -> dg.MaterializeResult:
    runtime: Runtime = getattr(context.resources, names.INVENTORY_RESOURCE)
    ledger, run_id = runtime.store.ledger, context.run.run_id
    action = ledger.begin("export", title, connector=entry.slug, connector_type=entry.type, run_id=run_id)
    try:
        with connector.opened():
            exported = connector.export()
    except BaseException as error:
        ledger.end(action, "failed", connector.redact(str(error)))
        raise
    ledger.end(action, "done", "\n".join(exported.lines))
    runtime.results[run_id] = exported
    return dg.MaterializeResult(
        metadata={
            **{path.suffix.removeprefix("."): dg.MetadataValue.path(str(path)) for path in exported.files},
            **exported.figures,
            "said": dg.MetadataValue.md("\n".join(f"- {line}" for line in exported.lines)),
        }
    )


def _schedule(entry: ConnectorEntry, schedule: Schedule, number: int, job: "AssetJob") -> dg.ScheduleDefinition:
    suffix = "" if len(entry.options.schedules) == 1 else f"_{number}"
    return dg.ScheduleDefinition(
        job=job,
        name=f"{names.export_job(entry.slug)}__schedule{suffix}",
        cron_schedule=schedule.cron,
        execution_timezone=schedule.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING if schedule.enabled else dg.DefaultScheduleStatus.STOPPED,
        description=f"Export of {entry.name}: {schedule.cron} ({schedule.time_zone}).",
    )
