"""A small 1E platform: devices, groups, definitions of questions, and instructions that devices answer over time.

Speaks as the 1E SDK documents the Consumer API (Devices, ManagementGroups, InstructionDefinitions, Instructions,
InstructionStatistics, Responses, ResponseErrors) and as the models of Tachyon.SDK.Consumer (2020) name its fields.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
IN_APPROVAL, IN_PROGRESS, EXPIRED, CANCELLED, AUTHENTICATING = 1, 5, 7, 9, 12
SHARDS = 2
NO_DATA, ERROR = 1, 2


@dataclass
class Instruction:
    """An instruction: when it was sent, and what devices answer in which order."""

    number: int
    definition: Row
    request: Row
    begun: float
    answers: list[tuple[str, list[Row], int, str]]
    """Device, rows, status (0 with rows), error."""
    ended: int | None = None
    kept: int = 0
    """How many had answered when it was ended."""


@dataclass
class Platform:
    """What the server knows and does. `online` are GUIDs of devices that answer; None means all.

    `content` are rows by name of definition and GUID of device; a device without an entry answers that there is
    nothing, one in `broken` (GUID to status and text) with an error. `pace` is the time from one answer to the next.
    """

    devices: list[Row]
    groups: list[Row]
    members: dict[str, list[Any]]
    definitions: list[Row]
    content: dict[str, dict[str, list[Row]]]
    online: set[str] | None = None
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    never: set[str] = field(default_factory=set)
    workflow: dict[str, int] = field(default_factory=dict)
    has_groups: bool = True
    pace: float = 0.0
    first: int = 1
    old_paths: bool = False
    after_page: Callable[[], None] | None = None
    instructions: dict[int, Instruction] = field(default_factory=dict)

    def device(self, guid: str) -> Row:
        """The device with that GUID."""
        return next(device for device in self.devices if device["TachyonGuid"] == guid)

    def remove(self, guid: str) -> None:
        """Takes a device away, from groups and content too."""
        names = {guid, self.device(guid)["Fqdn"].lower()}
        self.devices = [device for device in self.devices if device["TachyonGuid"] != guid]
        for number, group in self.members.items():
            left = [m for m in group if m.get("TachyonGuid") not in names and m.get("Fqdn", "").lower() not in names]
            if len(left) < len(group):
                self.members[number] = left
                self.touch(number)
        for content in self.content.values():
            content.pop(guid, None)

    def touch(self, group: str) -> None:
        """Gives a group another hash of its members, as its content has changed."""
        own = next(item for item in self.groups if str(item["Id"]) == group)
        own["HashOfMembers"] = f"{hash(str(self.members[group])) & 0xFFFFFFFF:08x}"

    def answer(self, method: str, parts: list[str], query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """Status and document for a path below /consumer, in lower case."""
        match (method, parts):
            case ("GET", ["information"]):
                return 200, {"Version": "8.1.0.7"}
            case ("POST", ["devices"]):
                return self._devices(body)
            case ("GET", ["managementgroups"]) if self.has_groups:
                return 200, self.groups
            case ("GET", ["managementgroups", "contents", "id", number]) if number in self.members:
                return 200, self.members[number]
            case ("GET", ["instructiondefinitions"]):
                assert query["instructionType"] == ["Question"]
                return 200, self.definitions
            case ("POST", ["instructions"]):
                return self._send(body)
            case ("GET", ["instructions", number]):
                return 200, {"Id": int(number), "Status": self._status(self.instructions[int(number)])}
            case ("POST", ["instructions", number, "cancel", kept]) if kept == "true":
                self._end(self.instructions[int(number)])
                return 200, None
            case ("GET", ["instructionstatistics", "summary", number]) if not self.old_paths:
                return 200, self._statistics(self.instructions[int(number)])
            case ("GET", ["instructionstatistics", number]) if self.old_paths:
                return 200, self._statistics(self.instructions[int(number)])
            case ("POST", ["responses" | "responseerrors", number]):
                return self._responses(self.instructions[int(number)], body, others=parts[0] == "responseerrors")
        return 404, [{"ErrorCode": "NotFound", "Message": "No HTTP resource was found."}]

    def _devices(self, body: Row) -> tuple[int, Any]:
        (sort,) = body["Sort"]
        ordered = sorted(self.devices, key=lambda item: item[sort["Column"]], reverse=sort["Direction"] != "ASC")
        start = body["Start"] - self.first
        if start < 0:
            return 400, [{"ErrorCode": "InvalidStart", "Message": "Start is out of range."}]
        page = ordered[start : start + body["PageSize"]]
        answer = {"TotalCount": len(ordered), "Items": [dict(item) for item in page]}
        if self.after_page is not None:
            self.after_page()
        return 200, answer

    def _send(self, body: Row) -> tuple[int, Any]:
        definition = next((d for d in self.definitions if d["Id"] == body["DefinitionId"]), None)
        wanted = {parameter["Name"] for parameter in (definition or {}).get("Parameters", ())}
        given = {parameter["Name"] for parameter in body["Parameters"]}
        if definition is None or wanted != given:
            return 400, [{"ErrorCode": "InvalidInstruction", "Message": "Parameters do not match the definition."}]
        content = self.content.get(definition["Name"], {})
        answers = []
        for device in self.devices:
            guid = device["TachyonGuid"]
            if self.online is not None and guid not in self.online:
                continue
            status, error = self.broken.get(guid, (0 if content.get(guid) else NO_DATA, ""))
            answers.append((guid, content.get(guid, []) if not status else [], status, error))
        number = len(self.instructions) + 1
        self.instructions[number] = Instruction(number, definition, body, time.monotonic(), answers)
        return 200, {"Id": number, "Status": self.workflow.get(definition["Name"], 0)}

    def _answered(self, one: Instruction) -> list[tuple[str, list[Row], int, str]]:
        if one.ended is not None:
            return one.answers[: one.kept]
        if one.definition["Name"] in self.workflow:
            return []
        there = int((time.monotonic() - one.begun) / self.pace) if self.pace else len(one.answers)
        last = len(one.answers) - 1 if one.definition["Name"] in self.never else len(one.answers)
        return one.answers[: min(there, last)]

    def _status(self, one: Instruction) -> int:
        if one.ended is not None:
            return one.ended
        return self.workflow.get(one.definition["Name"], IN_PROGRESS)

    def _end(self, one: Instruction) -> None:
        if one.ended is None:
            one.kept, one.ended = len(self._answered(one)), CANCELLED

    def _statistics(self, one: Instruction) -> Row:
        there = self._answered(one)
        # It is sent in waves, and the counts come late.
        sent = len(one.answers) if time.monotonic() - one.begun > self.pace or there else 0
        return {
            "InstructionId": one.number,
            "EstimatedCount": len(self.devices),
            "SentCount": 0 if one.definition["Name"] in self.workflow else sent,
            "ReceivedCount": len(there),
            "OutstandingResponsesCount": sent - len(there),
            "TotalSuccessRespondents": sum(not status for _, _, status, _ in there),
            "TotalSuccessNoDataRespondents": sum(status == NO_DATA for _, _, status, _ in there),
            "TotalErrorRespondents": sum(status == ERROR for _, _, status, _ in there),
            "TotalNotImplementedRespondents": sum(status == 3 for _, _, status, _ in there),
            "TotalResponseTooLargeRespondents": sum(status == 4 for _, _, status, _ in there),
        }

    def _responses(self, one: Instruction, body: Row, *, others: bool) -> tuple[int, Any]:
        shards: list[list[Row]] = [[] for _ in range(SHARDS)]
        for place, (guid, rows, status, error) in enumerate(self._answered(one)):
            shard = shards[place % SHARDS]
            told = (
                [{"Status": status, "ErrorData": error}] if others else [{"Values": row, "Blob": None} for row in rows]
            )
            for entry in told if bool(status) == others else ():
                shard.append(
                    {
                        "Id": len(shard) + 1,
                        "ShardId": place % SHARDS + 1,
                        "TachyonGuid": guid,
                        "Fqdn": self.device(guid)["Fqdn"]
                        if any(d["TachyonGuid"] == guid for d in self.devices)
                        else "",
                        "ExecTime": 12,
                        **entry,
                    }
                )
        start = body["Start"]
        try:
            text = start if start == "0;0" else base64.b64decode(start, validate=True).decode()
            done = {int(pair.split(";")[0]): int(pair.split(";")[1]) for pair in text.split(",")}
        except ValueError:
            return 400, [{"ErrorCode": "InvalidRange", "Message": "Start is no range."}]
        page: list[Row] = []
        for number, shard in enumerate(shards, start=1):
            left = shard[done.get(number, 0) :][: body["PageSize"] - len(page)]
            page += left
            done[number] = done.get(number, 0) + len(left)
        done.pop(0, None)
        encoded = base64.b64encode(",".join(f"{shard};{last}" for shard, last in sorted(done.items())).encode())
        return 200, {"Range": encoded.decode(), "Responses": page}
