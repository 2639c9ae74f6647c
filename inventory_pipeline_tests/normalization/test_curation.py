"""Auto-curation: calibrated on what it has not seen, sure only where it may be, and never above a rule."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.curation.calibration import calibrate, calibration_error
from inventory_pipeline.normalization.curation.curate import HIGHEST, THRESHOLD, Asked, Curation
from inventory_pipeline.normalization.curation.examples import examples, is_right
from inventory_pipeline.normalization.curation.learning import (
    Verdict,
    learned,
    read_verdicts,
    shift_of,
    with_verdicts,
)
from inventory_pipeline.normalization.decision import Decision
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import statements

FROB = Asked("Frobnicator Deluxe 3.2.1 (x64)", "Frob Software, Inc.", "3.2.1")


def curate(catalog: Catalog, *rows: Asked, threshold: float = THRESHOLD) -> list[Decision]:
    return Curation(threshold=threshold).curate(rows, catalog)


def one(catalog: Catalog, title: str, publisher: str = "", version: str = "") -> Decision:
    return curate(catalog, Asked(title, publisher, version))[0]


@pytest.fixture(scope="module")
def held_out(catalog: Catalog) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and truth for products and spellings of a part of the catalog that was taken out of it."""
    from inventory_pipeline.normalization.curation.build import judge

    sure, right = judge(list(examples(catalog, 2))[:2500])
    return sure, right


def test_confidence_is_calibrated(held_out: tuple[np.ndarray, np.ndarray]) -> None:
    sure, right = held_out
    assert calibration_error(sure, right) < 0.05
    assert len(sure) > 1500


def test_what_counts_is_right(held_out: tuple[np.ndarray, np.ndarray]) -> None:
    sure, right = held_out
    counted = sure >= THRESHOLD
    assert counted.mean() > 0.08
    assert right[counted].mean() > 0.97
    assert right[sure < 0.5].mean() < 0.4, "what is not sure is rightly not"


@pytest.mark.parametrize(
    ("title", "publisher"),
    [
        ("wpsappext1", ""),
        ("Agent", ""),
        ("{AC76BA86-1033-FF00-7760-BC15014EA700}", "Adobe"),
        ("setup.exe", "Acme Ltd"),
        ("C:\\Program Files\\Thing", "Acme Ltd"),
        ("5f2a9c0d7be14f7e", "Acme Ltd"),
        ("Setup", "Acme Ltd"),
        ("Google Chrome", "Evil Corp"),
        ("Microsoft Office Qx4711", "Microsoft Corporation"),
        ("=cmd|calc", "Evil"),
        ("Frobnicator", ""),
        ("", "Acme Ltd"),
    ],
)
def test_no_confident_nonsense(title: str, publisher: str, catalog: Catalog) -> None:
    found = one(catalog, title, publisher)
    assert (found.product_id, found.decided_by) == (None, "parsed")
    assert found.confidence < THRESHOLD


def test_a_misspelled_product_is_suggested(catalog: Catalog) -> None:
    found = one(catalog, "Adobe Acrobt Reader", "Adobe Systems")
    assert (found.suggestion_vendor, found.suggestion_title) == ("Adobe", "Acrobat Reader") or (
        found.product_id == "adobe/acrobat-reader"
    )
    assert found.evidence.startswith("Nearest in the catalog is Adobe Acrobat Reader, the publisher agrees")


@pytest.mark.parametrize(
    ("title", "publisher", "product"),
    [
        ("Phtooshop 2024", "Adobe Inc.", "Photoshop"),
        ("Adobe Ilustrator", "", "Illustrator"),
        ("Thunderbrid 115.0 (x64 en-US)", "Mozilla", "Thunderbird"),
    ],
)
def test_a_slip_of_the_pen_makes_no_product(title: str, publisher: str, product: str, catalog: Catalog) -> None:
    found = curate(catalog, Asked(title, publisher, ""), threshold=0.5)[0]
    named = found.title or found.suggestion_title
    assert named == product
    assert found.product_id is None or found.product_id in catalog.products
    assert "but for a letter" in found.evidence


def test_the_threshold_decides_what_counts(catalog: Catalog) -> None:
    confidence = curate(catalog, FROB)[0].confidence
    low, high = (curate(catalog, FROB, threshold=t)[0] for t in (confidence - 0.01, min(confidence + 0.01, 1.0)))
    assert (low.decided_by, low.product_id) == ("model", "frob-software/frobnicator-deluxe")
    assert (low.vendor, low.title, low.version, low.level) == (
        "Frob Software",
        "Frobnicator Deluxe",
        "3.2.1",
        "version",
    )
    assert low.rule_id and low.rule_id.startswith("model:")
    assert (high.decided_by, high.product_id, high.suggestion_title) == ("parsed", None, "Frobnicator Deluxe")
    assert low.confidence == high.confidence <= HIGHEST


def test_evidence_is_in_words(catalog: Catalog) -> None:
    found = curate(catalog, FROB)[0]
    assert "Vendor and title as the row states them; the publisher is stated but not known; not in the catalog." in (
        found.evidence
    )
    near = one(catalog, "Acrobat Reader Frobnicated Edition for Schools", "Adobe")
    assert len(near.evidence) <= 400 and near.evidence.endswith(".")


