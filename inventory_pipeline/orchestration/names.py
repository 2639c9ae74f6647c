"""What jobs, assets, groups and tags are called; the launch commands and the definitions agree through this file."""

from __future__ import annotations

import dagster as dg

from inventory_pipeline.records import Category

CONSOLIDATION_JOB = "generate_report__basic_inventory_consolidation"
CONSOLIDATION_TITLE = "Generate Report - Basic Inventory Consolidation"
CONSOLIDATION_OP = "consolidate"
PUBLISH_ENTITLEMENTS_JOB = "publish_entitlements"
PUBLISH_ENTITLEMENTS_TITLE = "Publish Entitlements"
PUBLISH_ENTITLEMENTS_OP = "publish"
MAINTAIN_JOB = "repository__maintain"
PURGE_JOB = "purge_old_runs"
INVENTORY_RESOURCE = "inventory"
PARTITION_TAG = "dagster/partition"
ACTION_TAG = "inventory/action"
CONSOLIDATE_TAG = "inventory/run_consolidation_reports"
AI_TAG = "inventory/run_ai_action"
TEST_CHECK = "test_connector"


def sync_job(slug: str) -> str:
    """Job of `Sync Data - <name>`."""
    return f"sync_data__{slug}"


def sync_op(slug: str) -> str:
    """The op whose config a sync is launched with."""
    return f"sync__{slug}"


def export_job(slug: str) -> str:
    """Job of `Export Entitlements - <name>`."""
    return f"export_entitlements__{slug}"


def connector_test_job(slug: str) -> str:
    """Job of `Test - <name>`."""
    return f"test_connector__{slug}"


def repository_job(verb: str) -> str:
    """Job of an action on a repository: archive, restore, clear."""
    return f"repository__{verb}"


def connector_resource(slug: str) -> str:
    """Resource key of the connector."""
    return f"connector__{slug}"


def connector_group(slug: str) -> str:
    """Group of a connector's assets in the graph."""
    return f"connectors/{slug}"


def source_key(slug: str) -> dg.AssetKey:
    """The source system."""
    return dg.AssetKey(["source", slug])


def export_key(slug: str) -> dg.AssetKey:
    """Files that a connector exports."""
    return dg.AssetKey(["export", slug])


def raw_key(slug: str, category: Category | str) -> dg.AssetKey:
    """What a connector brought of one category."""
    return dg.AssetKey(["raw", slug, str(category)])


def release_key(table: str) -> dg.AssetKey:
    """A table of the release."""
    return dg.AssetKey(["inventory", table])


def entitlement_key(table: str) -> dg.AssetKey:
    """A table of a release of an Entitlement repository."""
    return dg.AssetKey(["entitlements", table])
