"""Attributes of a device that sources state, and how one value is chosen from several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Rule = Literal["precedence", "newest", "oldest"]
Compare = Literal["none", "text", "host", "exact"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, named as its column in the canonical table `device`.

    `rule`: by precedence of connectors, or the newest or oldest of all dates. `compare`: how values of different
    sources are compared for disagreements: not at all, as text without case and punctuation, as a host's name without
    its domain, or exactly.
    """

    name: str
    rule: Rule = "precedence"
    compare: Compare = "none"


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("name", compare="host"),
    Attribute("netbios_name"),
    Attribute("domain", compare="text"),
    Attribute("netbios_domain"),
    Attribute("fqdn", compare="text"),
    Attribute("manufacturer", compare="text"),
    Attribute("model", compare="text"),
    Attribute("serial_number", compare="text"),
    Attribute("smbios_uuid"),
    Attribute("asset_tag", compare="text"),
    Attribute("chassis_type"),
    Attribute("os_name", compare="text"),
    Attribute("os_version", compare="exact"),
    Attribute("os_build"),
    Attribute("os_architecture"),
    Attribute("memory_mb", compare="exact"),
    Attribute("mac_addresses"),
    Attribute("ip_addresses"),
    Attribute("ad_site"),
    Attribute("ad_object_guid"),
    Attribute("ad_sid"),
    Attribute("entra_device_id"),
    Attribute("imei"),
    Attribute("instance_uuid"),
    Attribute("primary_user", compare="text"),
    Attribute("is_virtual", compare="exact"),
    Attribute("criticality", compare="text"),
    Attribute("purchase_date", compare="exact"),
    Attribute("warranty_end", compare="exact"),
    Attribute("first_seen", rule="oldest"),
    Attribute("last_boot", rule="newest"),
    Attribute("inventory_date", rule="newest"),
)
ATTRIBUTE_NAMES: tuple[str, ...] = tuple(attribute.name for attribute in ATTRIBUTES)
