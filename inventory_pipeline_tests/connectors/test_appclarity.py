"""AppClarity: licences and maintenance become a file to be reviewed and imported; what is doubtful is told."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlalchemy.dialects import mssql
from sqlglot import exp

from inventory_pipeline.api import open_inventory
from inventory_pipeline.connectors.appclarity import AppClarity
from inventory_pipeline.connectors.appclarity_shape import ShapeError, find_shape
from inventory_pipeline.connectors.base import Exported, Secret, run_test
from inventory_pipeline.connectors.entitlement_file import EntitlementFile
from inventory_pipeline.errors import ConfigurationError, ConnectorError
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import run_sync
from inventory_pipeline_tests.connectors.sites import PASSWORD, READER, VARIABLE, Database, schema_text
from inventory_pipeline_tests.connectors.sites_appclarity import CONTENT, as_file
from inventory_pipeline_tests.counterparts.tds import running_tds_server
from inventory_pipeline_tests.test_cli import inventory

LINKS = {"table": "EntitlementLink", "child": "child_id", "parent": "parent_id"}
Row = dict[str, str]


def connector(database: Database, folder: Path, **fields: Any) -> AppClarity:
    given = {"output_folder": str(folder / "review"), "parent_links": LINKS}
    return AppClarity(name="Old AppClarity", **{**database.fields, **given, **fields})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return as_file(tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("odbc", marks=pytest.mark.needs("odbc"))])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database as a file, and as SQL Server with the documented schema."""
    if request.param == "sqlite":
        yield as_file(tmp_path)
        return
    monkeypatch.setenv(VARIABLE, PASSWORD)
    loaded = duckdb.connect()
    loaded.execute("CREATE SCHEMA Entitlement; SET search_path = 'Entitlement'")
    loaded.execute(schema_text("appclarity") + CONTENT)
    with running_tds_server({"AppClarity": loaded}, {READER: PASSWORD}) as server:
        fields = {
            "server": "127.0.0.1", "port": server.port, "database": "AppClarity", "username": READER,
            "password": Secret(env=VARIABLE), "encrypt": False,
        }  # fmt: skip
        yield Database(loaded.execute, fields, server, server.statements)


def exported(made: AppClarity) -> Exported:
    with made.opened():
        return made.export()


def read(path: Path) -> dict[str, Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["EntitlementId"]: row for row in csv.DictReader(stream, delimiter="\t")}


def test_licences_and_maintenance_are_written_and_agreements_are_counted(site: Database, tmp_path: Path) -> None:
    found = exported(connector(site, tmp_path))
    rows = read(found.files[0])
    assert set(rows) == {"1", "2", "4", "5"}
    first = rows["1"]
    assert (first["EntitlementType"], first["StartDate"], first["UnitCost"], first["Quantity"]) == (
        "License",
        "2020-01-01",
        "210.5",
        "50",
    )
    assert (first["Version"], first["Edition"], first["ManagementGroup"]) == ("2020", "Pro", "EMEA")
    assert found.figures["licenses"] == 2
    assert found.figures["maintenances"] == 2
    assert found.figures["left out"] == 1
    assert "1 Agreement" in " ".join(found.lines)
    assert "ent_modified_by" in " ".join(found.lines)


def test_one_parent_is_kept_a_licence_first_and_the_others_are_told(site: Database, tmp_path: Path) -> None:
    site.execute("INSERT INTO Entitlement (ent_id, ent_type) VALUES (0, 'Maintenance')")
    site.execute("INSERT INTO EntitlementLink VALUES (2, 0)")
    found = exported(connector(site, tmp_path))
    rows = read(found.files[0])
    assert rows["2"]["ParentEntitlementId"] == "1"
    assert rows["2"]["Comments"] == "renewed ParentEntitlementId of others: 0, 3, 4, 5"
    # Its only parent is an agreement, which is not in the file.
    assert rows["5"]["ParentEntitlementId"] == ""
    assert rows["5"]["Comments"] == "ParentEntitlementId of others: 3"
    assert found.figures["several parents"] == 1
    assert "1 have parents that are not exported" in " ".join(found.lines)


def test_parents_may_stand_in_the_entitlement_itself(database: Database, tmp_path: Path) -> None:
    database.execute("ALTER TABLE Entitlement ADD COLUMN ent_parent_entitlement_id VARCHAR(64)")
    database.execute("UPDATE Entitlement SET ent_parent_entitlement_id = '4; 1' WHERE ent_id = 2")
    found = exported(connector(database, tmp_path, parent_links={}))
    second = read(found.files[0])["2"]
    assert (second["ParentEntitlementId"], second["Comments"]) == ("1", "renewed ParentEntitlementId of others: 4")


