"""Normalization, consolidation and report as assets: one op, one engine connection, many tables, published as one."""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from inventory_pipeline.consolidation.checks import CHECKS
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.connectors import partition_of, repository_partitions
from inventory_pipeline.orchestration.failures import readable_failures
from inventory_pipeline.orchestration.metadata import column_schema
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.records import TABLES
from inventory_pipeline.report.page import write_page
from inventory_pipeline.report.text import summary_text
from inventory_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

    from inventory_pipeline.repository.release import Release
    from inventory_pipeline.repository.store import Repository

RAW_PREFIX = "raw_"


class ConsolidationConfig(dg.Config):
    """Options of a consolidation."""

    run_ai_action: bool = Field(
        default=False,
        description="Auto-curation: software that no rule decides is normalized by an offline model where it is sure "
        "enough, and suggested otherwise.",
    )


def consolidation_job() -> "AssetJob":
    """`Generate Report - Basic Inventory Consolidation`."""
    return dg.define_asset_job(
        names.CONSOLIDATION_JOB,
        selection=dg.AssetSelection.assets(*(names.release_key(table) for table in RELEASE_TABLES)),
        description=f"**{names.CONSOLIDATION_TITLE}**\n\nNormalizes, matches and consolidates what the connectors "
        "brought into the repository (the partition), checks it, and publishes it as one release.",
        metadata={"title": names.CONSOLIDATION_TITLE},
        run_tags={names.ACTION_TAG: names.CONSOLIDATION_TITLE},
    )


def consolidation_assets(settings: Settings) -> dg.AssetsDefinition:
    """All tables of a release as one multi-asset, with their checks."""
    order = table_order()

    @dg.multi_asset(
        name=names.CONSOLIDATION_OP,
        specs=[_spec(table, settings) for table in order],
        check_specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=names.release_key(check.table),
                description=check.doc,
                blocking=check.blocking,
            )
            for check in CHECKS
        ],
        partitions_def=repository_partitions(settings, "inventory"),
        required_resource_keys={names.INVENTORY_RESOURCE},
    )
    def consolidate(
        context: dg.AssetExecutionContext, config: ConsolidationConfig
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with readable_failures(context.log):
            yield from _consolidate(context, config)

    return consolidate


def table_order() -> tuple[str, ...]:
    """Release tables, each after the tables that it reads."""
    graph = {
        name: sorted(read for read in table.reads if read in RELEASE_TABLES and read != name)
        for name, table in RELEASE_TABLES.items()
    }
    return tuple(TopologicalSorter(graph).static_order())


def _spec(name: str, settings: Settings) -> dg.AssetSpec:
    table = RELEASE_TABLES[name]
    deps: list[dg.AssetDep] = []
    for read in table.reads:
        if read in RELEASE_TABLES and read != name:
            deps.append(dg.AssetDep(names.release_key(read)))
        elif read.startswith(RAW_PREFIX):
            deps += _raw_deps(read.removeprefix(RAW_PREFIX), settings)
    return dg.AssetSpec(
        names.release_key(name),
        deps=deps,
        group_name=table.group,
        description=f"{table.doc}\n\nGrain: {table.grain}.",
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": column_schema(table.columns), "grain": table.grain},
    )


def _raw_deps(raw_table: str, settings: Settings) -> Iterator[dg.AssetDep]:
    canonical = TABLES[raw_table]
    for entry in settings.connectors:
        if entry.connector is None or not entry.options.enabled:
            continue
        if any(source.table == canonical.name for source in entry.connector.sources):
            same = entry.kind == "inventory"
            mapping = None if same else dg.AllPartitionMapping()
            yield dg.AssetDep(names.raw_key(entry.slug, canonical.category), partition_mapping=mapping)


def _consolidate(
    context: dg.AssetExecutionContext, config: ConsolidationConfig
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    from inventory_pipeline.consolidation.pipeline import Consolidation
    from inventory_pipeline.repository.release import latest_release

    runtime: Runtime = getattr(context.resources, names.INVENTORY_RESOURCE)
    settings = runtime.settings
    repository = runtime.repository(partition_of(context), kind="inventory")
    run_id = context.run.run_id
    context.instance.add_run_tags(run_id, {names.AI_TAG: str(config.run_ai_action).lower()})
    owned = [
        latest_release(runtime.repository(entry.slug, writable=False))
        for entry in settings.repositories
        if entry.kind == "entitlement"
    ]
    consolidation = Consolidation(
        repository,
        settings.catalog.load(),
        settings.consolidation,
        run_id=run_id,
        curation=settings.curation_for(run_ai_action=config.run_ai_action),
        entitlements=[release for release in owned if release is not None],
    )
    tables = {result.name: result for result in consolidation.run()}
    checks = consolidation.checks()
    for check in checks:
        yield dg.AssetCheckResult(
            asset_key=names.release_key(check.table),
            check_name=check.name,
            passed=check.passed,
            severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
            description=check.message,
            metadata=dict(check.metadata),
        )
    # Materializations say what is published, so they come after the release and not while it is built.
    release = consolidation.publish()
    runtime.results[run_id] = release
    context.log.info(f"Release {release.id} of {repository.title} is published.")
    extra = {"summary": _summary(release, repository)}
    for name in table_order():
        if name in tables:
            metadata = {
                "dagster/row_count": tables[name].rows,
                "dagster/table_name": f"{repository.slug}.{name}",
                "release": release.id,
                **extra.get(name, {}),
            }
            yield dg.MaterializeResult(asset_key=names.release_key(name), metadata=metadata)


def _summary(release: "Release", repository: "Repository") -> dict[str, Any]:
    """The summary as metadata, and for local data the page beside it."""
    metadata: dict[str, Any] = {
        "summary": dg.MetadataValue.md(f"```text\n{summary_text(release, repository.title)}\n```")
    }
    storage = repository.store.storage
    if storage.is_local:
        page = write_page(release, repository.title, storage.local(f"{repository.slug}/report.html"))
        metadata["page"] = dg.MetadataValue.path(str(page))
    return metadata


def consolidation_definitions(settings: Settings, job: "AssetJob") -> dg.Definitions:
    """Assets, checks and job of consolidation."""
    return dg.Definitions(assets=[consolidation_assets(settings)], jobs=[job])
