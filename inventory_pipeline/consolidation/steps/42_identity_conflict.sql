-- reads: record_key, refused_key, moved_key, junk_shared, device_record, record_serial, good_key, key_kind
-- writes: identity_conflict
-- grain: one row per refused merge: the first record that carries the value, and one of another machine
-- why: What was not merged although a key suggests it is for people to look at: with both records, the key, and the
--      values that contradict. Of a value that many machines carry, each machine appears once.

create or replace temp table identity_conflict as
with refused as (
  select k.kind_no, k.key, k.key_value, r.reason, k.record, d.device
  from record_key k
  join (select kind_no, key, min(reason) as reason from refused_key group by kind_no, key) as r
    on r.kind_no = k.kind_no and r.key = k.key
  join device_record d on d.record = k.record
  union all
  select k.kind_no, k.key, k.key_value, 'serial_numbers_differ' as reason, k.record, d.device
  from record_key k
  join junk_shared j on j.kind_no = k.kind_no and j.key = k.key and j.reason = 'several_machines'
  join device_record d on d.record = k.record
),
machine as (
  select kind_no, key, key_value, reason, device, min(record) as record
  from refused
  group by kind_no, key, key_value, reason, device
),
pair as (
  select kind_no, key_value, reason, record as other_record,
    first_value(record) over (partition by kind_no, key order by record) as record
  from machine
  union all
  select v.kind_no, k.key_value, 'serial_numbers_differ' as reason, v.record as other_record,
    v.newest_record as record
  from moved_key v
  join record_key k on k.kind_no = v.kind_no and k.key = v.key and k.record = v.record
),
stated as (
  select record, max(key_value) as serial_number
  from record_key
  where kind_no = 2
  group by record
)
select
  n.name as key_kind,
  p.key_value,
  p.reason,
  case p.reason
    when 'serial_numbers_differ' then 'Serial numbers ' || coalesce(s.serial_number, 'unknown') || ' and '
      || coalesce(t.serial_number, 'unknown') || ' are two machines.'
    when 'two_live_records' then 'A connector lists both as live records of its own, or joining them would put two of '
      || 'its live records into one machine.'
    when 'hardware_keys_differ' then 'The ' || n.title || ' agrees, but UUID, directory or device ids differ.'
    when 'names_far_apart' then 'Last seen more than {{ policy.identity.name_days }} days apart: the name may have been '
      || 'given again.'
    when 'unlinked' then 'A hand correction keeps them apart.'
    else 'Together they would be more than {{ policy.identity.max_records_per_device }} records: held for review.'
  end as detail,
  a.connector, a.source_device_id, a.device_id,
  b.connector as other_connector, b.source_device_id as other_source_device_id, b.device_id as other_device_id
from pair p
join key_kind n on n.kind_no = p.kind_no
join device_record a on a.record = p.record
join device_record b on b.record = p.other_record
left join stated s on s.record = p.record
left join stated t on t.record = p.other_record
where p.record <> p.other_record and a.device <> b.device;

drop table record_link;
drop table key_status;
