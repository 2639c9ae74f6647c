"""`inventory.duckdb`: a file of a few kilobytes with views over the newest release, for any tool that speaks DuckDB.

It is never changed in place but replaced as a whole, so that a reader has all tables of one release and is never
blocked: whoever has the old file open goes on reading the old release.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from filelock import FileLock

from inventory_pipeline.repository.storage import Storage, sql_name

if TYPE_CHECKING:
    from inventory_pipeline.repository.release import Release

logger = logging.getLogger("inventory_pipeline.release")

FILE = "inventory.duckdb"


def refresh_database(repository: str, storage: Storage, newest: Callable[[], Release | None]) -> Path | None:
    """Makes `<repository>/inventory.duckdb` show the newest release, and returns its path.

    `newest` is asked under the file's lock, so that of two publishers the later release stays. On an object store, and
    before the first release, there is no such file, and None is returned; `inventory export --format duckdb` makes one
    that holds the rows themselves. That it cannot be replaced (a reader on Windows holds it) is a warning: the release
    is published all the same.
    """
    if not storage.is_local:
        return None
    target = storage.local(f"{repository}/{FILE}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        release = newest()
        if release is None:
            return None
        fresh = target.with_name(f".{FILE}.{release.id}")
        try:
            fresh.unlink(missing_ok=True)
            write_views(fresh, release)
            fresh.replace(target)
        except (duckdb.Error, OSError) as error:
            logger.warning("%s could not be replaced: %s", target, str(error).splitlines()[0])
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
    return target


def write_views(path: Path, release: Release) -> None:
    """Writes a new DuckDB file with the release's tables as views, its views, and the one-row table `release`."""
    with duckdb.connect(str(path)) as connection:
        for table in release.tables:
            connection.execute(f"CREATE VIEW {sql_name(table)} AS {release.sql(connection, table)}")
        write_extras(connection, release)


def write_extras(connection: duckdb.DuckDBPyConnection, release: Release) -> None:
    """Adds a release's views and the table `release` to a database that has its tables."""
    for name, query in release.views.items():
        connection.execute(f"CREATE VIEW {sql_name(name)} AS {query}")
    connection.execute(
        "CREATE TABLE release AS SELECT CAST(? AS VARCHAR) AS release_id, CAST(? AS VARCHAR) AS repository, "
        "CAST(? AS TIMESTAMP) AS published_at, CAST(? AS BIGINT) AS position",
        [release.id, release.repository, release.published_at, release.position],
    )
