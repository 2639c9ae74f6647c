"""Windows Server Update Services: computers, updates with their state per computer, and target groups.

Facts: Microsoft's "Using WSUS Views" (schema PUBLIC_VIEWS, readable for the role PublicViewAccess). States come from
vUpdateInstallationInfoBasic, which holds what computers reported, and only for computers that reported anew:
vUpdateInstallationInfo is every update times every computer. WSUS keeps its times in UTC. The Windows Internal Database
listens on a named pipe of its own machine only, so that it cannot be read over the network.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from sqlalchemy import ColumnElement, Unicode, and_, case, cast, literal, or_, select

from inventory_pipeline.connectors.base import TableSource
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_model import (
    Joined,
    Rows,
    View,
    database_table,
    filled,
    mapped,
    together,
    view,
)

READER = "database role PublicViewAccess"
COMPARED = "Everything is read and compared."


def _public(name: str, columns: str, *, optional: bool = False) -> View:
    return view(name, columns, schema="PUBLIC_VIEWS", optional=optional)


COMPUTERS = _public(
    "vComputerTarget",
    "ComputerTargetId!, ParentServerId guid, Name!, IPAddress, LastSyncTime time, LastReportedStatusTime! time, "
    "LastReportedInventoryTime time, ClientVersion, OSArchitecture, Make, Model, OSMajorVersion int, "
    "OSMinorVersion int, OSBuildNumber int, OSServicePackMajorNumber int, OSDefaultUILanguage",
)
INVENTORY = _public("vComputerInventory", "ComputerTargetId!, ClassName!, PropertyName!, Value!", optional=True)
UPDATES = _public(
    "vUpdate",
    "UpdateId! guid, RevisionNumber int, DefaultTitle!, ClassificationId guid, CreationDate time, IsDeclined! int, "
    "MsrcSeverity, PublicationState, UpdateType, KnowledgebaseArticle, SecurityBulletin",
)
CLASSES = _public("vClassification", "ClassificationId! guid, DefaultTitle!", optional=True)
CATEGORIES = _public("vCategory", "CategoryId! guid, CategoryType!, DefaultTitle!", optional=True)
IN_CATEGORY = _public("vUpdateInCategory", "UpdateId! guid, CategoryId! guid", optional=True)
STATES = _public("vUpdateInstallationInfoBasic", "UpdateId! guid, ComputerTargetId!, State! int")
GROUPS = _public("vComputerTargetGroup", "ComputerTargetGroupId! guid, Name!, ParentTargetGroupId guid")
MEMBERS = _public("vComputerGroupMembership", "ComputerTargetId!, ComputerTargetGroupId! guid, IsExplicitMember int")

_computer, _update = COMPUTERS.c, UPDATES.c


def _detail(column: str, class_name: str, property_name: str) -> Joined:
    """A value of the detailed inventory, where that is switched on."""
    query = mapped(INVENTORY, f"source_device_id=ComputerTargetId {column}=Value")
    chosen = and_(INVENTORY.c.ClassName == class_name, INVENTORY.c.PropertyName == property_name)
    return Joined(query.where(chosen).order_by(INVENTORY.c.ComputerTargetId, INVENTORY.c.Value))


def _text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Unicode(10))


DEVICE = database_table(
    "device",
    mapped(
        COMPUTERS,
        "source_device_id=ComputerTargetId name=Name ip_addresses=IPAddress manufacturer=Make model=Model "
        "os_architecture=OSArchitecture os_build=OSBuildNumber extra_client_version=ClientVersion "
        "extra_service_pack=OSServicePackMajorNumber extra_ui_language=OSDefaultUILanguage "
        "extra_parent_server=ParentServerId",
        fqdn=case((_computer.Name.like("%.%"), _computer.Name)),
        os_version=together(
            _text(_computer.OSMajorVersion), ".", _text(_computer.OSMinorVersion), ".", _text(_computer.OSBuildNumber)
        ),
        inventory_date=case(
            (
                or_(
                    _computer.LastReportedStatusTime.is_(None),
                    _computer.LastSyncTime > _computer.LastReportedStatusTime,
                ),
                _computer.LastSyncTime,
            ),
            else_=_computer.LastReportedStatusTime,
        ),
    ).order_by(_computer.ComputerTargetId),
    joined=(
        _detail("serial_number", "Win32_BIOS", "SerialNumber"),
        _detail("os_name", "Win32_OperatingSystem", "Caption"),
    ),
    listing=(select(*COMPUTERS.c),),
    permission=READER,
    change="A column of vComputerTarget moves: its times of synchronizing, of status and of inventory.",
    chunk_units=1000,
)

_in_category = UPDATES.join(IN_CATEGORY, IN_CATEGORY.c.UpdateId == _update.UpdateId).join(
    CATEGORIES, CATEGORIES.c.CategoryId == IN_CATEGORY.c.CategoryId
)
PATCH = database_table(
    "patch",
    select(
        _update.UpdateId.label("update_id"),
        _update.RevisionNumber.label("revision"),
        case(
            (_update.KnowledgebaseArticle.like("KB%"), _update.KnowledgebaseArticle),
            else_=together("KB", filled(_update.KnowledgebaseArticle)),
        ).label("kb"),
        _update.DefaultTitle.label("title"),
        CLASSES.c.DefaultTitle.label("classification"),
        _update.MsrcSeverity.label("severity"),
        filled(_update.SecurityBulletin).label("msrc_number"),
        _update.CreationDate.label("release_date"),
        case((or_(_update.IsDeclined == 1, _update.PublicationState == "Expired"), 1), else_=0).label("is_declined"),
        _update.UpdateType.label("extra_update_type"),
        _update.PublicationState.label("extra_publication_state"),
    )
    .select_from(UPDATES.outerjoin(CLASSES, CLASSES.c.ClassificationId == _update.ClassificationId))
    .order_by(_update.UpdateId),
    joined=(
        Joined(
            select(_update.UpdateId.label("update_id"), CATEGORIES.c.DefaultTitle.label("product"))
            .select_from(_in_category)
            .where(CATEGORIES.c.CategoryType == "Product")
            .order_by(_update.UpdateId, CATEGORIES.c.DefaultTitle),
            ("product",),
        ),
    ),
    permission=READER,
    change=COMPARED,
)

_state = STATES.c.State
PATCH_STATE = database_table(
    "patch_state",
    Rows(
        select(
            STATES.c.ComputerTargetId.label("source_device_id"),
            STATES.c.UpdateId.label("update_id"),
            case(
                {1: "not_applicable", 2: "missing", 3: "missing", 4: "installed", 5: "failed", 6: "pending_reboot"},
                value=_state,
                else_="unknown",
            ).label("state"),
            _computer.LastReportedStatusTime.label("state_date"),
        )
        .select_from(STATES.join(COMPUTERS, _computer.ComputerTargetId == STATES.c.ComputerTargetId))
        .order_by(STATES.c.ComputerTargetId, STATES.c.UpdateId),
        unless=("include_not_applicable", _state.in_((2, 3, 4, 5, 6))),
    ),
    listing=(select(_computer.ComputerTargetId, _computer.LastReportedStatusTime),),
    permission=READER,
    change="LastReportedStatusTime of the computer moves.",
    chunk_units=200,
)

GROUP = database_table(
    "group",
    mapped(
        GROUPS,
        "source_group_id=ComputerTargetGroupId name=Name parent_group_id=ParentTargetGroupId",
        kind=literal("computer target group"),
    ).order_by(GROUPS.c.ComputerTargetGroupId),
    permission=READER,
    change=COMPARED,
)
GROUP_MEMBER = database_table(
    "group_member",
    mapped(
        MEMBERS,
        "source_group_id=ComputerTargetGroupId member_id=ComputerTargetId extra_is_explicit=IsExplicitMember",
        member_kind=literal("device"),
    ).order_by(MEMBERS.c.ComputerTargetGroupId, MEMBERS.c.ComputerTargetId),
    permission=READER,
    change=COMPARED,
)


class Wsus(DatabaseConnector):
    """A WSUS server, through the public views of its database on SQL Server.

    Brings computers, updates with classification, products and whether they are declined, the state of each update on
    each computer, and computer target groups.
    """

    type: ClassVar[str] = "wsus"
    title: ClassVar[str] = "WSUS"
    versions: ClassVar[str] = "SUSDB of WSUS 3.0 SP2 to Windows Server 2025"
    reader_role: ClassVar[str] = "the database role PublicViewAccess"
    sources: ClassVar[tuple[TableSource, ...]] = (DEVICE, PATCH, PATCH_STATE, GROUP, GROUP_MEMBER)

    include_not_applicable: bool = Field(
        default=False,
        description="Also bring states not applicable and unknown, which say little and are many rows.",
    )
