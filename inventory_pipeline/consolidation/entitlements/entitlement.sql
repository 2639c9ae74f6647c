-- reads: raw_entitlement, raw_entitlement_caveat, previous_entitlement, parent_loop
-- writes: entitlement_caveat, entitlement, entitlement_difference
-- grain: one row per doubt; one row per entitlement; one row per change
-- why: Files judge each record by itself; whether a parent exists, an id stands in two places, or a published type has
--      changed can only be seen of all together. Errors keep a draft back, and the published record stays as it was.

create or replace temp table draft as
select *
from raw_entitlement
qualify row_number() over (
  partition by entitlement_id order by observed_at desc, connector, source_object desc, source_row desc, row_hash) = 1;

create or replace temp table entitlement_caveat as
with doubled as (
  select entitlement_id, count(*) as places
  from raw_entitlement
  group by entitlement_id
  having count(*) > 1
),
doubt as (
  select connector, entitlement_id, column_name, severity, message, source_object, source_row
  from raw_entitlement_caveat
  union all
  select d.connector, d.entitlement_id, 'EntitlementId', 'warning',
    'EntitlementId stands in ' || n.places || ' records; the last one counts.', d.source_object, d.source_row
  from draft d
  join doubled n on n.entitlement_id = d.entitlement_id
  union all
  select d.connector, d.entitlement_id, 'ParentEntitlementId', 'warning',
    'There is no entitlement ' || d.parent_entitlement_id || '.', d.source_object, d.source_row
  from draft d
  anti join draft p on p.entitlement_id = d.parent_entitlement_id
  where d.parent_entitlement_id is not null
  union all
  select d.connector, d.entitlement_id, 'ParentEntitlementId', 'error',
    'The record is, over its parents, its own parent.', d.source_object, d.source_row
  from draft d
  semi join parent_loop l on l.entitlement_id = d.entitlement_id
  union all
  select d.connector, d.entitlement_id, 'EntitlementType', 'error',
    'It was published as ' || p.entitlement_type || ', and its type is fixed since: use another EntitlementId.',
    d.source_object, d.source_row
  from draft d
  join previous_entitlement p on p.entitlement_id = d.entitlement_id
  where p.entitlement_type <> d.entitlement_type
)
select distinct connector, entitlement_id, column_name, severity, message, source_object, source_row
from doubt
qualify row_number() over (
  partition by entitlement_id, column_name, message order by source_object desc, source_row desc) = 1;

create or replace temp table draft_status as
select entitlement_id, case when count(*) filter (where severity = 'error') > 0 then 'errors' else 'warnings' end as status
from entitlement_caveat
group by entitlement_id;

create or replace temp table entitlement as
select {{ columns }}, coalesce(s.status, 'clean') as draft_status, 'draft' as origin
from draft r
left join draft_status s on s.entitlement_id = r.entitlement_id
where coalesce(s.status, 'clean') <> 'errors'
union all
select {{ columns }}, 'errors' as draft_status, 'previous' as origin
from previous_entitlement r
semi join draft_status s on s.entitlement_id = r.entitlement_id and s.status = 'errors'
semi join draft d on d.entitlement_id = r.entitlement_id;

create or replace temp table entitlement_difference as
{% for attribute in attributes %}
select n.entitlement_id, 'changed' as change, '{{ attribute }}' as attribute, cast(o.{{ attribute }} as varchar) as before,
  cast(n.{{ attribute }} as varchar) as after
from entitlement n
join previous_entitlement o on o.entitlement_id = n.entitlement_id
where cast(o.{{ attribute }} as varchar) is distinct from cast(n.{{ attribute }} as varchar)
union all
{% endfor %}
select n.entitlement_id, 'came', null, null, null
from entitlement n
anti join previous_entitlement o on o.entitlement_id = n.entitlement_id
union all
select o.entitlement_id, 'went', null, null, null
from previous_entitlement o
anti join entitlement n on n.entitlement_id = o.entitlement_id;
