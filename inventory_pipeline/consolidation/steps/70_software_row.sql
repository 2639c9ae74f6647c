-- reads: raw_software, raw_software_usage, raw_application, raw_entitlement, source_record, connector, device_member
-- writes: software_statement, software_row
-- grain: software_statement: one row per distinct statement; software_row: one row per raw software row
-- why: Rules look at distinct statements only. Rows keep integers: machine, record, statement.

create or replace temp table software_statement as
with stated as (
  select c.connector_type as source, s.title, s.publisher, s.version, s.edition, s.product_code, s.package_family, s.origin
  from raw_software s
  join connector c on c.connector = s.connector
),
counted as (
  select
    statement_hash(source, title, publisher, version, edition, product_code, package_family, origin) as statement,
    any_value(source) as source, any_value(title) as title, any_value(publisher) as publisher,
    any_value(version) as version, any_value(edition) as edition, any_value(product_code) as product_code,
    any_value(package_family) as package_family, any_value(origin) as origin, count(*) as records
  from stated
  group by statement
  union all
  select statement_hash(source, title, publisher, version, null, product_code, null, origin), source, title, publisher,
    version, null, product_code, null, origin, 0
  from (
    select distinct c.connector_type as source, coalesce(u.title, u.file_name) as title, u.publisher, u.version,
      u.product_code, case when u.title is null then 'file' end as origin
    from raw_software_usage u
    join connector c on c.connector = u.connector
    where coalesce(u.title, u.file_name) is not null
  ) as used
  union all
  select statement_hash(source, title, publisher, version, edition, null, null, null), source, title, publisher, version,
    edition, null, null, null, 0
  from (
    select distinct c.connector_type as source, a.name as title, a.vendor as publisher, a.version,
      cast(null as varchar) as edition
    from raw_application a
    join connector c on c.connector = a.connector
    where a.name is not null
    union
    select distinct c.connector_type, e.title, e.vendor, e.version, e.edition
    from raw_entitlement e
    join connector c on c.connector = e.connector
    where e.title is not null
  ) as named
)
select
  cast(row_number() over (order by source, title, publisher, version, edition, product_code, package_family, origin)
    as integer) as statement_no,
  *
from (
  select statement, any_value(source) as source, any_value(title) as title, any_value(publisher) as publisher,
    any_value(version) as version, any_value(edition) as edition, any_value(product_code) as product_code,
    any_value(package_family) as package_family, any_value(origin) as origin, cast(sum(records) as bigint) as records
  from counted
  group by statement
) as statements;

create or replace temp table software_row as
select
  m.device,
  r.record,
  n.statement_no,
  s.row_hash,
  s.install_date,
  coalesce(s.install_date <= cast(s.observed_at + interval '{{ policy.usage.future_tolerance_hours }}' hour as date), true)
    as is_date_valid
from raw_software s
join source_record r on r.connector = s.connector and r.source_device_id = s.source_device_id
join device_member m on m.record = r.record
join connector c on c.connector = s.connector
join software_statement n on n.statement = statement_hash(
  c.connector_type, s.title, s.publisher, s.version, s.edition, s.product_code, s.package_family, s.origin);

create or replace temp table statement_devices as
select statement_no, count(*) as devices
from (select distinct statement_no, device from software_row) as seen
group by statement_no;
