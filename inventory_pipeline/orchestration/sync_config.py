"""The options of `Sync Data` as the Launchpad shows them, one class per connector."""

from __future__ import annotations

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field, create_model

from inventory_pipeline.records import Category
from inventory_pipeline.settings import ConnectorEntry


class SyncOptionsConfig(dg.Config):
    """Options that every sync has."""

    clean_sync: bool = Field(
        default=False,
        description="Replace all that this connector brought into the repository, for the chosen categories. "
        "The old data stays until the new is complete.",
    )
    run_ai_action: bool = Field(
        default=False,
        description="Ask the consolidation that follows for auto-curation: an offline model normalizes software that "
        "no rule decides, where it is sure enough.",
    )
    dry_run: bool = Field(default=False, description="Read and report what the sync would change, and commit nothing.")
    accept_shrink: bool = Field(
        default=False,
        description="Approve a sync that was held because it would remove an unusual share of what the connector had.",
    )
    run_consolidation_reports: bool = Field(
        default=False, description="Consolidate the repository when its running and queued syncs have ended."
    )


def sync_config_type(entry: ConnectorEntry) -> type[SyncOptionsConfig]:
    """The config class of one connector: `data_to_sync` offers what it brings, prefilled with its default."""
    choices = Enum(f"DataToSync_{entry.slug}", {c.value: c.value for c in entry.categories})  # type: ignore[misc]
    fields: dict[str, Any] = {
        "data_to_sync": (
            list[choices],
            Field(
                default=[c.value for c in entry.data_to_sync],
                description=f"Categories to sync. {entry.name} brings: {', '.join(entry.categories)}.",
            ),
        ),
        "run_consolidation_reports": (
            bool,
            Field(
                default=entry.options.run_consolidation_reports,
                description=SyncOptionsConfig.model_fields["run_consolidation_reports"].description,
            ),
        ),
    }
    return create_model(f"SyncData_{entry.slug}", __base__=SyncOptionsConfig, **fields)


def chosen_categories(config: SyncOptionsConfig) -> tuple[Category, ...]:
    """The categories of `data_to_sync`, in the product's order; defaults arrive as text, launched values as members."""
    raw: list[Any] = config.data_to_sync  # type: ignore[attr-defined]
    names = {item.value if isinstance(item, Enum) else str(item) for item in raw}
    return tuple(category for category in Category if category.value in names)
