-- reads: candidate, cluster, record_identity, site_unlink
-- writes: refusal
-- grain: one row per group of clusters that must not become one machine
-- why: A merge is refused as a whole when its records contradict each other: two good serial numbers; two live
--      records of one source (an older or obsolete one is the same machine before it was re-imaged); a hand
--      correction; more records than one machine explains; and for weak keys any hardware or account key that
--      differs, or names that were last seen far apart.

create or replace temp table candidate_record as
select c.grp, c.label, i.*
from candidate c
join cluster m on m.label = c.label
join record_identity i on i.record = m.record;

create or replace temp table refusal as
with side as (
  select
    grp,
    label,
    count(*) filter (where not is_obsolete) as live_records,
    min(serial) as serial,
{% for kind_no in range(3, 9) %}
    -- A machine that has changed a key (a new board, joined again) speaks for neither value.
    case when min(key_{{ kind_no }}) = max(key_{{ kind_no }}) then min(key_{{ kind_no }}) end as key_{{ kind_no }},
{% endfor %}
    max(inventory_day) as seen_day
  from candidate_record
  group by grp, label
),
fact as (
  select
    grp,
    cast(sum(live_records) as bigint) as live_records,
    coalesce(min(serial) <> max(serial), false) as serial_numbers_differ,
{% if is_weak %}
{% for kind_no in range(3, 9) %}
    coalesce(min(key_{{ kind_no }}) <> max(key_{{ kind_no }}), false){{ " or" if not loop.last }}
{% endfor %}
      as hardware_differs,
{% else %}
    false as hardware_differs,
{% endif %}
    {{ "coalesce(max(seen_day) - min(seen_day) > " ~ policy.identity.name_days ~ ", false)" if is_name else "false" }}
      as names_far_apart
  from side
  group by grp
),
newest as (
  select grp, source_no, max(inventory_day) as newest_day
  from candidate_record
  where not is_obsolete
  group by grp, source_no
  having min(link_group) <> max(link_group)
),
live as (
  select c.grp
  from candidate_record c
  join newest n on n.grp = c.grp and n.source_no = c.source_no
  where not c.is_obsolete
    and (c.inventory_day is null or c.inventory_day >= n.newest_day - {{ policy.identity.reimage_days }})
  group by c.grp, c.source_no
  having min(c.link_group) <> max(c.link_group)
),
unlinked as (
  select a.grp
  from site_unlink u
  join candidate_record a on a.record = u.a
  join candidate_record b on b.record = u.b and b.grp = a.grp
),
reason as (
  select grp, 1 as order_no, 'unlinked' as reason from unlinked
  union all select grp, 2, 'serial_numbers_differ' from fact where serial_numbers_differ
  union all select grp, 3, 'two_live_records' from live
  union all select grp, 4, 'hardware_keys_differ' from fact where hardware_differs
  union all select grp, 5, 'names_far_apart' from fact where names_far_apart
  union all select grp, 6, 'oversized' from fact where live_records > {{ policy.identity.max_records_per_device }}
)
select grp, arg_min(reason, order_no) as reason
from reason
group by grp;
