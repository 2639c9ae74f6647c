"""From `inventory.yaml` to `Settings`: every problem with its line and what to do about it."""

from __future__ import annotations

import difflib
import os
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

import inventory_pipeline
from inventory_pipeline.connectors.base import Connector, Secret, slugify
from inventory_pipeline.connectors.registry import connector_type
from inventory_pipeline.consolidation.policy import CheckPolicy, IdentityPolicy, PrecedencePolicy, UsagePolicy
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.repository.policy import RetentionPolicy, SyncPolicy
from inventory_pipeline.settings.models import (
    AlertSettings,
    CatalogSettings,
    ConnectorEntry,
    ConnectorOptions,
    CurationSettings,
    EngineSettings,
    EnvironmentValue,
    RepositorySettings,
    Settings,
)
from inventory_pipeline.settings.yaml_source import Location, YamlSource, read_yaml

CONFIG_VARIABLE = "INVENTORY_CONFIG"
EXAMPLE = Path(inventory_pipeline.__file__).parents[1] / "examples" / "inventory.yaml"
SECTIONS: dict[str, type[BaseModel]] = {
    "identity": IdentityPolicy,
    "precedence": PrecedencePolicy,
    "usage": UsagePolicy,
    "checks": CheckPolicy,
    "sync": SyncPolicy,
    "retention": RetentionPolicy,
    "catalog": CatalogSettings,
    "curation": CurationSettings,
    "engine": EngineSettings,
    "alerts": AlertSettings,
}
TOP_LEVEL = ("data_dir", "ledger", "repositories", "connectors", *SECTIONS)
DEFAULT_REPOSITORIES = (
    RepositorySettings(name="Default Inventory"),
    RepositorySettings(name="Default Entitlement", kind="entitlement", consolidate_after_syncs=False),
)
MAX_SLUG = 60

_CREDENTIALS_IN_URL = re.compile(r"://[^/?#\s]*:[^/?#@\s]+@|[?&;](?:password|pwd|secret|secret_key|token)=[^&;{]", re.I)
_PATH_FIELD = re.compile(r"(^|_)(folder|file|path)$")
Model = TypeVar("Model", bound=BaseModel)


def settings_path(path: str | Path | None = None) -> Path:
    """The configuration file: the given one, INVENTORY_CONFIG's, the working folder's, else the example estate's.

    Raises:
        ConfigurationError: there is none.
    """
    if path or os.environ.get(CONFIG_VARIABLE):
        chosen = Path(path or os.environ[CONFIG_VARIABLE]).expanduser().absolute()
        if not chosen.is_file():
            raise ConfigurationError(
                f"there is no configuration file {chosen}.", cure="Write one with `inventory init`, or name another."
            )
        return chosen
    for candidate in (Path("inventory.yaml").absolute(), EXAMPLE):
        if candidate.is_file():
            return candidate
    raise ConfigurationError("there is no inventory.yaml here.", cure="Write one with `inventory init`.")


def load_settings(path: str | Path | None = None) -> Settings:
    """Reads and checks the configuration.

    A connector's entry that is not usable is returned with its `error`, the others are not affected.

    Raises:
        ConfigurationError: the file as a whole or one of the other sections is not usable; the message lists every
            problem with its line.
    """
    return build_settings(read_yaml(settings_path(path)))


def build_settings(source: YamlSource) -> Settings:
    """Like `load_settings`, for a file that is already read."""
    data = {} if source.data is None else source.data
    if not isinstance(data, Mapping):
        raise ConfigurationError("the file must hold `key: value` lines.", subject=source.at(()))
    problems = [_unknown(source, (key,), key, TOP_LEVEL) for key in data if key not in TOP_LEVEL]
    base = source.path.parent
    sections = {
        key: _section(source, (key,), model, _absolute(data.get(key) or {}, base), problems)
        for key, model in SECTIONS.items()
    }
    data_dir = _place(source, "data_dir", data.get("data_dir", "data"), problems)
    default_ledger = (
        f"sqlite:///{_absolute_path(data_dir, base)}/ledger.sqlite"
        if isinstance(data_dir, str) and "://" not in data_dir
        else f"sqlite:///{base}/ledger.sqlite"
    )
    ledger = _place(source, "ledger", data.get("ledger", default_ledger), problems)
    repositories = _repositories(source, data.get("repositories"), problems)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return Settings.model_validate(
        {
            "path": source.path,
            "data_dir": _absolute_path(data_dir, base) if isinstance(data_dir, str) else data_dir,
            "ledger": _absolute_url(ledger, base) if isinstance(ledger, str) else ledger,
            "repositories": repositories,
            "connectors": _connectors(source, data.get("connectors"), repositories),
            **sections,
        }
    )


