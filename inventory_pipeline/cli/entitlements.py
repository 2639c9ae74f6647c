"""Commands about entitlements: drafts and what is doubtful about them, publishing, license position, a template."""

from __future__ import annotations

from pathlib import Path

import click

from inventory_pipeline.cli.app import ActionFailed, State, cli
from inventory_pipeline.errors import ConfigurationError

_REPOSITORY = click.option("--repository", "-r", default="", help="Entitlement repository (default: the default one).")
_SHOWN = ("entitlement_id", "entitlement_type", "identifier", "vendor", "title", "quantity", "start_date", "end_date")


@cli.group()
def entitlements() -> None:
    """Drafts of licences, maintenance and agreements; publish them; see owned beside installed."""


@entitlements.command()
@_REPOSITORY
@click.option("--all", "every", is_flag=True, help="Also the drafts about which nothing is doubtful.")
@click.pass_obj
def drafts(state: State, repository: str, every: bool) -> None:
    """List drafts with their caveats, as the files state them now."""
    from inventory_pipeline.cli.terminal import print_table

    slug = state.settings.repository(repository, kind="entitlement").slug
    reader = state.inventory.repository(slug)
    caveats: dict[str, list[str]] = {}
    for row in reader.raw("entitlement_caveat").arrow().to_pylist():
        caveats.setdefault(row["entitlement_id"], []).append(f"{row['severity']}: {row['message']}")
    rows = reader.raw("entitlement").arrow().to_pylist()
    shown = [
        {**{name: row[name] for name in _SHOWN}, "caveats": " ".join(sorted(caveats.get(row["entitlement_id"], ())))}
        for row in rows
        if every or row["entitlement_id"] in caveats
    ]
    print_table(shown, empty="Nothing is doubtful." if rows else "There are no drafts.")


@entitlements.command()
@_REPOSITORY
@click.pass_obj
def publish(state: State, repository: str) -> None:
    """Publish the drafts that have no errors."""
    entry = state.settings.repository(repository, kind="entitlement")
    outcome = state.inventory.publish_entitlements(entry.slug)
    if not outcome.success:
        raise ActionFailed(outcome.message)
    click.echo(f"published  {entry.name}: {' '.join(outcome.lines)}")


@entitlements.command()
@click.option("--repository", "-r", default="", help="Inventory repository (default: the default one).")
@click.option("--all", "every", is_flag=True, help="Also products without entitlement.")
@click.pass_obj
def position(state: State, repository: str, every: bool) -> None:
    """Owned, installed, used and the difference per product, of the newest release."""
    from inventory_pipeline.cli.terminal import print_table

    where = "" if every else "where licenses + licenses_not_valid > 0 or maintenance_until is not null"
    query = (
        "select vendor, title, counted_by, owned, installed, devices_used, devices_unused, difference, "
        f"maintenance_until from license_position {where} order by difference, vendor, title"
    )
    rows = state.inventory.repository(repository).sql(query).arrow().to_pylist()
    print_table(rows, empty="No entitlement has been set beside a product yet.")


@entitlements.command()
@click.argument("connector")
@click.pass_obj
def export(state: State, connector: str) -> None:
    """Export the entitlements of CONNECTOR (AppClarity) into a file to be reviewed and imported."""
    outcome = state.inventory.export(connector)
    if not outcome.success:
        raise ActionFailed(outcome.message)
    click.echo("\n".join([*(f"written    {path}" for path in outcome.report.files), *outcome.lines]))


@entitlements.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("entitlements"))
def template(folder: Path) -> None:
    """Write an example file with all headings into FOLDER."""
    from inventory_pipeline.connectors.entitlement_file import write_entitlement_template

    try:
        click.echo(f"{write_entitlement_template(folder)} written.")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({error.strerror}).") from None
