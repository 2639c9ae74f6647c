"""Why a device looks as it does, and what a product was made of: read from a release, as text and as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from inventory_pipeline.consolidation.attributes import ATTRIBUTES
from inventory_pipeline.consolidation.explain_text import lines_of_device, lines_of_product, lines_of_software
from inventory_pipeline.consolidation.policy import PrecedencePolicy
from inventory_pipeline.errors import InventoryError
from inventory_pipeline.repository.release import Release

Row = dict[str, Any]
_FOUND_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """`text` is for people; `data` holds the same facts: lists of rows by topic."""

    text: str
    data: Mapping[str, Any]


def explain_device(release: Release, query: str, software: str | None = None) -> Explanation:
    """Explains one device: records, keys, refused merges, values with their sources, software.

    `query` is a device_id, name, fully qualified domain name, serial number, asset tag or source key. With
    `software` (part of a vendor's or product's name) the raw rows of those installations are shown instead.

    Raises:
        InventoryError: no device or several answer to the query; the message names them.
    """
    connection = release.connect()
    try:
        device = _device(connection, query)
        if software is not None:
            return _software(connection, device, software)
        return _whole(connection, device, _precedence(release))
    finally:
        connection.close()


def explain_product(release: Release, query: str) -> Explanation:
    """Explains one product: which raw titles were taken for it, by which rules, and where it is installed.

    `query` is a product_id, a title, or vendor and title.

    Raises:
        InventoryError: no product or several answer to the query; the message names them.
    """
    connection = release.connect()
    try:
        product = _product(connection, query)
        data: dict[str, Any] = {"product": product}
        parameters = [product["product_id"]]
        data["statements"] = _rows(
            connection,
            "select * from software_decision where product_id = $1 and coalesce(parent_product_id, '') <> $1 "
            "order by records desc, software_id",
            parameters,
        )
        data["parts"] = _rows(
            connection,
            "select * from software_decision where parent_product_id = $1 order by records desc, software_id",
            parameters,
        )
        data["versions"] = _rows(
            connection,
            "select version, version_family, edition, count(*) as installations, "
            "count(*) filter (where usage_category = 'used') as used, min(end_of_support) as end_of_support "
            "from installation where product_id = $1 group by all order by installations desc, version, edition",
            parameters,
        )
        data["usage"] = _rows(
            connection,
            "select usage_category, unreported_reason, count(*) as installations from installation "
            "where product_id = $1 group by all order by installations desc, usage_category, unreported_reason",
            parameters,
        )
        return Explanation("\n".join(lines_of_product(data)), data)
    finally:
        connection.close()


def _whole(connection: duckdb.DuckDBPyConnection, device: Row, precedence: PrecedencePolicy) -> Explanation:
    parameters = [device["device_id"]]
    data: dict[str, Any] = {"device": device}
    data["records"] = _rows(
        connection, "select * from device_record where device_id = $1 order by record_no", parameters
    )
    data["keys"] = _rows(
        connection,
        "select k.key_kind, k.key_value, k.strength, k.status, "
        "string_agg(k.connector || ' ' || k.source_device_id, ', ' order by k.connector, k.source_device_id) "
        "as records, "
        "(select count(distinct o.device_id) from identity_key o where o.key_kind = k.key_kind "
        "and o.key_value = k.key_value) as devices, any_value(j.detail) as detail "
        "from identity_key k left join junk_identifier j on j.key_kind = k.key_kind and j.key_value = k.key_value "
        "where k.device_id = $1 group by k.key_kind, k.key_value, k.strength, k.status "
        "order by k.strength, k.key_kind, k.key_value",
        parameters,
    )
    data["conflicts"] = _rows(
        connection,
        "select * from identity_conflict where device_id = $1 or other_device_id = $1 "
        "order by key_kind, key_value, connector, source_device_id, other_connector, other_source_device_id",
        parameters,
    )
    data["values"] = _values(connection, device, data["records"], precedence)
    data["usage"] = _rows(
        connection,
        "select usage_category, unreported_reason, count(*) as installations from installation where device_id = $1 "
        "group by all order by usage_category, unreported_reason",
        parameters,
    )
    return Explanation("\n".join(lines_of_device(data)), data)


def _values(
    connection: duckdb.DuckDBPyConnection, device: Row, records: Sequence[Row], precedence: PrecedencePolicy
) -> list[Row]:
    (source,) = _rows(connection, "select * from device_provenance where device_id = $1", [device["device_id"]]) or [{}]
    stated = _rows(
        connection,
        "select * from device_disagreement where device_id = $1 and not is_chosen "
        "order by attribute, connector, source_device_id",
        [device["device_id"]],
    )
    by_number = {record["record_no"]: record for record in records}
    by_key = {(record["connector"], record["source_device_id"]): record for record in records}
    values: list[Row] = []
    for attribute in ATTRIBUTES:
        record = by_number.get(source.get(attribute.name) or 0)
        if record is None or device[attribute.name] is None:
            continue
        others = []
        for row in stated:
            if row["attribute"] == attribute.name:
                other = by_key[row["connector"], row["source_device_id"]]
                others.append({**row, "reason": _reason(attribute.name, attribute.rule, record, other, precedence)})
        values.append(
            {
                "attribute": attribute.name,
                "value": device[attribute.name],
                "connector": record["connector"],
                "source_device_id": record["source_device_id"],
                "rule": attribute.rule,
                "others": others,
            }
        )
    return values


def _reason(attribute: str, rule: str, winner: Row, other: Row, precedence: PrecedencePolicy) -> str:
    if rule != "precedence":
        return f"the {rule} of all dates counts"
    first = precedence.rank(attribute, winner["connector"], winner["connector_type"])
    second = precedence.rank(attribute, other["connector"], other["connector_type"])
    if first < second:
        return f"{winner['connector']} comes before {other['connector']} for {attribute}"
    return f"same precedence, inventory of {winner['connector']} {winner['source_device_id']} is newer"


def _precedence(release: Release) -> PrecedencePolicy:
    """The precedence that the release was made with, from its manifest."""
    stated = (release.manifest or {}).get("policy", {}).get("precedence")
    return PrecedencePolicy.model_validate(stated) if stated else PrecedencePolicy()


def _software(connection: duckdb.DuckDBPyConnection, device: Row, software: str) -> Explanation:
    found = _rows(
        connection,
        "select * from installation where device_id = $1 and "
        "(contains(lower(vendor || ' ' || title), lower($2)) or installation_id = $2 or product_id = lower($2)) "
        "order by vendor, title, version, installation_id",
        [device["device_id"], software],
    )
    if not found:
        raise InventoryError(
            f"no installation on {device['name']} matches {software!r}.",
            cure="Write part of the vendor's or product's name; unidentified software is in unidentified_software.",
        )
    for row in found:
        row["rows"] = _rows(
            connection,
            "select r.connector, r.source_device_id, r.role, r.row_hash, d.raw_title, d.raw_publisher, d.raw_version, "
            "d.decided_by, d.rule_id, d.confidence, d.evidence from installation_record r "
            "join software_decision d on d.software_id = r.software_id "
            "where r.device_id = $1 and r.installation_id = $2 "
            "order by r.role <> 'product', r.connector, d.raw_title, r.row_hash",
            [device["device_id"], row["installation_id"]],
        )
    data = {"device": device, "installations": found}
    return Explanation("\n".join(lines_of_software(data)), data)


def _device(connection: duckdb.DuckDBPyConnection, query: str) -> Row:
    found = _rows(
        connection,
        "select d.* from device d where d.device_id = $1 or lower(d.name) = lower($1) or lower(d.fqdn) = lower($1) "
        "or lower(d.serial_number) = lower($1) or lower(d.asset_tag) = lower($1) or d.device_id in "
        "(select device_id from device_record where source_device_id = $1 or lower(name) = lower($1)) "
        "order by d.name, d.device_id limit " + str(_FOUND_AT_MOST),
        [query],
    )
    named = [f"{row['device_id']} ({row['name']}, serial number {row['serial_number'] or 'unknown'})" for row in found]
    return _only(found, named, "device", query)


def _product(connection: duckdb.DuckDBPyConnection, query: str) -> Row:
    exact = _rows(
        connection,
        "select * from product where product_id = lower($1) or lower(title) = lower($1) "
        "or lower(vendor || ' ' || title) = lower($1) order by product_id",
        [query],
    )
    found = exact or _rows(
        connection,
        "select * from product where contains(lower(vendor || ' ' || title), lower($1)) "
        "order by installations desc, product_id limit " + str(_FOUND_AT_MOST),
        [query],
    )
    return _only(
        found, [f"{row['product_id']} ({row['installations']} installations)" for row in found], "product", query
    )


def _only(found: Sequence[Row], named: Iterable[str], what: str, query: str) -> Row:
    if len(found) == 1:
        return found[0]
    if not found:
        raise InventoryError(f"no {what} answers to {query!r}.", cure=f"Look for it in the table {what}.")
    raise InventoryError(f"several {what}s answer to {query!r}.", cure=f"Choose one: {'; '.join(named)}.")


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[Any]) -> list[Row]:
    return connection.sql(query, params=parameters).to_arrow_table().to_pylist()
