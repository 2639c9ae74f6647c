"""Whatever a source sends: no value raises, and the same values give the same decisions in any order and company."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_pipeline.catalog.folding import fold, plain, tokens
from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.cleaning import fold_column
from inventory_pipeline.normalization.decision import DECISION_SCHEMA
from inventory_pipeline.normalization.devices import MODEL_SCHEMA, normalize_models
from inventory_pipeline.normalization.processors import PROCESSOR_SCHEMA, normalize_processors
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import Ask, statements
from inventory_pipeline_tests.normalization.test_real_titles import TITLES

HOSTILE = [
    "",
    " ",
    "\x00",
    "A" * 10_000_000,
    "(" * 100_000,
    "a " * 50_000,
    "update for " * 20_000,
    "1." * 100_000,
    "\u202eexe.tpircs\u202c",
    "Line\r\nbreak\ttab",
    "'; drop table software; --",
    '=HYPERLINK("http://example.com")',
    "\u2028\u2029\u200b\ufeff",
    "\U0001d544\U0001d55a\U0001d554\U0001d563\U0001d560 \U0001d53c\U0001d569",
    "e\u0301" * 5_000,
    "{kb} {year} * ? /regex/",
    "日本語の製品 2.0",
    "%s %d {0} \\1 $1",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_in_every_column(text: str, ask: Ask) -> None:
    found = ask(text, text, text, edition=text, product_code=text, package_family=text, source=text, origin=text)
    assert all(len(value) <= 1_000 for value in found.values() if isinstance(value, str))
    models = pa.table({"manufacturer": [text], "model": [text], "chassis_type": [text], "is_virtual": [None]})
    assert normalize_models(models).schema == MODEL_SCHEMA
    assert normalize_processors(pa.table({"vendor": [text], "name": [text]})).schema == PROCESSOR_SCHEMA


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.text(max_size=60), st.none() | st.text(max_size=30), st.none() | st.text(max_size=15)))
)
def test_any_text_gives_a_row_each(rows: list[tuple[str, str | None, str | None]], catalog: Catalog) -> None:
    clean = [
        tuple(v if v is None else v.encode("utf-8", "replace").decode("utf-8", "replace") for v in row) for row in rows
    ]
    table = statements([{"title": t, "publisher": p, "version": v} for t, p, v in clean])
    found = normalize_software(table, catalog)
    assert found.schema == DECISION_SCHEMA
    assert found.column("software_key").to_pylist() == [str(n) for n in range(len(rows))]


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet=st.characters(max_codepoint=0x17F), max_size=80))
def test_columns_fold_as_single_texts_do(text: str) -> None:
    folded, words = fold_column([text])
    assert folded == [fold(text)]
    assert words == [" ".join(tokens(fold(text)))]


@pytest.mark.parametrize(
    "text", ["Intel(R) .NET C++ 4.8 (x64)", "a\x1cb\x85c", "ASP.NET  Core\t6.0", "node.js..net", "c+.net#"]
)
def test_columns_fold_traps_as_single_texts_do(text: str) -> None:
    assert fold_column([text]) == ([fold(text)], [" ".join(tokens(fold(text)))])


def test_bidi_and_control_characters_do_not_hide_a_title(ask: Ask) -> None:
    assert ask("\u202aGoogle\u202c Chrome\x00", "Google LLC")["product_id"] == "google/chrome"
    assert plain("a\u202eb\nc") == "ab c"


def test_same_in_same_out_in_any_order_and_company(catalog: Catalog) -> None:
    rows: list[dict[str, str | None]] = [
        {"title": r["title"], "publisher": r["publisher"] or None, "version": r["version"] or None} for r in TITLES
    ]
    rows += [{"title": text[:500], "publisher": None, "version": None} for text in HOSTILE]
    whole = normalize_software(statements(rows), catalog)
    order = list(range(len(rows)))
    random.Random(7).shuffle(order)
    shuffled = normalize_software(statements(rows).take(order), catalog)
    assert shuffled.sort_by("software_key").equals(whole.sort_by("software_key"))
    for number in order[:20]:
        alone = normalize_software(statements(rows).slice(number, 1), catalog)
        assert alone.equals(whole.slice(number, 1).combine_chunks())


def test_missing_columns_and_empty_tables(catalog: Catalog) -> None:
    assert normalize_software(statements([]), catalog).schema == DECISION_SCHEMA
    keyed = pa.table({"software_key": pa.array([7]), "title": ["Google Chrome"], "publisher": ["Google LLC"]})
    assert normalize_software(keyed, catalog).column("software_key").to_pylist() == ["7"]
    assert normalize_models(pa.table({"manufacturer": pa.array([], pa.string())})).schema == MODEL_SCHEMA
    assert normalize_processors(pa.table({"name": pa.array([], pa.string())})).schema == PROCESSOR_SCHEMA
