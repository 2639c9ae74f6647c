"""Oracle databases are measured side by side or from files; one that fails keeps its last report and no other waits."""

from __future__ import annotations

import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from inventory_pipeline.connectors.base import Connector, Secret, run_test
from inventory_pipeline.connectors.oracle_lms import STATEMENTS, OracleLms, Target
from inventory_pipeline.records import Category
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.conformance import ConformanceSource, ConnectorConformance
from inventory_pipeline_tests.connectors.sites import schema_text

VARIABLE, PASSWORD = "ORACLE_TEST_PASSWORD", "or4cle-pass-word"


def database(folder: Path, name: str, host: str, edition: str = "Enterprise Edition") -> Path:
    """A stand-in for one target: the views as tables of an SQLite file."""
    path = folder / f"{name}.sqlite"
    content = f"""
        INSERT INTO V$INSTANCE VALUES ('{name}', '{host}', '19.0.0.0.0', '19.21.0.0.0', 'OPEN', 'EE');
        INSERT INTO V$DATABASE VALUES (77, '{name}', 'PRIMARY', 'READ WRITE', 'Linux x86 64-bit', 'YES');
        INSERT INTO V$VERSION VALUES ('Oracle Database 19c {edition} Release 19.0.0.0.0 - Production'), ('PL/SQL');
        INSERT INTO V$OPTION VALUES ('Partitioning', 'TRUE'), ('Oracle Label Security', 'FALSE');
        INSERT INTO V$LICENSE VALUES (0, 20, 180, 0, 32, 16, 2);
        INSERT INTO V$PARAMETER VALUES ('control_management_pack_access', 'DIAGNOSTIC+TUNING');
        INSERT INTO GV$INSTANCE VALUES (1, '{name}1'), (2, '{name}2');
        INSERT INTO DBA_USERS VALUES ('SYS', 0), ('APP', 90), ('REPORT', 91);
        INSERT INTO DBA_FEATURE_USAGE_STATISTICS VALUES
            (77, 'Partitioning (user)', '19.21.0.0.0', 12, 14, 'TRUE', '2024-01-01', '2026-02-01', '2026-02-01'),
            (77, 'Partitioning (user)', '12.2.0.1.0', 40, 40, 'TRUE', '2019-01-01', '2022-01-01', '2022-01-01'),
            (55, 'Advanced Compression', '19.21.0.0.0', 3, 3, 'TRUE', '2020-01-01', '2021-01-01', '2021-01-01');
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema_text("oracle") + content)
    return path


def oracle(folder: Path, *names: str, **fields: Any) -> OracleLms:
    targets = [Target(host=f"{name.lower()}-host", service_name=name) for name in names]
    return OracleLms(
        name="Oracle",
        **{"targets": targets, "url": f"sqlite:///file:{folder}/{{service_name}}.sqlite?mode=rw&uri=true", **fields},
    )


def table(repository: Repository, name: str) -> list[dict[str, Any]]:
    return repository.visible().arrow(name).to_pylist()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Store(tmp_path / "store").ensure("main", "Main")


def test_a_database_is_measured(repository: Repository, tmp_path: Path) -> None:
    database(tmp_path, "ORCL", "db01.corp.example.com")
    run_sync(repository, oracle(tmp_path, "ORCL"))
    [row] = table(repository, "database_instance")
    assert (row["source_database_id"], row["source_device_id"]) == ("orcl-host:1521/ORCL", "db01.corp.example.com")
    assert (row["edition"], row["version"]) == ("Enterprise Edition", "19.21.0.0.0")
    assert (row["cores"], row["sockets"], row["sessions_high_water"], row["user_count"]) == (16, 2, 180, 3)
    assert (row["is_cluster"], row["is_container"]) == (True, True)
    [device] = table(repository, "device")
    assert (device["name"], device["os_name"]) == ("db01", "Linux x86 64-bit")
    [processor] = table(repository, "processor")
    assert (processor["sockets"], processor["cores"], processor["logical_cores"]) == (2, 16, 32)


def test_only_use_of_this_database_and_its_version_counts(repository: Repository, tmp_path: Path) -> None:
    database(tmp_path, "ORCL", "db01")
    run_sync(repository, oracle(tmp_path, "ORCL"))
    found = {(row["feature"], row["kind"]): row for row in table(repository, "database_feature_usage")}
    assert set(found) == {
        ("Partitioning", "option"),
        ("Diagnostics Pack", "pack"),
        ("Tuning Pack", "pack"),
        ("Partitioning (user)", "feature"),
    }
    used = found["Partitioning (user)", "feature"]
    assert (used["version"], used["detected_usages"], used["currently_used"]) == ("19.21.0.0.0", 12, True)


@pytest.mark.parametrize(
    ("edition", "expected"),
    [("Standard Edition 2", "Standard Edition 2"), ("Express Edition", "Express Edition"), ("Free", "Free")],
)
def test_editions_are_read_off_the_banner(repository: Repository, tmp_path: Path, edition: str, expected: str) -> None:
    database(tmp_path, "ORCL", "db01", edition)
    run_sync(repository, oracle(tmp_path, "ORCL"))
    assert table(repository, "database_instance")[0]["edition"] == expected


def test_a_target_that_fails_keeps_its_last_report_and_the_others_go_on(repository: Repository, tmp_path: Path) -> None:
    first, _ = database(tmp_path, "ONE", "db01"), database(tmp_path, "TWO", "db02")
    run_sync(repository, oracle(tmp_path, "ONE", "TWO"))
    first.rename(tmp_path / "away")
    with closing(sqlite3.connect(tmp_path / "TWO.sqlite")) as connection:
        connection.executescript("UPDATE V$LICENSE SET SESSIONS_HIGHWATER = 999")
    report = run_sync(repository, oracle(tmp_path, "ONE", "TWO"))
    assert report.table("database_instance").units_refused == 1
    high = {row["host_name"]: row["sessions_high_water"] for row in table(repository, "database_instance")}
    assert high == {"db01": 180, "db02": 999}
    test = run_test(oracle(tmp_path, "ONE", "TWO"))
    assert {check.name for check in test.failures} == {"one-host:1521/ONE"}
    assert all(check.cure for check in test.failures)


def test_a_target_that_is_taken_out_goes(repository: Repository, tmp_path: Path) -> None:
    for name in ("ONE", "TWO", "THREE", "FOUR"):
        database(tmp_path, name, name.lower())
    run_sync(repository, oracle(tmp_path, "ONE", "TWO", "THREE", "FOUR"))
    run_sync(repository, oracle(tmp_path, "ONE", "TWO", "THREE"))
    assert {row["host_name"] for row in table(repository, "database_instance")} == {"one", "two", "three"}


def test_views_that_may_not_be_read_are_done_without(repository: Repository, tmp_path: Path) -> None:
    path = database(tmp_path, "ORCL", "db01")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE DBA_USERS; DROP TABLE V$PARAMETER")
    run_sync(repository, oracle(tmp_path, "ORCL"))
    [row] = table(repository, "database_instance")
    assert (row["user_count"], row["edition"]) == (None, "Enterprise Edition")


def test_files_of_a_collection_say_the_same(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "lms"
    folder.mkdir()
    end = "db01.corp.example.com,ORCL,2026-02-01_10:00:00,\n"
    (folder / "db01_ORCL_version.csv").write_text(
        "Script text\nAUDIT_ID,BANNER,HOST_NAME,INSTANCE_NAME,SYSDATE,\n"
        f"1,Oracle Database 19c Standard Edition 2 Release 19.0.0.0.0 - Production,{end}"
    )
    (folder / "db01_ORCL_license.csv").write_text(f"1,0,0,12,88,0,{end}")
    (folder / "db01_ORCL_v_option.csv").write_text(f"1,Partitioning,FALSE,{end}1,Spatial,TRUE,{end}")
    (folder / "db01_ORCL_users.csv").write_text(f"1,SYS,0,SYSTEM,TEMP,01-JAN-20,DEFAULT,,{end}" * 2)
    (folder / "db01_ORCL_dba_feature.csv").write_text(
        '"1","77","Spatial","19.0.0.0.0","4","9","TRUE","2024-01-01","2026-01-01","","","2026-02-01","","","a, b",'
        + end
    )
    (folder / "notes.csv").write_text("nothing,of,it\n")
    run_sync(repository, OracleLms(name="Oracle", folder=str(folder)))
    [row] = table(repository, "database_instance")
    assert (row["source_database_id"], row["edition"]) == ("db01.corp.example.com/ORCL", "Standard Edition 2")
    assert (row["sessions_high_water"], row["user_count"], row["version"]) == (88, 2, "19.0.0.0.0")
    features = {(row["feature"], row["kind"]) for row in table(repository, "database_feature_usage")}
    assert features == {("Spatial", "option"), ("Spatial", "feature")}


@pytest.mark.parametrize("statement", STATEMENTS.values())
def test_statements_are_oracle_sql_that_only_reads(statement: str) -> None:
    [parsed] = sqlglot.parse(statement, dialect="oracle")
    assert isinstance(parsed, exp.Select)


def test_an_unreachable_server_is_said_by_the_real_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    connector = OracleLms(
        name="Oracle", targets=[Target(host="127.0.0.1", port=9, service_name="ORCL")], username="lms",
        password=Secret(env=VARIABLE), login_seconds=3,
    )  # fmt: skip
    [failure] = [check for check in run_test(connector).failures if "127.0.0.1:9/ORCL" in check.message][:1]
    assert "cannot be reached" in failure.message
    assert failure.cure
    assert PASSWORD not in repr(run_test(connector))


def test_a_listener_that_says_nothing_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connector = OracleLms(
            name="Oracle", targets=[Target(host="127.0.0.1", port=port, service_name="ORCL")], username="lms",
            password=Secret(env=VARIABLE), timeout_seconds=1,
        )  # fmt: skip
        began = time.monotonic()
        [failure] = run_test(connector, [Category.device]).failures
    assert time.monotonic() - began < 10
    assert f"127.0.0.1:{port}/ORCL did not answer within 1 seconds" in failure.message
    assert "timeout_seconds" in failure.cure


def test_missing_fields_are_named() -> None:
    [failure] = run_test(OracleLms(name="Oracle", targets=[Target(host="h", service_name="s")])).failures
    assert "username, password missing" in failure.message


class Targets(ConformanceSource):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = ["ONE", "TWO", "THREE"]
        for name in self.names:
            database(folder, name, f"{name.lower()}.corp.example.com")

    def connector(self) -> Connector:
        return oracle(self.folder, *self.names)

    def broken_connector(self) -> tuple[Connector, str]:
        return oracle(self.folder, "NOWHERE"), "no database"

    def change_device(self) -> str:
        with closing(sqlite3.connect(self.folder / "ONE.sqlite")) as connection:
            connection.executescript("UPDATE V$DATABASE SET PLATFORM_NAME = 'Solaris[tm] OE (64-bit)'")
        return "one.corp.example.com"

    def remove_device(self) -> str:
        self.names = [name for name in self.names if name != "TWO"]
        return "two.corp.example.com"

    def break_while_reading(self) -> None:
        self.folder.rename(self.folder.with_name("away"))

    def repair(self) -> None:
        self.folder.with_name("away").rename(self.folder)


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Targets:
        folder = tmp_path / "targets"
        folder.mkdir()
        return Targets(folder)

    def test_a_read_that_breaks_loses_nothing_and_the_next_sync_completes(self, source: Targets, store: Store) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Here a target that cannot be read fails nothing: its last report stays."""
        repository = store.repository("main")
        run_sync(repository, source.connector())
        before = table(repository, "database_instance")
        source.break_while_reading()
        report = run_sync(repository, source.connector())
        assert report.table("database_instance").units_refused == 3
        assert table(repository, "database_instance") == before
        source.repair()
        report = run_sync(repository, source.connector())
        assert sum(log.added + log.changed + log.removed for log in report.tables) == 0
        assert not repository.rejects().num_rows


