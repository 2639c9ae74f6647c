"""The figures of a summary, read from a release by plain SQL."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from inventory_pipeline.repository.release import Release

TOP = 8
USAGE_CATEGORIES = ("used", "rarely_used", "unused", "unreported")
SECTIONS = ("software", "device_model", "processor")
METRICS = (
    "devices", "virtual_devices", "obsolete_devices", "source_records", "devices_in_several_sources",
    "devices_reporting_usage", "installations", "products", "software_records", "distinct_software",
    *(f"installations_{category}" for category in USAGE_CATEGORIES),
    "people", "patches", "patches_missing", "identity_conflicts", "junk_identifiers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole."""

    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Headline:
    """One headline figure; `name` is its metric, `doc` what it counts."""

    name: str
    value: int
    doc: str


@dataclass(frozen=True, slots=True)
class Source:
    """How recent one connector's category is. Times are UTC without zone."""

    connector: str
    category: str
    last_status: str
    last_success: dt.datetime | None
    last_attempt: dt.datetime | None
    rows: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Normalization:
    """How much of one kind of data was normalized; the columns are those of the table `summary`."""

    section: str
    collected: int
    normalized: int
    normalized_products: int
    ai_assisted: int
    ai_assisted_products: int
    parsed: int
    parsed_products: int
    not_normalized: int
    with_suggestions: int
    ignored: int

    @property
    def unidentified_share(self) -> float:
        """Share of the records that were to be normalized and were not, 0 to 1."""
        wanted = self.collected - self.ignored
        return self.not_normalized / wanted if wanted > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a summary shows."""

    release_id: str
    published_at: dt.datetime
    headlines: tuple[Headline, ...]
    normalization: tuple[Normalization, ...]
    sources: tuple[Source, ...]
    operating_systems: tuple[Share, ...]
    device_types: tuple[Share, ...]
    vendors: tuple[Share, ...]
    products: tuple[Share, ...]
    usage: tuple[Share, ...]
    unidentified: tuple[Share, ...]
    out_of_support: tuple[Share, ...]
    changes: tuple[tuple[str, str, int], ...]


def read_figures(release: Release) -> Figures:
    """Reads the figures of a release."""
    connection = release.connect()
    try:
        return Figures(
            release_id=release.id,
            published_at=release.published_at,
            headlines=_headlines(connection),
            normalization=_normalization(connection),
            sources=_sources(connection),
            operating_systems=_top(connection, "device", "coalesce(os_name, 'not reported')"),
            device_types=_top(connection, "device", "coalesce(device_type, 'unknown')"),
            vendors=_top(connection, "installation", "vendor", "vendor is not null", rest=False),
            products=_top(
                connection,
                "installation",
                "vendor || ' ' || title",
                "licensable = 'licensed' and title is not null",
                count="count(distinct device_id)",
                rest=False,
            ),
            usage=_usage(connection),
            unidentified=_unidentified(connection),
            out_of_support=_top(
                connection,
                "installation",
                "vendor || ' ' || title || coalesce(' ' || version_family, '')",
                f"end_of_support < date '{release.published_at:%Y-%m-%d}'",
                count="count(distinct device_id)",
                rest=False,
            ),
            changes=tuple(
                _rows(
                    connection,
                    "select entity, change, count(distinct entity_id) from difference group by all order by all",
                )
            ),
        )
    finally:
        connection.close()


def _headlines(connection: duckdb.DuckDBPyConnection) -> tuple[Headline, ...]:
    found = [Headline(*row) for row in _rows(connection, "select metric, value, doc from headline order by metric")]
    place = {metric: number for number, metric in enumerate(METRICS)}
    return tuple(sorted(found, key=lambda headline: place.get(headline.name, len(place))))


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


def _top(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    label: str,
    where: str = "true",
    *,
    count: str = "count(*)",
    rest: bool = True,
) -> tuple[Share, ...]:
    """The largest groups; with `rest`, the others as one."""
    rows = _rows(
        connection, f"select {label} as label, {count} as n from {table} where {where} group by 1 order by 2 desc, 1"
    )
    shares = [Share(label, value) for label, value in rows[:TOP]]
    if rest and len(rows) > TOP:
        shares.append(Share(f"{len(rows) - TOP} others", sum(value for _, value in rows[TOP:])))
    return tuple(shares)


def _normalization(connection: duckdb.DuckDBPyConnection) -> tuple[Normalization, ...]:
    found = [
        Normalization(*row)
        for row in _rows(
            connection,
            "select section, records_collected, normalized_records, normalized_products, ai_assisted_records, "
            "ai_assisted_products, parsed_records, parsed_products, not_normalized_records, "
            "not_normalized_with_suggestions, ignored_records from summary order by section",
        )
    ]
    place = {section: number for number, section in enumerate(SECTIONS)}
    return tuple(sorted(found, key=lambda row: place.get(row.section, len(place))))


def _sources(connection: duckdb.DuckDBPyConnection) -> tuple[Source, ...]:
    return tuple(
        Source(connector, category, status or "", success, attempt, rows or 0, rejected or 0)
        for connector, category, status, success, attempt, rows, rejected in _rows(
            connection,
            "select connector, category, last_status, last_success, last_attempt, rows_total, rejected "
            "from freshness order by connector, category",
        )
    )


def _usage(connection: duckdb.DuckDBPyConnection) -> tuple[Share, ...]:
    found = dict(_rows(connection, "select usage_category, count(*) from installation group by 1"))
    return tuple(Share(name.replace("_", " "), found.get(name, 0)) for name in USAGE_CATEGORIES)


def _unidentified(connection: duckdb.DuckDBPyConnection) -> tuple[Share, ...]:
    rows = _rows(
        connection,
        "select raw_title || coalesce(' (' || raw_publisher || ')', ''), sum(records) from unidentified_software "
        f"group by 1 order by 2 desc, 1 limit {TOP}",
    )
    return tuple(Share(label, int(value)) for label, value in rows)
