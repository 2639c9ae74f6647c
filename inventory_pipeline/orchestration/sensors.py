"""Consolidates a repository once, by itself, when the last of its syncs has ended."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
import sqlalchemy as sa

from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.repository.ledger import Ledger, action_table, release_table, utc_now
from inventory_pipeline.settings import RepositorySettings

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
SILENT_AFTER = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Due:
    """A repository that is to be consolidated: up to which commit, and whether a sync asked for auto-curation."""

    repository: str
    position: int
    run_ai_action: bool


def consolidation_sensor(runtime: Runtime, job: "AssetJob") -> dg.SensorDefinition:
    """The sensor over all inventory repositories of the configuration."""

    @dg.sensor(
        job=job,
        name="consolidate_after_syncs",
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Consolidates a repository once when none of its syncs is running or queued any more and at least "
        "one has brought something since the newest release. Applies to repositories with `consolidate_after_syncs` "
        "and to syncs that ran with `run_consolidation_reports`.",
    )
    def consolidate_after_syncs(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        reasons: list[str] = []
        for entry in runtime.settings.repositories:
            if entry.kind != "inventory":
                continue
            due = due_for_consolidation(entry, runtime.store.ledger, context.instance)
            if isinstance(due, str):
                reasons.append(f"{entry.slug}: {due}")
                continue
            requests.append(
                dg.RunRequest(
                    run_key=f"{due.repository}:{due.position}",
                    partition_key=due.repository,
                    run_config={"ops": {names.CONSOLIDATION_OP: {"config": {"run_ai_action": due.run_ai_action}}}},
                )
            )
        return requests or dg.SkipReason("; ".join(reasons) or "There is no inventory repository.")

    return consolidate_after_syncs


def due_for_consolidation(entry: RepositorySettings, ledger: Ledger, instance: dg.DagsterInstance) -> Due | str:
    """Whether the repository is to be consolidated now, or in one phrase why not.

    The answer depends on the state of the ledger and of the run queue only, never on having seen an event: it is the
    same after a failed sync, a missed tick or a restarted daemon. Together with the run key (the repository's newest
    commit) this neither loses nor doubles a consolidation, and one that failed waits for the next sync.
    """
    waiting = instance.get_runs(dg.RunsFilter(tags={names.PARTITION_TAG: entry.slug}, statuses=UNFINISHED), limit=1)
    if waiting:
        return "a run is active or queued"
    with ledger.reading() as connection:
        status = connection.execute(
            sa.text("SELECT status FROM repository WHERE slug = :slug").bindparams(slug=entry.slug)
        ).scalar_one_or_none()
        if status == "archived":
            return "archived"
        syncs = (action_table.c.repository == entry.slug) & (action_table.c.kind == "sync")
        running = connection.execute(
            sa.select(action_table.c.action_id).where(
                syncs & (action_table.c.status == "running") & (action_table.c.heartbeat_at > utc_now() - SILENT_AFTER)
            )
        ).first()
        if running:
            return "a sync is running"
        released = connection.execute(
            sa.select(sa.func.coalesce(sa.func.max(release_table.c.position), 0)).where(
                release_table.c.repository == entry.slug, release_table.c.status == "published"
            )
        ).scalar_one()
        news = connection.execute(
            sa.select(action_table.c.position, action_table.c.run_id).where(
                syncs & (action_table.c.status == "committed") & (action_table.c.position > released)
            )
        ).all()
    if not news:
        return "nothing new since the newest release"
    tags = [_tags(instance, row.run_id) for row in news]
    asked = any(tag.get(names.CONSOLIDATE_TAG) == "true" for tag in tags)
    if not (entry.consolidate_after_syncs or asked):
        return "no sync asked for it"
    return Due(
        repository=entry.slug,
        position=max(row.position for row in news),
        run_ai_action=any(tag.get(names.AI_TAG) == "true" for tag in tags),
    )


def _tags(instance: dg.DagsterInstance, run_id: str | None) -> dict[str, str]:
    run = instance.get_run_by_id(run_id) if run_id else None
    return dict(run.tags) if run else {}
