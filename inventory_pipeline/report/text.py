"""The summary as text, for the terminal and for logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inventory_pipeline.report.figures import Figures, Share, Source, read_figures

if TYPE_CHECKING:
    from inventory_pipeline.repository.release import Release

WIDTH = 78
SECTIONS = {"software": "Software", "device_model": "Device models", "processor": "Processors"}


def summary_text(release: Release, title: str, *, database: str = "") -> str:
    """The summary of a release, with the next step; `database` is the path of its DuckDB file, where there is one."""
    figures = read_figures(release)
    blocks = [
        f"{title}: release {figures.release_id}, published {figures.published_at:%Y-%m-%d %H:%M} UTC",
        _headlines(figures),
        _normalization(figures),
        _shares("Operating systems", figures.operating_systems),
        _shares("Use of software (installations)", [share for share in figures.usage if share.value]),
        _freshness(figures.sources),
        _next_step(database),
    ]
    return "\n\n".join(block for block in blocks if block)


def _headlines(figures: Figures) -> str:
    width = max((len(f"{h.value:,}") for h in figures.headlines), default=0)
    return "\n".join(f"  {h.value:>{width},}  {h.doc.rstrip('.')}" for h in figures.headlines if h.value)


def _normalization(figures: Figures) -> str:
    lines = ["Normalization"]
    for row in figures.normalization:
        if not row.collected:
            continue
        lines.append(f"  {SECTIONS.get(row.section, row.section)}: {row.collected:,} records collected")
        parts = [
            (row.normalized, f"normalized by the catalog ({row.normalized_products:,} products)"),
            (row.ai_assisted, f"normalized, AI-assisted ({row.ai_assisted_products:,} products)"),
            (row.parsed, f"read from the record itself ({row.parsed_products:,} products)"),
            (row.not_normalized, f"not normalized, {row.with_suggestions:,} of them with suggestions"),
            (row.ignored, "left out by a rule"),
        ]
        lines += [f"    {value:>9,}  {words}" for value, words in parts if value]
    return "\n".join(lines) if len(lines) > 1 else ""


def _shares(title: str, shares: Sequence[Share]) -> str:
    total = sum(share.value for share in shares)
    if not total:
        return ""
    lines = [f"  {share.value:>9,}  {share.value / total:>4.0%}  {_cut(share.label, 56)}" for share in shares]
    return "\n".join([title, *lines])


def _freshness(sources: Sequence[Source]) -> str:
    if not sources:
        return ""
    lines = ["Freshness (UTC)"]
    for name in dict.fromkeys(source.connector for source in sources):
        own = [source for source in sources if source.connector == name]
        successes = [source.last_success for source in own if source.last_success]
        when = f"{min(successes):%Y-%m-%d %H:%M}" if successes else "never"
        rejected = sum(source.rejected for source in own)
        troubled = [source.category for source in own if source.last_status not in ("committed", "unchanged")]
        line = f"  {name}: {when}, {sum(source.rows for source in own):,} rows in {len(own)} categories"
        line += f", {rejected:,} rejected" if rejected else ""
        line += f"; last attempt not successful: {', '.join(troubled)}" if troubled else ""
        lines.append(line)
    return "\n".join(lines)


def _next_step(database: str) -> str:
    lines = ["Next: `inventory ui` (or `make ui`) opens the whole thing at http://127.0.0.1:3000"]
    if database:
        lines.append(f"      `inventory report` writes a page; any DuckDB tool opens {database}")
    lines.append("      `inventory explain device NAME` says why a device looks as it does")
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
