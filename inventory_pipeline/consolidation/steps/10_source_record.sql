-- reads: raw_device, raw_software, raw_software_usage, raw_usage_reporting, raw_processor, raw_patch_state, connector
-- writes: source_record, record_fact
-- grain: one row per source record of a device
-- why: Records get small numbers, in the order of connector and key, so that everything below joins integers and
--      "smallest record" means the same in every run. A device that a source only mentions (its software without
--      its device row) is a record too: nothing that was collected may fall out of the result.

create or replace temp table source_record as
with mentioned as (
  select connector, source_device_id from raw_software
  union select connector, source_device_id from raw_software_usage
  union select connector, source_device_id from raw_usage_reporting
  union select connector, source_device_id from raw_processor
  union select connector, source_device_id from raw_patch_state
),
every as (
  select connector, source_device_id, true as is_listed from raw_device
  union all
  select m.connector, m.source_device_id, false as is_listed
  from mentioned m
  anti join raw_device d on d.connector = m.connector and d.source_device_id = m.source_device_id
)
select
  cast(row_number() over (order by e.connector, e.source_device_id) as integer) as record,
  c.connector_no,
  e.connector,
  e.source_device_id,
  e.is_listed
from every e
join connector c on c.connector = e.connector;

create or replace temp table record_fact as
select
  s.record,
  s.connector_no,
  -- What speaks with one voice: a connector, or where it reads reports about many devices (files), such a report.
  case when d.unit_key <> d.source_device_id then key_hash(s.connector || '/' || d.unit_key) else s.connector_no end
    as source_no,
  coalesce(d.name, d.netbios_name, d.fqdn, s.source_device_id) as name,
  d.inventory_date,
  case when d.inventory_date <= d.observed_at + interval '{{ policy.usage.future_tolerance_hours }}' hour
    then d.inventory_date end as inventory_valid,
  coalesce(d.is_obsolete, false) as is_obsolete,
  d.row_hash
from source_record s
left join raw_device d on d.connector = s.connector and d.source_device_id = s.source_device_id;
