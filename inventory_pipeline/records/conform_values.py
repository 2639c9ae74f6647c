"""Numbers, booleans, lists and words of a fixed choice, from typed columns or from text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from inventory_pipeline.records.conform_text import (
    Cast,
    Refused,
    by_distinct,
    by_pattern,
    is_textual,
    pc,
    plain,
    to_text,
    without,
)

NO_VALUE = frozenset({"-", "--", "n/a", "null", "none"})
"""Words by which exports say that there is no number, date or boolean."""

_WORDS = {
    True: "true t yes y 1 1.0 -1 on enabled wahr ja vrai oui verdadero vero si sí waar sim",
    False: "false f no n 0 0.0 off disabled falsch nein faux non falso onwaar nee não",
}
_BOOLEANS = {word: value for value, words in _WORDS.items() for word in words.split()}
_NOT_BOOLEAN = "Not true or false: write true or false, yes or no, 1 or 0."
_NOT_NUMBER = "Not a number: write digits only."
_NOT_WHOLE = "Not a whole number: write digits only, without decimals."
_SEPARATED = "The number has separators: write digits only, with a point before decimals."
_UNIT = "The number carries a unit or letters: write the bare number, in this column's unit."
_TOO_LARGE = "The number is too large: correct it at the source."

_WHOLE = re.compile(r"[+-]?[0-9]+([.]0+)?")
_DECIMAL = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?")
_GROUPED = r"[+-]?[0-9][0-9.,'\u2019 \u00a0\u202f_]*"
_SEPARATORS = re.compile(rf"{_GROUPED}[0-9]")
_LETTERS = re.compile(rf"{_GROUPED}\s*[^0-9\s].*", re.DOTALL)
_INT64 = 2**63


def to_integer(array: pa.Array) -> Cast:
    """A plain array as whole numbers. Text: digits, with a sign or a fraction of zeros."""
    kind = array.type
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), pa.int64()))
    if pt.is_boolean(kind):
        return Cast(array.cast(pa.int64()))
    if pt.is_integer(kind):
        return _without_rows(array, pc.greater(array, _INT64 - 1), _TOO_LARGE) if pt.is_uint64(kind) else _int(array)
    if pt.is_floating(kind):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        broken = pc.not_equal(pc.floor(array), array)
        large = pc.greater_equal(pc.abs(array), float(_INT64))
        first = _rows(broken, _NOT_WHOLE) | _rows(large, _TOO_LARGE)
        return Cast(without(array, first).cast(pa.int64()), first)
    if is_textual(kind) or pt.is_decimal(kind):
        return _parsed(array, lambda text: by_pattern(text, "^-?[0-9]{1,18}$", pa.int64(), _parse_integer))
    return _all_refused(array, pa.int64(), _NOT_NUMBER)


def to_number(array: pa.Array) -> Cast:
    """A plain array as numbers; infinite ones are refused, NaN is no value."""
    kind = array.type
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), pa.float64()))
    if pt.is_integer(kind) or pt.is_boolean(kind):
        return Cast(array.cast(pa.int64() if pt.is_boolean(kind) else kind).cast(pa.float64(), safe=False))
    if pt.is_floating(kind):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array).cast(pa.float64())
        infinite = _rows(pc.is_inf(array), _NOT_NUMBER)
        return Cast(without(array, infinite), infinite)
    if is_textual(kind) or pt.is_decimal(kind):
        pattern = "^-?[0-9]{1,15}([.][0-9]{1,15})?$"
        return _parsed(array, lambda text: by_pattern(text, pattern, pa.float64(), _parse_number))
    return _all_refused(array, pa.float64(), _NOT_NUMBER)


def to_boolean(array: pa.Array) -> Cast:
    """A plain array as booleans: 1 and 0, and the words that sources and spreadsheets write."""
    kind = array.type
    if pt.is_boolean(kind):
        return Cast(array)
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), pa.bool_()))
    if is_textual(kind) or pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        return _parsed(array, lambda text: by_distinct(text, _parse_boolean, pa.bool_()))
    return _all_refused(array, pa.bool_(), _NOT_BOOLEAN)


def to_choice(array: pa.Array, values: tuple[str, ...]) -> Cast:
    """A plain array as one of a column's declared words, whatever its case, with spaces or dashes for underscores."""
    known = {_fold(value): value for value in values}
    parse = partial(_parse_choice, known, f"Not one of the known words: write {_listed(values)}.")
    return _parsed(array, lambda text: by_distinct(text, parse, pa.string()))


