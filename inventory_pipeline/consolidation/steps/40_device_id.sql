-- reads: source_record, cluster, previous_device_record
-- writes: device_key
-- grain: one row per machine
-- why: A machine keeps its id while it shares a record with what had the id before. Of several machines that came from
--      one, the one with most of its records keeps the id; of several ids that came together, the one that brought
--      most records stays. A new machine's id is made from its smallest record, so that a clean rebuild agrees.

create or replace temp table device_key as
with known as (
  select c.label as device, p.device_id, count(*) as records, min(c.record) as first_record
  from cluster c
  join source_record s on s.record = c.record
  join previous_device_record p on p.connector = s.connector and p.source_device_id = s.source_device_id
  group by c.label, p.device_id
),
heir as (
  select device, device_id, records
  from known
  qualify row_number() over (partition by device_id order by records desc, first_record) = 1
),
kept as (
  select device, device_id
  from heir
  qualify row_number() over (partition by device order by records desc, device_id) = 1
),
fresh as (
  select
    c.label as device,
    substr(md5(min_by_record.connector || '/' || min_by_record.source_device_id), 1, 16) as device_id,
    substr(md5('split/' || min_by_record.connector || '/' || min_by_record.source_device_id), 1, 16) as other_id
  from (select distinct label from cluster) c
  join source_record min_by_record on min_by_record.record = c.label
  anti join kept k on k.device = c.label
)
select device, device_id from kept
union all
select f.device, case when k.device_id is null and p.device_id is null then f.device_id else f.other_id end as device_id
from fresh f
left join (select distinct device_id from kept) as k on k.device_id = f.device_id
left join (select distinct device_id from previous_device_record) as p on p.device_id = f.device_id;
