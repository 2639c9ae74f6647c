-- reads: raw_patch, raw_patch_state, source_record, device_member, connector, device_key
-- writes: patch, device_patch, patch_compliance
-- grain: patch: one row per KB article, or per update where there is none; device_patch: one row per machine and patch
-- why: Sources know the same update under different keys; the KB article is what they share and what people ask for.
--      Several updates of one source have the same KB (one per architecture and product), of which at most one
--      applies to a machine: within one record the applicable statement counts, across records the newest.

create or replace temp table patch_key as
with kb as (
  select connector, update_id,
    coalesce(regexp_extract(upper(kb), '([0-9]{5,8})', 1), '') as kb_stated,
    coalesce(regexp_extract(upper(title), 'KB ?([0-9]{5,8})', 1), '') as kb_titled
  from raw_patch
),
article as (
  select lower(update_id) as update_id, max(coalesce(nullif(kb_stated, ''), nullif(kb_titled, ''))) as kb
  from kb
  group by lower(update_id)
)
select update_id, coalesce('KB' || kb, update_id) as patch_id from article;

create or replace temp table patch as
with stated as (
  select k.patch_id, c.rank_name * 1000000 + row_number() over (
      order by p.is_declined nulls first, p.release_date desc nulls last, p.connector, p.update_id) as preference, p.*
  from raw_patch p
  join patch_key k on k.update_id = lower(p.update_id)
  join connector c on c.connector = p.connector
),
newer as (
  select s.patch_id, string_agg(distinct coalesce(k.patch_id, lower(s.newer_id)), '; '
    order by coalesce(k.patch_id, lower(s.newer_id))) as superseded_by
  from (select patch_id, unnest(superseded_by) as newer_id from stated) as s
  left join patch_key k on k.update_id = lower(s.newer_id)
  where coalesce(k.patch_id, '') <> s.patch_id
  group by s.patch_id
)
select
  s.patch_id,
  case when s.patch_id like 'KB%' then s.patch_id end as kb,
{% for column in ("title", "classification", "product", "severity", "msrc_number", "release_date") %}
  arg_min(s.{{ column }}, case when s.{{ column }} is not null then s.preference end) as {{ column }},
{% endfor %}
  -- One update of an article that is still current keeps the article current.
  min(case when coalesce(s.is_superseded, false) or len(coalesce(s.superseded_by, [])) > 0 then 1 else 0 end) = 1
    as is_superseded,
  string_split(min(n.superseded_by), '; ') as superseded_by,
  min(case when s.is_declined then 1 else 0 end) = 1 as is_declined,
  count(distinct lower(s.update_id)) as update_count,
  list_sort(list(distinct s.connector)) as connectors
from stated s
left join newer n on n.patch_id = s.patch_id
group by s.patch_id;

create or replace temp table device_patch as
with stated as (
  select m.device, m.record_no, r.record, coalesce(k.patch_id, lower(p.update_id)) as patch_id, p.state, p.state_date,
    case p.state when 'failed' then 1 when 'missing' then 2 when 'pending_reboot' then 3 when 'installed' then 4
      when 'unknown' then 5 else 6 end as weight,
    p.state_date <= p.observed_at + interval '{{ policy.usage.future_tolerance_hours }}' hour as is_valid
  from raw_patch_state p
  join source_record r on r.connector = p.connector and r.source_device_id = p.source_device_id
  join device_member m on m.record = r.record
  left join patch_key k on k.update_id = lower(p.update_id)
),
by_record as (
  select device, record, record_no, patch_id, arg_min(state, weight) as state,
    max(case when is_valid then state_date end) as state_date
  from stated
  group by device, record, record_no, patch_id
),
newest as (
  select
    device, record, patch_id, state, state_date,
    count(*) over (partition by device, patch_id) as source_count,
    min(state) over (partition by device, patch_id) <> max(state) over (partition by device, patch_id) as sources_differ
  from by_record
  qualify row_number() over (
    partition by device, patch_id
    order by state = 'unknown', state_date desc nulls last, record_no) = 1
)
select
  k.device_id, n.patch_id, n.state, n.state_date,
  n.state in ('missing', 'failed') and not coalesce(p.is_superseded, false) and not coalesce(p.is_declined, false)
    as is_missing,
  coalesce(p.is_superseded, false) as is_superseded,
  r.connector, r.source_device_id, n.source_count, n.sources_differ, n.device
from newest n
join device_key k on k.device = n.device
join source_record r on r.record = n.record
left join patch p on p.patch_id = n.patch_id;

-- A state may name an update that no source describes.
create or replace temp table patch as
select * from patch
union all by name
select distinct d.patch_id, false as is_superseded, false as is_declined, 1 as update_count,
  cast(null as varchar[]) as connectors
from device_patch d
anti join patch p on p.patch_id = d.patch_id;

create or replace temp table patch_compliance as
select
  p.patch_id, p.title, p.classification, p.severity, p.release_date, p.is_superseded,
  count(*) filter (where d.state = 'installed') as devices_installed,
  count(*) filter (where d.state = 'missing') as devices_missing,
  count(*) filter (where d.state = 'failed') as devices_failed,
  count(*) filter (where d.state = 'pending_reboot') as devices_pending_reboot,
  count(*) filter (where d.state = 'unknown') as devices_unknown,
  count(*) filter (where d.state in ('installed', 'missing', 'failed', 'pending_reboot')) as devices_applicable,
  count(*) filter (where d.state = 'installed')
    / cast(nullif(count(*) filter (where d.state in ('installed', 'missing', 'failed', 'pending_reboot')), 0) as double)
    as compliance
from patch p
join device_patch d on d.patch_id = p.patch_id
where d.state <> 'not_applicable'
group by p.patch_id, p.title, p.classification, p.severity, p.release_date, p.is_superseded;

drop table patch_key;
