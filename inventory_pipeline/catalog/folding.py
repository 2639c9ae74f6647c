"""Folding: one spelling for texts that mean the same, so that equality decides. Pure functions of text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST_TEXT = 1000
"""Characters of a title or publisher that are looked at; what lies beyond never tells products apart."""

_TRADEMARKS = re.compile(r"\((?:r|tm|c)\)|[®™©℠]", re.IGNORECASE)
_BREAKS = "\t\r\n\x0b\x0c\x85\u2028\u2029\u00a0"
# Letters that have no decomposition, and punctuation that is written in several ways.
_LETTERS = str.maketrans(
    {
        "\u0142": "l",
        "\u00f8": "o",
        "\u0111": "d",
        "\u0131": "i",
        "\u00df": "ss",
        "\u00e6": "ae",
        "\u0153": "oe",
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2010\u2011\u2013\u2014\u2212", "-"),
        "\u2026": "...",
    }
)
_TOKEN = re.compile(r"(?<![^\W_])\.net\b|[^\W_]+(?:\.[^\W_]+)*[+#]*")

# Words of legal form and of modesty: they do not tell publishers apart.
_LEGAL_WORDS = (
    "ab ag aps as asa authors bv bvba co community company contributors corp corporation corporate de devs "
    "developer developers development eood enterprises ev foundation gmbh group holding holdings inc incorporated "
    "international intl intnl kg kk limited llc lllp llp ltd ltda maintainers nv oy oyj org organization plc "
    "project projects pte pty pvt sa sarl sas sasu sdn bhd se sl software solutions spa srl sro systems system "
    "team tech technologies technology the ug und and of its affiliates subsidiaries mbh kft zoo doo sp com io "
    "net ооо зао оао ао пао компания ooo zao oao pao 株式会社 有限公司 "  # noqa: RUF001
)
_LEGAL = frozenset(_LEGAL_WORDS.split())
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}(?:[a-z]\b)?|\b[a-z]\.(?=[a-z]\b)")
_ORGANIZATION = re.compile(r"(?:^|, ?)o=([^,]+)")
_COMMON_NAME = re.compile(r"(?:^|, ?)cn=([^,]+)")
_ANY = re.compile(r"(.*)")
# What macOS reports of an application's maker: "6.0, Copyright 2005-2017 Apple Inc. All rights reserved.",
# "Compressor 3.5.3, 2011 Apple Inc." (the sign is gone by then), "Developer ID Application: Docker (9BNSXJN65R)".
_COPYRIGHT = re.compile(
    r"^.*?\bcopyright\b\W*|^(?:[^,]*\d[^,]*, ?)?(?=(?:19|20)\d\d\b.*[a-z])|^(?:developer id|3rd party mac) [a-z ]+: ?"
)
_DIVISION = re.compile(r",? an? (?:division|unit|subsidiary|brand|business unit) of\b.*$|\([0-9a-z]{10}\)$")
_YEARS = re.compile(r"^(?:(?:19|20)\d\d|present|by|\W)+(?=[^\W\d_])")
_RIGHTS = re.compile(r"\W*\b(?:all rights|tous droits|alle rechte)\b.*$")
_ADDRESS = re.compile(r"<[^<>]*@[^<>]*>|\S+@\S+")
_URL = re.compile(r"https?://(?:www\.)?|^www\.")


def plain(text: str | None) -> str:
    """Text without trademark signs, control, format and bidirectional characters, in compatibility form, one space
    between words. Case and accents stay. At most `LONGEST_TEXT` characters of it are looked at."""
    if not text:
        return ""
    text = text[:LONGEST_TEXT]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _TRADEMARKS.sub("", text))
    if "(" in text:
        text = _TRADEMARKS.sub("", text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c in _BREAKS else "" for c in text)
    return " ".join(text.split())


def fold(text: str | None) -> str:
    """`plain`, in lower case and without accents: the form in which titles and publishers are compared."""
    text = plain(text).lower()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.combining(c)).translate(_LETTERS)
    return unicodedata.normalize("NFC", text)


def tokens(folded: str) -> list[str]:
    """Words of a folded text: letters and digits with inner dots (`24.001`, `node.js`), and `+`/`#` behind (`c++`)."""
    return _TOKEN.findall(folded)


def title_key(title: str | None) -> str:
    """The key of a title: its words. `7-Zip 24.08 (x64)` and `7-zip  24.08 x64` have the same."""
    folded = fold(title)
    return " ".join(tokens(folded)) or folded


@lru_cache(maxsize=200_000)
def vendor_key(publisher: str | None) -> str:
    """The key of a publisher: its words without legal forms (`Adobe Systems Incorporated` is `adobe`)."""
    folded = fold(publisher)
    if folded.startswith(("cn=", "o=")):
        # The subject of a certificate, as AppX packages name their publisher.
        folded = (_ORGANIZATION.search(folded) or _COMMON_NAME.search(folded) or _ANY.match(folded)).group(1)  # type: ignore[union-attr]
    elif _COPYRIGHT.match(folded):
        folded = _RIGHTS.sub("", _YEARS.sub("", _COPYRIGHT.sub("", folded, count=1)))
        folded = _DIVISION.sub("", folded)
    folded = _URL.sub("", _ADDRESS.sub("", folded))
    folded = _INITIALS.sub(lambda m: m.group().replace(".", ""), folded)
    words = [w.strip(".") for w in tokens(folded.replace("&", " and ").replace("'", "").replace("/", " "))]
    kept = [w for w in words if w not in _LEGAL]
    return "".join(kept or words)


def slug(text: str) -> str:
    """A readable identifier part: lower-case ASCII words joined by dashes."""
    folded = fold(text).replace("+", " plus ").replace("#", " sharp ")
    return re.sub(r"[^a-z0-9\u0080-\uffff]+", "-", folded).strip("-")


# What UTF-8 looks like when it was read as Windows-1252 or Latin-1, and the replacement character.
_MOJIBAKE = re.compile(
    "\ufffd|Ã[\u0080-\u00bf\u0192\u201a-\u203a\u0152\u0160\u017d]|Â[\u00a0-\u00bf](?![\u00c0-\u00ff])|â€|ï»¿|Ð[\u0080-\u00bf\u2018-\u203a]|å[\u0080-\u00bf\u0152-\u2122]{2}"
    "|\u951f\u65a4\u62f7|\\?{3,}"
)


def is_mojibake(text: str | None) -> bool:
    """True when the text was read in a wrong codepage somewhere on its way, so that its letters cannot be trusted."""
    return bool(text) and (not text.isascii() or "???" in text) and _MOJIBAKE.search(text[:LONGEST_TEXT]) is not None
