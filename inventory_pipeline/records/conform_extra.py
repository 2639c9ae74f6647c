"""Source columns without a canonical place, folded into the JSON object of the column `extra`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from inventory_pipeline.records.conform_text import MAX_CHARACTERS, NOT_UTF8, TOO_LONG, pc, to_text

NOT_OBJECT = "The column extra does not hold a JSON object: correct the connector."

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Folded:
    """The column `extra`, and by source column the values that could not be kept."""

    values: pa.Array
    refused: list[tuple[str, Mapping[int, str]]] = field(default_factory=list)


def folded_extra(given: pa.Array | None, unknown: Sequence[tuple[str, pa.Array]], count: int) -> Folded:
    """JSON objects of what the connector gave as `extra` and of the unknown columns; null where there is nothing.

    Numbers, booleans and lists keep their kind, everything else is text, empty values are left out. Values that are
    too long or no text are refused one by one.
    """
    refused: list[tuple[str, Mapping[int, str]]] = []
    base = pa.nulls(count, pa.string())
    if given is not None:
        base, problems = _given(given)
        if problems:
            refused.append(("extra", problems))
    columns: list[tuple[str, list[Any]]] = []
    for name, array in unknown:
        values, problems = _native(array)
        columns.append((name, values))
        if problems:
            refused.append((name, problems))
    if not columns:
        return Folded(base, refused)
    texts: list[str | None] = []
    for row, text in enumerate(base.to_pylist()):
        found = {name: values[row] for name, values in columns if values[row] is not None}
        if not found:
            texts.append(text)
        elif text is None:
            texts.append(_encode(found))
        else:
            texts.append(_encode({**found, **json.loads(text)}))
    return Folded(pa.array(texts, pa.string()), refused)


def _given(array: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The connector's own JSON. Whole objects may be longer than a text; the values in them may not."""
    refused: dict[int, str] = {}
    short = to_text(array)
    values = short.values
    if short.refused or not _all_objects(values):
        mended = values.to_pylist()
        for row, text in enumerate(mended):
            if row not in short.refused and (text is None or _is_object(text)):
                continue
            mended[row], reason = _mended(array[row].as_buffer().to_pybytes()) if row in short.refused else (None, NOT_OBJECT)  # fmt: skip  # noqa: E501
            if reason is not None:
                refused[row] = reason
        values = pa.array(mended, pa.string())
    return values, refused


def _all_objects(values: pa.Array) -> bool:
    # A look at both ends is enough for what connectors encode; parsing a million objects is not.
    return bool(pc.all(pc.match_substring_regex(values, r"(?s)^\s*\{.*\}\s*$"), min_count=0).as_py())


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _mended(raw: bytes) -> tuple[str | None, str | None]:
    """An object without its values that are too long, with the reason; nothing where there is no object."""
    try:
        found = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return None, NOT_UTF8
    except (ValueError, RecursionError):
        return None, NOT_OBJECT
    if not isinstance(found, dict):
        return None, NOT_OBJECT
    kept = {name: value for name, value in found.items() if len(str(value)) <= MAX_CHARACTERS}
    try:
        text = json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None
        if text is not None:
            text.encode("utf-8")
    except UnicodeEncodeError:
        return None, NOT_UTF8
    return text, TOO_LONG if len(kept) < len(found) else None


def _native(array: pa.Array) -> tuple[list[Any], Mapping[int, str]]:
    kind = array.type
    if pt.is_boolean(kind) or pt.is_integer(kind):
        return array.to_pylist(), {}
    if pt.is_floating(kind):
        finite = pc.fill_null(pc.is_finite(array), False).to_numpy(zero_copy_only=False)
        return [value if good else None for value, good in zip(array.to_pylist(), np.asarray(finite), strict=True)], {}
    text = to_text(array)
    return text.values.to_pylist(), text.refused
