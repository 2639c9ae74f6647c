"""What the sccm connector reads of discovery and hardware inventory: devices, processors, software.

Of several rows of one class (docking stations have enclosures, too) the first counts, by GroupID. Values are taken in
the order of the parts: what the hardware inventory found goes before what a discovery said.
"""

# pyright: reportAttributeAccessIssue=false
# (pyarrow makes its compute functions at import, where pyright does not see them)

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Select, case, cast, func, literal, null, or_, select

from inventory_pipeline.connectors import sccm_views as v
from inventory_pipeline.connectors.database_model import Joined, Rows, View, database_table, filled, mapped, together

READER = "database role smsschm_users"

# Last part of the address that Office takes its updates from (Microsoft: update channels of Microsoft 365 Apps).
OFFICE_CHANNELS = {
    "492350f6-3a01-4f97-b9c0-c7c6ddf67d60": "Current Channel",
    "64256afe-f5d9-4f86-8936-8840a6a4f5be": "Current Channel (Preview)",
    "55336b82-a18d-4dd6-b5f6-9e5095c314a6": "Monthly Enterprise Channel",
    "7ffbc6bf-bc32-4f92-8982-f9dd17fd3114": "Semi-Annual Enterprise Channel",
    "b8f9b850-328d-4355-9145-c59439a0c4cf": "Semi-Annual Enterprise Channel (Preview)",
    "5440fd1f-7ecb-4221-8110-145efaa6372f": "Beta Channel",
}

system = v.SYSTEM.c
retired = or_(system.Obsolete0 == 1, system.Decommissioned0 == 1)
managed = ("include_unmanaged", or_(system.Client0 == 1, retired))
scan_times = select(v.SCANS.c.ResourceID, v.SCANS.c.LastHWScan)


_office_address = func.coalesce(filled(v.OFFICE.c.UpdateChannel0), filled(v.OFFICE.c.CDNBaseUrl0))
_kilobytes = v.MEMORY.c.TotalPhysicalMemory0


def by_device(source: View, columns: str, **expressions: ColumnElement[Any]) -> Select:
    """Columns of a view that has one or more rows per ResourceID."""
    return mapped(source, f"source_device_id=ResourceID {columns}", **expressions)


def part(source: View, columns: str = "", *, lists: tuple[str, ...] = (), **expressions: ColumnElement[Any]) -> Joined:
    """Columns that a view adds to the device."""
    return Joined(by_device(source, columns, **expressions), lists)


DEVICE = database_table(
    "device",
    Rows(
        by_device(
            v.SYSTEM,
            "name=Name0 netbios_name=Netbios_Name0 domain=Full_Domain_Name0 netbios_domain=Resource_Domain_OR_Workgr0 "
            "ad_site=AD_Site_Name0 ad_sid=SID0 is_virtual=Is_Virtual_Machine0 first_seen=Creation_Date0 "
            "extra_sms_unique_identifier=SMS_Unique_Identifier0 extra_client_version=Client_Version0 "
            "extra_virtual_machine_host=Virtual_Machine_Host_Name0",
            is_obsolete=case((retired, 1), else_=0),
            # Intune states the same of the devices that it manages together with ConfigMgr.
            cross_reference=together("sccm:", filled(system.SMS_Unique_Identifier0)),
        ),
        unless=managed,
    ),
    joined=(
        part(v.SCANS, "inventory_date=LastHWScan"),
        part(v.RESOURCE_NAMES, "fqdn=Resource_Names0"),
        part(v.SYSTEM, fqdn=together(system.Name0, ".", filled(system.Full_Domain_Name0))),
        part(v.COMPUTER, "manufacturer=Manufacturer0 model=Model0 domain=Domain0"),
        part(v.BIOS, "serial_number=SerialNumber0"),
        part(v.PRODUCT, "smbios_uuid=UUID0 serial_number=IdentifyingNumber0 extra_product_version=Version0"),
        part(v.SYSTEM, "smbios_uuid=SMBIOS_GUID0"),
        part(v.ENCLOSURE, "asset_tag=SMBIOSAssetTag0 chassis_type=ChassisTypes0 serial_number=SerialNumber0"),
        part(
            v.OS,
            "os_name=Caption0 os_version=Version0 os_build=BuildNumber0 os_architecture=OSArchitecture0 "
            "last_boot=LastBootUpTime0 extra_service_pack=CSDVersion0",
        ),
        part(v.SYSTEM, "os_name=Operating_System_Name_and0 os_version=Build01"),
        part(v.MEMORY, memory_mb=(_kilobytes - _kilobytes % 1024) / 1024),
        Joined(
            by_device(v.ADAPTERS, "mac_addresses=MACAddress0 ip_addresses=IPAddress0").where(
                func.coalesce(v.ADAPTERS.c.IPEnabled0, 1) == 1
            ),
            lists=("mac_addresses", "ip_addresses"),
        ),
        part(v.MAC_ADDRESSES, "mac_addresses=MAC_Addresses0", lists=("mac_addresses",)),
        part(v.IP_ADDRESSES, "ip_addresses=IP_Addresses0", lists=("ip_addresses",)),
        Joined(
            mapped(v.AFFINITY, "source_device_id=MachineResourceID primary_user=UniqueUserName")
            .where(func.coalesce(v.AFFINITY.c.RelationActive, 1) == 1)
            .order_by(v.AFFINITY.c.MachineResourceID, v.AFFINITY.c.UniqueUserName)
        ),
        part(v.CONSOLE, "primary_user=TopConsoleUser0"),
        part(v.SYSTEM, primary_user=together(filled(system.User_Domain0), "\\", filled(system.User_Name0))),
        part(v.VIRTUAL, "extra_virtual_machine_host=PhysicalHostNameFullyQualified0"),
        part(
            v.OFFICE,
            "extra_office_version=VersionToReport0 extra_office_platform=Platform0",
            extra_office_update_channel=case(
                *((_office_address.like(f"%{key}%"), literal(name)) for key, name in OFFICE_CHANNELS.items()),
                else_=_office_address,
            ),
        ),
    ),
    listing=(
        Rows(select(*v.SYSTEM.c), unless=managed),
        scan_times,
        select(v.DISCOVERIES.c.ResourceId, func.max(v.DISCOVERIES.c.AgentTime)).group_by(v.DISCOVERIES.c.ResourceId),
        select(
            v.AFFINITY.c.MachineResourceID,
            func.count(),
            func.min(v.AFFINITY.c.UniqueUserName),
            func.max(v.AFFINITY.c.UniqueUserName),
            func.sum(v.AFFINITY.c.RelationActive),
        ).group_by(v.AFFINITY.c.MachineResourceID),
    ),
    permission=READER,
    change="LastHWScan, the time of a discovery, the primary user, or a column of v_R_System moves.",
)

