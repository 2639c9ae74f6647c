"""Small ConfigMgr and WSUS sites, loaded from the stand-in schemas into SQLite, PostgreSQL or the SQL Server stand-in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from inventory_pipeline.connectors.base import Secret
from inventory_pipeline.connectors.odbc import FREETDS
from inventory_pipeline_tests.counterparts.postgres import PostgresServer
from inventory_pipeline_tests.counterparts.tds import TdsServer, running_tds_server

SCHEMAS = Path(__file__).parents[2] / "examples" / "schemas"
READER, PASSWORD, VARIABLE = "reader", "p;w {d}'1+%41", "SITE_TEST_PASSWORD"

FIRST, SECOND, OLD, UNMANAGED = 16777217, 16777218, 16777230, 16777240
WINDOWS_UPDATE, NEWER_UPDATE = "b7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11", "c7d1b9a5-8f6e-4c3f-a9ef-1d3c5a7e9b11"
ACROBAT = "{AC76BA86-1033-FF00-7760-BC15014EA700}"

CONFIGMGR = f"""
INSERT INTO v_R_System (ResourceID, ResourceType, Name0, Netbios_Name0, Resource_Domain_OR_Workgr0, Full_Domain_Name0,
    AD_Site_Name0, SMBIOS_GUID0, SMS_Unique_Identifier0, User_Domain0, User_Name0, Operating_System_Name_and0, Client0,
    Client_Version0, Active0, Obsolete0, Decommissioned0, Is_Virtual_Machine0, Creation_Date0) VALUES
    ({FIRST}, 5, 'LON-LT-0001', 'LON-LT-0001', 'CORP', 'corp.example.com', 'London', 'not used', 'GUID:1', 'CORP', 'last',
        'Microsoft Windows NT Workstation 10.0', 1, '5.00.9128', 1, 0, 0, 0, '2024-05-06 07:08:09'),
    ({SECOND}, 5, 'BER-VM-0002', 'BER-VM-0002', 'CORP', 'corp.example.com', 'Berlin', '4C4C4544-AAAA', 'GUID:2', 'CORP',
        'weber', 'Microsoft Windows NT Server 10.0', 1, '5.00.9128', 1, 0, 0, 1, '2024-05-06 07:08:09'),
    ({OLD}, 5, 'LON-LT-0001', 'LON-LT-0001', 'CORP', NULL, NULL, NULL, 'GUID:3', NULL, NULL, NULL, 1, NULL, 0, 1, 0, 0, NULL),
    ({UNMANAGED}, 5, 'AD-ONLY', 'AD-ONLY', 'CORP', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL);
INSERT INTO v_GS_WORKSTATION_STATUS VALUES
    ({FIRST}, 1, 1, '2026-01-02 03:04:05', '2026-01-02 03:04:05'),
    ({SECOND}, 1, 1, '2026-01-03 03:04:05', '2026-01-03 03:04:05');
INSERT INTO v_GS_COMPUTER_SYSTEM (ResourceID, GroupID, Manufacturer0, Model0, Domain0) VALUES
    ({FIRST}, 1, 'Dell Inc.', 'Latitude 7440', 'corp.example.com'),
    ({SECOND}, 1, 'VMware, Inc.', 'VMware7,1', 'corp.example.com');
INSERT INTO v_GS_COMPUTER_SYSTEM_PRODUCT (ResourceID, GroupID, IdentifyingNumber0, UUID0) VALUES
    ({FIRST}, 1, '7XK2M94', '4C4C4544-0058-4B10-8032-B7C04F393434'),
    ({SECOND}, 1, 'VMware-42 22', '');
INSERT INTO v_GS_PC_BIOS (ResourceID, GroupID, SerialNumber0) VALUES ({FIRST}, 1, '7XK2M94'), ({SECOND}, 1, ' ');
INSERT INTO v_GS_SYSTEM_ENCLOSURE (ResourceID, GroupID, ChassisTypes0, SMBIOSAssetTag0) VALUES
    ({FIRST}, 2, '12', 'DOCK-9'), ({FIRST}, 1, '10', 'A-1');
