"""The command line: groups, options that all commands share, and errors as one message."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import click

from inventory_pipeline.errors import ConfigurationError, InventoryError, SyncHeld

if TYPE_CHECKING:
    from inventory_pipeline.api import Inventory
    from inventory_pipeline.settings import Settings

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2
EXIT_HELD = 3
EXIT_INTERRUPTED = 130


class ActionFailed(InventoryError):
    """An action that was launched has failed; what there was to say is said already."""


@dataclass
class State:
    """What commands share."""

    config: str | None = None
    verbose: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The configuration."""
        from inventory_pipeline.settings import load_settings

        return load_settings(self.config)

    @cached_property
    def inventory(self) -> Inventory:
        """The opened inventory."""
        from inventory_pipeline.api import Inventory

        return Inventory(self.settings)


def _more_words(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.obj.verbose = context.obj.verbose or value


verbose_option = click.option(
    "--verbose", "-v", is_flag=True, expose_value=False, callback=_more_words, help="Say more while working."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", "-c", metavar="FILE", help="inventory.yaml to use (default: INVENTORY_CONFIG, or ./).")
@click.option("--verbose", "-v", is_flag=True, help="Say more while working.")
@click.version_option(package_name="inventory-pipeline", prog_name="inventory")
@click.pass_context
def cli(context: click.Context, config: str | None, verbose: bool) -> None:
    """Inventory Pipeline: sync sources, consolidate one inventory, read and export it."""
    context.obj = State(config=config, verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 held, 130 interrupted."""
    # They register their commands.
    from inventory_pipeline.cli import actions, catalog, curation, entitlements, manage, read  # noqa: F401

    try:
        cli.main(args=None if arguments is None else list(arguments), prog_name="inventory", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except ActionFailed as error:
        if error.message:
            click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_FAILED)
    except SyncHeld as error:
        click.echo(f"Held: {error}", err=True)
        sys.exit(EXIT_HELD)
    except InventoryError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(EXIT_FAILED)
