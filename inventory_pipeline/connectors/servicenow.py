"""ServiceNow: computers of the CMDB, processors, installed software, users and groups, through the Table API.

An instance may have other tables and columns than the base system, those of an application scope above all: tables,
columns and queries can be set. Columns that it has not, or that its access rules hide, are simply missing from its
answers: the Test and the sync log name them.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors import servicenow_listing as listings
from inventory_pipeline.connectors.base import Check, Connector, Keys, Secret, TableSource, Units
from inventory_pipeline.connectors.http import Wire
from inventory_pipeline.connectors.servicenow_checks import check_removals, check_table, missing, validate
from inventory_pipeline.connectors.servicenow_rows import DECLARED, Mapped, batch
from inventory_pipeline.connectors.servicenow_signin import Tokens, basic
from inventory_pipeline.connectors.servicenow_table import ServiceNowError, TableApi, judge, narrowed
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import TABLES, Category

MAPPING_VERSION = "1"
READ = "Read on the table through the Table API, and on the columns that are to come"
OF_RECORD = (
    "sys_updated_on or sys_mod_count of the record moves; sys_audit_delete or a list of all keys tells what went."
)
OF_MANY = "Number, newest sys_updated_on or sum of sys_mod_count of the unit's records moves; all are listed."


class ServiceNow(Connector):
    """A ServiceNow instance."""

    type: ClassVar[str] = "servicenow"
    title: ClassVar[str] = "ServiceNow"
    versions: ClassVar[str] = "any release with the Table API"
    sources: ClassVar[tuple[TableSource, ...]] = tuple(
        TableSource(table, (mapped.name,), READ, OF_RECORD if mapped.unit == "sys_id" else OF_MANY, chunk_units=2000)
        for table, mapped in DECLARED.items()
    )

    url: str = Field(description="Address of the instance, https://example.service-now.com.")
    username: str | None = Field(default=None, description="Account; not with an OAuth client of its own account.")
    password: Secret | None = Field(default=None, description="Password of the account.")
    client_id: str | None = Field(default=None, description="OAuth client, instead of or besides the account.")
    client_secret: Secret | None = Field(default=None, description="Secret of the OAuth client.")
    tables: dict[str, str] = Field(
        default={}, description="Tables of the instance by canonical table: `software: x_acme_sam_install`."
    )
    columns: dict[str, dict[str, str]] = Field(
        default={}, description="Columns by canonical table and column, over the declared ones; empty leaves one out."
    )
    queries: dict[str, str] = Field(
        default={}, description="Encoded queries by canonical table: `device: install_status!=7`."
    )
    page_size: int = Field(default=1000, gt=0, le=10_000, description="Records per request.")
    overlap_minutes: float = Field(default=15, ge=0, description="Changes are read again from so long before.")
    whole_list_days: float = Field(default=7, ge=0, description="All keys are listed once in so many days in any case.")
    ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the certificate.")
    proxy: str | None = Field(default=None, description="Proxy, http://host:port.")
    timeout_seconds: float = Field(default=120, gt=0, description="Longest wait for one answer.")
    patience_seconds: float = Field(default=900, gt=0, description="Longest wait while the instance throttles.")

    _api: TableApi | None = PrivateAttr(default=None)
    _scattered: set[str] = PrivateAttr(default_factory=set)

    @property
    def fingerprint(self) -> str:
        return json.dumps([MAPPING_VERSION, self.url, self.tables, self.columns, self.queries], sort_keys=True)

    def connect(self) -> None:
        given = {"tables": self.tables, "columns": self.columns, "queries": self.queries}
        tables = {table: (self._mapped(table), self.queries.get(table, "")) for table in DECLARED}
        validate(self.name, self.url, given, tables)
        account = (self.username, self.password.reveal()) if self.username and self.password else None
        client = (self.client_id, self.client_secret.reveal()) if self.client_id and self.client_secret else None
        if account is None and client is None:
            raise ConfigurationError(
                "there is no account.", subject=self.name, cure="Give username and password, or an OAuth client."
            )
        with self.told(ServiceNowError):
            wire = Wire(
                urlsplit(self.url).netloc, ca_file=self.ca_file, proxy=self.proxy, timeout_seconds=self.timeout_seconds,
                patience_seconds=self.patience_seconds, error=ServiceNowError, judge=judge,
            )  # fmt: skip
            header = basic(*account) if account else ""
            tokens = Tokens(self.url.rstrip("/"), wire, *client, account=account) if client else None
            self._api = TableApi(
                self.url, wire, tokens.header if tokens else lambda _renew: header, page_size=self.page_size
            )
            try:
                self._api.look(self._mapped("device").name, "", ["sys_id"], 1)
            except ServiceNowError as error:
                # Signed in; what may be read is up to each table.
                if error.status not in (400, 403):
                    raise

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
        self._api = None
        self._scattered.clear()

    def check(self, category: Category) -> Iterator[Check]:
        for table in (source.table for source in self.sources if source.category is category):
            mapped, query = self._mapped(table), self.queries.get(table, "")
            try:
                yield check_table(self._opened(), mapped, query)
                if mapped.unit == "sys_id" and not query:
                    yield check_removals(mapped.name, listings.can_read_audit(self._opened()))
            except ServiceNowError as error:
                yield Check(mapped.name, False, self.redact(str(error)), error.cure)

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        mapped = self._mapped(table)
        with self.told(ServiceNowError):
            keys = listings.listing(
                self._opened(),
                listings.Listed(mapped.name, mapped.unit, self.queries.get(table, "")),
                cursor,
                overlap=dt.timedelta(minutes=self.overlap_minutes),
                whole_after=dt.timedelta(days=self.whole_list_days),
            )
        if keys.complete:
            self._scattered.discard(table)
        else:
            self._scattered.add(table)
        return keys

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch]:
        mapped = self._mapped(table)
        ranged = mapped.unit == "sys_id" and table not in self._scattered
        with self.told(ServiceNowError):
            for number, condition in enumerate(_conditions(mapped.unit, units, ranged)):
                query = narrowed(self.queries.get(table, ""), condition)
                for page in self._opened().pages(mapped.name, query, mapped.fields):
                    unseen = missing(mapped.fields, page)
                    if mapped.unit in unseen:
                        raise listings.hidden(mapped.name, mapped.unit)
                    if unseen and not number:
                        self.note(table, f"{mapped.name} has not, or hides, {', '.join(unseen)}.")
                    yield batch(table, mapped, page)

    def _mapped(self, table: str) -> Mapped:
        declared = DECLARED[table]
        columns = {k: v for k, v in {**declared.columns, **self.columns.get(table, {})}.items() if v}
        unit = columns.get(TABLES[table].unit[0], declared.unit)
        return Mapped(self.tables.get(table, declared.name), unit, columns)

    def _opened(self) -> TableApi:
        if self._api is None:
            raise self.error("the connector is not connected.")
        return self._api


def _conditions(unit: str, units: Units | None, ranged: bool) -> Iterator[str]:
    """Conditions for the units: a range where they are contiguous records, else lists of keys."""
    if units is None:
        yield ""
    elif units.contiguous and ranged:
        yield f"sys_id>={units.keys[0]}^sys_id<={units.keys[-1]}"
    else:
        yield from listings.in_lists(unit, units.keys)
