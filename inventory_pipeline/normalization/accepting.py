"""From a work list that an analyst has filled in to rows of site rules and site products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inventory_pipeline.catalog.folding import slug, title_key, vendor_key
from inventory_pipeline.catalog.model import Catalog, Kind, Licensable
from inventory_pipeline.catalog.reading import Problems, Row
from inventory_pipeline.normalization.curation.learning import Verdict
from inventory_pipeline.normalization.worklist import SHEET_COLUMNS, Entry, is_pattern

_ACTIONS = {
    **dict.fromkeys(("accept", "a", "yes", "y", "ok", "x"), "accept"),
    **dict.fromkeys(("correct", "c"), "correct"),
    **dict.fromkeys(("ignore", "i"), "ignore"),
}
_NEEDED = ("action", "key")


@dataclass(slots=True)
class Accepted:
    """What a filled-in work list says: rows for `site_products` and `site_rules`, and the verdicts on suggestions by
    entry. `notes`: lines that led to nothing, with the reason."""

    products: list[dict[str, str]] = field(default_factory=list)
    rules: list[dict[str, str]] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    accepted: int = 0
    corrected: int = 0
    ignored: int = 0


def read_accepted(rows: Sequence[Row], entries: Mapping[str, Entry], catalog: Catalog, day: str) -> Accepted:
    """What the rows of a work list decide.

    `entries`: the work list of the release, by key: what the rules are made of, since cells that are only to read may
    have been changed by a spreadsheet. `day`: the date in the notes of what is written. Of two rows about one entry
    the first counts. Raises ConfigurationError with the line of everything that is not usable.
    """
    problems = Problems()
    made = Accepted()
    if rows and any(column not in rows[0].values for column in _NEEDED):
        problems.add(
            rows[0].file, f"has not the columns {' and '.join(_NEEDED)}; known are {', '.join(SHEET_COLUMNS)}."
        )
        problems.raise_any("work list")
    known_rules = {rule.rule_id for rule in catalog.site_rules}
    new_products: dict[str, dict[str, str]] = {}
    for row in rows:
        action = _action(row, problems)
        if action is None:
            continue
        entry = entries.get(row["key"])
        if entry is None:
            made.notes.append(
                f"{row.where}: {row['key'] or 'this entry'} is not in the work list of the newest release."
            )
        elif f"{entry.key}-1" in known_rules or entry.key in made.verdicts:
            made.notes.append(f"{row.where}: {entry.titles[0]} has been decided before.")
        elif action == "ignore":
            made.rules += _rules(entry, "", row, day, "ignore")
            made.verdicts[entry.key] = Verdict(entry.confidence, False)
            made.ignored += 1
        else:
            _take(action, row, entry, catalog, new_products, made, problems, day)
    problems.raise_any("work list")
    made.products = list(new_products.values())
    return made


def _action(row: Row, problems: Problems) -> str | None:
    said = row["action"].strip().lower()
    if not said:
        return "correct" if row["vendor"] or row["product"] else None
    action = _ACTIONS.get(said)
    if action is None:
        problems.add(row.where, f"action {row['action']!r} is unknown; known are accept, correct, ignore.")
    return action


def _take(
    action: str,
    row: Row,
    entry: Entry,
    catalog: Catalog,
    new_products: dict[str, dict[str, str]],
    made: Accepted,
    problems: Problems,
    day: str,
) -> None:
    vendor = row["vendor"] or entry.suggestion_vendor
    title = row["product"] or entry.suggestion_title
    if action == "correct" and not (row["vendor"] or row["product"]):
        problems.add(row.where, "to correct, fill vendor or product.")
        return
    if not vendor or not title:
        missing = " and ".join(n for n, v in (("vendor", vendor), ("product", title)) if not v)
        problems.add(row.where, f"there is no {missing}; fill the column{'s' if ' and ' in missing else ''}.")
        return
    wrong = [
        f"{column} {row[column]!r} is unknown; known are {', '.join(values)}."
        for column, values in (("kind", Kind), ("licensable", Licensable))
        if row[column] and row[column].lower() not in set(values)
    ]
    if wrong:
        for message in wrong:
            problems.add(row.where, message)
        return
    product_id = find_product(catalog, vendor, title)
    if not product_id:
        product_id = f"{slug(vendor)}/{slug(title)}"
        new_products.setdefault(
            product_id,
            {
                "product_id": product_id,
                "vendor": catalog.vendor_of(vendor) or vendor,
                "title": title,
                "kind": row["kind"].lower(),
                "licensable": row["licensable"].lower(),
                "note": f"accepted {day}",
            },
        )
    made.rules += _rules(entry, product_id, row, day, "")
    same = (vendor_key(vendor), title_key(title)) == (
        vendor_key(entry.suggestion_vendor),
        title_key(entry.suggestion_title),
    )
    if entry.suggestion_title:
        made.verdicts[entry.key] = Verdict(entry.confidence, same)
    made.accepted += same
    made.corrected += not same


def find_product(catalog: Catalog, vendor: str, title: str) -> str:
    """Id of the product of that vendor and title in the catalog, however they are spelled; empty without one."""
    known = catalog.vendor_of(vendor) or vendor
    for product_id in catalog.titles.get(title_key(title), ()):
        product = catalog.products[product_id]
        if product.vendor == known or product.vendor_key == vendor_key(vendor):
            return product_id
    product_id = f"{slug(known)}/{slug(title)}"
    return product_id if product_id in catalog.products else ""


def _rules(entry: Entry, product_id: str, row: Row, day: str, action: str) -> list[dict[str, str]]:
    publisher = entry.publisher if vendor_key(entry.publisher) else ""
    exact = "publisher_title" if publisher else "title"
    return [
        {
            "rule_id": f"{entry.key}-{number}",
            "priority_class": "pattern" if is_pattern(title) else exact,
            "publisher": publisher,
            "title": title,
            "product_id": product_id,
            "edition": row["edition"],
            "kind": row["kind"].lower() if product_id else "",
            "action": action,
            "note": row["note"] or f"accepted {day}",
        }
        for number, title in enumerate(entry.rule_titles, 1)
    ]
