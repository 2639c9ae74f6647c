"""The `inventory` command. It launches the same jobs that the UI shows; modules load only when a command needs them."""

from inventory_pipeline.cli.app import main

__all__ = ["main"]
