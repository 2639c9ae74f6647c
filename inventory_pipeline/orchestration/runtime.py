"""What ops share: the settings, and the store opened once and only when something needs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.settings import Settings

if TYPE_CHECKING:
    from inventory_pipeline.repository.store import Repository, Store


class Runtime:
    """Opens the store of a configuration and finds repositories in it.

    `results` holds what runs in this process handed back, by run id, for the program that launched them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.results: dict[str, Any] = {}

    @cached_property
    def store(self) -> Store:
        """The store, with every configured repository in it."""
        from inventory_pipeline.repository.store import Store

        store = Store(self.settings.data_url, self.settings.ledger_url, self.settings.sync)
        for entry in self.settings.repositories:
            store.ensure(entry.slug, entry.name, entry.kind)
        return store

    def repository(self, name: str, *, kind: str | None = None, writable: bool = True) -> Repository:
        """The repository of that name or slug, checked against the configuration.

        Partition keys given by GraphQL or a command are not checked by Dagster, so every op asks here first.

        Raises:
            ConfigurationError: it is not configured, is of another kind, or is archived while it is to be written.
        """
        entry = self.settings.repository(name)
        if kind is not None and entry.kind != kind:
            raise ConfigurationError(f"repository {entry.slug} holds {entry.kind}, not {kind}.")
        repository = self.store.repository(entry.slug)
        if writable and repository.is_archived:
            raise ConfigurationError(
                f"repository {entry.slug} is archived and takes no data.",
                cure=f"Restore it with `inventory repositories restore {entry.slug}`, or choose another.",
            )
        return repository


def fixed_resource(value: object, description: str) -> dg.ResourceDefinition:
    """A resource that is this object. It has no config, so nothing of it can be set from the Launchpad or GraphQL."""
    return dg.ResourceDefinition(resource_fn=lambda _: value, config_schema={}, description=description)
