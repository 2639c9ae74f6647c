"""Whatever Arrow brings as text, checked value by value, and the two ways of parsing text in bulk.

Casting never raises for what a value holds: a value that cannot be accepted becomes null and is named with a reason.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.types as pt

MAX_CHARACTERS = 32_768
"""The longest text that is kept; it is also the most that a spreadsheet's cell holds."""
SHOWN_CHARACTERS = 1_000
"""So much of a value that is set aside is kept with its reason."""

TOO_LONG = "The text has more than 32,768 characters: shorten it at the source."
NOT_UTF8 = "The text is not valid Unicode: correct its encoding at the source."
UNREADABLE = "The value cannot be read as text: convert it at the source."

_BLANK = r"^[ \t\r\n\x{a0}\x{2000}-\x{200a}\x{3000}]*$"

T = TypeVar("T")

# Kernels are made when pyarrow is imported, so type checkers do not see them.
pc: Any = pyarrow.compute


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a text cannot be parsed, and what to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A column after casting: values of the wanted type, and reasons by row where a value was set aside (null)."""

    values: pa.Array
    refused: Mapping[int, str] = field(default_factory=dict)


def plain(array: pa.Array) -> pa.Array:
    """The array without dictionaries, run lengths, views and extension types; the same values."""
    while True:
        kind = array.type
        if isinstance(array, pa.ExtensionArray):
            array = _uuid_text(array) if kind.extension_name == "arrow.uuid" else array.storage  # type: ignore[union-attr]
        elif pt.is_dictionary(kind):
            array = array.dictionary_decode()
        elif pt.is_run_end_encoded(kind):
            array = pc.run_end_decode(array)
        elif pt.is_string_view(kind):
            array = array.cast(pa.large_string())
        elif pt.is_binary_view(kind):
            array = array.cast(pa.large_binary())
        elif pt.is_fixed_size_binary(kind):
            array = array.cast(pa.binary())
        elif pt.is_float16(kind):
            array = array.cast(pa.float32())
        else:
            return array


def is_textual(kind: pa.DataType) -> bool:
    """True for texts and bytes."""
    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_binary(kind) or pt.is_large_binary(kind)


def to_text(array: pa.Array) -> Cast:
    """A plain array as text (`string`).

    Texts are kept verbatim; empty and blank ones, and NaN, become null. Whole numbers have no decimals, times are
    `yyyy-mm-dd hh:mm:ss` in UTC, nested values JSON.
    """
    kind = array.type
    if is_textual(kind):
        return _checked(array)
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), pa.string()))
    if pt.is_floating(kind):
        return Cast(_float_text(array))
    if pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_date32(kind):
        return Cast(array.cast(pa.string()))
    if pt.is_decimal(kind):
        return Cast(pc.replace_substring_regex(array.cast(pa.string()), "[.]0+$", ""))
    if pt.is_timestamp(kind):
        return Cast(pc.replace_substring_regex(array.cast(pa.timestamp(kind.unit)).cast(pa.string()), "[.]0+$", ""))
    if pt.is_date64(kind):
        return Cast(array.cast(pa.timestamp("ms")).cast(pa.string()))
    return _any_text(array)


def by_distinct(text: pa.Array, parse: Callable[[str], T | Refused | None], kind: pa.DataType) -> Cast:
    """Parses every distinct text once; nulls stay null, and None means null."""
    encoded = text.dictionary_encode()
    outcomes = [parse(value) for value in encoded.dictionary.to_pylist()]
    parsed = pa.array([None if isinstance(outcome, Refused) else outcome for outcome in outcomes], kind)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    bad = {code: outcome.reason for code, outcome in enumerate(outcomes) if isinstance(outcome, Refused)}
    if not bad:
        return Cast(parsed.take(encoded.indices))
    rows = np.flatnonzero(np.isin(codes, list(bad)))
    return Cast(parsed.take(encoded.indices), {int(row): bad[int(codes[row])] for row in rows})


def by_pattern(
    text: pa.Array, pattern: str, kind: pa.DataType, parse: Callable[[str], Any], *, zoned: bool = False
) -> Cast:
    """Parses text of a plain form in bulk, and what differs from the pattern by `parse`.

    `zoned` texts carry an offset and become UTC without zone.
    """
    fast = pc.match_substring_regex(text, pattern)
    if not pc.any(fast, min_count=1).as_py():
        return by_distinct(text, parse, kind)
    nothing = pa.scalar(None, pa.string())
    try:
        simple = pc.if_else(fast, text, nothing)
        values = simple.cast(pa.timestamp("us", "UTC")).cast(kind) if zoned else simple.cast(kind)
    except pa.ArrowInvalid:
        # The form is right and the value is not (30 February): each is looked at.
        return by_distinct(text, parse, kind)
    if pc.all(fast, min_count=0).as_py():
        return Cast(values)
    slow = by_distinct(pc.if_else(fast, nothing, text), parse, kind)
    return Cast(pc.coalesce(values, slow.values), slow.refused)


def without(array: pa.Array, refused: Mapping[int, str]) -> pa.Array:
    """The array with the refused rows null."""
    if not refused:
        return array
    keep = np.ones(len(array), dtype=bool)
    keep[list(refused)] = False
    return pc.if_else(pa.array(keep), array, pa.scalar(None, array.type))


def shown(array: pa.Array, rows: list[int]) -> list[str | None]:
    """The values of these rows as people may see them, cut to `SHOWN_CHARACTERS`; bytes that are no text as escapes."""
    if not rows:
        return []
    taken = plain(array.take(pa.array(rows, pa.int64())))
    if is_textual(taken.type):
        wide = pa.large_binary() if pt.is_large_string(taken.type) or pt.is_large_binary(taken.type) else pa.binary()
        # Four bytes a character at most, so the cut needs no more than these.
        cut = pc.binary_slice(taken.cast(wide), 0, 4 * SHOWN_CHARACTERS)
        return [
            None if value is None else value.decode("utf-8", "backslashreplace")[:SHOWN_CHARACTERS]
            for value in cut.to_pylist()
        ]
    texts = to_text(taken).values.to_pylist()
    return [text if text is None else text[:SHOWN_CHARACTERS] for text in texts]


def _checked(array: pa.Array) -> Cast:
    refused = dict.fromkeys(_too_long(array), TOO_LONG)
    array = without(array, refused)
    as_bytes = array.cast(pa.large_binary() if _is_large(array.type) else pa.binary())
    try:
        values = as_bytes.cast(pa.string())
    except pa.ArrowInvalid:
        refused.update(dict.fromkeys(_not_utf8(as_bytes), NOT_UTF8))
        values = without(as_bytes, refused).cast(pa.string())
    # Bytes may lie under nulls, and this kernel looks at them.
    filled = pc.fill_null(values, "")
    blank = pc.or_(pc.equal(pc.binary_length(filled), 0), pc.utf8_is_space(filled))
    if pc.any(blank, min_count=0).as_py():
        # Control characters count as space there, and as a value here.
        blank = pc.match_substring_regex(filled, _BLANK)
        values = pc.if_else(blank, pa.scalar(None, pa.string()), filled)
    return Cast(values, refused)


def _is_large(kind: pa.DataType) -> bool:
    return pt.is_large_string(kind) or pt.is_large_binary(kind)


def _too_long(array: pa.Array) -> list[int]:
    long = pc.greater(pc.binary_length(array), MAX_CHARACTERS)
    if not pc.any(long, min_count=0).as_py():
        return []
    rows = np.flatnonzero(pc.fill_null(long, False).to_numpy(zero_copy_only=False))
    return [int(row) for row in rows if _characters(array[int(row)].as_buffer()) > MAX_CHARACTERS]


def _characters(buffer: pa.Buffer) -> int:
    # Bytes that do not continue a character begin one.
    return int(np.count_nonzero((np.frombuffer(buffer, np.uint8) & 0xC0) != 0x80))


def _not_utf8(array: pa.Array) -> list[int]:
    found = []
    for row, value in enumerate(array.to_pylist()):
        if value is not None:
            try:
                value.decode("utf-8")
            except UnicodeDecodeError:
                found.append(row)
    return found


def _float_text(array: pa.Array) -> pa.Array:
    array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    whole = pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 2.0**53))
    digits = pc.if_else(whole, array, pa.scalar(None, array.type)).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(digits, array.cast(pa.string()))


def _any_text(array: pa.Array) -> Cast:
    """Texts of values of any kind, one by one: JSON of nested ones."""
    texts: list[bytes | None] = []
    refused: dict[int, str] = {}
    for row, scalar in enumerate(array):
        try:
            value = scalar.as_py()
            if isinstance(value, dict | list | tuple):
                value = json.dumps(value, ensure_ascii=False, default=str)
            texts.append(None if value is None else str(value).encode("utf-8", "surrogatepass"))
        except (ValueError, OverflowError, UnicodeError, pa.ArrowException):
            texts.append(None)
            refused[row] = UNREADABLE
    checked = _checked(pa.array(texts, pa.large_binary()))
    return Cast(checked.values, {**refused, **checked.refused})


def _uuid_text(array: pa.ExtensionArray) -> pa.Array:
    values = array.storage.cast(pa.binary()).to_pylist()
    return pa.array([None if value is None else str(uuid.UUID(bytes=value)) for value in values], pa.string())
