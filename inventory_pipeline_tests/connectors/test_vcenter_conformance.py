"""vCenter keeps what every connector promises, against the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.test_vcenter import (
    ESTATE,
    PASSWORD,
    VCENTER_ID,
    administrator,
    connector,
    machine,
)
from inventory_pipeline_tests.counterparts.vcsim import VcSim, running_vcsim

pytestmark = pytest.mark.needs("vcsim")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VCENTER_TEST_PASSWORD", PASSWORD)


class Estate(ConformanceSource):
    """A simulator of one's own, and one that fails on its second page while the source is broken."""

    secret = PASSWORD

    def __init__(self, good: VcSim, failing: VcSim) -> None:
        self.good, self.failing = good, failing
        self.current = good

    def connector(self) -> Connector:
        return connector(self.current)

    def broken_connector(self) -> tuple[Connector, str]:
        return connector(self.good, username="somebody@vsphere.local"), "password"

    def change_device(self) -> str:
        with administrator(self.good) as content:
            found = machine(content, "lon-app-01")
            WaitForTask(found.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=16384)))
            return f"{VCENTER_ID}:{found._GetMoId()}"

    def remove_device(self) -> str:
        with administrator(self.good) as content:
            found = machine(content, "ber-web-01")
            WaitForTask(found.PowerOffVM_Task())
            WaitForTask(found.Destroy_Task())
            return f"{VCENTER_ID}:{found._GetMoId()}"

    def break_while_reading(self) -> None:
        self.current = self.failing

    def repair(self) -> None:
        self.current = self.good


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Estate]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with (
            running_vcsim(ESTATE, password=PASSWORD) as good,
            running_vcsim(ESTATE, password=PASSWORD, page_limit=1, fail_page=2) as failing,
        ):
            yield Estate(good, failing)
