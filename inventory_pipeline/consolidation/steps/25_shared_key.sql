-- reads: record_key, record_fact, site_link
-- writes: shared_key, junk_shared, moved_key, record_identity, record_key
-- grain: shared_key: one row per key value with all records that carry it; record_identity: one row per record
-- why: A value that more live records of one source carry than any machine explains identifies nothing, whatever
--      it looks like. A hardware key seen with several good serial numbers is cloned; one of an account (or of a
--      machine whose serial number was corrected) has moved when all holders but those of the newest serial number
--      are obsolete or long silent: then the older ones lose it. A MAC address seen with many machines is a dock.
--      A hand link says that the serial numbers of its records are one machine's.

create or replace temp table record_day as
select
  f.record,
  f.source_no,
  f.is_obsolete,
  datediff('day', date '1970-01-01', cast(f.inventory_valid as date)) as inventory_day,
  coalesce(l.link_group, f.record) as link_group
from record_fact f
left join site_link l on l.record = f.record;

-- Live holders of a value within one source: not obsolete, and not silent since long before the newest of them.
create or replace temp table crowded_key as
with holder as (
  select k.kind_no, k.key, d.source_no, d.link_group, d.inventory_day
  from record_key k
  join record_day d on d.record = k.record
  where not d.is_obsolete
),
several as (
  select kind_no, key, source_no, max(inventory_day) as newest_day
  from holder
  group by kind_no, key, source_no
  having count(*) > {{ policy.identity.max_records_per_key }}
)
select h.kind_no, h.key, max(h.live) as live
from (
  select h.kind_no, h.key, h.source_no, count(*) as live
  from holder h
  join several s on s.kind_no = h.kind_no and s.key = h.key and s.source_no = h.source_no
  where h.inventory_day is null or h.inventory_day >= s.newest_day - {{ policy.identity.reimage_days }}
  group by h.kind_no, h.key, h.source_no
) as h
where h.live > {{ policy.identity.max_records_per_key }}
group by h.kind_no, h.key;

-- The good serial number of each record, as a number; those of records linked by hand count as one.
create or replace temp table record_serial as
with good as (
  select k.record, key_hash(regexp_replace(k.key_value, '^[^|]*[|]', '', 'g')) as serial
  from record_key k
  anti join crowded_key c on c.kind_no = k.kind_no and c.key = k.key
  where k.kind_no = 2
),
linked as (
  select g.serial, min(s.first_serial) as first_serial
  from good g
  join record_day d on d.record = g.record
  join (
    select d.link_group, min(g.serial) as first_serial
    from good g
    join record_day d on d.record = g.record
    semi join site_link l on l.record = g.record
    group by d.link_group
  ) as s on s.link_group = d.link_group
  group by g.serial
)
select g.record, coalesce(l.first_serial, g.serial) as serial
from good g
left join linked l on l.serial = g.serial;

create or replace temp table several_serials as
select k.kind_no, k.key
from record_key k
join record_serial s on s.record = k.record
where k.kind_no between 3 and 8
group by k.kind_no, k.key
having min(s.serial) <> max(s.serial);

create or replace temp table moved_key as
with holder as (
  select
    k.kind_no, k.key, k.record, s.serial, d.is_obsolete, d.inventory_day,
    first_value(s.serial) over newest_first as newest_serial,
    first_value(k.record) over newest_first as newest_record,
    first_value(d.inventory_day) over newest_first as newest_day
  from record_key k
  semi join several_serials q on q.kind_no = k.kind_no and q.key = k.key
  join record_serial s on s.record = k.record
  join record_day d on d.record = k.record
  window newest_first as (
    partition by k.kind_no, k.key order by d.is_obsolete, d.inventory_day desc nulls last, k.record
  )
),
judged as (
  select *, serial <> newest_serial as is_other,
    is_obsolete or coalesce(inventory_day < newest_day - {{ policy.identity.reimage_days }}, false) as is_stale
  from holder
)
select j.kind_no, j.key, j.record, j.newest_record
from judged j
where j.is_other
qualify count(*) filter (where not j.is_stale) over (partition by j.kind_no, j.key) = 0;

create or replace temp table key_hardware as
with hardware as (
  select k.kind_no, k.key, s.serial, u.key as smbios_uuid
  from record_key k
  left join record_serial s on s.record = k.record
  left join record_key u on u.record = k.record and u.kind_no = 3
  where k.kind_no = 11
),
serials as (
  select kind_no, key, count(*) as serials
  from (select distinct kind_no, key, serial from hardware where serial is not null) as d
  group by kind_no, key
),
uuids as (
  select kind_no, key, count(*) as uuids
  from (select distinct kind_no, key, smbios_uuid from hardware where smbios_uuid is not null) as d
  group by kind_no, key
)
select coalesce(s.kind_no, u.kind_no) as kind_no, coalesce(s.key, u.key) as key,
  greatest(coalesce(s.serials, 0), coalesce(u.uuids, 0)) as machines
from serials s
full join uuids u on u.kind_no = s.kind_no and u.key = s.key;

create or replace temp table junk_shared as
select kind_no, key, 'too_many_records' as reason, live as figure from crowded_key
union all
select q.kind_no, q.key, 'several_machines' as reason, 0 as figure
from several_serials q
anti join crowded_key c on c.kind_no = q.kind_no and c.key = q.key
anti join moved_key m on m.kind_no = q.kind_no and m.key = q.key
union all
select h.kind_no, h.key, 'dock_or_adapter' as reason, h.machines as figure
from key_hardware h
anti join crowded_key c on c.kind_no = h.kind_no and c.key = h.key
where h.machines > {{ policy.identity.max_hardware_per_mac }};

create or replace temp table shared_key as
select k.kind_no, k.key
from record_key k
group by k.kind_no, k.key
having count(*) > 1;

create or replace temp table good_key as
select k.record, k.kind_no, k.key
from record_key k
anti join junk_shared j on j.kind_no = k.kind_no and j.key = k.key
anti join moved_key m on m.kind_no = k.kind_no and m.key = k.key and m.record = k.record;

-- What must agree between records that are merged; several values of one record count by the smallest.
create or replace temp table record_identity as
select
  d.record, d.source_no, d.is_obsolete, d.inventory_day, d.link_group,
  s.serial,
{% for kind_no in range(3, 9) %}
  k.key_{{ kind_no }}{{ "," if not loop.last }}
{% endfor %}
from record_day d
left join record_serial s on s.record = d.record
left join (
  select
    record,
{% for kind_no in range(3, 9) %}
    min(case when kind_no = {{ kind_no }} then key end) as key_{{ kind_no }}{{ "," if not loop.last }}
{% endfor %}
  from good_key
  where kind_no between 3 and 8
  group by record
) as k on k.record = d.record;

create or replace temp table cluster as
select record, link_group as label from record_day;

create or replace temp table accepted_key (kind_no integer, key bigint);
create or replace temp table refused_key (kind_no integer, key bigint, reason varchar);

drop table record_day;
drop table crowded_key;
drop table key_hardware;
drop table several_serials;
