"""Microsoft 365: subscriptions, who has them by which way, and what people use of them.

Facts: see `office365_rows` for what is read, `office365_skus` for names of products, `graph_directory` for users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors import graph_directory, office365_rows
from inventory_pipeline.connectors.base import Check, Keys, RefusedUnit, TableSource, Units
from inventory_pipeline.connectors.graph import GraphConnector
from inventory_pipeline.connectors.graph_directory import USERS_PERMISSION
from inventory_pipeline.connectors.graph_signin import GraphError
from inventory_pipeline.connectors.graph_table import Collected
from inventory_pipeline.connectors.office365_reading import REPORTS_PERMISSION, SKUS_PERMISSION, Office365Reading
from inventory_pipeline.connectors.office365_skus import sku_names
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import Category

# Raised when the same answers would give other rows than before.
MAPPING_VERSION = "1"
CONCEALED = "Microsoft 365 conceals the names of users in its reports, so that they cannot be told to be anybody's."
REVEAL = (
    "Microsoft 365 admin center, Settings, Org settings, Services, Reports: clear "
    '"Display concealed user, group, and site names in all reports".'
)


class Office365(GraphConnector):
    """Microsoft 365, through Microsoft Graph.

    Brings subscriptions with prepaid and consumed units, assignments by user and by group with service plans, users,
    last activity per service, and use of Microsoft 365 Apps.
    """

    type: ClassVar[str] = "office365"
    title: ClassVar[str] = "Microsoft 365"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource(
            "user_software_usage", ("getM365AppUserDetail",), REPORTS_PERMISSION, "Hash of what was read", 10_000
        ),
        TableSource("user", ("users/delta",), USERS_PERMISSION, "Delta query, with removals", 10_000),
        TableSource("subscription", ("subscribedSkus",), SKUS_PERMISSION, "Hash of what was read"),
        TableSource(
            "subscription_assignment",
            ("users", "groups", "subscribedSkus"),
            f"{USERS_PERMISSION}, {graph_directory.GROUPS_PERMISSION}, {SKUS_PERMISSION}",
            "Hash of what was read",
            10_000,
        ),
        TableSource(
            "subscription_activity",
            ("getOffice365ActiveUserDetail",),
            REPORTS_PERMISSION,
            "Hash of what was read",
            10_000,
        ),
    )

    sku_list: str | None = Field(
        default=None,
        description="Microsoft's list of product names for licensing, as CSV, where the shipped one is too old.",
    )

    _reading: Office365Reading | None = PrivateAttr(default=None)
    _users: Collected | None = PrivateAttr(default=None)

    @property
    def fingerprint(self) -> str:
        return MAPPING_VERSION

    def connect(self) -> None:
        try:
            names = sku_names(Path(self.sku_list) if self.sku_list else None)
        except ValueError as error:
            raise ConfigurationError(
                str(error),
                subject=self.name,
                cure='Give the CSV file of "Product names and service plan identifiers for licensing" as sku_list.',
            ) from error
        super().connect()
        self._reading = Office365Reading(self.session, names)

    def close(self) -> None:
        super().close()
        self._reading = self._users = None

    def check(self, category: Category) -> Iterator[Check]:
        urls = self.session.urls
        users = ("users", urls.get(lambda graph: graph.users, select=["id"], top=1), USERS_PERMISSION)
        groups = (
            "groups",
            urls.get(lambda graph: graph.groups, select=["id"], top=1),
            graph_directory.GROUPS_PERMISSION,
        )
        if category is Category.user:
            yield self.tried(*users)
        elif category is Category.subscription:
            yield self.tried("subscriptions", urls.subscriptions(), SKUS_PERMISSION)
            yield self.tried(*users)
            yield self.tried(*groups)
        if category is not Category.user:
            yield self._reports_checked()

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        if table == "user":
            with self.told(GraphError):
                found = graph_directory.users(self.session, cursor)
            self._users = found.tables["user"]
            return found.keys(table)
        return Keys(self._rows(table).listing())

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        yield from self._rows(table).read(units.keys if units is not None else None)

    def _rows(self, table: str) -> Collected:
        if table == "user":
            if self._users is None:
                self.keys(table)
            assert self._users is not None  # noqa: S101
            return self._users
        if self._reading is None:
            raise self.error("the connector is not connected.")
        with self.told(GraphError):
            rows: Collected = getattr(self._reading, table)
        if self._reading.concealed and table in ("subscription_activity", "user_software_usage"):
            self.note(table, f"{CONCEALED} {REVEAL}")
        return rows

    def _reports_checked(self) -> Check:
        name = "activity reports"
        try:
            address = self.session.redirected(self.session.urls.active_users("D7"), permission=REPORTS_PERMISSION)
            start = self.session.head(address, 64 << 10).decode("utf-8-sig", errors="ignore")
            rows = office365_rows.report_rows(start.rpartition("\n")[0] or start)
        except (GraphError, ValueError) as error:
            return Check(name, False, self.redact(str(error)), getattr(error, "cure", "Try again later."))
        if office365_rows.are_concealed(rows):
            return Check(name, False, CONCEALED, REVEAL)
        return Check(name, True, f"Can read {name}.")