def to_list(array: pa.Array, *, addresses: bool) -> Cast:
    """A plain array as lists of texts; empty elements go, and an empty list is no value.

    Text is split at semicolons and line ends, and where it has none at commas; `addresses` also at blanks. A JSON array
    is understood.
    """
    kind = array.type
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), pa.list_(pa.string())))
    if pt.is_list_view(kind) or pt.is_large_list_view(kind) or pt.is_fixed_size_list(kind):
        array = array.cast(pa.large_list(kind.value_type))
    if pt.is_list(array.type) or pt.is_large_list(array.type):
        return _from_elements(array, to_text(plain(array.flatten())))
    text = to_text(array)
    pieces = _pieces(text.values, addresses)
    elements = Cast(pc.utf8_trim_whitespace(pieces.flatten()))
    return Cast(_from_elements(pieces, elements).values, text.refused)


def _pieces(text: pa.Array, addresses: bool) -> pa.Array:
    if pc.any(pc.match_substring_regex(text, r"^\s*\["), min_count=0).as_py():
        text = by_distinct(text, _from_json, pa.string()).values
    if addresses:
        pieces = pc.split_pattern_regex(text, r"[;,\s]+")
    else:
        commas = pc.match_substring_regex(text, r"[;\r\n]")
        if pc.all(pc.invert(commas), min_count=0).as_py():
            pieces = pc.split_pattern_regex(text, ",")
        else:
            pieces = pc.split_pattern_regex(pc.if_else(commas, text, pc.replace_substring(text, ",", ";")), r"[;\r\n]")
    return pieces


def _from_json(text: str) -> str:
    if text.lstrip().startswith("["):
        try:
            parsed = json.loads(text)
        except ValueError:
            return text
        if isinstance(parsed, list):
            return "\n".join(str(element) for element in parsed if element is not None)
    return text


def _from_elements(lists: pa.Array, elements: Cast) -> Cast:
    """Lists of the elements' texts, without those that are empty."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    parents = np.repeat(np.arange(len(lists)), lengths)
    texts = elements.values
    filled = pc.fill_null(pc.greater(pc.binary_length(texts), 0), False)
    counts = np.bincount(parents[filled.to_numpy(zero_copy_only=False)], minlength=len(lists))
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    values = pa.ListArray.from_arrays(offsets, texts.filter(filled), mask=pa.array(counts == 0))
    return Cast(values, {int(parents[element]): reason for element, reason in elements.refused.items()})


def _parsed(array: pa.Array, parse: Callable[[pa.Array], Cast]) -> Cast:
    text = to_text(array)
    parsed = parse(pc.utf8_trim_whitespace(text.values))
    return Cast(parsed.values, {**text.refused, **parsed.refused})


def _parse_integer(text: str) -> int | Refused | None:
    if _WHOLE.fullmatch(text):
        number = int(text.split(".", 1)[0][:400])
        return number if -_INT64 <= number < _INT64 else Refused(_TOO_LARGE)
    if _DECIMAL.fullmatch(text):
        return Refused(_NOT_WHOLE)
    return _no_number(text)


def _parse_number(text: str) -> float | Refused | None:
    if _DECIMAL.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else Refused(_TOO_LARGE)
    return _no_number(text)


def _no_number(text: str) -> Refused | None:
    if text.lower() in NO_VALUE or text.lower() == "nan":
        return None
    if _SEPARATORS.fullmatch(text):
        return Refused(_SEPARATED)
    if len(text) < 100 and _LETTERS.fullmatch(text):
        return Refused(_UNIT)
    return Refused(_NOT_NUMBER)


def _parse_boolean(text: str) -> bool | Refused | None:
    word = text.lower()
    if word in NO_VALUE:
        return None
    return _BOOLEANS.get(word, Refused(_NOT_BOOLEAN))


def _parse_choice(known: dict[str, str], reason: str, text: str) -> str | Refused:
    return known.get(_fold(text)) or Refused(reason)


def _fold(word: str) -> str:
    return re.sub(r"[\s_-]+", "_", word.strip().casefold())


def _listed(values: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(values[:-1]), values[-1]) if part)


def _int(array: pa.Array) -> Cast:
    return Cast(array.cast(pa.int64()))


def _rows(mask: pa.Array, reason: str) -> dict[int, str]:
    if not pc.any(mask, min_count=0).as_py():
        return {}
    rows = np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
    return dict.fromkeys(rows.tolist(), reason)


def _without_rows(array: pa.Array, mask: pa.Array, reason: str) -> Cast:
    refused = _rows(mask, reason)
    return Cast(without(array, refused).cast(pa.int64()), refused)


def _all_refused(array: pa.Array, kind: pa.DataType, reason: str) -> Cast:
    rows: Any = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False)).tolist()
    return Cast(pa.nulls(len(array), kind), dict.fromkeys(rows, reason))
