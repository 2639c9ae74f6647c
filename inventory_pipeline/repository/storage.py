"""Parquet files at one place: a local folder, or an object store through pyarrow's filesystems.

Paths are relative to the place and use forward slashes. Files are immutable: written once, under their final name only
when they are whole and on disk, read by explicit list, deleted by maintenance.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from inventory_pipeline.errors import ConfigurationError

ROWS_PER_GROUP = 122_880
COPIED_AT_ONCE = 1 << 20


class Storage:
    """A local path, `file://` URL, or an object store's URL that `pyarrow.fs.FileSystem.from_uri` understands.

    `s3://bucket/path?region=...` takes its credentials from the environment, as the AWS tools do;
    `endpoint_override=host:port&scheme=http` points it at another S3 server.

    Raises:
        ConfigurationError: the URL names no filesystem that pyarrow knows.
    """

    def __init__(self, url: str | Path) -> None:
        text = str(url)
        if "://" not in text:
            text = str(Path(text).expanduser().absolute())
        self.name = _without_query(text)
        try:
            self.filesystem, root = pafs.FileSystem.from_uri(text)
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).replace(text, self.name)
            raise ConfigurationError(
                f"{self.name} is not a place that can be opened: {reason}",
                cure="Write a folder, or a URL such as s3://bucket/path.",
            ) from None
        self.root = root.rstrip("/")
        self.is_local = isinstance(self.filesystem, pafs.LocalFileSystem)

    def path(self, relative: str) -> str:
        """The filesystem's own path of a relative one."""
        return f"{self.root}/{relative}" if relative else self.root

    def local(self, relative: str) -> Path:
        """The path on disk; only for local storage.

        Raises:
            ConfigurationError: this is an object store.
        """
        if not self.is_local:
            raise ConfigurationError(f"{self.name} is not a local folder.")
        return Path(self.path(relative))

    def scratch(self, relative: str) -> Path:
        """A folder on this machine for files that a run spills: below the place itself, or for object stores below the
        system's temporary folder. It is made; who asks for it deletes it."""
        if self.is_local:
            folder = self.local(relative)
        else:
            digest = hashlib.sha256(self.name.encode()).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"inventory-pipeline-{digest}" / relative
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def writer(self, relative: str, schema: pa.Schema, *, compression: str = "zstd") -> Iterator[pq.ParquetWriter]:
        """A Parquet writer; the file has its name only after the block ended well."""
        target = self.path(relative)
        self.filesystem.create_dir(target.rsplit("/", 1)[0], recursive=True)
        # Object stores show an upload only when it is complete; a local file is renamed when it is on disk.
        place = f"{target}.writing" if self.is_local else target
        try:
            with (
                self.filesystem.open_output_stream(place) as stream,
                pq.ParquetWriter(
                    stream, schema, compression=compression, use_dictionary=_in_dictionaries(schema)
                ) as writer,
            ):
                yield writer
        except BaseException:
            with suppress(OSError):
                self.filesystem.delete_file(place)
            raise
        if self.is_local:
            _to_disk(Path(place))
            Path(place).replace(target)
            _to_disk(Path(target).parent)

    def write(self, relative: str, batches: pa.Table | pa.RecordBatchReader) -> int:
        """Writes a file from a table or a stream; returns its rows."""
        rows = 0
        with self.writer(relative, batches.schema) as writer:
            if isinstance(batches, pa.Table):
                writer.write_table(batches, row_group_size=ROWS_PER_GROUP)
                return batches.num_rows
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROWS_PER_GROUP)
                rows += batch.num_rows
        return rows

    def keep(self, file: Path, relative: str) -> None:
        """Makes a finished file of this machine durable under a relative path: uploads it, or, where it lies there
        already, sees to it that it is on disk."""
        if self.is_local:
            target = self.local(relative)
            if file != target:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            _to_disk(target)
            _to_disk(target.parent)
            return
        target = self.path(relative)
        self.filesystem.create_dir(target.rsplit("/", 1)[0], recursive=True)
        with file.open("rb") as source, self.filesystem.open_output_stream(target) as stream:
            shutil.copyfileobj(source, stream, COPIED_AT_ONCE)

    def take_over(self, relative: str, target: str) -> None:
        """Gives a finished file of this place a second name, under which it stays when the first is deleted. Only for
        local storage; where the filesystem knows no second names the file is copied."""
        source, place = self.local(relative), self.local(target)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, place)
        except OSError:
            copy = place.with_name(f"{place.name}.writing")
            shutil.copyfile(source, copy)
            _to_disk(copy)
            copy.replace(place)
        _to_disk(place.parent)

    def fetch(self, relative: str, folder: Path) -> Path:
        """Copies a file into a folder of this machine; returns its path there."""
        target = folder / relative.rsplit("/", 1)[-1]
        with self.filesystem.open_input_stream(self.path(relative)) as source, target.open("wb") as stream:
            shutil.copyfileobj(source, stream, COPIED_AT_ONCE)
        return target

    def read(self, relative: str) -> pa.Table:
        """A whole file."""
        with self.filesystem.open_input_file(self.path(relative)) as file:
            return pq.read_table(file)

    def steady(self, files: Sequence[str], schema: pa.Schema) -> dict[str, pa.Scalar]:
        """Columns of `schema` that have one value, or none, in all rows of these files; told by their statistics."""
        candidates = [field.name for field in schema if not pa.types.is_nested(field.type)]
        found: dict[str, list[object]] = {}
        for file in files:
            with self.filesystem.open_input_file(self.path(file)) as stream:
                groups = pq.ParquetFile(stream).metadata
            for values in _values_by_group(groups):
                for name, value in values.items():
                    found.setdefault(name, []).append(value)
                candidates = [name for name in candidates if name in values and found[name][0] == values[name]]
        return {name: pa.scalar(found[name][0], schema.field(name).type) for name in candidates if name in found}

    def size(self, relative: str) -> int:
        """Size of a file, bytes; 0 when it is not there."""
        return self.filesystem.get_file_info(self.path(relative)).size or 0

    def exists(self, relative: str) -> bool:
        """True when the file or folder is there."""
        return self.filesystem.get_file_info(self.path(relative)).type != pafs.FileType.NotFound

    def folders(self, relative: str) -> list[str]:
        """Relative paths of the folders directly within a folder, sorted; none when it is not there."""
        return self._list(relative, pafs.FileType.Directory, recursive=False)

    def files(self, relative: str) -> list[str]:
        """Relative paths of all files below a folder, sorted; none when it is not there."""
        return self._list(relative, pafs.FileType.File, recursive=True)

    def _list(self, relative: str, kind: pafs.FileType, *, recursive: bool) -> list[str]:
        selector = pafs.FileSelector(self.path(relative), allow_not_found=True, recursive=recursive)
        start = len(self.root) + 1
        return sorted(info.path[start:] for info in self.filesystem.get_file_info(selector) if info.type == kind)

    def delete(self, relative: str) -> None:
        """Deletes a file, or a folder with all that is in it; nothing happens when it is not there."""
        kind = self.filesystem.get_file_info(self.path(relative)).type
        if kind == pafs.FileType.Directory:
            self.filesystem.delete_dir(self.path(relative))
        elif kind == pafs.FileType.File:
            self.filesystem.delete_file(self.path(relative))

    def scan(self, connection: duckdb.DuckDBPyConnection, files: Sequence[str], schema: pa.Schema) -> str:
        """A query for the rows of these files in the columns of `schema`.

        Columns that a file of an earlier version lacks are null. Local files are read by DuckDB itself; those of an
        object store through a dataset that this call registers in the connection.
        """
        if not files:
            return empty_select(schema)
        columns = sql_names(schema.names)
        if not self.is_local:
            dataset = ds.dataset(
                [self.path(file) for file in files], schema=schema, format="parquet", filesystem=self.filesystem
            )
            name = "files_" + hashlib.sha256("\n".join([*schema.names, *files]).encode()).hexdigest()[:24]
            connection.register(name, dataset)
            return f"SELECT {columns} FROM {sql_name(name)}"
        return parquet_select(connection, [self.path(file) for file in files], schema)


