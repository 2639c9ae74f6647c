"""Views over a release's tables that stand beside them in `inventory.duckdb`: the same facts, easier to ask."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_pipeline.consolidation.attributes import ATTRIBUTE_NAMES
from inventory_pipeline.repository.storage import sql_names


@dataclass(frozen=True, slots=True)
class View:
    """A query over a release's tables, and what one row of it is."""

    doc: str
    query: str


def _device_value() -> str:
    names = sql_names(ATTRIBUTE_NAMES)
    values = ", ".join(f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in ATTRIBUTE_NAMES)
    return (
        "SELECT p.device_id, p.attribute, v.value, r.connector, r.source_device_id, r.inventory_date, r.record_no "
        f"FROM (UNPIVOT device_provenance ON {names} INTO NAME attribute VALUE record_no) p "
        "JOIN device_record r ON r.device_id = p.device_id AND r.record_no = p.record_no "
        f"LEFT JOIN (UNPIVOT (SELECT device_id, {values} FROM device) ON {names} INTO NAME attribute VALUE value) v "
        "ON v.device_id = p.device_id AND v.attribute = p.attribute"
    )


VIEWS: dict[str, View] = {
    "device_value": View(
        "One row per device and attribute: the value that consolidation took, and the source record that it came from.",
        _device_value(),
    ),
    "missing_patch": View(
        "One row per device and patch that is missing or failed on it.",
        "SELECT d.device_id, d.name, d.fqdn, d.os_name, p.patch_id, q.title, q.classification, q.severity, "
        "q.release_date, p.state, p.state_date, p.connector "
        "FROM device_patch p JOIN device d ON d.device_id = p.device_id JOIN patch q ON q.patch_id = p.patch_id "
        "WHERE p.is_missing",
    ),
    "subscription_position": View(
        "One row per subscribed product of a tenant: bought, assigned, unassigned, and what `subscription_waste` "
        "says could be taken back.",
        "SELECT s.connector, s.sku_id, s.sku_part_number, s.product_name, s.prepaid, s.consumed, "
        "greatest(s.prepaid - s.consumed, 0) AS unassigned, s.assigned_people, s.active_people, "
        "coalesce(w.disabled, 0) AS disabled_people, coalesce(w.people - w.disabled, 0) AS unused_people, "
        "greatest(s.prepaid - s.consumed, 0) + coalesce(w.people, 0) AS reclaimable "
        "FROM subscription s LEFT JOIN (SELECT connector, sku_id, count(*) AS people, "
        "count(*) FILTER (WHERE reason = 'disabled_account') AS disabled FROM subscription_waste "
        "GROUP BY connector, sku_id) w ON w.connector = s.connector AND w.sku_id = s.sku_id",
    ),
    "software_past_support": View(
        "One row per installation whose version is no longer supported at the end of inventory.",
        "SELECT i.installation_id, d.device_id, d.name AS device_name, i.vendor, i.title, i.version, i.end_of_support, "
        "i.usage_category FROM installation i JOIN device d ON d.device_id = i.device_id "
        "WHERE i.end_of_support < (SELECT CAST(max(inventory_date) AS DATE) FROM device "
        "WHERE inventory_date_status = 'valid')",
    ),
}
