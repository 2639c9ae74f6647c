"""vCenter Server: hosts and guests as devices, their processors, which machine runs where, tags, and licences.

Facts: vSphere Web Services API 8.0 (HostSystem, VirtualMachine, LicenseManager, AboutInfo); the properties that are
read answer from vSphere 6.5 on. Keys are the vCenter's instance UUID and the managed object id, `<uuid>:vm-42`, since
object ids alone repeat from one vCenter to the next.

All tables of machines come from one collection of light properties per session, kept as Arrow tables, so that they
agree with each other. A unit's stamp is a hash of its row: vCenter has no time of change that covers guest facts, and
tags have none at all.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import (
    KEYS_SCHEMA,
    Check,
    Connector,
    Keys,
    RefusedUnit,
    Secret,
    TableSource,
    Units,
)
from inventory_pipeline.connectors.vcenter_rows import (
    GUEST_PROPERTIES,
    HOST_PROPERTIES,
    Places,
    Row,
    guest_device,
    guest_processor,
    host_device,
    host_processor,
    license_feature,
    shown_name,
    virtual_host,
    virtual_machine,
)
from inventory_pipeline.connectors.vsphere import Properties, VSphere, VSphereError, log_in, tls_context
from inventory_pipeline.connectors.vsphere_tags import tags_by_object
from inventory_pipeline.records import TABLES, Category

# Raised when the same objects would give other rows than before.
MAPPING_VERSION = "2"
BATCH_ROWS = 10_000
PLACED_TABLES = ("device", "processor", "virtual_machine", "virtual_host")
READ_ONLY = "Role Read-only (System.View, System.Read) at the vCenter root, with propagation to children"
CHANGE = "Hash of the properties read"


class VCenter(Connector):
    """A vCenter Server, through the vSphere API.

    Brings hosts and guests as devices, their processors, virtual machines with host, cluster, datacenter and tags, and
    the licences that vCenter manages. Templates are virtual machines with `is_template`, and no devices.
    """

    type: ClassVar[str] = "vcenter"
    title: ClassVar[str] = "vCenter"
    versions: ClassVar[str] = "vCenter Server 6.5 to 8.0"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("device", ("HostSystem", "VirtualMachine"), READ_ONLY, CHANGE, chunk_units=BATCH_ROWS),
        TableSource("processor", ("HostSystem", "VirtualMachine"), READ_ONLY, CHANGE, chunk_units=BATCH_ROWS),
        TableSource(
            "virtual_machine",
            ("VirtualMachine", "HostSystem", "ClusterComputeResource", "Datacenter"),
            READ_ONLY,
            CHANGE,
            chunk_units=BATCH_ROWS,
        ),
        TableSource(
            "virtual_host",
            ("HostSystem", "ClusterComputeResource", "Datacenter"),
            READ_ONLY,
            CHANGE,
            chunk_units=BATCH_ROWS,
        ),
        TableSource("license_feature", ("LicenseManager",), READ_ONLY, CHANGE, chunk_units=BATCH_ROWS),
    )

    host: str = Field(description="Host name of the vCenter Server, as it stands in its certificate.")
    port: int = Field(default=443, description="Port of the vSphere API.")
    username: str = Field(description="Account with the role Read-only, such as inventory@vsphere.local.")
    password: Secret = Field(description="Password of the account.")
    verify_tls: bool = Field(
        default=True, description="Check the server's certificate. Prefer ca_file to switching it off."
    )
    ca_file: str | None = Field(
        default=None, description="PEM file of the authority that signed the server's certificate."
    )
    timeout_seconds: int = Field(default=120, gt=0, description="Longest wait for one answer.")
    page_size: int = Field(default=1000, gt=0, description="Objects per page.")
    tags: bool = Field(default=True, description="Read tags of hosts and guests by the vSphere Automation API.")

    _session: VSphere | None = PrivateAttr(default=None)
    _collected: dict[str, CollectedTable] = PrivateAttr(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        return MAPPING_VERSION

    def connect(self) -> None:
        try:
            context = self._tls_context()
            self._session = log_in(
                self.host,
                self.port,
                self.username,
                self.password.reveal(),
                context=context,
                timeout_seconds=self.timeout_seconds,
                page_size=self.page_size,
            )
        except VSphereError as error:
            raise self.error(str(error), cure=error.cure) from error

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._collected = {}

    def check(self, category: Category) -> Iterator[Check]:
        session = self._opened_session()
        if category is Category.license_server:
            yield self._check_licenses(session)
            return
        kinds = {"hosts": ("HostSystem", "summary.hardware"), "virtual machines": ("VirtualMachine", "config.uuid")}
        for name, (kind, path) in kinds.items():
            try:
                first = next(session.properties(kind, ["name", path]), [])
            except VSphereError as error:
                yield Check(name, False, str(error), error.cure)
                continue
            if any(found.forbidden for found in first):
                yield Check(name, False, f"The account may not read the properties of {name}.", f"{READ_ONLY}.")
            elif not first and session.may_read_everything() is not True:
                yield Check(name, False, f"The account sees no {name}.", f"{READ_ONLY}.")
            elif not first:
                yield Check(name, True, f"There are no {name}.")
            else:
                yield Check(name, True, f"Can read {name} for {category.value}.")
        if category is Category.virtual_machine and self.tags:
            yield self._check_tags()

    def _check_tags(self) -> Check:
        try:
            found = self._tags()
        except VSphereError as error:
            return Check("tags", False, str(error), error.cure)
        if found is None:
            return Check("tags", True, "This vCenter offers no tags.")
        return Check("tags", True, f"Can read tags; {len(found):,} objects have some.")

    def _check_licenses(self, session: VSphere) -> Check:
        try:
            return Check("licenses", True, f"Can read {len(session.licenses()):,} licenses.")
        except VSphereError as error:
            return Check("licenses", False, str(error), error.cure)

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        return Keys(self._table(table).listing())

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        collected = self._table(table)
        wanted = collected.order if units is None else units.keys
        yield from collected.rows(wanted)
        for key in wanted:
            if key not in collected.positions:
                yield RefusedUnit(key, table, collected.refused.get(key, "it is no longer there."))

    def _opened_session(self) -> VSphere:
        if self._session is None:
            raise self.error("the connector is not connected.")
        return self._session

    def _tls_context(self) -> ssl.SSLContext:
        return tls_context(verify=self.verify_tls, ca_file=Path(self.ca_file) if self.ca_file else None)

    def _tags(self) -> dict[str, list[str]] | None:
        context = self._tls_context()
        return tags_by_object(
            self.host, self.port, self.username, self.password.reveal(), context=context,
            timeout_seconds=self.timeout_seconds,
        )  # fmt: skip

    def _table(self, table: str) -> CollectedTable:
        if table not in self._collected:
            session = self._opened_session()
            vcenter = session.about.instanceUuid or self.host
            try:
                if table == "license_feature":
                    self._collected[table] = collect_licenses(session, vcenter, self.host)
                else:
                    self._collected |= collect(session, vcenter, (self._tags() if self.tags else None) or {})
            except VSphereError as error:
                raise self.error(str(error), cure=error.cure) from error
        collected = self._collected[table]
        if collected.refused:
            self.note(table, f"{len(collected.refused)} objects could not be read now; what is known of them stays.")
        return collected


@dataclass(slots=True)
class CollectedTable:
    """Rows of one table, one per unit, and the units that cannot be read now with the reason."""

    schema: pa.Schema
    refused: dict[str, str] = field(default_factory=dict)
    batches: list[pa.RecordBatch] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Sequence[Row]) -> None:
        """Adds rows; an object that moves while pages are read may come twice, and counts once."""
        fresh: dict[str, Row] = {}
        for row in rows:
            key = next(iter(row.values()))
            if key not in self.positions:
                fresh.setdefault(key, row)
        for key, row in fresh.items():
            self.positions[key] = len(self.positions)
            self.stamps[key] = _stamp(row)
        if fresh:
            self.batches.append(pa.RecordBatch.from_pylist(list(fresh.values()), self.schema))

    @property
    def order(self) -> list[str]:
        """Keys of all units, in an order that repeats."""
        return sorted({*self.positions, *self.refused})

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Keys and stamps (KEYS_SCHEMA); what cannot be read has no stamp."""
        order = self.order
        for start in range(0, len(order), BATCH_ROWS):
            keys = order[start : start + BATCH_ROWS]
            stamps = [self.stamps.get(key) for key in keys]
            yield pa.RecordBatch.from_pydict({"unit_key": keys, "stamp": stamps}, KEYS_SCHEMA)

    def rows(self, keys: Iterable[str]) -> Iterator[pa.RecordBatch]:
        """Rows of the units that are there."""
        positions = [self.positions[key] for key in keys if key in self.positions]
        if positions:
            taken = pa.Table.from_batches(self.batches, self.schema).take(pa.array(positions, pa.int64()))
            yield from taken.to_batches(max_chunksize=BATCH_ROWS)


