"""The whole way by the command: consolidate with auto-curation, take the work list out and back, see what changed."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from pathlib import Path

import pytest

from inventory_pipeline_tests.orchestration.estates import configured, give_devices
from inventory_pipeline_tests.test_cli import inventory

CONFIG = """
    data_dir: data
    catalog: {site_folder: site, build_folder: build}
    curation: {threshold: 0.7}
    connectors:
      - name: Branch Files
        type: file_upload
        folder: branch
        settle_seconds: 0
"""
SOFTWARE = [
    ("0", "7-Zip 23.01 (x64)", "Igor Pavlov", "23.01"),
    ("0", "Frobnicator Deluxe 3.2.1", "Frob Software, Inc.", "3.2.1"),
    ("1", "Frobnicator Deluxe 3.3.0", "Frob Software, Inc.", "3.3.0"),
    ("0", "wpsappext1", "", ""),
    ("1", "Obscurity 2", "", "2"),
]


def done(folder: Path, *arguments: str) -> str:
    result: subprocess.CompletedProcess[str] = inventory(folder, *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curated")
    configured(folder, CONFIG)
    (folder / "site").mkdir()
    give_devices(folder / "branch", "ALPHA", "BETA")
    lines = ["Device ID,Display Name,Publisher,Version", *(f'{d},{t},"{p}",{v}' for d, t, p, v in SOFTWARE)]
    (folder / "branch" / "software.csv").write_text("\n".join(lines) + "\n")
    done(folder, "sync", "--all")
    return folder


def figures(folder: Path) -> dict[str, int]:
    """The row of the summary about software."""
    text = done(folder, "sql", "select * from summary where section = 'software'", "--csv")
    row = next(csv.DictReader(io.StringIO(text)))
    return {name: int(value) for name, value in row.items() if name != "section"}


def test_auto_curation_is_off_until_a_run_asks_for_it(estate: Path) -> None:
    done(estate, "consolidate")
    plain = figures(estate)
    assert (plain["normalized_records"], plain["ai_assisted_records"], plain["not_normalized_records"]) == (1, 0, 4)
    done(estate, "consolidate", "--run-ai-action")
    curated = figures(estate)
    assert (curated["normalized_records"], curated["ai_assisted_records"], curated["ai_assisted_products"]) == (1, 2, 1)
    assert curated["not_normalized_records"] == 2
    decided = done(estate, "sql", "select distinct decided_by, rule_id from software_decision order by 1", "--csv")
    assert re.search(r"model,model:[0-9a-f]{8}", decided)
    assert "Frobnicator Deluxe" in done(estate, "explain", "product", "Frobnicator Deluxe")


def test_work_list_out_and_back(estate: Path) -> None:
    done(estate, "consolidate")
    listed = done(estate, "unidentified", "list")
    assert "Frobnicator Deluxe" in listed and listed.index("Frobnicator") < listed.index("wpsappext1")
    sheet = estate / "unknown.csv"
    assert "3 entries" in done(estate, "unidentified", "export", str(sheet))
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8-sig"))))
    for row in rows:
        if "Frobnicator" in row["title"]:
            row["action"] = "accept"
        elif "wpsappext1" in row["title"]:
            row["action"] = "ignore"
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, sorted(rows[0], reverse=True), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    sheet.write_bytes(text.getvalue().encode("utf-16"))
    tried = done(estate, "accept", str(sheet), "--dry-run")
    assert "3 of 5 distinct statements change" in tried and "Nothing was written" in tried
    assert list((estate / "site").iterdir()) == []
    assert "1 accepted, 0 corrected, 1 ignored: 2 rules, 1 new products" in done(estate, "accept", str(sheet))
    assert "decided before" in done(estate, "accept", str(sheet))
    assert "1 site products and 2 site rules are usable; 0 remarks." in done(estate, "catalog", "check")
    assert "3 of 5 distinct statements change" in done(estate, "catalog", "test")
    done(estate, "consolidate", "--run-ai-action")
    after = figures(estate)
    assert (after["normalized_records"], after["ai_assisted_records"], after["ignored_records"]) == (3, 0, 1)
    assert after["not_normalized_records"] == 1


def test_rules_are_tried_before_they_are_used(estate: Path, tmp_path: Path) -> None:
    rules = tmp_path / "mine.csv"
    rules.write_text(
        "rule_id,title,product_id,action\nmine,Obscurity*,adobe/acrobat,\nvoid,Nothing Such,adobe/acrobat,\n"
    )
    tried = done(estate, "catalog", "test", "--rules", str(rules))
    assert re.search(r"Obscurity 2 +unidentified +Adobe Acrobat .*mine", tried)
    assert "Rules that decide nothing: void." in tried
    rules.write_text("rule_id,title,product_id\nmine,Obscurity*,adobe/none\n")
    wrong = inventory(estate, "catalog", "test", "--rules", str(rules))
    assert wrong.returncode == 2 and "site_rules.csv:2: product_id 'adobe/none' is not in the catalog" in wrong.stderr


def test_the_catalog_is_shown_and_explained(estate: Path) -> None:
    shown = done(estate, "catalog", "show")
    assert all(what in shown for what in ("products (curated)", "device vendors", "processors with cores"))
    product = done(estate, "catalog", "show", "microsoft/office")
    assert "Office LTSC" in product and "supported until 2026-10-13" in product
    assert "succeeds       BEA Systems (acquired, 2008)" in done(estate, "catalog", "show", "oracle/database")
    assert "adobe/acrobat-reader" in done(estate, "catalog", "search", "acrobat", "reader")
    assert "Microsoft 365 E5" in done(estate, "catalog", "search", "spe_e5")
    assert "Windows 11 23H2" in done(estate, "catalog", "search", "22631")
    explained = done(estate, "catalog", "explain", "Google Chrome", "--publisher", "Google LLC")
    assert "google/chrome" in explained and "the publisher agrees" in explained
    carbon = done(estate, "catalog", "device", "20QES03G00", "--manufacturer", "LENOVO")
    assert "ThinkPad X1 Carbon 7th" in carbon and "device type        laptop" in carbon
    epyc = done(estate, "catalog", "processor", "AMD EPYC 7742 64-Core Processor")
    assert "family             EPYC" in epyc and "cores per socket   64" in epyc
    nobody = inventory(estate, "catalog", "show", "no/body")
    assert nobody.returncode == 1 and "inventory catalog search" in nobody.stderr


def test_accepting_needs_a_folder_for_rules(tmp_path: Path) -> None:
    configured(tmp_path, CONFIG.replace("site_folder: site, ", ""))
    refused = inventory(tmp_path, "accept", "list.csv")
    assert refused.returncode == 2 and "catalog: {site_folder: catalog}" in refused.stderr
