"""A reader sees all of one release or all of the next, whatever happens to those who publish."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import duckdb
import pytest

from inventory_pipeline.errors import InventoryError, ReleaseError
from inventory_pipeline.repository import release as release_module
from inventory_pipeline.repository.maintenance import maintain
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.release import latest_release, list_releases
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline_tests.repository.releases import build, publish


def names(path: Path) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM named ORDER BY 1").fetchall()]


def database(repository: Repository) -> Path:
    return repository.store.storage.local(f"{repository.slug}/inventory.duckdb")


def test_a_release_is_read_by_api_and_by_file(repository: Repository) -> None:
    assert latest_release(repository) is None
    release = publish(repository, "ALPHA", None)
    assert release.tables == {"device": 2, "freshness": 1}
    with release.connect() as connection:
        assert connection.execute("SELECT name FROM named").fetchall() == [("ALPHA",)]
    assert names(database(repository)) == ["ALPHA"]
    with duckdb.connect(str(database(repository)), read_only=True) as connection:
        assert connection.execute("SELECT release_id FROM release").fetchall() == [(release.id,)]
    assert database(repository).stat().st_size < 2_000_000
    log = repository.process_log(1).to_pylist()[0]
    assert (log["title"], log["status"], log["run_id"]) == (release_module.TITLE, "done", "run-1")


def test_what_is_being_built_or_has_failed_is_not_seen(repository: Repository) -> None:
    first = publish(repository, "ALPHA")
    begun = build(repository, "BETA")
    assert [release.id for release in list_releases(repository)] == [first.id]
    assert names(database(repository)) == ["ALPHA"]
    begun.fail("A check failed.")
    assert [release.id for release in list_releases(repository)] == [first.id]
    assert not begun.path("device").exists()
    log = repository.process_log(1).to_pylist()[0]
    assert (log["status"], log["message"]) == ("failed", "A check failed.")


def test_earlier_releases_are_found_by_time(repository: Repository) -> None:
    first, second = publish(repository, "ALPHA"), publish(repository, "BETA")
    assert [release.id for release in list_releases(repository)] == [second.id, first.id]
    found = latest_release(repository, first.published_at.replace(tzinfo=dt.UTC))
    assert found is not None
    assert found.id == first.id
    assert latest_release(repository, first.published_at - dt.timedelta(seconds=1)) is None


def test_of_two_that_build_at_a_time_only_one_is_published(repository: Repository) -> None:
    publish(repository, "ALPHA")
    slow = build(repository, "SLOW")
    quick = build(repository, "QUICK").publish([], {})
    with pytest.raises(ReleaseError, match="another release was published since"):
        slow.publish([], {})
    newest = latest_release(repository)
    assert newest is not None
    assert newest.id == quick.id
    assert not slow.path("device").exists()


def test_a_reader_keeps_its_release_while_the_next_is_published(repository: Repository) -> None:
    publish(repository, "ALPHA")
    with duckdb.connect(str(database(repository)), read_only=True) as reader:
        publish(repository, "BETA")
        assert reader.execute("SELECT name FROM device").fetchall() == [("ALPHA",)]
    assert names(database(repository)) == ["BETA"]


def test_readers_never_find_a_mixture_or_no_file(repository: Repository) -> None:
    publish(repository, "0")
    seen: list[tuple[str, str]] = []
    problems: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            try:
                with duckdb.connect(str(database(repository)), read_only=True) as connection:
                    query = "SELECT name, (SELECT release_id FROM release) FROM device"
                    seen.extend(connection.execute(query).fetchall())
            except BaseException as error:
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    published = {publish(repository, str(number)).id: str(number) for number in range(1, 12)}
    ended.set()
    reader.join()
    assert not problems
    assert len(seen) > 10
    assert all(published.get(release, "0") == name for name, release in seen)


_KILLED = """
    import os, signal, sys
    from inventory_pipeline.repository import release as module
    from inventory_pipeline.repository.store import Store
    from inventory_pipeline_tests.repository.releases import publish

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    where = sys.argv[2]
    if where == "files":
        module.ReleaseBuild._keep_files = die
    elif where == "commit":
        module.ReleaseBuild._overtaken = die
    else:
        module.refresh_database = die
    publish(Store(sys.argv[1]).repository("main"), "NEW")
"""


@pytest.mark.parametrize(("where", "expected"), [("files", "OLD"), ("commit", "OLD"), ("database", "NEW")])
def test_a_kill_while_publishing_leaves_one_whole_release(
    store: Store, tmp_path: Path, where: str, expected: str
) -> None:
    repository = store.repository("main")
    publish(repository, "OLD")
    script = textwrap.dedent(_KILLED)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "data"), where], check=False, cwd=Path.cwd())
    assert done.returncode == -signal.SIGKILL
    newest = latest_release(repository)
    assert newest is not None
    with newest.connect() as connection:
        assert connection.execute("SELECT name FROM device").fetchall() == [(expected,)]
    assert names(database(repository)) == ["OLD"]
    list(maintain(repository, RetentionPolicy(orphan_hours=0)))
    assert names(database(repository)) == [expected]
    folders = store.storage.folders("main/releases")
    assert len(folders) == len(list_releases(repository)) == (2 if expected == "NEW" else 1)
    publish(repository, "NEXT")
    assert names(database(repository)) == ["NEXT"]
    statuses = [row["status"] for row in repository.process_log().to_pylist()]
    assert "running" not in statuses


def test_an_archived_repository_takes_no_release_and_stays_readable(store: Store, repository: Repository) -> None:
    publish(repository, "ALPHA")
    store.archive("main")
    with pytest.raises(InventoryError, match="is archived"):
        build(store.repository("main"), "BETA")
    assert len(list_releases(store.repository("main"))) == 1


def test_a_release_whose_files_are_gone_says_so(repository: Repository) -> None:
    release = publish(repository, "ALPHA")
    repository.store.storage.delete(f"main/releases/{release.id}")
    with pytest.raises(ReleaseError, match="past its retention"):
        release.connect()


def test_releases_on_an_object_store(s3_url: str, tmp_path: Path) -> None:
    store = Store(s3_url, f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    repository = store.ensure("main", "Main")
    publish(repository, "ALPHA")
    begun = build(repository, "BETA")
    [borrowed] = begun.borrow("device")
    with duckdb.connect() as reader:
        assert reader.execute("SELECT name FROM read_parquet(?)", [borrowed]).fetchall() == [("ALPHA",)]
    release = begun.publish([], {})
    assert not begun.path("device").exists()
    with release.connect() as connection:
        assert connection.execute("SELECT name FROM device").fetchall() == [("BETA",)]
    list(maintain(repository, RetentionPolicy(releases_days=0, releases_minimum=1, orphan_hours=0)))
    assert store.storage.folders("main/releases") == [f"main/releases/{release.id}"]