PROCESSOR = database_table(
    "processor",
    by_device(
        v.PROCESSOR,
        "slot=DeviceID0 vendor=Manufacturer0 name=Name0 socket=SocketDesignation0 cores=NumberOfCores0 "
        "logical_cores=NumberOfLogicalProcessors0 hyperthreading=IsHyperthreadEnabled0",
        sockets=literal(1),
        speed_mhz=func.coalesce(v.PROCESSOR.c.NormSpeed0, v.PROCESSOR.c.MaxClockSpeed0),
    ),
    listing=(scan_times,),
    permission=READER,
    change="LastHWScan of the device moves.",
)


def programs(source: View, architecture: str) -> Select:
    """Named entries of one of the two uninstall classes."""
    return by_device(
        source,
        "title=DisplayName0 publisher=Publisher0 version=Version0 install_date=InstallDate0 product_code=ProdID0",
        architecture=literal(architecture),
        scope=literal("machine"),
        origin=literal("registry"),
    ).where(filled(source.c.DisplayName0).is_not(None))


def software_identity(rows: pa.RecordBatch) -> pa.Array:
    """What two records of one device have in common when they are the same software, seen by two classes.

    That is the MSI product code; where there is none, uninstall key, title and version. Null where a record has no
    key at all, so that it stays.
    """
    code = pc.utf8_upper(pc.utf8_trim_whitespace(rows.column("product_code")))
    title = pc.utf8_lower(pc.utf8_trim_whitespace(rows.column("title")))
    named = pc.binary_join_element_wise(
        code, title, rows.column("version"), "\x1f", null_handling="replace", null_replacement=""
    )
    identity = pc.if_else(pc.fill_null(pc.match_substring_regex(code, r"^\{[0-9A-F-]{36}\}$"), False), code, named)
    identity = pc.if_else(pc.fill_null(pc.equal(code, ""), True), pa.scalar(None, pa.string()), identity)
    return pc.binary_join_element_wise(rows.column("source_device_id"), identity, "\x1f")


_installed = v.INSTALLED.c
_installed_title = func.coalesce(filled(_installed.ARPDisplayName0), filled(_installed.ProductName0))

SOFTWARE = database_table(
    "software",
    programs(v.PROGRAMS_64, "x64"),
    programs(v.PROGRAMS, "x86"),
    by_device(
        v.INSTALLED,
        "publisher=Publisher0 version=ProductVersion0 install_date=InstallDate0 product_code=SoftwareCode0",
        title=_installed_title,
        scope=literal("machine"),
        origin=literal("msi"),
    ).where(_installed_title.is_not(None)),
    by_device(
        v.APPX,
        "title=ApplicationName0 publisher=Publisher0 version=Version0 package_family=FamilyName0",
        product_code=cast(null(), v.APPX.c.FamilyName0.type),
        origin=literal("appx"),
    ).where(filled(v.APPX.c.ApplicationName0).is_not(None)),
    distinct=software_identity,
    listing=(scan_times,),
    permission=READER,
    change="LastHWScan of the device moves.",
)
