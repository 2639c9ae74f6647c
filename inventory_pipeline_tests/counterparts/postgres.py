"""A private PostgreSQL server on loopback: its own data folder, its own port, gone after the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; `password` is that of the superuser `postgres`."""

    port: int
    password: str = "postgres-test-password"

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy URL of a database on this server."""
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Creates an empty database (replacing one of that name) and returns its SQLAlchemy URL."""
        conninfo = f"host=127.0.0.1 port={self.port} user=postgres password={self.password} dbname=postgres"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


def postgres_binaries() -> Path | None:
    """Folder of the newest installed server's programs, or None."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Starts a server in a temporary folder and stops it; as root it runs as user `postgres`, since root may not."""
    binaries = postgres_binaries()
    if binaries is None:
        raise FileNotFoundError("no PostgreSQL server programs are installed")
    server = PostgresServer(_free_port())
    folder = Path(tempfile.mkdtemp(prefix="inventory-postgres-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]
    data, password_file, log = folder / "data", folder / "password", folder / "log"
    password_file.write_text(server.password)
    password_file.chmod(0o644)

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, *command], capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr or done.stdout}")

    control = str(binaries / "pg_ctl")
    try:
        run(
            str(binaries / "initdb"), "--pgdata", str(data), "--username=postgres", f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        settings = f"-p {server.port} -k '' -h 127.0.0.1 -c fsync=off -c max_connections=50"
        run(control, "--pgdata", str(data), "--log", str(log), "--options", settings, "--wait", "start")
        try:
            yield server
        finally:
            run(control, "--pgdata", str(data), "--mode=immediate", "--wait", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
