"""Reads a YAML file and remembers on which line everything stands, so that errors can say where."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inventory_pipeline.errors import ConfigurationError

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlSource:
    """A YAML file's content, and the line of every value by its path of keys and positions."""

    path: Path
    data: Any
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """Line of the value, or of the nearest value around it that has one."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def at(self, location: Location) -> str:
        """Where that is, as an error says it: `inventory.yaml line 12`."""
        return f"{self.path.name} line {self.line(location)}"


def read_yaml(path: Path) -> YamlSource:
    """Reads one YAML document.

    Raises:
        ConfigurationError: the file cannot be read, is not YAML, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text.", cure="Save it as UTF-8.") from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: Path) -> YamlSource:
    """Like `read_yaml`, for text that is already there; `path` is only named."""
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            source = YamlSource(path, None)
            data = None if root is None else _build(loader, root, (), source, frozenset())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path.name} line {mark.line + 1}" if mark else path.name
        raise ConfigurationError(
            f"this is not YAML: {error.problem or error.context}.",
            subject=where,
            cure="Check indentation, quotes and colons.",
        ) from None
    except yaml.YAMLError:
        raise ConfigurationError(
            "this is not YAML: it holds a character that YAML does not allow.", subject=path.name
        ) from None
    return YamlSource(path, data, source.lines)


def _build(
    loader: yaml.SafeLoader, node: yaml.Node, location: Location, source: YamlSource, above: frozenset[int]
) -> Any:
    if id(node) in above:
        raise ConfigurationError(
            "an alias refers to what it stands in.", subject=f"{source.path.name} line {node.start_mark.line + 1}"
        )
    above = above | {id(node)}
    source.lines.setdefault(location, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _refuse_duplicates(node, source)
        loader.flatten_mapping(node)
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConfigurationError(
                    "a key must be text.", subject=f"{source.path.name} line {key_node.start_mark.line + 1}"
                )
            here = (*location, key if isinstance(key, int) else str(key))
            source.lines[here] = key_node.start_mark.line + 1
            result[key] = _build(loader, value_node, here, source, above)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*location, n), source, above) for n, item in enumerate(node.value)]
    return loader.construct_object(node, deep=True)


def _refuse_duplicates(node: yaml.MappingNode, source: YamlSource) -> None:
    seen: dict[str, int] = {}
    for key_node, _ in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            continue
        line = key_node.start_mark.line + 1
        if key_node.value in seen:
            raise ConfigurationError(
                f"{key_node.value} stands here and on line {seen[key_node.value]}.",
                subject=f"{source.path.name} line {line}",
                cure="Keep one of them.",
            )
        seen[key_node.value] = line
