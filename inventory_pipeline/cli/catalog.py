"""Commands about the catalog: what it holds, why it decides, whether a site's files are right, what they change."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inventory_pipeline.cli.app import State, cli
from inventory_pipeline.errors import ConfigurationError, InventoryError

if TYPE_CHECKING:
    from inventory_pipeline.catalog.model import Catalog, Product
    from inventory_pipeline.normalization.devices import DeviceModel
    from inventory_pipeline.normalization.processors import Processor

_REPOSITORY = click.option("--repository", "-r", default="", help="Repository (default: the default inventory).")


@cli.group()
def catalog() -> None:
    """Products, vendors and rules that software is recognized by, shipped and of the site."""


@catalog.command()
@click.argument("product_id", required=False)
@click.pass_obj
def show(state: State, product_id: str | None) -> None:
    """Show what the catalog holds, or everything about one product."""
    from inventory_pipeline.catalog.inspect import counts
    from inventory_pipeline.cli.terminal import print_table

    found = state.settings.catalog.load()
    if product_id is None:
        click.echo(f"catalog {found.version}, {found.data}")
        print_table([{"what": what, "count": count} for what, count in counts(found)])
        return
    product = found.products.get(product_id)
    if product is None:
        raise InventoryError(f"there is no product {product_id!r}.", cure="Find it: inventory catalog search WORDS")
    for line in _lines_of(product, found):
        click.echo(line)


def _lines_of(product: Product, found: Catalog) -> list[str]:
    named = {
        "product": product.product_id,
        "vendor": product.vendor,
        "title": product.title,
        "origin": product.origin,
        "kind": product.kind,
        "category": product.category,
        "licensable": product.licensable,
        "part of": product.parent_product_id,
        "editions": "; ".join(product.editions),
        "titles": "; ".join(product.titles),
        "publishers": "; ".join(product.publishers),
        "product codes": "; ".join(code for code, owner in found.codes.items() if owner == product.product_id),
        "packages": "; ".join(
            sorted({n for m in (found.packages, found.linux_packages) for n, i in m.items() if i == product.product_id})
        ),
        "macOS names": "; ".join(n for n, i in found.mac_apps.items() if i == product.product_id),
        "rules": "; ".join(
            rule.rule_id for rule in (*found.site_rules, *found.rules) if rule.product_id == product.product_id
        ),
        "succeeds": "; ".join(_predecessors(product.vendor, found)),
    }
    lines = [f"{name:<14} {value}" for name, value in named.items() if value]
    for cycle in found.cycles.get(product.lifecycle, ()):
        dates = f"released {cycle.release_date or '?'}, supported until {cycle.end_of_support or 'now'}"
        lines.append(f"{'release':<14} {cycle.label or cycle.cycle}: {dates}")
    return lines


def _predecessors(vendor: str, found: Catalog) -> list[str]:
    from inventory_pipeline.catalog.vendors import successions

    return [
        f"{s.predecessor} ({s.how}{f', {s.year}' if s.year else ''})"
        for s in successions(found.data)
        if s.vendor == vendor
    ]


@catalog.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", "-n", default=20, show_default=True, help="Products to show.")
@click.pass_obj
def search(state: State, words: tuple[str, ...], limit: int) -> None:
    """Find products, a Microsoft licence by its part number, or a build of Windows."""
    from inventory_pipeline.catalog.inspect import microsoft_skus, windows_release
    from inventory_pipeline.catalog.inspect import search as find
    from inventory_pipeline.cli.terminal import print_table

    query = " ".join(words)
    found = state.settings.catalog.load()
    skus = microsoft_skus(found.data)
    sku = skus.get(query.upper()) or skus.get(query.lower())
    if sku:
        click.echo(f"licence        {sku.part_number}: {sku.name} ({sku.sku_id})")
    release = windows_release(found, query)
    if release:
        click.echo(f"build          {query}: {release}")
    rows = [
        {"product": p.product_id, "vendor": p.vendor, "title": p.title, "origin": p.origin, "licensable": p.licensable}
        for p in find(found, query, limit)
    ]
    if rows or not (sku or release):
        print_table(rows, empty="No product has these words.")


@catalog.command()
@click.argument("title")
@click.option("--publisher", "-p", default="", help="Publisher as the source states it.")
@click.option("--version", "version_text", default="", help="Version as the source states it.")
@click.option("--product-code", default="", help="MSI product code or uninstall key.")
@click.option("--package-family", default="", help="AppX package family, bundle identifier or package name.")
@click.option("--origin", default="", help="Origin, such as registry, rpm, deb or app bundle.")
@click.pass_obj
def explain(
    state: State, title: str, publisher: str, version_text: str, product_code: str, package_family: str, origin: str
) -> None:
    """Say what a title is taken for and why: by rules, and what auto-curation would say."""
    import pyarrow as pa

    from inventory_pipeline.normalization.software import normalize_software

    stated = {
        "software_key": "1",
        "title": title,
        "publisher": publisher,
        "version": version_text,
        "product_code": product_code,
        "package_family": package_family,
        "origin": origin,
    }
    curation = state.settings.curation_for(run_ai_action=True)
    decided = normalize_software(
        pa.table({name: [value or None] for name, value in stated.items()}), state.settings.catalog.load(), curation
    ).to_pylist()[0]
    for name, value in decided.items():
        if value not in (None, "") and name != "software_key":
            click.echo(f"{name.replace('_', ' '):<18} {value}")


@catalog.command()
@click.argument("model")
@click.option("--manufacturer", "-m", default="", help="Manufacturer as the source states it.")
@click.option("--chassis-type", default="", help="Chassis type: number of SMBIOS, or a word.")
@click.pass_obj
def device(state: State, model: str, manufacturer: str, chassis_type: str) -> None:
    """Say what a device model is taken for: vendor, device type, family, model."""
    from inventory_pipeline.normalization.devices import normalize_model

    _print_fields(normalize_model(manufacturer, model, chassis_type, rules=state.settings.catalog.load().model_rules))


@catalog.command()
@click.argument("name")
@click.option("--vendor", default="", help="Vendor as the source states it.")
@click.pass_obj
def processor(state: State, name: str, vendor: str) -> None:
    """Say what a processor's brand string is taken for: vendor, family, model, cores per socket."""
    from inventory_pipeline.normalization.processors import by_site_rules, normalize_processor

    _print_fields(by_site_rules(normalize_processor(vendor, name), name, state.settings.catalog.load().processor_rules))