def test_cells_that_spreadsheets_would_run_are_harmless_and_told(database: Database, tmp_path: Path) -> None:
    found = exported(connector(database, tmp_path))
    fourth = read(found.files[0])["4"]
    assert fourth["Vendor"] == '\'=HYPERLINK("x")'
    assert fourth["Title"] == "Tab\tand\nline"
    assert "1 cells that begin like a formula" in " ".join(found.lines)


def test_what_is_doubtful_stands_beside_the_file(database: Database, tmp_path: Path) -> None:
    database.execute("UPDATE Entitlement SET ent_quantity = -3 WHERE ent_id = 1")
    found = exported(connector(database, tmp_path))
    assert read(found.files[0])["1"]["Quantity"] == "-3"  # a number is no formula
    said = found.files[1].read_text(encoding="utf-8")
    assert "1\tQuantity\terror\tQuantity is below zero." in said
    assert "4\tQuantity\twarning" in said
    assert found.figures["errors"] == 1
    assert all(line in said for line in found.lines)


def test_what_was_exported_can_be_imported(database: Database, tmp_path: Path) -> None:
    exported(connector(database, tmp_path))
    store = Store(str(tmp_path / "store"))
    repository = store.ensure("rights", "Rights", "entitlement")
    report = run_sync(repository, EntitlementFile(name="Review", folder=str(tmp_path / "review"), settle_seconds=0))
    assert report.status == "committed"
    rows = {row["entitlement_id"]: row for row in repository.visible().arrow("entitlement").to_pylist()}
    assert set(rows) == {"1", "2", "4", "5"}
    assert rows["2"]["parent_entitlement_id"] == "1"


def test_files_under_review_stay_and_none_is_half_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connector(database, tmp_path)
    review = tmp_path / "review"
    review.mkdir()
    (review / "entitlements-old.tsv").write_text("under review")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ConnectorError, match=r"Old AppClarity.*cannot be written \(No space left"):
            exported(made)
    assert [path.name for path in review.iterdir()] == ["entitlements-old.tsv"]
    assert (review / "entitlements-old.tsv").read_text() == "under review"


def test_the_test_names_where_headings_come_from(site: Database, tmp_path: Path) -> None:
    report = run_test(connector(site, tmp_path))
    assert report.passed, report.failures
    assert set(report.checks) == {"connection", "export"}
    said = " ".join(check.message for check in report.checks["export"])
    assert "EntitlementId from ent_id" in said
    assert "4 licences and maintenances" in said
    assert not (tmp_path / "review").exists()  # a Test changes nothing


def test_a_folder_that_cannot_be_made_fails_the_test(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [failure] = run_test(connector(database, tmp_path, output_folder=str(tmp_path / "file" / "review"))).failures
    assert "cannot be written" in failure.message
    assert failure.cure


def test_what_is_not_known_by_name_is_told_and_can_be_configured(database: Database, tmp_path: Path) -> None:
    database.execute(
        "ALTER TABLE Entitlement RENAME COLUMN ent_type TO ent_kind_fk;"
        "UPDATE Entitlement SET ent_kind_fk = CASE lower(ent_kind_fk) WHEN 'license' THEN '10' "
        "WHEN 'maintenance' THEN '20' ELSE '30' END"
    )
    [failure] = run_test(connector(database, tmp_path)).failures
    assert "entitlement_type" in failure.message
    assert "ent_kind_fk" in failure.cure
    with pytest.raises(ConnectorError, match=r"Old AppClarity.*entitlement_type"):
        exported(connector(database, tmp_path))
    named = {"column_names": {"entitlement_type": "ENT_KIND_FK", "comments": ""}}
    [unknown] = run_test(connector(database, tmp_path, **named)).failures
    assert "No type of 10, 20, 30 is known" in unknown.message
    with pytest.raises(ConnectorError, match="nothing was exported"):
        exported(connector(database, tmp_path, **named))
    words = {"entitlement_type": {"10": "License", "20": "Maintenance", "30": "Agreement"}}
    found = exported(connector(database, tmp_path, **named, values=words))
    assert (found.figures["licenses"], found.figures["maintenances"], found.figures["left out"]) == (2, 2, 1)
    assert "renewed" not in read(found.files[0])["2"]["Comments"]


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"table_name": "Other.Table"}, "Other.Table is not there"),
        ({"column_names": {"titel": "ent_title"}}, "have no titel"),
        ({"column_names": {"title": "nowhere"}}, "no column nowhere"),
        ({"parent_links": {**LINKS, "child": "nowhere"}}, "no column nowhere"),
        ({"parent_links": {**LINKS, "table": "nowhere"}}, "nowhere is not there"),
        ({"parent_links": {"table": "EntitlementLink"}}, "not complete"),
    ],
)
def test_what_is_named_and_not_there_is_told(
    database: Database, tmp_path: Path, fields: dict[str, Any], cause: str
) -> None:
    [failure] = run_test(connector(database, tmp_path, **fields)).failures
    assert cause in failure.message
    assert failure.cure