INSERT INTO v_GS_OPERATING_SYSTEM (ResourceID, GroupID, Caption0, Version0, BuildNumber0, OSArchitecture0, LastBootUpTime0)
    VALUES ({FIRST}, 1, 'Microsoft Windows 11 Enterprise', '10.0.22631', '22631', '64-bit', '2026-01-01 06:00:00');
INSERT INTO v_GS_X86_PC_MEMORY (ResourceID, GroupID, TotalPhysicalMemory0) VALUES ({FIRST}, 1, 16642116);
INSERT INTO v_GS_NETWORK_ADAPTER_CONFIGUR (ResourceID, GroupID, IPAddress0, MACAddress0, IPEnabled0) VALUES
    ({FIRST}, 1, '10.1.2.3,fe80::1', 'AA:BB:CC:00:11:22', 1), ({FIRST}, 2, NULL, 'AA:BB:CC:00:11:33', 1),
    ({FIRST}, 3, '10.9.9.9', '00:00:00:00:00:01', 0);
INSERT INTO v_RA_System_MACAddresses VALUES ({FIRST}, 'FF:FF:FF:00:00:01'), ({SECOND}, '00:50:56:00:00:02');
INSERT INTO v_RA_System_IPAddresses VALUES ({SECOND}, '10.1.2.4'), ({SECOND}, '10.1.2.5');
INSERT INTO v_RA_System_ResourceNames VALUES ({FIRST}, 'lon-lt-0001.corp.example.com');
INSERT INTO v_AgentDiscoveries VALUES ({FIRST}, 'Heartbeat Discovery', '2026-01-02 00:00:00');
INSERT INTO v_UserMachineRelationship (RelationshipResourceID, MachineResourceID, UniqueUserName, RelationActive) VALUES
    (1, {FIRST}, 'CORP\\asmith', 1), (2, {FIRST}, 'CORP\\aaron', 0);
INSERT INTO v_GS_OFFICE365PROPLUSCONFIGURATIONS (ResourceID, GroupID, VersionToReport0, CDNBaseUrl0, UpdateChannel0, Platform0)
    VALUES ({FIRST}, 1, '16.0.17928.20440', 'http://officecdn.microsoft.com/pr/492350f6-3a01-4f97-b9c0-c7c6ddf67d60',
    'http://officecdn.microsoft.com/pr/55336b82-a18d-4dd6-b5f6-9e5095c314a6', 'x64'),
    ({SECOND}, 1, '16.0.10417.20007', 'http://updates.corp.example.com/office', '', 'x86');
INSERT INTO v_GS_PROCESSOR (ResourceID, GroupID, DeviceID0, Name0, Manufacturer0, SocketDesignation0, NumberOfCores0,
    NumberOfLogicalProcessors0, NormSpeed0, MaxClockSpeed0, IsHyperthreadEnabled0) VALUES
    ({FIRST}, 1, 'CPU0', '13th Gen Intel(R) Core(TM) i7-1365U', 'GenuineIntel', 'U3E1', 10, 12, NULL, 1800, 1),
    ({SECOND}, 1, 'CPU0', 'Xeon', 'GenuineIntel', 'CPU 0', 4, 4, 2400, 2394, 0),
    ({SECOND}, 2, 'CPU1', 'Xeon', 'GenuineIntel', 'CPU 1', 4, 4, 2400, 2394, 0);
