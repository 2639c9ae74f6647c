"""The work list: what is one entry, and how it comes back from spreadsheets that mangled it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.catalog.reading import read_rows
from inventory_pipeline.catalog.site_files import checked, with_rows
from inventory_pipeline.catalog.spreadsheet import guarded, unguarded
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.normalization.accepting import Accepted, read_accepted
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline.normalization.trial import try_rules
from inventory_pipeline.normalization.worklist import SHEET_COLUMNS, Entry, rule_title, sheet, work_list
from inventory_pipeline_tests.normalization.conftest import statements


def row(title: str, publisher: str = "", version: str = "", devices: int = 1, **more: Any) -> dict[str, Any]:
    """A row of `unidentified_software`."""
    return {
        "raw_title": title,
        "raw_publisher": publisher,
        "raw_version": version,
        "devices": devices,
        "records": devices,
        "suggestion_vendor": None,
        "suggestion_title": None,
        "confidence": 0.0,
        "evidence": "",
        **more,
    }


FROB: dict[str, Any] = {"suggestion_vendor": "Frob", "suggestion_title": "Frob Deluxe"}
UNKNOWN = [
    row("Frob Deluxe 3.2.1 (x64)", "Frob, Inc.", "3.2.1", 5, confidence=0.8, **FROB),
    row("Frob Deluxe 3.3.0 (x64)", "FROB Inc", "3.3.0", 7, confidence=0.9, **FROB),
    row("=cmd|' /C calc'!A0", "+Evil", "1E5", 3),
    row("Acrobt Reader", "Adobe", "1", 2, suggestion_vendor="Adobe", suggestion_title="Acrobt Reader", confidence=0.5),
    row("'quoted'", "-", "", 1),
    row("Überwachung; Größe", "Müller, Söhne & Co", "1,5", 1),
]  # fmt: skip


def entries() -> dict[str, Entry]:
    return {entry.key: entry for entry in work_list(UNKNOWN)}


def filled(fill: Callable[[dict[str, str]], None], folder: Path, mangle: Callable[[str], bytes] | None = None) -> Path:
    """The exported file as an analyst filled it in and a spreadsheet saved it."""
    rows = list(csv.DictReader(io.StringIO(sheet(list(entries().values())).decode("utf-8-sig"))))
    for cells in rows:
        fill(cells)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, SHEET_COLUMNS, delimiter=";" if mangle else ",")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / "filled.csv"
    path.write_bytes(mangle(text.getvalue()) if mangle else text.getvalue().encode())
    return path


def decide(cells: dict[str, str]) -> None:
    """What an analyst would do with each entry."""
    if "Frob" in cells["publisher"] or "FROB" in cells["publisher"]:
        cells["action"] = "Accept"
    elif "Acrobt" in cells["title"]:
        cells["product"] = "Acrobat Reader"
    elif "cmd" in cells["title"]:
        cells["action"] = "IGNORE"
    elif "Größe" in cells["title"] or "Gr" in cells["title"]:
        cells["vendor"], cells["product"], cells["licensable"] = "Müller", "Überwachung", "Licensed"


def accepted(path: Path, catalog: Catalog) -> Accepted:
    return read_accepted(read_rows(path), entries(), catalog, "2026-11-26")


def test_entries_are_ranked_and_grouped() -> None:
    found = work_list(UNKNOWN)
    assert [(e.devices, e.titles[0]) for e in found][:2] == [(12, "Frob Deluxe 3.3.0 (x64)"), (3, "=cmd|' /C calc'!A0")]
    frob = found[0]
    assert frob.rule_titles == ("Frob Deluxe {version} (x64)",)
    assert (frob.confidence, frob.suggestion_title, frob.versions) == (0.9, "Frob Deluxe", ("3.3.0", "3.2.1"))
    assert [e.key for e in work_list(reversed(UNKNOWN))] == [e.key for e in found]
    assert all(e.key.startswith("u-") for e in found)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Widget 3.2.1 (x64)", "Widget {version} (x64)"),
        ("Widget v1.2-beta3", "Widget {version}"),
        ("Office 2013", "Office 2013"),
        ("Widget 8", "Widget 8"),
        ("A*B 1.2", "A*B 1.2"),
        ("1.2.3", "1.2.3"),
        ("Node.js 18.1", "Node.js {version}"),
        ("Runtime 1.2 - 3.4", "Runtime {version} - {version}"),
    ],
)
def test_versions_in_titles_become_placeholders(title: str, expected: str) -> None:
    assert rule_title(title) == expected


@pytest.mark.parametrize("text", ["=1+1", "+x", "-", "@a", "'quoted'", "'=x", "plain", "", "''", "\tx"])
def test_guarded_cells_come_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).lstrip().startswith(("=", "+", "-", "@")) or not text


def test_no_cell_runs_as_a_formula() -> None:
    rows = csv.reader(io.StringIO(sheet(list(entries().values())).decode("utf-8-sig")))
    for cells in rows:
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def shuffled(text: str) -> str:
    """The same table with its rows sorted by another column, its columns in another order, and the headings spaced."""
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    columns = sorted(SHEET_COLUMNS)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.replace("_", " ").title() for column in columns])
    for cells in sorted(rows, key=lambda r: r["evidence"] + r["key"]):
        # Spreadsheets turn versions into numbers and dates, and numbers into local ones.
        cells["versions"], cells["confidence"] = "1E+05", cells["confidence"].replace(".", ",")
        writer.writerow([cells[column] for column in columns])
    return out.getvalue() + ";" * (len(columns) - 1) + "\r\n"


MANGLES: dict[str, Callable[[str], bytes]] = {
    "semicolons": lambda text: text.encode(),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "ansi": lambda text: text.encode("cp1252"),
    "shuffled": lambda text: shuffled(text).encode("utf-8-sig"),
    "tabs": lambda text: text.replace(";", "\t").encode("utf-16") if "Größe;" not in text else text.encode(),
    "apostrophes dropped": lambda text: text.replace(";'=", ";=").replace(";'+", ";+").encode(),
}


@pytest.mark.parametrize("mangle", MANGLES.values(), ids=MANGLES)
def test_the_round_trip_survives_spreadsheets(mangle: Callable[[str], bytes], tmp_path: Path, catalog: Catalog) -> None:
    made = accepted(filled(decide, tmp_path, mangle), catalog)
    assert (made.accepted, made.corrected, made.ignored, made.notes) == (1, 2, 1, [])
    site = tmp_path / "site"
    after = checked(site, with_rows(site, {"site_products": made.products, "site_rules": made.rules}))
    rows = [{"title": r["raw_title"], "publisher": r["raw_publisher"], "version": r["raw_version"]} for r in UNKNOWN]
    found = normalize_software(statements(rows), after).to_pylist()
    assert [f["product_id"] for f in found] == [
        "frob/frob-deluxe",
        "frob/frob-deluxe",
        None,
        "adobe/acrobat-reader",
        None,
        "muller/uberwachung",
    ]
    assert [f["decided_by"] for f in found] == ["site_rule"] * 4 + ["parsed", "site_rule"]
    assert found[5]["licensable"] == "licensed"
    other = normalize_software(
        statements([{"title": "Frob Deluxe 9.9 (x64)", "publisher": "Evil"}]), after
    ).to_pylist()[0]
    assert other["decided_by"] != "site_rule", "a rule of one publisher is not one for another"


def test_verdicts_say_what_was_right(tmp_path: Path, catalog: Catalog) -> None:
    made = accepted(filled(decide, tmp_path), catalog)
    by_title = {entries()[key].titles[0]: verdict for key, verdict in made.verdicts.items()}
    assert by_title["Frob Deluxe 3.3.0 (x64)"].accepted and by_title["Frob Deluxe 3.3.0 (x64)"].confidence == 0.9
    assert not by_title["Acrobt Reader"].accepted


def test_what_is_wrong_is_named_by_line_and_nothing_is_taken(tmp_path: Path, catalog: Catalog) -> None:
    def wrong(cells: dict[str, str]) -> None:
        if "cmd" in cells["title"]:
            cells["action"] = "accept"
        elif "Acrobt" in cells["title"]:
            cells["action"] = "delete"
        elif "FROB" in cells["publisher"] or "Frob" in cells["publisher"]:
            cells["product"], cells["kind"] = "Frob", "gadget"

    with pytest.raises(ConfigurationError) as caught:
        accepted(filled(wrong, tmp_path), catalog)
    text = str(caught.value)
    assert "filled.csv:2: kind 'gadget' is unknown" in text
    assert "filled.csv:3: there is no vendor and product; fill the columns." in text
    assert "filled.csv:4: action 'delete' is unknown" in text


def test_what_was_decided_before_or_is_unknown_is_said(tmp_path: Path, catalog: Catalog) -> None:
    path = filled(decide, tmp_path)
    made = accepted(path, catalog)
    site = tmp_path / "site"
    after = checked(site, with_rows(site, {"site_products": made.products, "site_rules": made.rules}))
    again = accepted(path, after)
    assert (again.rules, again.products, len(again.notes)) == ([], [], 4)
    assert "decided before" in again.notes[0]
    path.write_text("action,key\nignore,u-nothing\n")
    assert "u-nothing is not in the work list" in accepted(path, catalog).notes[0]
    path.write_text("vendor,product\nAcme,Widget\n")
    with pytest.raises(ConfigurationError, match="has not the columns action and key"):
        accepted(path, catalog)


def test_trial_shows_what_rules_would_change(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "site_rules.csv").write_text(
        "rule_id,title,product_id,action\nours,Frob Deluxe*,adobe/acrobat-reader,\nnever,Nothing Such,adobe/acrobat,\n"
        "off,Google Chrome,,ignore\n"
    )
    rows = [*UNKNOWN, row("Google Chrome", "Google LLC", "1", 9), row("Mozilla Firefox", "Mozilla", "1", 9)]
    trial = try_rules(rows, catalog, load_catalog(tmp_path))
    assert [(c.title, c.before, c.after, c.rule_id) for c in trial.changes] == [
        ("Google Chrome", "Google Chrome (1.x)", "ignored", "off"),
        ("Frob Deluxe 3.3.0 (x64)", "unidentified", "Adobe Acrobat Reader (3)", "ours"),
        ("Frob Deluxe 3.2.1 (x64)", "unidentified", "Adobe Acrobat Reader (3)", "ours"),
    ]
    assert trial.rule_hits == {"ours": 2, "never": 0, "off": 1}
    assert trial.statements == len(rows)
