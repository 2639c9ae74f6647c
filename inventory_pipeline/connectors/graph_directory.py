"""Users, groups and members of Microsoft Entra by delta queries: the first round brings all, later ones what changed.

Facts: Microsoft Graph v1.0 reference (user: delta, group: delta, device: delta) and "Use delta query to track changes":
objects may come more than once in a round, removed ones carry `@removed`, tokens of directory objects end after seven
days, and Graph may ask for a new start by status 410. Microsoft's words differ on whether a changed object comes with
all selected properties; so changed objects are read again by their ids, which also tells those that went meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory_pipeline.connectors.base import Keys
from inventory_pipeline.connectors.graph_requests import IDS_PER_FILTER
from inventory_pipeline.connectors.graph_session import GraphSession, StateLost
from inventory_pipeline.connectors.graph_table import (
    Collected,
    Objects,
    columns_of,
    extra_texts,
    in_groups,
    keys_batches,
)

USERS_PERMISSION = "User.Read.All"
GROUPS_PERMISSION = "GroupMember.Read.All"
DEVICES_PERMISSION = "Device.Read.All"

USER_COLUMNS = {
    "source_user_id": "id",
    "upn": "userPrincipalName",
    "account": "onPremisesSamAccountName",
    "domain": "onPremisesDomainName",
    "sid": "onPremisesSecurityIdentifier",
    "display_name": "displayName",
    "email": "mail",
    "department": "department",
    "job_title": "jobTitle",
    "company": "companyName",
    "country": "country",
    "enabled": "accountEnabled",
}
USER_EXTRA = {"user_type": "userType", "usage_location": "usageLocation", "created": "createdDateTime"}
USER_SELECT = (*USER_COLUMNS.values(), *USER_EXTRA.values())
GROUP_COLUMNS = {"source_group_id": "id", "name": "displayName", "description": "description"}
GROUP_SELECT = (*GROUP_COLUMNS.values(), "groupTypes", "mailEnabled", "securityEnabled")
ENTRA_SELECT = (
    "id", "deviceId", "displayName", "accountEnabled", "operatingSystem", "operatingSystemVersion", "manufacturer",
    "model", "trustType", "onPremisesSecurityIdentifier", "registrationDateTime", "approximateLastSignInDateTime",
)  # fmt: skip
MEMBER_KINDS = {
    "#microsoft.graph.user": "user",
    "#microsoft.graph.device": "device",
    "#microsoft.graph.group": "group",
}


@dataclass(slots=True)
class Listing:
    """What a delta round came to: tables of what is there or has changed, and keys of what has gone."""

    tables: dict[str, Collected]
    cursor: dict[str, Any]
    complete: bool
    gone: dict[str, set[str]] = field(default_factory=dict)

    def keys(self, table: str) -> Keys:
        """The answer to the engine's question for the keys of a table."""
        return Keys(
            self.tables[table].listing(),
            complete=self.complete,
            gone=() if self.complete else keys_batches(self.gone.get(table, ())),
            cursor=self.cursor,
        )


def listing(
    session: GraphSession,
    cursor: Mapping[str, Any] | None,
    whole: Callable[[], Listing],
    changes: Callable[[Mapping[str, Any]], Listing],
) -> Listing:
    """What changed since the cursor; all, when there is none or Graph asks for a new start."""
    link = str((cursor or {}).get("link") or "")
    if cursor is None or not session.is_own(link):
        return whole()
    try:
        return changes(cursor)
    except StateLost:
        return whole()


def users(session: GraphSession, cursor: Mapping[str, Any] | None) -> Listing:
    """The table `user`.

    Raises:
        GraphError: the application may not read users, or Graph fails.
    """

    def whole() -> Listing:
        table = Collected("user")
        delta = session.delta(session.urls.users(USER_SELECT), permission=USERS_PERMISSION)
        for objects, removed in delta:
            _add_users(table, objects)
            for key in removed:
                table.drop(key)
        return Listing({"user": table}, {"link": delta.link}, complete=True)

    def changes(since: Mapping[str, Any]) -> Listing:
        table = Collected("user")
        changed, gone, link = _changed(session, since["link"], USERS_PERMISSION)
        _add_users(table, _by_id(session, changed, session.urls.users_by_id, USER_SELECT, USERS_PERMISSION))
        gone |= {key for key in changed if key not in table}
        return Listing({"user": table}, {"link": link}, complete=False, gone={"user": gone})

    return listing(session, cursor, whole, changes)


def _add_users(table: Collected, objects: Objects) -> None:
    extra = extra_texts(columns_of(objects, USER_EXTRA))
    table.add({**columns_of(objects, USER_COLUMNS), "extra": extra})


@dataclass(frozen=True, slots=True)
class EntraDevices:
    """Entra's devices by object id; `by_device_id` finds them by the id that machines and Intune know (lower case)."""

    objects: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    by_device_id: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def device_ids(self) -> dict[str, str]:
        """Device ids by object id."""
        return {key: str(entry["deviceId"]) for key, entry in self.objects.items() if entry.get("deviceId")}


