"""Folding: what counts as the same publisher, title and pattern."""

from __future__ import annotations

import pytest

from inventory_pipeline.catalog.folding import is_mojibake, slug, title_key, vendor_key
from inventory_pipeline.catalog.rules import compile_pattern


@pytest.mark.parametrize(
    "same",
    [
        ("Adobe Systems Incorporated", "ADOBE SYSTEMS, INC.", "Adobe", "Adobe Inc"),
        ("Microsoft Corporation", "Microsoft®", "Microsoft Corp."),
        ("JetBrains s.r.o.", "JetBrains", "JetBrains S.R.O"),
        ("Igor Pavlov", "igor  pavlov"),
        ("Dassault Systèmes SolidWorks Corp", "Dassault Systemes SolidWorks Corp."),
        ("Hewlett-Packard Company", "Hewlett Packard"),
        ("Compressor 3.5.3, © 2011 Apple Inc.", "2.0, Copyright 2005-2017 Apple. All rights reserved.", "Apple Inc."),
        ("Developer ID Application: Docker Inc (9BNSXJN65R)", "Docker Inc"),
        ("1.0, ©1999-2004 Roxio, a division of Sonic Solutions", "Roxio"),
    ],
)
def test_publishers_that_are_the_same(same: tuple[str, ...]) -> None:
    assert len({vendor_key(publisher) for publisher in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Software AG", "AG"),
        ("The Company", "Other"),
        ("Box, Inc.", "Dropbox, Inc."),
        ("MyCo, 2019 edition", "edition"),
    ],
)
def test_publishers_that_are_not(one: str, other: str) -> None:
    assert vendor_key(one) and vendor_key(one) != vendor_key(other)


def test_title_keys() -> None:
    assert title_key("7-Zip 24.08 (x64)") == title_key("7-zip  24.08 x64")
    assert title_key("C++") != title_key("C#") != title_key("C")
    assert title_key(".NET Framework") != title_key("Net Framework")
    assert slug("Visual C++ Redistributable") == "visual-c-plus-plus-redistributable"


@pytest.mark.parametrize(
    ("pattern", "title", "matches"),
    [
        ("Widget *", "widget 3", True),
        ("Widget *", "widgets 3", False),
        ("Widget {year}*", "widget 2021 pro", True),
        ("Widget {year}*", "widget 21 pro", False),
        ("Würfel?", "wurfel2", True),
        ("/widget (one|two)/", "Widget two", True),
        ("Widget (KB*)", "widget (kb123)", True),
        ("W.dget*", "widget", False),
    ],
)
def test_patterns(pattern: str, title: str, matches: bool) -> None:
    regex, anchor = compile_pattern(pattern)
    assert (regex.fullmatch(title) is not None) is matches
    if matches and anchor:
        assert anchor in title_key(title).split()


def test_mojibake_is_told_from_accents() -> None:
    for text in ("MÃ¼nchen", "Ã©dition", "Caf\ufffd", "itâ€™s"):
        assert is_mojibake(text), text
    for text in ("München", "édition", "Café", "ÅÄÖ Tools", "São Paulo", "Ã", "日本語", "Česká verze", "Really??"):
        assert not is_mojibake(text), text
