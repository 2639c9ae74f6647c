"""The typed form of `inventory.yaml`. The JSON schema in the documentation is generated from these models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inventory_pipeline.connectors.base import Connector, slugify
from inventory_pipeline.consolidation.policy import (
    CheckPolicy,
    ConsolidationPolicy,
    IdentityPolicy,
    PrecedencePolicy,
    UsagePolicy,
)
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.records import Category
from inventory_pipeline.repository.policy import RetentionPolicy, SyncPolicy
from inventory_pipeline.settings.cron import cron_problem

if TYPE_CHECKING:
    from inventory_pipeline.catalog.model import Catalog
    from inventory_pipeline.normalization.curation.curate import Curation

RepositoryKind = Literal["inventory", "entitlement"]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class EnvironmentValue(Section):
    """A value that stands in an environment variable, written `{env: NAME}`."""

    env: str = Field(min_length=1, description="Name of the environment variable.")

    def reveal(self) -> str:
        """The variable's value.

        Raises:
            ConfigurationError: it is not set.
        """
        value = os.environ.get(self.env)
        if not value:
            raise ConfigurationError(
                f"environment variable {self.env} is not set.",
                cure=f"Set {self.env} in the environment of the process.",
            )
        return value


class Schedule(Section):
    """When a sync starts by itself."""

    cron: str = Field(description="Cron expression of five fields, such as `0 2 * * *` for every day at 02:00.")
    time_zone: str = Field(default="UTC", description="Time zone of the expression, such as Europe/London.")
    repository: str = Field(default="", description="Repository that is synced; empty for the default inventory.")
    clean_sync: bool = Field(default=False, description="Replace all that the connector brought before.")
    data_to_sync: tuple[Category, ...] | None = Field(
        default=None, description="Categories that are synced; the connector's own `data_to_sync` without."
    )
    run_consolidation_reports: bool | None = Field(
        default=None, description="Consolidate after this sync; the connector's own setting without."
    )
    enabled: bool = Field(default=True, description="False keeps the schedule but starts it switched off.")

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        if problem := cron_problem(value):
            raise ValueError(f"{problem}; write minute, hour, day of month, month, day of week, such as 0 2 * * *")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}; write one such as UTC or Europe/London") from None
        return value

    @field_validator("repository")
    @classmethod
    def _slug(cls, value: str) -> str:
        return slugify(value)


class RepositorySettings(Section):
    """A named, separate store."""

    name: str = Field(min_length=1, max_length=100, description="Name as shown.")
    kind: RepositoryKind = Field(default="inventory", description="What it holds.")
    consolidate_after_syncs: bool = Field(
        default=True, description="Consolidate once when the last of its running or queued syncs has ended."
    )

    @field_validator("name")
    @classmethod
    def _has_slug(cls, value: str) -> str:
        if not slugify(value):
            raise ValueError("the name must hold a letter (a-z) or a digit")
        return value

    @property
    def slug(self) -> str:
        """The name as folders, partitions and commands have it."""
        return slugify(self.name)


class ConnectorOptions(Section):
    """What every connector's entry may say besides the fields of its type."""

    data_to_sync: tuple[Category, ...] | None = Field(
        default=None,
        min_length=1,
        description="Categories that are synced by default; all that the type brings without.",
    )
    run_consolidation_reports: bool = Field(
        default=False,
        description="Consolidate the repository after this connector's syncs, even where the repository's own "
        "`consolidate_after_syncs` is off.",
    )
    schedules: tuple[Schedule, ...] = Field(default=(), description="When syncs start by themselves.")
    enabled: bool = Field(default=True, description="False keeps the entry and its data, but offers no sync.")


