-- Views of the BigFix Database API (BFEnterprise) as plain tables, for examples and tests.
--
-- Only columns that the bigfix connector reads. Loads as it stands into SQLite, PostgreSQL and DuckDB; on SQL Server these
-- are views of schema dbo. Source: "BigFix Database API" on developer.bigfix.com. The table COMPUTERS is no part of
-- that API; its columns are as seen in public queries. Times are UTC.

CREATE TABLE BES_COLUMN_HEADINGS (
    ComputerID INTEGER,
    Name VARCHAR(255),                       -- retrieved property
    Value VARCHAR(8000),                     -- one line per result; cut at 8,000 characters
    IsFailure INTEGER                        -- not zero: the property could not be evaluated
);

CREATE TABLE COMPUTERS (ComputerID INTEGER, LastReportTime TIMESTAMP, IsDeleted INTEGER);

CREATE TABLE BES_FIXLETS (Sitename VARCHAR(128), ID INTEGER, Name VARCHAR(255));

CREATE TABLE BES_FIXLET_PROPERTIES (
    Sitename VARCHAR(128), ID INTEGER,
    PropertyName VARCHAR(32),                -- Source Severity, Category, Source ID, Source Release Date ...
    PropertyValue VARCHAR(8000)
);

CREATE TABLE BES_RELEVANT_FIXLET_HISTORY (
    Sitename VARCHAR(128), ID INTEGER, ComputerID INTEGER,
    FirstBecameRelevant TIMESTAMP, LastBecameRelevant TIMESTAMP, LastBecameNotRelevant TIMESTAMP
);

CREATE TABLE BES_COMPUTERGROUPS (ID INTEGER, Name VARCHAR(255));
