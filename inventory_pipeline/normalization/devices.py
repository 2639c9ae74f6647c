"""Device models: manufacturer and model as sources write them become vendor, device type, family and model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import pyarrow as pa

from inventory_pipeline.catalog.build_devices import machine_type
from inventory_pipeline.catalog.devices import DeviceFacts, device_facts
from inventory_pipeline.catalog.folding import fold, plain, vendor_key
from inventory_pipeline.catalog.site_models import ModelRule
from inventory_pipeline.catalog.vendors import clean_vendor

MODEL_SCHEMA = pa.schema(
    [
        pa.field("vendor", pa.string()),
        pa.field("device_type", pa.string()),
        pa.field("family", pa.string()),
        pa.field("model", pa.string()),
        pa.field("rule_id", pa.string()),
        pa.field("confidence", pa.float64()),
    ]
)

_NOISE = re.compile(
    r"[\s,]+(?:(?:touchscreen|touch)?\s*(?:notebook|laptop|desktop|convertible|tablet) (?:pc|computer)|base model)$",
    re.IGNORECASE,
)
_ORDER_NUMBER = re.compile(r"\s*\((?=[^)]*\d)[^()]*\)$")
_OWN_NAMES = {
    "HP": ("hewlett-packard", "hewlett packard", "hp"),
    "Hewlett Packard Enterprise": ("hpe", "hp"),
    "ASUS": ("asustek", "asus"),
}
_BY_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind)
    for words, kind in (
        (r"\ball[- ]in[- ]one\b|\baio\b", "all in one"),
        (r"\bx360\b|\b2[- ]in[- ]1\b|convertible", "convertible"),
        (r"\bthin client\b", "thin client"),
        (r"\bserver\b", "server"),
        (r"\bdesktop mini\b|\bmini pc\b|\btiny\b|\bmicro\b(?= |$)", "mini pc"),
        (r"\bdesktop\b|\btower\b|\bsff\b|\bmicrotower\b|\bsmall form factor\b", "desktop"),
        (r"\blaptop\b|\bnotebook\b|chromebook", "laptop"),
        (r"\btablet\b", "tablet"),
    )
)


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """What a device is; columns as `normalize_models` documents them."""

    vendor: str | None
    device_type: str
    family: str | None
    model: str | None
    rule_id: str
    confidence: float


def normalize_models(distinct: pa.Table, rules: Sequence[ModelRule] = ()) -> pa.Table:
    """What each distinct device description is, from shipped facts.

    In: one row per distinct `manufacturer`, `model`, `chassis_type` (SMBIOS number or word), `is_virtual`; any may be
    null. Out: one row per row, in order, in `MODEL_SCHEMA`. Placeholders (To be filled by O.E.M.) give no vendor and
    model and device type `unknown`, except for what the chassis says. Lenovo model numbers are replaced by the name of
    their machine type where it is known. The first of a site's `rules` that matches stands above all of that, with
    `rule_id` `site:` and its id. Pure: values, rules and shipped facts decide, nothing else.
    """
    columns = [
        distinct.column(name).to_pylist() if name in distinct.column_names else [None] * distinct.num_rows
        for name in ("manufacturer", "model", "chassis_type", "is_virtual")
    ]
    found = [
        normalize_model(None if m is None else str(m), None if n is None else str(n), str(c or ""), v, rules=rules)
        for m, n, c, v in zip(*columns, strict=True)
    ]
    rows = list(zip(*(astuple(model) for model in found), strict=True)) or [()] * len(MODEL_SCHEMA)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(rows, MODEL_SCHEMA, strict=True)], schema=MODEL_SCHEMA
    )


def normalize_model(
    manufacturer: str | None,
    model: str | None,
    chassis_type: str = "",
    is_virtual: bool | None = None,
    *,
    facts: DeviceFacts | None = None,
    rules: Sequence[ModelRule] = (),
) -> DeviceModel:
    """One device description, by a site's rules, then the shipped facts or others; see `normalize_models`."""
    found = _by_facts(manufacturer, model, chassis_type, is_virtual, facts or device_facts())
    stated = fold(plain(manufacturer)[:200]), fold(plain(model)[:200])
    if not any(stated):
        return found
    for rule in rules:
        if rule.manufacturer.fullmatch(stated[0]) and rule.model.fullmatch(stated[1]):
            return DeviceModel(
                rule.vendor or found.vendor,
                rule.device_type or found.device_type,
                rule.family or found.family,
                rule.model_name or found.model,
                f"site:{rule.rule_id.removeprefix('site:')}",
                1.0,
            )
    return found


