"""The JSON schema of `inventory.yaml`, generated from the models and the installed connector types."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from inventory_pipeline.connectors.base import Connector
from inventory_pipeline.connectors.registry import connector_type, connector_type_names
from inventory_pipeline.settings.load import SECTIONS
from inventory_pipeline.settings.models import ConnectorOptions, EnvironmentValue, RepositorySettings

_URI = "https://json-schema.org/draft/2020-12/schema"


def configuration_schema() -> dict[str, Any]:
    """The schema as JSON values (draft 2020-12)."""
    definitions: dict[str, Any] = {}
    place = {"anyOf": [{"type": "string"}, _reference(EnvironmentValue, definitions)]}
    sections = {
        key: {**_reference(model, definitions), "description": (model.__doc__ or "").strip()}
        for key, model in SECTIONS.items()
    }
    types = [connector_type(name) for name in connector_type_names()]
    variants = []
    for model in types:
        definitions[f"connector_{model.type}"] = _connector(model, definitions)
        variants.append(
            {
                "if": {"properties": {"type": {"const": model.type}}, "required": ["type"]},
                "then": {"$ref": f"#/$defs/connector_{model.type}"},
            }
        )
    repository = _reference(RepositorySettings, definitions)
    return {
        "$schema": _URI,
        "title": "inventory.yaml",
        "description": "Configuration of Inventory Pipeline.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "data_dir": {**place, "description": "Folder, or object store URL, of the data.", "default": "data"},
            "ledger": {
                **place,
                "description": "SQLAlchemy URL of the ledger; default: ledger.sqlite in a local data_dir.",
            },
            "repositories": {
                "type": "array",
                "items": {"anyOf": [repository, {"type": "string"}]},
                "description": "Separate stores. The first of each kind is the default one.",
            },
            "connectors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name", "type"],
                    "properties": {"type": {"enum": [model.type for model in types]}},
                    "allOf": variants,
                },
                "description": "Sources.",
            },
            **sections,
        },
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The schema as the text of a file."""
    return json.dumps(configuration_schema(), indent=2, ensure_ascii=False) + "\n"


def _reference(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions.update(schema.pop("$defs", {}))
    definitions[model.__name__] = schema
    return {"$ref": f"#/$defs/{model.__name__}"}


def _connector(model: type[Connector], definitions: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in model.model_fields.items()}
    plain = create_model(f"{model.__name__}Settings", __config__=ConfigDict(extra="forbid"), **fields)
    schema = plain.model_json_schema(ref_template="#/$defs/{model}")
    options = ConnectorOptions.model_json_schema(ref_template="#/$defs/{model}")
    definitions.update(schema.pop("$defs", {}))
    definitions.update(options.pop("$defs", {}))
    return {
        "title": model.title,
        "description": " ".join((model.__doc__ or "").split("\n\n")[0].split()),
        "type": "object",
        "additionalProperties": False,
        "required": ["type", *schema.get("required", [])],
        "properties": {"type": {"const": model.type}, **schema["properties"], **options["properties"]},
    }
