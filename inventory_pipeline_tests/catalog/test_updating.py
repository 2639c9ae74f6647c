"""A newer build of the catalog comes into use beside a site's files, or not at all."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from inventory_pipeline.catalog.inspect import warnings
from inventory_pipeline.catalog.loader import DATA, load_catalog
from inventory_pipeline.catalog.updating import update_build
from inventory_pipeline.errors import ConfigurationError

NEW = "acme/novelty,Acme,Novelty,,application,licensed,,,,,,,\n"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A build with one more product and one less."""
    folder = tmp_path / "newer"
    shutil.copytree(DATA, folder)
    path = folder / "products.csv"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if not line.startswith("3cx/")]
    path.write_text("".join(kept) + NEW, encoding="utf-8")
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "site_rules.csv").write_text("rule_id,title,product_id\nours,Phone Thing,3cx/3cx-desktop-app\n")
    return folder


def test_a_folder_or_an_archive_replaces_the_build(newer: Path, tmp_path: Path) -> None:
    archive = tmp_path / "build.zip"
    with zipfile.ZipFile(archive, "w") as handle:
        for path in newer.iterdir():
            handle.write(path, f"catalog-2027/{path.name}")
    for source in (newer, archive):
        target = tmp_path / f"target-{source.suffix or 'folder'}"
        outcome = update_build(source, target, None, load_catalog())
        assert (outcome.added, outcome.removed > 0) == (1, True)
        assert "acme/novelty" in load_catalog(None, target).products
        assert outcome.after == load_catalog(None, target).version != outcome.before
        again = update_build(source, target, None, load_catalog(None, target))
        assert (again.added, again.removed, again.changed) == (0, 0, 0)


def test_site_rules_that_would_lose_their_product_hold_it(newer: Path, site: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(ConfigurationError, match=r"site_rules\.csv:2.*3cx/3cx-desktop-app"):
        update_build(newer, target, site, load_catalog(site))
    assert not target.exists()
    before = (site / "site_rules.csv").read_bytes()
    update_build(newer, target, site, load_catalog(site), force=True)
    assert target.is_dir() and (site / "site_rules.csv").read_bytes() == before


def test_what_is_no_build_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no archive")
    for name in ("empty", "text.zip"):
        with pytest.raises(ConfigurationError):
            update_build(tmp_path / name, tmp_path / "target", None, load_catalog())
    assert not (tmp_path / "target").exists()


def test_remarks_about_what_is_hardly_meant(tmp_path: Path) -> None:
    (tmp_path / "site_products.csv").write_text(
        "product_id,vendor,title\nours/office,Microsoft,Office\nmicrosoft/teams,Microsoft,Teams for us\n"
    )
    (tmp_path / "site_rules.csv").write_text(
        "rule_id,title,publisher,product_id,action\na,Thing,Acme,microsoft/teams,\n"
        "b,THING,Acme Inc.,microsoft/office,\nc,Other*,,microsoft/office,ignore\n"
    )
    said = "\n".join(warnings(load_catalog(tmp_path), load_catalog()))
    assert "rule b is never asked, since a matches the same" in said
    assert "rule c ignores" in said
    assert "ours/office has the vendor and title of microsoft/office" in said
    assert "microsoft/teams replaces the one of the catalog" in said
