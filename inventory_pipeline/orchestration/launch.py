"""Launches the same jobs that the UI shows, in this process, with their runs in the same history."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.orchestration import names
from inventory_pipeline.orchestration.build import build_definitions
from inventory_pipeline.orchestration.connectors import sync_run_config
from inventory_pipeline.orchestration.failures import stacks_as_before
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.settings import Settings
from inventory_pipeline.settings.models import RepositoryKind

INSTANCE_FILE = "dagster.yaml"
SHIPPED_INSTANCE_FILE = Path(__file__).with_name("dagster.yaml")
SHIPPED_WORKSPACE_FILE = Path(__file__).with_name("workspace.yaml")
# By this tag the UI knows that a run belongs to a job of the code location in workspace.yaml.
LOCATION_TAGS = {".dagster/repository": "__repository__@inventory_pipeline"}


@dataclass(frozen=True, slots=True)
class Launched:
    """How a run ended. `message` is why it failed; `result` is what the action handed back, in its own type."""

    run_id: str
    success: bool
    message: str = ""
    result: Any = None


def dagster_home(settings: Settings) -> Path:
    """Where Dagster keeps runs: DAGSTER_HOME, else beside the data. Made when it is not there."""
    home = Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home).expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / INSTANCE_FILE).exists():
            shutil.copyfile(SHIPPED_INSTANCE_FILE, home / INSTANCE_FILE)
    except OSError as error:
        raise ConfigurationError(
            f"{home} cannot be written ({error.strerror}).", cure="Set DAGSTER_HOME to a folder that can."
        ) from None
    return home


class Launcher:
    """Launches actions of one configuration; instance and definitions are made once and used for all of them."""

    def __init__(self, settings: Settings, runtime: Runtime | None = None) -> None:
        self.settings = settings
        self.runtime = runtime or Runtime(settings)

    @cached_property
    def instance(self) -> dg.DagsterInstance:
        """The persistent Dagster instance."""
        return dg.DagsterInstance.from_config(str(dagster_home(self.settings)))

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The definitions, silent on the terminal."""
        return build_definitions(self.settings, runtime=self.runtime, console=False)

    def sync(self, connector: str, repository: str = "", **options: Any) -> Launched:
        """`Sync Data - <connector>` into a repository (default: the default one of the connector's kind).

        `options` are those of the Launchpad: clean_sync, data_to_sync, run_ai_action, dry_run, accept_shrink,
        run_consolidation_reports; those not given keep the connector's default. The result is a SyncReport.

        Raises:
            ConfigurationError: no such connector or repository, or the connector's entry is not usable.
        """
        entry = self.settings.connector(connector)
        entry.require()
        if not entry.options.enabled:
            raise ConfigurationError("the connector is switched off.", subject=entry.name, cure="Set `enabled: true`.")
        if not entry.categories:
            raise ConfigurationError(
                "it fills no repository.", subject=entry.name, cure=f"Run `inventory entitlements export {entry.slug}`."
            )
        if wrong := [c for c in options.get("data_to_sync") or () if c not in entry.categories]:
            raise ConfigurationError(
                f"it does not bring {', '.join(map(str, wrong))}.",
                subject=entry.name,
                cure=f"It brings {', '.join(entry.categories)}.",
            )
        slug = self.settings.repository(repository, kind=entry.kind).slug
        return self.run(names.sync_job(entry.slug), sync_run_config(entry, options), slug)

    def export(self, connector: str) -> Launched:
        """`Export Entitlements - <connector>`. The result is what was Exported.

        Raises:
            ConfigurationError: no such connector, its entry is not usable, or it exports nothing.
        """
        entry = self.settings.connector(connector)
        found = entry.require()
        if not found.exports:
            raise ConfigurationError("it exports nothing.", subject=entry.name, cure="Sync it instead.")
        if not entry.options.enabled:
            raise ConfigurationError("the connector is switched off.", subject=entry.name, cure="Set `enabled: true`.")
        return self.run(names.export_job(entry.slug))

    def test(self, connector: str) -> Launched:
        """`Test - <connector>`. The result is a TestReport; None when the entry is not usable."""
        entry = self.settings.connector(connector)
        return self.run(names.connector_test_job(entry.slug))

    def consolidate(self, repository: str = "", *, run_ai_action: bool = False) -> Launched:
        """`Generate Report - Basic Inventory Consolidation`. The result is the Release."""
        slug = self._of_kind(repository, "inventory")
        config = {"ops": {names.CONSOLIDATION_OP: {"config": {"run_ai_action": run_ai_action}}}}
        return self.run(names.CONSOLIDATION_JOB, config, slug)

    def publish_entitlements(self, repository: str = "") -> Launched:
        """`Publish Entitlements`. The result is the Release, and how clean the drafts were (`Drafts`)."""
        slug = self._of_kind(repository, "entitlement")
        return self.run(names.PUBLISH_ENTITLEMENTS_JOB, repository=slug)

    def maintain(self, repository: str = "") -> Launched:
        """`Maintain repository`. The result is a list of what was done."""
        return self.run(names.MAINTAIN_JOB, repository=self.settings.repository(repository).slug)

    def change_repository(self, verb: str, repository: str) -> Launched:
        """`Archive`, `Restore` or `Clear repository`; the confirmation is given by calling this."""
        slug = self.settings.repository(repository).slug
        return self.run(names.repository_job(verb), {"ops": {verb: {"config": {"confirm": slug}}}}, slug)

    def _of_kind(self, name: str, kind: RepositoryKind) -> str:
        entry = self.settings.repository(name, kind=kind)
        if entry.kind != kind:
            known = ", ".join(other.slug for other in self.settings.repositories if other.kind == kind)
            raise ConfigurationError(
                f"repository {entry.slug} holds {entry.kind}, not {kind}.", cure=f"Choose from: {known or 'none'}."
            )
        return entry.slug

    def run(self, job: str, run_config: Mapping[str, Any] | None = None, repository: str | None = None) -> Launched:
        """Runs a job here and now; `repository` is the partition, for jobs that have them."""
        # Naming the logger is what makes Dagster use ours, which is silent, instead of its own on standard error.
        config = {**(run_config or {}), "loggers": {"console": {"config": {}}}}
        with warnings.catch_warnings(), stacks_as_before():
            warnings.simplefilter("ignore")
            definition = self.definitions.resolve_job_def(job)
            outcome = definition.execute_in_process(
                run_config=config,
                instance=self.instance,
                partition_key=repository,
                raise_on_error=False,
                tags=LOCATION_TAGS,
            )
        result = self.runtime.results.pop(outcome.run_id, None)
        return Launched(outcome.run_id, *_verdict(outcome), result)


def _verdict(outcome: dg.ExecuteInProcessResult) -> tuple[bool, str]:
    for event in outcome.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None and data.user_failure_data.description:
                return False, data.user_failure_data.description
            return False, data.error.message.strip() if data.error else "The step failed."
    checks = outcome.get_asset_check_evaluations()
    failed = [check for check in checks if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR]
    if failed:
        return False, "\n".join(check.description or check.check_name for check in failed)
    return outcome.success, "" if outcome.success else "The run failed."
