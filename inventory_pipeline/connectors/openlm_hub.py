"""Recognizes the star schema of OpenLM's Reporting Hub by the columns that its documentation names.

Facts: OpenLM, "OpenLM Reporting Hub Data Structure" (2023): dimensions and measures with their columns. It names
neither tables nor the columns by which they belong together, so both are found in the site's catalog: a table by its
columns; what joins two tables as the one column that both have and that is none of the documented ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inventory_pipeline.connectors.openlm_catalog import Catalog, SiteTable
from inventory_pipeline.connectors.openlm_mapping import Part


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DOCUMENTED: Mapping[str, frozenset[str]] = {
    "license": _words(
        "license_server license_vendor license_feature license_description license_type license_version "
        "license_additional_key license_expiration_date"
    ),
    "user": _words(
        "user_name user_first_name user_last_name user_display_name user_title user_department user_phone_number "
        "user_description user_office user_email user_source user_valid"
    ),
    "workstation": _words("workstation"),
    "calendar": _words(
        "date date_string date_string_long is_weekend is_holiday week_yyyyww day_of_month day_of_week day_of_year month"
    ),
    "raw_usage": _words("usage_time num_of_licenses_used borrowed"),
    "feature_usage": _words("usage_time concurrent_usage num_of_licenses_used borrowed"),
    "denials": _words("denial_id major_error minor_error hour_of_day error_message"),
    "quantity": _words("max_license_quantity"),
}
"""Documented columns of the tables that are read, in small letters."""

_ALL = frozenset().union(*DOCUMENTED.values())
# What tells a table from all others: columns that it must have, and columns that it must not have.
_SIGNS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "license": (_words("license_feature license_vendor license_server"), _words("usage_time denial_id")),
    "user": (_words("user_name user_display_name"), _words("usage_time denial_id")),
    "workstation": (_words("workstation"), _words("usage_time denial_id user_name license_feature")),
    "calendar": (_words("date date_string"), _words("usage_time denial_id")),
    "raw_usage": (_words("usage_time num_of_licenses_used"), _words("concurrent_usage")),
    "feature_usage": (_words("usage_time concurrent_usage"), frozenset()),
    "denials": (_words("denial_id"), frozenset()),
    "quantity": (_words("max_license_quantity"), frozenset()),
}


@dataclass(slots=True)
class Hub:
    """What was recognized: parts by kind, and sentences on what could not be told."""

    parts: dict[str, Part] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def recognize(catalog: Catalog) -> Hub:
    """Finds the tables of a Reporting Hub, and how they belong together."""
    hub = Hub()
    roles: dict[str, SiteTable] = {}
    for role, (has, has_not) in _SIGNS.items():
        found = [t for t in catalog.tables if has <= t.columns.keys() and not has_not & t.columns.keys()]
        if len(found) == 1:
            roles[role] = found[0]
        elif found:
            names = ", ".join(sorted(table.name for table in found))
            hub.remarks.append(f"Several tables look like the {role.replace('_', ' ')} of a Reporting Hub: {names}.")
    if "license" in roles:
        _features(hub, roles)
        for kind, role in (("sessions", "raw_usage"), ("denials", "denials"), ("quantities", "quantity")):
            _measure(hub, kind, role, roles)
        # The measure by day says when; the raw one may not.
        _measure(hub, "usage", "feature_usage" if "feature_usage" in roles else "raw_usage", roles)
    return hub


def _feature_key(roles: Mapping[str, SiteTable]) -> tuple[str, ...]:
    """What identifies a licence: the column by which all measures know it, else what is documented of it."""
    table = roles["license"]
    measures = [roles[role] for role in ("raw_usage", "feature_usage", "denials", "quantity") if role in roles]
    keys = {shared for measure in measures if (shared := _link(measure, table, "license"))}
    if (shared := _only(keys)) is not None:
        return (shared,)
    parts = [f"license_{name}" for name in ("server", "vendor", "feature", "version", "type", "additional_key")]
    return tuple(part for part in parts if part in table.columns)


def _features(hub: Hub, roles: Mapping[str, SiteTable]) -> None:
    table = roles["license"]
    columns = {
        "license_server": "license_server",
        "vendor": "license_vendor",
        "feature": "license_feature",
        "description": "license_description",
        "version": "license_version",
        "license_type": "license_type",
        "expiration_date": "license_expiration_date",
        "extra_additional_key": "license_additional_key",
    }
    there = {name: column for name, column in columns.items() if column in table.columns}
    own = " + ".join(_feature_key(roles))
    hub.parts["features"] = Part(table=table.name, columns={"source_feature_id": own, **there})


def _measure(hub: Hub, kind: str, role: str, roles: Mapping[str, SiteTable]) -> None:
    measure = roles.get(role)
    if measure is None:
        return
    joins: list[str] = []
    columns: dict[str, str] = {}
    links: list[str] = []
    for dimension, canonical, wanted in (
        ("license", "source_feature_id", None),
        ("user", "user", "user_name"),
        ("workstation", "device_name", "workstation"),
        ("calendar", "date" if kind == "quantities" else "started", "date"),
    ):
        table = roles.get(dimension)
        if table is None or (kind == "quantities" and dimension in ("user", "workstation")):
            continue
        shared = _link(measure, table, dimension)
        if shared is None:
            hub.remarks.append(f"What joins {measure.name} with {table.name} could not be told.")
            continue
        links.append(shared)
        key = (wanted,) if wanted else _feature_key(roles)
        if key == (shared,):
            columns[canonical] = shared
        else:
            joins.append(f"{measure.name}.{shared} = {table.name}.{shared}")
            columns[canonical] = " + ".join(f"{table.name}.{column}" for column in key)
    stated = {
        "sessions": {"quantity": "num_of_licenses_used", "used_time": "usage_time", "extra_borrowed": "borrowed"},
        "usage": {"used_time": "usage_time"},
        "quantities": {"quantity": "max_license_quantity"},
        "denials": {
            "source_session_id": "denial_id",
            **{f"extra_{name}": name for name in ("hour_of_day", "major_error", "minor_error", "error_message")},
        },
    }[kind]
    columns |= {name: column for name, column in stated.items() if column in measure.columns}
    if kind == "sessions" and (own := _own_key(measure, links)):
        columns["source_session_id"] = own
    hub.parts[kind] = Part(table=measure.name, joins=joins, columns=columns)


def _link(measure: SiteTable, dimension: SiteTable, role: str) -> str | None:
    """The one column that both tables have beside the documented ones; of several the one named after the dimension."""
    shared = _undocumented(measure) & _undocumented(dimension)
    named = {name for name in shared if name.startswith(role) or (role == "calendar" and name.startswith("date"))}
    return _only(shared) or _only(named)


def _own_key(measure: SiteTable, links: Iterable[str]) -> str | None:
    """The one remaining column that is called an id."""
    rest = _undocumented(measure) - set(links)
    return _only({name for name in rest if name.endswith("id")})


def _undocumented(table: SiteTable) -> set[str]:
    return set(table.columns) - _ALL


def _only(names: set[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


__all__ = ["DOCUMENTED", "Hub", "recognize"]
