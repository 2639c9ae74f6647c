"""Oracle databases that are to be measured: directly, many side by side, or from the files of a collection.

Facts: Oracle Database Reference, as in `oracle_rows.py`. Direct reading goes through python-oracledb's thin mode, which
needs no Oracle client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import (
    KEYS_SCHEMA,
    Check,
    Connector,
    Keys,
    RefusedUnit,
    Secret,
    SettingsGroup,
    TableSource,
    Units,
)  # fmt: skip
from inventory_pipeline.connectors.oracle_reading import STATEMENTS, TargetError, measure_all, measured_in_files
from inventory_pipeline.connectors.oracle_rows import (
    Measured,
    device_row,
    feature_rows,
    instance_row,
    processor_row,
)  # fmt: skip
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import TABLES, Category

VIEWS = ("V$INSTANCE", "V$DATABASE", "V$LICENSE", "V$VERSION", "V$OPTION", "V$PARAMETER", "GV$INSTANCE")
READER = "CREATE SESSION and the role SELECT_CATALOG_ROLE"
CHANGE = "Everything is read and compared."
ROWS: dict[str, Callable[[Measured], Iterator[dict[str, Any]]]] = {
    "device": device_row,
    "processor": processor_row,
    "database_instance": instance_row,
    "database_feature_usage": feature_rows,
}


class Target(SettingsGroup):
    """A database to measure."""

    host: str = Field(description="Host name of the listener.")
    port: int = Field(default=1521, description="Port of the listener.")
    service_name: str = Field(description="Service name.")


class OracleLms(Connector):
    """Oracle databases: editions, options, packs, feature usage, accounts, sessions, cores and sockets."""

    type: ClassVar[str] = "oracle_lms"
    title: ClassVar[str] = "Oracle LMS"
    versions: ClassVar[str] = "Oracle Database 12.1 to 23ai"
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("device", ("V$INSTANCE", "V$DATABASE"), READER, CHANGE, chunk_units=200),
        TableSource("processor", ("V$INSTANCE", "V$LICENSE"), READER, CHANGE, chunk_units=200),
        TableSource("database_instance", (*VIEWS, "DBA_USERS"), READER, CHANGE, chunk_units=200),
        TableSource(
            "database_feature_usage", ("V$OPTION", "V$PARAMETER", "DBA_FEATURE_USAGE_STATISTICS"), READER, CHANGE, 200
        ),
    )

    targets: list[Target] = Field(default=[], description="Databases: host, port, service_name of each.")
    username: str | None = Field(default=None, description="Account that may read the catalog of all targets.")
    password: Secret | None = Field(default=None, description="Password of the account.")
    folder: str | None = Field(default=None, description="Folder with files of a collection, instead of targets.")
    url: str | None = Field(
        default=None,
        description="SQLAlchemy URL with {host}, {port} and {service_name}, for copies of the views elsewhere.",
    )
    concurrency: int = Field(default=8, gt=0, le=64, description="Databases that are measured side by side.")
    login_seconds: int = Field(default=15, gt=0, description="Longest wait for a connection.")
    timeout_seconds: float = Field(
        default=300, gt=0, description="Longest time that measuring one database may take, from connecting to its end."
    )

    _found: dict[str, Measured | TargetError] | None = PrivateAttr(default=None)
    _remarks: list[str] = PrivateAttr(default_factory=list)

    def connect(self) -> None:
        self._found = None
        if self.folder:
            if not Path(self.folder).is_dir():
                raise self.error(f"the folder {self.folder} does not exist.", cure="Correct `folder`, or create it.")
            return
        missing = [name for name in ("targets", "username", "password") if not getattr(self, name)]
        if self.url:
            missing = [name for name in missing if name == "targets"]
        if missing:
            raise ConfigurationError(
                f"{', '.join(missing)} missing.", subject=self.name, cure="Give targets with an account, or a folder."
            )

    def close(self) -> None:
        self._found = None

    def check(self, category: Category) -> Iterator[Check]:
        for key, found in self._measured().items():
            if isinstance(found, TargetError):
                yield Check(key, False, self.redact(f"{key}: {found}"), found.cure)
            else:
                yield Check(key, True, f"{key}: {next(iter(found.banners), 'measured')}.")
        if not self._measured():
            yield Check("files", False, f"{self.folder} holds no file of a collection.", "Put the .csv files into it.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        listed = sorted(self._measured())
        for remark in self._remarks:
            self.note(table, remark)
        return Keys([pa.RecordBatch.from_pydict({"unit_key": listed, "stamp": [None] * len(listed)}, KEYS_SCHEMA)])

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        measured = self._measured()
        columns = [*TABLES[table].column_names, "extra", "unit_key", "source_object"]
        for key in sorted(measured) if units is None else units.keys:
            found = measured.get(key)
            if found is None or isinstance(found, TargetError):
                yield RefusedUnit(key, key, str(found or "It is no target any more."))
                continue
            rows = [{**row, "unit_key": key, "source_object": found.source_object} for row in ROWS[table](found)]
            if rows:
                yield pa.RecordBatch.from_pydict({name: _texts([row.get(name) for row in rows]) for name in columns})

    def _measured(self) -> dict[str, Measured | TargetError]:
        """What was measured, once per session, so that all tables agree."""
        if self._found is None:
            if self.folder:
                files, self._remarks = measured_in_files(Path(self.folder))
                self._found = dict(files)
            else:
                makers = {f"{t.host}:{t.port}/{t.service_name}": self._engine_of(t) for t in self.targets}
                self._found = measure_all(makers, self.username or "", self.concurrency, self.timeout_seconds)
        return self._found

    def _engine_of(self, target: Target) -> Callable[[], sa.Engine]:
        def make() -> sa.Engine:
            if self.url:
                place = {"host": target.host, "port": target.port, "service_name": target.service_name}
                return sa.create_engine(self.url.format(**place), hide_parameters=True)
            try:
                import oracledb  # noqa: F401 # pyright: ignore[reportMissingImports, reportUnusedImport]
            except ImportError:
                raise TargetError("python-oracledb is not installed.", "Install the extra `oracle`.") from None
            address = sa.URL.create(
                "oracle+oracledb",
                self.username,
                self.password.reveal() if self.password else None,
                target.host,
                target.port,
                query={"service_name": target.service_name},
            )
            return sa.create_engine(
                address, hide_parameters=True, connect_args={"tcp_connect_timeout": float(self.login_seconds)}
            )

        return make


def _texts(values: list[Any]) -> pa.Array:
    texts = [None if v is None else v if isinstance(v, str) else _text(v) for v in values]
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


__all__ = ["STATEMENTS", "OracleLms", "Target"]
