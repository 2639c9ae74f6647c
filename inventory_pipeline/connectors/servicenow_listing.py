"""What a table of ServiceNow has now, or what has changed in it: the answer to the engine's question for keys.

All keys are listed, with sys_updated_on and sys_mod_count as stamp. Where every record is a unit of its own and no
query narrows the table, later syncs list what changed since the last one, and take from sys_audit_delete what has gone.
That is believed only while the numbers agree: of the records that were there at the last sync, no more are missing than
sys_audit_delete tells of. Whatever it leaves out (tables that are not audited, records removed by a script, a log that
has been cleaned) makes the numbers differ, and then all keys are listed.

Facts: sys_audit_delete (tablename, documentkey, sys_created_on) names the class of the record and not the table that it
extends; sys_updated_on, sys_created_on and sys_mod_count stand in every table.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors.base import KEYS_SCHEMA, Keys
from inventory_pipeline.connectors.servicenow_table import Row, ServiceNowError, TableApi, narrowed

AUDIT = "sys_audit_delete"
IDS_PER_REQUEST = 100
LISTED_PER_PAGE = 10_000
MOST_REMOVED = 5_000
_FORM = "%Y-%m-%d %H:%M:%S"
_REFUSED = frozenset({400, 403})
_STAMP = ("sys_updated_on", "sys_mod_count")


@dataclass(frozen=True, slots=True)
class Listed:
    """A table of the instance, the column whose values are the units, and the query that narrows it."""

    name: str
    unit: str
    query: str = ""

    @property
    def is_by_record(self) -> bool:
        """Whether every record is a unit of its own."""
        return self.unit == "sys_id"


def listing(
    api: TableApi, table: Listed, cursor: Mapping[str, Any] | None, *, overlap: dt.timedelta, whole_after: dt.timedelta
) -> Keys:
    """Units of the table: all, or those that changed since the cursor, by which times `overlap` is read again.

    All are listed once in `whole_after` in any case.

    Raises:
        ServiceNowError: the instance refuses or fails.
    """
    if not table.is_by_record or table.query:
        return Keys(list(_batches(api, table)), cursor=None)
    now = api.look(table.name, "", ["sys_id"], 1, counted=False).at
    if now is None:
        return Keys(list(_batches(api, table)), cursor=None)
    if cursor and now - _time(cursor["listed"]) < whole_after:
        changes = _changes(api, table, cursor, now, overlap)
        if changes is not None:
            return changes
    classes: set[str] = set()
    count = _count(api, table.name, now)
    batches = list(_batches(api, table, classes=classes))
    return Keys(batches, cursor=_cursor(now, count, classes, listed=now.strftime(_FORM)))


def still_there(api: TableApi, table: str, keys: Iterable[str]) -> set[str]:
    """Those of the sys_ids that the table has."""
    found: set[str] = set()
    for condition in in_lists("sys_id", sorted(keys)):
        for page in api.pages(table, condition, ["sys_id"]):
            found |= {row["sys_id"] for row in page}
    return found


def in_lists(column: str, values: Sequence[str]) -> Iterator[str]:
    """Conditions that a column has one of the values, short enough for an address each."""
    for start in range(0, len(values), IDS_PER_REQUEST):
        yield f"{column}IN{','.join(values[start : start + IDS_PER_REQUEST])}"


def can_read_audit(api: TableApi) -> bool:
    """Whether the account may read what has been deleted, and when.

    Raises:
        ServiceNowError: the instance fails.
    """
    try:
        page = api.look(AUDIT, "tablename!=^sys_created_on>=1970-01-01 00:00:00^ORDERBYsys_id", ["documentkey"], 1)
    except ServiceNowError as error:
        if error.status in _REFUSED:
            return False
        raise
    return all("documentkey" in row for row in page.rows) and not (page.total and not page.rows)


def _changes(
    api: TableApi, table: Listed, cursor: Mapping[str, Any], now: dt.datetime, overlap: dt.timedelta
) -> Keys | None:
    """What changed and what has gone since the cursor; None where that cannot be told for sure."""
    since = _time(cursor["since"])
    kept = _count(api, table.name, since)
    missing = int(cursor["count"]) - kept if kept is not None and cursor["count"] is not None else -1
    classes = set(cursor["classes"])
    if missing < 0:
        return None
    count = _count(api, table.name, now)
    changed = list(_batches(api, table, f"sys_updated_on>={(since - overlap).strftime(_FORM)}", classes))
    gone: set[str] = set()
    if missing:
        gone = _removed(api, classes, since - overlap) if missing <= MOST_REMOVED else set()
        if len(gone) > 2 * MOST_REMOVED:
            return None
        # What has been restored since stands in the log all the same.
        gone -= still_there(api, table.name, gone)
        if len(gone) < missing:
            return None
        changed = [_without(batch, gone) for batch in changed]
    cursor = _cursor(now, count, classes, listed=str(cursor["listed"]))
    return Keys(changed, complete=False, gone=[_keys(sorted(gone))] if gone else [], cursor=cursor)


def _removed(api: TableApi, classes: set[str], since: dt.datetime) -> set[str]:
    """Keys that sys_audit_delete tells of; none where the account may not read it."""
    found: set[str] = set()
    try:
        for condition in in_lists("tablename", sorted(classes)):
            query = f"{condition}^sys_created_on>={since.strftime(_FORM)}"
            for page in api.pages(AUDIT, query, ["documentkey"], size=LISTED_PER_PAGE):
                found |= {row["documentkey"] for row in page if row.get("documentkey")}
    except ServiceNowError as error:
        if error.status not in _REFUSED:
            raise
        return set()
    return found


def _without(batch: pa.RecordBatch, gone: set[str]) -> pa.RecordBatch:
    kept = [key not in gone for key in batch.column("unit_key").to_pylist()]
    return batch.filter(pa.array(kept, pa.bool_()))


def _count(api: TableApi, table: str, before: dt.datetime) -> int | None:
    return api.look(table, f"sys_created_on<{before.strftime(_FORM)}", ["sys_id"], 1).total


def _cursor(now: dt.datetime, count: int | None, classes: set[str], *, listed: str) -> dict[str, Any]:
    return {"since": now.strftime(_FORM), "count": count, "classes": sorted(classes), "listed": listed}


def _time(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _FORM).replace(tzinfo=dt.UTC)


def _batches(
    api: TableApi, table: Listed, condition: str = "", classes: set[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Units and stamps; of records as the instance orders them, so that ranges of them can be asked for."""
    classes = set() if classes is None else classes
    classes.add(table.name)
    fields = [table.unit, *_STAMP, "sys_class_name"]
    pages = api.pages(table.name, narrowed(table.query, condition), fields, size=LISTED_PER_PAGE)
    if not table.is_by_record:
        yield _grouped(pages, table)
        return
    for page in pages:
        classes |= {row["sys_class_name"] for row in page if row.get("sys_class_name")}
        yield _keys([row["sys_id"] for row in page], [_stamp(row) for row in page])