LINUX = """
Machine Name=db01
Operating System Name=Linux
[processor section]
processor\t: 0
model name\t: Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz
physical id\t: 0
cpu cores\t: 16

processor\t: 1
model name\t: Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz
physical id\t: 1
cpu cores\t: 16

processor\t: 2
model name\t: Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz
physical id\t: 0
cpu cores\t: 16
"""
WINDOWS = """
Computer Name: DB01
  NumberOfProcessors: 2
  CPU NumberOfCores: 8
  CPU NumberOfCores: 8
  ProcessorNameString    AMD EPYC 7262 8-Core Processor
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINUX, ("Intel(R) Xeon(R) Gold 6346 CPU @ 3.10GHz", 2, 32, 3)),
        (WINDOWS, ("AMD EPYC 7262 8-Core Processor", 2, 16, None)),
    ],
)
def test_processors_of_the_machine_come_from_the_collections_text(
    repository: Repository, tmp_path: Path, text: str, expected: tuple[str, int, int, int | None]
) -> None:
    folder = tmp_path / "lms"
    folder.mkdir()
    for instance in ("ORCL", "HR"):
        end = f"db01.corp.example.com,{instance},2026-02-01_10:00:00,\n"
        (folder / f"db01_{instance}_version.csv").write_text(f"1,Oracle Database 19c Enterprise Edition,{end}")
    (folder / "db01-lms_cpuq.txt").write_text(text)
    (folder / "aix7-lms_cpuq.txt").write_text("Node Name : aix7\nEntitled Capacity : 2.00\n")
    report = run_sync(repository, OracleLms(name="Oracle", folder=str(folder)))
    columns = ("name", "sockets", "cores", "logical_cores", "source_device_id")
    processors = [tuple(row[name] for name in columns) for row in table(repository, "processor")]
    assert processors == [(*expected, "db01.corp.example.com")] * 2  # of each database's report
    instances = table(repository, "database_instance")
    assert [(row["sockets"], row["cores"]) for row in instances] == [expected[1:3]] * 2
    assert any("aix7-lms_cpuq.txt" in note for note in report.table("processor").notes)
