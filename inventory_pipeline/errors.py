"""Errors that are meant to be read by people: what happened, where, and what to do about it."""

from __future__ import annotations


class InventoryError(Exception):
    """Base of all errors that this package raises on purpose; its text is shown to users as it stands.

    `subject` names the connector, repository or file; `cure` says what to do. Neither may hold a secret.
    """

    def __init__(self, message: str, *, subject: str = "", cure: str = "") -> None:
        self.message = message
        self.subject = subject
        self.cure = cure
        super().__init__(self._text())

    def _text(self) -> str:
        head = f"{self.subject}: {self.message}" if self.subject else self.message
        return f"{head} {self.cure}" if self.cure else head


class ConfigurationError(InventoryError):
    """`inventory.yaml`, a run's options or the environment are not usable as they are."""


class ConnectorError(InventoryError):
    """A source could not be reached, refused, or answered something that cannot be read."""


class SyncError(InventoryError):
    """A sync could not be completed; the repository is as it was before."""


class SyncHeld(SyncError):
    """The guard held a sync that would have removed too much; it can be approved with `accept_shrink`."""


class ReleaseError(InventoryError):
    """A release was not published; the earlier one stays in place."""