INSERT INTO v_GS_ADD_REMOVE_PROGRAMS_64 (ResourceID, GroupID, ProdID0, DisplayName0, Publisher0, Version0, InstallDate0)
    VALUES ({FIRST}, 1, '{ACROBAT}', 'Adobe Acrobat (64-bit)', 'Adobe', '24.001.20604', '20250317'),
    ({FIRST}, 2, '7-Zip', '7-Zip 24.09 (x64)', 'Igor Pavlov', '24.09', NULL), ({FIRST}, 3, 'KB12', '', NULL, NULL, NULL),
    ({SECOND}, 1, '7-Zip', '7-Zip 24.09 (x64)', 'Igor Pavlov', '24.09', NULL);
INSERT INTO v_GS_ADD_REMOVE_PROGRAMS (ResourceID, GroupID, ProdID0, DisplayName0, Publisher0, Version0, InstallDate0)
    VALUES ({FIRST}, 1, '7-Zip', '7-Zip 24.09', 'Igor Pavlov', '24.09', NULL),
    ({FIRST}, 2, '{ACROBAT.lower()}', 'Adobe Acrobat (64-bit)', 'Adobe', '24.001.20604', '20250317');
INSERT INTO v_GS_INSTALLED_SOFTWARE (ResourceID, GroupID, SoftwareCode0, ARPDisplayName0, ProductName0, ProductVersion0)
    VALUES ({FIRST}, 1, '{ACROBAT}', NULL, 'Acrobat as MSI', '24.001'), ({FIRST}, 2, NULL, '', 'Tool without a key', '1'),
    ({FIRST}, 3, NULL, NULL, 'Tool without a key', '2');
INSERT INTO v_GS_WINDOWS8_APPLICATION (ResourceID, GroupID, ApplicationName0, Version0, FamilyName0) VALUES
    ({FIRST}, 1, 'Microsoft.WindowsTerminal', '1.19', 'Microsoft.WindowsTerminal_8wekyb3d8bbwe');
INSERT INTO v_MonthlyUsageSummary VALUES
    ({FIRST}, 5, 7, 202501, 3, 1, 600, '2025-01-31 10:00:00'), ({FIRST}, 5, 7, 202502, 4, 0, 60, '2025-02-03 10:00:00');
INSERT INTO v_MeteredFiles (RuleID, ProductName, FileName, FileVersion, MeteredFileID) VALUES
    (1, 'Visio', 'visio.exe', '*', 5), (2, 'Visio', 'visio.exe', '16.0', 5);
INSERT INTO v_MeteredUser VALUES (7, 'CORP\\asmith', 'CORP', 'asmith');
INSERT INTO v_GS_CCM_RECENTLY_USED_APPS (ResourceID, GroupID, ExplorerFileName0, LastUserName0, LastUsedTime0, LaunchCount0,
    ProductName0, ProductVersion0, CompanyName0, msiDisplayName0, msiVersion0) VALUES
    ({FIRST}, 1, 'acrobat.exe', 'CORP\\asmith', '2026-01-01 09:00:00', 4, 'Acrobat', '24', 'Adobe', 'Adobe Acrobat', '24.001'),
    ({SECOND}, 1, 'notepad.exe', NULL, '2025-12-01 00:00:00', 1, 'Notepad', '10', 'Microsoft', '', NULL);
INSERT INTO v_R_User (ResourceID, Unique_User_Name0, User_Name0, Windows_NT_Domain0, Full_User_Name0, User_Account_Control0)
    VALUES (2063597568, 'CORP\\asmith', 'asmith', 'CORP', 'Anna Smith', 512), (2063597569, 'CORP\\gone', 'gone', 'CORP',
    'Gone', 514), (2063597570, 'CORP\\odd', 'odd', 'CORP', 'Odd', NULL);
INSERT INTO v_UpdateInfo (CI_ID, CI_UniqueID, CIVersion, ArticleID, BulletinID, Title, Severity, DatePosted, IsExpired,
    IsSuperseded) VALUES
    (1, '{WINDOWS_UPDATE}', 201, '5034441', NULL, '2024-01 Update', 10, '2024-01-09 18:00:00', 0, 1),
    (2, '{NEWER_UPDATE}', 1, '5034442', 'MS24-001', '2024-02 Update', 8, '2024-02-13 18:00:00', 1, 0);