def test_order_and_company_play_no_part(catalog: Catalog) -> None:
    rows = [
        FROB,
        Asked("Adobe Acrobt Reader DC", "Adobe", ""),
        Asked("Gizmo Studio", "Gizmo GmbH", "2"),
        Asked("", "", ""),
    ]
    rows += [Asked(f"Thing {n}", f"Vendor {n % 3}", "") for n in range(20)]
    alone = [curate(catalog, row)[0] for row in rows]
    shuffled = list(range(len(rows)))
    random.Random(1).shuffle(shuffled)
    together = curate(catalog, *(rows[n] for n in shuffled))
    assert [together[shuffled.index(n)] for n in range(len(rows))] == alone


def test_a_rule_outranks_the_model(tmp_path: Path, catalog: Catalog) -> None:
    rows: list[dict[str, str | None]] = [{"title": FROB.title, "publisher": FROB.publisher, "version": FROB.version}]
    low = Curation(threshold=0.5)
    assert normalize_software(statements(rows), catalog, low).to_pylist()[0]["decided_by"] == "model"
    (tmp_path / "site_products.csv").write_text("product_id,vendor,title\nours/frob,Ours,Frob\n")
    for action, expected in (("normalize", "ours/frob"), ("ignore", None)):
        product = "ours/frob" if action == "normalize" else ""
        (tmp_path / "site_rules.csv").write_text(
            f"rule_id,title,product_id,action\nr,Frobnicator*,{product},{action}\n"
        )
        found = normalize_software(statements(rows), load_catalog(tmp_path), low).to_pylist()[0]
        assert (found["decided_by"], found["product_id"], found["confidence"]) == ("site_rule", expected, 1.0)


def test_rows_that_rules_decide_stay_as_they_are(catalog: Catalog) -> None:
    rows: list[dict[str, str | None]] = [
        {"title": "Google Chrome", "publisher": "Google LLC", "version": "124.0"},
        {"title": FROB.title, "publisher": FROB.publisher},
        {"title": "MÃ¼nchen", "publisher": "Acme"},
    ]
    plain = normalize_software(statements(rows), catalog)
    curated = normalize_software(statements(rows), catalog, Curation(threshold=0.5))
    assert curated.schema == plain.schema
    assert curated.column("software_key").to_pylist() == ["0", "1", "2"]
    assert [curated.slice(n, 1).to_pylist() == plain.slice(n, 1).to_pylist() for n in range(3)] == [True, False, True]


def test_corrections_teach_spellings_and_publishers(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "site_products.csv").write_text("product_id,vendor,title\nzyx/qwop,Zyx,Qwop Station\n")
    (tmp_path / "site_rules.csv").write_text(
        "rule_id,publisher,title,product_id\nr,Zed Yex Works,Blorptech Console {version},zyx/qwop\n"
    )
    site = load_catalog(tmp_path)
    assert site.vendor_of("Zed Yex Works") == "" and learned(site).vendor_of("Zed Yex Works") == "Zyx"
    found = one(site, "Blorptech Console Next", "Zed Yex Works")
    assert "Zyx Qwop Station" in found.evidence
    assert "Qwop" not in one(catalog, "Blorptech Console Next", "Zed Yex Works").evidence


def test_verdicts_move_confidence_a_little(tmp_path: Path, catalog: Catalog) -> None:
    assert shift_of([]) == 0.0
    few, many = (shift_of([Verdict(0.9, False)] * n) for n in (1, 30))
    assert many < few < 0
    assert shift_of([Verdict(0.6, True)] * 10) > 0
    assert abs(shift_of([Verdict(0.8, n % 5 != 0) for n in range(50)])) < 0.1, "as often right as was said"
    content = with_verdicts(
        with_verdicts(b"", {"u-1": Verdict(0.9, False)}, "2026-11-26"), {"u-2": Verdict(0.8, True)}, "x"
    )
    (tmp_path / "curation_feedback.csv").write_bytes(content)
    assert read_verdicts(tmp_path) == [Verdict(0.9, False), Verdict(0.8, True)]
    before, after = (Curation(shift=s).curate([FROB], catalog)[0].confidence for s in (0.0, -1.0))
    assert after < before


def test_calibration_rises_and_is_never_certain() -> None:
    rng = np.random.default_rng(1)
    odds = rng.normal(0, 2, 4000)
    truth = rng.random(4000) < 1 / (1 + np.exp(-(odds * 0.5 + 1)))
    line = calibrate(odds, truth)
    assert list(line.probability) == sorted(line.probability) and list(line.log_odds) == sorted(line.log_odds)
    assert line.probability[0] > 0 and line.probability[-1] < 1
    assert calibration_error(line.apply(odds), truth) < 0.02
    sure = calibrate(np.arange(100.0), np.ones(100, np.bool_))
    assert max(sure.probability) < 1


def test_right_is_vendor_and_title(catalog: Catalog) -> None:
    truth = catalog.products["adobe/acrobat-reader"]
    names = (truth.title, *truth.titles)
    assert is_right("Adobe Systems Incorporated", "Adobe Acrobat Reader 24.1", truth, names)
    assert not is_right("Evil", "Acrobat Reader", truth, names)
    assert not is_right("Adobe", "Acrobat", truth, ("Acrobat Reader",))