def _grouped(pages: Iterable[list[Row]], table: Listed) -> pa.RecordBatch:
    """Units of many records: the stamp is their number, their newest change and the number of their changes."""
    found: dict[str, tuple[int, str, int]] = {}
    dated = True
    for page in pages:
        if not any(table.unit in row for row in page):
            raise hidden(table.name, table.unit)
        for row in page:
            dated &= bool(row.get("sys_updated_on"))
            if key := row.get(table.unit):
                number, newest, changes = found.get(key, (0, "", 0))
                count = row.get("sys_mod_count", "")
                newest = max(newest, row.get("sys_updated_on", ""))
                found[key] = (number + 1, newest, changes + (int(count) if count.isdigit() else 0))
    keys = sorted(found)
    return _keys(keys, ["|".join(map(str, found[key])) if dated else None for key in keys])


def hidden(table: str, column: str) -> ServiceNowError:
    """The error that says that a column by which records are told apart does not come."""
    return ServiceNowError(
        f"{table} has no column {column}, or hides it from the account.",
        "Let the account read it, or name another in columns.",
    )


def _stamp(row: Row) -> str | None:
    """A record's stamp; none where its time of change is hidden, so that it is always read."""
    changed = row.get("sys_updated_on")
    return f"{changed}|{row.get('sys_mod_count', '')}" if changed else None


def _keys(keys: Sequence[str], stamps: Sequence[str | None] | None = None) -> pa.RecordBatch:
    given = [None] * len(keys) if stamps is None else list(stamps)
    return pa.RecordBatch.from_pydict({"unit_key": list(keys), "stamp": given}, KEYS_SCHEMA)
