"""What a ServiceNow connector can tell of its settings and its account before it reads.

Facts: ServiceNow "Table API": a condition on a field that is not there is ignored, so that everything comes, and fields
that are not there or forbidden are left out of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from inventory_pipeline.connectors.base import Check
from inventory_pipeline.connectors.servicenow_rows import DECLARED, Mapped, unknown_columns
from inventory_pipeline.connectors.servicenow_table import ROLES, Row, TableApi, narrowed
from inventory_pipeline.errors import ConfigurationError

LOOKED_AT = 50
_TABLE = re.compile(r"[a-z0-9_]+")
_FIELD = re.compile(r"[a-z0-9_]+([.][a-z0-9_]+)*")
_CONDITION = re.compile(r"(?:NQ|OR)?([a-z][a-z0-9_]*(?:[.][a-z0-9_]+)*)")
_ORDER = re.compile(r"(?:^|\^)(?:ORDERBY|GROUPBY)")


def validate(name: str, url: str, given: Mapping[str, Iterable[str]], tables: Mapping[str, tuple[Mapped, str]]) -> None:
    """Whether settings can be meant: the address, `given` canonical tables by field, tables and their queries.

    Raises:
        ConfigurationError: they cannot.
    """

    def refuse(message: str, cure: str) -> ConfigurationError:
        return ConfigurationError(message, subject=name, cure=cure)

    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise refuse("url is no https address.", "Write https://example.service-now.com.")
    for field, named in given.items():
        if unknown := sorted(set(named) - set(DECLARED)):
            raise refuse(f"{field} names {', '.join(unknown)}, which is not brought.", f"Known: {', '.join(DECLARED)}.")
    for table, (mapped, query) in tables.items():
        if unknown := unknown_columns(table, mapped):
            raise refuse(f"{table} has no column {', '.join(unknown)}.", "See docs/records.md.")
        wrong = [field for field in mapped.fields if not _FIELD.fullmatch(field)]
        if wrong or not _TABLE.fullmatch(mapped.name):
            raise refuse(f"{(*wrong, mapped.name)[0]!r} is no name in ServiceNow.", "Write names, not labels.")
        if _ORDER.search(query):
            raise refuse(f"the query of {table} orders or groups.", "Leave ORDERBY and GROUPBY out.")


def check_table(api: TableApi, mapped: Mapped, query: str) -> Check:
    """Whether a table can be read, and which of its columns do not come.

    Raises:
        ServiceNowError: the instance refuses or fails.
    """
    asked = [found.group(1) for part in query.split("^") if (found := _CONDITION.match(part))]
    fields = list(dict.fromkeys(["sys_id", "sys_updated_on", *mapped.fields, *asked]))
    page = api.look(mapped.name, narrowed(query, order="sys_id"), fields, LOOKED_AT)
    if asked and not page.rows:
        page = api.look(mapped.name, "ORDERBYsys_id", fields, LOOKED_AT)
    if not page.rows:
        if page.total:
            message = f"{mapped.name} has {page.total:,} records, and the account may see none of the first."
            return Check(mapped.name, False, message, ROLES)
        return Check(mapped.name, True, f"{mapped.name} can be read, and is empty.")
    if needed := missing(("sys_id", mapped.unit), page.rows):
        message = f"{mapped.name} has not, or hides, {', '.join(needed)}."
        return Check(mapped.name, False, message, "Let the account read it, or name another in columns.")
    if ignored := missing(asked, page.rows):
        message = f"the query of {mapped.name} names {', '.join(ignored)}, which it has not, or hides."
        return Check(mapped.name, False, message, "Correct the query: ServiceNow ignores such a condition.")
    unseen = missing((*mapped.fields, "sys_updated_on"), page.rows)
    hidden = f" Not there, or hidden by access rules: {', '.join(unseen)}." if unseen else ""
    return Check(mapped.name, True, f"{mapped.name} can be read.{hidden}")


def check_removals(name: str, readable: bool) -> Check:
    """How records that have gone are found out; both ways will do."""
    how = "sys_audit_delete tells what has gone" if readable else "sys_audit_delete is hidden, so all keys are listed"
    return Check(f"{name} removals", True, f"{name}: {how}.")


def missing(fields: Iterable[str], rows: Iterable[Row]) -> list[str]:
    """Fields that none of the records has."""
    there = set().union(*rows)
    return [field for field in dict.fromkeys(fields) if field not in there]
