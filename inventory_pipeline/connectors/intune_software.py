"""Detected apps of all devices from two export reports, held as two small arrays however many rows there are.

Facts: Microsoft Intune, "Reports and properties available using Graph API" (AppInvRawData: one row per device and app;
AppInvAggregate: one row per app, with ApplicationId and DeviceCount). The keys of apps in the two reports do not always
meet, so apps are told apart by what they say (name, publisher, versions, platform); each report completes the other.
"""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes its compute functions at import, where pyright does not see them)

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA

RAW_REPORT, CATALOG_REPORT = "AppInvRawData", "AppInvAggregate"
APP_COLUMNS = (
    "ApplicationKey", "ApplicationName", "ApplicationPublisher", "ApplicationVersion", "ApplicationShortVersion",
    "Platform",
)  # fmt: skip
RAW_COLUMNS = ("DeviceId", *APP_COLUMNS)
CATALOG_COLUMNS = (*APP_COLUMNS, "ApplicationId", "DeviceCount")
READ_ROWS = 100_000
LISTED_KEYS = 50_000
TOGETHER_ROWS = 500_000

SCHEMA = pa.schema(
    [
        pa.field("source_device_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("publisher", pa.string()),
        pa.field("version", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("extra", pa.string()),
    ]
)

App = tuple[str, str, str, str, str]
"""Name, publisher, version, short version and platform; empty where the report says nothing."""


@dataclass(slots=True)
class Catalog:
    """What AppInvAggregate says: apps by key, their ApplicationId, and on how many devices each is."""

    by_key: dict[str, App] = field(default_factory=dict)
    ids: dict[App, str] = field(default_factory=dict)
    devices: dict[App, int] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds rows in CATALOG_COLUMNS; those that the report does not have may be missing."""
        columns = [_text(batch, name) for name in CATALOG_COLUMNS]
        for key, name, publisher, version, short, platform, app_id, count in zip(*columns, strict=True):
            app = (name, publisher, version, short, platform)
            if key:
                self.by_key[key] = app
            if app_id:
                self.ids[app] = app_id
            self.devices[app] = self.devices.get(app, 0) + (int(count) if count.isdigit() else 0)


class DetectedApps:
    """Which apps are on which device."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rows = 0
        self._apps: dict[App, int] = {}
        self._devices: dict[str, int] = {}
        self._device_parts: list[np.ndarray] = []
        self._app_parts: list[np.ndarray] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Adds rows of AppInvRawData, whose columns are dictionaries of text.

        Raises:
            ValueError: they do not say of which device they are.
        """
        if "DeviceId" not in batch.schema.names:
            raise ValueError(f"the report {RAW_REPORT} has no column DeviceId.")
        self.rows += batch.num_rows
        devices = batch.column("DeviceId")
        numbers = np.array(
            [-1 if not name else self._devices.setdefault(name, len(self._devices)) for name in _words(devices)],
            np.int32,
        )
        app_numbers = self._app_numbers(batch)
        device_numbers = numbers[_codes(devices)]
        # A row without device belongs to nobody.
        kept = device_numbers >= 0
        self._device_parts.append(device_numbers[kept])
        self._app_parts.append(app_numbers[kept])

    def add_all(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Adds batches, several at a time: the fewer dictionaries there are, the less often an app is looked up."""
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(held.num_rows for held in waiting) >= TOGETHER_ROWS:
                self._add_together(waiting)
                waiting = []
        self._add_together(waiting)

    def _add_together(self, batches: list[pa.RecordBatch]) -> None:
        if batches:
            for batch in pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches():
                self.add(batch)

    def finish(self) -> DeviceApps:
        """Sorts by device, drops what comes twice, and forgets the rows."""
        devices, apps = _joined(self._device_parts), _joined(self._app_parts)
        self._device_parts, self._app_parts = [], []
        names = np.array(sorted(self._devices), dtype=object)
        order = np.empty(len(names), np.int32)
        for place, name in enumerate(names):
            order[self._devices[name]] = place
        pairs = (order[devices].astype(np.int64) << 32) | apps
        del devices, apps
        pairs.sort()
        pairs = pairs[np.diff(pairs, prepend=-1) != 0]
        owners = (pairs >> 32).astype(np.int32)
        starts = np.searchsorted(owners, np.arange(len(names) + 1))
        return DeviceApps(list(names), starts, (pairs & 0xFFFFFFFF).astype(np.int32), list(self._apps), self.catalog)

    def _app_numbers(self, batch: pa.RecordBatch) -> np.ndarray:
        columns = [batch.column(name) if name in batch.schema.names else _missing(batch) for name in APP_COLUMNS]
        words = [_words(column) for column in columns]
        combined, combinations = np.zeros(batch.num_rows, np.int64), 1
        for column, values in zip(columns, words, strict=True):
            if combinations * len(values) >= 1 << 62:
                # Numbered anew, so that no product of dictionary sizes can overflow.
                _, combined = np.unique(combined, return_inverse=True)
                combinations = batch.num_rows
            combined, combinations = combined * len(values) + _codes(column), combinations * len(values)
        _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        codes = [_codes(column)[first] for column in columns]
        numbers = np.empty(len(first), np.int32)
        for place, chosen in enumerate(zip(*codes, strict=True)):
            key, *told = (values[code] for values, code in zip(words, chosen, strict=True))
            numbers[place] = self._apps.setdefault(self._completed(key, told), len(self._apps))
        return numbers[inverse]

    def _completed(self, key: str, told: list[str]) -> App:
        name, publisher, version, short, platform = told
        known = self.catalog.by_key.get(key)
        if known is None or (name and publisher and version):
            return (name, publisher, version, short, platform)
        return (name or known[0], publisher or known[1], version or known[2], short or known[3], platform or known[4])


@dataclass(slots=True)
class DeviceApps:
    """Apps by device: device i has the apps `app_numbers[starts[i]:starts[i + 1]]`."""

    devices: list[str]
    starts: np.ndarray
    app_numbers: np.ndarray
    apps: list[App]
    catalog: Catalog
    _place: dict[str, int] = field(default_factory=dict)
    _table: pa.Table | None = None

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Devices and stamps (KEYS_SCHEMA): two sums over hashes of their apps, so that no order matters."""
        digests = np.frombuffer(b"".join(_digest(app, self.catalog) for app in self.apps), np.uint64).reshape(-1, 2)
        for begin in range(0, len(self.devices), LISTED_KEYS):
            names = self.devices[begin : begin + LISTED_KEYS]
            bounds = self.starts[begin : begin + len(names) + 1]
            taken = digests[self.app_numbers[bounds[0] : bounds[-1]]]
            sums = np.add.reduceat(taken, (bounds[:-1] - bounds[0]).astype(np.int64), axis=0)
            counts = np.diff(bounds)
            stamps = [f"{count}-{a:016x}{b:016x}" for count, (a, b) in zip(counts.tolist(), sums.tolist(), strict=True)]
            yield pa.RecordBatch.from_pydict({"unit_key": names, "stamp": stamps}, KEYS_SCHEMA)

    def read(self, keys: Iterable[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Rows of the given devices, or of all; devices without apps have none."""
        if not self._place:
            self._place = {name: place for place, name in enumerate(self.devices)}
        places = (
            range(len(self.devices)) if keys is None else [p for k in keys if (p := self._place.get(k)) is not None]
        )
        waiting: list[int] = []
        rows = 0
        for place in places:
            waiting.append(place)
            rows += int(self.starts[place + 1] - self.starts[place])
            if rows >= READ_ROWS:
                yield self._rows(waiting)
                waiting, rows = [], 0
        if waiting:
            yield self._rows(waiting)

    def without_rows(self) -> list[App]:
        """Apps that only the aggregate knows: no row says on which device they are."""
        known = set(self.apps)
        return [app for app, count in self.catalog.devices.items() if count and app not in known]

    def _rows(self, places: list[int]) -> pa.RecordBatch:
        described = self._described()
        apps = np.concatenate([self.app_numbers[self.starts[place] : self.starts[place + 1]] for place in places])
        counts = [int(self.starts[place + 1] - self.starts[place]) for place in places]
        owners = pa.array([self.devices[place] for place in places]).take(np.repeat(np.arange(len(places)), counts))
        taken = described.take(pa.array(apps)).combine_chunks().to_batches()
        columns = taken[0].columns if taken else [pa.nulls(0, kind.type) for kind in list(SCHEMA)[1:]]
        return pa.RecordBatch.from_arrays([owners, *columns], schema=SCHEMA)

    def _described(self) -> pa.Table:
        if self._table is not None:
            return self._table
        names, publishers, versions, extras = [], [], [], []
        for app in self.apps:
            name, publisher, version, short, platform = app
            more = {
                "short_version": short if short != version else "",
                "platform": platform,
                "application_id": self.catalog.ids.get(app, ""),
            }
            given = {key: value for key, value in more.items() if value}
            names.append(name or None)
            publishers.append(publisher or None)
            versions.append(version or short or None)
            extras.append(json.dumps(given, ensure_ascii=False) if given else None)
        columns = [names, publishers, versions, ["detected_app"] * len(names), extras]
        schema = pa.schema(list(SCHEMA)[1:])
        self._table = pa.Table.from_arrays([pa.array(values, pa.string()) for values in columns], schema=schema)
        return self._table


def _digest(app: App, catalog: Catalog) -> bytes:
    return hashlib.blake2b("\x1f".join((*app, catalog.ids.get(app, ""))).encode(), digest_size=16).digest()


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, np.int32)


def _words(column: pa.Array) -> list[str]:
    """Distinct values of a dictionary column, and one for null at the end; trimmed."""
    return [str(word).strip() if word is not None else "" for word in (*column.dictionary.to_pylist(), None)]


def _codes(column: pa.Array) -> np.ndarray:
    """Place of each row's value in `_words`."""
    return column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)


def _missing(batch: pa.RecordBatch) -> pa.Array:
    return pa.nulls(batch.num_rows, pa.string()).dictionary_encode()


def _text(batch: pa.RecordBatch, name: str) -> list[str]:
    if name not in batch.schema.names:
        return [""] * batch.num_rows
    return [str(value).strip() if value is not None else "" for value in batch.column(name).to_pylist()]
