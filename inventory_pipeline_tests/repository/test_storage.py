"""Storage on a local folder and on a real HTTP S3 server, up to a whole sync on it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from inventory_pipeline.errors import ConfigurationError, SyncError
from inventory_pipeline.repository.compaction import compact
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.storage import Storage, empty_select, sql_text
from inventory_pipeline.repository.store import Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import Source, content, device

TABLE = pa.table({"name": ["a", "b"], "tags": [["x", "y"], None]})
WIDER = pa.schema([*TABLE.schema, pa.field("added_later", pa.int64())])


@pytest.fixture(params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty place whose path needs quoting."""
    if request.param == "local":
        return Storage(tmp_path / "it's [a] 100% *folder?")
    return Storage(request.getfixturevalue("s3_url"))


def test_files_are_written_listed_read_and_deleted(storage: Storage) -> None:
    assert storage.files("raw") == storage.folders("raw") == []
    assert not storage.exists("raw/t/connector=x/rows.parquet")
    storage.write("raw/t/connector=x/rows.parquet", TABLE)
    storage.write("raw/u/rows.parquet", pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches()))
    assert storage.files("raw") == ["raw/t/connector=x/rows.parquet", "raw/u/rows.parquet"]
    assert storage.folders("raw") == ["raw/t", "raw/u"]
    assert storage.exists("raw/t")
    assert storage.read("raw/u/rows.parquet") == TABLE
    assert storage.size("raw/u/rows.parquet") > 100
    storage.delete("raw/t")
    storage.delete("raw/u/rows.parquet")
    storage.delete("raw/nothing")
    assert storage.files("") == []


def test_a_scan_gives_the_columns_of_the_schema_whatever_the_files_have(storage: Storage) -> None:
    storage.write("old.parquet", TABLE)
    storage.write(
        "new.parquet", TABLE.append_column("added_later", pa.array([1, 2])).append_column("x", pa.array([0, 0]))
    )
    with duckdb.connect() as connection:
        for files, expected in (
            (["old.parquet", "new.parquet"], [("a", None), ("a", 1), ("b", None), ("b", 2)]),
            (["old.parquet"], [("a", None), ("b", None)]),
            ([], []),
        ):
            query = storage.scan(connection, files, WIDER)
            found = connection.sql(f"SELECT name, added_later FROM ({query})").fetchall()
            assert sorted(found, key=repr) == sorted(expected, key=repr)
            described = connection.sql(f"DESCRIBE {query}").fetchall()
            assert [row[:2] for row in described] == [
                ("name", "VARCHAR"),
                ("tags", "VARCHAR[]"),
                ("added_later", "BIGINT"),
            ]


def test_a_write_that_fails_leaves_no_file(storage: Storage) -> None:
    with pytest.raises(RuntimeError), storage.writer("raw/rows.parquet", TABLE.schema) as writer:
        writer.write_table(TABLE)
        raise RuntimeError
    assert storage.files("") == []


def test_scratch_is_a_folder_on_this_machine(storage: Storage) -> None:
    folder = storage.scratch("main/staging/x/spill")
    assert folder.is_dir()
    folder.rmdir()


def test_places_that_cannot_be_opened_are_explained_without_credentials(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nosuch://host/path is not a place") as failure:
        Storage("nosuch://user:pass-word-1@host/path?secret=pass-word-1")
    assert "pass-word-1" not in repr(failure.value)
    assert "pass-word-1" not in Storage("file:///tmp/x").name
    with pytest.raises(ConfigurationError, match="needs a ledger elsewhere"):
        Store("s3://key:pass-word-1@bucket/path?region=us-east-1")


def test_sql_texts_are_quoted() -> None:
    with duckdb.connect() as connection:
        assert (
            connection.sql(f"SELECT {sql_text(chr(39) + '; DROP TABLE x; --')}").fetchall()[0][0]
            == "'; DROP TABLE x; --"
        )
        assert connection.sql(empty_select(WIDER)).fetchall() == []


def test_whole_syncs_on_an_object_store(s3_url: str, tmp_path: Path, source: Source) -> None:
    store = Store(s3_url, f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    repository = store.ensure("main", "Main")
    local = Store(tmp_path / "data").ensure("main", "Main")
    assert run_sync(repository, source.connector()).status == "committed"
    assert run_sync(repository, source.connector()).status == "unchanged"
    source.put("device", "d1", device("d1", model="X"), "2")
    source.drop("device", "d2")
    source.put("software", "d1", [{"source_device_id": "d1", "title": "Acrobat", "version": "2"}], "2")
    source.faults = {"fail": {"software": 0}, "late": True}
    source.save()
    with pytest.raises(SyncError):
        run_sync(repository, source.connector())
    source.faults = {}
    source.save()
    report = run_sync(repository, source.connector())
    assert report.table("device").units_resumed == 1
    assert (report.table("device").changed, report.table("device").removed) == (1, 1)
    assert not store.storage.files("main/staging")
    run_sync(local, source.connector())
    assert content(repository) == content(local)
    list(compact(repository, RetentionPolicy(compact_after_syncs=2)))
    assert content(repository) == content(local)
    assert run_sync(repository, source.connector(), SyncOptions(clean=True)).status == "unchanged"
    with duckdb.connect() as connection:
        name = repository.visible().register(connection, "device")
        assert connection.sql(f"SELECT count(*) FROM {name} WHERE model = 'X'").fetchall() == [(1,)]


def test_columns_that_are_the_same_in_all_rows_are_told_from_the_others(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    moment = dt.datetime(2026, 1, 1)
    schema = pa.schema(
        [("same", pa.string()), ("empty", pa.int64()), ("when", pa.timestamp("us")), ("differs", pa.string()),
         ("half", pa.string()), ("later", pa.string()), ("number", pa.float64()), ("list", pa.list_(pa.string()))]
    )  # fmt: skip

    def rows(later: str) -> pa.Table:
        return pa.table(
            {"same": ["a", "a"], "empty": [None, None], "when": [moment, moment], "differs": ["a", "b"],
             "half": ["a", None], "later": [later, later], "number": [0.0, -0.0], "list": [["a"], ["a"]]},
            schema=schema,
        )  # fmt: skip

    storage.write("one.parquet", rows("a"))
    storage.write("two.parquet", rows("b"))
    assert set(storage.steady(["one.parquet"], schema)) == {"same", "empty", "when", "later"}
    told = storage.steady(["one.parquet", "two.parquet"], schema)
    assert {name: value.as_py() for name, value in told.items()} == {"same": "a", "empty": None, "when": moment}
    assert storage.steady([], schema) == {}
