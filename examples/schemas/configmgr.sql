-- Views of a Configuration Manager site database as plain tables, for examples and tests.
--
-- Only columns that the sccm connector reads, and the keys to fill them; a real site has more of both.
-- Loads as it stands into SQLite, PostgreSQL and DuckDB; on SQL Server all of these are views of schema dbo.
-- Sources: MicrosoftDocs/memdocs, "SQL Server views in Configuration Manager", "Hardware inventory classes"
-- (resource-explorer-classes: inventory column = property name + 0) and the SMS Provider class reference; spellings of
-- discovery columns as in public reports against current branch. Times are UTC.

-- Discovery ----------------------------------------------------------------------------------------------------------

CREATE TABLE v_R_System (
    ResourceID INTEGER PRIMARY KEY,          -- key of a device in all views; 16777216 upwards
    ResourceType INTEGER,                    -- 5: system
    Name0 VARCHAR(256),
    Netbios_Name0 VARCHAR(256),
    Resource_Domain_OR_Workgr0 VARCHAR(256), -- NetBIOS name of the domain, or the workgroup
    Full_Domain_Name0 VARCHAR(256),          -- DNS name of the domain
    AD_Site_Name0 VARCHAR(256),
    SMBIOS_GUID0 VARCHAR(256),
    SMS_Unique_Identifier0 VARCHAR(256),     -- GUID:1F2E..., identity of the client
    SID0 VARCHAR(256),
    User_Domain0 VARCHAR(256),               -- last sign-in
    User_Name0 VARCHAR(256),
    Operating_System_Name_and0 VARCHAR(256), -- such as Microsoft Windows NT Workstation 10.0
    Build01 VARCHAR(256),                    -- such as 10.0.22631.3447
    Client0 INTEGER,                         -- 1: has a client
    Client_Version0 VARCHAR(256),
    Active0 INTEGER,
    Obsolete0 INTEGER,                       -- 1: superseded by a newer record
    Decommissioned0 INTEGER,                 -- 1: taken out of service
    Is_Virtual_Machine0 INTEGER,
    Virtual_Machine_Host_Name0 VARCHAR(256),
    Creation_Date0 TIMESTAMP,
    Last_Logon_Timestamp0 TIMESTAMP
);

CREATE TABLE v_RA_System_ResourceNames (ResourceID INTEGER, Resource_Names0 VARCHAR(256));
CREATE TABLE v_RA_System_MACAddresses (ResourceID INTEGER, MAC_Addresses0 VARCHAR(256));
CREATE TABLE v_RA_System_IPAddresses (ResourceID INTEGER, IP_Addresses0 VARCHAR(256));
CREATE TABLE v_AgentDiscoveries (ResourceId INTEGER, AgentName VARCHAR(256), AgentTime TIMESTAMP);

CREATE TABLE v_UserMachineRelationship (
    RelationshipResourceID INTEGER,
    MachineResourceID INTEGER,
    MachineResourceName VARCHAR(256),
    UniqueUserName VARCHAR(512),             -- DOMAIN\account: primary user by user device affinity
    RelationActive INTEGER,
    CreationTime TIMESTAMP
);

CREATE TABLE v_CH_ClientSummary (
    ResourceID INTEGER,
    ClientActiveStatus INTEGER,
    LastActiveTime TIMESTAMP,
    LastDDR TIMESTAMP,
    LastHW TIMESTAMP,
    LastSW TIMESTAMP
);

CREATE TABLE v_R_User (
    ResourceID INTEGER PRIMARY KEY,          -- 2063597568 upwards
    Unique_User_Name0 VARCHAR(512),          -- DOMAIN\account
    User_Name0 VARCHAR(256),
    Windows_NT_Domain0 VARCHAR(256),
    Full_User_Name0 VARCHAR(256),
    User_Principal_Name0 VARCHAR(256),
    Mail0 VARCHAR(256),
    SID0 VARCHAR(256),
    User_Account_Control0 INTEGER,           -- bit 2: disabled
    department0 VARCHAR(256),                -- the attributes below are there when user discovery is told to read them
    title0 VARCHAR(256),
    company0 VARCHAR(256),
    co0 VARCHAR(256)
);