def collect_licenses(session: VSphere, vcenter: str, server: str) -> CollectedTable:
    """Licences as rows of `license_feature`.

    Raises:
        VSphereError: the server fails, or the account may not read them.
    """
    table = CollectedTable(TABLES["license_feature"].arrow_schema)
    places = Places(vcenter, {}, {}, frozenset(), frozenset())
    table.add([license_feature(info, places, server) for info in session.licenses()])
    return table


def collect(session: VSphere, vcenter: str, tags: Mapping[str, Sequence[str]]) -> dict[str, CollectedTable]:
    """Reads the light properties of all hosts and guests, page by page, into rows of all their tables.

    Raises:
        VSphereError: the server fails on the way.
    """
    tables = {table: CollectedTable(TABLES[table].arrow_schema) for table in PLACED_TABLES}
    names: dict[str, str] = {}
    parents: dict[str, str] = {}

    def tree(kind: str) -> set[str]:
        found = [entry for page in session.properties(kind, ("name", "parent")) for entry in page]
        names.update({entry.id: shown_name(entry.get("name")) or "" for entry in found})
        parents.update({entry.id: entry.get("parent") for entry in found if entry.get("parent")})
        return {entry.id for entry in found}

    tree("Folder")
    tree("ComputeResource")
    clusters, datacenters = tree("ClusterComputeResource"), tree("Datacenter")
    places = Places(vcenter, names, parents, frozenset(clusters), frozenset(datacenters), tags)
    for page in session.properties("HostSystem", HOST_PROPERTIES):
        parents.update({host.id: host.get("parent") for host in page if host.get("parent")})
        readable = [host for host in page if host.get("summary.hardware") is not None]
        _refuse(tables, ("device", "processor", "virtual_host"), page, readable, places)
        tables["device"].add([host_device(host, places) for host in readable])
        tables["processor"].add([host_processor(host, places) for host in readable])
        tables["virtual_host"].add([virtual_host(host, places) for host in readable])
    for page in session.properties("VirtualMachine", GUEST_PROPERTIES):
        readable = [guest for guest in page if guest.get("config.uuid")]
        machines = [guest for guest in readable if not guest.get("config.template")]
        _refuse(tables, ("device", "processor", "virtual_machine"), page, readable, places)
        tables["device"].add([guest_device(guest, places) for guest in machines])
        tables["processor"].add([guest_processor(guest, places) for guest in machines])
        tables["virtual_machine"].add([virtual_machine(guest, places) for guest in readable])
    return tables


def _refuse(
    tables: Mapping[str, CollectedTable],
    names: Iterable[str],
    page: Iterable[Properties],
    readable: Iterable[Properties],
    places: Places,
) -> None:
    # An object without its main properties would replace what is known of it by nothing.
    known = {entry.id for entry in readable}
    for entry in page:
        if entry.id in known:
            continue
        reason = (
            f"the account may not read its properties; needed: {READ_ONLY}."
            if entry.forbidden
            else f"vCenter does not know its configuration now (state: {entry.get('runtime.connectionState')})."
        )
        for name in names:
            tables[name].refused[places.key(entry.id) or ""] = reason


def _stamp(row: Row) -> str:
    text = json.dumps(row, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
