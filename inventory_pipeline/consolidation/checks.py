"""Checks before publishing: declared here, run by `run_checks` on the tables of a release that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory_pipeline.consolidation.engine import Engine
from inventory_pipeline.consolidation.policy import CheckPolicy


@dataclass(frozen=True, slots=True)
class CheckDefinition:
    """A check of one release table. `query` counts what is wrong; zero passes. `message` may use `{found}`."""

    name: str
    table: str
    doc: str
    query: str
    message: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found; a blocking one that failed keeps the release from being published."""

    name: str
    table: str
    passed: bool
    blocking: bool
    message: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def _unique(table: str, *key: str) -> CheckDefinition:
    columns = ", ".join(key)
    return CheckDefinition(
        f"{table}_{key[0]}_unique" if len(key) == 1 else f"{table}_key_unique",
        table,
        f"{columns} tells the rows of {table} apart.",
        f"select count(*) from (select {columns} from {table} group by {columns} having count(*) > 1) as doubled",
        "{found} keys stand for more than one row.",
    )


CHECKS: tuple[CheckDefinition, ...] = (
    _unique("device", "device_id"),
    _unique("device_record", "connector", "source_device_id"),
    CheckDefinition(
        "device_record_complete",
        "device_record",
        "Every visible device record is in exactly one device.",
        "select count(*) from raw_device r anti join device_record d "
        "on d.connector = r.connector and d.source_device_id = r.source_device_id",
        "{found} source records are in no device.",
    ),
    CheckDefinition(
        "device_record_has_device",
        "device_record",
        "Every source record belongs to a device that exists.",
        "select count(*) from device_record r anti join device d on d.device_id = r.device_id",
        "{found} source records belong to a device that does not exist.",
    ),
    _unique("installation", "installation_id"),
    CheckDefinition(
        "installation_has_device",
        "installation",
        "Every installation is on a device that exists.",
        "select count(*) from installation i anti join device d on d.device_id = i.device_id",
        "{found} installations are on a device that does not exist.",
    ),
    CheckDefinition(
        "installation_has_product",
        "installation",
        "Every installation is of a product that exists.",
        "select count(*) from installation i anti join product p on p.product_id = i.product_id",
        "{found} installations are of a product that does not exist.",
    ),
    CheckDefinition(
        "installation_usage_complete",
        "installation",
        "Every installation has a usage category, and a reason exactly when it is unreported.",
        "select count(*) from installation where usage_category is null "
        "or (usage_category = 'unreported') <> (unreported_reason is not null)",
        "{found} installations have no usage category, or a reason that does not go with it.",
    ),
    CheckDefinition(
        "installation_record_complete",
        "installation_record",
        "Every visible software row went somewhere.",
        "select abs((select count(*) from raw_software) - (select count(*) from installation_record))",
        "{found} software rows are missing or doubled.",
    ),
    _unique("person", "person_id"),
    _unique("patch", "patch_id"),
    _unique("device_patch", "device_id", "patch_id"),
    CheckDefinition(
        "device_record_listed",
        "device_record",
        "Software, usage and patch states belong to devices that their source lists.",
        "select count(*) from device_record where origin = 'mentioned'",
        "{found} devices are only mentioned by other tables of their source.",
        blocking=False,
    ),
    CheckDefinition(
        "device_not_collapsed",
        "device",
        "Not far fewer devices than in the release before.",
        "",
        "{found} devices instead of {before}.",
        blocking=False,
    ),
    CheckDefinition(
        "installation_not_collapsed",
        "installation",
        "Not far fewer installations than in the release before.",
        "",
        "{found} installations instead of {before}.",
        blocking=False,
    ),
)


def run_checks(engine: Engine, policy: CheckPolicy, rows_before: Mapping[str, int]) -> list[CheckResult]:
    """Runs all checks on the engine, where the release tables and raw views stand under their names.

    `rows_before` holds the rows of the previous release's tables; without them nothing can have collapsed.
    """
    return [_run(engine, check, policy, rows_before) for check in CHECKS]


def _run(engine: Engine, check: CheckDefinition, policy: CheckPolicy, rows_before: Mapping[str, int]) -> CheckResult:
    if check.query:
        found = engine.count(check.query)
        message = check.message.format(found=f"{found:,}") if found else check.doc
        return CheckResult(check.name, check.table, found == 0, check.blocking, message, {"found": found})
    found, before = engine.count(f"select count(*) from {check.table}"), rows_before.get(check.table, 0)
    passed = found >= before * (1 - policy.shrink_share)
    message = check.doc if passed else check.message.format(found=f"{found:,}", before=f"{before:,}")
    metadata = {"rows": found, "rows_before": before, "allowed_share": policy.shrink_share}
    return CheckResult(check.name, check.table, passed, policy.shrink_blocks, message, metadata)
