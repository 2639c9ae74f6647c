"""Commands that do something to the inventory: test, sync, consolidate, maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from inventory_pipeline.cli.app import ActionFailed, State, cli, verbose_option
from inventory_pipeline.errors import ConfigurationError, SyncHeld

if TYPE_CHECKING:
    from inventory_pipeline.connectors.base import TestReport
    from inventory_pipeline.repository.sync_report import SyncReport


@cli.command()
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...")
@click.option("--all", "every", is_flag=True, help="Test all connectors.")
@verbose_option
@click.pass_obj
def test(state: State, connectors: tuple[str, ...], every: bool) -> None:
    """Test connectors: connect and check what each category needs. Changes nothing."""
    from inventory_pipeline.cli.terminal import out, progress

    failed = 0
    for slug in _chosen(state, connectors, every):
        entry = state.settings.connector(slug)
        with progress(f"Testing {entry.name} ...", verbose=state.verbose):
            outcome = state.inventory.test(slug)
        out().print(f"{'passed' if outcome.success else 'FAILED'}  {entry.name}", markup=False)
        if outcome.report is None:
            out().print(_indented(outcome.message), markup=False)
        elif state.verbose or not outcome.success:
            _print_checks(outcome.report)
        failed += not outcome.success
    if failed:
        raise ActionFailed("")


def _print_checks(report: TestReport) -> None:
    from inventory_pipeline.cli.terminal import out

    for group, checks in report.checks.items():
        for check in checks:
            mark = "ok    " if check.passed else "failed"
            cure = f" {check.cure}" if check.cure and not check.passed else ""
            out().print(f"    {mark}  {group}: {check.message}{cure}", markup=False)


@cli.command()
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...")
@click.option("--all", "every", is_flag=True, help="Sync all connectors that are switched on.")
@click.option("--repository", "-r", default="", help="Repository to sync into (default: the default one).")
@click.option("--clean", is_flag=True, help="Replace all that the connector brought before.")
@click.option("--data", metavar="CATEGORIES", help="Data to sync, separated by commas: device,software ...")
@click.option("--dry-run", is_flag=True, help="Report what would change and commit nothing.")
@click.option("--accept-shrink", is_flag=True, help="Approve a sync that was held because it would remove much.")
@click.option("--run-ai-action", is_flag=True, help="Ask the next consolidation for auto-curation.")
@click.option("--consolidate", is_flag=True, help="Consolidate afterwards.")
@verbose_option
@click.pass_obj
def sync(
    state: State,
    connectors: tuple[str, ...],
    every: bool,
    repository: str,
    clean: bool,
    data: str | None,
    dry_run: bool,
    accept_shrink: bool,
    run_ai_action: bool,
    consolidate: bool,
) -> None:
    """Sync Data: bring what is new, changed or gone at the sources into a repository."""
    options: dict[str, Any] = {
        "clean_sync": clean,
        "dry_run": dry_run,
        "accept_shrink": accept_shrink,
        "run_ai_action": run_ai_action,
    }
    if data is not None:
        options["data_to_sync"] = [item.strip() for item in data.split(",") if item.strip()]
    endings = [_sync_one(state, slug, repository, options) for slug in _chosen(state, connectors, every, enabled=True)]
    if consolidate and not dry_run:
        _consolidate(state, repository, run_ai_action)
    if "failed" in endings:
        raise ActionFailed("")
    if "held" in endings:
        raise SyncHeld("nothing was changed by what was held; --accept-shrink approves it.")


def _sync_one(state: State, slug: str, repository: str, options: dict[str, Any]) -> str:
    """Syncs one connector and prints how it went; returns `done`, `held` or `failed`."""
    from inventory_pipeline.cli.terminal import out, progress

    entry = state.settings.connector(slug)
    if entry.error:
        out().print(f"FAILED     {entry.name}\n{_indented(entry.error)}", markup=False)
        return "failed"
    with progress(f"Syncing {entry.name} ...", verbose=state.verbose):
        outcome = state.inventory.sync(slug, repository, **options)
    if outcome.report is None:
        ending = "held" if outcome.held else "failed"
        out().print(f"{ending.upper():<10} {entry.name}\n{_indented(outcome.message)}", markup=False)
        return ending
    _print_report(entry.name, outcome.report, verbose=state.verbose or options["dry_run"])
    return "done"


def _print_report(name: str, report: SyncReport, *, verbose: bool) -> None:
    from inventory_pipeline.cli.terminal import out, print_table

    seconds = (report.ended_at - report.started_at).total_seconds()
    out().print(f"{report.status.replace('_', ' '):<10} {name}: {report.message} ({seconds:.1f} s)", markup=False)
    for problem in report.problems:
        out().print(f"    would not be committed: {problem}", markup=False)
    if verbose:
        figures = ("rows_read", "added", "changed", "removed", "unchanged", "rejected", "rows_total")
        print_table([{"table": log.table, **{f: getattr(log, f) for f in figures}} for log in report.tables])
        for log in report.tables:
            for note in log.notes:
                out().print(f"    {log.table}: {note}", markup=False)


@cli.command()
@click.option("--repository", "-r", default="", help="Repository to consolidate (default: the default inventory).")
@click.option("--run-ai-action", is_flag=True, help="Auto-curation of software that no rule decides.")
@verbose_option
@click.pass_obj
def consolidate(state: State, repository: str, run_ai_action: bool) -> None:
    """Generate Report - Basic Inventory Consolidation: normalize, match, check and publish one release."""
    _consolidate(state, repository, run_ai_action)


def _consolidate(state: State, repository: str, run_ai_action: bool) -> None:
    from inventory_pipeline.cli.terminal import out, progress

    entry = state.settings.repository(repository)
    with progress(f"Consolidating {entry.name} ...", verbose=state.verbose):
        outcome = state.inventory.consolidate(repository, run_ai_action=run_ai_action)
    if not outcome.success or outcome.release is None:
        named = outcome.message.startswith(f"{entry.name}:")
        raise ActionFailed(outcome.message, subject="" if named else entry.name)
    rows = outcome.release.tables
    out().print(
        f"published  {entry.name}: release {outcome.release.id}, {rows.get('device', 0):,} devices, "
        f"{rows.get('product', 0):,} products, {rows.get('installation', 0):,} installations.",
        markup=False,
    )


@cli.command()
@click.option("--repository", "-r", default="", help="Only this repository (default: all).")
@verbose_option
@click.pass_obj
def maintenance(state: State, repository: str) -> None:
    """Fold small syncs together, apply retention, sweep files that nothing refers to."""
    from inventory_pipeline.cli.terminal import out, progress

    chosen = [state.settings.repository(repository)] if repository else list(state.settings.repositories)
    for entry in chosen:
        with progress(f"Maintaining {entry.name} ...", verbose=state.verbose):
            outcome = state.inventory.maintain(entry.slug)
        if not outcome.success:
            raise ActionFailed(outcome.message, subject=entry.name)
        out().print(f"done       {entry.name}: {' '.join(outcome.lines) or 'nothing to do.'}", markup=False)


def _chosen(state: State, connectors: tuple[str, ...], every: bool, *, enabled: bool = False) -> list[str]:
    if bool(connectors) == every:
        known = ", ".join(entry.slug for entry in state.settings.connectors) or "none is configured"
        raise click.UsageError(f"Name connectors, or give --all. Connectors: {known}.")
    if connectors:
        return [state.settings.connector(name).slug for name in connectors]
    # What cannot be used is chosen, too, so that it is told; what only exports has nothing to sync.
    chosen = [
        entry.slug
        for entry in state.settings.connectors
        if not enabled or (entry.options.enabled and (entry.error or entry.categories))
    ]
    if not chosen:
        raise ConfigurationError("no connector is configured.", subject=state.settings.path.name)
    return chosen


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
