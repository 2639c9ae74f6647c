"""Rows of entitlement files: documented defaults filled in, and what is doubtful said per record.

A record with a caveat is kept: `warning` says what somebody should look at, `error` keeps it from being published.
Facts: section "Entitlement files" of the product's documentation (mandatory values, defaults of types and dates).
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from dateutil.relativedelta import relativedelta

from inventory_pipeline.records import TABLES, ColumnType

ENTITLEMENT = TABLES["entitlement"]
DEFAULT_MONTHS = 12
_IDS = uuid.UUID("5a0b7b0e-6d5e-4d7b-9a39-0f9f3c1f6a51")
_DATES = tuple(column.name for column in ENTITLEMENT.columns if column.type is ColumnType.date)
_NUMBERS = ("quantity", "unit_cost", "total_cost")
_ISO_DATE = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:[T ]00:00(?::00)?)?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_PLACE = ("unit_key", "source_object", "source_row", "extra")

Row = dict[str, str | None]


@dataclass(slots=True)
class Judged:
    """One record in canonical columns (as text), and its caveats: heading, severity, sentence."""

    row: dict[str, object]
    caveats: list[tuple[str, str, str]] = field(default_factory=list)

    def warn(self, column: str, message: str) -> None:
        """Something that somebody should look at."""
        self.caveats.append((heading(column), "warning", message))

    def fail(self, column: str, message: str) -> None:
        """Something that keeps the record from being published."""
        self.caveats.append((heading(column), "error", message))


def heading(column: str) -> str:
    """A canonical column as the files head it: `end_date` is EndDate."""
    return "".join(word.capitalize() for word in column.split("_"))


def judge(
    rows: Iterable[Mapping[str, str | None]], *, scope: str, today: dt.date, date_format: str | None
) -> Iterator[Judged]:
    """Fills in defaults and finds caveats, row by row of one file.

    `rows` are canonical columns as text, beside their place; `scope` tells ids that are made here from those of other
    folders; `today` is the day that missing dates are filled with.
    """
    seen: Counter[str] = Counter()
    for source in rows:
        row: dict[str, object] = {name: value for name, value in source.items() if value is not None}
        judged = Judged(row)
        _identify(judged, scope, seen)
        _type(judged)
        dates = {name: _date(judged, name, date_format) for name in _DATES}
        _period(judged, dates, today)
        _amounts(judged)
        yield judged


def _identify(judged: Judged, scope: str, seen: Counter[str]) -> None:
    row = judged.row
    parent = str(row.get("parent_entitlement_id", ""))
    if re.search(r"[;,|]", parent):
        judged.fail(
            "parent_entitlement_id", "A record has one parent at most: keep one, and put the others in Comments."
        )
    if "entitlement_id" in row:
        if parent and parent == row["entitlement_id"]:
            judged.fail("parent_entitlement_id", "The record is its own parent.")
        return
    content = "\x1f".join(f"{name}={row[name]}" for name in ENTITLEMENT.column_names if name in row)
    seen[content] += 1
    row["entitlement_id"] = str(uuid.uuid5(_IDS, f"{scope}\x1f{content}\x1f{seen[content]}"))
    judged.warn(
        "entitlement_id",
        "The record has no EntitlementId; one was made of its content, so that a changed row will be a new record.",
    )


def _type(judged: Judged) -> None:
    row = judged.row
    kind = _choice(judged, "entitlement_type")
    if "entitlement_type" not in row:
        judged.fail("entitlement_type", "EntitlementType is missing: write License, Maintenance or Agreement.")
    wanted = "NA" if kind == "Agreement" else "Perpetual"
    license_type = _choice(judged, "license_type")
    if "license_type" not in row:
        row["license_type"] = wanted
    elif kind == "Agreement" and license_type not in ("NA", None):
        judged.warn("license_type", f"An agreement has the LicenseType NA, not {license_type}.")
    elif kind in ("License", "Maintenance") and license_type == "NA":
        judged.warn("license_type", f"A {kind.lower()} is Perpetual or a Subscription, not NA.")
    if kind in ("License", "Maintenance"):
        for column in ("vendor", "title"):
            if column not in row:
                judged.warn(column, f"Without {heading(column)} it cannot be set beside what is installed.")


def _choice(judged: Judged, column: str) -> str | None:
    """The declared word that a value is, whatever its case; another value is an error."""
    value = judged.row.get(column)
    if value is None:
        return None
    values = ENTITLEMENT.column(column).values
    for known in values:
        if str(value).strip().casefold() == known.casefold():
            judged.row[column] = known
            return known
    judged.fail(column, f"{heading(column)} is {str(value)[:60]!r}: write {', '.join(values[:-1])} or {values[-1]}.")
    del judged.row[column]
    return None


def _date(judged: Judged, column: str, date_format: str | None) -> dt.date | None:
    value = judged.row.get(column)
    if value is None:
        return None
    text = str(value).strip()
    found: dt.date | None = None
    try:
        if date_format:
            found = dt.datetime.strptime(text, date_format).replace(tzinfo=dt.UTC).date()
        elif match := _ISO_DATE.fullmatch(text):
            found = dt.date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 2100:
        form = f"in the form {date_format}" if date_format else "as yyyy-mm-dd or yyyy/mm/dd, between 1970 and 2100"
        judged.fail(column, f"{heading(column)} is {text[:60]!r}: write a date {form}.")
        del judged.row[column]
        return None
    judged.row[column] = found.isoformat()
    return found


def _period(judged: Judged, dates: Mapping[str, dt.date | None], today: dt.date) -> None:
    row = judged.row
    start, end = dates["start_date"], dates["end_date"]
    months = _months(judged)
    length = relativedelta(months=months)
    refused = {name for name, _, _ in judged.caveats if name in ("StartDate", "EndDate")}
    if start is None and "StartDate" not in refused:
        open_ended = row.get("license_type") == "Perpetual"
        start = today if open_ended or end is None else end - length
        row["start_date"] = start.isoformat()
    if end is None and start is not None and "EndDate" not in refused:
        end = start + length
        row["end_date"] = end.isoformat()
    if start is not None and end is not None and end < start:
        judged.fail("end_date", f"EndDate {end} lies before StartDate {start}.")
    elif dates["start_date"] and dates["end_date"] and "duration_in_months" in row:
        stated = relativedelta(dates["end_date"] + relativedelta(days=1), dates["start_date"])
        if abs(stated.years * 12 + stated.months - months) > 1:
            judged.warn("duration_in_months", f"DurationInMonths is {months}, StartDate and EndDate say otherwise.")
    row["duration_in_months"] = str(months)


def _months(judged: Judged) -> int:
    value = judged.row.get("duration_in_months")
    if value is None:
        return DEFAULT_MONTHS
    text = str(value).strip()
    if text.isascii() and text.isdigit() and 0 < int(text) <= 1200:
        return int(text)
    judged.fail("duration_in_months", f"DurationInMonths is {text[:60]!r}: write a whole number of months.")
    return DEFAULT_MONTHS


def _amounts(judged: Judged) -> None:
    row = judged.row
    amounts: dict[str, Decimal] = {}
    for column in _NUMBERS:
        if column not in row:
            continue
        amount = _number(str(row[column]))
        if amount is None:
            judged.fail(
                column, f"{heading(column)} is {str(row[column])[:60]!r}: write digits, with a point before decimals."
            )
            del row[column]
        elif amount < 0:
            judged.fail(column, f"{heading(column)} is below zero.")
        else:
            amounts[column] = amount
            row[column] = str(amount)
    if row.get("entitlement_type") == "License" and "quantity" not in row:
        judged.warn("quantity", "A license without Quantity counts for nothing.")
    if len(amounts) == len(_NUMBERS):
        product = amounts["quantity"] * amounts["unit_cost"]
        if abs(product - amounts["total_cost"]) > max(Decimal("0.01"), abs(product) / 100):
            judged.warn("total_cost", f"TotalCost is {amounts['total_cost']}, Quantity times UnitCost is {product}.")
    elif "total_cost" not in row and "quantity" in amounts and "unit_cost" in amounts:
        row["total_cost"] = str(amounts["quantity"] * amounts["unit_cost"])
    currency = str(row.get("currency", "")).strip().upper()
    if currency:
        row["currency"] = currency
        if not _CURRENCY.fullmatch(currency):
            judged.warn("currency", f"Currency is {currency[:60]!r}: write the ISO 4217 code, such as EUR.")
    elif "unit_cost" in row or "total_cost" in row:
        judged.warn("currency", "The record has costs and no Currency.")


def _number(text: str) -> Decimal | None:
    """A number with a decimal point, or with a decimal comma where that can be nothing else; else None."""
    text = re.sub(r"[\s\u00a0\u202f'\u2019]", "", text)
    if re.fullmatch(r"-?\d{1,3}([.]\d{3})+,\d+", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"-?\d{1,3}(,\d{3})+[.]\d+", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"-?\d+,(\d{1,2}|\d{4,})", text):
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < Decimal(10) ** 15 else None
