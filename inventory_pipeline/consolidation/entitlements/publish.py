"""Publishing of an Entitlement repository: drafts become a release, in one step, with what is doubtful beside them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import pyarrow as pa

from inventory_pipeline.consolidation.engine import DuckDBEngine
from inventory_pipeline.consolidation.entitlements.tables import ENTITLEMENT, ENTITLEMENT_TABLES
from inventory_pipeline.consolidation.policy import ConsolidationPolicy
from inventory_pipeline.consolidation.step import Step
from inventory_pipeline.errors import InventoryError
from inventory_pipeline.records import SYSTEM_COLUMNS, TABLES
from inventory_pipeline.repository.release import Release, begin_release
from inventory_pipeline.repository.storage import sql_names
from inventory_pipeline.repository.store import Repository

TITLE = "Publish Entitlements"
_TABLE = TABLES["entitlement"]
_ATTRIBUTES = tuple(name for name in _TABLE.column_names if name != "entitlement_id")


@dataclass(frozen=True, slots=True)
class Drafts:
    """How clean the drafts of a repository are."""

    clean: int
    with_warnings: int
    with_errors: int
    kept_from_before: int

    def told(self) -> str:
        """In words."""
        kept = f" {self.kept_from_before} stay as published before." if self.kept_from_before else ""
        return (
            f"{self.clean + self.with_warnings:,} published, {self.with_warnings:,} of them with warnings; "
            f"{self.with_errors:,} held back by errors.{kept}"
        )


def publish_entitlements(
    repository: Repository, policy: ConsolidationPolicy | None = None, *, run_id: str | None = None
) -> tuple[Release, Drafts]:
    """Judges all drafts together and publishes those without errors.

    Raises:
        InventoryError: the repository is of another kind, holds nothing, or is archived. ReleaseError: it was published
        by somebody else meanwhile.
    """
    if repository.kind != "entitlement":
        raise InventoryError(f"it holds {repository.kind}, not entitlements.", subject=repository.title)
    policy = policy or ConsolidationPolicy()
    build = begin_release(repository, run_id=run_id, title=TITLE)
    engine = DuckDBEngine(policy.memory_limit, policy.threads)
    try:
        visible = repository.visible(build.position)
        if not visible.connectors("entitlement") and build.previous is None:
            raise InventoryError(
                "there is nothing to publish.", subject=repository.title, cure="Sync entitlement files first."
            )
        for name in ("entitlement", "entitlement_caveat"):
            engine.register_raw(visible, name)
        engine.register_parquet("previous_entitlement", build.borrow("entitlement"), ENTITLEMENT.arrow_schema)
        engine.register_arrow("parent_loop", _loops(engine.arrow("select * from raw_entitlement")))
        engine.execute(_step().render())
        for name, table in ENTITLEMENT_TABLES.items():
            rows, written = engine.write(
                f"select {sql_names(table.column_names)} from {name}", build.path(name), table.arrow_schema
            )
            build.add(name, rows, written)
        drafts = Drafts(
            *(
                engine.count(f"select count(*) from {query}")
                for query in (
                    "entitlement where origin = 'draft' and draft_status = 'clean'",
                    "entitlement where origin = 'draft' and draft_status = 'warnings'",
                    "draft_status where status = 'errors'",
                    "entitlement where origin = 'previous'",
                )
            )
        )
    except BaseException as error:
        build.fail(str(error))
        raise
    finally:
        engine.close()
    return build.publish([], {"run_id": run_id, "drafts": drafts.told()}), drafts


def _step() -> Step:
    text = (
        files("inventory_pipeline.consolidation.entitlements").joinpath("entitlement.sql").read_text(encoding="utf-8")
    )
    columns = sql_names([*_TABLE.column_names, *(column.name for column in SYSTEM_COLUMNS)], "r.")
    return Step("entitlement", text, {"columns": columns, "attributes": _ATTRIBUTES})


def _loops(drafts: pa.Table) -> pa.Table:
    """Entitlements that are their own parents over one or more others."""
    parent = {
        row["entitlement_id"]: row["parent_entitlement_id"]
        for row in drafts.select(["entitlement_id", "parent_entitlement_id"]).to_pylist()
    }
    found = []
    for start in parent:
        seen, place = {start}, parent[start]
        while place in parent and place not in seen:
            seen.add(place)
            place = parent[place]
        if place == start:
            found.append(start)
    return pa.table({"entitlement_id": pa.array(found, pa.string())})
