"""Commands that read: summary, report, logs, tables, explanations, exports."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_pipeline.cli.app import State, cli
from inventory_pipeline.errors import InventoryError

if TYPE_CHECKING:
    from inventory_pipeline.repository.release import Release

FORMATS = ("csv", "tsv", "parquet", "xlsx", "duckdb")
_REPOSITORY = click.option("--repository", "-r", default="", help="Repository (default: the default inventory).")
_AS_OF = click.option("--as-of", metavar="TIME", help="The newest release at that time (UTC).")
_RELEASE = click.option("--release", "release_id", metavar="ID", help="A release by its id.")


@cli.command()
@_REPOSITORY
@_AS_OF
@click.pass_obj
def summary(state: State, repository: str, as_of: str | None) -> None:
    """Print the summary of a release: headline figures, normalization, freshness, next step."""
    from inventory_pipeline.report.text import summary_text

    reader = state.inventory.repository(repository)
    release = reader.release(as_of=as_of)
    click.echo(summary_text(release, reader.title, database=_database(state, reader.slug)))


@cli.command()
@_REPOSITORY
@_AS_OF
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), default=Path("inventory-report.html"))
@click.pass_obj
def report(state: State, repository: str, as_of: str | None, output: Path) -> None:
    """Write the summary of a release as one self-contained HTML page."""
    from inventory_pipeline.report.page import write_page

    reader = state.inventory.repository(repository)
    click.echo(str(write_page(reader.release(as_of=as_of), reader.title, output)))


@cli.command()
@click.option("--repository", "-r", help="Only this repository (default: all; for --sync the default inventory).")
@click.option("--sync", "sync_log", is_flag=True, help="The sync log: what every sync changed, by table.")
@click.option("--connector", default=None, help="Only this connector (sync log).")
@click.option("--limit", "-n", default=20, show_default=True, help="Newest entries to show.")
@click.pass_obj
def log(state: State, repository: str | None, sync_log: bool, connector: str | None, limit: int) -> None:
    """Print the process log, or with --sync the sync log."""
    from inventory_pipeline.cli.terminal import print_table

    if sync_log or connector:
        slug = state.settings.connector(connector).slug if connector else None
        columns = ("ended_at", "connector", "table_name", "status", "rows_read", "added", "changed", "removed")
        columns += ("unchanged", "rejected", "rows_total")
        found = state.inventory.repository(repository or "").sync_log(slug, limit=limit)
    else:
        columns = ("started_at", "title", "repository", "status", "duration_seconds", "message")
        opened = state.inventory
        found = opened.repository(repository).process_log(limit) if repository else opened.process_log(limit)
    print_table(found.select(columns).to_pylist(), empty="Nothing has run yet.")


@cli.command()
@_REPOSITORY
@click.pass_obj
def freshness(state: State, repository: str) -> None:
    """Print how complete and how recent the data of every connector is."""
    from inventory_pipeline.cli.terminal import print_table

    columns = ("connector", "category", "last_attempt", "last_status", "last_success", "rows_total")
    columns += ("added", "changed", "removed", "rejected")
    rows = state.inventory.repository(repository).freshness().select(columns).to_pylist()
    print_table(rows, empty="Nothing has been synced yet.")


@cli.command()
@_REPOSITORY
@click.pass_obj
def releases(state: State, repository: str) -> None:
    """List the releases that can be read."""
    from inventory_pipeline.cli.terminal import print_table

    found = state.inventory.repository(repository).releases()
    rows = [
        {
            "release": release.id,
            "published_at": release.published_at,
            "devices": release.tables.get("device"),
            "products": release.tables.get("product"),
            "installations": release.tables.get("installation"),
        }
        for release in found
    ]
    print_table(rows, empty="No release has been published yet.")


@cli.command()
@click.argument("table", required=False)
@_REPOSITORY
@_AS_OF
@_RELEASE
@click.pass_obj
def tables(state: State, table: str | None, repository: str, as_of: str | None, release_id: str | None) -> None:
    """List the tables of a release, or the columns of one."""
    from inventory_pipeline.cli.terminal import print_table
    from inventory_pipeline.consolidation.tables import RELEASE_TABLES

    if table:
        if table not in RELEASE_TABLES:
            raise InventoryError(f"there is no table {table!r}.", cure=f"Tables: {', '.join(RELEASE_TABLES)}.")
        columns = RELEASE_TABLES[table].columns
        print_table([{"column": c.name, "type": str(c.type), "meaning": c.doc} for c in columns])
        return
    counts = state.inventory.repository(repository).release(release_id, as_of=as_of).tables
    print_table(
        [
            {"table": name, "rows": rows, "what": RELEASE_TABLES[name].doc if name in RELEASE_TABLES else ""}
            for name, rows in sorted(counts.items())
        ]
    )


@cli.command()
@click.argument("query")
@_REPOSITORY
@_AS_OF
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV instead of a table.")
@click.pass_obj
def sql(state: State, query: str, repository: str, as_of: str | None, as_csv: bool) -> None:
    """Run a query over the tables of a release, such as "select os_name, count(*) from device group by 1"."""
    import duckdb

    from inventory_pipeline.cli.terminal import cell, print_table

    try:
        rows = state.inventory.repository(repository).sql(query, as_of=as_of).arrow()
    except duckdb.Error as error:
        raise InventoryError(str(error).split("\n\n")[0]) from None
    if not as_csv:
        print_table(rows.to_pylist())
        return
    writer = csv.writer(sys.stdout)
    writer.writerow(rows.column_names)
    for row in rows.to_pylist():
        writer.writerow(value if isinstance(value, int | float) else cell(value) for value in row.values())


@cli.command()
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--format", "-f", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), default=Path("inventory-export"))
@_REPOSITORY
@_AS_OF
@_RELEASE
@click.pass_obj
def export(
    state: State,
    names: tuple[str, ...],
    form: str,
    output: Path,
    repository: str,
    as_of: str | None,
    release_id: str | None,
) -> None:
    """Export tables of a release (default: all) with a manifest. Formulas are neutralized for spreadsheets."""
    from inventory_pipeline.repository.export import export as write

    release = state.inventory.repository(repository).release(release_id, as_of=as_of)
    for path in write(release, names or None, output, form):
        click.echo(str(path))


@cli.group()
def explain() -> None:
    """Say why: which records make a device, which rule decided a product."""


@explain.command("device")
@click.argument("query")
@_REPOSITORY
@click.option("--json", "as_json", is_flag=True, help="Structured instead of text.")
@click.pass_obj
def explain_device(state: State, query: str, repository: str, as_json: bool) -> None:
    """Explain a device, given by name, serial number, id or a source's key."""
    from inventory_pipeline.consolidation.explain import explain_device as explained

    _show(explained(_release(state, repository), query), as_json)


@explain.command("product")
@click.argument("query")
@_REPOSITORY
@click.option("--json", "as_json", is_flag=True, help="Structured instead of text.")
@click.pass_obj
def explain_product(state: State, query: str, repository: str, as_json: bool) -> None:
    """Explain a product or a raw title: what was decided, by which rule, how surely."""
    from inventory_pipeline.consolidation.explain import explain_product as explained

    _show(explained(_release(state, repository), query), as_json)


def _release(state: State, repository: str) -> Release:
    return state.inventory.repository(repository).release()


def _show(explanation: object, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(getattr(explanation, "data", explanation), indent=2, default=str))
    else:
        click.echo(getattr(explanation, "text", str(explanation)))


def _database(state: State, slug: str) -> str:
    url = state.settings.data_url
    return "" if "://" in url else str(Path(url) / slug / "inventory.duckdb")