INSERT INTO v_CICategories_All VALUES (1, 'p1', 1, 'Product'), (1, 'p2', 2, 'Product'), (1, 'u', 3, 'UpdateClassification');
INSERT INTO v_CategoryInfo VALUES ('p1', 1, 'Product', 'Windows 11'), ('p2', 2, 'Product', 'Windows 10'),
    ('u', 3, 'UpdateClassification', 'Security Updates');
INSERT INTO v_CIRelation VALUES (2, 1, 6), (1, 2, 1);
INSERT INTO v_UpdateComplianceStatus (CI_ID, ResourceID, Status, LastEnforcementMessageID, LastStatusChangeTime) VALUES
    (1, {FIRST}, 2, 11, '2026-01-01 00:00:00'), (2, {FIRST}, 1, 0, '2026-01-01 00:00:00'),
    (1, {SECOND}, 3, 10, '2026-01-01 00:00:00'), (2, {SECOND}, 2, 9, NULL);
INSERT INTO v_Collection VALUES ('SMS00001', 'All Systems', 'Every system', 2, NULL), ('P0100014', 'Pilots', NULL, 2, 'SMS00001'),
    ('P0100020', 'Empty', NULL, 1, NULL);
INSERT INTO v_FullCollectionMembership (CollectionID, ResourceID, ResourceType) VALUES
    ('SMS00001', {FIRST}, 5), ('SMS00001', {SECOND}, 5), ('P0100014', {FIRST}, 5), ('P0100014', 2063597568, 4);
INSERT INTO v_Package (PackageID, Name, Version, Manufacturer, PackageType, SecurityKey) VALUES
    ('P0100001', '7-Zip', '24.09', 'Igor Pavlov', 0, NULL), ('P0100002', 'Boot image', NULL, NULL, 258, NULL),
    ('P0100003', 'Acrobat', '24', 'Adobe', 8, 'ScopeId_1/Application_1');
INSERT INTO v_Advertisement (AdvertisementID, PackageID) VALUES ('A1', 'P0100001'), ('A2', 'P0100001');
INSERT INTO v_ConfigurationItems (CI_ID, ModelName, CIType_ID, IsLatest, IsDeployed, DateLastModified) VALUES
    (8, 'ScopeId_1/Application_1', 10, 0, 1, '2025-01-01 00:00:00'),
    (9, 'ScopeId_1/Application_1', 10, 1, 1, '2025-02-01 00:00:00'), (1, '{WINDOWS_UPDATE}', 1, 1, 1, '2025-02-01 00:00:00');
