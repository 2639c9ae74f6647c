"""The folder tree is the architecture: imports between its rooms go down only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import inventory_pipeline

ROOT = Path(inventory_pipeline.__file__).parent

# From the ground up; a room may import from its own level's room and from lower levels.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("records",),
    ("connectors",),
    ("catalog", "repository"),
    ("normalization",),
    ("consolidation",),
    ("report",),
    ("settings", "settings_yaml"),
    ("orchestration",),
    ("api",),
    ("cli", "definitions"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
DAGSTER_ROOMS = {"orchestration", "api", "cli", "definitions"}


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "inventory_pipeline" and len(parts) > 1 else None


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            if node.module == "inventory_pipeline":
                found.update(f"inventory_pipeline.{alias.name}" for alias in node.names)
    return found


def _modules() -> list[tuple[str, Path]]:
    modules = []
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        if relative.name == "__init__.py" and len(relative.parts) == 1:
            continue
        modules.append((relative.parts[0].removesuffix(".py"), path))
    return modules


@pytest.mark.parametrize(("room", "path"), _modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_imports_go_down(room: str, path: Path) -> None:
    assert room in LEVEL, f"{room} has no place in the architecture; see docs/architecture.md"
    upward = {
        module
        for module in _imports(path)
        if (target := _room(module)) and target != room and LEVEL.get(target, 99) >= LEVEL[room]
    }
    assert not upward, f"{path.name} imports from its own level or above: {sorted(upward)}"


@pytest.mark.parametrize(("room", "path"), _modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_only_orchestration_and_the_connector_base_know_dagster(room: str, path: Path) -> None:
    knows = any(module.split(".")[0].startswith("dagster") for module in _imports(path))
    allowed = room in DAGSTER_ROOMS or path == ROOT / "connectors" / "base.py"
    assert allowed or not knows, f"{path.relative_to(ROOT)} imports Dagster"
