"""BigFix Inventory: computers, processors, software and its use, through the REST API or from the database.

The REST API (api/sam/v2) is what HCL documents, and the way to prefer. Tables of the database are not documented: they
are found in its own catalog, or named in the configuration. Both give the same resources, and the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors import bigfix_inventory_rows as rows
from inventory_pipeline.connectors.base import Check, Keys, Secret, TableSource, Units
from inventory_pipeline.connectors.bigfix_inventory_api import InventoryApi, InventoryApiError
from inventory_pipeline.connectors.bigfix_inventory_database import InventoryDatabase, discover
from inventory_pipeline.connectors.bigfix_inventory_reading import COMPUTERS, INSTANCES, Reading
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_catalog import catalog
from inventory_pipeline.connectors.database_reading import in_utc
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import Category

MAPPING_VERSION = "1"
READER = "View Endpoints and View Hardware Inventory; in the database, SELECT on the tables that are read"
REPORTED = "last_seen of the computer moves."
DISCOVERED = "last_seen of the computer, or discovery_start or discovery_end of its software, moves."
OF_CATEGORY: dict[Category, dict[str, tuple[str, ...]]] = {
    Category.device: {COMPUTERS: rows.COMPUTER, **rows.DETAILS},
    Category.processor: {COMPUTERS: rows.COMPUTER, rows.PROCESSORS: rows.PROCESSOR},
    Category.software: {COMPUTERS: rows.COMPUTER, INSTANCES: rows.SOFTWARE},
    Category.usage: {COMPUTERS: rows.COMPUTER, INSTANCES: rows.USAGE},
}


class BigFixInventory(DatabaseConnector):
    """BigFix Inventory, through its REST API (`api_url`) or from its database on SQL Server."""

    type: ClassVar[str] = "bigfix_inventory"
    title: ClassVar[str] = "BigFix Inventory"
    versions: ClassVar[str] = "BigFix Inventory 9.2.12 to 11 by REST; a database whose tables are found or named"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("device", (COMPUTERS, *rows.DETAILS), READER, REPORTED),
        TableSource("processor", (COMPUTERS, rows.PROCESSORS), READER, REPORTED),
        TableSource("software", (INSTANCES,), READER, DISCOVERED, chunk_units=500),
        TableSource("software_usage", (INSTANCES,), READER, DISCOVERED, chunk_units=500),
        TableSource("usage_reporting", (COMPUTERS, INSTANCES), READER, DISCOVERED, chunk_units=500),
    )

    api_url: str | None = Field(
        default=None, description="Address of the REST API, https://host:9081; then no database is read."
    )
    token: Secret | None = Field(
        default=None, description="Token of the account (Profile, Show token). Without, username and password get one."
    )
    ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the certificate.")
    proxy: str | None = Field(default=None, description="Proxy of the REST API, http://host:port.")
    page_size: int = Field(default=50_000, gt=1, le=300_000, description="Rows per request to the REST API.")
    patience_seconds: float = Field(default=900, gt=0, description="Longest wait while the REST API fails or is busy.")
    table_names: dict[str, str] = Field(
        default={}, description="Tables of the database by resource, `computers: dbo.some_view`, if they are not found."
    )
    column_names: dict[str, dict[str, str]] = Field(
        default={}, description="Columns of the database by resource and its column, `computers: {last_seen: SeenAt}`."
    )

    _api: InventoryApi | None = PrivateAttr(default=None)
    _reading: Reading | None = PrivateAttr(default=None)

    @property
    def fingerprint(self) -> str:
        way = "api" if self.api_url else "database"
        return json.dumps([MAPPING_VERSION, way, self.time_zone, self.table_names, self.column_names], sort_keys=True)

    def connect(self) -> None:
        if self.api_url:
            self._sign_in(self.api_url)
            return
        super().connect()
        dialect = self._opened_connection().dialect.name
        shape = discover(self.fetch(catalog(dialect)), self.table_names, self.column_names)
        self._reading = Reading(InventoryDatabase(shape, self._selected_rows, dialect), self.note)

    def _sign_in(self, url: str) -> None:
        if not url.startswith("https://"):
            raise ConfigurationError("api_url is no https address.", subject=self.name, cure="Write https://host:9081.")
        token = self.token.reveal() if self.token else None
        account = (self.username, self.password.reveal()) if self.username and self.password else None
        if token is None and account is None:
            raise ConfigurationError(
                "there is no account.", subject=self.name, cure="Give token, or username and password."
            )
        with self.told(InventoryApiError):
            self._api = InventoryApi(
                url, token, account,
                page_size=self.page_size, ca_file=self.ca_file, proxy=self.proxy,
                timeout_seconds=self.timeout_seconds, patience_seconds=self.patience_seconds,
            )  # fmt: skip
            self._api.open()
            self._reading = Reading(self._api, self.note)

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
        self._api = self._reading = None
        super().close()

    def check(self, category: Category) -> Iterator[Check]:
        for resource, wanted in OF_CATEGORY[category].items():
            try:
                found = self._opened().columns(resource, wanted)
            except InventoryApiError as error:
                # What is read beside computers may be missing in an older version, or in a database.
                beside = resource not in (COMPUTERS, INSTANCES) and error.status == 404
                yield Check(
                    resource, beside, self.redact(f"{error} It is left out." if beside else f"{error}"), error.cure
                )
                continue
            absent = [name for name in wanted if name not in found]
            if category is Category.usage and "usage_data.last_used" in absent:
                cure = "Update BigFix Inventory, or leave usage out of data_to_sync."
                yield Check(resource, False, f"{resource} says nothing of use: usage_data.last_used is missing.", cure)
            else:
                without = f", without {', '.join(absent)}" if absent else ""
                yield Check(resource, True, f"{self._opened().place(resource)} can be read{without}.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        with self.told(InventoryApiError):
            return self._opened().keys(table, cursor)

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch]:
        chunks = [units]
        if units is None:
            listed = tuple(key for batch in self.keys(table).batches for key in batch.column(0).to_pylist())
            size = self.source(table).chunk_units
            chunks = [Units(listed[n : n + size], contiguous=True) for n in range(0, len(listed), size)]
        with self.told(InventoryApiError):
            for chunk in chunks:
                if chunk is not None:
                    yield from self._opened().batches(table, chunk)

    def _selected_rows(self, statement: sa.Select) -> Iterator[pa.RecordBatch]:
        for found in self._stream(statement):
            yield in_utc(found, self.time_zone)

    def _opened(self) -> Reading:
        if self._reading is None:
            raise self.error("the connector is not connected.")
        return self._reading
