"""File Upload keeps what every connector promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.connectors.file_upload import write_templates
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.test_file_upload import put, upload


class Folder(ConformanceSource):
    """A folder with an example file of every table, and a device file of two devices that comes and goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_templates(folder)
        put(folder, "devices-branch.csv", "name,model\nBRA-1,X1\nBRA-2,X2\n")
        put(folder, "devices-old.csv", "name,model\nOLD-1,X1\n")

    def connector(self) -> Connector:
        return upload(self.folder)

    def broken_connector(self) -> tuple[Connector, str]:
        return upload(self.folder / "nowhere"), "does not exist"

    def change_device(self) -> str:
        put(self.folder, "devices-branch.csv", "name,model\nBRA-1,X1 Carbon\nBRA-2,X2\n")
        return "BRA-1"

    def remove_device(self) -> str:
        (self.folder / "devices-old.csv").unlink(missing_ok=True)
        return "OLD-1"

    def break_while_reading(self) -> None:
        self.folder.rename(self.folder.with_name("unmounted"))

    def repair(self) -> None:
        self.folder.with_name("unmounted").rename(self.folder)


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path / "files")
