-- reads: source_record, record_fact, cluster, device_key, record_key, accepted_key, shared_key, refused_key,
--        junk_key, junk_shared, moved_key, connector, key_kind, site_link
-- writes: device_member, device_record, identity_key, junk_identifier
-- grain: device_member: one row per record; device_record the same, with texts; identity_key: value and record
-- why: Within a machine, live records come first and the newest inventory before older ones; their number is the last
--      word wherever two values are otherwise equally good, and what provenance refers to. The key named for a record
--      is the strongest that merged it with another record of its machine.

create or replace temp table device_member as
with dated as (
  select c.record, c.label as device, f.connector_no, f.is_obsolete, f.inventory_valid,
    max(case when not f.is_obsolete then f.inventory_valid end) over (partition by c.label, f.source_no) as newest
  from cluster c
  join record_fact f on f.record = c.record
),
judged as (
  select record, device, connector_no, inventory_valid,
    not is_obsolete and coalesce(
      inventory_valid >= newest - interval '{{ policy.identity.reimage_days }}' day, true) as is_live
  from dated
)
select
  record, device, connector_no, is_live,
  cast(row_number() over (
    partition by device order by is_live desc, inventory_valid desc nulls last, record) as integer) as record_no
from judged;

create or replace temp table record_link as
with used as (
  select k.record, k.kind_no, k.key, k.key_value, m.device
  from record_key k
  join accepted_key a on a.kind_no = k.kind_no and a.key = k.key
  join device_member m on m.record = k.record
  anti join moved_key v on v.kind_no = k.kind_no and v.key = k.key and v.record = k.record
),
ends as (
  select device, kind_no, key, min(record) as first_record, max(record) as last_record
  from used
  group by device, kind_no, key
  having count(*) > 1
)
select
  u.record, u.kind_no, u.key_value,
  case when u.record = e.first_record then e.last_record else e.first_record end as linked_record
from used u
join ends e on e.device = u.device and e.kind_no = u.kind_no and e.key = u.key
qualify row_number() over (partition by u.record order by u.kind_no, u.record = e.first_record, u.key_value) = 1;

create or replace temp table device_record as
select
  d.device_id,
  m.record_no,
  s.connector,
  s.source_device_id,
  c.connector_type,
  f.name,
  f.inventory_date,
  f.is_obsolete,
  m.is_live,
  case when s.is_listed then 'listed' else 'mentioned' end as origin,
  case when m.record = m.device then null when h.record is not null then 'link' else k.name end as link_key,
  case when m.record = m.device or h.record is not null then null else l.key_value end as link_value,
  case when m.record = m.device then null else o.connector end as linked_connector,
  case when m.record = m.device then null else o.source_device_id end as linked_source_device_id,
  f.row_hash,
  m.record,
  m.device
from device_member m
join source_record s on s.record = m.record
join connector c on c.connector_no = s.connector_no
join record_fact f on f.record = m.record
join device_key d on d.device = m.device
left join site_link h on h.record = m.record and h.link_group <> h.record
left join record_link l on l.record = m.record
left join key_kind k on k.kind_no = l.kind_no
left join source_record o on o.record = coalesce(h.link_group, l.linked_record);

create or replace temp table key_status as
select kind_no, key, 'junk' as status from junk_shared
union all
select kind_no, key, 'used' as status from accepted_key
union all
select kind_no, key, min('refused') as status from refused_key group by kind_no, key;

create or replace temp table identity_key as
select
  n.name as key_kind,
  k.key_value,
  n.strength,
  case when v.record is not null then 'refused' else coalesce(t.status, 'agreed') end as status,
  r.connector,
  r.source_device_id,
  r.device_id
from record_key k
semi join shared_key s on s.kind_no = k.kind_no and s.key = k.key
join key_kind n on n.kind_no = k.kind_no
join device_record r on r.record = k.record
left join key_status t on t.kind_no = k.kind_no and t.key = k.key
left join moved_key v on v.kind_no = k.kind_no and v.key = k.key and v.record = k.record;

create or replace temp table junk_identifier as
with carried as (
  select
    k.kind_no, k.key_value, j.reason, j.figure,
    count(*) as records,
    bit_count(bit_or(cast(1 as {{ mask_type }}) << f.connector_no)) as connectors,
    count(distinct s.serial) as serial_numbers,
    count(distinct u.key) as smbios_uuids
  from record_key k
  join junk_shared j on j.kind_no = k.kind_no and j.key = k.key
  join record_fact f on f.record = k.record
  left join record_serial s on s.record = k.record
  left join record_key u on u.record = k.record and u.kind_no = 3
  group by k.kind_no, k.key_value, j.reason, j.figure
)
select
  n.name as key_kind, c.key_value, c.reason,
  case c.reason
    when 'too_many_records' then 'One connector has ' || c.figure || ' live records with this ' || n.title
      || '; more than {{ policy.identity.max_records_per_key }} are no machine.'
    when 'several_machines' then 'Records with this ' || n.title || ' have ' || c.serial_numbers
      || ' different serial numbers and are live at the same time: it was cloned.'
    else 'Seen with ' || c.figure || ' different serial numbers or UUIDs: a dock, an adapter or a virtual interface.'
  end as detail,
  c.records, c.connectors, c.serial_numbers, c.smbios_uuids
from carried c
join key_kind n on n.kind_no = c.kind_no
union all
select
  n.name, j.key_value, j.reason,
  case j.reason when 'listed' then 'On the list of placeholder values.'
    else 'Not the form of a ' || n.title || ', or a placeholder by its form.' end,
  j.records, null, null, null
from junk_key j
join key_kind n on n.kind_no = j.kind_no;
