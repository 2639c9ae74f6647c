"""Which instruction of 1E gives which table, by which columns: declared here, matched with what the site has.

Facts: 1E documentation, "1E Inventory product pack" (8.0 and 23.7: the instruction set 1E Inventory, the instruction
1E-Inventory-Device-GetProcessors with its columns, the texts "Which processors are in the device?" and "what is the
summary of file usage since <startDate>?", the parameters limitSecs and startDate) and "Patch.GetMetadata" (columns of
patches). The names of the other instructions, and their columns, were found in no document: they are told by the texts
and schemas of the definitions that the server lists, or named in the configuration.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory_pipeline.connectors.headings import fold_heading, known_headings
from inventory_pipeline.connectors.one_e_signin import OneEError
from inventory_pipeline.records import TABLES, Category

STAGGER, SINCE = "limitSecs", "startDate"
DEVICE = "source_device_id"
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y%m%d")

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """An inventory question.

    `names` are documented names of its definition; without one that is there, it is the only definition of the
    instruction set whose readable text has one of `texts` and whose schema has the needed columns. `columns` are names
    of schema columns that are looked for before the usual headings of the table; `needed` are canonical columns, of
    each group at least one. `made` are canonical columns that come from elsewhere, `ignored` schema columns that are
    not read, and `supersedes` is the one that lists what a patch replaces.
    """

    category: Category
    tables: tuple[str, ...]
    texts: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...]
    names: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    made: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    supersedes: str = ""


QUESTIONS: dict[str, Question] = {
    "processor": Question(
        Category.processor,
        ("processor",),
        ("processors",),
        (("name",),),
        ("1E-Inventory-Device-GetProcessors",),
        {"cores": ("CoreCount",), "logical_cores": ("LogicalCoreCount",)},
        made=("slot", "sockets"),
        # That of the moment, which changes from one question to the next.
        ignored=("SpeedMhz",),
    ),
    "software": Question(
        Category.software,
        ("software",),
        ("software", "installed"),
        (("title",),),
        (),
        {"title": ("Product", "Name"), "product_code": ("ProductCode",)},
    ),
    "usage": Question(
        Category.usage,
        ("software_usage",),
        ("file usage", "usage"),
        (("file_name", "title"), ("last_used",)),
        (),
        {"file_name": ("ExecutableName", "FileName"), "title": ("Product",)},
    ),
    "patch": Question(
        Category.patch,
        ("patch_state", "patch"),
        ("patch", "update"),
        (("update_id", "kb"), ("state",)),
        (),
        {
            "update_id": ("PatchGuid", "UpdateId", "PatchId"),
            "state": ("Status",),
            "kb": ("PatchIds", "KBArticleId", "KB"),
            "classification": ("ClassificationText",),
            "product": ("Products", "Family"),
            "release_date": ("PublishDate",),
            "msrc_number": ("SecurityBulletinIds",),
        },
        made=("superseded_by", "is_superseded"),
        supersedes="SupercededIds",
    ),
}


@dataclass(frozen=True, slots=True)
class Named:
    """What the configuration says of one question: the definition's name or id, its columns, its parameters."""

    name: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A question with the definition that answers it.

    `columns` are canonical column to schema column, `rest` the schema columns without a canonical place, `without` the
    canonical columns that have none; `supersedes` is the column that lists what a patch replaces, where there is one.
    """

    definition_id: int
    title: str
    columns: Mapping[str, str]
    rest: tuple[str, ...]
    without: tuple[str, ...]
    parameters: Mapping[str, str]
    gather_minutes: int
    keep_minutes: int
    supersedes: str | None = None


def plan(
    key: str,
    definitions: Sequence[Definition],
    named: Named,
    *,
    instruction_set: str,
    stagger_seconds: int,
    since: dt.date,
    gather_minutes: int,
    keep_minutes: int,
) -> Plan:
    """The definition that answers a question, its columns, and what to send.

    Raises:
        OneEError: there is none, or several; it lacks a needed column or wants a parameter that nobody gives.
    """
    question = QUESTIONS[key]
    definition = _chosen(key, question, definitions, named, instruction_set)
    title = str(definition.get("Name"))
    schema = schema_of(definition)
    columns = _columns(question, schema, named.columns)
    absent = [name for name in named.columns.values() if fold_heading(name) not in {fold_heading(s) for s in schema}]
    if absent:
        raise OneEError(
            f"{title} has no column {', '.join(absent)}; it has {', '.join(schema)}.",
            f"Correct instruction_columns of {key}.",
        )
    if lacking := _lacking(question, columns):
        raise OneEError(
            f"{title} gives no {' and no '.join(lacking)}: its columns are {', '.join(schema) or 'not stated'}.",
            f"Say in instruction_columns of {key} which column is which, or name another instruction in "
            "instruction_names.",
        )
    if definition.get("IsLicensed") is False:
        raise OneEError(f"{title} is not licensed, so that it cannot be sent.", "Have it licensed by 1E.")
    canonical = [c.name for table in question.tables for c in TABLES[table].columns]
    others = {fold_heading(name): name for name in schema if name not in columns.values()}
    supersedes = others.pop(fold_heading(question.supersedes), None)
    return Plan(
        int(definition["Id"]),
        title,
        columns,
        tuple(name for folded, name in others.items() if folded not in map(fold_heading, question.ignored)),
        tuple(name for name in dict.fromkeys(canonical) if name not in (DEVICE, *columns, *question.made)),
        _parameters(key, title, definition, named.parameters, stagger_seconds, since),
        _within(gather_minutes, definition, "InstructionTtlMinutes"),
        _within(keep_minutes, definition, "ResponseTtlMinutes"),
        supersedes,
    )


def schema_of(definition: Definition) -> list[str]:
    """Names of the columns that a definition's responses have."""
    return [str(column["Name"]) for column in definition.get("Schema") or () if column.get("Name")]


