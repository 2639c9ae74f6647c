"""A real vCenter API to test against: govmomi's simulator, built once from Debian's sources and kept in a cache folder.

    python -m inventory_pipeline_tests.counterparts.vcsim examples/estate/virtual_estate.json

serves an estate until interrupted and prints what to put into `inventory.yaml`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

SOURCES = Path(__file__).with_name("vcsim")
DEBIAN_GOPATH = Path("/usr/share/gocode")


@dataclass(frozen=True, slots=True)
class VcSim:
    """A running simulator: where it listens, its only account, and the certificate that it shows."""

    host: str
    port: int
    username: str
    password: str
    certificate: Path


def build() -> Path:
    """The simulator's program; built when it is not in the cache for these sources and this Go, in about half a minute.

    Raises:
        RuntimeError: Go or the sources are missing, or do not compile.
    """
    files = sorted(SOURCES.glob("*.go"))
    version = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(version.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inventory-pipeline-tests"
    cache.mkdir(parents=True, exist_ok=True)
    program = cache / f"vcsim-{digest}"
    with FileLock(f"{program}.lock"):
        if not program.exists():
            unfinished = program.with_suffix(".building")
            environment = {
                **os.environ,
                "GO111MODULE": "off",
                "GOPROXY": "off",
                "GOFLAGS": "",
                "GOPATH": str(DEBIAN_GOPATH),
                "GOCACHE": str(cache / "go-build"),
            }
            command = ["go", "build", "-o", str(unfinished), *(str(file) for file in files)]
            result = subprocess.run(command, env=environment, cwd=SOURCES, capture_output=True, text=True)
            if result.returncode:
                raise RuntimeError(f"vcsim does not build:\n{result.stderr}")
            unfinished.replace(program)
    return program


@contextmanager
def running_vcsim(
    estate: Path | None = None, *, port: int = 0, password: str = "secret", **options: str | int
) -> Iterator[VcSim]:
    """Runs a simulator on loopback until the block ends, filled from an estate in JSON.

    `options` are flags of its main: `page_limit=2`, `deny="HostSystem"`, `vm=50`, `standalone="true"`.

    Raises:
        RuntimeError: it does not start; the text has what it said.
    """
    username = "reader@vsphere.local"
    command = [str(build()), "-listen", f"127.0.0.1:{port}", "-username", username, "-password", password]
    if estate is not None:
        command += ["-estate", str(estate)]
    for name, value in options.items():
        command.append(f"-{name.replace('_', '-')}={value}")
    # Its standard input is a pipe of ours: it ends when we do, even when we are killed.
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("address="):
                break
        else:
            raise RuntimeError(f"vcsim did not start:\n{''.join(said)}")
        facts = dict(part.split("=", 1) for part in said[-1].split())
        host, _, listening = facts["address"].rpartition(":")
        yield VcSim(host, int(listening), username, password, Path(facts["certificate"]))
    finally:
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def main() -> None:
    """Serves an estate for trying things out by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("estate", type=Path, help="virtual_estate.json")
    parser.add_argument("--port", type=int, default=8989)
    arguments = parser.parse_args()
    with running_vcsim(arguments.estate, port=arguments.port) as simulator:
        print(f"host: {simulator.host}\nport: {simulator.port}\nusername: {simulator.username}")
        print(f"ca_file: {simulator.certificate}\npassword: {simulator.password} (in an environment variable)")
        print("Press Enter to end.")
        sys.stdin.readline()


if __name__ == "__main__":
    main()