-- Hardware inventory -------------------------------------------------------------------------------------------------

CREATE TABLE v_GS_WORKSTATION_STATUS (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    LastHWScan TIMESTAMP                     -- moves with every hardware inventory
);

CREATE TABLE v_GS_COMPUTER_SYSTEM (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    Name0 VARCHAR(255), Manufacturer0 VARCHAR(255), Model0 VARCHAR(255), Domain0 VARCHAR(255), DomainRole0 INTEGER,
    SystemType0 VARCHAR(255), TotalPhysicalMemory0 BIGINT, UserName0 VARCHAR(255), NumberOfProcessors0 INTEGER
);

CREATE TABLE v_GS_COMPUTER_SYSTEM_PRODUCT (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    IdentifyingNumber0 VARCHAR(255), Name0 VARCHAR(255), UUID0 VARCHAR(255), Vendor0 VARCHAR(255),
    Version0 VARCHAR(255)                    -- Lenovo: the model's name in words
);

CREATE TABLE v_GS_PC_BIOS (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    SerialNumber0 VARCHAR(255), SMBIOSBIOSVersion0 VARCHAR(255), Manufacturer0 VARCHAR(255), ReleaseDate0 TIMESTAMP
);

CREATE TABLE v_GS_SYSTEM_ENCLOSURE (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    ChassisTypes0 VARCHAR(255), SerialNumber0 VARCHAR(255), SMBIOSAssetTag0 VARCHAR(255),
    Manufacturer0 VARCHAR(255), Tag0 VARCHAR(255)
);

CREATE TABLE v_GS_OPERATING_SYSTEM (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    Caption0 VARCHAR(255), Version0 VARCHAR(255), BuildNumber0 VARCHAR(255), CSDVersion0 VARCHAR(255),
    OSArchitecture0 VARCHAR(255), ProductType0 INTEGER, InstallDate0 TIMESTAMP, LastBootUpTime0 TIMESTAMP
);

CREATE TABLE v_GS_X86_PC_MEMORY (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    TotalPhysicalMemory0 BIGINT              -- KB
);

CREATE TABLE v_GS_NETWORK_ADAPTER_CONFIGUR (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    IPAddress0 VARCHAR(255),                 -- comma-separated
    MACAddress0 VARCHAR(255), DNSDomain0 VARCHAR(255), DNSHostName0 VARCHAR(255), IPEnabled0 INTEGER,
    ServiceName0 VARCHAR(255)
);

CREATE TABLE v_GS_VIRTUAL_MACHINE (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    InstanceKey0 VARCHAR(255), PhysicalHostName0 VARCHAR(255), PhysicalHostNameFullyQualified0 VARCHAR(255)
);

CREATE TABLE v_GS_OFFICE365PROPLUSCONFIGURATIONS (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    VersionToReport0 VARCHAR(255), CDNBaseUrl0 VARCHAR(255), UpdateChannel0 VARCHAR(255), Platform0 VARCHAR(255),
    ClientCulture0 VARCHAR(255), SharedComputerLicensing0 VARCHAR(255), UpdatesEnabled0 VARCHAR(255)
);

CREATE TABLE v_GS_SYSTEM_CONSOLE_USAGE (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    TopConsoleUser0 VARCHAR(255), TotalConsoleTime0 INTEGER, TotalConsoleUsers0 INTEGER
);

CREATE TABLE v_GS_PROCESSOR (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    DeviceID0 VARCHAR(255),                  -- CPU0, CPU1: one row per socket
    Name0 VARCHAR(255), Manufacturer0 VARCHAR(255), SocketDesignation0 VARCHAR(255), NumberOfCores0 INTEGER,
    NumberOfLogicalProcessors0 INTEGER, MaxClockSpeed0 INTEGER, NormSpeed0 INTEGER, Is64Bit0 INTEGER,
    IsHyperthreadCapable0 INTEGER, IsHyperthreadEnabled0 INTEGER
);

