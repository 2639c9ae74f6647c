"""What can be read from a row alone: a title without versions and decoration."""

from __future__ import annotations

import re

from inventory_pipeline.catalog.folding import fold, plain, tokens

_BRACKETS = re.compile(
    r"\s*[(\[](?:[^()\[\]]*(?:\bx64\b|\bx86\b|amd64|arm64|bit|remove only|\d|user|[a-z]{2}-[a-z]{2})[^()\[\]]*|)[)\]]",
    re.I,
)
_VERSION = re.compile(
    r"(?:[\s_,-]+(?:version|ver\.?|v|build|release|rev\.?))?[\s_,-]+v?\d+(?:[._]\d+)*[a-z]?(?:[-+]\w+)?$", re.I
)
_TAIL = re.compile(
    r"[\s,_-]+(?:x64|x86|amd64|arm64|x86_64|win64|win32|64-?bit|32-?bit|64|32|version|ver|build|release|setup|installer"
    r"|(?:en|de|fr|es|it|nl|pt|pl|ja|zh|ko|ru)[-_][a-z]{2}|enu|deu|fra|esn|ita)$",
    re.I,
)
_REMOVER = re.compile(r"^(?:uninstall|remove|désinstaller|desinstalar|disinstalla|deinstallieren)\s+(?=\S)", re.I)
_NO_NAME = re.compile(
    r"[{]?[0-9a-f]{8}-[0-9a-f]{4}-|\b(?=[0-9a-f]*\d)[0-9a-f]{10,}\b|[\\$%@=<>|]|://|\.(?:exe|dll|msi|inf|sys|bat|cmd)\b"
    r"|^(?:setup|install(?:er)?|update|unknown|test|application|program|software|app)\b\W*\d*$",
    re.I,
)
_MOST_WORDS = 9


def is_name(title: str) -> bool:
    """True for a text that can be a product's name: words with letters, no identifier, path, file name or filler."""
    words = tokens(fold(title))
    has_word = any(len(re.findall(r"[^\W\d_]", word)) >= (3 if word.isascii() else 2) for word in words)
    return has_word and len(words) <= _MOST_WORDS and _NO_NAME.search(title) is None


def clean_title(title: str, vendor: str, vendor_words: int) -> str:
    """The title as written, without vendor in front, versions, architecture and language behind.

    Nothing is taken away that would leave no word with a letter, at least two characters long.
    """
    text = _REMOVER.sub("", plain(title)[:300])
    cleaned = _BRACKETS.sub(" ", text)
    for _ in range(6):
        shorter = _TAIL.sub("", _VERSION.sub("", cleaned.strip(" -_,"))).strip(" -_,")
        if shorter == cleaned:
            break
        cleaned = shorter
    if vendor and vendor_words:
        rest = _without_words(cleaned, vendor_words)
        if re.search(r"[^\W\d_]{2}", rest) and len(tokens(fold(rest))) > 0:
            cleaned = rest
    cleaned = _once(cleaned)
    return cleaned if re.search(r"[^\W\d_]", cleaned) else text


def _once(text: str) -> str:
    """`Loader version Loader` is `Loader`: some setups write the name again where the version goes."""
    words = text.split()
    for count in range(len(words) // 2, 0, -1):
        if words[:count] == words[-count:] and len(words) - 2 * count <= 1:
            return " ".join(words[:count])
    return text


def _without_words(text: str, count: int) -> str:
    place = 0
    for found in re.finditer(r"[^\W_]+(?:\.[^\W_]+)*[+#]*", text):
        count -= 1
        place = found.end()
        if count == 0:
            break
    return text[place:].strip(" -_,:.")
