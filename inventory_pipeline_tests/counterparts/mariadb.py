"""A private MariaDB server on loopback: its own data folder, its own port, gone after the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

SHARE = Path("/usr/share/mysql")
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
ACCOUNT, PASSWORD = "inventory", "m'aria %41 pass-word"
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class MariaDbServer:
    """A running server, with an account that may do anything."""

    port: int
    account: str = ACCOUNT
    password: str = PASSWORD

    def connect(self, database: str | None = None) -> pymysql.Connection:
        """A connection as the account."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=self.account, password=self.password, database=database,
            autocommit=True,
        )  # fmt: skip

    def execute(self, script: str, database: str | None = None) -> None:
        """Runs statements that end in semicolons at the end of a line."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            for statement in script.split(";\n"):
                if statement.strip(" \n;"):
                    cursor.execute(statement)

    def create_database(self, name: str) -> str:
        """Creates an empty database (in place of one of that name) and returns its URL without the password."""
        self.execute(f"DROP DATABASE IF EXISTS {name};\nCREATE DATABASE {name} CHARACTER SET utf8mb4;\n")
        return f"mariadb+pymysql://{self.account}@127.0.0.1:{self.port}/{name}"


def mariadb_server_program() -> str | None:
    """Path of the server's program, or None."""
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")


@contextmanager
def running_mariadb() -> Iterator[MariaDbServer]:
    """Starts a server in a temporary folder and stops it; as root it runs as user `nobody`."""
    program = mariadb_server_program()
    if program is None:
        raise FileNotFoundError("no MariaDB server program is installed")
    server = MariaDbServer(_free_port())
    folder = Path(tempfile.mkdtemp(prefix="inventory-mariadb-"))
    data = folder / "data"
    data.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        for owned in (folder, data):
            os.chown(owned, account.pw_uid, account.pw_gid)
        as_user = ["runuser", "-u", account.pw_name, "--"]
    # Arguments first: `--no-defaults` counts only there.
    common = [*as_user, program, "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
    try:
        _fill(common, folder)
        command = [
            *common, f"--port={server.port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--character-set-server=utf8mb4",
        ]  # fmt: skip
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _await(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(common: list[str], folder: Path) -> None:
    """Makes the system tables and the account, as the distribution's own script does."""
    quoted = PASSWORD.replace("'", "''")
    script = "".join(
        [
            "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n",
            *((SHARE / name).read_text(encoding="utf-8") for name in SYSTEM_TABLES),
            f"\nFLUSH PRIVILEGES;\nCREATE USER '{ACCOUNT}'@'%' IDENTIFIED BY '{quoted}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{ACCOUNT}'@'%' WITH GRANT OPTION;\n",
        ]
    )
    done = subprocess.run(
        [*common, "--bootstrap", "--skip-grant-tables"],
        input=script, capture_output=True, text=True, cwd=folder,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"MariaDB could not be set up: {done.stderr[-2000:]}")


def _await(server: MariaDbServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect().close()
            return
        except pymysql.Error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"MariaDB did not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