CREATE TABLE v_GS_ADD_REMOVE_PROGRAMS (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    ProdID0 VARCHAR(255),                    -- name of the uninstall key: MSI product code or any text
    DisplayName0 VARCHAR(255), Publisher0 VARCHAR(255), Version0 VARCHAR(255),
    InstallDate0 VARCHAR(255)                -- free text, mostly yyyymmdd
);

CREATE TABLE v_GS_ADD_REMOVE_PROGRAMS_64 (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    ProdID0 VARCHAR(255), DisplayName0 VARCHAR(255), Publisher0 VARCHAR(255), Version0 VARCHAR(255),
    InstallDate0 VARCHAR(255)
);

CREATE TABLE v_GS_INSTALLED_SOFTWARE (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    SoftwareCode0 VARCHAR(255),              -- MSI product code or name of the uninstall key
    ARPDisplayName0 VARCHAR(255), ProductName0 VARCHAR(255), ProductVersion0 VARCHAR(255), Publisher0 VARCHAR(255),
    InstallDate0 TIMESTAMP, PackageCode0 VARCHAR(255), UpgradeCode0 VARCHAR(255)
);

CREATE TABLE v_GS_WINDOWS8_APPLICATION (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    ApplicationName0 VARCHAR(255), FullName0 VARCHAR(255), Version0 VARCHAR(255), Publisher0 VARCHAR(255),
    FamilyName0 VARCHAR(255)                 -- package family name
);

CREATE TABLE v_GS_CCM_RECENTLY_USED_APPS (
    ResourceID INTEGER, GroupID INTEGER, RevisionID INTEGER, TimeStamp TIMESTAMP,
    ExplorerFileName0 VARCHAR(255), FolderPath0 VARCHAR(255), LastUserName0 VARCHAR(255), LastUsedTime0 TIMESTAMP,
    LaunchCount0 INTEGER, FileDescription0 VARCHAR(255), FileVersion0 VARCHAR(255), CompanyName0 VARCHAR(255),
    ProductName0 VARCHAR(255), ProductVersion0 VARCHAR(255), ProductCode0 VARCHAR(255),
    msiDisplayName0 VARCHAR(255), msiPublisher0 VARCHAR(255), msiVersion0 VARCHAR(255)
);

-- Software metering --------------------------------------------------------------------------------------------------

CREATE TABLE v_MonthlyUsageSummary (
    ResourceID INTEGER, FileID BIGINT, MeteredUserID INTEGER,
    TimeKey INTEGER,                         -- 100 * year + month
    UsageCount INTEGER,
    TSUsageCount INTEGER,                    -- in terminal sessions
    UsageTime INTEGER,                       -- seconds
    LastUsage TIMESTAMP
);

CREATE TABLE v_MeteredFiles (
    RuleID INTEGER, ProductName VARCHAR(255), FileName VARCHAR(255),
    FileVersion VARCHAR(255),                -- as in the rule
    MeteredFileID BIGINT, MeteredProductID INTEGER,
    MeteredFileVersion VARCHAR(255),         -- as found
    SecurityKey VARCHAR(255), SiteCode VARCHAR(3)
);

CREATE TABLE v_MeteredUser (
    MeteredUserID INTEGER PRIMARY KEY, FullName VARCHAR(512), Domain VARCHAR(255), UserName VARCHAR(255)
);

-- Software updates ---------------------------------------------------------------------------------------------------

CREATE TABLE v_UpdateInfo (
    CI_ID INTEGER PRIMARY KEY,
    CI_UniqueID VARCHAR(512),                -- the update's GUID, the same as in WSUS
    CIVersion INTEGER, ArticleID VARCHAR(64),
    BulletinID VARCHAR(64), Title VARCHAR(512), InfoURL VARCHAR(512),
    Severity INTEGER,                        -- 0 none, 2 low, 6 moderate, 8 important, 10 critical
    DatePosted TIMESTAMP, DateRevised TIMESTAMP, DateLastModified TIMESTAMP,
    IsDeployed INTEGER, IsExpired INTEGER, IsSuperseded INTEGER, IsLatest INTEGER, IsEnabled INTEGER
);