def _by_facts(
    manufacturer: str | None, model: str | None, chassis_type: str, is_virtual: bool | None, facts: DeviceFacts
) -> DeviceModel:
    maker, name = plain(manufacturer)[:200], plain(model)[:200]
    chassis = facts.chassis.get(fold(chassis_type).strip(), "")
    for rule in facts.virtual:
        if rule.manufacturer.fullmatch(fold(maker)) and rule.model.fullmatch(fold(name)):
            shown = rule.model_name or name or None
            return DeviceModel(rule.vendor, "virtual machine", rule.family, shown, f"vm:{rule.rule_id}", 0.99)
    maker = "" if facts.placeholders["manufacturer"].fullmatch(fold(maker)) else maker
    name = "" if facts.placeholders["model"].fullmatch(fold(name)) else name
    if is_virtual:
        return DeviceModel(_vendor(facts, maker), "virtual machine", None, name or None, "vm:stated", 0.8)
    vendor = _vendor(facts, maker) or _vendor_in(facts, name)
    if vendor is None and name.lower() in facts.apple_models:
        vendor = "Apple"
    if vendor is None:
        return DeviceModel(None, chassis or "unknown", None, name or None, "placeholder", 0.3 if name else 0.0)
    known = vendor_key(maker) in facts.vendors or not maker
    shown, rule_id = _model(facts, vendor, maker, name)
    family, by_family = _family(facts, vendor, shown)
    by_words = next((kind for words, kind in _BY_WORDS if words.search(shown)), "")
    precise = chassis if chassis in {"convertible", "all in one", "tablet", "mini pc"} else ""
    device_type = by_words if by_words in {"convertible", "all in one", "mini pc", "thin client"} else ""
    device_type = device_type or (precise if by_family in {"", "desktop", "laptop"} else "") or by_family
    device_type = device_type or by_words or chassis or "unknown"
    if not shown:
        return DeviceModel(vendor, device_type, None, None, f"vendor:{vendor}", 0.6 if known else 0.4)
    confidence = 0.98 if family else 0.93 if known else 0.7
    if not rule_id:
        rule_id = f"family:{vendor}/{family}" if family else f"vendor:{vendor}" if known else "parsed"
    return DeviceModel(vendor, device_type, family, shown, rule_id, confidence)


def _vendor(facts: DeviceFacts, maker: str) -> str | None:
    if not maker:
        return None
    return facts.vendors.get(vendor_key(maker)) or clean_vendor(maker)


def _vendor_in(facts: DeviceFacts, name: str) -> str | None:
    """The vendor that a model begins with, for machines whose maker is a placeholder."""
    words = name.split()
    for count in range(min(3, len(words) - 1), 0, -1):
        found = facts.vendors.get(vendor_key(" ".join(words[:count])))
        if found:
            return found
    return None


def _model(facts: DeviceFacts, vendor: str, maker: str, name: str) -> tuple[str, str]:
    """The model's name, and the rule when one replaced it."""
    if vendor == "Apple" and name.lower() in facts.apple_models:
        return facts.apple_models[name.lower()], f"apple:{name}"
    shown = name.strip("\"' ")
    # A vendor's own name in front says nothing about the model; what is left must still be one.
    for spelling in (*_OWN_NAMES.get(vendor, ()), fold(maker), fold(vendor)):
        if spelling and fold(shown).startswith(spelling) and len(fold(shown)) == len(shown):
            rest = shown[len(spelling) :]
            if rest[:1] in {" ", "-", "_"} and len(rest.strip(" -_")) >= 2:
                shown = rest.strip(" -_")
                break
    if vendor in {"Lenovo", "IBM"}:
        code = machine_type(shown)
        known = facts.machine_types.get(code) or facts.machine_types.get(code[:4])
        if known:
            return known, f"machine_type:{code}"
    if vendor not in {"Apple", "QEMU"}:
        # Order numbers and board numbers: HP Compaq 6710b (GR684EA#AKC), Trident X (MS-B926).
        shown = _ORDER_NUMBER.sub("", shown) or shown
    if vendor in {"HP", "Hewlett Packard Enterprise", "Compaq"}:
        shorter = _NOISE.sub("", shown)
        shown = shorter or shown
    return shown, ""


def _family(facts: DeviceFacts, vendor: str, model: str) -> tuple[str | None, str]:
    folded = fold(model)
    for family in facts.families.get(vendor, ()):
        if family.prefix.match(folded):
            return family.name, family.device_type
    return None, ""
