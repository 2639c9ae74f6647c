"""What a database driver's error means, and what to do: one sentence each, without anything secret.

Facts: SQL Server's error numbers (sys.messages: 208, 207, 229, 230, 262, 300, 916, 1205, 4060, 18452, 18456), ODBC
SQLSTATEs (ODBC Programmer's Reference, appendix A), PostgreSQL's error codes (appendix A of its manual), MariaDB's
error numbers (1044, 1045, 1049, 1142, 1146, 2002, 2003).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where the connector wants to read: shown in messages."""

    server: str
    database: str
    account: str
    reader_role: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong. `kind` is one of password, database, unreachable, certificate, driver, permission, object,
    timeout, busy, other."""

    kind: str
    message: str
    cure: str


_NUMBERS = {
    "password": {18456, 18452, 18486, 18487, 18488, 1045},
    "database": {4060, 916, 911, 1049},
    "permission": {229, 230, 262, 297, 300, 1044, 1142, 1143},
    "object": {208, 207, 1146, 1054},
    "busy": {1205, 1222, 3960},
    "unreachable": {2002, 2003, 2005},
}
_STATES = {
    "28000": "password",
    "28P01": "password",
    "3D000": "database",
    "42501": "permission",
    "42S02": "object",
    "42S22": "object",
    "42P01": "object",
    "42703": "object",
    "08001": "unreachable",
    "08S01": "unreachable",
    "08004": "password",
    "HYT00": "timeout",
    "HYT01": "timeout",
    "IM002": "driver",
    "IM003": "driver",
    "57014": "timeout",
    "40001": "busy",
}
_TEXTS = (
    (
        "certificate",
        r"certificate verify failed|ssl provider|self.signed certificate|certificate chain|openssl|tls handshake",
    ),
    ("driver", r"can't open lib|data source name not found|specified driver could not be loaded"),
    ("password", r"login failed|password authentication failed|access denied for user|no password supplied"),
    ("database", r'cannot open database|database "[^"]*" does not exist|unable to open database file'),
    ("permission", r"permission denied|permission was denied|not authorized|command denied"),
    ("object", r"no such table|no such column|invalid object name|invalid column name"),
    ("timeout", r"timeout expired|timed out|statement timeout"),
    (
        "unreachable",
        r"unable to connect|connection refused|could not translate host name|can't connect|connection failed|"
        r"server is unavailable|name or service not known|connection reset|communication link failure|"
        r"read from the server failed|unexpected eof|write to the server failed|closed the connection|"
        r"adaptive server connection",
    ),
)


def explain(error: BaseException, place: Place) -> Finding:
    """What a driver's error (also wrapped by SQLAlchemy) means at this place."""
    original: BaseException = getattr(error, "orig", None) or error
    told = original.args[1] if len(original.args) > 1 and isinstance(original.args[1], str) else str(original)
    text = " ".join(told.split())
    kind = _kind(original, text)
    where = f"{place.server}" if place.server else "the database"
    account = place.account or "this process"
    role = place.reader_role
    findings = {
        "password": (
            f"{where} refused the account {account}: wrong name or password.",
            "Check the account, and the environment variable that holds its password.",
        ),
        "database": (
            f"{where} has no database {place.database}, or the account {account} may not open it.",
            "Check the name, and that the account is a user of that database.",
        ),
        "unreachable": (
            f"{where} cannot be reached or ended the connection.",
            "Check server and port, the firewall, and that SQL Server listens on TCP.",
        ),
        "certificate": (
            f"the certificate of {where} is not trusted.",
            "Install its authority on this machine, or name the server as its certificate does. "
            "trust_server_certificate: true gives up the check.",
        ),
        "driver": (
            "the ODBC driver or Python driver cannot be loaded.",
            "Install Microsoft's ODBC Driver 18 for SQL Server, or FreeTDS (Debian: tdsodbc), and unixodbc; "
            "or name an installed one in driver.",
        ),
        "permission": (
            f"the account {account} may not read {_object(text)}.",
            f"Make it a member of {role}, or grant it SELECT." if role else "Grant it SELECT.",
        ),
        "object": (f"{_object(text)} is not there.", "Check that this is the right database, and its version."),
        "timeout": (f"{where} did not answer in time.", "Try again at a quieter hour, or raise timeout_seconds."),
        "busy": (f"{where} broke off the statement because of other work.", "Run the sync again."),
        "other": (f"{where} failed: {_short(text)}", "Look into the log of the database server."),
    }
    message, cure = findings[kind]
    return Finding(kind, message, cure)


def _kind(original: BaseException, text: str) -> str:
    lowered = text.lower()
    if isinstance(original, ImportError):
        return "driver"
    for kind, pattern in _TEXTS[:2]:
        # These come with numbers and states that say less than their text.
        if re.search(pattern, lowered):
            return kind
    numbers = {int(number) for number in re.findall(r"(?:Native error: |\()(\d{3,5})\b", text)} | {
        argument for argument in original.args if isinstance(argument, int)
    }
    for kind, known in _NUMBERS.items():
        if numbers & known:
            return kind
    for kind, pattern in _TEXTS[2:]:
        if re.search(pattern, lowered):
            return kind
    return _STATES.get(_state(original), "other")


def _state(original: Any) -> str:
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str):
        return state
    first = original.args[0] if getattr(original, "args", None) else None
    if not isinstance(first, str):
        return ""
    # pyodbc's errors begin with the state, arrow-odbc's texts hold it.
    found = re.fullmatch(r"([0-9A-Z]{5})", first) or re.search(r"\bState: ([0-9A-Z]{5})\b", first)
    return found[1] if found else ""


def _object(text: str) -> str:
    for pattern in (
        r"on the object '([^']+)'",
        r"permission denied for (?:table|view|relation|schema) (\S+)",
        r"command denied to user .* for table (?:`[^`]*`\.)?[`']([^`']+)[`']",
        r"Invalid (?:object|column) name '([^']+)'",
        r"no such (?:table|column): (\S+)",
        r'(?:relation|column) "?([^"\s]+)"? does not exist',
        r"(?:Table|Unknown column) '([^']+)'",
    ):
        if found := re.search(pattern, text):
            return found[1]
    return "an object that it needs"


def _short(text: str) -> str:
    # Drivers repeat themselves in prefixes such as [42000] [FreeTDS][SQL Server]; statements are cut off.
    told = text.split("[SQL:")[0].rpartition(", Message: ")[2]
    cleaned = re.sub(r"\[[^\]]{1,60}\]", "", told)
    cleaned = " ".join(re.sub(r"\(\d*\) \(SQL\w+\)", "", cleaned).split())
    return cleaned[:300] + ("." if not cleaned.endswith(".") else "")
