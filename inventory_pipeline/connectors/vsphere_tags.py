"""Tags of vCenter's objects, by the vSphere Automation API, which has a session of its own.

Facts: vSphere Automation REST API reference 6.5 to 8.0: `POST /rest/com/vmware/cis/session` (basic authentication, the
session's id is the value of the answer and goes into the header `vmware-api-session-id`), `tagging/category`,
`tagging/tag`, and `tagging/tag-association?~action=list-attached-objects-on-tags`. Answers are wrapped in `value`. What
the account may not see is not listed.
"""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx

from inventory_pipeline.connectors.vsphere import VSphereError

ROOT = "/rest/com/vmware/cis"
SESSION = "vmware-api-session-id"
TAGS_PER_CALL = 100
OBJECT_TYPES = frozenset({"HostSystem", "VirtualMachine"})


def tags_by_object(
    host: str, port: int, user: str, password: str, *, context: ssl.SSLContext, timeout_seconds: int
) -> dict[str, list[str]] | None:
    """Tags of hosts and guests, as `category: tag` by managed object id, in order; None where tags are not offered.

    Raises:
        VSphereError: the server cannot be reached, refuses, or answers something else than tags.
    """
    with httpx.Client(base_url=f"https://{host}:{port}{ROOT}", verify=context, timeout=timeout_seconds) as client:
        answer = _sent(client, "POST", "/session", auth=(user, password))
        if answer is None:
            return None
        client.headers[SESSION] = str(answer)
        try:
            return _tags(client)
        finally:
            with suppress(httpx.HTTPError):
                client.delete("/session")


def _tags(client: httpx.Client) -> dict[str, list[str]] | None:
    categories = _sent(client, "GET", "/tagging/category")
    if categories is None:
        return None
    shown = {key: str(_found(client, "category", key).get("name") or "") for key in categories}
    names: dict[str, str] = {}
    for key in _sent(client, "GET", "/tagging/tag") or ():
        tag = _found(client, "tag", key)
        if not tag:
            continue
        category = shown.get(str(tag.get("category_id")))
        names[key] = f"{category}: {tag.get('name')}" if category else str(tag.get("name") or key)
    tagged: dict[str, list[str]] = defaultdict(list)
    keys = sorted(names)
    for start in range(0, len(keys), TAGS_PER_CALL):
        for entry in _attached(client, keys[start : start + TAGS_PER_CALL]):
            for target in entry.get("object_ids") or ():
                if target.get("type") in OBJECT_TYPES and entry.get("tag_id") in names:
                    tagged[str(target.get("id"))].append(names[entry["tag_id"]])
    return {target: sorted(found) for target, found in tagged.items()}


def _found(client: httpx.Client, kind: str, key: str) -> dict[str, Any]:
    # None when it was removed since it was listed.
    return _sent(client, "GET", f"/tagging/{kind}/id:{key}") or {}


def _attached(client: httpx.Client, keys: Sequence[str]) -> list[dict[str, Any]]:
    path = "/tagging/tag-association?~action=list-attached-objects-on-tags"
    found = _sent(client, "POST", path, json={"tag_ids": list(keys)})
    if found is None:
        # Empty would take the tags from everybody who has them.
        raise VSphereError("tags could not be read: one was removed meanwhile.", "Sync again.")
    return found


def _sent(client: httpx.Client, method: str, path: str, **options: Any) -> Any:
    """The value of an answer; None where the server does not know the address."""
    problem: str | None = None
    try:
        answer = client.request(method, path, **options)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_success:
            return answer.json()["value"]
        problem = f"HTTP {answer.status_code}"
    except httpx.HTTPError as error:
        problem = type(error).__name__
    except (ValueError, KeyError, TypeError):
        problem = "an answer that is no JSON value"
    # Raised here, so that no exception of the client hangs on it, which holds the request with its headers.
    raise VSphereError(
        f"tags could not be read ({problem} for {ROOT}{path.partition('?')[0]}).",
        "Try again; without the vSphere Automation API set `tags: false`.",
    )
