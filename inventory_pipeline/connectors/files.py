"""Files as a source: finds them in a folder, looks into archives, and reads their bytes within bounds.

Used by every connector that reads files. What stands in the text of a file is the business of `delimited.py`
(encoding, delimiter, rows) and `headings.py` (which table, which column).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

TEXT_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
PARTIAL_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload")
STILL_WRITTEN = "the file is still being written; it is left for the next sync"
CHUNK_BYTES = 1 << 20
MAX_MEMBERS = 1000
# Deflate reaches about 1,030:1, inventories seldom 30:1; what stays small may be as repetitive as it likes.
MAX_RATIO = 200
RATIO_FROM_BYTES = 256 << 20


class FileRefused(Exception):
    """A file cannot be taken as it stands; the text says why and what to do, without the file's name."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, or a member of a zip archive, that may hold a table.

    `key` is the path below the folder with forward slashes (`2026/devices.csv`, `export.zip/devices.csv`).
    `problem` says why it cannot be read now; such a file is listed all the same, so that it is not taken for gone.
    """

    key: str
    path: Path
    size: int
    changed_ns: int
    member: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """File name without folders, and without `.gz`."""
        name = PurePosixPath(self.member or self.path.name).name
        return name[:-3] if name.lower().endswith(".gz") else name

    @property
    def depends_on_content(self) -> bool:
        """True for members of archives: they can be named only while the archive can be read."""
        return bool(self.member)


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found in a folder: files in the order of their keys, and sentences on what was left aside."""

    files: tuple[SourceFile, ...]
    remarks: tuple[str, ...] = ()


def find_files(folder: Path, *, settle_seconds: float = 2.0, sleep: Callable[[float], None] = time.sleep) -> Listing:
    """Lists the text files of a folder, its subfolders and its zip archives, in a repeatable order.

    Hidden and temporary files are passed over. Symbolic links are followed to files inside the folder only.
    A file that changed within the last `settle_seconds` is looked at again after that time; when its size or
    time has moved, or a partner such as `devices.csv.part` lies beside it, it comes with a `problem`.

    Raises:
        OSError: the folder itself cannot be listed.
    """
    root = folder.resolve()
    remarks: list[str] = []
    found = [_look(path, root) for path in _walk(root, remarks)]
    unsettled = [file for file in found if not file.problem and _age_seconds(file) < settle_seconds]
    if unsettled:
        sleep(settle_seconds)
        moved = {file.key for file in unsettled if not is_unchanged(file)}
        found = [_with_problem(file, STILL_WRITTEN) if file.key in moved else file for file in found]
    files: list[SourceFile] = []
    for file in found:
        if file.path.suffix.lower() == ".zip" and not file.problem:
            files.extend(_members(file, remarks))
        else:
            files.append(file)
    return Listing(tuple(sorted(files, key=lambda file: file.key)), tuple(remarks))


def is_unchanged(file: SourceFile) -> bool:
    """True when the file still has the size and time that it was listed with."""
    try:
        status = file.path.stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (file.size, file.changed_ns)