def parquet_select(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], schema: pa.Schema) -> str:
    """A query for the rows of Parquet files of this machine in the columns of `schema`; a column that all files lack
    (they are of an earlier version) is null."""
    if not paths:
        return empty_select(schema)
    source = f"read_parquet([{', '.join(map(sql_text, paths))}], hive_partitioning = false, union_by_name = true)"
    present = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    selected = ", ".join(
        sql_name(field.name)
        if field.name in present
        else f"CAST(NULL AS {sql_type(field.type)}) AS {sql_name(field.name)}"
        for field in schema
    )
    return f"SELECT {selected} FROM {source}"


def _values_by_group(metadata: pq.FileMetaData) -> Iterator[dict[str, object]]:
    """Per row group the columns that have one value in it, or are null all through."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        values: dict[str, object] = {}
        for place in range(group.num_columns):
            column = group.column(place)
            told = column.statistics
            if told is None or told.null_count is None or told.physical_type in ("FLOAT", "DOUBLE"):
                continue
            if told.null_count == group.num_rows:
                values[column.path_in_schema] = None
            elif told.null_count == 0 and told.has_min_max and told.min == told.max:
                values[column.path_in_schema] = told.min
        yield values


def _in_dictionaries(schema: pa.Schema) -> Any:
    """Columns worth a dictionary. Hashes and row numbers have as many values as rows: it costs time and makes them
    longer."""
    return [
        f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        for field in schema
        if not (pa.types.is_int64(field.type) or pa.types.is_uint64(field.type))
    ]


def _to_disk(path: Path) -> None:
    # The ledger's commit is durable, so what it names must be on disk before.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sql_text(value: str) -> str:
    """A text as a SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def sql_name(value: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def sql_names(values: Iterable[str], prefix: str = "") -> str:
    """A list of quoted identifiers."""
    return ", ".join(prefix + sql_name(value) for value in values)


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of an Arrow type."""
    if pa.types.is_list(kind):
        return sql_type(kind.value_type) + "[]"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return _SQL_TYPES[str(kind)]


_SQL_TYPES = {
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "int64": "BIGINT",
    "int32": "INTEGER",
    "int16": "SMALLINT",
    "int8": "TINYINT",
    "uint64": "UBIGINT",
    "uint32": "UINTEGER",
    "double": "DOUBLE",
    "float": "FLOAT",
    "bool": "BOOLEAN",
    "timestamp[us]": "TIMESTAMP",
    "date32[day]": "DATE",
}


def empty_select(schema: pa.Schema) -> str:
    """A query with the columns of a schema and no row."""
    columns = ", ".join(f"CAST(NULL AS {sql_type(field.type)}) AS {sql_name(field.name)}" for field in schema)
    return f"SELECT {columns} WHERE false"


def _without_query(url: str) -> str:
    # A URL's query or user part may carry credentials.
    head = url.split("?", 1)[0]
    scheme, separator, rest = head.partition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}" if separator else head
