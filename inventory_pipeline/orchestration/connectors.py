"""What Dagster shows of one connector: its source with the Test, its raw assets, `Sync Data - <name>`, schedules."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_pipeline.connectors.base import Connector, Secret, run_test
from inventory_pipeline.errors import ConfigurationError, SyncHeld
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.exports import export_definitions
from inventory_pipeline.orchestration.failures import readable_failures
from inventory_pipeline.orchestration.metadata import category_metadata, column_schema, markdown_table
from inventory_pipeline.orchestration.runtime import Runtime, fixed_resource
from inventory_pipeline.orchestration.sync_config import SyncOptionsConfig, chosen_categories, sync_config_type
from inventory_pipeline.records import Category, tables_of
from inventory_pipeline.settings import ConnectorEntry, Schedule, Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

AnyContext = dg.AssetExecutionContext | dg.OpExecutionContext | dg.AssetCheckExecutionContext


def connector_definitions(entry: ConnectorEntry, settings: Settings) -> dg.Definitions:
    """Everything of one connector. An entry that is not usable has only its source, whose Test fails and says why."""
    check = _test_check(entry)
    test_job = dg.define_asset_job(
        names.connector_test_job(entry.slug),
        selection=dg.AssetSelection.checks(check),
        description=f"**Test - {entry.name}**\n\nConnects with the configured settings and checks what each category "
        "needs. Changes nothing. The result stands on the source asset, with the time of every test.",
        metadata={"title": f"Test - {entry.name}"},
        run_tags={names.ACTION_TAG: f"Test - {entry.name}"},
    )
    common = dg.Definitions(assets=[_source(entry)], asset_checks=[check], jobs=[test_job], resources=_resource(entry))
    if entry.connector is None or not entry.options.enabled:
        return common
    if entry.connector.exports:
        common = dg.Definitions.merge(common, export_definitions(entry, entry.connector))
    if not entry.categories:
        return common
    partitions = repository_partitions(settings, entry.kind)
    sync_assets = _sync_assets(entry, entry.connector, partitions)
    sync_job = dg.define_asset_job(
        names.sync_job(entry.slug),
        selection=dg.AssetSelection.assets(sync_assets),
        description=f"**Sync Data - {entry.name}**\n\nBrings what is new, changed or gone at the source into the "
        "chosen repository (the partition).",
        metadata={"title": f"Sync Data - {entry.name}", "connector type": entry.connector.title},
        run_tags={names.ACTION_TAG: f"Sync Data - {entry.name}"},
    )
    schedules = [
        _schedule(entry, schedule, number, sync_job, settings)
        for number, schedule in enumerate(entry.options.schedules, start=1)
    ]
    return dg.Definitions.merge(
        common,
        dg.Definitions(
            assets=[sync_assets],
            jobs=[sync_job],
            schedules=schedules,
        ),
    )


def _resource(entry: ConnectorEntry) -> dict[str, dg.ResourceDefinition]:
    if entry.connector is None or not entry.options.enabled:
        return {}
    shown = f"{entry.name} ({entry.connector.title}), as configured in inventory.yaml."
    return {names.connector_resource(entry.slug): fixed_resource(entry.connector, shown)}


def repository_partitions(settings: Settings, kind: str | None = None) -> dg.StaticPartitionsDefinition:
    """Repositories (of one kind) as partitions."""
    return dg.StaticPartitionsDefinition([r.slug for r in settings.repositories if kind is None or r.kind == kind])


def _source(entry: ConnectorEntry) -> dg.AssetSpec:
    title = entry.connector.title if entry.connector else entry.type or "unknown type"
    if entry.error:
        description = f"**{entry.name}** cannot be used:\n\n{entry.error}"
    elif not entry.options.enabled:
        description = f"**{entry.name}** ({title}). Switched off in the configuration; what it brought stays."
    else:
        description = f"**{entry.name}** ({title}). Its Test stands under Checks, with the time of every test."
    return dg.AssetSpec(
        names.source_key(entry.slug),
        group_name=names.connector_group(entry.slug),
        description=description,
        kinds={"source"},
        metadata={"connector": entry.name, "type": title, "configuration line": entry.line, **_settings_shown(entry)},
    )


def _settings_shown(entry: ConnectorEntry) -> dict[str, Any]:
    """Settings as metadata. Of a secret, only the name of its environment variable."""
    if entry.connector is None:
        return {}
    shown: dict[str, Any] = {}
    for name in type(entry.connector).model_fields:
        value = getattr(entry.connector, name)
        if name == "name" or value is None:
            continue
        if isinstance(value, Secret):
            shown[name] = f"environment variable {value.env}"
        else:
            shown[name] = value if isinstance(value, bool | int | float | str) else str(value)
    return shown


def _test_check(entry: ConnectorEntry) -> dg.AssetChecksDefinition:
    resources = {names.INVENTORY_RESOURCE}
    if entry.connector is not None and entry.options.enabled:
        resources.add(names.connector_resource(entry.slug))

    @dg.asset_check(
        asset=names.source_key(entry.slug),
        name=names.TEST_CHECK,
        description=f"Test - {entry.name}: connects and checks what each category needs. Changes nothing.",
        required_resource_keys=resources,
    )
    def test_connector(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        runtime: Runtime = getattr(context.resources, names.INVENTORY_RESOURCE)
        connector = entry.connector
        if connector is None:
            return dg.AssetCheckResult(passed=False, description=entry.error or "The entry is not usable.")
        with readable_failures(context.log, connector.redact):
            return _run_connector_test(context, runtime, entry, connector)

    return test_connector


def _run_connector_test(
    context: dg.AssetCheckExecutionContext, runtime: Runtime, entry: ConnectorEntry, connector: Connector
) -> dg.AssetCheckResult:
    ledger = runtime.store.ledger
    action = ledger.begin(
        "test",
        f"Test - {entry.name}",
        connector=entry.slug,
        connector_type=entry.type,
        run_id=context.run.run_id,
    )
    try:
        report = run_test(connector, entry.data_to_sync)
        runtime.results[context.run.run_id] = report
    except BaseException:
        ledger.end(action, "failed", "The test ended before it was complete.")
        raise
    count = sum(len(checks) for checks in report.checks.values())
    failures = [connector.redact(f"{check.message} {check.cure}".strip()) for check in report.failures]
    message = "\n".join(failures) or f"{count} checks passed."
    ledger.end(action, "done" if report.passed else "failed", message)
    rows = [
        {
            "category": group,
            "check": check.name,
            "result": "passed" if check.passed else "failed",
            "message": connector.redact(check.message),
            "cure": connector.redact(check.cure) if not check.passed else "",
        }
        for group, checks in report.checks.items()
        for check in checks
    ]
    return dg.AssetCheckResult(
        passed=report.passed,
        description=message,
        metadata={
            "checks": markdown_table(rows),
            "checks passed": count - len(failures),
            "checks failed": len(failures),
        },
    )


def _sync_assets(
    entry: ConnectorEntry, connector: Connector, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    config_type = sync_config_type(entry)
    kinds = {"parquet"}

    def spec(category: Category) -> dg.AssetSpec:
        sources = [source for source in connector.sources if source.category is category]
        lines = [f"{', '.join(source.objects)} → `raw_{source.table}`" for source in sources if source.objects]
        tables = [table for table in tables_of(category) if any(source.table == table.name for source in sources)]
        schema = {"dagster/column_schema": column_schema(tables[0].columns)} if len(tables) == 1 else {}
        return dg.AssetSpec(
            names.raw_key(entry.slug, category),
            deps=[names.source_key(entry.slug)],
            group_name=names.connector_group(entry.slug),
            description=f"{category.value.replace('_', ' ').capitalize()} records as {entry.name} states them.\n\n"
            + "\n\n".join(lines),
            skippable=True,
            kinds=kinds,
            metadata={"tables": ", ".join(f"raw_{table.name}" for table in tables), **schema},
        )

    @dg.multi_asset(
        name=names.sync_op(entry.slug),
        specs=[spec(category) for category in entry.categories],
        can_subset=True,
        partitions_def=partitions,
        required_resource_keys={names.INVENTORY_RESOURCE, names.connector_resource(entry.slug)},
    )
    def sync(
        context: dg.AssetExecutionContext,
        config: config_type,  # pyright: ignore[reportInvalidTypeForm]
    ) -> Iterator[dg.MaterializeResult]:
        resource: Connector = getattr(context.resources, names.connector_resource(entry.slug))
        with readable_failures(context.log, resource.redact):
            yield from _sync(context, entry, resource, config)

    return sync


def _sync(
    context: dg.AssetExecutionContext, entry: ConnectorEntry, connector: Connector, config: SyncOptionsConfig
) -> Iterator[dg.MaterializeResult]:
    from inventory_pipeline.repository.sync import run_sync
    from inventory_pipeline.repository.sync_report import SyncOptions

    runtime: Runtime = getattr(context.resources, names.INVENTORY_RESOURCE)
    repository = runtime.repository(partition_of(context), kind=entry.kind)
    selected = {key.path[-1] for key in context.selected_asset_keys}
    categories = tuple(category for category in chosen_categories(config) if category.value in selected)
    if not categories:
        raise ConfigurationError(
            "nothing is chosen: data_to_sync and the selected assets have no category in common.",
            subject=entry.name,
            cure="Choose at least one category in data_to_sync.",
        )
    context.instance.add_run_tags(
        context.run.run_id,
        {
            names.ACTION_TAG: f"Sync Data - {entry.name}",
            names.CONSOLIDATE_TAG: str(config.run_consolidation_reports and not config.dry_run).lower(),
            names.AI_TAG: str(config.run_ai_action).lower(),
        },
    )
    options = SyncOptions(
        categories=categories, clean=config.clean_sync, dry_run=config.dry_run, accept_shrink=config.accept_shrink
    )
    try:
        report = run_sync(repository, connector, options, run_id=context.run.run_id)
    except SyncHeld as held:
        runtime.results[context.run.run_id] = held
        raise
    runtime.results[context.run.run_id] = report
    for category in categories:
        metadata = category_metadata(report, category)
        if config.dry_run:
            context.log_event(
                dg.AssetObservation(
                    names.raw_key(entry.slug, category),
                    description="Dry run: what the sync would change. Nothing was committed.",
                    partition=repository.slug,
                    metadata=metadata,
                )
            )
        else:
            yield dg.MaterializeResult(asset_key=names.raw_key(entry.slug, category), metadata=metadata)


def partition_of(context: AnyContext) -> str:
    """The run's partition, which names the repository.

    Raises:
        ConfigurationError: the run was launched without one.
    """
    partition = context.run.tags.get(names.PARTITION_TAG)
    if not partition:
        raise ConfigurationError(
            "no repository is chosen.", cure=f"Choose a partition, or set the tag {names.PARTITION_TAG}."
        )
    return partition


def sync_run_config(entry: ConnectorEntry, options: Mapping[str, Any]) -> dict[str, Any]:
    """Run config of `Sync Data` with these options; what is not given keeps the connector's default."""
    return {"ops": {names.sync_op(entry.slug): {"config": dict(options)}}}


def _schedule(
    entry: ConnectorEntry,
    schedule: Schedule,
    number: int,
    job: "AssetJob",
    settings: Settings,
) -> dg.ScheduleDefinition:
    repository = settings.repository(schedule.repository, kind=entry.kind).slug
    options: dict[str, Any] = {"clean_sync": schedule.clean_sync}
    if schedule.data_to_sync is not None:
        options["data_to_sync"] = [category.value for category in schedule.data_to_sync]
    if schedule.run_consolidation_reports is not None:
        options["run_consolidation_reports"] = schedule.run_consolidation_reports
    suffix = "" if len(entry.options.schedules) == 1 else f"_{number}"
    status = dg.DefaultScheduleStatus.RUNNING if schedule.enabled else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job=job,
        name=f"{names.sync_job(entry.slug)}__schedule{suffix}",
        cron_schedule=schedule.cron,
        execution_timezone=schedule.time_zone,
        default_status=status,
        description=f"Sync Data - {entry.name} into {repository}: {schedule.cron} ({schedule.time_zone}).",
    )
    def scheduled(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=f"{context.scheduled_execution_time.isoformat()}",
            partition_key=repository,
            run_config=sync_run_config(entry, options),
        )

    return scheduled
