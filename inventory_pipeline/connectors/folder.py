"""A folder of delimited files as a source: the shared engine of connectors that read files.

The unit of change is the file: its key is the path below the folder, its stamp the SHA-256 of its content. So a
file that stays as it is costs one reading of its bytes, a changed one replaces its earlier rows whole, and a
removed one takes its rows away. A file that cannot be read as a whole is refused, and what it brought before stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa
from pydantic import Field, PrivateAttr

from inventory_pipeline.connectors.base import KEYS_SCHEMA, Check, Connector, Keys, RefusedUnit, Units
from inventory_pipeline.connectors.delimited import (
    HEAD_BYTES,
    Encoding,
    Layout,
    chunks_of,
    detect_encoding,
    detect_layout,
    read_rows,
)
from inventory_pipeline.connectors.file_rows import (
    REFUSED_ROW_SCHEMA,
    accepted_batch,
    refused_batch,
    row_schema,
    spools,
)
from inventory_pipeline.connectors.files import (
    STILL_WRITTEN,
    FileRefused,
    Listing,
    SourceFile,
    content_hash,
    find_files,
    is_unchanged,
    open_bytes,
)
from inventory_pipeline.connectors.headings import (
    HeadingMap,
    is_known,
    map_headings,
    table_by_headings,
    table_by_name,
)
from inventory_pipeline.records import TABLES, Category, Table


@dataclass(slots=True)
class FolderSession:
    """What one opened connector has learnt: the listing, the table of each file, hashes, unreadable files."""

    listing: Listing
    by_table: dict[str, list[SourceFile]] = field(default_factory=dict)
    unplaced: dict[str, tuple[SourceFile, str]] = field(default_factory=dict)
    by_content: set[str] = field(default_factory=set)
    hashes: dict[Path, str] = field(default_factory=dict)
    remarked: bool = False


class FolderConnector(Connector):
    """Base of connectors that read a folder; subclasses declare `file_tables`, and may place and inspect files their
    own way."""

    file_tables: ClassVar[tuple[Table, ...]]
    mapping_version: ClassVar[str] = "1"
    """Raised when the same file would give other rows than before, so that the next sync reads all files again."""
    cure: ClassVar[str] = "Correct or remove the file."

    folder: str = Field(description="Folder that is read with its subfolders.")
    encoding: str = Field(
        default="auto",
        description="Encoding of all files (cp1250, shift_jis ...). `auto` finds UTF-8, UTF-16 and Windows-1252.",
    )
    date_format: str | None = Field(
        default=None,
        description="Form of dates other than ISO 8601 and yyyy/mm/dd, as in strptime: %d.%m.%Y, %m/%d/%Y %H:%M.",
    )
    settle_seconds: float = Field(
        default=2.0, ge=0, description="A file that changed within this time is looked at twice before it is read."
    )
    max_unpacked_gb: float = Field(
        default=20.0, gt=0, description="Largest size to which a .gz or .zip member may unpack."
    )

    _session: FolderSession | None = PrivateAttr(default=None)

    @property
    def fingerprint(self) -> str:
        return json.dumps([self.mapping_version, self.encoding, self.date_format])

    def connect(self) -> None:
        folder = Path(self.folder).expanduser()
        if not folder.is_dir():
            raise self.error(f"the folder {folder} does not exist.", cure="Correct `folder`, or create it.")
        if self.encoding != "auto":
            try:
                "".encode(self.encoding)
            except LookupError:
                raise self.error(
                    f"there is no encoding {self.encoding!r}.", cure="Use auto, utf-8, utf-16, cp1252 or cp1250."
                ) from None
        try:
            self._session = FolderSession(find_files(folder, settle_seconds=self.settle_seconds))
        except OSError as error:
            raise self.error(
                f"the folder {folder} cannot be read ({error.strerror}).",
                cure="Grant the account that runs the sync read access to it.",
            ) from error
        self.place(self._session)

    def close(self) -> None:
        self._session = None

    def check(self, category: Category) -> Iterator[Check]:
        session = self.opened_session()
        if not session.listing.files:
            yield Check(
                "files", False, f"{self.folder} holds no .csv or .tsv file.", "Put files into it, or correct `folder`."
            )
            return
        found = False
        for table in self.file_tables:
            if table.category is not category:
                continue
            for file in session.by_table.get(table.name, ()):
                found = True
                try:
                    _, mapped = self.inspect(file, table)
                except FileRefused as refused:
                    # A file on its way is no fault of the configuration: the next sync takes it.
                    passed = str(refused) == STILL_WRITTEN
                    yield Check(
                        file.key, passed, f"Not readable as {table.name}: {refused}.", "" if passed else self.cure
                    )
                else:
                    unknown = f"; kept aside in extra: {', '.join(mapped.unknown)}" if mapped.unknown else ""
                    yield Check(file.key, True, f"Readable as {table.name}{unknown}.")
        for key, (_, reason) in session.unplaced.items():
            yield Check(key, False, f"No table can be made of it: {reason}.", self.cure)
        if not found:
            yield Check(category.value, True, f"No file holds {category.value}; nothing to read.")

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        """Every file of the table. A file that cannot be read now is listed without stamp, so that it counts as there.

        The cursor remembers which files were given to this table by their content, since that cannot be seen of a
        file that has become unreadable.
        """
        session = self.opened_session()
        files = session.by_table.get(table, [])
        earlier = set((cursor or {}).get("by_content", ()))
        lost = [file for key in sorted(earlier) for file in self._unreadable(session, key)]
        if not session.remarked:
            for remark in (
                *session.listing.remarks,
                *(f"{k}: {reason}." for k, (_, reason) in session.unplaced.items()),
            ):
                self.note(table, remark)
            session.remarked = True
        listed = sorted({file.key: file for file in (*files, *lost)}.items())
        remembered = [key for key, _ in listed if key in session.by_content or key in earlier]

        def batches() -> Iterator[pa.RecordBatch]:
            for key, file in listed:
                yield pa.RecordBatch.from_pydict({"unit_key": [key], "stamp": [self._stamp(file)]}, KEYS_SCHEMA)

        return Keys(batches(), cursor={"by_content": remembered} if remembered else None)

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        session = self.opened_session()
        files = {file.key: file for file in session.by_table.get(table, [])}
        for key in files if units is None else units.keys:
            file = files.get(key)
            if file is None:
                lost = self._unreadable(session, key)
                reason = lost[0].problem if lost else "the file is no longer there"
                yield RefusedUnit(key, key, reason)
                continue
            yield from self.read_file(file, TABLES[table])

    def opened_session(self) -> FolderSession:
        if self._session is None:
            raise self.error("the connector is not open.")
        return self._session

    def place(self, session: FolderSession) -> None:
        """Finds the table of each file: by its name, else by its headings, else by a name that goes on with letters."""
        for file in session.listing.files:
            table = table_by_name(file.name, self.file_tables)
            if table is None:
                try:
                    headings = self.layout(file, self.head_encoding(file)).headings
                    table = table_by_headings(headings, self.file_tables)
                    reason = "neither its name nor its headings say which table it holds"
                except FileRefused as refused:
                    reason = str(refused)
                table = table or table_by_name(file.name, self.file_tables, loose=True)
                if table is None:
                    session.unplaced[file.key] = (file, reason)
                    continue
                session.by_content.add(file.key)
            if file.depends_on_content:
                session.by_content.add(file.key)
            session.by_table.setdefault(table.name, []).append(file)

    def _unreadable(self, session: FolderSession, key: str) -> list[SourceFile]:
        """The file of that key, or the archive that held it, when it is there but its table cannot be seen any more."""
        if key in session.unplaced:
            file, reason = session.unplaced[key]
            return [SourceFile(key, file.path, file.size, file.changed_ns, file.member, reason)]
        for file in session.listing.files:
            if file.problem and not file.member and key.startswith(f"{file.key}/"):
                return [SourceFile(key, file.path, file.size, file.changed_ns, "", file.problem)]
        return []

    def _stamp(self, file: SourceFile) -> str | None:
        session = self.opened_session()
        if file.problem:
            return None
        if file.path not in session.hashes:
            try:
                session.hashes[file.path] = content_hash(file)
            except FileRefused:
                return None
        return session.hashes[file.path]

    def _open(self, file: SourceFile) -> AbstractContextManager[BinaryIO]:
        return open_bytes(file, max_bytes=int(self.max_unpacked_gb * 1e9))

    def head_encoding(self, file: SourceFile) -> Encoding:
        if file.problem:
            raise FileRefused(file.problem)
        if self.encoding != "auto":
            return Encoding(self.encoding)
        with self._open(file) as stream:
            return detect_encoding([stream.read(HEAD_BYTES)], whole=False)

    def _whole_encoding(self, file: SourceFile) -> Encoding:
        if self.encoding != "auto":
            return Encoding(self.encoding)
        with self._open(file) as stream:
            return detect_encoding(chunks_of(stream))

    def layout(self, file: SourceFile, encoding: Encoding) -> Layout:
        with self._open(file) as stream:
            head = stream.read(HEAD_BYTES).decode(encoding.name, "replace")
        return detect_layout(head, Path(file.name).suffix, lambda heading: is_known(heading, self.file_tables))

    def inspect(self, file: SourceFile, table: Table) -> tuple[Layout, HeadingMap]:
        layout = self.layout(file, self.head_encoding(file))
        return layout, map_headings(table, layout.headings)

    def read_file(self, file: SourceFile, table: Table) -> Iterator[pa.RecordBatch | RefusedUnit]:
        # A torn file shows only at its end, so its rows wait until the end is known to be good.
        try:
            layout, mapped = self.inspect(file, table)
            encoding = self._whole_encoding(file)
            with spools(row_schema(mapped), REFUSED_ROW_SCHEMA) as (accepted, refused):
                with self._open(file) as stream:
                    for rows in read_rows(stream, encoding, layout):
                        if rows.rows:
                            accepted.write(accepted_batch(rows, mapped, file.key))
                        if rows.refused:
                            refused.write(refused_batch(rows, len(layout.headings), file.key))
                if not is_unchanged(file):
                    raise FileRefused(STILL_WRITTEN)
                if mapped.unknown:
                    self.note(table.name, f"{file.key}: unknown headings, kept in extra: {', '.join(mapped.unknown)}.")
                yield from accepted.batches()
                yield from refused.batches()
        except FileRefused as error:
            yield RefusedUnit(file.key, file.key, f"{error}.")