def _chosen(
    key: str, question: Question, definitions: Sequence[Definition], named: Named, instruction_set: str
) -> Definition:
    cure = f"Name it in instruction_names of {key}."
    if named.name:
        for definition in definitions:
            if named.name.casefold() in (str(definition.get("Name")).casefold(), str(definition.get("Id"))):
                return definition
        raise OneEError(
            f"there is no question {named.name} that the account may ask.",
            f"Correct instruction_names of {key}, upload the instruction, or give the account Questioner on its set.",
        )
    by_name = {str(definition.get("Name")).casefold(): definition for definition in definitions}
    for name in question.names:
        if name.casefold() in by_name:
            return by_name[name.casefold()]
    own = [d for d in definitions if str(d.get("InstructionSetName")).casefold() == instruction_set.casefold()]
    if not own:
        raise OneEError(
            f"the account may ask no question of the instruction set {instruction_set}.",
            "Upload the 1E Inventory product pack and give the account Questioner on its set; or name the set as "
            "instruction_set.",
        )
    for text in question.texts:
        fitting = [d for d in own if text in _text(d) and not _lacking(question, _columns(question, schema_of(d), {}))]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            several = ", ".join(sorted(str(d.get("Name")) for d in fitting))
            raise OneEError(f"several questions of {instruction_set} give {key}: {several}.", cure)
    there = "; ".join(f"{d.get('Name')} ({', '.join(schema_of(d))})" for d in sorted(own, key=lambda d: str(d["Name"])))
    raise OneEError(
        f"no question of {instruction_set} was recognized as giving {key}. It has {there}.",
        f"{cure[:-1]}, and its columns in instruction_columns of {key}.",
    )


def _text(definition: Definition) -> str:
    return f"{definition.get('ReadablePayload') or ''} {definition.get('Description') or ''}".casefold()


def _columns(question: Question, schema: Iterable[str], named: Mapping[str, str]) -> dict[str, str]:
    """Canonical column to schema column: as configured, as declared, then by the usual headings of the table."""
    ignored = {fold_heading(name) for name in (*question.ignored, question.supersedes)}
    there = {fold_heading(name): name for name in reversed(list(schema))}
    found = {column: there[fold_heading(name)] for column, name in named.items() if fold_heading(name) in there}
    for declared in (True, False):
        for table in question.tables:
            for column in TABLES[table].column_names:
                names = [column, *question.columns.get(column, ())]
                usual = [heading for heading, known in known_headings(table).items() if known == column]
                for name in map(fold_heading, names) if declared else usual:
                    usable = name in there and name not in ignored and there[name] not in found.values()
                    if usable and column not in (DEVICE, *question.made):
                        found.setdefault(column, there[name])
    return found


def _lacking(question: Question, columns: Mapping[str, str]) -> list[str]:
    return [" or ".join(group) for group in question.needed if not any(name in columns for name in group)]


def _parameters(
    key: str, title: str, definition: Definition, given: Mapping[str, str], stagger_seconds: int, since: dt.date
) -> dict[str, str]:
    own = {name.casefold(): value for name, value in given.items()}
    found: dict[str, str] = {}
    for parameter in definition.get("Parameters") or ():
        name = str(parameter.get("Name"))
        rules = parameter.get("Validation") or {}
        if name.casefold() in own:
            value = own.pop(name.casefold())
        elif name.casefold() == STAGGER.casefold():
            value = str(stagger_seconds)
        elif name.casefold() == SINCE.casefold():
            value = _written(since, rules.get("Regex"))
        elif parameter.get("DefaultValue") is not None:
            value = str(parameter["DefaultValue"])
        else:
            raise OneEError(
                f"{title} wants the parameter {name}.", f"Give it in instruction_parameters of {key}, as {name}: value."
            )
        if not _is_allowed(value, rules):
            raise OneEError(
                f"{title} does not take {value} as {name}.",
                "Change stagger_seconds to what it takes."
                if name.casefold() == STAGGER.casefold()
                else f"Give a value that it takes in instruction_parameters of {key}.",
            )
        found[name] = value
    if own:
        raise OneEError(
            f"{title} has no parameter {', '.join(sorted(own))}.", f"Correct instruction_parameters of {key}."
        )
    return found


def _written(day: dt.date, pattern: str | None) -> str:
    """A date in the first form that the parameter's rule takes; ISO 8601 where there is no rule."""
    moment = dt.datetime(day.year, day.month, day.day)
    forms = [moment.strftime(form) for form in _DATES]
    return next((form for form in forms if pattern and _matches(pattern, form)), forms[0])


def _is_allowed(value: str, rules: Mapping[str, Any]) -> bool:
    allowed = [str(one) for one in rules.get("AllowedValues") or ()]
    return (not allowed or value in allowed) and _matches(rules.get("Regex"), value)


def _matches(pattern: str | None, value: str) -> bool:
    try:
        return not pattern or re.search(pattern, value) is not None
    except re.error:
        return True  # a rule in .NET's own language is left to the server


def _within(minutes: int, definition: Definition, name: str) -> int:
    lowest, highest = definition.get(f"Minimum{name}"), definition.get(f"Maximum{name}")
    return max(int(lowest or 1), min(minutes, int(highest or minutes)))
