"""What a sync promises: exact, atomic, idempotent, guarded, and telling what it did."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

from inventory_pipeline.errors import ConfigurationError, InventoryError, SyncError, SyncHeld
from inventory_pipeline.records import Category
from inventory_pipeline.repository import sync_write
from inventory_pipeline.repository.ledger import action_table
from inventory_pipeline.repository.policy import SyncPolicy
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import Source, content, device, keys_of, members, software

CLEAN = SyncOptions(clean=True)


@pytest.fixture(autouse=True, params=[None, 1], ids=["written", "taken over"])
def way_of_writing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are sorted and written, or, as in large first and clean syncs, files of the staging are taken over."""
    if request.param is not None:
        monkeypatch.setattr(sync_write, "FLUSH_ROWS", request.param)


def raw_files(repository: Repository) -> list[str]:
    return repository.store.storage.files(f"{repository.slug}/raw")


def change_a_little(source: Source) -> None:
    """One device changed, one gone, one new; software changed; a group gone and one changed."""
    source.put("device", "d1", device("d1", model="Latitude 7440"), "2")
    source.drop("device", "d2")
    source.drop("software", "d2")
    source.put("device", "new", device("new"))
    source.put("software", "d1", software("d1", "Acrobat", "Firefox"), "2")
    source.put("group_member", "g1", members("g1", "anna", "dora"), None)
    source.save()


def test_the_first_sync_brings_everything(repository: Repository, source: Source) -> None:
    report = run_sync(repository, source.connector())
    assert report.status == "committed"
    assert [(log.table, log.added, log.rows_total) for log in report.tables] == [
        ("device", 10, 10),
        ("software", 20, 20),
        ("group_member", 3, 3),
    ]
    row = repository.visible().arrow("device").to_pylist()[0]
    assert row["connector"] == "fixture"
    assert row["sync_id"] == report.action_id
    assert row["observed_at"] == report.started_at.replace(tzinfo=None)
    assert row["row_hash"] is not None


