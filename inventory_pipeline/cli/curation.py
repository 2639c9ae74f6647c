"""Commands about unidentified software: the work list, its way through a spreadsheet, and back as site rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inventory_pipeline.cli.app import State, cli
from inventory_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from inventory_pipeline.normalization.curation.learning import Verdict
    from inventory_pipeline.normalization.trial import Change
    from inventory_pipeline.normalization.worklist import Entry

_REPOSITORY = click.option("--repository", "-r", default="", help="Repository (default: the default inventory).")
_SHOWN = 20


@cli.group()
def unidentified() -> None:
    """Software that no rule decides: list it, take it to a spreadsheet."""


@unidentified.command("list")
@_REPOSITORY
@click.option("--limit", "-n", default=_SHOWN, show_default=True, help="Entries to show, most installed first.")
@click.pass_obj
def list_entries(state: State, repository: str, limit: int) -> None:
    """List what is unidentified, most installed first, with suggestions."""
    from inventory_pipeline.cli.terminal import print_table

    entries = _entries(state, repository)
    print_table(
        [
            {
                "devices": entry.devices,
                "installs": entry.installs,
                "publisher": entry.publisher,
                "title": entry.titles[0],
                "suggestion": " / ".join(p for p in (entry.suggestion_vendor, entry.suggestion_title) if p),
                "confidence": f"{entry.confidence:.2f}",
            }
            for entry in entries[:limit]
        ],
        empty="Everything is identified.",
    )
    if len(entries) > limit:
        click.echo(f"{len(entries) - limit:,} more; all with reasons: inventory unidentified export FILE.csv")


@unidentified.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_REPOSITORY
@click.option("--limit", "-n", type=int, default=None, help="Only so many entries, most installed first.")
@click.pass_obj
def export(state: State, file: Path, repository: str, limit: int | None) -> None:
    """Write the work list to FILE for a spreadsheet: fill `action` there, then `inventory accept FILE`."""
    from inventory_pipeline.normalization.worklist import sheet

    entries = _entries(state, repository)[:limit]
    try:
        file.write_bytes(sheet(entries))
    except OSError as error:
        raise ConfigurationError(f"cannot be written ({error.strerror}).", subject=str(file)) from None
    click.echo(f"{file}: {len(entries):,} entries. Fill the column action, then: inventory accept {file}")


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_REPOSITORY
@click.option("--dry-run", is_flag=True, help="Show what would be written and what it would change; write nothing.")
@click.pass_obj
def accept(state: State, file: Path, repository: str, dry_run: bool) -> None:
    """Make site rules and products of a work list that was filled in (`inventory unidentified export`)."""
    from inventory_pipeline.catalog.reading import read_rows
    from inventory_pipeline.catalog.site_files import checked, with_rows, write_files
    from inventory_pipeline.normalization.accepting import read_accepted
    from inventory_pipeline.normalization.trial import try_rules

    settings = state.settings.catalog
    if settings.site_folder is None:
        raise ConfigurationError(
            "there is no folder for site rules.",
            subject=str(state.settings.path),
            cure="Add `catalog: {site_folder: catalog}` and create that folder.",
        )
    folder = settings.site_folder
    folder.mkdir(parents=True, exist_ok=True)
    before = settings.load()
    entries = {entry.key: entry for entry in _entries(state, repository)}
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    made = read_accepted(read_rows(file), entries, before, today)
    files = with_rows(folder, {"site_products": made.products, "site_rules": made.rules})
    after = checked(folder, files, before.data) if files else before
    for note in made.notes:
        click.echo(note)
    click.echo(
        f"{made.accepted:,} accepted, {made.corrected:,} corrected, {made.ignored:,} ignored: "
        f"{len(made.rules):,} rules, {len(made.products):,} new products."
    )
    if not files:
        return
    trial = try_rules(statements_of(state, repository), before, after)
    print_changes(trial.changes, trial.statements)
    if dry_run:
        click.echo("Nothing was written.")
        return
    write_files({**files, **_feedback(folder, made.verdicts, today)})
    click.echo(f"Written: {', '.join(str(path) for path in files)}. Next: inventory consolidate")


def print_changes(changes: Sequence[Change], statements: int, limit: int = _SHOWN) -> None:
    """What rules would change, most devices first."""
    from inventory_pipeline.cli.terminal import print_table

    click.echo(f"{len(changes):,} of {statements:,} distinct statements change.")
    print_table(
        [
            {
                "devices": change.devices,
                "publisher": change.publisher,
                "title": change.title,
                "before": change.before,
                "after": change.after,
                "rule": change.rule_id,
            }
            for change in changes[:limit]
        ],
        empty="Nothing changes.",
    )
    if len(changes) > limit:
        click.echo(f"{len(changes) - limit:,} more.")


def statements_of(state: State, repository: str) -> list[dict[str, Any]]:
    """Rows of `software_decision` of the newest release."""
    query = "select * from software_decision where records > 0 order by software_id"
    return state.inventory.repository(repository).sql(query).arrow().to_pylist()


def _entries(state: State, repository: str) -> list[Entry]:
    from inventory_pipeline.normalization.worklist import work_list

    query = "select * from unidentified_software order by software_id"
    return work_list(state.inventory.repository(repository).sql(query).arrow().to_pylist())


def _feedback(folder: Path, verdicts: Mapping[str, Verdict], today: str) -> dict[Path, bytes]:
    """The file of verdicts with further ones; curation learns from it how sure to be."""
    from inventory_pipeline.normalization.curation.learning import FEEDBACK_FILE, with_verdicts

    path = folder / FEEDBACK_FILE
    before = path.read_bytes() if path.is_file() else b""
    return {path: with_verdicts(before, verdicts, today)} if verdicts else {}