def entra_devices(session: GraphSession) -> EntraDevices:
    """All devices of Entra, by the first round of the delta query, whose answer holds even while pages change.

    A row of `device` joins them with what Intune says now, so that changes alone would not do.
    """
    objects: dict[str, Mapping[str, Any]] = {}
    for found, removed in session.delta(session.urls.entra_devices(ENTRA_SELECT), permission=DEVICES_PERMISSION):
        objects.update({entry["id"]: entry for entry in found})
        for key in removed:
            objects.pop(key, None)
    return EntraDevices(objects, {str(entry.get("deviceId") or "").lower(): entry for entry in objects.values()})


def groups(
    session: GraphSession, cursor: Mapping[str, Any] | None, device_ids: Callable[[], Mapping[str, str]]
) -> Listing:
    """The tables `group` and `group_member`.

    Members that are devices go by Entra's device id, which outlives enrolments in Intune and stands in
    `device.entra_device_id`; `device_ids` gives it by object id, and is asked in a first round only.

    Raises:
        GraphError: the application may not read groups, or Graph fails.
    """

    def whole() -> Listing:
        found: dict[str, dict[str, Any]] = {}
        members: dict[str, dict[str, str]] = {}
        delta = session.delta(session.urls.groups((*GROUP_SELECT, "members")), permission=GROUPS_PERMISSION)
        for objects, removed in delta:
            for entry in objects:
                found.setdefault(entry["id"], {}).update(entry)
                held = members.setdefault(entry["id"], {})
                for member in entry.get("members@delta") or ():
                    if "@removed" in member:
                        held.pop(member["id"], None)
                    elif kind := MEMBER_KINDS.get(member.get("@odata.type", "")):
                        held[member["id"]] = kind
            for key in removed:
                found.pop(key, None)
        known = device_ids()
        tables = _group_tables(
            list(found.values()),
            {
                key: [(kind, known.get(name, name) if kind == "device" else name) for name, kind in held.items()]
                for key, held in members.items()
                if key in found
            },
        )
        return Listing(tables, {"link": delta.link}, complete=True)

    def changes(since: Mapping[str, Any]) -> Listing:
        changed, gone, link = _changed(session, since["link"], GROUPS_PERMISSION)
        objects = _by_id(session, changed, session.urls.groups_by_id, GROUP_SELECT, GROUPS_PERMISSION)
        urls = [session.urls.group_members(entry["id"]) for entry in objects]
        answers = session.batch(urls, permission=GROUPS_PERMISSION, missing_ok=True)
        members = {
            entry["id"]: [
                (kind, (member.get("deviceId") or member["id"]) if kind == "device" else member["id"])
                for member in answer
                if (kind := MEMBER_KINDS.get(member.get("@odata.type", "")))
            ]
            for entry, answer in zip(objects, answers, strict=True)
        }
        tables = _group_tables(objects, members)
        # A group without members has no rows there, so its earlier members go.
        missing = {name: gone | {key for key in changed if key not in table} for name, table in tables.items()}
        return Listing(tables, {"link": link}, complete=False, gone=missing)

    return listing(session, cursor, whole, changes)


def _group_tables(objects: Objects, members: Mapping[str, list[tuple[str, str]]]) -> dict[str, Collected]:
    tables = {"group": Collected("group"), "group_member": Collected("group_member")}
    tables["group"].add({**columns_of(objects, GROUP_COLUMNS), "kind": [_kind(entry) for entry in objects]})
    for key, held in members.items():
        listed = sorted(set(held))
        tables["group_member"].add(
            {
                "source_group_id": [key] * len(listed),
                "member_kind": [kind for kind, _ in listed],
                "member_id": [name for _, name in listed],
            }
        )
    return tables


def _kind(group: Mapping[str, Any]) -> str:
    types = group.get("groupTypes") or ()
    if "Unified" in types:
        kind = "Microsoft 365 group"
    elif group.get("securityEnabled"):
        kind = "mail-enabled security group" if group.get("mailEnabled") else "security group"
    else:
        kind = "distribution list"
    return f"dynamic {kind}" if "DynamicMembership" in types else kind


def _changed(session: GraphSession, link: str, permission: str) -> tuple[set[str], set[str], str]:
    """Ids of what changed and of what has gone since a delta link, and the next link."""
    delta = session.delta(link, permission=permission)
    changed: set[str] = set()
    gone: set[str] = set()
    for objects, removed in delta:
        for entry in objects:
            changed.add(entry["id"])
            gone.discard(entry["id"])
        for key in removed:
            gone.add(key)
            changed.discard(key)
    return changed, gone, delta.link


def _by_id(
    session: GraphSession,
    ids: Iterable[str],
    address: Callable[[Iterable[str], Any], str],
    select: tuple[str, ...],
    permission: str,
) -> list[Mapping[str, Any]]:
    urls = [address(part, select) for part in in_groups(sorted(ids), IDS_PER_FILTER)]
    return [entry for answer in session.batch(urls, permission=permission) for entry in answer]
