"""A catalog with other files in the place of a site's own, to try them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from inventory_pipeline.catalog.loader import load_catalog, site_file
from inventory_pipeline.catalog.model import Catalog


def with_files(site_folder: Path | None, rules: Path | None, products: Path | None, data: Path | None) -> Catalog:
    """The catalog with the given files instead of `site_rules` and `site_products`; a file not given stays the site's.

    Raises ConfigurationError with file and line of what is wrong in them.
    """
    with tempfile.TemporaryDirectory(prefix="inventory-") as scratch:
        for name, given in (("site_rules", rules), ("site_products", products)):
            path = given or (site_file(site_folder, name) if site_folder and site_folder.is_dir() else None)
            if path is not None:
                shutil.copyfile(path, Path(scratch) / (name + path.suffix.lower()))
        return load_catalog(scratch, data)
