"""`inventory.yaml` as typed settings."""

from inventory_pipeline.settings.load import build_settings, load_settings, settings_path
from inventory_pipeline.settings.models import ConnectorEntry, RepositorySettings, Schedule, Settings

__all__ = [
    "ConnectorEntry",
    "RepositorySettings",
    "Schedule",
    "Settings",
    "build_settings",
    "load_settings",
    "settings_path",
]
