"""The summary page and its charts: whole, self-contained, and safe against what sources say."""

from __future__ import annotations

import datetime as dt
import re
from xml.etree import ElementTree

import pytest

from inventory_pipeline.report.charts import bars, split_bar
from inventory_pipeline.report.figures import Figures, Headline, Normalization, Share, Source
from inventory_pipeline.report.page import render_page

HOSTILE = "</title><script>alert('x')</script>\u202e\"&<b>"
MOMENT = dt.datetime(2026, 3, 1, 8, 30)


def figures(label: str = "Windows 11") -> Figures:
    shares = (Share(label, 1200), Share("others", 3))
    return Figures(
        release_id="20260301t083000000000-ab12",
        published_at=MOMENT,
        headlines=(Headline("devices", 1203, "Devices."), Headline("conflicts", 0, "Conflicts.")),
        normalization=(Normalization("software", 1000, 700, 90, 10, 5, 200, 60, 80, 30, 10),),
        sources=(
            Source(label, "device", "committed", MOMENT, MOMENT, 1200, 0),
            Source("wsus", "patch", "failed", None, MOMENT, 0, 4),
        ),
        operating_systems=shares,
        device_types=shares,
        vendors=shares,
        products=(),
        usage=(Share("used", 3), Share("rarely used", 1), Share("unused", 0), Share("unreported", 4)),
        unidentified=shares,
        out_of_support=(),
        changes=(("device", "came", 3),),
    )


def test_the_page_shows_figures_freshness_and_charts() -> None:
    page = render_page(figures(), "Default Inventory")
    assert "<b>1,203</b><span>Devices</span>" in page
    assert "Conflicts" not in page, "figures that are zero are left out"
    assert 'class="bad">failed' in page and "never" in page
    assert "8.1%" in page, "80 of 990 records that were to be identified"
    assert page.count("<svg") == 6
    assert "Devices</td><td>came" in page


def test_the_page_needs_nothing_from_anywhere() -> None:
    page = render_page(figures(), "Default Inventory")
    assert not re.search(r"""(src|href)\s*=|@import|url\(|<script|<link|<iframe""", page)
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}


def test_hostile_text_stays_text() -> None:
    page = render_page(figures(HOSTILE), HOSTILE)
    assert "<script" not in page and "<b>" not in page.replace("<b>1,203</b>", "")


@pytest.mark.parametrize("label", ["plain", HOSTILE, "x" * 500, "tab\tand\nline", ""])
def test_charts_are_well_formed(label: str) -> None:
    for svg in (bars([Share(label, 5), Share("b", 0)], label), split_bar([Share(label, 5), Share("b", 5)], label)):
        ElementTree.fromstring(svg)


def test_bars_are_in_proportion() -> None:
    svg = ElementTree.fromstring(bars([Share("a", 400), Share("b", 100), Share("c", 0)], "t"))
    widths = [float(rect.attrib["width"]) for rect in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[0] == pytest.approx(4 * widths[1], abs=0.2) and widths[2] == 0


def test_a_split_bar_fills_its_width_and_nothing_is_no_chart() -> None:
    svg = ElementTree.fromstring(split_bar([Share("a", 1), Share("b", 2), Share("c", 0)], "t"))
    parts = [rect for rect in svg.iter("{http://www.w3.org/2000/svg}rect") if rect.attrib["y"] == "0"]
    assert sum(float(part.attrib["width"]) for part in parts) == pytest.approx(560, abs=0.2)
    assert split_bar([Share("a", 0)], "t") == "" and bars([], "t") == ""
