"""Quality of device models on real DMI strings that were held out when the facts they are judged by were built.

python benchmarks/device_models.py linuxhw_models.tsv.gz
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from inventory_pipeline.catalog.build_devices import is_held_out, lenovo_rows
from inventory_pipeline.catalog.devices import DeviceFacts, device_facts
from inventory_pipeline.catalog.folding import fold, vendor_key
from inventory_pipeline.normalization.devices import normalize_model

_DECORATION = re.compile(r"[\W_]+|\b(?:notebook|laptop|desktop|convertible|tablet) pc\b|\bnotebook\b(?= |$)")


def _same(text: str | None) -> str:
    return re.sub(r"[\W_]+", "", _DECORATION.sub(" ", fold(text)))


def score_models(path: Path) -> None:
    """Prints how often vendor and model are those of linux-hardware.org, which also looks at board and version.

    Judged are distinct strings, a fifth of all: first with machine types built from the other four fifths, as new
    machines would be read, then with the shipped ones. A row counts when manufacturer and model are no placeholders,
    because the board is not among our inputs; rows with placeholders must give no wrong vendor. Lenovo's model number
    behind the name is not asked for.
    """
    shipped = device_facts()
    learned = dict(lenovo_rows(path, without_held_out=True))
    for title, facts in (("held out", replace(shipped, machine_types=learned)), ("shipped", shipped)):
        print(title)
        _score(path, facts)


def _score(path: Path, facts: DeviceFacts) -> None:
    seen: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    wrong: Counter[tuple[str, str, str]] = Counter()
    of_vendor: Counter[str] = Counter()
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE):
            key = row["manufacturer"], row["product_name"]
            if key in seen or not is_held_out(row["product_name"]):
                continue
            seen.add(key)
            found = normalize_model(*key, row["chassis_type"], facts=facts)
            if facts.placeholders["manufacturer"].fullmatch(fold(key[0])):
                counts["placeholder"] += 1
                counts["placeholder_unknown"] += found.vendor is None or _expected(row["cvendor"]) == found.vendor
                continue
            counts["rows"] += 1
            vendor_right = _expected(row["cvendor"]) == found.vendor or vendor_key(row["cvendor"]) == vendor_key(
                found.vendor
            )
            counts["vendor"] += vendor_right
            if facts.placeholders["model"].fullmatch(fold(key[1])) or row["cmodel"] == "Others":
                continue
            counts["models"] += 1
            wanted = row["cmodel"].removesuffix(row["product_name"]).strip() or row["cmodel"]
            names = {_same(wanted), _same(row["cmodel"]), _same(_without_vendor(row["cmodel"], found.vendor))}
            if found.rule_id.startswith("apple:"):
                names.add(_same(found.model))
            right = vendor_right and _same(found.model) in names
            counts["model"] += right
            if not right:
                of_vendor[row["cvendor"]] += 1
                wrong[(row["cvendor"], wanted, found.model or "")] += 1
    print(f"vendors  {counts['vendor']:,} of {counts['rows']:,}: {counts['vendor'] / counts['rows']:.2%}")
    print(f"models   {counts['model']:,} of {counts['models']:,}: {counts['model'] / counts['models']:.2%}")
    print(f"placeholders without a wrong vendor {counts['placeholder_unknown']:,} of {counts['placeholder']:,}")
    print(f"wrong models by vendor: {dict(of_vendor.most_common(12))}")
    for (vendor, wanted, model), times in wrong.most_common(15):
        print(f"  {times:>4} {vendor}: {wanted!r} was taken for {model!r}")


def _expected(vendor: str) -> str | None:
    return device_facts().vendors.get(vendor_key(vendor))


def _without_vendor(model: str, vendor: str | None) -> str:
    return model[len(vendor) :].strip() if vendor and fold(model).startswith(fold(vendor) + " ") else model


if __name__ == "__main__":
    score_models(Path(sys.argv[1]))
