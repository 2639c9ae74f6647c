"""Retention and sweeping take away what nobody can refer to any more, and nothing else."""

from __future__ import annotations

from inventory_pipeline.repository.compaction import compact
from inventory_pipeline.repository.ledger import new_id
from inventory_pipeline.repository.maintenance import maintain
from inventory_pipeline.repository.policy import RetentionPolicy
from inventory_pipeline.repository.release import list_releases
from inventory_pipeline.repository.store import Repository
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.releases import build, publish
from inventory_pipeline_tests.repository.sources import Source, content, device

AT_ONCE = RetentionPolicy(releases_days=0, releases_minimum=1, orphan_hours=0, compact_after_syncs=2)


def raw_folders(repository: Repository) -> set[str]:
    return {file.rsplit("/", 1)[0] for file in repository.store.storage.files("main/raw")}


def changed(repository: Repository, source: Source, model: str, *, clean: bool = False) -> None:
    source.put("device", "d1", device("d1", model=model), model)
    source.save()
    run_sync(repository, source.connector(), SyncOptions(clean=clean))


def test_superseded_data_goes_and_what_is_visible_stays(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    for number in range(3):
        changed(repository, source, f"M{number}")
    list(compact(repository, AT_ONCE))
    before = content(repository)
    assert len(raw_folders(repository)) > len(repository.visible().folders())
    lines = list(maintain(repository, AT_ONCE))
    assert any("folders that nothing refers to were deleted" in line for line in lines)
    assert raw_folders(repository) == repository.visible().folders()
    assert content(repository) == before
    assert list(maintain(repository, AT_ONCE)) == []
    changed(repository, source, "later")
    assert content(repository) != before


def test_what_a_retained_release_was_made_of_stays_readable(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    release = publish(repository, "ALPHA")
    then = repository.visible(release.position).arrow("device").to_pylist()
    changed(repository, source, "M1", clean=True)
    changed(repository, source, "M2", clean=True)
    list(maintain(repository, AT_ONCE))
    assert repository.visible(release.position).arrow("device").to_pylist() == then
    publish(repository, "BETA")
    list(maintain(repository, AT_ONCE))
    assert raw_folders(repository) == repository.visible().folders()


def test_releases_are_kept_by_number_and_age(repository: Repository) -> None:
    published = [publish(repository, str(number)).id for number in range(5)]
    assert list(maintain(repository, RetentionPolicy(releases_days=30, releases_minimum=2))) == []
    lines = list(maintain(repository, RetentionPolicy(releases_days=0, releases_minimum=2, orphan_hours=24)))
    assert lines[0].startswith("3 releases are past their retention")
    assert [release.id for release in list_releases(repository)] == published[:2:-1]
    assert len(repository.store.storage.folders("main/releases")) == 2


def test_a_running_build_and_young_orphans_are_left_alone(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    begun = build(repository, "ALPHA")
    changed(repository, source, "M1", clean=True)
    storage = repository.store.storage
    orphan = f"main/raw/device/connector=fixture/sync={new_id()}"
    storage.local(orphan).mkdir(parents=True)
    read = repository.visible(begun.position).folders()
    assert list(maintain(repository, RetentionPolicy())) == []
    assert storage.exists(orphan)
    list(maintain(repository, AT_ONCE))
    assert not storage.exists(orphan)
    assert read <= raw_folders(repository)
    begun.publish([], {})
    assert len(list_releases(repository)) == 1


def test_folders_of_others_are_left_alone(repository: Repository, source: Source) -> None:
    run_sync(repository, source.connector())
    kept = repository.store.storage.local("main/raw/device/connector=fixture/my notes")
    kept.mkdir()
    list(maintain(repository, AT_ONCE))
    assert kept.exists()
