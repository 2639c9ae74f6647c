-- reads: raw_software_usage, raw_usage_reporting, source_record, connector, device_member, record_fact, install_base,
--        software_statement, statement_decision, product_version, vague_version
-- writes: install_usage, device_usage, product_usage, sync_end
-- grain: install_usage: one row per installation that shows usage; the others one row per machine, product, repository
-- why: Usage is stated for a title, a code or a file; the same rules say which product that is. It belongs to the
--      version that it names, to a more exact one where that is vague, else to every version of the product on the
--      machine. The end of sync date is the newest date that is not in the future; all ages are measured against it.

create or replace temp table usage_stated as
with stated as (
  select
    m.device, u.record, d.version_no, coalesce(d.parent_product_no, d.product_no) as product_no,
    u.first_used, u.last_used, u.run_count, u.used_minutes,
    u.last_used <= u.observed_at + interval '{{ policy.usage.future_tolerance_hours }}' hour as is_valid
  from (
    select s.record, c.connector_type, u.*
    from raw_software_usage u
    join source_record s on s.connector = u.connector and s.source_device_id = u.source_device_id
    join connector c on c.connector = u.connector
  ) as u
  join device_member m on m.record = u.record
  left join software_statement n on n.statement = statement_hash(
    u.connector_type, coalesce(u.title, u.file_name), u.publisher, u.version, null, u.product_code, null,
    case when u.title is null then 'file' end)
  left join statement_decision d on d.statement_no = n.statement_no
),
by_record as (
  select device, record, version_no, product_no,
    min(first_used) as first_used,
    max(case when is_valid then last_used end) as last_used,
    max(case when not is_valid then last_used end) as last_used_future,
    cast(sum(run_count) as bigint) as run_count,
    sum(used_minutes) as used_minutes
  from stated
  group by device, record, version_no, product_no
)
select device, version_no, product_no,
  min(first_used) as first_used, max(last_used) as last_used, max(last_used_future) as last_used_future,
  max(run_count) as run_count, max(used_minutes) as used_minutes
from by_record
group by device, version_no, product_no;

create or replace temp table usage_target as
with wanted as (select device, version_no, product_no from usage_stated where product_no is not null),
same as (
  select u.device, u.version_no, u.product_no, i.version_no as into_version_no
  from wanted u
  join install_base i on i.device = u.device and i.version_no = u.version_no
),
nearer as (
  select u.device, u.version_no, u.product_no, arg_max(i.version_no, w.version_order) as into_version_no
  from wanted u
  join vague_version v on v.version_no = u.version_no
  join install_base i on i.device = u.device and i.version_no = v.exact_version_no
  join product_version w on w.version_no = i.version_no
  anti join same s on s.device = u.device and s.version_no is not distinct from u.version_no
  group by u.device, u.version_no, u.product_no
),
any_version as (
  select u.device, u.version_no, u.product_no, i.version_no as into_version_no
  from wanted u
  join product_version w on w.product_no = u.product_no
  join install_base i on i.device = u.device and i.version_no = w.version_no
  anti join same s on s.device = u.device and s.version_no is not distinct from u.version_no
  anti join nearer n on n.device = u.device and n.version_no is not distinct from u.version_no
)
select * from same union all select * from nearer union all select * from any_version;

create or replace temp table install_usage as
select t.device, t.into_version_no as version_no,
  min(u.first_used) as first_used, max(u.last_used) as last_used, max(u.last_used_future) as last_used_future,
  max(u.run_count) as run_count, max(u.used_minutes) as used_minutes
from usage_target t
join usage_stated u on u.device = t.device and u.version_no is not distinct from t.version_no
  and u.product_no = t.product_no
group by t.device, t.into_version_no;

create or replace temp table device_usage as
select device, max(last_used) as last_used
from (
  select device, last_used from usage_stated
  union all
  select m.device, cast(null as timestamp)
  from raw_usage_reporting r
  join source_record s on s.connector = r.connector and s.source_device_id = r.source_device_id
  join device_member m on m.record = s.record
  where r.reports_usage
) as reporting
group by device;

create or replace temp table product_usage as
select w.product_no, max(u.last_used) as last_used
from install_usage u
join product_version w on w.version_no = u.version_no
group by w.product_no;

create or replace temp table sync_end as
select greatest(
  (select max(cast(inventory_valid as date)) from record_fact),
  (select max(cast(last_used as date)) from usage_stated)
) as sync_end;

drop table usage_stated;
drop table usage_target;
