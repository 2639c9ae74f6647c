"""Small configurations for tests: folders of files, and what may be wrong with them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import dagster as dg

from inventory_pipeline.orchestration.build import build_definitions
from inventory_pipeline.orchestration.launch import Launcher
from inventory_pipeline.orchestration.runtime import Runtime
from inventory_pipeline.settings import Settings, load_settings

TWO_FOLDERS = """
    data_dir: data
    repositories: [Default Inventory, Lab]
    connectors:
      - name: Branch Files
        type: file_upload
        folder: branch
        settle_seconds: 0
      - name: Depot
        type: file_upload
        folder: depot
        settle_seconds: 0
        data_to_sync: [device]
"""


def configured(folder: Path, text: str = TWO_FOLDERS) -> Settings:
    """Settings of a configuration file that is written into the folder."""
    path = folder / "inventory.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load_settings(path)


def give_devices(folder: Path, *names: str, file: str = "devices.csv") -> None:
    """A file of devices in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{number},{name},SN-{name}" for number, name in enumerate(names)]
    (folder / file).write_text("\n".join(["Device ID,Computer Name,Serial Number", *lines]) + "\n", encoding="utf-8")


def give_software(folder: Path, *titles: str, devices: int = 1) -> None:
    """A file of software, every title on the first devices."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{number},{title},Contoso Ltd,1.{number}" for number in range(devices) for title in titles]
    text = "\n".join(["Device ID,Display Name,Publisher,Version", *lines]) + "\n"
    (folder / "software.csv").write_text(text, encoding="utf-8")


def launcher(settings: Settings) -> Launcher:
    """A launcher of the settings; runs go beside the data."""
    return Launcher(settings)


def definitions(settings: Settings) -> tuple[dg.Definitions, Runtime]:
    """Definitions with the runtime that their ops use."""
    runtime = Runtime(settings)
    return build_definitions(settings, runtime=runtime, console=False), runtime
