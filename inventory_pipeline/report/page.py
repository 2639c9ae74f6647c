"""The summary as one self-contained HTML page: no script, no font, no request to anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from inventory_pipeline.errors import InventoryError
from inventory_pipeline.report.charts import bars, split_bar
from inventory_pipeline.report.figures import Figures, Share, read_figures
from inventory_pipeline.report.text import SECTIONS

if TYPE_CHECKING:
    from inventory_pipeline.repository.release import Release


def summary_page(release: Release, title: str) -> str:
    """The page of a release; `title` is the repository's."""
    return render_page(read_figures(release), title)


def write_page(release: Release, title: str, path: Path) -> Path:
    """Writes the page of a release in one step: who has the old one open keeps it. Returns the path.

    Raises:
        InventoryError: the file cannot be written.
    """
    page = summary_page(release, title)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise InventoryError(f"{path} cannot be written ({error.strerror}).") from None
    return path


def render_page(figures: Figures, title: str) -> str:
    """The page of figures that are already read. Everything that sources said is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value: f"{value:.1%}"
    return environment.get_template("page.html.j2").render(
        title=title,
        figures=figures,
        headlines=[headline for headline in figures.headlines if headline.value],
        section_names=SECTIONS,
        charts=[(name, Markup(svg)) for name, svg in _charts(figures) if svg],  # noqa: S704 - charts escape their labels
    )


def _charts(figures: Figures) -> list[tuple[str, str]]:
    shares = [
        part
        for row in figures.normalization
        if row.section == "software"
        for part in (
            Share("by the catalog", row.normalized + row.ai_assisted),
            Share("from the record", row.parsed),
            Share("not identified", row.not_normalized),
            Share("left out by rule", row.ignored),
        )
    ]
    return [
        ("Operating systems (devices)", bars(figures.operating_systems, "Operating systems")),
        ("Kinds of device", bars(figures.device_types, "Kinds of device")),
        ("Software records, how they were identified", split_bar(shares, "Identification of software records")),
        ("Use of software (installations)", split_bar(figures.usage, "Use of software")),
        ("Top vendors (installations)", bars(figures.vendors, "Top vendors")),
        ("Top licensed products (devices)", bars(figures.products, "Top licensed products")),
        ("Past end of support (devices)", bars(figures.out_of_support, "Past end of support")),
        ("Not identified, most frequent (records)", bars(figures.unidentified, "Not identified")),
    ]
