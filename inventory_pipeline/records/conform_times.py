"""Timestamps (UTC without zone, microseconds) and dates, from typed columns or from text."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial

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
    to_text,
    without,
)
from inventory_pipeline.records.conform_values import NO_VALUE

_KIND = pa.timestamp("us")
_DAY = 86_400_000_000
_ZONE = 14 * 3_600_000_000
_EPOCH = dt.datetime(1970, 1, 1)
_LAST = dt.datetime(2101, 1, 1)
NULL_DATES = tuple(dt.datetime(*date) for date in ((1, 1, 1), (1601, 1, 1), (1899, 12, 30), (1900, 1, 1)))
"""What .NET, Windows, OLE and SQL Server write where there is no date; a zone may have shifted it by up to 14 hours."""

_ABSURD = "The date lies before 1970 or after 2100: correct it at the source."
_NOT_DATE = "Not a date: write yyyy-mm-dd or 2026-03-01T08:30:00Z, or set date_format on the connector."
_AMBIGUOUS = "Day and month cannot be told apart: write yyyy-mm-dd, or set date_format on the connector."

_ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?)?"
_CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
_OFFSET = r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_SPELLED = re.compile(rf"(\d{{4}})([-/])(\d{{1,2}})\2(\d{{1,2}})(?:(?:T|\s+){_CLOCK}{_OFFSET})?", re.I | re.ASCII)
_COMPACT = re.compile(rf"(\d{{4}})()(\d{{2}})(\d{{2}})(?:T?(\d{{2}})(\d{{2}})(\d{{2}})(?:[.](\d{{1,9}}))?{_OFFSET})?", re.I | re.ASCII)  # fmt: skip  # noqa: E501
_ZERO = re.compile(r"0[0\-/.:T\sZ]*", re.I)
_ANY_ORDER = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}(\s.*)?", re.ASCII | re.DOTALL)


def to_timestamp(array: pa.Array, date_format: str | None = None) -> Cast:
    """A plain array as UTC times. Text without zone is taken for UTC.

    Text: ISO 8601 with or without zone, `yyyy/mm/dd`, both with a time or without, `yyyymmdd` and `yyyymmddhhmmss`, and
    `date_format` (strptime), which goes first. Known null dates become null; other dates before 1970 or after 2100
    are refused.
    """
    return _times(array, date_format, wall=False)


def to_date(array: pa.Array, date_format: str | None = None) -> Cast:
    """A plain array as dates: as `to_timestamp`, but the calendar day as it was written, whatever its zone."""
    cast = _times(array, date_format, wall=True)
    return Cast(cast.values.cast(pa.date32()), cast.refused)


def _times(array: pa.Array, date_format: str | None, *, wall: bool) -> Cast:
    kind = array.type
    if pt.is_null(kind):
        return Cast(pa.nulls(len(array), _KIND))
    if pt.is_timestamp(kind) or pt.is_date(kind):
        return _typed(array, wall)
    if is_textual(kind) or pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        text = to_text(array)
        cast = _text(pc.utf8_trim_whitespace(text.values), date_format, wall)
        return _in_range(cast.values, {**text.refused, **cast.refused})
    rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False)).tolist()
    return Cast(pa.nulls(len(array), _KIND), dict.fromkeys(rows, _NOT_DATE))


def _text(text: pa.Array, date_format: str | None, wall: bool) -> Cast:
    parse = partial(_parse, date_format, wall)
    if date_format is not None:
        return by_distinct(text, parse, _KIND)
    zoned = "(Z|[+-][0-9]{2}:?[0-9]{2})$"
    if not wall and pc.any(pc.match_substring_regex(text, _ISO + zoned), min_count=0).as_py():
        return by_pattern(text, _ISO + zoned, _KIND, parse, zoned=True)
    return by_pattern(text, _ISO + "$", _KIND, parse)


def _parse(date_format: str | None, wall: bool, text: str) -> dt.datetime | Refused | None:
    if text.lower() in NO_VALUE or _ZERO.fullmatch(text):
        return None
    if len(text) > 60:
        return Refused(_NOT_DATE)
    try:
        return _as_given(text, date_format, wall) or _as_iso(text, wall)
    except OverflowError:
        return Refused(_ABSURD)
    except ValueError:
        return Refused(_AMBIGUOUS if _ANY_ORDER.fullmatch(text) else _NOT_DATE)


def _as_given(text: str, date_format: str | None, wall: bool) -> dt.datetime | None:
    if date_format is None:
        return None
    try:
        found = dt.datetime.strptime(text, date_format)  # noqa: DTZ007 - a form without zone means UTC
    except (ValueError, re.error):
        return None
    return _shifted(found.replace(tzinfo=None), found.utcoffset(), wall)


def _as_iso(text: str, wall: bool) -> dt.datetime:
    match = _SPELLED.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, _, month, day, hour, minute, second, fraction, zone = match.groups()
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    local = dt.datetime(
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond
    )
    return _shifted(local, _offset(zone), wall)


def _offset(zone: str | None) -> dt.timedelta | None:
    if zone is None or zone[0] not in "+-":
        return None
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= dt.timedelta(days=1):
        raise ValueError(zone)
    return -offset if zone[0] == "-" else offset


def _shifted(local: dt.datetime, offset: dt.timedelta | None, wall: bool) -> dt.datetime:
    # A null date stays what it is; shifting it may leave the calendar.
    if offset is None or wall or local.year == 1:
        return local
    return local - offset


def _typed(array: pa.Array, wall: bool) -> Cast:
    """Timestamps and dates of any unit, in microseconds, without those that no such number can hold."""
    kind = array.type
    if pt.is_date32(kind):
        counts, per_day = array.cast(pa.int32()).cast(pa.int64()), 1
    else:
        unit = "ms" if pt.is_date64(kind) else kind.unit
        counts, per_day = array.cast(pa.int64()), 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    # Year 0 to 9999: within, every step below is sure to work.
    low, high = -719_528 * per_day, 2_932_896 * per_day
    if high < 2**63:
        absurd = _rows(pc.or_(pc.less(counts, low), pc.greater(counts, high)))
        counts = without(counts, absurd)
    else:
        absurd = {}
    if per_day < _DAY:
        counts = pc.multiply(counts, _DAY // per_day)
    elif per_day > _DAY:
        counts = pc.divide(counts, per_day // _DAY)
    values = counts.cast(_KIND)
    if wall and pt.is_timestamp(kind) and kind.tz is not None:
        checked = _in_range(values, absurd)
        return Cast(pc.local_timestamp(checked.values.cast(pa.timestamp("us", kind.tz))), checked.refused)
    return _in_range(values, absurd)


def _in_range(values: pa.Array, refused: dict[int, str]) -> Cast:
    """The values without null dates; those that are absurd join the refused."""
    low, high = pa.scalar(_EPOCH, _KIND), pa.scalar(_LAST, _KIND)
    outside = pc.or_(pc.less(values, low), pc.greater_equal(values, high))
    if not pc.any(outside, min_count=0).as_py():
        return Cast(values, refused)
    counts = values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    wrong = outside.fill_null(False).to_numpy(zero_copy_only=False)
    for null_date in NULL_DATES:
        meant = (null_date - _EPOCH) // dt.timedelta(microseconds=1)
        wrong = wrong & ~(np.abs(counts - meant) <= _ZONE)
    absurd = dict.fromkeys(np.flatnonzero(wrong).tolist(), _ABSURD)
    values = pc.if_else(outside, pa.scalar(None, _KIND), values)
    return Cast(values, {**refused, **absurd})


def _rows(mask: pa.Array) -> dict[int, str]:
    if not pc.any(mask, min_count=0).as_py():
        return {}
    return dict.fromkeys(np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist(), _ABSURD)
