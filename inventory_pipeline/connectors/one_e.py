"""The 1E platform (Tachyon; TeamViewer DEX): devices, management groups, and what its inventory questions bring.

Devices and groups are what the server knows. Processors, software, usage and patches are asked of the devices
themselves, by an instruction each, and those that are offline keep what they said last. Which instruction gives what is
declared in `one_e_questions`, matched with the definitions that the site has, and can be named in the configuration.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import PrivateAttr

from inventory_pipeline.connectors.base import Check, Keys, RefusedUnit, TableSource, Units
from inventory_pipeline.connectors.one_e_api import ASK, READ_DEVICES, ConsumerApi, Row
from inventory_pipeline.connectors.one_e_questions import QUESTIONS, Named, Plan, plan
from inventory_pipeline.connectors.one_e_reading import Reading
from inventory_pipeline.connectors.one_e_rows import STATES, folded_state
from inventory_pipeline.connectors.one_e_settings import OneESettings
from inventory_pipeline.connectors.one_e_signin import OneEError
from inventory_pipeline.records import Category

# Raised when the same answers would give other rows than before.
MAPPING_VERSION = "1"
READ_GROUPS = "Read on Management Groups, or any permission on an instruction set"
ANSWERS = "Hash of what the device answered"
KEEP_MINUTES = 60


class OneE(OneESettings):
    """1E, through its Consumer API."""

    type: ClassVar[str] = "one_e"
    title: ClassVar[str] = "1E"
    versions: ClassVar[str] = (
        "1E platform (Tachyon) as documented for 8.1 to 23.11; management groups from API version 3.3 on"
    )
    sources: ClassVar[tuple[TableSource, ...]] = (
        TableSource("group", ("ManagementGroups",), READ_GROUPS, "Hash of what was read", 10_000),
        TableSource(
            "group_member",
            ("ManagementGroups", "ManagementGroups/Contents"),
            READ_GROUPS,
            "HashOfMembers, which the server keeps",
            200,
        ),
        TableSource("device", ("Devices",), READ_DEVICES, "Hash of what was read", 10_000),
        TableSource("processor", ("1E-Inventory-Device-GetProcessors",), ASK, ANSWERS, 10_000),
        TableSource("software", ("question of 1E Inventory about software",), ASK, ANSWERS, 2_000),
        TableSource("software_usage", ("question of 1E Inventory about file usage",), ASK, ANSWERS, 2_000),
        TableSource("usage_reporting", ("question of 1E Inventory about file usage",), ASK, ANSWERS, 10_000),
        TableSource("patch", ("question of 1E Inventory about patches",), ASK, "Hash of what was answered", 10_000),
        TableSource("patch_state", ("question of 1E Inventory about patches",), ASK, ANSWERS, 2_000),
    )

    _api: ConsumerApi | None = PrivateAttr(default=None)
    _reading: Reading | None = PrivateAttr(default=None)
    _questions: list[Row] | None = PrivateAttr(default=None)

    @property
    def fingerprint(self) -> str:
        settings = [self.instruction_set, self.instruction_names, self.instruction_columns, self.instruction_parameters]
        return json.dumps([MAPPING_VERSION, *settings, self.patch_states, self.usage_days], sort_keys=True)

    def connect(self) -> None:
        self.check_settings()
        with self.told(OneEError):
            self._api = ConsumerApi(
                self.url, self.signs_in(), self.consumer,
                page_size=self.page_size, ca_file=self.ca_file, proxy=self.proxy,
                timeout_seconds=self.timeout_seconds, patience_seconds=self.patience_seconds,
            )  # fmt: skip
            self._api.open()
        states = {**STATES, **{folded_state(word): state for word, state in self.patch_states.items()}}
        self._reading = Reading(self._api, self._plan, states, self.instruction_timeout_minutes * 60, self.note)

    def close(self) -> None:
        if self._api is not None:
            self._api.close()
        self._api = self._reading = self._questions = None

    def check(self, category: Category) -> Iterator[Check]:
        if category is Category.group:
            yield self._tried("management groups", self._check_groups)
            return
        yield self._tried("devices", self._check_devices)
        for key, question in QUESTIONS.items():
            if question.category is category:
                yield self._tried(key, lambda key=key: self._check_question(key))

    def keys(self, table: str, cursor: Mapping[str, Any] | None = None) -> Keys:
        with self.told(OneEError):
            if table == "group_member":
                return Keys(list(self._opened().member_keys()))
            return Keys(self._opened().units(table).listing())

    def read(self, table: str, units: Units | None = None) -> Iterator[pa.RecordBatch | RefusedUnit]:
        wanted = units.keys if units is not None else None
        with self.told(OneEError):
            reading = self._opened()
            found = reading.members(wanted) if table == "group_member" else reading.units(table)
        yield from found.read(wanted)

    def _plan(self, key: str) -> Plan:
        if self._questions is None:
            self._questions = self._connected().questions()
        return plan(
            key,
            self._questions,
            Named(
                self.instruction_names.get(key),
                self.instruction_columns.get(key, {}),
                self.instruction_parameters.get(key, {}),
            ),
            instruction_set=self.instruction_set,
            stagger_seconds=self.stagger_seconds,
            since=dt.datetime.now(dt.UTC).date() - dt.timedelta(days=self.usage_days),
            gather_minutes=math.ceil(self.instruction_timeout_minutes),
            keep_minutes=KEEP_MINUTES,
        )

    def _tried(self, name: str, attempt: Any) -> Check:
        try:
            return Check(name, True, attempt())
        except OneEError as error:
            return Check(name, False, self.redact(str(error)), error.cure)

    def _check_devices(self) -> str:
        total = int(self._connected().device_page(1, 1).get("TotalCount") or 0)
        return f"Can read {total:,} devices."

    def _check_groups(self) -> str:
        listed = self._connected().management_groups()
        if listed is None:
            return "This server has no management groups; Tachyon 3.3 and newer have them."
        return f"Can read {len(listed):,} management groups."

    def _check_question(self, key: str) -> str:
        found = self._plan(key)
        without = f", without {', '.join(found.without)}" if found.without else ""
        return f"{found.title} gives {', '.join(found.columns)}{without}."

    def _connected(self) -> ConsumerApi:
        if self._api is None:
            raise self.error("the connector is not connected.")
        return self._api

    def _opened(self) -> Reading:
        if self._reading is None:
            raise self.error("the connector is not connected.")
        return self._reading
