"""Packets, tokens and the login record of TDS 7.4 ([MS-TDS] version 36, sections 2.2.3 to 2.2.7)."""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

SQL_BATCH, RPC, ATTENTION, TRANSACTION, LOGIN7, PRELOGIN, REPLY = 0x01, 0x03, 0x06, 0x0E, 0x10, 0x12, 0x04
DONE, DONE_IN_PROC, DONE_PROC = 0xFD, 0xFF, 0xFE
DONE_MORE, DONE_ERROR, DONE_COUNT, DONE_ATTENTION = 0x01, 0x02, 0x10, 0x20
COLLATION = bytes.fromhex("0904d00034")
ENCRYPT_OFF, ENCRYPT_ON, ENCRYPT_NOT_SUPPORTED, ENCRYPT_REQUIRED = 0, 1, 2, 3
_PACKET = 4096


class TdsStream:
    """TDS packets over a socket, in clear or over TLS whose handshake travels inside pre-login packets (2.2.6.5)."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._packet_number = 0

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Runs the handshake; every byte after it is encrypted. Raises ssl.SSLError when the client refuses."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush_handshake()
                _, payload = self.receive()
                self._incoming.write(payload)
        self._flush_handshake()
        self._tls = tls

    def _flush_handshake(self) -> None:
        if data := self._outgoing.read():
            self._socket.sendall(struct.pack(">BBHHBB", PRELOGIN, 1, len(data) + 8, 0, 0, 0) + data)

    def _read(self, count: int) -> bytes:
        buffer = bytearray()
        while len(buffer) < count:
            if self._tls is None:
                chunk = self._socket.recv(count - len(buffer))
            else:
                try:
                    chunk = self._tls.read(count - len(buffer))
                except ssl.SSLWantReadError:
                    raw = self._socket.recv(65536)
                    if not raw:
                        raise EOFError from None
                    self._incoming.write(raw)
                    continue
            if not chunk:
                raise EOFError
            buffer += chunk
        return bytes(buffer)

    def receive(self) -> tuple[int, bytes]:
        """One message: its type and its payload, joined from its packets."""
        body = bytearray()
        while True:
            kind, status, length = struct.unpack(">BBH", self._read(4))
            self._read(4)
            body += self._read(length - 8)
            if status & 1:
                return kind, bytes(body)

    def send(self, data: bytes, *, last: bool = True) -> bytes:
        """Sends whole packets of a reply; without `last`, returns the rest that does not fill a packet."""
        room = _PACKET - 8
        out = bytearray()
        position = 0
        while len(data) - position > room or (last and position == 0) or (last and position < len(data)):
            chunk = data[position : position + room]
            position += len(chunk)
            ends = last and position >= len(data)
            self._packet_number += 1
            out += struct.pack(">BBHHBB", REPLY, 1 if ends else 0, len(chunk) + 8, 51, self._packet_number & 255, 0)
            out += chunk
            if ends:
                break
        if self._tls is None:
            self._socket.sendall(out)
        else:
            self._tls.write(bytes(out))
            self._socket.sendall(self._outgoing.read())
        return data[position:]


@dataclass(frozen=True, slots=True)
class Login:
    """What a client says at sign-in (LOGIN7, 2.2.6.4)."""

    user: str
    password: str
    database: str
    application: str


def parse_login(payload: bytes) -> Login:
    """Reads a LOGIN7 record; the password's bytes are swapped nibbles xor 0xA5."""

    def field(offset: int) -> bytes:
        start, length = struct.unpack_from("<HH", payload, offset)
        return payload[start : start + 2 * length]

    def text(offset: int) -> str:
        return field(offset).decode("utf-16-le")

    password = bytes((((b ^ 0xA5) << 4) & 0xF0) | ((b ^ 0xA5) >> 4) for b in field(44)).decode("utf-16-le")
    return Login(text(40), password, text(68) or "master", text(48))


def prelogin_encryption(payload: bytes) -> int:
    """The encryption that the client asks for in its pre-login record (2.2.6.5)."""
    position = 0
    while payload[position] != 0xFF:
        token, offset, _ = struct.unpack_from(">BHH", payload, position)
        if token == 1:
            return payload[offset]
        position += 5
    return ENCRYPT_NOT_SUPPORTED


def prelogin_reply(encryption: int) -> bytes:
    """The server's pre-login record: version 15.0, the encryption agreed on, no MARS."""
    options = [(0, bytes([15, 0, 7, 0xD0, 0, 0])), (1, bytes([encryption])), (2, b"\x00"), (3, b""), (4, b"\x00")]
    offset, head, body = 5 * len(options) + 1, b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, offset + len(body), len(value))
        body += value
    return head + b"\xff" + body


def short_text(text: str) -> bytes:
    """Text with a length byte (B_VARCHAR)."""
    return bytes([len(text)]) + text.encode("utf-16-le")


def environment_change(kind: int, new: str | bytes, old: str = "") -> bytes:
    """ENVCHANGE token (2.2.7.9)."""
    if isinstance(new, str):
        payload = bytes([kind]) + short_text(new) + short_text(old)
    else:
        payload = bytes([kind, len(new)]) + new + b"\0"
    return b"\xe3" + struct.pack("<H", len(payload)) + payload


def login_acknowledgement(database: str) -> bytes:
    """Tokens after a good sign-in: environment, LOGINACK with TDS 7.4 and version 15.0, DONE."""
    acknowledgement = (
        b"\x01" + struct.pack(">I", 0x74000004) + short_text("Microsoft SQL Server") + bytes([15, 0, 7, 0xD0])
    )
    return (
        environment_change(1, database, "master")
        + environment_change(7, COLLATION)
        + environment_change(2, "us_english")
        + b"\xad"
        + struct.pack("<H", len(acknowledgement))
        + acknowledgement
        + environment_change(4, str(_PACKET), str(_PACKET))
        + done()
    )


def done(status: int = 0, rows: int = 0, token: int = DONE) -> bytes:
    """DONE, DONEINPROC or DONEPROC token (2.2.7.6)."""
    return struct.pack("<BHHQ", token, status, 0xC1, rows)


def error(number: int, message: str, severity: int = 16) -> bytes:
    """ERROR token (2.2.7.10)."""
    message = message[:1500]
    payload = (
        struct.pack("<iBB", number, 1, severity)
        + struct.pack("<H", len(message))
        + message.encode("utf-16-le")
        + short_text("TDSDUCK")
        + short_text("")
        + struct.pack("<I", 1)
    )
    return b"\xaa" + struct.pack("<H", len(payload)) + payload


def return_status(value: int = 0) -> bytes:
    """RETURNSTATUS token (2.2.7.18)."""
    return b"\x79" + struct.pack("<i", value)


def return_handle(handle: int) -> bytes:
    """RETURNVALUE token with a prepared statement's handle (2.2.7.19)."""
    return b"\xac\0\0\0\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" + struct.pack("<i", handle)
