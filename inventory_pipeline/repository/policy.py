"""What a site may set about syncs and retention."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SyncPolicy(BaseModel):
    """How careful a sync is, and how much it may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guard_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="A sync that would remove more than this share of a table's units or rows is held.",
    )
    guard_exempt: tuple[str, ...] = Field(
        default=("entitlement_caveat",),
        description="Tables that the guard leaves alone, since their rows come and go by nature.",
    )
    reject_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="A sync fails when more than this share of a table's rows cannot be accepted.",
    )
    staging_hours: float = Field(
        default=24, ge=0, description="How long what an interrupted sync had read may be used by the next one, hours."
    )
    progress_seconds: float = Field(default=10, gt=0, description="Pace of progress messages, seconds.")
    interrupted_minutes: float = Field(
        default=10,
        gt=0,
        description="A sync on another machine that has been silent for this long counts as dead, minutes.",
    )
    memory_limit: str = Field(
        default="512MB", description="Memory that comparing and sorting may use before it spills to disk."
    )
    threads: int = Field(default=2, ge=1, description="Threads for comparing and sorting.")


class RetentionPolicy(BaseModel):
    """How long what is no longer current stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    releases_days: int = Field(default=90, ge=0, description="Releases younger than this stay readable, days.")
    releases_minimum: int = Field(default=3, ge=1, description="At least this many newest releases stay readable.")
    orphan_hours: float = Field(
        default=24, ge=0, description="Folders that no ledger row names are swept after this, hours."
    )
    compact_after_syncs: int = Field(
        default=20, ge=2, description="Syncs of one connector and table after which they are folded into one."
    )
    runs_days: int = Field(default=90, ge=1, description="Runs of Dagster older than this are purged, days.")