class ConnectorEntry(Section):
    """One connector of the configuration: usable, or with the reason why it is not.

    With `error`, `connector` is None and everything else is as far as it could be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str
    slug: str
    type: str
    line: int
    connector: Connector | None = None
    options: ConnectorOptions = ConnectorOptions()
    error: str | None = None

    @property
    def categories(self) -> tuple[Category, ...]:
        """Categories that the connector can bring."""
        return self.connector.categories() if self.connector else ()

    @property
    def data_to_sync(self) -> tuple[Category, ...]:
        """Categories that a sync brings unless it is told otherwise."""
        chosen = self.options.data_to_sync
        return self.categories if chosen is None else tuple(c for c in self.categories if c in chosen)

    @property
    def kind(self) -> RepositoryKind:
        """Kind of repository that the connector fills."""
        return "entitlement" if self.categories == (Category.entitlement,) else "inventory"

    def require(self) -> Connector:
        """The connector.

        Raises:
            ConfigurationError: the entry is not usable, with the reason.
        """
        if self.connector is None:
            raise ConfigurationError(self.error or "the entry is not usable.", subject=self.name)
        return self.connector


class CatalogSettings(Section):
    """The catalog of products and rules."""

    site_folder: Path | None = Field(
        default=None, description="Folder with the site's own rules and products, which win over the shipped ones."
    )
    build_folder: Path | None = Field(
        default=None,
        description="Folder with a build of the catalog that `inventory catalog update` writes; without, the one that "
        "is shipped.",
    )

    def load(self) -> Catalog:
        """The catalog with the site's rules and products.

        Raises:
            ConfigurationError: a site's file is not usable, with file and line, or a folder is not there.
        """
        from inventory_pipeline.catalog.loader import load_catalog

        data = self.build_folder if self.build_folder and self.build_folder.is_dir() else None
        return load_catalog(self.site_folder, data)


class LanguageModelSettings(Section):
    """A language model of the site's own that is asked for suggestions. It is told title, publisher and version of
    undecided software, and never decides."""

    url: str = Field(
        pattern=r"^https?://", description="Base address of an OpenAI-compatible API, such as http://localhost:8000/v1."
    )
    model: str = Field(min_length=1, description="Name of the model there.")
    api_key: EnvironmentValue | None = Field(default=None, description="Key that is sent as bearer token.")
    most_rows: int = Field(
        default=200, ge=1, description="Undecided rows asked about per consolidation, most installed first."
    )
    timeout_seconds: float = Field(default=60, gt=0, description="Seconds to wait for an answer.")


class CurationSettings(Section):
    """Auto-curation of software that no rule decides."""

    enabled: bool = Field(
        default=False, description="In every consolidation; without, where a run asks for it (`run_ai_action`)."
    )
    threshold: float = Field(
        default=0.95, ge=0.5, le=1, description="Confidence at or above which a suggestion counts as normalized."
    )
    language_model: LanguageModelSettings | None = Field(
        default=None, description="Ask a language model of the site's own for further suggestions."
    )


class EmailAlert(Section):
    """Alerts by e-mail over SMTP with STARTTLS."""

    server: str = Field(description="SMTP server.")
    port: int = Field(default=587, ge=1, le=65535, description="SMTP port.")
    sender: str = Field(description="Address that alerts come from.")
    recipients: tuple[str, ...] = Field(min_length=1, description="Addresses that alerts go to.")
    username: str | None = Field(default=None, description="Account at the SMTP server, where it wants one.")
    password: EnvironmentValue | None = Field(default=None, description="Password of the account.")
    start_tls: bool = Field(
        default=True, description="Encrypt by STARTTLS; false only for a relay on the same network."
    )


class AlertSettings(Section):
    """Who is told when an action fails."""

    email: EmailAlert | None = Field(default=None, description="By e-mail.")
    webhook: EnvironmentValue | None = Field(
        default=None, description="By an HTTP POST of JSON to the address in that environment variable."
    )


class EngineSettings(Section):
    """What consolidation may use of the machine."""

    memory_limit: str = Field(
        default="2GB", pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$", description="Memory before work spills."
    )
    threads: int = Field(default_factory=lambda: os.cpu_count() or 2, ge=1, description="Threads.")


class Settings(Section):
    """The whole configuration. Paths and SQLite URLs are absolute."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    path: Path
    data_dir: str | EnvironmentValue
    ledger: str | EnvironmentValue
    repositories: tuple[RepositorySettings, ...]
    connectors: tuple[ConnectorEntry, ...]
    identity: IdentityPolicy
    precedence: PrecedencePolicy
    usage: UsagePolicy
    checks: CheckPolicy
    sync: SyncPolicy
    retention: RetentionPolicy
    catalog: CatalogSettings
    curation: CurationSettings
    engine: EngineSettings
    alerts: AlertSettings

    @property
    def data_url(self) -> str:
        """Where Parquet files go."""
        return self.data_dir if isinstance(self.data_dir, str) else self.data_dir.reveal()

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger; may hold a password, so it is never shown."""
        return self.ledger if isinstance(self.ledger, str) else self.ledger.reveal()

    @property
    def consolidation(self) -> ConsolidationPolicy:
        """All that consolidation is told."""
        return ConsolidationPolicy(
            identity=self.identity,
            precedence=self.precedence,
            usage=self.usage,
            checks=self.checks,
            memory_limit=self.engine.memory_limit,
            threads=self.engine.threads,
        )

    def curation_for(self, *, run_ai_action: bool) -> Curation | None:
        """Auto-curation as it is configured; None when neither the configuration nor the run wants it.

        Raises:
            ConfigurationError: the language model's key is not set, or a site's feedback is not readable.
        """
        if not (run_ai_action or self.curation.enabled):
            return None
        from inventory_pipeline.normalization.curation.curate import Curation
        from inventory_pipeline.normalization.curation.language_model import LanguageModel
        from inventory_pipeline.normalization.curation.learning import read_verdicts, shift_of

        asked = self.curation.language_model
        adviser = asked and LanguageModel(
            url=asked.url,
            model=asked.model,
            api_key=asked.api_key.reveal() if asked.api_key else "",
            most_rows=asked.most_rows,
            timeout_seconds=asked.timeout_seconds,
        )
        shift = shift_of(read_verdicts(self.catalog.site_folder))
        return Curation(threshold=self.curation.threshold, shift=shift, adviser=adviser)

    @property
    def dagster_home(self) -> Path:
        """Where runs are kept unless DAGSTER_HOME says otherwise."""
        url = self.data_url
        return Path(url) / ".dagster" if "://" not in url else self.path.parent / ".dagster"

    def connector(self, name: str) -> ConnectorEntry:
        """The connector of that name or slug.

        Raises:
            ConfigurationError: there is none; the message names those that exist.
        """
        for entry in self.connectors:
            if entry.slug == slugify(name):
                return entry
        known = ", ".join(entry.slug for entry in self.connectors) or "none is configured"
        raise ConfigurationError(f"there is no connector {name!r}.", cure=f"Connectors: {known}.")

    def repository(self, name: str = "", kind: RepositoryKind = "inventory") -> RepositorySettings:
        """The repository of that name or slug; without a name, the default (first) one of the kind.

        Raises:
            ConfigurationError: there is none; the message names those that exist.
        """
        for entry in self.repositories:
            if (name and entry.slug == slugify(name)) or (not name and entry.kind == kind):
                return entry
        known = ", ".join(entry.slug for entry in self.repositories)
        raise ConfigurationError(f"there is no repository {name!r}.", cure=f"Repositories: {known}.")
