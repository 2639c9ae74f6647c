-- reads: entitlement, installation, device, product, sync_end
-- writes: license_position
-- grain: one row per product that needs a licence or has an entitlement
-- why: Owned beside installed and used. Owned is the sum of the quantities of licenses that are valid at the end of sync
--      date: perpetual ones from their start, others until their end. Maintenance and agreements give no right of their
--      own and are shown by their last day. Versions and editions are not told apart. Installed counts machines that are
--      not obsolete; where every license of a product is by user, it is set beside the people who use these machines.

create or replace temp table license_position as
with valid as (
  select e.product_id, e.entitlement_type, e.quantity, e.end_date, e.total_cost, e.currency,
    coalesce(lower(e.metric) like '%user%' or lower(e.metric) like '%person%', false) as is_by_user,
    e.entitlement_type = 'License' and coalesce(e.start_date <= s.sync_end, true)
      and (e.license_type = 'Perpetual' or coalesce(e.end_date >= s.sync_end, true)) as is_right
  from entitlement e
  cross join sync_end s
  where e.product_id is not null
),
owned as (
  select
    product_id,
    sum(case when is_right then coalesce(quantity, 0) end) as owned,
    count(*) filter (where is_right) as licenses,
    count(*) filter (where entitlement_type = 'License' and not is_right) as licenses_not_valid,
    count(*) filter (where is_right and not is_by_user) = 0 and count(*) filter (where is_right) > 0 as is_by_user,
    max(case when entitlement_type = 'Maintenance' then end_date end) as maintenance_until,
    case when min(currency) = max(currency) then sum(case when is_right then total_cost end) end as total_cost,
    case when min(currency) = max(currency) then min(currency) end as currency
  from valid
  group by product_id
),
installed as (
  select
    i.product_id,
    count(distinct i.device_id) as devices,
    count(distinct d.person_id) as people,
    count(distinct case when i.usage_category in ('used', 'rarely_used') then i.device_id end) as devices_used,
    count(distinct case when i.usage_category = 'unused' then i.device_id end) as devices_unused
  from installation i
  join device d on d.device_id = i.device_id
  where not d.is_obsolete
  group by i.product_id
)
select
  p.product_id, p.vendor, p.title, p.licensable,
  case when o.is_by_user then 'user' else 'device' end as counted_by,
  coalesce(o.owned, 0) as owned,
  coalesce(case when o.is_by_user then i.people else i.devices end, 0) as installed,
  coalesce(i.devices_used, 0) as devices_used,
  coalesce(i.devices_unused, 0) as devices_unused,
  coalesce(o.owned, 0) - coalesce(case when o.is_by_user then i.people else i.devices end, 0) as difference,
  coalesce(o.licenses, 0) as licenses,
  coalesce(o.licenses_not_valid, 0) as licenses_not_valid,
  o.maintenance_until, o.total_cost, o.currency
from product p
left join owned o on o.product_id = p.product_id
left join installed i on i.product_id = p.product_id
where p.licensable = 'licensed' or o.product_id is not null;