def _section(source: YamlSource, location: Location, model: type[Model], raw: Any, problems: list[str]) -> Model | None:
    if not isinstance(raw, Mapping):
        problems.append(f"{source.at(location)}: {location[-1]} must hold `key: value` lines.")
        return None
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        problems += _explain(source, location, error, model)
        return None


def _place(source: YamlSource, key: str, raw: Any, problems: list[str]) -> str | EnvironmentValue:
    if isinstance(raw, Mapping):
        return _section(source, (key,), EnvironmentValue, raw, problems) or ""
    if not isinstance(raw, str) or not raw:
        problems.append(f"{source.at((key,))}: {key} must be a folder, a URL or {{env: NAME}}.")
        return ""
    if _CREDENTIALS_IN_URL.search(raw):
        problems.append(
            f"{source.at((key,))}: {key} holds a password. Put the whole URL into an environment variable and write "
            f"`{key}: {{env: NAME}}`."
        )
        return ""
    return raw


def _repositories(source: YamlSource, raw: Any, problems: list[str]) -> tuple[RepositorySettings, ...]:
    if raw is not None and not isinstance(raw, list):
        problems.append(f"{source.at(('repositories',))}: repositories must be a list of `- name: ...`.")
        return ()
    found: dict[str, RepositorySettings] = {}
    for position, item in enumerate(raw or []):
        location = ("repositories", position)
        entry = _section(
            source, location, RepositorySettings, {"name": item} if isinstance(item, str) else item, problems
        )
        if entry is None:
            continue
        if entry.slug in found:
            problems.append(f"{source.at(location)}: there are two repositories {entry.slug!r}. Rename one.")
        found[entry.slug] = entry
    for default in DEFAULT_REPOSITORIES:
        if all(entry.kind != default.kind for entry in found.values()):
            found.setdefault(default.slug, default)
    return tuple(found.values())


