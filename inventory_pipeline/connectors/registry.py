"""Finds connector types by entry point, so that a package outside ours can add one without a change here."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.errors import ConfigurationError

GROUP = "inventory_pipeline.connectors"


@cache
def connector_types() -> dict[str, type[Connector]]:
    """All connector types that are installed, by type name.

    A type that cannot be imported (a driver is missing) raises only when it is asked for, see `connector_type`.
    """
    return {name: connector_type(name) for name in connector_type_names()}


@cache
def connector_type_names() -> tuple[str, ...]:
    """Names of all connector types that are installed."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


@cache
def connector_type(name: str) -> type[Connector]:
    """The connector class of that type.

    Raises:
        ConfigurationError: no package brings that type, or its module cannot be imported.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            try:
                loaded = point.load()
            except ImportError as error:
                raise ConfigurationError(
                    f"connector type {name} cannot be loaded: {error}.", cure="Install the package that it needs."
                ) from error
            if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
                raise ConfigurationError(f"entry point {name} of group {GROUP} is not a Connector.")
            return loaded
    known = ", ".join(connector_type_names())
    raise ConfigurationError(f"there is no connector type {name!r}.", cure=f"Known types: {known}.")
