"""Shared fixtures, and the rule for system parts: a missing one fails in CI, and is named elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from inventory_pipeline_tests.counterparts.mariadb import MariaDbServer, mariadb_server_program, running_mariadb
from inventory_pipeline_tests.counterparts.postgres import PostgresServer, postgres_binaries, running_postgres


def _has_odbc() -> bool:
    try:
        import pyodbc
    except ImportError:
        return False
    return "FreeTDS" in pyodbc.drivers()


def _has_vcsim_sources() -> bool:
    return shutil.which("go") is not None and Path("/usr/share/gocode/src/github.com/vmware/govmomi").is_dir()


PARTS: dict[str, tuple[Callable[[], bool], str]] = {
    "odbc": (_has_odbc, "unixodbc tdsodbc"),
    "postgres": (lambda: postgres_binaries() is not None, "postgresql"),
    "mariadb": (lambda: mariadb_server_program() is not None, "mariadb-server-core"),
    "vcsim": (_has_vcsim_sources, "golang-go golang-github-vmware-govmomi-dev"),
    "chromium": (lambda: shutil.which("chromium") is not None, "chromium"),
}


@cache
def _present(part: str) -> bool:
    return PARTS[part][0]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(part): needs a system part: " + ", ".join(PARTS))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for part in marker.args:
            if not _present(part):
                message = f"{part} is missing: apt-get install {PARTS[part][1]}"
                if os.environ.get("CI") or os.environ.get("INVENTORY_TEST_PARTS") == "all":
                    pytest.fail(message, pytrace=False)
                pytest.skip(message)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # From the reports, since tests run in processes of their own.
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for part, (_, packages) in sorted(PARTS.items()):
        if tests := sum(f"{part} is missing: " in reason for reason in reasons):
            terminalreporter.write_line(f"NOT RUN for want of {part} ({packages}): {tests} tests")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the session's own; use with the marker `needs("postgres")`."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A MariaDB server of the session's own; use with the marker `needs("mariadb")`."""
    with running_mariadb() as server:
        yield server