CREATE TABLE v_CICategories_All (
    CI_ID INTEGER, CategoryInstance_UniqueID VARCHAR(512), CategoryInstanceID INTEGER, CategoryTypeName VARCHAR(255)
);

CREATE TABLE v_CategoryInfo (
    CategoryInstance_UniqueID VARCHAR(512), CategoryInstanceID INTEGER,
    CategoryTypeName VARCHAR(255),           -- UpdateClassification, Product, ProductFamily, Company
    CategoryInstanceName VARCHAR(512)
);

CREATE TABLE v_CIRelation (
    FromCIID INTEGER, ToCIID INTEGER,
    RelationType INTEGER                     -- 6: FromCIID supersedes ToCIID
);

CREATE TABLE v_UpdateComplianceStatus (
    CI_ID INTEGER, ResourceID INTEGER,
    Status INTEGER,                          -- 0 unknown, 1 not required, 2 required, 3 installed
    LastEnforcementMessageID INTEGER,        -- state id of topic 402: 6, 11, 14 failed, 9 pending restart
    LastStatusCheckTime TIMESTAMP, LastStatusChangeTime TIMESTAMP
);

-- Collections, applications and packages -----------------------------------------------------------------------------

CREATE TABLE v_Collection (
    CollectionID VARCHAR(8) PRIMARY KEY, Name VARCHAR(255), Comment VARCHAR(512),
    CollectionType INTEGER,                  -- 1 users, 2 devices
    LimitToCollectionID VARCHAR(8)
);

CREATE TABLE v_FullCollectionMembership (
    CollectionID VARCHAR(8), ResourceID INTEGER,
    ResourceType INTEGER,                    -- 3 user group, 4 user, 5 system
    Name VARCHAR(256), IsClient INTEGER, IsActive INTEGER, IsObsolete INTEGER, IsAssigned INTEGER
);

CREATE TABLE v_Package (
    PackageID VARCHAR(8) PRIMARY KEY, Name VARCHAR(255), Version VARCHAR(64), Manufacturer VARCHAR(255),
    PackageType INTEGER,                     -- 0 package, 3 drivers, 4 task sequence, 5 updates, 8 application, 257+ images
    SourceDate TIMESTAMP, LastRefreshTime TIMESTAMP,
    SecurityKey VARCHAR(512)                 -- of type 8: ModelName of the application whose content it is
);

CREATE TABLE v_Advertisement (
    AdvertisementID VARCHAR(8) PRIMARY KEY, AdvertisementName VARCHAR(255), PackageID VARCHAR(8),
    ProgramName VARCHAR(255), CollectionID VARCHAR(8)
);

CREATE TABLE v_ConfigurationItems (
    CI_ID INTEGER PRIMARY KEY, CI_UniqueID VARCHAR(512),
    ModelName VARCHAR(512),                  -- ScopeId_.../Application_...: the same for all revisions
    CIType_ID INTEGER,                       -- 10: application
    CIVersion INTEGER, IsLatest INTEGER, IsDeployed INTEGER, IsExpired INTEGER, IsEnabled INTEGER,
    DateCreated TIMESTAMP, DateLastModified TIMESTAMP
);

CREATE TABLE v_LocalizedCIProperties (CI_ID INTEGER, LocaleID INTEGER, DisplayName VARCHAR(512));

-- The site's own maps ------------------------------------------------------------------------------------------------

CREATE TABLE v_GroupMap (
    GroupID INTEGER, DisplayName VARCHAR(255),
    InvClassName VARCHAR(255),               -- the view's name, such as v_GS_NETWORK_ADAPTER_CONFIGUR
    InvHistoryClassName VARCHAR(255),
    MIFClass VARCHAR(255)                    -- such as MICROSOFT|NETWORK_ADAPTER_CONFIGURATION|1.0
);

CREATE TABLE v_GroupAttributeMap (GroupID INTEGER, AttributeName VARCHAR(255), ColumnName VARCHAR(255));
CREATE TABLE v_SchemaViews (Type VARCHAR(255), ViewName VARCHAR(255));
