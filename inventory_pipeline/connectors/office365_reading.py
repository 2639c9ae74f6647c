"""How Microsoft 365 is read: answers and reports become tables, once per session."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from inventory_pipeline.connectors import office365_rows
from inventory_pipeline.connectors.graph_directory import GROUPS_PERMISSION, USERS_PERMISSION
from inventory_pipeline.connectors.graph_session import GraphSession, Page
from inventory_pipeline.connectors.graph_signin import GraphError
from inventory_pipeline.connectors.graph_table import Collected, by_unit
from inventory_pipeline.connectors.office365_rows import PERIODS, Row
from inventory_pipeline.connectors.office365_skus import SkuNames

SKUS_PERMISSION, REPORTS_PERMISSION = "LicenseAssignment.Read.All", "Reports.Read.All"


class Office365Reading:
    """One session's reading. `concealed` turns true when a report hides the names of users."""

    def __init__(self, session: GraphSession, names: SkuNames) -> None:
        self.session = session
        self.names = names
        self.concealed = False

    @cached_property
    def subscription(self) -> Collected:
        """The table `subscription`."""
        table = Collected("subscription")
        table.add(office365_rows.subscription_columns(self._skus, self.names))
        return table

    @cached_property
    def subscription_assignment(self) -> Collected:
        """The table `subscription_assignment`."""
        session = self.session
        plans = office365_rows.plans_by_sku(self._skus)
        pages = session.pages(session.urls.licensed_groups(), permission=GROUPS_PERMISSION, eventual=True)
        groups = {entry["id"]: entry.get("displayName") or "" for page in pages for entry in page}
        table = Collected("subscription_assignment")
        address = session.urls.licensed_users(office365_rows.LICENSED_SELECT)
        for page in session.pages(address, permission=USERS_PERMISSION, eventual=True):
            rows = office365_rows.assignment_rows(page, plans, groups, self.names)
            table.add(by_unit(rows, table.schema.names))
        return table

    @cached_property
    def subscription_activity(self) -> Collected:
        """The table `subscription_activity`."""
        rows = self._report(self.session.urls.active_users(f"D{PERIODS[-1]}"))
        return self._by_user("subscription_activity", office365_rows.activity_rows(rows))

    @cached_property
    def user_software_usage(self) -> Collected:
        """The table `user_software_usage`."""
        reports = {days: self._report(self.session.urls.app_users(f"D{days}")) for days in PERIODS}
        return self._by_user("user_software_usage", office365_rows.app_rows(reports))

    @cached_property
    def _skus(self) -> list[Page]:
        pages = self.session.pages(self.session.urls.subscriptions(), permission=SKUS_PERMISSION)
        return [entry for page in pages for entry in page]

    def _by_user(self, name: str, rows: Iterable[Row]) -> Collected:
        table = Collected(name)
        # Rows of one user have to stand together, and reports may name a user twice.
        ordered = sorted(rows, key=lambda row: row["source_user_id"])
        table.add(by_unit(ordered, [column for column in table.schema.names if column != "extra"]))
        return table

    def _report(self, address: str) -> list[Row]:
        target = self.session.redirected(address, permission=REPORTS_PERMISSION)
        with tempfile.TemporaryDirectory(prefix="inventory-report-") as folder:
            path = Path(folder) / "report.csv"
            self.session.download(target, path)
            try:
                rows = office365_rows.report_rows(path.read_text("utf-8-sig"))
            except ValueError as error:
                raise GraphError(f"a usage report cannot be read: {error}", "Try again later.") from error
        self.concealed = self.concealed or office365_rows.are_concealed(rows)
        return rows
