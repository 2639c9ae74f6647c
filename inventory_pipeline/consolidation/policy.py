"""What a site may set about identity, precedence, usage and checks. Every default is meant to be kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inventory_pipeline.consolidation.attributes import ATTRIBUTE_NAMES

_CLOSED = ConfigDict(extra="forbid", frozen=True)

DEFAULT_ORDER: tuple[str, ...] = (
    "sccm",
    "intune",
    "bigfix",
    "bigfix_inventory",
    "one_e",
    "vcenter",
    "servicenow",
    "oracle_lms",
    "wsus",
    "file_upload",
)
_RECORDED_BY_PEOPLE = ("servicenow", "file_upload")
_HARDWARE_OF_VIRTUAL_MACHINES = ("vcenter",)


class SourceRecord(BaseModel):
    """One source record, named as the source names it."""

    model_config = _CLOSED

    connector: str = Field(description="Slug of the connector.")
    source_device_id: str = Field(description="The source's own key of the device, verbatim.")


class RecordPair(BaseModel):
    """A hand correction about two source records."""

    model_config = _CLOSED

    a: SourceRecord = Field(description="One record.")
    b: SourceRecord = Field(description="The other record.")
    note: str = Field(default="", description="Why, for those who come after.")


class IdentityPolicy(BaseModel):
    """When source records are taken for the same machine."""

    model_config = _CLOSED

    max_records_per_key: int = Field(
        default=3,
        ge=1,
        description="A strong key that more live records of one connector carry identifies nothing and is not used.",
    )
    max_hardware_per_mac: int = Field(
        default=2,
        ge=1,
        description="A MAC address seen with more different serial numbers or UUIDs is a dock or an adapter.",
    )
    max_records_per_device: int = Field(
        default=10, ge=2, description="Merges that would make a device of more records are held for review."
    )
    reimage_days: int = Field(
        default=7,
        ge=0,
        description=(
            "Of two records of one connector with the same key, the one whose inventory is older by more than this "
            "many days is the same machine before it was re-imaged; nearer ones are two machines."
        ),
    )
    name_days: int = Field(
        default=180,
        ge=0,
        description="Records are merged by name only when their inventory dates are at most this far apart.",
    )
    links: tuple[RecordPair, ...] = Field(
        default=(), description="Records that are the same machine, whatever the keys say."
    )
    unlinks: tuple[RecordPair, ...] = Field(default=(), description="Records that are never the same machine.")


class PrecedencePolicy(BaseModel):
    """Whose word counts. Entries are connector types or slugs of connectors, best first; a slug beats its type."""

    model_config = _CLOSED

    default: tuple[str, ...] = Field(
        default=DEFAULT_ORDER, description="Order for attributes that have none of their own."
    )
    attributes: dict[str, tuple[str, ...]] = Field(
        default_factory=lambda: {
            "asset_tag": _RECORDED_BY_PEOPLE,
            "criticality": _RECORDED_BY_PEOPLE,
            "purchase_date": _RECORDED_BY_PEOPLE,
            "warranty_end": _RECORDED_BY_PEOPLE,
            "is_virtual": _HARDWARE_OF_VIRTUAL_MACHINES,
            "memory_mb": _HARDWARE_OF_VIRTUAL_MACHINES,
            "instance_uuid": _HARDWARE_OF_VIRTUAL_MACHINES,
            "entra_device_id": ("intune",),
            "imei": ("intune",),
        },
        description="Attribute to order; connectors that are not named follow in the default order.",
    )

    @field_validator("attributes")
    @classmethod
    def _known(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        unknown = sorted(set(value) - {*ATTRIBUTE_NAMES, "processor"})
        if unknown:
            raise ValueError(
                f"unknown attribute {', '.join(unknown)}; known are {', '.join(ATTRIBUTE_NAMES)} and processor"
            )
        return value

    def order(self, attribute: str) -> tuple[str, ...]:
        """The whole order for an attribute: its own entries, then the default ones."""
        own = self.attributes.get(attribute, ())
        return (*own, *(entry for entry in self.default if entry not in own))

    def rank(self, attribute: str, connector: str, connector_type: str) -> int:
        """Place of a connector in the order for an attribute, from 0; those that are not named come last."""
        order = self.order(attribute)
        for name in (connector, connector_type):
            if name in order:
                return order.index(name)
        return len(order)


class UsagePolicy(BaseModel):
    """Limits of the usage categories, in days before the end of sync date."""

    model_config = _CLOSED

    rarely_used_after_days: int = Field(default=30, ge=0, description="Used longer ago than this is rarely used.")
    unused_after_days: int = Field(default=90, ge=0, description="Used longer ago than this is unused.")
    recently_installed_days: int = Field(
        default=7, ge=0, description="Without usage, installed less than this ago is not judged yet."
    )
    stopped_reporting_days: int = Field(
        default=30, ge=0, description="A device whose inventory is at least this old has stopped reporting usage."
    )
    inventory_too_old_days: int = Field(
        default=30, ge=0, description="Device inventory older than this says nothing of usage."
    )
    future_tolerance_hours: int = Field(
        default=24,
        ge=0,
        description="A date is in the future when it lies further than this after it was read (time zones).",
    )


class CheckPolicy(BaseModel):
    """Checks before publishing."""

    model_config = _CLOSED

    shrink_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Devices or installations fewer by more than this share since the last release.",
    )
    shrink_blocks: bool = Field(default=False, description="Such a loss blocks the release instead of warning.")


class ConsolidationPolicy(BaseModel):
    """All that consolidation may be told."""

    model_config = _CLOSED

    identity: IdentityPolicy = IdentityPolicy()
    precedence: PrecedencePolicy = PrecedencePolicy()
    usage: UsagePolicy = UsagePolicy()
    checks: CheckPolicy = CheckPolicy()
    memory_limit: str = Field(default="2GB", description="Memory that the engine may use before it spills to disk.")
    threads: int = Field(default=2, ge=1, description="Threads of the engine.")
