"""Taking a newer build of the catalog into use, beside a site's own files, which stay as they are."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.errors import ConfigurationError

_MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Updated:
    """Versions before and after, and how many products came, went and changed."""

    before: str
    after: str
    added: int
    removed: int
    changed: int


def update_build(
    source: Path, target: Path, site_folder: Path | None, current: Catalog, *, force: bool = False
) -> Updated:
    """Puts a build (a folder, or a .zip, .tar.gz or .tgz of one) in the place of `target`, as a whole.

    Before anything is replaced, the build is loaded with the site's files on top.
    Raises ConfigurationError when it is no build, or when site rules point at products that it no longer has and
    `force` is not given; `target` is then as it was.
    """
    with tempfile.TemporaryDirectory(prefix="inventory-") as scratch:
        build = _folder_of(source, Path(scratch))
        fresh = load_catalog(None, build)
        try:
            load_catalog(site_folder, build)
        except ConfigurationError as error:
            if not force:
                raise ConfigurationError(
                    f"does not fit the site's files: {error}", subject=str(source), cure="Or give --force."
                ) from None
        staged = target.with_name(f".{target.name}.new")
        shutil.rmtree(staged, ignore_errors=True)
        shutil.copytree(build, staged)
    former = target.with_name(f".{target.name}.old")
    shutil.rmtree(former, ignore_errors=True)
    if target.exists():
        target.rename(former)
    staged.rename(target)
    shutil.rmtree(former, ignore_errors=True)
    old = {i: p for i, p in current.products.items() if p.origin != "site"}
    new = dict(fresh.products.items())
    both = old.keys() & new.keys()
    return Updated(
        current.version,
        fresh.version,
        len(new.keys() - old.keys()),
        len(old.keys() - new.keys()),
        sum(old[i] != new[i] for i in both),
    )


def _folder_of(source: Path, scratch: Path) -> Path:
    """The folder of a build; archives are unpacked, names that lead out of the folder refused."""
    if source.is_dir():
        return source
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                    raise ConfigurationError("is too large for a build of the catalog.", subject=str(source))
                archive.extractall(scratch)  # noqa: S202 (zipfile takes out what leads out of the folder)
        else:
            with tarfile.open(source) as archive:
                if sum(member.size for member in archive.getmembers()) > _MOST_BYTES:
                    raise ConfigurationError("is too large for a build of the catalog.", subject=str(source))
                archive.extractall(scratch, filter="data")
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"cannot be unpacked: {error}.", subject=str(source)) from None
    found = sorted(scratch.rglob("products.csv"))
    return found[0].parent if found else scratch
