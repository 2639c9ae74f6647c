"""The documentation says what the code does: generated pages, links, commands, examples of configuration."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from inventory_pipeline.cli import (  # noqa: F401 - they register their commands
    actions,
    catalog,
    curation,
    entitlements,
    manage,
    read,
)
from inventory_pipeline.cli.app import cli
from inventory_pipeline.cli.pages import pages
from inventory_pipeline.settings import load_settings

ROOT = Path(__file__).parents[1]
GUIDES = sorted((ROOT / "inventory_pipeline" / "connectors" / "guides").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECRETS = re.compile(r"\{env: (\w+)\}")


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_generated_pages_are_up_to_date() -> None:
    stale = [
        str(name)
        for name, text in pages().items()
        if not (ROOT / "docs" / name).is_file() or (ROOT / "docs" / name).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `inventory docs --write`"


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    context = click.Context(cli)
    for name in re.findall(r"(?:^|`|/)inventory ([a-z_-]+)", text, re.MULTILINE):
        assert cli.get_command(context, name) is not None, name
    for target in re.findall(r"`?make ([a-z]+)", text):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


@pytest.mark.parametrize("page", [*PAGES, *GUIDES], ids=_named)
def test_examples_of_configuration_load(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8"))):
        if block.startswith(("storage:", "#")):  # of Dagster's own file, or a comment alone
            continue
        for name in SECRETS.findall(block):
            monkeypatch.setenv(name, "postgresql+psycopg://x@db/inventory" if name.endswith("LEDGER") else "x")
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, encoding="utf-8")
        settings = load_settings(file)
        assert not [entry.error for entry in settings.connectors if entry.error], block


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package, tests = ROOT / "inventory_pipeline", ROOT / "inventory_pipeline_tests"
    for name in re.findall(r"`([a-z_/]+(?:[.]py|/))`", text):
        places = [package / name, tests / name, ROOT / name, package / "connectors" / name]
        assert any(place.exists() for place in places), name
