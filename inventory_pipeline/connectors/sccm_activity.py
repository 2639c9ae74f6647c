"""What the sccm connector reads besides inventory: usage, users, software updates, collections, applications."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, Integer, and_, case, cast, func, literal, null, or_, select

from inventory_pipeline.connectors import sccm_views as v
from inventory_pipeline.connectors.database_model import Joined, Rows, database_table, filled, mapped, together
from inventory_pipeline.connectors.sccm_inventory import READER, managed, scan_times, system

COMPARED = "Everything is read and compared."
_metered, _recent, _update, _state, _member = v.METERED.c, v.RECENT.c, v.UPDATES.c, v.COMPLIANCE.c, v.MEMBERS.c

_runs = func.sum(_metered.UsageCount) + func.sum(func.coalesce(_metered.TSUsageCount, 0))
_use = (
    select(
        _metered.ResourceID,
        _metered.FileID,
        _metered.MeteredUserID,
        func.min(_metered.LastUsage).label("first_used"),
        func.max(_metered.LastUsage).label("last_used"),
        _runs.label("run_count"),
        (cast(func.sum(_metered.UsageTime), Float) / 60.0).label("used_minutes"),
    )
    .group_by(_metered.ResourceID, _metered.FileID, _metered.MeteredUserID)
    .subquery("summed")
)
_rule_version = case((v.METERED_FILES.c.FileVersion.in_(("*", "%")), null()), else_=v.METERED_FILES.c.FileVersion)
_files = (
    # Several rules may meter the same file.
    select(
        v.METERED_FILES.c.MeteredFileID,
        func.max(v.METERED_FILES.c.ProductName).label("title"),
        func.max(v.METERED_FILES.c.FileName).label("file_name"),
        func.max(func.coalesce(filled(v.METERED_FILES.c.MeteredFileVersion), _rule_version)).label("version"),
    )
    .group_by(v.METERED_FILES.c.MeteredFileID)
    .subquery("files")
)

SOFTWARE_USAGE = database_table(
    "software_usage",
    select(
        _use.c.ResourceID.label("source_device_id"),
        _files.c.title,
        _files.c.file_name,
        _files.c.version,
        v.METERED_USERS.c.FullName.label("user"),
        *(_use.c[name] for name in ("first_used", "last_used", "run_count", "used_minutes")),
    )
    .select_from(
        _use.join(_files, _files.c.MeteredFileID == _use.c.FileID).outerjoin(
            v.METERED_USERS, v.METERED_USERS.c.MeteredUserID == _use.c.MeteredUserID
        )
    )
    .order_by(_use.c.ResourceID, _use.c.FileID, _use.c.MeteredUserID),
    # Ordered by time, because of rows with the same key (one program in two folders) the last one stays.
    mapped(
        v.RECENT,
        "source_device_id=ResourceID file_name=ExplorerFileName0 product_code=ProductCode0 user=LastUserName0 "
        "last_used=LastUsedTime0 run_count=LaunchCount0",
        title=func.coalesce(filled(_recent.msiDisplayName0), _recent.ProductName0),
        publisher=func.coalesce(filled(_recent.msiPublisher0), _recent.CompanyName0),
        version=func.coalesce(filled(_recent.msiVersion0), filled(_recent.ProductVersion0), _recent.FileVersion0),
    )
    .order_by(None)
    .order_by(_recent.ResourceID, _recent.LastUsedTime0, _recent.GroupID),
    listing=(
        Rows(select(system.ResourceID), unless=managed),
        scan_times,
        select(_metered.ResourceID, func.count(), func.max(_metered.LastUsage), _runs).group_by(_metered.ResourceID),
    ),
    permission=READER,
    change="LastHWScan of the device, or its metered usage, moves.",
)

_metering = (
    select(_metered.ResourceID, func.max(_metered.LastUsage).label("last_used"))
    .group_by(_metered.ResourceID)
    .subquery("metering")
)
_launches = select(_recent.ResourceID, func.count().label("programs")).group_by(_recent.ResourceID).subquery("launches")
_scanned = (
    select(v.SCANS.c.ResourceID, func.max(v.SCANS.c.LastHWScan).label("scanned"))
    .group_by(v.SCANS.c.ResourceID)
    .subquery("scanned")
)

USAGE_REPORTING = database_table(
    "usage_reporting",
    Rows(
        select(
            system.ResourceID.label("source_device_id"),
            case((or_(_metering.c.ResourceID.is_not(None), _launches.c.ResourceID.is_not(None)), 1), else_=0).label(
                "reports_usage"
            ),
            # Recently used programs come with each hardware inventory, metering with its own reports.
            case(
                (
                    and_(
                        _launches.c.ResourceID.is_not(None),
                        or_(_metering.c.last_used.is_(None), _scanned.c.scanned >= _metering.c.last_used),
                    ),
                    _scanned.c.scanned,
                ),
                else_=_metering.c.last_used,
            ).label("last_report"),
        )
        .select_from(
            v.SYSTEM.outerjoin(_metering, _metering.c.ResourceID == system.ResourceID)
            .outerjoin(_launches, _launches.c.ResourceID == system.ResourceID)
            .outerjoin(_scanned, _scanned.c.ResourceID == system.ResourceID)
        )
        .order_by(system.ResourceID),
        unless=managed,
    ),
    permission=READER,
    change=COMPARED,
)

_control = v.R_USER.c.User_Account_Control0
USER = database_table(
    "user",
    mapped(
        v.R_USER,
        "source_user_id=ResourceID upn=User_Principal_Name0 account=User_Name0 domain=Windows_NT_Domain0 sid=SID0 "
        "display_name=Full_User_Name0 email=Mail0 department=department0 job_title=title0 company=company0 country=co0 "
        "extra_unique_user_name=Unique_User_Name0",
        # Bit 2 of userAccountControl: ACCOUNTDISABLE.
        enabled=case((_control.is_(None), cast(null(), Integer)), (_control.bitwise_and(2) == 2, 0), else_=1),
    ),
    permission=READER,
    change=COMPARED,
)

_categorized = v.UPDATES.join(v.CI_CATEGORIES, v.CI_CATEGORIES.c.CI_ID == _update.CI_ID).join(
    v.CATEGORIES, v.CATEGORIES.c.CategoryInstance_UniqueID == v.CI_CATEGORIES.c.CategoryInstance_UniqueID
)


def _category(column: str, kind: str) -> Joined:
    name = v.CATEGORIES.c.CategoryInstanceName
    query = select(_update.CI_UniqueID.label("update_id"), name.label(column)).select_from(_categorized)
    return Joined(
        query.where(v.CI_CATEGORIES.c.CategoryTypeName == kind).order_by(_update.CI_UniqueID, name), (column,)
    )


_newer = select(_update.CI_ID, _update.CI_UniqueID).subquery("newer")
_superseding = (
    # Relation type 6, superseded: FromCIID takes the place of ToCIID.
    select(_update.CI_UniqueID.label("update_id"), _newer.c.CI_UniqueID.label("superseded_by"))
    .select_from(
        v.UPDATES.join(v.RELATIONS, and_(v.RELATIONS.c.ToCIID == _update.CI_ID, v.RELATIONS.c.RelationType == 6)).join(
            _newer, v.RELATIONS.c.FromCIID == _newer.c.CI_ID
        )
    )
    .order_by(_update.CI_UniqueID, _newer.c.CI_UniqueID)
)
PATCH = database_table(
    "patch",
    mapped(
        v.UPDATES,
        "update_id=CI_UniqueID title=Title msrc_number=BulletinID release_date=DatePosted is_superseded=IsSuperseded "
        "is_declined=IsExpired revision=CIVersion",
        kb=case((_update.ArticleID.like("KB%"), _update.ArticleID), else_=together("KB", filled(_update.ArticleID))),
        severity=case(
            {0: "None", 2: "Low", 6: "Moderate", 8: "Important", 10: "Critical"},
            value=_update.Severity,
        ),
    ).order_by(_update.CI_UniqueID, _update.CI_ID),
    joined=(
        _category("classification", "UpdateClassification"),
        _category("product", "Product"),
        Joined(_superseding, ("superseded_by",)),
    ),
    permission=READER,
    change=COMPARED,
)

_failed = _state.LastEnforcementMessageID.in_((6, 11, 14))
_applicable = ("include_not_applicable", _state.Status != 1)
PATCH_STATE = database_table(
    "patch_state",
    Rows(
        select(
            _state.ResourceID.label("source_device_id"),
            _update.CI_UniqueID.label("update_id"),
            case(
                (_state.Status == 3, "installed"),
                (and_(_state.Status == 2, _failed), "failed"),
                (and_(_state.Status == 2, _state.LastEnforcementMessageID == 9), "pending_reboot"),
                (_state.Status == 2, "missing"),
                (_state.Status == 1, "not_applicable"),
                else_="unknown",
            ).label("state"),
            func.coalesce(_state.LastStatusChangeTime, _state.LastStatusCheckTime).label("state_date"),
        )
        .select_from(v.COMPLIANCE.join(v.UPDATES, _update.CI_ID == _state.CI_ID))
        .order_by(_state.ResourceID, _state.CI_ID),
        unless=_applicable,
    ),
    listing=(
        Rows(
            select(
                _state.ResourceID,
                func.count(),
                func.max(_state.LastStatusChangeTime),
                func.sum(_state.Status),
                func.sum(_state.LastEnforcementMessageID),
            ).group_by(_state.ResourceID),
            unless=_applicable,
        ),
    ),
    permission=READER,
    change="Number, states or newest LastStatusChangeTime of the device's updates move.",
    chunk_units=500,
)

GROUP = database_table(
    "group",
    mapped(
        v.COLLECTIONS,
        "source_group_id=CollectionID name=Name parent_group_id=LimitToCollectionID description=Comment",
        kind=case(
            {1: "user collection", 2: "device collection"}, value=v.COLLECTIONS.c.CollectionType, else_="collection"
        ),
    ).order_by(v.COLLECTIONS.c.CollectionID),
    permission=READER,
    change=COMPARED,
)

_number = cast(_member.ResourceID, BigInteger)
GROUP_MEMBER = database_table(
    "group_member",
    select(
        _member.CollectionID.label("source_group_id"),
        case({3: "group", 4: "user"}, value=_member.ResourceType, else_="device").label("member_kind"),
        _member.ResourceID.label("member_id"),
    )
    .where(_member.ResourceType.in_((3, 4, 5)))
    .order_by(_member.CollectionID, _member.ResourceID),
    listing=(
        select(v.COLLECTIONS.c.CollectionID),
        # Two sums tell exchanged members apart, which the number alone would not.
        select(
            _member.CollectionID,
            func.count(),
            func.sum(_number),
            func.sum((_number % 1000003) * (_number % 1000003)),
        ).group_by(_member.CollectionID),
    ),
    permission=READER,
    change="Number or checksum of the collection's members move.",
    chunk_units=200,
)

_item, _package = v.ITEMS.c, v.PACKAGES.c
_deployed = select(v.ADVERTISEMENTS.c.PackageID).group_by(v.ADVERTISEMENTS.c.PackageID).subquery("deployed")
_names = (
    select(v.ITEM_NAMES.c.CI_ID, func.min(v.ITEM_NAMES.c.DisplayName).label("name"))
    .group_by(v.ITEM_NAMES.c.CI_ID)
    .subquery("names")
)
APPLICATION = database_table(
    "application",
    select(
        _package.PackageID.label("source_application_id"),
        _package.Name.label("name"),
        _package.Manufacturer.label("vendor"),
        _package.Version.label("version"),
        literal("package").label("kind"),
        case((_deployed.c.PackageID.is_not(None), 1), else_=0).label("is_deployed"),
        _package.SourceDate.label("modified"),
    )
    .select_from(v.PACKAGES.outerjoin(_deployed, _deployed.c.PackageID == _package.PackageID))
    .where(_package.PackageType == 0)
    .order_by(_package.PackageID),
    select(
        _item.ModelName.label("source_application_id"),
        func.coalesce(_names.c.name, _item.ModelName).label("name"),
        cast(null(), v.PACKAGES.c.Manufacturer.type).label("vendor"),
        literal("application").label("kind"),
        _item.IsDeployed.label("is_deployed"),
        _item.DateLastModified.label("modified"),
    )
    .select_from(v.ITEMS.outerjoin(_names, _names.c.CI_ID == _item.CI_ID))
    .where(_item.CIType_ID == 10, _item.IsLatest == 1)
    .order_by(_item.ModelName),
    # The content of an application is a package of type 8 with the application's vendor and version.
    joined=(
        Joined(
            mapped(v.PACKAGES, "source_application_id=SecurityKey vendor=Manufacturer version=Version")
            .where(_package.PackageType == 8)
            .order_by(_package.PackageID)
        ),
    ),
    permission=READER,
    change=COMPARED,
)
