"""Publishing of Entitlement repositories as assets and a job."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from inventory_pipeline.consolidation.entitlements.tables import ENTITLEMENT_TABLES
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.connectors import partition_of, repository_partitions
from inventory_pipeline.orchestration.failures import readable_failures
from inventory_pipeline.orchestration.metadata import column_schema
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.records import Category
from inventory_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob


def entitlement_definitions(settings: Settings) -> dg.Definitions:
    """Assets and job; nothing where no Entitlement repository is configured."""
    if not any(entry.kind == "entitlement" for entry in settings.repositories):
        return dg.Definitions()
    return dg.Definitions(assets=[_assets(settings)], jobs=[_job()])


def _job() -> "AssetJob":
    return dg.define_asset_job(
        names.PUBLISH_ENTITLEMENTS_JOB,
        selection=dg.AssetSelection.assets(*(names.entitlement_key(table) for table in ENTITLEMENT_TABLES)),
        description=f"**{names.PUBLISH_ENTITLEMENTS_TITLE}**\n\nJudges all drafts of the repository (the partition) "
        "together and publishes those without errors. Consolidation sets published entitlements beside installations.",
        metadata={"title": names.PUBLISH_ENTITLEMENTS_TITLE},
        run_tags={names.ACTION_TAG: names.PUBLISH_ENTITLEMENTS_TITLE},
    )


def _assets(settings: Settings) -> dg.AssetsDefinition:
    drafts = [
        names.raw_key(entry.slug, Category.entitlement)
        for entry in settings.connectors
        if entry.connector is not None and entry.options.enabled and entry.kind == "entitlement"
    ]

    def spec(name: str) -> dg.AssetSpec:
        table = ENTITLEMENT_TABLES[name]
        reads = [names.entitlement_key(read) for read in table.reads if read in ENTITLEMENT_TABLES]
        return dg.AssetSpec(
            names.entitlement_key(name),
            deps=[*reads, *(drafts if any(read.startswith("raw_") for read in table.reads) else ())],
            group_name="entitlements",
            description=f"{table.doc}\n\nGrain: {table.grain}.",
            kinds={"duckdb", "parquet"},
            metadata={"dagster/column_schema": column_schema(table.columns), "grain": table.grain},
        )

    @dg.multi_asset(
        name=names.PUBLISH_ENTITLEMENTS_OP,
        specs=[spec(name) for name in ENTITLEMENT_TABLES],
        partitions_def=repository_partitions(settings, "entitlement"),
        required_resource_keys={names.INVENTORY_RESOURCE},
    )
    def publish(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        with readable_failures(context.log):
            yield from _publish(context)

    return publish


def _publish(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    from inventory_pipeline.consolidation.entitlements.publish import publish_entitlements

    runtime: Runtime = getattr(context.resources, names.INVENTORY_RESOURCE)
    repository = runtime.repository(partition_of(context), kind="entitlement")
    run_id = context.run.run_id
    release, drafts = publish_entitlements(repository, runtime.settings.consolidation, run_id=run_id)
    runtime.results[run_id] = (release, drafts)
    context.log.info(f"{repository.title}: {drafts.told()}")
    for name in ENTITLEMENT_TABLES:
        yield dg.MaterializeResult(
            asset_key=names.entitlement_key(name),
            metadata={
                "dagster/row_count": release.tables[name],
                "dagster/table_name": f"{repository.slug}.{name}",
                "release": release.id,
                "drafts": drafts.told(),
            },
        )
