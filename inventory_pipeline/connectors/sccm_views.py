"""Views of a Configuration Manager site database, with the columns that the sccm connector reads.

Facts: "SQL Server views in Configuration Manager" and the hardware inventory classes of Microsoft's documentation (an
inventory column is the property's name and 0; names are cut, and differ by site). A view is mandatory when its category
would be empty without it; the rest is optional, since hardware inventory and discovery are configured per site.
"""

from __future__ import annotations

from inventory_pipeline.connectors.database_model import View, view

_GS = "ResourceID! int, GroupID! int, "


def _inventory(name: str, columns: str, *aliases: str, optional: bool = True) -> View:
    return view(name, _GS + columns, optional=optional, aliases=aliases)


SYSTEM = view(
    "v_R_System",
    "ResourceID! int, ResourceType int, Name0!, Netbios_Name0, Resource_Domain_OR_Workgr0, Full_Domain_Name0, "
    "AD_Site_Name0, SMBIOS_GUID0, SMS_Unique_Identifier0, SID0, User_Domain0, User_Name0, Operating_System_Name_and0, "
    "Build01, Client0! int, Client_Version0, Obsolete0! int, Decommissioned0! int, Is_Virtual_Machine0 int, "
    "Virtual_Machine_Host_Name0, Creation_Date0 time",
)
RESOURCE_NAMES = view("v_RA_System_ResourceNames", "ResourceID! int, Resource_Names0!", optional=True)
MAC_ADDRESSES = view("v_RA_System_MACAddresses", "ResourceID! int, MAC_Addresses0!", optional=True)
IP_ADDRESSES = view("v_RA_System_IPAddresses", "ResourceID! int, IP_Addresses0!", optional=True)
DISCOVERIES = view("v_AgentDiscoveries", "ResourceId! int, AgentTime! time", optional=True)
AFFINITY = view(
    "v_UserMachineRelationship",
    "MachineResourceID! int, UniqueUserName!, RelationActive int, CreationTime time",
    optional=True,
)
R_USER = view(
    "v_R_User",
    "ResourceID! int, Unique_User_Name0!, User_Name0, Windows_NT_Domain0, Full_User_Name0, User_Principal_Name0, "
    "Mail0, SID0, User_Account_Control0 int, department0, title0, company0, co0",
)

SCANS = _inventory("v_GS_WORKSTATION_STATUS", "LastHWScan! time", optional=False)
COMPUTER = _inventory("v_GS_COMPUTER_SYSTEM", "Manufacturer0, Model0, Domain0")
PRODUCT = _inventory("v_GS_COMPUTER_SYSTEM_PRODUCT", "IdentifyingNumber0, UUID0, Version0")
BIOS = _inventory("v_GS_PC_BIOS", "SerialNumber0")
ENCLOSURE = _inventory("v_GS_SYSTEM_ENCLOSURE", "ChassisTypes0, SerialNumber0, SMBIOSAssetTag0")
OS = _inventory(
    "v_GS_OPERATING_SYSTEM",
    "Caption0, Version0, BuildNumber0, CSDVersion0, OSArchitecture0, LastBootUpTime0 time",
)
MEMORY = _inventory("v_GS_X86_PC_MEMORY", "TotalPhysicalMemory0! int")
ADAPTERS = _inventory(
    "v_GS_NETWORK_ADAPTER_CONFIGUR",
    "IPAddress0, MACAddress0, IPEnabled0 int",
    "v_GS_NETWORK_ADAPTER_CONFIGURATION",
)
VIRTUAL = _inventory("v_GS_VIRTUAL_MACHINE", "PhysicalHostNameFullyQualified0!")
OFFICE = _inventory("v_GS_OFFICE365PROPLUSCONFIGURATIONS", "VersionToReport0!, CDNBaseUrl0, UpdateChannel0, Platform0")
CONSOLE = _inventory("v_GS_SYSTEM_CONSOLE_USAGE", "TopConsoleUser0!")
PROCESSOR = _inventory(
    "v_GS_PROCESSOR",
    "DeviceID0, Name0!, Manufacturer0, SocketDesignation0, NumberOfCores0 int, NumberOfLogicalProcessors0 int, "
    "NormSpeed0 int, MaxClockSpeed0 int, IsHyperthreadEnabled0 int",
    optional=False,
)
_ARP = "ProdID0, DisplayName0!, Publisher0, Version0, InstallDate0"
PROGRAMS = _inventory("v_GS_ADD_REMOVE_PROGRAMS", _ARP, optional=False)
PROGRAMS_64 = _inventory("v_GS_ADD_REMOVE_PROGRAMS_64", _ARP)
INSTALLED = _inventory(
    "v_GS_INSTALLED_SOFTWARE",
    "SoftwareCode0, ARPDisplayName0, ProductName0!, ProductVersion0, Publisher0, InstallDate0 time",
)
APPX = _inventory("v_GS_WINDOWS8_APPLICATION", "ApplicationName0!, Version0, Publisher0, FamilyName0")
RECENT = _inventory(
    "v_GS_CCM_RECENTLY_USED_APPS",
    "ExplorerFileName0!, LastUserName0, LastUsedTime0! time, LaunchCount0 int, FileVersion0, CompanyName0, "
    "ProductName0, ProductVersion0, ProductCode0, msiDisplayName0, msiPublisher0, msiVersion0",
)

METERED = view(
    "v_MonthlyUsageSummary",
    "ResourceID! int, FileID! int, MeteredUserID! int, UsageCount! int, TSUsageCount int, UsageTime int, "
    "LastUsage! time",
    optional=True,
)
METERED_FILES = view(
    "v_MeteredFiles", "MeteredFileID! int, ProductName, FileName!, FileVersion, MeteredFileVersion", optional=True
)
METERED_USERS = view("v_MeteredUser", "MeteredUserID! int, FullName!", optional=True)

UPDATES = view(
    "v_UpdateInfo",
    "CI_ID! int, CI_UniqueID!, CIVersion int, ArticleID, BulletinID, Title!, Severity int, DatePosted time, "
    "IsExpired int, IsSuperseded int",
)
CI_CATEGORIES = view("v_CICategories_All", "CI_ID! int, CategoryInstance_UniqueID!, CategoryTypeName!", optional=True)
CATEGORIES = view("v_CategoryInfo", "CategoryInstance_UniqueID!, CategoryInstanceName!", optional=True)
RELATIONS = view("v_CIRelation", "FromCIID! int, ToCIID! int, RelationType! int", optional=True)
COMPLIANCE = view(
    "v_UpdateComplianceStatus",
    "CI_ID! int, ResourceID! int, Status! int, LastEnforcementMessageID int, LastStatusCheckTime time, "
    "LastStatusChangeTime time",
)

COLLECTIONS = view("v_Collection", "CollectionID!, Name!, Comment, CollectionType int, LimitToCollectionID")
MEMBERS = view("v_FullCollectionMembership", "CollectionID!, ResourceID! int, ResourceType! int")

PACKAGES = view("v_Package", "PackageID!, Name!, Version, Manufacturer, PackageType! int, SourceDate time, SecurityKey")
ADVERTISEMENTS = view("v_Advertisement", "PackageID!", optional=True)
ITEMS = view(
    "v_ConfigurationItems",
    "CI_ID! int, ModelName!, CIType_ID! int, IsLatest! int, IsDeployed int, DateLastModified time",
    optional=True,
)
ITEM_NAMES = view("v_LocalizedCIProperties", "CI_ID! int, DisplayName!", optional=True)

GROUP_MAP = view("v_GroupMap", "InvClassName!, MIFClass!", optional=True)
