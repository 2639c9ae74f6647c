"""Commands around the configuration: init, check, connectors, repositories, templates, schema, docs, ui."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import click

from inventory_pipeline.cli.app import ActionFailed, State, cli
from inventory_pipeline.errors import ConfigurationError

STOP_SECONDS = 20
STARTER = Path(__file__).with_name("starter.yaml")


@cli.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Write a first inventory.yaml, with a folder for files, into FOLDER (default: here)."""
    target = folder / "inventory.yaml"
    if target.exists():
        raise ConfigurationError(f"{target} exists.", cure="Edit it, or choose another folder.")
    try:
        (folder / "files").mkdir(parents=True, exist_ok=True)
        target.write_text(STARTER.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written ({error.strerror}).") from None
    click.echo(f"{target} written. Next: put .csv files into {folder / 'files'}, then `inventory sync --all`.")


@cli.command()
@click.pass_obj
def check(state: State) -> None:
    """Check the configuration, without connecting to anything."""
    settings = state.settings
    broken = [entry for entry in settings.connectors if entry.error]
    click.echo(f"{settings.path}: {len(settings.connectors)} connectors, {len(settings.repositories)} repositories.")
    for entry in broken:
        click.echo(f"{entry.name}:\n    " + "\n    ".join((entry.error or "").splitlines()), err=True)
    if broken:
        raise ActionFailed("")


@cli.command()
@click.option("--types", is_flag=True, help="List the types that are installed instead.")
@click.pass_obj
def connectors(state: State, types: bool) -> None:
    """List the configured connectors."""
    from inventory_pipeline.cli.terminal import print_table

    if types:
        from inventory_pipeline.connectors.registry import connector_type, connector_type_names

        found = [connector_type(name) for name in connector_type_names()]
        print_table([{"type": t.type, "title": t.title, "data": ", ".join(t.categories())} for t in found])
        return
    rows = [
        {
            "connector": entry.slug,
            "name": entry.name,
            "type": entry.type,
            "state": "not usable" if entry.error else "on" if entry.options.enabled else "off",
            "data to sync": ", ".join(entry.data_to_sync),
            "schedules": "; ".join(f"{s.cron} {s.time_zone}" for s in entry.options.schedules),
        }
        for entry in state.settings.connectors
    ]
    print_table(rows, empty="No connector is configured.")


@cli.group(invoke_without_command=True)
@click.pass_context
def repositories(context: click.Context) -> None:
    """List repositories; archive, restore or clear one."""
    if context.invoked_subcommand is not None:
        return
    from inventory_pipeline.cli.terminal import print_table

    rows = []
    for reader in context.obj.inventory.repositories:
        entry = reader.source
        newest = next(iter(reader.releases()), None)
        rows.append(
            {
                "repository": entry.slug,
                "name": entry.title,
                "kind": entry.kind,
                "status": entry.status,
                "newest release": newest.published_at if newest else None,
            }
        )
    print_table(rows)


def _repository_command(verb: str, explained: str) -> None:
    @repositories.command(verb, help=explained)
    @click.argument("repository")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.pass_obj
    def act(state: State, repository: str, yes: bool) -> None:
        slug = state.settings.repository(repository).slug
        if not yes and verb != "restore":
            typed = click.prompt(f"{explained} Type {slug} to go on", default="", show_default=False)
            if typed != slug:
                raise ActionFailed("the name was not typed; nothing was done.")
        outcome = state.inventory.change_repository(verb, slug)
        if not outcome.success:
            raise ActionFailed(outcome.message)
        click.echo(f"{slug}: {verb} done.")


_repository_command("archive", "Make a repository read-only; what it holds stays readable.")
_repository_command("restore", "Take an archived repository back into use.")
_repository_command("clear", "Hide all raw data of a repository; releases stay as they are.")


@cli.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path("inventory-templates"))
def templates(folder: Path) -> None:
    """Write a documented example of every table that File Upload reads into FOLDER."""
    from inventory_pipeline.connectors.file_upload import write_templates

    try:
        written = write_templates(folder)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({error.strerror}).") from None
    click.echo(f"{len(written)} files written to {folder}.")


@cli.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File (default: print).")
def schema(output: Path | None) -> None:
    """Print the JSON schema of inventory.yaml, for editors that check while typing."""
    from inventory_pipeline.settings.schema import schema_text

    if output is None:
        click.echo(schema_text(), nl=False)
        return
    output.write_text(schema_text(), encoding="utf-8")
    click.echo(str(output))


@cli.command()
@click.option("--write", is_flag=True, help="Write the pages; without, name those that are out of date.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"), show_default=True)
def docs(write: bool, folder: Path) -> None:
    """Generate the documentation's pages about connectors, records, tables and settings."""
    from inventory_pipeline.cli.pages import pages

    stale = 0
    for name, text in pages().items():
        path = folder / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        click.echo(f"{path} {'written' if write else 'is out of date'}")
    if stale and not write:
        raise ActionFailed("the documentation does not say what the code does.", cure="Run `inventory docs --write`.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", "-p", default=3000, show_default=True, help="Port to listen on.")
@click.pass_obj
def ui(state: State, host: str, port: int) -> None:
    """Open Dagster's UI on this configuration: web server, schedules and sensors, until Ctrl-C."""
    from inventory_pipeline.orchestration.launch import SHIPPED_WORKSPACE_FILE, dagster_home

    settings = state.settings
    home = dagster_home(settings)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "INVENTORY_CONFIG": str(settings.path)}
    if host not in ("127.0.0.1", "localhost", "::1"):
        click.echo(f"Anyone who reaches {host}:{port} can launch and change everything: there is no login.", err=True)
    _refuse_used_port(host, port)
    click.echo(f"Open http://{host}:{port} (configuration {settings.path}). Stop with Ctrl-C.")
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "-h", host, "-p", str(port)]
    command += ["-w", str(SHIPPED_WORKSPACE_FILE), "--log-level", "warning"]
    code = _run_until_stopped(command, environment, home)
    if code != 0:
        raise ActionFailed(f"the UI ended with code {code}.", cure="The messages above say why.")


def _refuse_used_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be used ({error.strerror}).", cure="Choose another with --port."
            ) from None


def _run_until_stopped(command: list[str], environment: dict[str, str], folder: Path) -> int:
    """Runs a command with all that it starts, ends all on Ctrl-C or SIGTERM; returns its code (0 if stopped)."""
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # Handlers that are set before make signals that the shell had ignored count again in what is started.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    process = subprocess.Popen(command, env=environment, cwd=folder, start_new_session=True)  # noqa: S603 - our own
    while process.poll() is None and not stopped:
        time.sleep(0.2)
    if stopped and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return 0 if stopped else process.returncode
