"""Explanations in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from inventory_pipeline.consolidation.identity_data import KIND_BY_NAME

_ROWS_AT_MOST = 25
_REASONS = {
    "device_stopped_reporting": "the device has stopped reporting usage",
    "invalid_usage_date": "the usage date lies in the future",
    "recently_installed": "installed too recently to be judged",
    "invalid_install_date": "the install date lies in the future",
    "no_product_usage": "no installation of the product shows any usage",
    "no_device_usage": "the device reports no usage",
    "device_inventory_too_old": "the device's inventory is too old",
    "invalid_device_inventory_date": "the device's inventory date lies in the future",
    "no_device_inventory_date": "the device has no inventory date",
}


def lines_of_device(data: Mapping[str, Any]) -> Iterator[str]:
    """A device: records, keys, refused merges, values, software."""
    device, records = data["device"], data["records"]
    yield _head(device)
    yield ""
    yield f"Source records ({len(records)})"
    for record in records:
        state = "" if record["is_live"] else ", obsolete" if record["is_obsolete"] else ", replaced by a newer record"
        listed = "" if record["origin"] == "listed" else ", only mentioned by its software or states"
        yield (
            f"  {record['record_no']}. {record['connector']} {record['source_device_id']} ({record['name']}), "
            f"inventory {_time(record['inventory_date'])}{state}{listed}"
        )
        yield f"     {_link(record)}"
    if data["keys"]:
        yield ""
        yield "Keys that records share"
    for key in data["keys"]:
        elsewhere = f"; {key['devices'] - 1} other devices have it too" if key["devices"] > 1 else ""
        yield f"  {_key(key['key_kind'])} {key['key_value']}: {_status(key['status'])}{elsewhere} ({key['records']})"
        if key["detail"]:
            yield f"     {key['detail']}"
    if data["conflicts"]:
        yield ""
        yield f"Merges that were refused ({len(data['conflicts'])})"
    for conflict in data["conflicts"][:_ROWS_AT_MOST]:
        yield (
            f"  {conflict['connector']} {conflict['source_device_id']} (device {conflict['device_id']}) and "
            f"{conflict['other_connector']} {conflict['other_source_device_id']} (device "
            f"{conflict['other_device_id']}) share the {_key(conflict['key_kind'])} {conflict['key_value']}"
        )
        yield f"     {conflict['detail']}"
    yield from _more(data["conflicts"])
    yield ""
    yield "Values and where they come from"
    for value in data["values"]:
        rule = "" if value["rule"] == "precedence" else f" ({value['rule']} of all dates)"
        record = f"{value['connector']} {value['source_device_id']}"
        yield f"  {value['attribute']}: {_value(value['value'])} from {record}{rule}"
        for other in value["others"]:
            record = f"{other['connector']} {other['source_device_id']}"
            yield f"     {record} says {_value(other['value'])}: {other['reason']}"
    yield ""
    yield f"Software: {device['installation_count']} installations"
    yield from _usage(data["usage"])


def lines_of_software(data: Mapping[str, Any]) -> Iterator[str]:
    """Installations of a device, with the raw rows of each."""
    yield _head(data["device"])
    for row in data["installations"]:
        yield ""
        yield f"{_title(row)} ({row['installation_id']})"
        yield f"  usage: {_category(row)}; last used {_time(row['last_used'])}, installed {_time(row['install_date'])}"
        yield f"  made of {len(row['rows'])} raw rows:"
        for raw in row["rows"][:_ROWS_AT_MOST]:
            yield (
                f"  - {raw['connector']} {raw['source_device_id']}: {raw['raw_title']!r} "
                f"{raw['raw_publisher'] or 'without publisher'}, {raw['raw_version'] or 'without version'} "
                f"({raw['role'].replace('_', ' ')})"
            )
            yield f"      {_decision(raw)}"
        yield from _more(row["rows"])


def lines_of_product(data: Mapping[str, Any]) -> Iterator[str]:
    """A product: what was taken for it, versions, usage."""
    product = data["product"]
    yield f"{product['vendor']} {product['title']} ({product['product_id']})"
    yield (
        f"  {product['kind'] or 'unknown kind'}, {product['category'] or 'no category'}, "
        f"licence: {product['licensable'] or 'unknown'}"
    )
    yield (
        f"  {product['installations']:,} installations of {product['versions']:,} versions on "
        f"{product['devices']:,} devices"
    )
    for name, title in (("statements", "Taken for this product"), ("parts", "Counted with it as parts")):
        if not data[name]:
            continue
        yield ""
        yield f"{title} ({len(data[name])} distinct statements)"
        for row in data[name][:_ROWS_AT_MOST]:
            yield (
                f"  - {row['raw_title']!r} {row['raw_publisher'] or 'without publisher'}, "
                f"{row['raw_version'] or 'without version'} ({row['source']}): {row['records']:,} records on "
                f"{row['devices']:,} devices"
            )
            yield f"      {_decision(row)}"
        yield from _more(data[name])
    yield ""
    yield "Versions"
    for row in data["versions"][:_ROWS_AT_MOST]:
        support = f", support ends {_time(row['end_of_support'])}" if row["end_of_support"] else ""
        name = " ".join(text for text in (row["version"] or "without version", row["edition"]) if text)
        yield f"  {name}: {row['installations']:,} installations, {row['used']:,} used{support}"
    yield from _more(data["versions"])
    yield ""
    yield "Usage"
    yield from _usage(data["usage"])


def _head(device: Mapping[str, Any]) -> str:
    hardware = " ".join(
        text for text in (device["vendor"] or device["manufacturer"], device["model_name"] or device["model"]) if text
    )
    parts = [hardware, f"serial number {device['serial_number']}" if device["serial_number"] else "", device["os_name"]]
    described = ", ".join(part for part in parts if part)
    return f"{device['name']} (device {device['device_id']})" + (f": {described}" if described else "")


def _link(record: Mapping[str, Any]) -> str:
    if record["link_key"] is None:
        return "the record that the others were linked to"
    other = f"{record['linked_connector']} {record['linked_source_device_id']}"
    if record["link_key"] == "link":
        return f"linked by hand with {other}"
    return f"same {_key(record['link_key'])} {record['link_value']} as {other}"


def _key(kind: str) -> str:
    return KIND_BY_NAME[kind].title


def _status(status: str) -> str:
    return {
        "used": "merged records",
        "agreed": "agrees with what other keys had merged",
        "refused": "not enough to merge",
        "junk": "identifies nothing",
    }[status]


def _title(row: Mapping[str, Any]) -> str:
    return " ".join(text for text in (row["vendor"], row["title"], row["version"], row["edition"]) if text)


def _category(row: Mapping[str, Any]) -> str:
    name = row["usage_category"].replace("_", " ")
    return f"{name}, since {_REASONS[row['unreported_reason']]}" if row["unreported_reason"] else name


def _usage(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield f"  {row['installations']:,} {_category(row)}"


def _decision(row: Mapping[str, Any]) -> str:
    rule = f" {row['rule_id']}" if row["rule_id"] else ""
    sure = f", confidence {row['confidence']:.2f}" if row["confidence"] is not None else ""
    how = (row["decided_by"] or "none").replace("_", " ")
    return f"decided by {how}{rule}{sure}. {row['evidence'] or ''}".rstrip()


def _more(rows: list[Any]) -> Iterator[str]:
    if len(rows) > _ROWS_AT_MOST:
        yield f"  and {len(rows) - _ROWS_AT_MOST:,} more"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return _time(value) if isinstance(value, dt.date) else str(value)


def _time(value: dt.date | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, dt.datetime) else f"{value:%Y-%m-%d}"