def content_hash(file: SourceFile) -> str:
    """SHA-256 of the bytes on disk (of the whole archive for a member), as hexadecimal text.

    Raises:
        FileRefused: the file cannot be opened, or changed while it was read.
    """
    digest = hashlib.sha256()
    try:
        with file.path.open("rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise FileRefused(_os_reason(error)) from error
    if not is_unchanged(file):
        raise FileRefused(STILL_WRITTEN)
    return digest.hexdigest()


@contextmanager
def open_bytes(file: SourceFile, *, max_bytes: int) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked. Damage met while reading is raised as FileRefused by the stream itself.

    Raises:
        FileRefused: the file or its archive cannot be opened, is damaged, or unpacks to more than allowed.
    """
    with ExitStack() as stack:
        with _translated():
            if file.member:
                archive = stack.enter_context(zipfile.ZipFile(file.path))
                packed = archive.getinfo(file.member).compress_size
                stream = stack.enter_context(archive.open(file.member))
            elif file.path.suffix.lower() == ".gz":
                packed = file.size
                stream = cast("IO[bytes]", stack.enter_context(gzip.open(file.path, "rb")))
            else:
                packed = 0
                stream = stack.enter_context(file.path.open("rb"))
        bounded = _Bounded(stream, packed_bytes=packed, max_bytes=max_bytes)
        yield cast("BinaryIO", stack.enter_context(io.BufferedReader(bounded, CHUNK_BYTES)))


class _Bounded(io.RawIOBase):
    """A readable stream that ends in FileRefused where unpacking goes beyond its bounds or meets damage."""

    def __init__(self, stream: IO[bytes], *, packed_bytes: int, max_bytes: int) -> None:
        super().__init__()
        self._stream = stream
        self._packed_bytes = packed_bytes
        self._max_bytes = max_bytes
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _translated():
            chunk = self._stream.read(len(buffer))
        self._read_bytes += len(chunk)
        if self._packed_bytes:
            if self._read_bytes > self._max_bytes:
                raise FileRefused(
                    f"it unpacks to more than {self._max_bytes / 1e9:g} GB; raise max_unpacked_gb if it should"
                )
            if self._read_bytes > max(RATIO_FROM_BYTES, MAX_RATIO * self._packed_bytes):
                raise FileRefused(f"it unpacks to more than {MAX_RATIO} times its size, as archives made to do harm do")
        buffer[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise FileRefused("the gzip file ends early; copy it again") from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise FileRefused(f"the archive is damaged ({error}); copy it again") from error
    except (NotImplementedError, RuntimeError, KeyError) as error:
        raise FileRefused(f"the archive cannot be unpacked ({error})") from error
    except OSError as error:
        raise FileRefused(_os_reason(error)) from error


def _os_reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied; grant the account that runs the sync read access"
    if isinstance(error, FileNotFoundError):
        return "the file is no longer there"
    return f"it cannot be read ({error.strerror or error})"


def _walk(root: Path, remarks: list[str]) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        if error.filename == str(root):
            raise error
        remarks.append(f"{_key(Path(str(error.filename)), root)}: the subfolder cannot be listed ({error.strerror}).")

    for parent, folders, names in os.walk(root, onerror=failed):
        base = Path(parent)
        visible = sorted(name for name in folders if not _is_hidden(name))
        links = {name for name in visible if (base / name).is_symlink()}
        remarks.extend(f"{_key(base / name, root)}: links to folders are not followed." for name in sorted(links))
        folders[:] = [name for name in visible if name not in links]
        for name in sorted(names):
            path = base / name
            if _is_hidden(name) or name.lower().endswith(PARTIAL_SUFFIXES):
                continue
            if not _is_text_name(name) and not name.lower().endswith(".zip"):
                remarks.append(f"{_key(path, root)}: not a .csv or .tsv file; left aside.")
            elif path.is_symlink() and not _leads_inside(path, root):
                remarks.append(f"{_key(path, root)}: the link leads out of the folder and is not followed.")
            else:
                yield path


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$", "~")) or name.endswith(("~", ".tmp")) or name in ("__MACOSX", "Thumbs.db")


def _is_text_name(name: str) -> bool:
    lowered = name.lower()
    return lowered.endswith((*TEXT_SUFFIXES, ".gz"))


def _leads_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _key(path: Path, root: Path) -> str:
    # Names that are not valid UTF-8 on disk must still be text that can be stored and shown.
    return path.relative_to(root).as_posix().encode("utf-8", "backslashreplace").decode()


def _look(path: Path, root: Path) -> SourceFile:
    key = _key(path, root)
    try:
        status = path.stat()
    except OSError as error:
        return SourceFile(key, path, 0, 0, problem=_os_reason(error))
    file = SourceFile(key, path, status.st_size, status.st_mtime_ns)
    if not stat.S_ISREG(status.st_mode):
        return _with_problem(file, "it is not a regular file")
    partners = [path.with_name(path.name + suffix) for suffix in PARTIAL_SUFFIXES]
    partners += [path.with_suffix(suffix) for suffix in PARTIAL_SUFFIXES]
    if any(partner.exists() for partner in partners):
        return _with_problem(file, STILL_WRITTEN)
    return file


def _age_seconds(file: SourceFile) -> float:
    # A clock of a file server that is ahead of ours makes a file from the future: it counts as just changed.
    return max(0.0, time.time() - file.changed_ns / 1e9)


def _with_problem(file: SourceFile, problem: str) -> SourceFile:
    return SourceFile(file.key, file.path, file.size, file.changed_ns, file.member, problem)


def _members(archive: SourceFile, remarks: list[str]) -> list[SourceFile]:
    try:
        with _translated(), zipfile.ZipFile(archive.path) as opened:
            infos = [info for info in opened.infolist() if not info.is_dir()]
    except FileRefused as error:
        return [_with_problem(archive, str(error))]
    if len(infos) > MAX_MEMBERS:
        return [_with_problem(archive, f"the archive holds {len(infos)} files; at most {MAX_MEMBERS} are read")]
    members: dict[str, SourceFile] = {}
    for info in infos:
        parts = PurePosixPath(info.filename).parts
        if any(_is_hidden(part) for part in parts):
            continue
        key = f"{archive.key}/{info.filename}"
        if not info.filename.lower().endswith(TEXT_SUFFIXES):
            remarks.append(f"{key}: not a .csv or .tsv file; left aside.")
            continue
        problem = "it is protected by a password; unpack it first" if info.flag_bits & 1 else ""
        members[key] = SourceFile(key, archive.path, archive.size, archive.changed_ns, info.filename, problem)
    return list(members.values())
