-- reads: subscription, subscription_assignment, subscription_activity, person, raw_user, inventory_group
-- writes: subscription_waste
-- grain: one row per user and subscribed product that seems to be of no use to the user
-- why: Units that could be taken back. A user's last activity is the latest in any service that the tenant's reports know,
--      since a product's services are not all reported; it is set against the date of the reports. Users whom no report
--      names, say with concealed names, are not judged. What was assigned within the limit has not had its time yet.

create or replace temp table subscription_waste as
with activity as (
  select connector, coalesce(person_id, source_user_id) as who, max(last_activity) as last_activity,
    max(report_date) as report_date
  from subscription_activity
  where report_date is not null
  group by connector, coalesce(person_id, source_user_id)
),
held as (
  select a.connector, a.sku_id, coalesce(a.person_id, a.source_user_id) as who,
    min(a.source_user_id) as source_user_id, min(a.person_id) as person_id,
    bool_or(a.assigned_by_group is null) as assigned_directly,
    list_sort(list(distinct coalesce(g.name, a.assigned_by_group)) filter (where a.assigned_by_group is not null))
      as assigned_by_groups,
    max(a.assigned_at) as assigned_at
  from subscription_assignment a
  left join inventory_group g on g.connector = a.connector and g.source_group_id = a.assigned_by_group
  group by a.connector, a.sku_id, coalesce(a.person_id, a.source_user_id)
),
judged as (
  select h.*, v.last_activity, v.report_date, coalesce(u.upn, p.upn) as upn,
    coalesce(u.display_name, p.display_name) as display_name,
    case
      when not coalesce(u.enabled, p.enabled, true) then 'disabled_account'
      when v.who is null
        or h.assigned_at >= v.report_date - {{ policy.usage.unused_after_days }} then null
      when v.last_activity is null then 'never_used'
      when v.last_activity < v.report_date - {{ policy.usage.unused_after_days }} then 'unused'
    end as reason
  from held h
  left join activity v on v.connector = h.connector and v.who = h.who
  left join raw_user u on u.connector = h.connector and u.source_user_id = h.source_user_id
  left join person p on p.person_id = h.person_id
)
select j.connector, j.sku_id, s.sku_part_number, s.product_name, j.source_user_id, j.person_id, j.upn, j.display_name,
  j.reason, j.last_activity, j.report_date, j.assigned_at, j.assigned_directly,
  coalesce(j.assigned_by_groups, []) as assigned_by_groups
from judged j
left join subscription s on s.connector = j.connector and s.sku_id = j.sku_id
where j.reason is not null;