def test_the_named_schema_counts_where_there_are_schemas() -> None:
    columns = ("EntitlementId", "EntitlementType")
    listed = [(schema, "Entitlement", column) for schema in ("old", "Entitlement") for column in columns]
    assert find_shape(listed, "Entitlement.Entitlement", {}, {}).place == "Entitlement.Entitlement"
    with pytest.raises(ShapeError, match="more than once"):
        find_shape(listed, "Entitlement", {}, {})
    with pytest.raises(ShapeError, match="is not there"):
        find_shape([one for one in listed if one[0] == "old"], "Entitlement.Entitlement", {}, {})


def test_nothing_is_taken_for_a_heading_that_does_not_bear_its_name() -> None:
    listed = [("dbo", "e", name) for name in ("x_id", "x_type", "x_titles", "x_start", "x_vendor_fk", "y_title")]
    shape = find_shape(listed, "dbo.e", {}, {})
    assert dict(shape.columns) == {"entitlement_id": "x_id", "entitlement_type": "x_type"}
    assert set(shape.unused) == {"x_titles", "x_start", "x_vendor_fk", "y_title"}


def test_statements_are_transact_sql_that_only_reads() -> None:
    listed = [("Entitlement", "Entitlement", f"ent_{name}") for name in ("id", "type", "title")]
    listed += [("Entitlement", "EntitlementLink", name) for name in ("child_id", "parent_id")]
    shape = find_shape(listed, "Entitlement.Entitlement", {}, {**LINKS, "table": "Entitlement.EntitlementLink"})
    for statement in (shape.entitlements(), shape.parents()):
        assert statement is not None
        text = str(statement.compile(dialect=mssql.dialect(), compile_kwargs={"literal_binds": True}))
        [parsed] = sqlglot.parse(text, dialect="tsql")
        assert isinstance(parsed, exp.Query)


@pytest.mark.needs("odbc")
def test_no_secret_leaves_and_a_wrong_account_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    loaded = duckdb.connect()
    loaded.execute("CREATE SCHEMA Entitlement; SET search_path = 'Entitlement'")
    loaded.execute(schema_text("appclarity") + CONTENT)
    with running_tds_server({"AppClarity": loaded}, {READER: PASSWORD}) as server:
        made = AppClarity(
            name="Old", server="127.0.0.1", port=server.port, database="AppClarity", username="nobody",
            password=Secret(env=VARIABLE), encrypt=False, output_folder=str(tmp_path),
        )  # fmt: skip
        report = run_test(made)
    [failure] = report.failures
    assert "wrong name or password" in failure.message
    assert PASSWORD not in repr(report) + repr(made)


CONFIG = """
data_dir: data
connectors:
  - {name: Old AppClarity, type: appclarity, url: "sqlite:///%s", output_folder: review}
"""


@pytest.fixture
def folder(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "inventory.yaml").write_text(CONFIG % (tmp_path / "appclarity.sqlite"))
    return tmp_path


def test_the_job_exports_is_logged_and_nothing_is_synced(folder: Path) -> None:
    opened = open_inventory(folder / "inventory.yaml")
    outcome = opened.export("old_appclarity")
    assert outcome.success, outcome.message
    assert outcome.report.files[0].is_file()
    [action] = opened.process_log().to_pylist()
    assert (action["title"], action["status"]) == ("Export Entitlements - Old AppClarity", "done")
    assert "2 licences" in action["message"]
    assert opened.test("old_appclarity").success
    with pytest.raises(ConfigurationError, match="fills no repository"):
        opened.sync("old_appclarity")


def test_an_export_that_fails_says_why(folder: Path, database: Database) -> None:
    database.execute("DROP TABLE Entitlement")
    outcome = open_inventory(folder / "inventory.yaml").export("old_appclarity")
    assert not outcome.success
    assert "Entitlement.Entitlement is not there" in outcome.message
    assert "Traceback" not in outcome.message


def test_the_command_exports_and_passes_over_it_when_all_is_synced(folder: Path) -> None:
    done = inventory(folder, "entitlements", "export", "old_appclarity")
    assert done.returncode == 0, done.stderr
    assert ".caveats.txt" in done.stdout
    assert "2 licences and 2 maintenances" in done.stdout
    listed = inventory(folder, "connectors")
    assert listed.returncode == 0
    files = folder / "inventory.yaml"
    (folder / "files").mkdir()
    (folder / "files" / "devices.csv").write_text("Device ID,Computer Name\n1,A\n")
    files.write_text(files.read_text() + "  - {name: Files, type: file_upload, folder: files, settle_seconds: 0}\n")
    synced = inventory(folder, "sync", "--all")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert "Old AppClarity" not in synced.stdout
