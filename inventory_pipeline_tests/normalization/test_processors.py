"""Processors: brand strings to vendor, family and model, without speed; cores only where they are known."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from inventory_pipeline.catalog.loader import load_catalog
from inventory_pipeline.errors import ConfigurationError
from inventory_pipeline.normalization.processors import normalize_processor, normalize_processors

PROCESSORS = [
    ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", "Intel", "Core i7", "i7-1165G7", 4),
    ("Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "Intel", "Core i5", "i5-8250U", 4),
    ("Intel(R) Core(TM) Ultra 7 155H", "Intel", "Core Ultra", "7 155H", 16),
    ("Intel(R) Xeon(R) CPU E5-2640 v4 @ 2.40GHz", "Intel", "Xeon E", "E5-2640 v4", 10),
    ("Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", "Intel", "Xeon Scalable", "Gold 6130", 16),
    ("INTEL(R) XEON(R) GOLD 6526Y", "Intel", "Xeon Scalable", "Gold 6526Y", None),
    ("AMD EPYC 7702P 64-Core Processor", "AMD", "EPYC", "7702P", 64),
    ("AMD Ryzen 7 PRO 4750U with Radeon Graphics", "AMD", "Ryzen 7", "7 PRO 4750U", 8),
    ("AMD Ryzen Threadripper 3990X 64-Core Processor", "AMD", "Ryzen Threadripper", "3990X", 64),
    ("AMD Athlon(tm) 64 X2 Dual Core Processor 3800+", "AMD", "Athlon", "64 X2 3800+", 2),
    ("AMD A12-9700P RADEON R7, 10 COMPUTE CORES 4C+6G", "AMD", "A and E series", "A12-9700P", 4),
    ("Apple M1 Pro", "Apple", "M series", "M1 Pro", None),
]


@pytest.mark.parametrize("row", PROCESSORS, ids=[row[0] for row in PROCESSORS])
def test_processor(row: tuple[str, str, str, str, int | None]) -> None:
    found = normalize_processor(None, row[0])
    assert (found.vendor, found.family, found.model, found.cores_per_socket) == row[1:]


def test_speed_is_never_used() -> None:
    slow = normalize_processor("GenuineIntel", "Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz")
    fast = normalize_processor("GenuineIntel", "Intel(R) Core(TM) i5-7200U CPU @ 3.10 GHz")
    bare = normalize_processor("GenuineIntel", "Intel Core i5-7200U")
    assert slow == fast == bare


def test_vendor_alone_when_the_name_says_nothing() -> None:
    found = normalize_processor("AuthenticAMD", "Unknown")
    assert (found.vendor, found.model, found.rule_id) == ("AMD", None, "vendor:AMD")
    assert normalize_processor(None, None).vendor is None


def test_a_sites_own_rules_stand_above_shipped_facts(tmp_path: Path) -> None:
    (tmp_path / "site_processors.csv").write_text(
        "rule_id,processor,vendor,family,model,cores_per_socket\n"
        "all,Contoso *,Contoso,Custom,,\nnine,Contoso C9?00*,,Nine,,48\ncores,*i7-1165G7*,,,,2\n"
    )
    catalog = load_catalog(tmp_path)
    assert catalog.version != load_catalog().version
    table = pa.table({"vendor": [None] * 4, "name": ["CONTOSO C9100 @ 3 GHz", "Contoso X1", PROCESSORS[0][0], None]})
    nine, other, known, nothing = normalize_processors(table, catalog.processor_rules).to_pylist()
    assert (nine["family"], nine["cores_per_socket"], nine["rule_id"]) == ("Nine", 48, "site:nine")
    assert (other["vendor"], other["family"], other["rule_id"]) == ("Contoso", "Custom", "site:all")
    assert (known["model"], known["cores_per_socket"], known["rule_id"]) == ("i7-1165G7", 2, "site:cores")
    assert nothing == normalize_processors(table).to_pylist()[3]


def test_mistakes_in_rules_about_processors_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "site_processors.csv").write_text(
        "rule_id,processor,vendor,cores_per_socket\na,*,Contoso,\nb,X,,\nc,X,,many\nd,X,Y,\nd,Z,Y,\n"
    )
    with pytest.raises(ConfigurationError) as raised:
        load_catalog(tmp_path)
    said = str(raised.value)
    for line, what in ((2, "processor is missing"), (3, "says nothing"), (4, "'many'"), (6, "used before")):
        assert any(f"site_processors.csv:{line}: " in part and what in part for part in said.splitlines())
