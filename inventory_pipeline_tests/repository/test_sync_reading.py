"""How a sync deals with what sources list and return: odd keys, rows nobody asked for, order, hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from inventory_pipeline.connectors.base import Keys, RefusedUnit, Units
from inventory_pipeline.errors import SyncError
from inventory_pipeline.repository.store import Repository, Store
from inventory_pipeline.repository.sync import SyncOptions, run_sync
from inventory_pipeline_tests.repository.sources import FixtureConnector, Source, content, device, keys_of, software

CLEAN = SyncOptions(clean=True)
HOSTILE = ["'; DROP TABLE x; --", 'quo"te', "new\nline", "=1+1", "\u202egnp.exe", "ключ", "a|b", " blank ", "%", "\x1f"]


def connector(kind: type[FixtureConnector], source: Source) -> FixtureConnector:
    return kind(name="Fixture", path=str(source.path))


def listed(*units: tuple[str | None, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {"unit_key": pa.array([key for key, _ in units], pa.string()), "stamp": [stamp for _, stamp in units]}
    )


def test_hostile_keys_and_values_come_through_verbatim(repository: Repository, source: Source) -> None:
    source.tables = {}
    for text in HOSTILE:
        source.put("device", text, device(text, name=text, mac_addresses=[text]))
    source.save()
    run_sync(repository, source.connector())
    assert keys_of(repository, "device") == sorted(HOSTILE)
    rows = repository.visible().arrow("device").to_pylist()
    assert {(row["source_device_id"], row["name"]) for row in rows} == {(text, text) for text in HOSTILE}
    assert run_sync(repository, source.connector(), CLEAN).status == "unchanged"
    source.drop("device", HOSTILE[0])
    source.save()
    run_sync(repository, source.connector())
    assert keys_of(repository, "device") == sorted(HOSTILE[1:])


def test_a_unit_listed_twice_is_read_once_and_one_without_key_is_noted(repository: Repository, source: Source) -> None:
    class Doubled(FixtureConnector):
        def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys | None:
            if table != "device":
                return super().keys(table, cursor)
            return Keys([listed(("d1", "1"), ("d2", "1"), (None, "1")), listed(("d1", "2"))])

    doubled = connector(Doubled, source)
    report = run_sync(repository, doubled)
    assert [key for table, key in doubled.units_read if table == "device"] == ["d1", "d2"]
    assert report.table("device").notes == ("1 listed objects have no key and were left out.",)
    assert run_sync(repository, connector(Doubled, source)).status == "unchanged"


def test_rows_of_units_that_appeared_after_the_listing_wait_for_the_next_sync(
    repository: Repository, source: Source
) -> None:
    class Growing(FixtureConnector):
        def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
            yield from super().read(table, units)
            if table == "device":
                yield pa.RecordBatch.from_pylist(device("d99"))

    report = run_sync(repository, connector(Growing, source))
    assert "d99" not in keys_of(repository, "device")
    assert any("left for the next sync" in note for note in report.table("device").notes)


def test_a_connector_that_reads_other_keys_than_it_lists_is_found_out(repository: Repository, source: Source) -> None:
    class Mistaken(FixtureConnector):
        def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
            for item in super().read(table, units):
                assert not isinstance(item, RefusedUnit)
                keys = [f"0{key}" for key in item.column("unit_key").to_pylist()]
                yield item.set_column(item.schema.get_field_index("unit_key"), "unit_key", pa.array(keys))

    with pytest.raises(SyncError, match="3 rows, but none for the units it was asked for"):
        run_sync(repository, connector(Mistaken, source))
    assert not any(content(repository).values())


def test_chunks_say_whether_they_are_a_range_of_the_listing(repository: Repository, source: Source) -> None:
    asked: list[tuple[tuple[str, ...], bool]] = []

    class Asked(FixtureConnector):
        def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
            if table == "device" and units is not None:
                asked.append((units.keys, units.contiguous))
            return super().read(table, units)

    run_sync(repository, connector(Asked, source))
    assert asked[0] == (("d0", "d1", "d2"), True)
    assert len(asked) == 4
    asked.clear()
    for key in ("d1", "d3", "d4"):
        source.put("device", key, device(key, model="X"), "2")
    source.save()
    run_sync(repository, connector(Asked, source))
    assert asked == [(("d1", "d3", "d4"), False)]


def test_reordered_rows_of_a_file_are_stored_anew_so_that_a_clean_sync_finds_the_same(
    store: Store, source: Source
) -> None:
    rows = [
        {**row, "source_object": "software.csv", "source_row": number}
        for number, row in enumerate(software("d1", "A", "B", "C"))
    ]
    repository, clean = store.repository("main"), store.repository("other")
    source.put("software", "d1", rows, "2")
    source.save()
    run_sync(repository, source.connector())
    turned = [{**row, "source_row": 2 - row["source_row"]} for row in rows]
    source.put("software", "d1", turned, "3")
    source.save()
    report = run_sync(repository, source.connector()).table("software")
    assert (report.added, report.changed, report.removed, report.units_changed) == (0, 0, 0, 1)
    run_sync(clean, source.connector(), CLEAN)
    assert content(repository) == content(clean)


def test_row_hashes_stay_the_same_for_ever(repository: Repository, source: Source) -> None:
    """Rows of earlier syncs and releases are found by them: `name=value` of what has a value, parted by 0x1F."""
    source.tables = {}
    source.put("software", "d1", [{**software("d1", "Acrobat")[0], "extra": '{"a": 1}'}])
    source.put("device", "d1", device("d1", memory_mb=16384, mac_addresses=["00:11", "22:33"], is_virtual=False))
    source.save()
    run_sync(repository, source.connector())
    visible = repository.visible()
    assert visible.arrow("software").column("row_hash").to_pylist() == [
        hashed("source_device_id=d1", "title=Acrobat", "version=1", 'extra={"a": 1}')
    ]
    assert visible.arrow("device").column("row_hash").to_pylist() == [
        hashed(
            "source_device_id=d1", "name=PC-d1", "memory_mb=16384", "mac_addresses=00:11\x1e22:33", "is_virtual=false"
        )
    ]


def hashed(*parts: str) -> int:
    """The second half of the MD5, little-endian, as a signed number."""
    digest = hashlib.md5("\x1f".join(parts).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little", signed=True)
