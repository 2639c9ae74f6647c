"""A sync of 10,000 virtual machines from the vCenter simulator, beside pyVmomi's property collector alone.

    python -m benchmarks.vcenter_reading                 # 10,000 machines on 160 hosts
    python -m benchmarks.vcenter_reading --machines 1000

Three processes of their own read the same simulator: `collector` fetches the same properties and throws them away (the
floor: what pyVmomi needs by itself), `sync` is a first sync into a new repository until its commit, `again` a second
one that finds nothing new. `attributes` reads four attributes of a hundred machines by dotted access, as scripts often
do, scaled to all. Memory is the peak resident size of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyVmomi import vim

from inventory_pipeline.connectors.base import Secret
from inventory_pipeline.connectors.vcenter import VCenter
from inventory_pipeline.connectors.vcenter_rows import GUEST_PROPERTIES, HOST_PROPERTIES
from inventory_pipeline.connectors.vsphere import VSphere, log_in, tls_context
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.counterparts.vcsim import VcSim, running_vcsim

PASSWORD_VARIABLE = "BENCHMARK_VCENTER_PASSWORD"
CLUSTERS = 10
HOSTS = 160
SAMPLE = 100


def _session(target: dict[str, str]) -> VSphere:
    return log_in(
        target["host"],
        int(target["port"]),
        target["username"],
        os.environ[PASSWORD_VARIABLE],
        context=tls_context(verify=True, ca_file=Path(target["certificate"])),
        timeout_seconds=60,
        page_size=500,
    )


def _collector(target: dict[str, str]) -> int:
    session = _session(target)
    rows = 0
    for kind, paths in (("HostSystem", HOST_PROPERTIES), ("VirtualMachine", GUEST_PROPERTIES)):
        rows += sum(len(page) for page in session.properties(kind, paths))
    session.close()
    return rows


def _sync(target: dict[str, str]) -> int:
    store = Store(target["store"])
    repository = store.ensure("main", "Main")
    connector = VCenter(
        name="Simulator",
        host=target["host"],
        port=int(target["port"]),
        username=target["username"],
        password=Secret(env=PASSWORD_VARIABLE),
        ca_file=target["certificate"],
    )
    report = run_sync(repository, connector)
    print(f"  {report.status}: {report.message}", file=sys.stderr)
    return repository.visible().rows("device")


def _attributes(target: dict[str, str]) -> int:
    session = _session(target)
    content = session._content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    machines = view.view[:SAMPLE]
    for machine in machines:
        _ = (machine.name, machine.config.uuid, machine.summary.config.numCpu, machine.runtime.powerState)
    session.close()
    return len(machines)


_WAYS = {"collector": _collector, "sync": _sync, "again": _sync, "attributes": _attributes}


def _measure(way: str, simulator: VcSim, folder: str) -> dict[str, float]:
    target = {
        "host": simulator.host,
        "port": str(simulator.port),
        "username": simulator.username,
        "certificate": str(simulator.certificate),
        "store": folder,
    }
    command = [sys.executable, "-m", "benchmarks.vcenter_reading", "--way", way, "--target", json.dumps(target)]
    environment = {**os.environ, PASSWORD_VARIABLE: simulator.password}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a line per way, and ratios to the collector alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--way", choices=sorted(_WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--target", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        started, usage = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        rows = _WAYS[options.way](json.loads(options.target))
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
        print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "peak_mb": _peak_mb()}))
        return
    per_cluster = max(1, options.machines // CLUSTERS)
    with (
        running_vcsim(cluster=CLUSTERS, host=HOSTS // CLUSTERS, standalone_host=0, vm=per_cluster) as simulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        found = {way: _measure(way, simulator, folder) for way in _WAYS}
    floor = found["collector"]
    for way, figures in found.items():
        scale = floor["rows"] / SAMPLE if way == "attributes" else 1
        wall = figures["wall"] * scale
        print(
            f"{way:10} {floor['rows']:>8,.0f} objects {wall:7.1f} s wall{' (scaled)' if scale > 1 else ''} "
            f"{figures['cpu'] * scale:7.1f} CPU s  {floor['rows'] / wall:7,.0f} objects/s  "
            f"peak {figures['peak_mb']:5,.0f} MB  {wall / floor['wall']:5.2f} x collector"
        )


def _peak_mb() -> float:
    # Of this program since it was started; getrusage would include what its parent had before.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
