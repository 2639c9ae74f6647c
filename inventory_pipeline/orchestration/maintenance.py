"""Repository actions and housekeeping as jobs: archive, restore, clear, maintain, purge old runs."""

import datetime as dt
from collections.abc import Iterator
from typing import Literal

import dagster as dg
from pydantic import Field

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.connectors import partition_of, repository_partitions
from inventory_pipeline.orchestration.failures import readable_failures
from inventory_pipeline.orchestration.runtime import Runtime

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
PURGE_BATCH = 500
Verb = Literal["archive", "restore", "clear"]
EXPLAINED: dict[Verb, str] = {
    "archive": "Makes the repository read-only and hides it from new syncs. What it holds stays readable.",
    "restore": "Takes an archived repository back into use.",
    "clear": "Hides all raw data of the repository from now on; files are swept later. Releases stay as they are.",
}


class ConfirmConfig(dg.Config):
    """A confirmation that has to be typed."""

    confirm: str = Field(default="", description="Type the repository's name as it stands in the partition.")


def maintenance_definitions(runtime: Runtime) -> dg.Definitions:
    """Jobs over repositories, and the schedules that keep disk use bounded."""
    partitions = repository_partitions(runtime.settings)
    actions = [_repository_action(runtime, verb, partitions) for verb in EXPLAINED]
    maintain = _maintain_job(runtime, partitions)
    purge = _purge_job(runtime)
    nightly = dg.ScheduleDefinition(
        name="purge_old_runs__schedule",
        job=purge,
        cron_schedule="45 3 * * 0",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every Sunday at 03:45 UTC.",
    )
    return dg.Definitions(jobs=[*actions, maintain, purge], schedules=[_maintain_schedule(runtime, maintain), nightly])


def _repository_action(runtime: Runtime, verb: Verb, partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    title = f"{verb.capitalize()} repository"

    @dg.op(name=verb, description=EXPLAINED[verb])
    def act(context: dg.OpExecutionContext, config: ConfirmConfig) -> None:
        with readable_failures(context.log):
            repository = runtime.repository(partition_of(context), writable=False)
            if config.confirm != repository.slug:
                raise ConfigurationError(
                    f"to {verb} a repository, its name has to be typed.",
                    subject=repository.title,
                    cure=f"Set `confirm: {repository.slug}`.",
                )
            getattr(runtime.store, verb)(repository.slug)
            context.log.info(f"{repository.title}: {verb} done.")

    @dg.job(
        name=names.repository_job(verb),
        partitions_def=partitions,
        description=f"**{title}**\n\n{EXPLAINED[verb]}",
        metadata={"title": title},
        run_tags={names.ACTION_TAG: title},
    )
    def action() -> None:
        act()

    return action


def _maintain_job(runtime: Runtime, partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    explained = (
        "Folds many small syncs into one, applies the retention of releases, and deletes files that nothing "
        "refers to any more."
    )

    @dg.op(name="maintain", description=explained)
    def maintain(context: dg.OpExecutionContext) -> None:
        with readable_failures(context.log):
            lines = maintain_repository(runtime, partition_of(context), context.run.run_id)
            runtime.results[context.run.run_id] = lines
            for line in lines:
                context.log.info(line)
            context.add_output_metadata({"done": dg.MetadataValue.md("\n\n".join(lines) or "Nothing to do.")})

    @dg.job(
        name=names.MAINTAIN_JOB,
        partitions_def=partitions,
        description=f"**Maintain repository**\n\n{explained}",
        metadata={"title": "Maintain repository"},
        run_tags={names.ACTION_TAG: "Maintain repository"},
    )
    def repository_maintain() -> None:
        maintain()

    return repository_maintain


def maintain_repository(runtime: Runtime, slug: str, run_id: str | None = None) -> list[str]:
    """Compacts, applies retention and sweeps; returns what was done, a line each."""
    from inventory_pipeline.repository.compaction import compact
    from inventory_pipeline.repository.maintenance import maintain

    repository = runtime.repository(slug, writable=False)
    policy = runtime.settings.retention
    lines = [] if repository.is_archived else list(compact(repository, policy, run_id=run_id))
    return [*lines, *maintain(repository, policy)]


def _maintain_schedule(runtime: Runtime, job: dg.JobDefinition) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        name="repository__maintain__schedule",
        cron_schedule="15 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at 03:15 UTC, each repository.",
    )
    def maintain_every_day(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for entry in runtime.settings.repositories:
            yield dg.RunRequest(
                run_key=f"{entry.slug}:{context.scheduled_execution_time.isoformat()}", partition_key=entry.slug
            )

    return maintain_every_day


def _purge_job(runtime: Runtime) -> dg.JobDefinition:
    days = runtime.settings.retention.runs_days

    @dg.op(
        name="purge",
        description=f"Deletes runs that ended more than {days} days ago, with their events and logs. The newest run of "
        "every asset and repository stays.",
    )
    def purge(context: dg.OpExecutionContext) -> None:
        deleted = purge_runs(context.instance, dt.timedelta(days=days))
        context.log.info(f"{deleted} runs deleted.")
        context.add_output_metadata({"runs deleted": deleted})

    @dg.job(
        name=names.PURGE_JOB,
        description=f"**Purge old runs**\n\nDeletes runs older than {days} days (`retention.runs_days`) from Dagster's "
        "own history. The process log and the sync log of the repositories stay.",
        metadata={"title": "Purge old runs"},
        run_tags={names.ACTION_TAG: "Purge old runs"},
    )
    def purge_old_runs() -> None:
        purge()

    return purge_old_runs


def purge_runs(instance: dg.DagsterInstance, age: dt.timedelta) -> int:
    """Deletes runs finished before `age`, except those of assets' newest materializations; returns how many."""
    keep = _newest_runs(instance)
    old = dg.RunsFilter(statuses=FINISHED, created_before=dt.datetime.now(dt.UTC) - age)
    doomed: list[str] = []
    cursor: str | None = None
    while runs := instance.get_runs(old, cursor=cursor, limit=PURGE_BATCH):
        cursor = runs[-1].run_id
        doomed += [run.run_id for run in runs if run.run_id not in keep]
    for run_id in doomed:
        instance.delete_run(run_id)
    return len(doomed)


def _newest_runs(instance: dg.DagsterInstance) -> set[str]:
    """Runs of the newest materialization of every asset and partition."""
    keep: set[str] = set()
    for key in instance.all_asset_keys():
        newest = list(instance.fetch_materializations(key, limit=1).records)
        partitions = instance.get_materialized_partitions(key)
        for partition in partitions:
            newest += instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1
            ).records
        keep.update(record.run_id for record in newest)
    return keep