def _print_fields(found: DeviceModel | Processor) -> None:
    for name, value in asdict(found).items():
        if value not in (None, ""):
            click.echo(f"{name.replace('_', ' '):<18} {value}")


@catalog.command()
@click.pass_obj
def check(state: State) -> None:
    """Check the site's rules and products: every mistake with its line, and what is valid but hardly meant."""
    from inventory_pipeline.catalog.inspect import warnings
    from inventory_pipeline.catalog.loader import load_catalog

    settings = state.settings.catalog
    found = settings.load()
    said = list(warnings(found, load_catalog(None, found.data)))
    for line in said:
        click.echo(line)
    own = sum(product.origin == "site" for product in found.products.values())
    click.echo(f"{own:,} site products and {len(found.site_rules):,} site rules are usable; {len(said):,} remarks.")
    if found.model_rules:
        click.echo(f"{len(found.model_rules):,} rules about device models are usable.")
    if found.processor_rules:
        click.echo(f"{len(found.processor_rules):,} rules about processors are usable.")


@catalog.command("test")
@click.option("--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Rules to try.")
@click.option("--products", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Products to try.")
@click.option("--limit", "-n", default=20, show_default=True, help="Changes to show.")
@_REPOSITORY
@click.pass_obj
def try_files(state: State, rules: Path | None, products: Path | None, limit: int, repository: str) -> None:
    """Show what site rules would change before they are used: files given here instead of the site's own, or, without
    any, the site's files beside the newest release."""
    from inventory_pipeline.catalog.loader import load_catalog
    from inventory_pipeline.catalog.trial_folder import with_files
    from inventory_pipeline.cli.curation import print_changes, statements_of
    from inventory_pipeline.normalization.trial import try_rules

    settings = state.settings.catalog
    current = settings.load()
    if rules or products:
        before, after = current, with_files(settings.site_folder, rules, products, current.data)
    else:
        before, after = load_catalog(None, current.data), current
    trial = try_rules(statements_of(state, repository), before, after)
    print_changes(trial.changes, trial.statements, limit)
    unused = [rule_id for rule_id, hits in trial.rule_hits.items() if not hits]
    if unused:
        click.echo(f"Rules that decide nothing: {', '.join(unused[:limit])}.")


@catalog.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--force", is_flag=True, help="Also when site rules would lose their products.")
@click.pass_obj
def update(state: State, source: Path, force: bool) -> None:
    """Take a newer build of the catalog from SOURCE: a folder, .zip or .tar.gz. Site files stay as they are."""
    from inventory_pipeline.catalog.updating import update_build

    settings = state.settings.catalog
    if settings.build_folder is None:
        raise ConfigurationError(
            "there is no folder for builds of the catalog.",
            subject=str(state.settings.path),
            cure="Add `build_folder: catalog-build` under `catalog`.",
        )
    outcome = update_build(source, settings.build_folder, settings.site_folder, settings.load(), force=force)
    click.echo(
        f"catalog {outcome.before} -> {outcome.after}: {outcome.added:,} products added, {outcome.removed:,} removed, "
        f"{outcome.changed:,} changed. Next: inventory consolidate"
    )


@catalog.command()
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
def build(sources: Path, output: Path) -> None:
    """Build the catalog from a folder of open SOURCES into OUTPUT, for `inventory catalog update`."""
    from inventory_pipeline.catalog.build import main

    try:
        main(sources, output)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{error.filename} is missing.", subject=str(sources), cure="See LICENSES.md for the sources."
        ) from None
