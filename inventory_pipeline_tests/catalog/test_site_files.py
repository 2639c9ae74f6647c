"""Adding rows to a site's files: what is in them stays, whatever saved them last."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.site_files import checked, with_rows, write_files
from inventory_pipeline.errors import ConfigurationError

RULE = {
    "rule_id": "new",
    "title": "Würfel, groß",
    "product_id": "acme/widget",
    "publisher": "=Acme",
    "action": "normalize",
}
PRODUCTS = {"site_products": [{"vendor": "Acme", "title": "Widget"}]}


def added(folder: Path, **files: list[dict[str, str]]) -> None:
    write_files(with_rows(folder, {**PRODUCTS, **files} if not (folder / "site_products.csv").exists() else files))


def test_new_files_are_for_spreadsheets(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    added(folder, site_rules=[RULE])
    content = (folder / "site_rules.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfrule_id,") and b"\r\n" in content
    assert b"'=Acme" in content, "a cell that would run as a formula is guarded"
    rule = load_catalog(folder).site_rules[0]
    assert (rule.title, rule.publisher) == ("Würfel, groß", "=Acme")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_join_files_as_they_are(encoding: str, delimiter: str, tmp_path: Path) -> None:
    lines = [
        "# unsere Regeln",
        delimiter.join(("Rule ID", "Title", "Product ID")),
        delimiter.join(("old", "Größe", "acme/widget")),
    ]
    (tmp_path / "site_rules.csv").write_bytes("\r\n".join(lines).encode(encoding))
    added(tmp_path, site_rules=[RULE])
    rules = {rule.rule_id: rule for rule in load_catalog(tmp_path).site_rules}
    assert rules["old"].title == "Größe" and rules["new"].title == "Würfel, groß"
    text = (tmp_path / "site_rules.csv").read_bytes().decode(encoding)
    assert text.startswith("# unsere Regeln\r\n") and text.count("\r\n") == 4
    assert text.splitlines()[2] == lines[2], "rows that were there are not rewritten"


def test_yaml_gets_entries(tmp_path: Path) -> None:
    (tmp_path / "site_rules.yaml").write_text("# ours\n- rule_id: old\n  title: Wdgt\n  product_id: acme/widget")
    added(tmp_path, site_rules=[RULE | {"note": 'a "quoted" # note: yes'}])
    assert (tmp_path / "site_rules.yaml").read_text().startswith("# ours\n- rule_id: old\n")
    rules = {rule.rule_id: rule for rule in load_catalog(tmp_path).site_rules}
    assert rules["new"].note == 'a "quoted" # note: yes' and "old" in rules


def test_what_would_be_wrong_is_told_before_anything_is_written(tmp_path: Path) -> None:
    added(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files = with_rows(tmp_path, {"site_rules": [RULE | {"product_id": "acme/nothing"}]})
    with pytest.raises(ConfigurationError, match=r"site_rules\.csv:2.*'acme/nothing' is not in the catalog"):
        checked(tmp_path, files)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
