"""Measuring Oracle databases: over the wire, many side by side, and from files of a collection.

The files are those that Oracle's own collection scripts leave (`version.csv`, `license.csv`, `v_option.csv`,
`dba_feature.csv`, `users.csv`): each line ends with host, instance and time, between lines of headings and text. What
they say of processors is in a text of its own (`oracle_processors.py`). The scripts are Oracle's and no part of this
project.
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inventory_pipeline.connectors.database_errors import Place, explain
from inventory_pipeline.connectors.oracle_processors import FILE_ENDING, processors_in
from inventory_pipeline.connectors.oracle_rows import Measured

FEATURE_COLUMNS = (
    "DBID", "NAME", "VERSION", "DETECTED_USAGES", "CURRENTLY_USED", "FIRST_USAGE_DATE", "LAST_USAGE_DATE",
    "LAST_SAMPLE_DATE",
)  # fmt: skip
STATEMENTS: dict[str, str] = {
    "instance": "SELECT * FROM V$INSTANCE",
    "database": "SELECT * FROM V$DATABASE",
    "license": "SELECT * FROM V$LICENSE",
    "banners": "SELECT BANNER FROM V$VERSION",
    "options": "SELECT PARAMETER, VALUE FROM V$OPTION",
    "features": f"SELECT {', '.join(FEATURE_COLUMNS)} FROM DBA_FEATURE_USAGE_STATISTICS",
    "parameters": "SELECT NAME, VALUE FROM V$PARAMETER "
    "WHERE NAME IN ('cluster_database', 'control_management_pack_access', 'cpu_count')",
    "user_count": "SELECT COUNT(*) AS USERS FROM DBA_USERS",
    "instances": "SELECT COUNT(*) AS INSTANCES FROM GV$INSTANCE",
}
"""What is read of a database. Small views are read whole, since their columns differ from version to version."""
OPTIONAL = frozenset({"parameters", "user_count", "instances"})

_FILES: dict[str, tuple[str, tuple[str, ...]]] = {
    "version": ("banners", ("AUDIT_ID", "BANNER")),
    "v_option": ("options", ("AUDIT_ID", "PARAMETER", "VALUE")),
    "license": (
        "license",
        ("AUDIT_ID", "SESSIONS_MAX", "SESSIONS_WARNING", "SESSIONS_CURRENT", "SESSIONS_HIGHWATER", "USERS_MAX"),
    ),
    "users": ("user_count", ("AUDIT_ID", "USERNAME", "USER_ID")),
    "dba_feature": (
        "features",
        (
            "AUDIT_ID", "DBID", "NAME", "VERSION", "DETECTED_USAGES", "TOTAL_SAMPLES", "CURRENTLY_USED",
            "FIRST_USAGE_DATE", "LAST_USAGE_DATE", "AUX_COUNT", "FEATURE_INFO", "LAST_SAMPLE_DATE",
            "LAST_SAMPLE_PERIOD", "SAMPLE_INTERVAL", "DESCRIPTION",
        ),
    ),
}  # fmt: skip


class TargetError(Exception):
    """A database could not be measured; the text says why, `cure` what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def measure_all(
    targets: Mapping[str, Callable[[], sa.Engine]], account: str, concurrency: int, seconds: float
) -> dict[str, Measured | TargetError]:
    """Measures databases side by side; one that fails, or is silent for `seconds`, does not hold up the others."""
    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(targets) or 1))) as pool:
        futures = {key: pool.submit(_within, seconds, key, make, account) for key, make in targets.items()}
        return {key: future.result() for key, future in futures.items()}


def _within(seconds: float, key: str, make: Callable[[], sa.Engine], account: str) -> Measured | TargetError:
    """The driver bounds how long connecting takes, but not how long a listener that accepts may say nothing. A thread
    that is left to itself ends with the connection or the process."""
    found: list[Measured | TargetError] = []
    worker = threading.Thread(target=lambda: found.append(measure(key, make, account)), daemon=True)
    worker.start()
    worker.join(seconds)
    if found:
        return found[0]
    return TargetError(
        f"{key} did not answer within {seconds:g} seconds.",
        "Check the listener and the load of the database, or raise timeout_seconds.",
    )