def test_the_same_sync_again_adds_one_ledger_row_and_no_file(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    files, before = raw_files(repository), content(repository)
    for options in (SyncOptions(), CLEAN):
        report = run_sync(repository, source.connector(), options)
        assert report.status == "unchanged"
        assert report.total("added") + report.total("changed") + report.total("removed") == 0
        assert report.total("unchanged") == 33
        assert repository.sync_log(action_id=report.action_id).num_rows == 3
    assert raw_files(repository) == files
    assert content(repository) == before


def test_an_incremental_sync_reads_only_what_is_new_or_changed(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    change_a_little(source)
    connector = source.connector()
    report = run_sync(repository, connector)
    assert sorted(connector.units_read) == [
        ("device", "d1"),
        ("device", "new"),
        ("group_member", "g1"),
        ("group_member", "g2"),
        ("software", "d1"),
    ]
    devices, programs, people = report.tables
    assert (devices.added, devices.changed, devices.removed, devices.unchanged) == (1, 1, 1, 8)
    assert (programs.added, programs.changed, programs.removed, programs.unchanged) == (1, 0, 3, 17)
    assert (people.added, people.changed, people.removed, people.unchanged) == (1, 0, 1, 2)
    assert (devices.units_new, devices.units_changed, devices.units_gone, devices.units_total) == (1, 1, 1, 10)


def test_incremental_and_clean_give_the_same_repository(store: Store, source: Source) -> None:
    incremental, clean, again = store.repository("main"), store.repository("other"), store.ensure("third", "Third")
    run_sync(incremental, source.connector())
    run_sync(again, source.connector())
    change_a_little(source)
    run_sync(incremental, source.connector())
    run_sync(clean, source.connector(), CLEAN)
    run_sync(again, source.connector(), CLEAN)
    assert content(incremental) == content(clean) == content(again)
    assert "d2" not in keys_of(incremental, "software")


def test_a_clean_sync_reads_everything_even_when_stamps_stayed(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    source.put("device", "d1", device("d1", model="silently changed"), "1")
    source.save()
    assert run_sync(repository, source.connector()).status == "unchanged"
    report = run_sync(repository, source.connector(), CLEAN)
    assert report.table("device").changed == 1
    assert report.table("device").complete
    assert content(repository)["device"][1] != content(repository)["device"][0]


def test_a_new_stamp_with_the_same_content_is_remembered_and_no_news(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    source.put("device", "d1", device("d1"), "2")
    source.save()
    assert run_sync(repository, source.connector()).status == "unchanged"
    connector = source.connector()
    run_sync(repository, connector)
    assert ("device", "d1") not in connector.units_read
    assert content(repository) == before


def test_a_unit_without_stamp_is_always_read(repository: Repository, source: Source) -> None:
    source.put("device", "d1", device("d1"), None)
    source.save()
    run_sync(repository, source.connector())
    connector = source.connector()
    assert run_sync(repository, connector).status == "unchanged"
    assert ("device", "d1") in connector.units_read
    source.put("device", "d1", device("d1", model="X"), None)
    source.save()
    assert run_sync(repository, source.connector()).table("device").changed == 1


def test_a_unit_that_comes_back_is_visible_again(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    source.drop("device", "d3")
    source.save()
    run_sync(repository, source.connector())
    assert "d3" not in keys_of(repository, "device")
    source.put("device", "d3", device("d3"))
    source.save()
    assert run_sync(repository, source.connector()).table("device").added == 1
    assert content(repository) == before


def test_a_changed_mapping_reads_everything_and_stores_only_what_differs(
    repository: Repository, source: Source
) -> None:
    run_sync(repository, source.connector())
    source.put("device", "d1", device("d1", model="newly mapped"), "1")
    source.save()
    connector = source.connector(mapping="2")
    report = run_sync(repository, connector)
    assert len([key for table, key in connector.units_read if table == "device"]) == 10
    assert report.table("device").changed == 1
    assert not report.table("device").complete
    connector = source.connector(mapping="2")
    run_sync(repository, connector)
    assert ("device", "d1") not in connector.units_read


def test_a_listing_of_changes_only_brings_the_same(store: Store, source: Source) -> None:
    source.faults = {"delta": True}
    source.save()
    delta, clean = store.repository("main"), store.repository("other")
    run_sync(delta, source.connector())
    assert run_sync(delta, source.connector()).status == "unchanged"
    change_a_little(source)
    connector = source.connector()
    run_sync(delta, connector)
    assert ("device", "d5") not in connector.units_read
    run_sync(clean, source.connector(), CLEAN)
    assert content(delta) == content(clean)
    change_a_little_more = source
    change_a_little_more.drop("device", "new")
    source.put("device", "new", device("new", model="came back"), "9")
    source.save()
    run_sync(delta, source.connector(mapping="2"))
    run_sync(clean, source.connector(), CLEAN)
    assert content(delta) == content(clean)


def test_rows_under_one_key_in_one_unit_are_one_row_and_the_later_wins(repository: Repository, source: Source) -> None:
    twice = [*software("d1", "Acrobat"), {**software("d1", "Acrobat")[0], "edition": "Pro"}]
    source.put("software", "d1", twice, "2")
    source.save()
    report = run_sync(repository, source.connector())
    found = [row for row in repository.visible().arrow("software").to_pylist() if row["unit_key"] == "d1"]
    assert [row["edition"] for row in found] == ["Pro"]
    assert any("twice" in note for note in report.table("software").notes)


def test_the_guard_holds_a_half_empty_source(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before, files = content(repository), raw_files(repository)
    for number in range(4):
        source.drop("device", f"d{number}")
    source.save()
    for options in (SyncOptions(), CLEAN):
        with pytest.raises(SyncHeld, match="4 of 10 units would go") as held:
            run_sync(repository, source.connector(), options)
        assert "accept_shrink" in held.value.cure
    assert (content(repository), raw_files(repository)) == (before, files)
    assert repository.process_log().column("status").to_pylist()[:2] == ["held", "held"]
    report = run_sync(repository, source.connector(), SyncOptions(accept_shrink=True))
    assert report.table("device").removed == 4
    assert len(keys_of(repository, "device")) == 6


def test_the_guard_looks_at_rows_too_and_leaves_small_losses_alone(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    for number in range(7):
        source.put("software", f"d{number}", [], "2")
    source.save()
    with pytest.raises(SyncHeld, match="20 rows would become 6"):
        run_sync(repository, source.connector())
    # The source is mended without new stamps: what was read while it was broken must not be trusted.
    for number in range(3, 7):
        source.put("software", f"d{number}", software(f"d{number}", "Acrobat", f"Tool {number}"), "2")
    source.save()
    assert run_sync(repository, source.connector()).table("software").removed == 6


def test_an_empty_source_is_held_and_can_be_approved(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    source.tables = {}
    source.save()
    for clean in (False, True):
        with pytest.raises(SyncHeld):
            run_sync(repository, source.connector(), SyncOptions(clean=clean))
    run_sync(repository, source.connector(), SyncOptions(clean=True, accept_shrink=True))
    assert not any(content(repository).values())
    source.put("device", "d1", device("d1"))
    source.save()
    assert run_sync(repository, source.connector()).table("device").added == 1


def test_a_dry_run_tells_what_would_happen_and_commits_nothing(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before, files, position = content(repository), raw_files(repository), repository.store.ledger.position()
    change_a_little(source)
    preview = run_sync(repository, source.connector(), SyncOptions(dry_run=True))
    assert (preview.status, preview.position) == ("dry_run", None)
    assert (content(repository), raw_files(repository)) == (before, files)
    assert repository.store.ledger.position() == position
    assert not repository.store.storage.files("main/staging")
    report = run_sync(repository, source.connector())
    for expected, found in zip(preview.tables, report.tables, strict=True):
        figures = ("rows_read", "added", "changed", "removed", "unchanged", "rejected", "rows_total", "units_gone")
        assert [getattr(expected, name) for name in figures] == [getattr(found, name) for name in figures]


def test_a_dry_run_says_that_the_guard_would_hold_it(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    source.tables["device"] = {}
    source.save()
    report = run_sync(repository, source.connector(), SyncOptions(dry_run=True))
    assert "10 of 10 units would go" in report.problems[0]


def test_rejected_rows_are_counted_stored_and_do_not_stop_the_rest(repository: Repository, source: Source) -> None:
    source.put("software", "d1", [*software("d1", "Acrobat"), {"source_device_id": "d1", "title": None}], "2")
    source.save()
    report = run_sync(repository, source.connector())
    assert (report.table("software").rejected, report.table("software").rows_read) == (1, 20)
    rejects = repository.rejects("software").to_pylist()
    assert [(row["unit_key"], row["column_name"], row["row_kept"], row["sync_id"]) for row in rejects] == [
        ("d1", "title", False, report.action_id)
    ]
    assert run_sync(repository, source.connector()).status == "unchanged"
    assert run_sync(repository, source.connector(), CLEAN).status == "unchanged"
    assert repository.rejects("software").num_rows == 1
    source.put("software", "d1", software("d1", "Acrobat", "Mended"), "3")
    source.save()
    run_sync(repository, source.connector())
    assert repository.rejects().num_rows == 0


def test_too_many_rejects_fail_the_sync_with_a_sample(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    source.put("software", "d1", [{"source_device_id": "d1", "title": None}] * 10, "2")
    source.save()
    with pytest.raises(SyncError, match=r"software: 10 of 28 rows cannot be accepted, more than 10%.*title"):
        run_sync(repository, source.connector())
    assert content(repository) == before
    source.put("software", "d1", software("d1", "Mended"), "2")
    source.save()
    assert run_sync(repository, source.connector()).status == "committed"


def test_a_refused_unit_keeps_its_last_good_report(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    source.put("device", "d1", device("d1", model="unreadable"), "2")
    source.put("group_member", "g2", members("g2", "nobody"), None)
    source.faults = {"refuse": {"device": ["d1"], "group_member": ["g2"]}}
    source.save()
    for options in (SyncOptions(), SyncOptions(), CLEAN, SyncOptions()):
        report = run_sync(repository, source.connector(), options)
        assert report.table("device").units_refused == 1
        assert any("object d1: it is torn" in note for note in report.table("device").notes)
        assert content(repository) == before
        refused = {row["unit_key"]: row["reason"] for row in repository.rejects().to_pylist()}
        assert refused == {"d1": "it is torn.", "g2": "it is torn."}
    assert report.status == "unchanged"
    source.faults = {}
    source.save()
    assert run_sync(repository, source.connector()).table("device").changed == 1
    assert repository.rejects().num_rows == 0


def test_a_clean_sync_with_a_refused_unit_carries_its_report_over(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    change_a_little(source)
    source.faults = {"refuse": {"device": ["d1"]}}
    source.save()
    report = run_sync(repository, source.connector(), CLEAN)
    assert report.table("device").complete
    rows = {row["unit_key"]: row for row in repository.visible().arrow("device").to_pylist()}
    assert rows["d1"]["model"] is None
    assert rows["d1"]["sync_id"] != rows["d3"]["sync_id"]
    assert len(rows) == report.table("device").rows_total == 10
    source.faults = {}
    source.save()
    run_sync(repository, source.connector())
    rows = {row["unit_key"]: row for row in repository.visible().arrow("device").to_pylist()}
    assert rows["d1"]["model"] == "Latitude 7440"


def test_a_report_that_was_carried_over_goes_when_the_source_drops_it(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    source.put("device", "d2", device("d2", model="X"), "2")
    source.faults = {"refuse": {"device": ["d1"]}}
    source.save()
    assert run_sync(repository, source.connector(), CLEAN).table("device").complete
    source.drop("device", "d1")
    source.faults = {}
    source.save()
    assert run_sync(repository, source.connector()).table("device").removed == 1
    assert "d1" not in keys_of(repository, "device")


def test_rejected_rows_without_a_key_stay_on_record_until_they_are_mended(
    repository: Repository, source: Source
) -> None:
    source.put("device", "d1", [*device("d1"), {"unit_key": None, "source_device_id": None, "name": "torn"}])
    source.save()
    run_sync(repository, source.connector())
    assert repository.rejects("device").column("column_name").to_pylist() == ["source_device_id"]
    source.put("device", "d5", device("d5", model="X"), "2")
    source.save()
    run_sync(repository, source.connector())
    assert repository.rejects("device").num_rows == 1
    source.put("device", "d1", device("d1"))
    source.save()
    run_sync(repository, source.connector(), CLEAN)
    assert repository.rejects("device").num_rows == 0


def test_a_sync_that_was_given_up_for_dead_commits_nothing(repository: Repository, source: Source) -> None:
    class Silent(type(source.connector())):
        def close(self) -> None:
            with repository.store.ledger.writing() as connection:
                connection.execute(action_table.update().values(status="interrupted"))

    with pytest.raises(SyncError, match="given up for dead"):
        run_sync(repository, Silent(name="Fixture", path=str(source.path)))
    assert not any(content(repository).values())


def test_a_subset_of_categories_leaves_the_others_alone(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    before = content(repository)
    change_a_little(source)
    report = run_sync(repository, source.connector(), SyncOptions(categories=(Category.device,), clean=True))
    assert [log.table for log in report.tables] == ["device"]
    after = content(repository)
    assert after["device"] != before["device"]
    assert (after["software"], after["group_member"]) == (before["software"], before["group_member"])


def test_connectors_never_touch_each_other(repository: Repository, source: Source, tmp_path: Path) -> None:
    first, second = source.connector("First"), source.connector("Second")
    run_sync(repository, first)
    run_sync(repository, second)
    mine = content(repository, "first")
    source.tables = {"device": {}}
    source.put("device", "d1", device("d1", model="only"), "2")
    source.save()
    run_sync(repository, source.connector("Second"), SyncOptions(clean=True, accept_shrink=True))
    assert content(repository, "first") == mine
    assert len(content(repository, "second")["device"]) == 1


def test_the_later_of_two_syncs_at_once_is_refused(repository: Repository, source: Source) -> None:
    class Overtaken(type(source.connector())):
        def close(self) -> None:
            if self._calls:
                self._calls = {}
                run_sync(repository, source.connector())

    slow = Overtaken(name="Fixture", path=str(source.path))
    with pytest.raises(SyncError, match=r"another sync of Fixture .* was committed since this one began"):
        run_sync(repository, slow)
    after, files = content(repository), raw_files(repository)
    assert len(after["device"]) == 10
    assert set(files) == repository.visible().files()
    assert run_sync(repository, source.connector()).status == "unchanged"
    assert content(repository) == after


def test_syncs_of_different_categories_may_run_at_once(repository: Repository, source: Source) -> None:
    class Beside(type(source.connector())):
        def close(self) -> None:
            if self._calls:
                self._calls = {}
                run_sync(repository, source.connector(), SyncOptions(categories=(Category.software,)))

    run_sync(repository, Beside(name="Fixture", path=str(source.path)), SyncOptions(categories=(Category.device,)))
    assert len(keys_of(repository, "device")) == len(keys_of(repository, "software")) == 10


def test_a_repository_that_is_cleared_or_archived_meanwhile_refuses_the_commit(store: Store, source: Source) -> None:
    for verb in ("clear", "archive"):
        repository = store.ensure(f"r_{verb}", verb)

        class Meanwhile(type(source.connector())):
            def close(self, verb: str = verb, slug: str = repository.slug) -> None:
                if self._calls:
                    getattr(store, verb)(slug)

        with pytest.raises(SyncError, match=f"was {verb}"):
            run_sync(repository, Meanwhile(name="Fixture", path=str(source.path)))
        assert not any(content(repository).values())


def test_an_archived_repository_takes_no_sync_and_stays_readable(store: Store, source: Source) -> None:
    repository = store.repository("main")
    run_sync(repository, source.connector())
    store.archive("main")
    with pytest.raises(ConfigurationError, match="archived"):
        run_sync(store.repository("main"), source.connector())
    assert len(keys_of(store.repository("main"), "device")) == 10
    store.restore("main")
    assert run_sync(store.repository("main"), source.connector()).status == "unchanged"


def test_a_cleared_repository_is_empty_and_fills_again(store: Store, source: Source) -> None:
    repository = store.repository("main")
    run_sync(repository, source.connector())
    before = content(repository)
    store.clear("main")
    assert not any(content(repository).values())
    assert repository.freshness().column("last_success").to_pylist() == [None, None, None]
    report = run_sync(repository, source.connector())
    assert report.table("device").added == 10
    assert content(repository) == before


def test_visible_data_as_of_an_earlier_position(repository: Repository, source: Source) -> None:
    first = run_sync(repository, source.connector())
    change_a_little(source)
    run_sync(repository, source.connector())
    run_sync(repository, source.connector(), CLEAN)
    assert first.position is not None
    names = repository.visible(first.position).arrow("device").column("unit_key").to_pylist()
    assert sorted(names) == [f"d{number}" for number in range(10)]
    assert repository.visible(0).arrow("device").num_rows == 0


def test_a_view_of_a_table_without_data_is_typed_and_empty(repository: Repository) -> None:
    with duckdb.connect() as connection:
        name = repository.visible().register(connection, "device")
        described = dict(row[:2] for row in connection.sql(f"DESCRIBE {name}").fetchall())
        assert (described["mac_addresses"], described["memory_mb"]) == ("VARCHAR[]", "BIGINT")
        assert connection.sql(f"SELECT * FROM {name}").fetchall() == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, source: Source) -> None:
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    found = []
    for place in ("a", "b"):
        store = Store(tmp_path / place)
        repository = store.ensure("main", "Main")
        run_sync(repository, source.connector(), action_id="same", observed_at=at)
        found.append({file: store.storage.local(file).read_bytes() for file in raw_files(repository)})
    assert len(found[0]) >= 6
    assert found[0] == found[1]


def test_a_large_first_sync_takes_its_staging_over(
    repository: Repository, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_write, "FLUSH_ROWS", 1)
    report = run_sync(repository, source.connector())
    files = [file for file in report.table("software").files if "rows-" in file]
    assert len(files) == 4  # ten units in chunks of three
    storage = repository.store.storage
    assert not storage.files("main/staging")
    rows = repository.visible().arrow("software")
    assert sum(storage.read(file).num_rows for file in files) == rows.num_rows == report.table("software").rows_total
    assert "staged_row" not in rows.schema.names


def test_rows_are_sorted_by_unit(repository: Repository, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_write, "FLUSH_ROWS", 1_000)
    report = run_sync(repository, source.connector())
    [file] = [file for file in report.table("software").files if "rows-" in file]
    keys = repository.store.storage.read(file).column("unit_key").to_pylist()
    assert keys == sorted(keys)


def test_what_connectors_and_repositories_do_not_take_is_refused(store: Store, source: Source) -> None:
    with pytest.raises(ConfigurationError, match="Choose from: device, software, group"):
        run_sync(store.repository("main"), source.connector(), SyncOptions(categories=(Category.patch,)))
    with pytest.raises(ConfigurationError, match="entitlement repository"):
        run_sync(store.ensure("rights", "Rights", "entitlement"), source.connector())
    with pytest.raises(InventoryError, match=r"no repository 'nowhere'.*main, other"):
        store.repository("nowhere")


def test_freshness_and_logs_tell_what_happened(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector(), run_id="run-1")
    change_a_little(source)
    committed = run_sync(repository, source.connector())
    source.faults = {"fail": {"group_member": 0}}
    source.save()
    with pytest.raises(SyncError):
        run_sync(repository, source.connector())
    rows = {row["category"]: row for row in repository.freshness().to_pylist()}
    assert list(rows) == ["device", "software", "group"]
    assert rows["software"]["last_status"] == "failed"
    assert rows["software"]["last_attempt"] > rows["software"]["last_success"]
    assert (rows["software"]["watermark"], rows["software"]["removed"]) == (committed.position, 3)
    assert rows["software"]["rows_total"] == 18
    log = repository.process_log().to_pylist()
    assert [row["status"] for row in log] == ["failed", "committed", "committed"]
    assert log[-1]["title"] == "Sync Data - Fixture"
    assert log[-1]["run_id"] == "run-1"
    assert log[0]["duration_seconds"] > 0
    lines = repository.sync_log(action_id=committed.action_id).to_pylist()
    assert {line["table_name"]: line["removed"] for line in lines} == {"device": 1, "software": 3, "group_member": 1}


def test_progress_is_told(tmp_path: Path, source: Source, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path / "data", policy=SyncPolicy(progress_seconds=0.001))
    with caplog.at_level("INFO", "inventory_pipeline.sync"):
        run_sync(store.ensure("main", "Main"), source.connector())
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "Fixture into Main: " in told
    assert "Fixture: software: 20 rows of 10 units read" in told
