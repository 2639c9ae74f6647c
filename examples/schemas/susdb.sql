-- Public views of a WSUS database (SUSDB) as plain tables, for examples and tests.
--
-- Only columns that the wsus connector reads, and the keys to fill them. Loads as it stands into SQLite, PostgreSQL
-- and DuckDB; on SQL Server these are views of schema PUBLIC_VIEWS, readable for the role PublicViewAccess.
-- Sources: Microsoft, "Using WSUS Views"; definitions of the views as seen in public queries against SUSDB. Times are UTC.

CREATE TABLE vComputerTarget (
    ComputerTargetId VARCHAR(256) PRIMARY KEY,
    ParentServerId VARCHAR(36),              -- a downstream server; null: this server
    Name VARCHAR(255),                       -- full domain name
    IPAddress VARCHAR(56),
    LastSyncResult VARCHAR(20),
    LastSyncTime TIMESTAMP,
    LastReportedStatusTime TIMESTAMP,        -- moves with every report of update states
    LastReportedInventoryTime TIMESTAMP,
    ClientVersion VARCHAR(23),
    OSArchitecture VARCHAR(50),
    Make VARCHAR(64),
    Model VARCHAR(64),
    BiosName VARCHAR(64),
    BiosVersion VARCHAR(64),
    BiosReleaseDate TIMESTAMP,
    OSMajorVersion INTEGER,
    OSMinorVersion INTEGER,
    OSBuildNumber INTEGER,
    OSServicePackMajorNumber INTEGER,
    OSDefaultUILanguage VARCHAR(10)
);

CREATE TABLE vComputerInventory (            -- filled where detailed inventory is switched on
    ComputerTargetId VARCHAR(256),
    ClassName VARCHAR(256),                  -- Win32_BIOS, Win32_OperatingSystem, Win32_ComputerSystem ...
    InstanceId INTEGER,
    PropertyName VARCHAR(256),
    Value VARCHAR(1024)
);

CREATE TABLE vComputerTargetGroup (
    ComputerTargetGroupId VARCHAR(36) PRIMARY KEY,
    Name VARCHAR(256),
    ParentTargetGroupId VARCHAR(36)
);

CREATE TABLE vComputerGroupMembership (
    ComputerTargetId VARCHAR(256),
    ComputerTargetGroupId VARCHAR(36),
    IsExplicitMember INTEGER
);

CREATE TABLE vUpdate (
    UpdateId VARCHAR(36) PRIMARY KEY,
    RevisionNumber INTEGER,
    DefaultTitle VARCHAR(200),
    DefaultDescription VARCHAR(1500),
    ClassificationId VARCHAR(36),
    ArrivalDate TIMESTAMP,
    CreationDate TIMESTAMP,
    IsDeclined INTEGER,
    IsWsusInfrastructureUpdate INTEGER,
    MsrcSeverity VARCHAR(20),                -- Critical, Important, Moderate, Low, Unspecified
    PublicationState VARCHAR(9),             -- Published, Expired
    UpdateType VARCHAR(256),
    UpdateSource VARCHAR(15),
    KnowledgebaseArticle VARCHAR(15),        -- number without KB
    SecurityBulletin VARCHAR(15)
);

CREATE TABLE vClassification (ClassificationId VARCHAR(36) PRIMARY KEY, DefaultTitle VARCHAR(200));

CREATE TABLE vCategory (
    CategoryId VARCHAR(36) PRIMARY KEY,
    CategoryType VARCHAR(256),               -- Company, ProductFamily, Product
    DefaultTitle VARCHAR(200)
);

CREATE TABLE vUpdateInCategory (UpdateId VARCHAR(36), CategoryId VARCHAR(36), CategoryType VARCHAR(256));

CREATE TABLE vUpdateInstallationInfoBasic (
    UpdateId VARCHAR(36),
    ComputerTargetId VARCHAR(256),
    State INTEGER    -- 0 no status, 1 not applicable, 2 not installed, 3 downloaded, 4 installed, 5 failed, 6 pending reboot
);