def _connectors(
    source: YamlSource, raw: Any, repositories: tuple[RepositorySettings, ...]
) -> tuple[ConnectorEntry, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise ConfigurationError("connectors must be a list of `- name: ...`.", subject=source.at(("connectors",)))
    entries: list[ConnectorEntry] = []
    taken: dict[str, int] = {}
    for position, item in enumerate(raw):
        location = ("connectors", position)
        line = source.line(location)
        entry = _connector(source, location, item, repositories)
        if entry.slug in taken:
            error = f"{source.at(location)}: line {taken[entry.slug]} has a connector of the same name. Rename one."
            entry = entry.model_copy(update={"error": error, "connector": None, "slug": f"{entry.slug}_line_{line}"})
        taken[entry.slug] = line
        entries.append(entry)
    return tuple(entries)


def _connector(
    source: YamlSource, location: Location, raw: Any, repositories: tuple[RepositorySettings, ...]
) -> ConnectorEntry:
    line = source.line(location)
    fields = dict(raw) if isinstance(raw, Mapping) else {}
    name = str(fields.get("name") or "")
    slug = slugify(name)[:MAX_SLUG].strip("_") or f"connector_line_{line}"
    kind = str(fields.pop("type", "") or "")
    problems: list[str] = []
    options = ConnectorOptions()
    connector = None
    if not slugify(name):
        problems.append(f"{source.at(location)}: a connector needs a `name` with a letter (a-z) or a digit.")
    elif len(slugify(name)) > MAX_SLUG:
        problems.append(f"{source.at(location)}: the name is too long. Use at most {MAX_SLUG} characters.")
    if not kind:
        problems.append(f"{source.at(location)}: a connector needs a `type`, such as file_upload or sccm.")
    else:
        try:
            model = connector_type(kind)
        except ConfigurationError as error:
            problems.append(f"{source.at((*location, 'type'))}: {error}")
        except Exception as error:  # a package of connectors may fail in any way while it is imported
            problems.append(
                f"{source.at((*location, 'type'))}: connector type {kind} cannot be loaded "
                f"({type(error).__name__}: {error})."
            )
        else:
            common = {key: fields.pop(key) for key in ConnectorOptions.model_fields if key in fields}
            options = _section(source, location, ConnectorOptions, common, problems) or options
            problems += _option_problems(source, location, options, model, repositories)
            connector = _instance(source, location, model, {**fields, "name": name}, problems)
    return ConnectorEntry(
        name=name or slug,
        slug=slug,
        type=kind,
        line=line,
        options=options,
        connector=None if problems else connector,
        error="\n".join(problems) or None,
    )


def _option_problems(
    source: YamlSource,
    location: Location,
    options: ConnectorOptions,
    model: type[Connector],
    repositories: tuple[RepositorySettings, ...],
) -> list[str]:
    problems = []
    brings = model.categories()
    chosen = [((*location, "data_to_sync"), options.data_to_sync or ())]
    chosen += [
        ((*location, "schedules", n, "data_to_sync"), schedule.data_to_sync or ())
        for n, schedule in enumerate(options.schedules)
    ]
    for place, categories in chosen:
        missing = ", ".join(category for category in categories if category not in brings)
        if missing:
            problems.append(
                f"{source.at(place)}: {model.title} does not bring {missing}. It brings {', '.join(brings)}."
            )
    slugs = {entry.slug for entry in repositories}
    for n, schedule in enumerate(options.schedules):
        if schedule.repository and schedule.repository not in slugs:
            problems.append(
                f"{source.at((*location, 'schedules', n, 'repository'))}: there is no repository "
                f"{schedule.repository!r}. Repositories: {', '.join(sorted(slugs))}."
            )
    return problems


def _instance(
    source: YamlSource, location: Location, model: type[Connector], fields: dict[str, Any], problems: list[str]
) -> Connector | None:
    before = len(problems)
    known = tuple(model.model_fields)
    for key, value in fields.items():
        place = (*location, str(key))
        if key not in known:
            problems.append(_unknown(source, place, key, (*known, "type", *ConnectorOptions.model_fields)))
        elif _is_secret(model.model_fields[key].annotation) and not isinstance(value, Mapping | None):
            problems.append(
                f"{source.at(place)}: {key} holds a literal value, and secrets do not stand in this file. Write "
                f"`{key}: {{env: NAME}}` and set the environment variable NAME."
            )
        elif _holds_credentials(value):
            problems.append(
                f"{source.at(place)}: {key} holds a password. Leave it out of the URL and write "
                "`password: {env: NAME}` beside it."
            )
    # Dagster gives missing fields the value None, so pydantic would not call them missing.
    for key, field in model.model_fields.items():
        if key not in fields and field.is_required():
            how = f" Write `{key}: {{env: NAME}}`." if _is_secret(field.annotation) else ""
            problems.append(f"{source.at(location)}: `{key}` is missing.{how} {field.description or ''}".rstrip())
    if len(problems) > before:
        return None
    try:
        return model(**_absolute(fields, source.path.parent))
    except ValidationError as error:
        problems += _explain(source, location, error, model)
    except Exception as error:  # a connector type of another package may raise anything here
        problems.append(f"{source.at(location)}: the settings are not usable ({type(error).__name__}: {error}).")
    return None


def _is_secret(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(_is_secret(part) for part in typing.get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, Secret)


def _holds_credentials(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_credentials(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_credentials(item) for item in value)
    return isinstance(value, str) and bool(_CREDENTIALS_IN_URL.search(value))


def _unknown(source: YamlSource, location: Location, key: Any, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(str(key), known, n=1)
    cure = f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(known)}."
    return f"{source.at(location)}: `{key}` is not known here. {cure}"


def _explain(source: YamlSource, location: Location, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Pydantic's findings as sentences. Its `input` is never shown: it may be a secret."""
    lines = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        inner = tuple(part for part in item["loc"] if not str(part).startswith(("function-", "json-")))
        place = (*location, *inner)
        name = ".".join(str(part) for part in inner) or str(location[-1])
        if item["type"] == "missing":
            lines.append(f"{source.at(place)}: `{name}` is missing.")
        elif item["type"] == "extra_forbidden":
            known = tuple(model.model_fields) if len(inner) == 1 else ()
            lines.append(
                _unknown(source, place, name, known) if known else f"{source.at(place)}: `{name}` is not known."
            )
        else:
            message = item["msg"].removeprefix("Value error, ")
            lines.append(f"{source.at(place)}: `{name}`: {message[:1].lower()}{message[1:]}.")
    return lines


def _absolute(value: Any, base: Path, key: str = "") -> Any:
    """Paths and SQLite URLs made absolute: a text in a field called folder, file or path (or ending so), or a URL."""
    if isinstance(value, Mapping):
        return {name: _absolute(item, base, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_absolute(item, base, key) for item in value]
    if not isinstance(value, str):
        return value
    if _PATH_FIELD.search(key):
        return _absolute_path(value, base)
    return _absolute_url(value, base)


def _absolute_path(value: str, base: Path) -> str:
    if "://" in value:
        return value
    path = Path(value).expanduser()
    return str(path if path.is_absolute() else Path(os.path.normpath(base / path)))


def _absolute_url(value: str, base: Path) -> str:
    match = re.match(r"(sqlite(?:\+\w+)?:///)([^/?:][^?]*)(.*)", value, re.DOTALL)
    return f"{match[1]}{_absolute_path(match[2], base)}{match[3]}" if match else value
