"""How 1E is read: devices, groups, and what each question gives, once per session, so that all tables agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa

from inventory_pipeline.connectors import one_e_rows as rows
from inventory_pipeline.connectors.base import KEYS_SCHEMA, RefusedUnit
from inventory_pipeline.connectors.one_e_api import ConsumerApi, Row
from inventory_pipeline.connectors.one_e_instructions import Asked, ask, without_data
from inventory_pipeline.connectors.one_e_questions import DEVICE, QUESTIONS, Plan
from inventory_pipeline.connectors.one_e_units import RowStore, UnitRows, combinations, of_rows
from inventory_pipeline.records import TABLES

BESIDE = ("source_object", "extra")
SILENT = "it did not answer, as it was offline or too slow."
OF_TABLE = {table: key for key, question in QUESTIONS.items() for table in question.tables} | {
    "usage_reporting": "usage"
}


class Reading:
    """One session. `plan` finds the definition that answers a question; `note` says something in the sync log."""

    def __init__(
        self,
        api: ConsumerApi,
        plan: Callable[[str], Plan],
        states: Mapping[str, str],
        timeout_seconds: float,
        note: Callable[[str, str], None],
    ) -> None:
        self._api, self._plan, self._states = api, plan, states
        self._timeout, self._note = timeout_seconds, note
        self._answers: dict[str, dict[str, UnitRows]] = {}
        self._successors: defaultdict[str, set[str]] = defaultdict(set)

    def units(self, table: str) -> UnitRows:
        """The units of a table.

        Raises:
            OneEError: the platform refuses or fails, or no device answers.
        """
        if table == "device":
            return self._devices[0]
        if table == "group":
            return self._groups
        key = OF_TABLE[table]
        if key not in self._answers:
            self._answers[key] = self._asked(key)
        return self._answers[key][table]

    def member_keys(self) -> Iterator[pa.RecordBatch]:
        """Management groups with the hash of their members, as the server keeps it (KEYS_SCHEMA)."""
        found = sorted((key, rows.text(item.get("HashOfMembers"))) for key, item in self._by_group.items())
        yield pa.RecordBatch.from_pydict(
            {"unit_key": [k for k, _ in found], "stamp": [s for _, s in found]}, KEYS_SCHEMA
        )

    def members(self, keys: tuple[str, ...] | None) -> UnitRows:
        """Members of management groups: of these, or of all."""
        found: list[dict[str, str]] = []
        unknown = 0
        wanted = sorted(self._by_group) if keys is None else [key for key in keys if key in self._by_group]
        gone = {}
        for key in wanted:
            contents = self._api.group_contents(rows.text(self._by_group[key].get("Id")) or key)
            if contents is None:
                gone[key] = "it is no longer there."
                continue
            members, strangers = rows.member_ids(contents, self._by_name)
            unknown += strangers
            found += [{"source_group_id": key, "member_kind": "device", "member_id": member} for member in members]
        if unknown:
            self._note("group_member", f"{unknown:,} members are no device that the account sees, and were left out.")
        names = (*TABLES["group_member"].column_names, *BESIDE)
        return of_rows("group_member", names, found, empty=[k for k in wanted if k not in gone], refused=gone)

    @cached_property
    def _devices(self) -> tuple[UnitRows, dict[str, str]]:
        """The table `device`, and keys of devices by full name in lower case."""
        found: dict[str, rows.Canonical] = {}
        by_name: dict[str, str] = {}
        nameless = 0
        for page in self._api.devices():
            for item in page:
                row = rows.device_row(item)
                key = row[DEVICE]
                if key is None:
                    nameless += 1
                    continue
                # A client that was installed anew is a device of its own, with the same name: the newer one answers.
                found[key] = row
                by_name[(rows.text(item.get("Fqdn")) or row["name"] or "").lower()] = key
        if nameless:
            self._note("device", f"{nameless:,} devices have no Tachyon GUID and were left out.")
        return of_rows("device", (*TABLES["device"].column_names, *BESIDE), found.values()), by_name

    @cached_property
    def _by_group(self) -> dict[str, Row]:
        listed = self._api.management_groups()
        if listed is None:
            for table in ("group", "group_member"):
                self._note(table, "This server has no management groups.")
        return {key: item for item in listed or () if (key := rows.group_id(item))}

    @cached_property
    def _groups(self) -> UnitRows:
        found = map(rows.group_row, self._by_group.values())
        return of_rows("group", (*TABLES["group"].column_names, *BESIDE), found)

    @property
    def _by_name(self) -> dict[str, str]:
        return self._devices[1]

    def _asked(self, key: str) -> dict[str, UnitRows]:
        """Asks a question, and makes of the answers the units of its tables."""
        plan, tables = self._plan(key), QUESTIONS[key].tables
        known = set(self._devices[0].keys())
        if not known:
            return {table: of_rows(table, (DEVICE,), ()) for table, own in OF_TABLE.items() if own == key}
        asked = ask(self._api, plan, self._timeout, lambda said: self._note(tables[0], said))
        try:
            answers = self._rows(key, plan, asked, known)
            others = [other for page in self._api.responses(asked.number, others=True) for other in page]
        finally:
            # It stays open for devices that come online; whoever has been read, has been read.
            self._api.cancel(asked.number)
        quiet, failed = without_data(others, asked.statistics)
        answered = {row[DEVICE] or "" for row in combinations(answers, [DEVICE])}
        refused = {device: failed.get(device, SILENT) for device in known - answered - quiet}
        if failed:
            shown = next(iter(failed.values()))
            self._note(tables[0], f"{len(failed):,} devices answered {plan.title} with an error, such as: {shown}.")
        return dict(self._tables(key, answers, quiet & known, refused))

    def _rows(self, key: str, plan: Plan, asked: Asked, known: set[str]) -> pa.Table:
        own = ("update_id", "state") if key == "patch" else ()
        store = RowStore(tuple(dict.fromkeys((DEVICE, *own, *plan.columns, *BESIDE))))
        strangers, keyless, words = set(), 0, set()
        for page in self._api.responses(asked.number):
            kept = []
            for response in page:
                device = rows.device_id(response) or self._by_name.get((rows.text(response.get("Fqdn")) or "").lower())
                if device not in known or device is None:
                    strangers.add(device)
                    continue
                row: rows.Canonical | None = rows.answer_row(device, response.get("Values") or {}, plan, plan.title)
                if key == "patch":
                    words.add(row.get("state"))
                    row = rows.patch_row(row, self._states)
                    for replaced in rows.ids(response.get("Values"), plan.supersedes) if row is not None else ():
                        self._successors[replaced].add((row or {}).get("update_id") or "")
                keyless += row is None
                if row is not None:
                    kept.append(row)
            store.add(kept)
        self._said_of_rows(key, strangers, keyless, words)
        return store.table()

    def _said_of_rows(self, key: str, strangers: set[str | None], keyless: int, words: set[str | None]) -> None:
        table = QUESTIONS[key].tables[0]
        if strangers:
            self._note(
                table, f"{len(strangers):,} devices answered that were not listed; they come with the next sync."
            )
        if keyless:
            self._note(table, f"{keyless:,} patches have neither id nor number and were left out.")
        unknown = sorted(word for word in words if word and rows.folded_state(word) not in self._states)
        if unknown:
            self._note(
                table, f"States that are not known: {', '.join(unknown[:10])}. Say in patch_states what they mean."
            )

    def _tables(
        self, key: str, answers: pa.Table, quiet: set[str], refused: Mapping[str, str]
    ) -> Iterator[tuple[str, UnitRows]]:
        others: dict[str, Any] = {"empty": quiet, "refused": refused}
        if key == "processor":
            yield "processor", _with_slots(answers, **others)
            return
        if key == "patch":
            names = [c for c in (*TABLES["patch_state"].column_names, *BESIDE) if c in answers.column_names]
            yield "patch_state", UnitRows("patch_state", answers.select(names), **others)
            yield "patch", _patches(answers, self._successors)
            return
        yield QUESTIONS[key].tables[0], UnitRows(QUESTIONS[key].tables[0], answers, **others)
        if key == "usage":
            newest: dict[str, str] = {}
            for row in combinations(answers, [DEVICE, "last_used"]):
                newest[row[DEVICE] or ""] = row["last_used"] or ""
            reports = [
                {
                    DEVICE: device,
                    "reports_usage": str(device in newest).lower(),
                    "last_report": newest.get(device) or None,
                }
                for device in {*newest, *quiet}
            ]
            names = (*TABLES["usage_reporting"].column_names, *BESIDE)
            yield "usage_reporting", of_rows("usage_reporting", names, reports, refused=refused)


def _with_slots(answers: pa.Table, **others: Any) -> UnitRows:
    """Processors numbered within their device, each for one socket; two of one kind are two."""
    found: list[Row] = []
    count: Counter[str] = Counter()
    for batch in UnitRows("processor", answers, repeated=True).read():
        for row in batch.to_pylist() if not isinstance(batch, RefusedUnit) else ():
            found.append({"slot": str(count[row[DEVICE]]), "sockets": "1", **row})
            count[row[DEVICE]] += 1
    return of_rows("processor", tuple(dict.fromkeys((*answers.column_names, "slot", "sockets"))), found, **others)


def _patches(answers: pa.Table, successors: Mapping[str, set[str]]) -> UnitRows:
    """What the responses say of the patches themselves: of each column the first value that there is.

    `successors` are the keys of patches that replace one.
    """
    names = [name for name in TABLES["patch"].column_names if name in answers.column_names]
    found: dict[str, rows.Canonical] = {}
    for row in combinations(answers, names):
        known = found.setdefault(row["update_id"] or "", dict.fromkeys(names))
        for name in names:
            known[name] = known[name] or row[name]
    for key, row in found.items():
        if by := successors.get(key):
            row.update(superseded_by="; ".join(sorted(by)), is_superseded="true")
    return of_rows("patch", (*names, "superseded_by", "is_superseded"), found.values())