INSERT INTO v_LocalizedCIProperties VALUES (9, 1033, 'Adobe Acrobat'), (9, 1031, 'Adobe Acrobat');
"""

GROUP_ID, CLASS_ID, PRODUCT_ID = (f"{n * 8}-4dbe-4a37-9adf-9e7652c0b421" for n in "abc")
SUSDB = f"""
INSERT INTO vComputerTarget (ComputerTargetId, Name, IPAddress, LastSyncTime, LastReportedStatusTime, Make, Model,
    OSArchitecture, OSMajorVersion, OSMinorVersion, OSBuildNumber, ClientVersion) VALUES
    ('0a1b', 'lon-lt-0001.corp.example.com', '10.1.2.3', '2026-01-02 00:00:00', '2026-01-01 00:00:00', 'Dell Inc.',
        'Latitude 7440', 'AMD64', 10, 0, 22631, '10.0.22621'),
    ('0a1c', 'ber-vm-0002', '10.1.2.4', '2026-01-02 00:00:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vComputerInventory VALUES ('0a1b', 'Win32_BIOS', 1, 'SerialNumber', '7XK2M94'),
    ('0a1b', 'Win32_OperatingSystem', 1, 'Caption', 'Microsoft Windows 11 Enterprise');
INSERT INTO vUpdate (UpdateId, RevisionNumber, DefaultTitle, ClassificationId, CreationDate, IsDeclined, MsrcSeverity,
    PublicationState, UpdateType, KnowledgebaseArticle, SecurityBulletin) VALUES
    ('{WINDOWS_UPDATE}', 201, '2024-01 Update', '{CLASS_ID}', '2024-01-09 18:00:00', 0, 'Critical', 'Published',
        'Software', '5034441', ''),
    ('{NEWER_UPDATE}', 1, '2024-02 Update', '{CLASS_ID}', '2024-02-13 18:00:00', 1, 'Unspecified', 'Published',
        'Software', NULL, NULL);
INSERT INTO vClassification VALUES ('{CLASS_ID}', 'Security Updates');
INSERT INTO vCategory VALUES ('{PRODUCT_ID}', 'Product', 'Windows 11'), ('{CLASS_ID}', 'ProductFamily', 'Windows');
INSERT INTO vUpdateInCategory VALUES ('{WINDOWS_UPDATE}', '{PRODUCT_ID}', 'Product'),
    ('{WINDOWS_UPDATE}', '{CLASS_ID}', 'ProductFamily');
INSERT INTO vUpdateInstallationInfoBasic VALUES ('{WINDOWS_UPDATE}', '0a1b', 6), ('{NEWER_UPDATE}', '0a1b', 1),
    ('{WINDOWS_UPDATE}', '0a1c', 2);
INSERT INTO vComputerTargetGroup VALUES ('{GROUP_ID}', 'All Computers', NULL);
INSERT INTO vComputerGroupMembership VALUES ('0a1b', '{GROUP_ID}', 1), ('0a1c', '{GROUP_ID}', 0);
"""


@dataclass
class Database:
    """A loaded site: where to connect, and how to change it."""

    execute: Callable[[str], Any]
    fields: dict[str, Any]
    server: TdsServer | None = None
    statements: list[str] = field(default_factory=list)


def schema_text(name: str) -> str:
    """The stand-in schema `configmgr` or `susdb`."""
    return (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8")


def _content(name: str) -> str:
    return CONFIGMGR if name == "configmgr" else SUSDB


def sqlite_site(name: str, folder: Path) -> Database:
    """A site as an SQLite file."""
    path = folder / f"{name}.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(schema_text(name) + _content(name))
    connection.close()

    def execute(sql: str) -> None:
        with sqlite3.connect(path) as changing:
            changing.executescript(sql)
        changing.close()

    return Database(execute, {"url": f"sqlite:///{path}"})


def postgres_site(name: str, server: PostgresServer) -> Database:
    """A site in a database of its own on a PostgreSQL server, whose password stands in VARIABLE."""
    url = server.create_database(name)
    conninfo = url.replace("+psycopg", "")

    def execute(sql: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(sql.encode())

    execute(schema_text(name) + _content(name))
    return Database(execute, {"url": url.replace(f":{server.password}@", "@"), "password": Secret(env=VARIABLE)})


@contextmanager
def sql_server_site(name: str, driver: str = FREETDS) -> Iterator[Database]:
    """A site behind the SQL Server stand-in, to be read by ODBC as READER."""
    schema = "dbo" if name == "configmgr" else "PUBLIC_VIEWS"
    database = duckdb.connect()
    database.execute(f"CREATE SCHEMA {schema}; SET search_path = '{schema}'")
    database.execute(schema_text(name) + _content(name))
    with running_tds_server({name: database}, {READER: PASSWORD}) as server:
        yield Database(
            database.execute,
            {
                "driver": driver,
                "server": "127.0.0.1",
                "port": server.port,
                "database": name,
                "username": READER,
                "password": Secret(env=VARIABLE),
                "encrypt": False,
            },
            server,
            server.statements,
        )
    database.close()
