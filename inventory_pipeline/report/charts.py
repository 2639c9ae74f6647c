"""Small charts as SVG text: bars that can be compared, and one bar split into shares. Colours come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from inventory_pipeline.report.figures import Share

WIDTH = 560
LABEL_WIDTH = 220
ROW_HEIGHT = 26
BAR_HEIGHT = 14
VALUE_WIDTH = 64
LONGEST_LABEL = 29


def bars(shares: Sequence[Share], title: str) -> str:
    """Horizontal bars, one per share, with their values; an SVG element that scales with the page."""
    if not shares:
        return ""
    largest = max(share.value for share in shares) or 1
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    rows: list[str] = []
    for number, share in enumerate(shares):
        middle = number * ROW_HEIGHT + ROW_HEIGHT / 2
        width = max(2.0, room * share.value / largest) if share.value else 0.0
        rows.append(
            f'<text class="label" x="{LABEL_WIDTH - 10}" y="{middle:.0f}" text-anchor="end" '
            f'dominant-baseline="central">{escape(_cut(share.label))}<title>{escape(share.label)}</title></text>'
            f'<rect class="bar" x="{LABEL_WIDTH}" y="{middle - BAR_HEIGHT / 2:.0f}" width="{width:.1f}" '
            f'height="{BAR_HEIGHT}" rx="2"/>'
            f'<text class="value" x="{LABEL_WIDTH + width + 6:.1f}" y="{middle:.0f}" dominant-baseline="central">'
            f"{share.value:,}</text>"
        )
    return _svg(title, WIDTH, len(shares) * ROW_HEIGHT, "".join(rows))


def split_bar(shares: Sequence[Share], title: str) -> str:
    """One bar split into shares, with a legend of values and percentages below."""
    total = sum(share.value for share in shares)
    if not total:
        return ""
    parts: list[str] = []
    legend: list[str] = []
    start = 0.0
    column = WIDTH / max(len(shares), 1)
    for number, share in enumerate(shares):
        width = WIDTH * share.value / total
        text = f"{share.label}: {share.value:,} ({share.value / total:.0%})"
        parts.append(
            f'<rect class="part part-{number}" x="{start:.1f}" y="0" width="{width:.1f}" height="22">'
            f"<title>{escape(text)}</title></rect>"
        )
        left = column * number
        legend.append(
            f'<rect class="part part-{number}" x="{left:.1f}" y="34" width="10" height="10" rx="2"/>'
            f'<text class="label" x="{left + 15:.1f}" y="39" dominant-baseline="central">{escape(share.label)}</text>'
            f'<text class="value" x="{left + 15:.1f}" y="57" dominant-baseline="central">{share.value:,} '
            f"({share.value / total:.0%})</text>"
        )
        start += width
    return _svg(title, WIDTH, 68, "".join(parts) + "".join(legend))


def _svg(title: str, width: int, height: int, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _cut(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
