-- The star schema of OpenLM's Reporting Hub as plain tables, for tests: the documented columns that the openlm connector
-- reads. Loads as it stands into SQLite, PostgreSQL, MariaDB and DuckDB. Source: OpenLM, "OpenLM Reporting Hub Data
-- Structure" (2023). The documentation does not give names of tables, nor the columns that end in _key and session_id:
-- those are made up, and the connector finds them by what is documented.

CREATE TABLE license_dimension (
    license_key INTEGER, license_server VARCHAR(100), license_vendor VARCHAR(100), license_feature VARCHAR(100),
    license_description VARCHAR(200), license_type VARCHAR(50), license_version VARCHAR(50), license_additional_key VARCHAR(100),
    license_expiration_date DATE
);
CREATE TABLE user_dimension (
    user_key INTEGER, user_name VARCHAR(100), user_first_name VARCHAR(100), user_last_name VARCHAR(100),
    user_display_name VARCHAR(200), user_department VARCHAR(100), user_email VARCHAR(200)
);
CREATE TABLE workstation_dimension (workstation_key INTEGER, workstation VARCHAR(100));
CREATE TABLE calendar_dimension (calendar_key INTEGER, date DATE, date_string VARCHAR(10), is_weekend INTEGER);
CREATE TABLE raw_usage (
    session_id BIGINT, license_key INTEGER, user_key INTEGER, workstation_key INTEGER, calendar_key INTEGER,
    usage_time INTEGER, num_of_licenses_used INTEGER, borrowed INTEGER
);
CREATE TABLE feature_usage (
    license_key INTEGER, user_key INTEGER, workstation_key INTEGER, calendar_key INTEGER, usage_time INTEGER,
    concurrent_usage INTEGER, num_of_licenses_used INTEGER, borrowed INTEGER
);
CREATE TABLE raw_denials (
    denial_id BIGINT, license_key INTEGER, user_key INTEGER, workstation_key INTEGER, calendar_key INTEGER,
    major_error INTEGER, minor_error INTEGER, hour_of_day INTEGER, error_message VARCHAR(400)
);
CREATE TABLE daily_quantity (license_key INTEGER, calendar_key INTEGER, max_license_quantity INTEGER);
