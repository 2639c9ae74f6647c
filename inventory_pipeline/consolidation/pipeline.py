"""One consolidation of a repository: builds every table of a release, checks it, publishes it.

consolidation = Consolidation(repository, catalog, policy)
for table in consolidation.run():
    print(table.name, table.rows)
release = consolidation.publish()
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from inventory_pipeline.consolidation.build import Inputs, build_tables
from inventory_pipeline.consolidation.checks import CheckResult, run_checks
from inventory_pipeline.consolidation.engine import DuckDBEngine, Engine
from inventory_pipeline.consolidation.normalize import CatalogNormalizer, Normalizer
from inventory_pipeline.consolidation.policy import ConsolidationPolicy
from inventory_pipeline.consolidation.tables import RELEASE_TABLES
from inventory_pipeline.consolidation.views import VIEWS
from inventory_pipeline.errors import InventoryError, ReleaseError
from inventory_pipeline.records import TABLES, Column
from inventory_pipeline.repository.release import Release, ReleaseBuild, begin_release
from inventory_pipeline.repository.storage import sql_name, sql_names
from inventory_pipeline.repository.store import Repository

_log = logging.getLogger("inventory_pipeline.consolidation")
# Stable device ids and the table of differences come from these.
_READ_OF_PREVIOUS = ("device", "device_record", "installation")


@dataclass(frozen=True, slots=True)
class TableResult:
    """A table that was written: its rows, columns and files (paths relative to the data folder)."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    files: tuple[str, ...]


class Consolidation:
    """One consolidation. Use it once: `run` to its end, `checks` if wanted, then `publish`.

    `normalizer` replaces the normalization room with its catalog; `curation` is auto-curation of what no rule
    decides (`normalization.curation.curate.Curation`), which is left out without it. `entitlements` are published
    releases of Entitlement repositories, which installations are set beside. Whatever raises leaves the earlier
    release in place and marks this one as failed.
    """

    def __init__(
        self,
        repository: Repository,
        catalog: Any,
        policy: ConsolidationPolicy | None = None,
        *,
        engine: Engine | None = None,
        run_id: str | None = None,
        curation: Any = None,
        normalizer: Normalizer | None = None,
        entitlements: Sequence[Release] = (),
    ) -> None:
        self.repository = repository
        self.policy = policy or ConsolidationPolicy()
        self.run_id = run_id
        self._engine = engine
        self._normalizer = normalizer or CatalogNormalizer(catalog, curation)
        self._entitlements = entitlements
        self._checks: list[CheckResult] | None = None
        self._results: dict[str, TableResult] = {}
        self._connectors: Mapping[str, str] = {}
        self._begun: ReleaseBuild | None = None

    @property
    def engine(self) -> Engine:
        """The engine; DuckDB within the policy's memory and threads unless one was given."""
        if self._engine is None:
            self._engine = DuckDBEngine(self.policy.memory_limit, self.policy.threads)
        return self._engine

    def run(self) -> Iterator[TableResult]:
        """Builds and writes all tables; yields each as soon as it is written.

        Raises:
            InventoryError: nothing has been synced, or a step failed.
        """
        self._begun = begin_release(self.repository, run_id=self.run_id)
        try:
            yield from self._tables()
        except GeneratorExit:
            self._abandon("Stopped before all tables were written.")
            raise
        except BaseException as error:
            self._abandon(str(error))
            raise

    def _tables(self) -> Iterator[TableResult]:
        build = self._build
        visible = self.repository.visible(build.position)
        for name in TABLES:
            self.engine.register_raw(visible, name)
        entitlement_slugs = self._register_entitlements(build)
        freshness = self.repository.freshness()
        slugs = {slug for name in TABLES for slug in visible.connectors(name)}
        if not slugs:
            raise InventoryError(
                "there is nothing to consolidate.", subject=self.repository.title, cure="Sync a connector first."
            )
        self._connectors = _connector_types(slugs, freshness) | dict.fromkeys(entitlement_slugs, "entitlement_file")
        previous = {name: files for name in _READ_OF_PREVIOUS if (files := build.borrow(name))}
        inputs = Inputs(self._connectors, self._normalizer, freshness, previous)
        for name in build_tables(self.engine, inputs, self.policy):
            table = RELEASE_TABLES[name]
            query = f"select {sql_names(table.column_names)} from {sql_name(name)}"
            rows, files = self.engine.write(query, build.path(name), table.arrow_schema)
            build.add(name, rows, files)
            result = TableResult(name, rows, table.columns, tuple(files))
            self._results[name] = result
            _log.info("%s: %s rows", name, f"{rows:,}")
            yield result

    def _register_entitlements(self, build: ReleaseBuild) -> set[str]:
        """Makes published entitlements readable like raw rows; returns the connectors that brought them."""
        for name in ("entitlement", "entitlement_caveat"):
            files = [file for release in self._entitlements for file in build.borrow(name, release)]
            if files:
                self.engine.register_parquet(f"raw_{name}", files, TABLES[name].raw_schema)
        found = self.engine.arrow("select distinct connector from raw_entitlement").column("connector")
        return set(found.to_pylist())

    def checks(self) -> list[CheckResult]:
        """Runs the checks on the tables as they were written; the second call gives the same results.

        Raises:
            InventoryError: `run` has not come to its end.
        """
        if self._checks is None:
            if set(self._results) != set(RELEASE_TABLES):
                raise InventoryError("the tables of this release have not all been written.", cure="Run it to its end.")
            for name, table in RELEASE_TABLES.items():
                folder = self._build.path(name)
                files = [str(folder / file) for file in self._results[name].files]
                self.engine.register_parquet(name, files, table.arrow_schema)
            previous = self._build.previous
            self._checks = run_checks(self.engine, self.policy.checks, dict(previous.tables) if previous else {})
        return self._checks

    def publish(self) -> Release:
        """Publishes the release, running the checks first where they have not run.

        Raises:
            ReleaseError: a blocking check failed; the earlier release stays in place.
        """
        checks = self.checks()
        failed = [check for check in checks if check.blocking and not check.passed]
        if failed:
            message = " ".join(f"{check.table}: {check.message}" for check in failed)
            self._abandon(message)
            raise ReleaseError(
                f"the release was not published. {message}",
                subject=self.repository.title,
                cure="The earlier release stays in place; see the checks.",
            )
        manifest = {
            "run_id": self.run_id,
            "policy": self.policy.model_dump(mode="json", exclude={"memory_limit", "threads"}),
            "connectors": self._connectors,
        }
        release = self._build.publish(
            [asdict(check) for check in checks], manifest, views={name: view.query for name, view in VIEWS.items()}
        )
        self.engine.close()
        return release

    @property
    def _build(self) -> ReleaseBuild:
        if self._begun is None:
            raise InventoryError("the tables of this release have not been written.", cure="Run it to its end first.")
        return self._begun

    def _abandon(self, message: str) -> None:
        self._build.fail(message)
        self.engine.close()


def _connector_types(slugs: set[str], freshness: pa.Table) -> dict[str, str]:
    """The type of each connector, as the ledger knows it from its syncs; its slug where the ledger does not."""
    known = {row["connector"]: row["connector_type"] for row in freshness.to_pylist() if row["connector_type"]}
    return {slug: known.get(slug, slug) for slug in slugs}