def measure(key: str, make: Callable[[], sa.Engine], account: str) -> Measured | TargetError:
    """Measures one database; an error is the result, so that it can be told without its driver's text."""
    engine: sa.Engine | None = None
    try:
        engine = make()
        with engine.connect() as connection:
            return _read(key, connection)
    except TargetError as error:
        return error
    except Exception as error:
        finding = explain(error, Place(key, key, account, "the role SELECT_CATALOG_ROLE"))
        return TargetError(finding.message, finding.cure)
    finally:
        if engine is not None:
            engine.dispose()


def _read(key: str, connection: sa.Connection) -> Measured:
    measured = Measured(key, key)
    for name, statement in STATEMENTS.items():
        try:
            rows = [
                {str(column).lower(): value for column, value in row.items()}
                for row in connection.execute(sa.text(statement)).mappings()
            ]
        except Exception:
            connection.rollback()
            if name in OPTIONAL:
                continue
            raise
        if name in ("instance", "database", "license"):
            setattr(measured, name, rows[0] if rows else {})
        elif name == "banners":
            measured.banners = [str(row["banner"]) for row in rows]
        elif name == "parameters":
            measured.parameters = {str(row["name"]).lower(): str(row["value"] or "") for row in rows}
        elif name in ("user_count", "instances"):
            setattr(measured, name, int(next(iter(rows[0].values()))))
        else:
            setattr(measured, name, rows)
    return measured


def measured_in_files(folder: Path) -> tuple[dict[str, Measured], list[str]]:
    """Databases in the files of a collection, by `host/instance`, and sentences on files that are none of it."""
    found: dict[str, Measured] = {}
    remarks: list[str] = []
    for path in sorted(folder.rglob("*.csv")):
        kind = next((name for name in _FILES if path.stem.lower().endswith(name)), None)
        if kind is None:
            continue
        field, columns = _FILES[kind]
        lines = 0
        for row in _lines(path, columns):
            key = f"{row['host']}/{row['instance']}"
            measured = found.setdefault(key, Measured(key, path.name))
            measured.instance = {"host_name": row["host"], "instance_name": row["instance"]}
            _take(measured, field, row)
            lines += 1
        if not lines:
            remarks.append(f"{path.name}: no line of a {kind} file was found in it.")
    _take_processors(folder, found, remarks)
    return found, remarks


def _take_processors(folder: Path, found: Mapping[str, Measured], remarks: list[str]) -> None:
    """Gives every database the processors of its machine."""
    for path in sorted(folder.rglob("*")):
        if not path.name.lower().endswith(FILE_ENDING) or not path.is_file():
            continue
        processors = processors_in(path.read_text(encoding="utf-8", errors="replace"))
        if processors is None:
            remarks.append(f"{path.name}: machine and processors cannot be read from it (Linux and Windows can).")
            continue
        here = [measured for measured in found.values() if _same_host(measured.host_name, processors.host)]
        for measured in here:
            measured.processors = processors
        if not here:
            remarks.append(f"{path.name}: no database of {processors.host} is among the files.")


def _same_host(one: str | None, other: str) -> bool:
    # Either may be given with its domain.
    names = [name.lower() for name in (one or "", other)]
    return names[0] == names[1] or ("." not in min(names, key=len) and names[0].split(".")[0] == names[1].split(".")[0])


def _lines(path: Path, columns: tuple[str, ...]) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        for cells in csv.reader(stream, skipinitialspace=True):
            values = [cell.strip() for cell in cells]
            if values and values[-1] == "":
                values.pop()
            # Headings, and text between the lines, have no host, instance and time at their end.
            if len(values) < len(columns) + 3 or "HOST_NAME" in values or values[0].upper() == "AUDIT_ID":
                continue
            host, instance, _ = values[-3:]
            if host and instance:
                named = dict(zip((name.lower() for name in columns), values, strict=False))
                yield {**{k: v or None for k, v in named.items()}, "host": host, "instance": instance}


def _take(measured: Measured, field: str, row: dict[str, Any]) -> None:
    if field == "banners":
        measured.banners.append(str(row["banner"]))
    elif field == "user_count":
        measured.user_count = (measured.user_count or 0) + 1
    elif field == "license":
        measured.license = row
    else:
        getattr(measured, field).append(row)
