"""Values on the wire: DuckDB types to TDS columns, and RPC parameters to Python ([MS-TDS] 2.2.5.4 and 2.2.5.5).

DuckDB types stand for SQL Server types by this convention: TIMESTAMP_MS is datetime, TIMESTAMP is datetime2(7),
TIMESTAMP WITH TIME ZONE is datetimeoffset(7), DECIMAL(19,4) is money, VARCHAR is nvarchar(4000) and JSON nvarchar(max).
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from inventory_pipeline_tests.counterparts.tds.wire import COLLATION

Encoder = Callable[[Any], bytes]
_EPOCH_1900 = dt.datetime(1900, 1, 1)
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")


class TooLongError(ValueError):
    """A text does not fit nvarchar(4000); the column should be JSON, which stands for nvarchar(max)."""


def _nullable(pack: Encoder, null: bytes = b"\0") -> Encoder:
    return lambda value: null if value is None else pack(value)


def _time_bytes(value: dt.datetime) -> bytes:
    microseconds = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    return (microseconds * 10).to_bytes(5, "little")


def _day_bytes(value: dt.date) -> bytes:
    return (value.toordinal() - 1).to_bytes(3, "little")


def _datetime(value: dt.datetime) -> bytes:
    delta = value - _EPOCH_1900
    ticks = round((delta.seconds + delta.microseconds / 1e6) * 300)
    return b"\x08" + struct.pack("<iI", delta.days, ticks)


def _datetimeoffset(value: dt.datetime) -> bytes:
    value = value.astimezone(dt.UTC)
    return b"\x0a" + _time_bytes(value) + _day_bytes(value) + struct.pack("<h", 0)


def _money(value: decimal.Decimal) -> bytes:
    scaled = int(value.scaleb(4))
    return b"\x08" + struct.pack("<iI", scaled >> 32, scaled & 0xFFFFFFFF)


def _decimal(precision: int, scale: int) -> tuple[bytes, Encoder]:
    size = 17 if precision > 28 else 13 if precision > 19 else 9 if precision > 9 else 5

    def pack(value: Any) -> bytes:
        scaled = int(decimal.Decimal(value).scaleb(scale))
        return bytes([size, int(scaled >= 0)]) + abs(scaled).to_bytes(size - 1, "little")

    return bytes([0x6A, size, precision, scale]), _nullable(pack)


def _text(value: Any) -> bytes:
    data = str(value).encode("utf-16-le", "surrogatepass")
    if len(data) > 8000:
        raise TooLongError(f"{len(data) // 2} characters do not fit nvarchar(4000)")
    return struct.pack("<H", len(data)) + data


def _long_text(value: Any) -> bytes:
    data = str(value).encode("utf-16-le", "surrogatepass")
    chunk = struct.pack("<I", len(data)) + data if data else b""
    return struct.pack("<Q", len(data)) + chunk + b"\0\0\0\0"


def column_type(duckdb_type: str) -> tuple[bytes, Encoder]:
    """TYPE_INFO bytes and the encoder of a result column."""
    if duckdb_type in _INTEGERS:
        return b"\x26\x04", _nullable(lambda v: b"\x04" + struct.pack("<i", v))
    if duckdb_type in ("BIGINT", "UINTEGER", "UBIGINT"):
        return b"\x26\x08", _nullable(lambda v: b"\x08" + struct.pack("<q", v))
    if duckdb_type == "BOOLEAN":
        return b"\x68\x01", _nullable(lambda v: b"\x01" + bytes([v]))
    if duckdb_type in ("DOUBLE", "FLOAT"):
        return b"\x6d\x08", _nullable(lambda v: b"\x08" + struct.pack("<d", v))
    if duckdb_type == "DATE":
        return b"\x28", _nullable(lambda v: b"\x03" + _day_bytes(v))
    if duckdb_type == "TIMESTAMP_MS":
        return b"\x6f\x08", _nullable(_datetime)
    if duckdb_type == "TIMESTAMP WITH TIME ZONE":
        return b"\x2b\x07", _nullable(_datetimeoffset)
    if duckdb_type.startswith("TIMESTAMP"):
        return b"\x2a\x07", _nullable(lambda v: b"\x08" + _time_bytes(v) + _day_bytes(v))
    if duckdb_type == "UUID":
        return b"\x24\x10", _nullable(lambda v: b"\x10" + v.bytes_le)
    if duckdb_type == "BLOB":
        return b"\xa5" + struct.pack("<H", 8000), _nullable(lambda v: struct.pack("<H", len(v)) + v, b"\xff\xff")
    if duckdb_type == "DECIMAL(19,4)":
        return b"\x6e\x08", _nullable(_money)
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type):
        return _decimal(int(match[1]), int(match[2]))
    if duckdb_type in ("HUGEINT", "UHUGEINT"):
        return _decimal(38, 0)
    if duckdb_type == "JSON":
        return b"\xe7\xff\xff" + COLLATION, _nullable(_long_text, b"\xff" * 8)
    return b"\xe7" + struct.pack("<H", 8000) + COLLATION, _nullable(_text, b"\xff\xff")


def column_metadata(names: Sequence[str], types: Sequence[bytes]) -> bytes:
    """COLMETADATA token (2.2.7.4); every column is nullable."""
    columns = b"".join(
        struct.pack("<IH", 0, 9) + info + bytes([len(name)]) + name.encode("utf-16-le")
        for name, info in zip(names, types, strict=True)
    )
    return b"\x81" + struct.pack("<H", len(names)) + columns


def encode_rows(rows: Sequence[Sequence[Any]], encoders: Sequence[Encoder]) -> bytes:
    """ROW tokens (2.2.7.19), encoded column by column."""
    columns = [list(map(encoder, column)) for encoder, column in zip(encoders, zip(*rows, strict=True), strict=True)]
    return b"".join(b"\xd1" + b"".join(row) for row in zip(*columns, strict=True))


class ParameterReader:
    """Reads the parameters of an RPC request, one after the other."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def more(self) -> bool:
        """True while parameters of this request are left (batch flags end it)."""
        return self.position < len(self.data) and self.data[self.position] not in (0xFF, 0x80, 0xFE)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        chunk = self.data[self.position : self.position + count]
        self.position += count
        return chunk

    def unpack(self, form: str) -> Any:
        """One number in struct's notation."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def parameter(self) -> tuple[str, Any]:
        """Name (may be empty) and value of the next parameter."""
        name = self.take(2 * self.unpack("B")).decode("utf-16-le")
        self.take(1)
        return name, self.value()

    def value(self) -> Any:
        """A value with its TYPE_INFO; None for NULL."""
        kind = self.unpack("B")
        if kind in _FIXED:
            form = _FIXED[kind]
            return self.unpack(form)
        if kind in (0x26, 0x68, 0x6D, 0x6F, 0x6E, 0x24):
            self.take(1)
            return _sized(kind, self.take(self.unpack("B")))
        if kind in (0x6A, 0x6C):
            scale = self.take(3)[2]
            data = self.take(self.unpack("B"))
            sign = 1 if data[:1] == b"\x01" else -1
            return decimal.Decimal(sign * int.from_bytes(data[1:], "little")).scaleb(-scale) if data else None
        if kind == 0x28:
            data = self.take(self.unpack("B"))
            return dt.date.fromordinal(int.from_bytes(data, "little") + 1) if data else None
        if kind in (0x29, 0x2A, 0x2B):
            return self._time(kind)
        if kind in (0xE7, 0xEF, 0xA7, 0xAF, 0xA5, 0xAD):
            return self._variable(kind)
        if kind == 0x63:
            self.take(9)
            length = self.unpack("<i")
            return None if length < 0 else self.take(length).decode("utf-16-le")
        raise ValueError(f"TDS type {kind:#x} is not read here")

    def _time(self, kind: int) -> Any:
        scale = self.unpack("B")
        data = self.take(self.unpack("B"))
        if not data:
            return None
        size = 3 if scale < 3 else 4 if scale < 5 else 5
        ticks = int.from_bytes(data[:size], "little")
        microseconds = ticks * 10 ** (6 - scale) if scale <= 6 else ticks // 10
        if kind == 0x29:
            return (_EPOCH_1900 + dt.timedelta(microseconds=microseconds)).time()
        day = dt.datetime.fromordinal(int.from_bytes(data[size : size + 3], "little") + 1)
        return day + dt.timedelta(microseconds=microseconds)

    def _variable(self, kind: int) -> Any:
        size = self.unpack("<H")
        binary = kind in (0xA5, 0xAD)
        self.take(0 if binary else 5)
        if size == 0xFFFF:
            if self.unpack("<Q") == 2**64 - 1:
                return None
            data = bytearray()
            while length := self.unpack("<I"):
                data += self.take(length)
        else:
            length = self.unpack("<H")
            if length == 0xFFFF:
                return None
            data = self.take(length)
        if binary:
            return bytes(data)
        return bytes(data).decode("utf-16-le" if kind in (0xE7, 0xEF) else "cp1252")


_FIXED = {0x30: "<B", 0x32: "<?", 0x34: "<h", 0x38: "<i", 0x7F: "<q", 0x3E: "<d", 0x3B: "<f"}


def _sized(kind: int, data: bytes) -> Any:
    if not data:
        return None
    if kind == 0x68:
        return bool(data[0])
    if kind == 0x26:
        return int.from_bytes(data, "little", signed=len(data) > 1)
    if kind == 0x6D:
        return struct.unpack("<d" if len(data) == 8 else "<f", data)[0]
    if kind == 0x24:
        return uuid.UUID(bytes_le=data)
    if kind == 0x6E:
        high, low = struct.unpack("<iI", data)
        return decimal.Decimal((high << 32) + low).scaleb(-4)
    days, ticks = struct.unpack("<iI", data)
    return _EPOCH_1900 + dt.timedelta(days=days, seconds=ticks / 300)
