-- reads: install_base, install_usage, product_usage, product_version, edition, device_inventory, sync_end
-- writes: installation
-- grain: one row per machine and product version
-- why: The usage category and, where usage is not reported, the first of nine reasons that holds, in this order:
--      with a usage date, whether the machine has stopped reporting; a usage date in the future; without one, whether
--      the software is too new or its date impossible, whether anything reports usage of the product, whether the
--      machine reports at all, and whether its inventory can be trusted. What remains is used, rarely used or unused.

create or replace temp view installation as
with aged as (
  select
    i.*, u.first_used, u.last_used, u.last_used_future, u.run_count, u.used_minutes,
    w.version_id, w.product_id, w.vendor, w.title, w.version_family, w.version, w.kind, w.licensable, w.end_of_support,
    d.device_id, d.inventory_date_status, d.inventory_age, d.reports_usage,
    p.product_no is not null as product_shows_usage,
    datediff('day', cast(u.last_used as date), e.sync_end) as usage_age,
    datediff('day', i.install_date, e.sync_end) as install_age
  from install_base i
  join product_version w on w.version_no = i.version_no
  join device_inventory d on d.device = i.device
  cross join sync_end e
  left join install_usage u on u.device = i.device and u.version_no = i.version_no
  left join product_usage p on p.product_no = w.product_no
),
judged as (
  select
    *,
    case
      when last_used is not null and inventory_age >= {{ policy.usage.stopped_reporting_days }}
        then 'device_stopped_reporting'
      when last_used is not null then null
      when last_used_future is not null then 'invalid_usage_date'
      when reports_usage and install_age < {{ policy.usage.recently_installed_days }} then 'recently_installed'
      when install_date is null and install_date_future is not null then 'invalid_install_date'
      when not product_shows_usage then 'no_product_usage'
      when not reports_usage then 'no_device_usage'
      when inventory_age > {{ policy.usage.inventory_too_old_days }} then 'device_inventory_too_old'
      when inventory_date_status = 'future' then 'invalid_device_inventory_date'
      when inventory_date_status = 'missing' then 'no_device_inventory_date'
    end as unreported_reason
  from aged
)
select
  j.device_id || '-' || j.version_id as installation_id,
  j.device_id,
  j.product_id,
  j.vendor,
  j.title,
  n.edition,
  j.version_family,
  j.version,
  j.kind,
  j.licensable,
  j.end_of_support,
  coalesce(j.install_date, j.install_date_future) as install_date,
  coalesce(j.last_used, j.last_used_future) as last_used,
  j.first_used,
  j.run_count,
  j.used_minutes,
  case
    when j.unreported_reason is not null then 'unreported'
    when j.usage_age > {{ policy.usage.unused_after_days }} or j.last_used is null then 'unused'
    when j.usage_age > {{ policy.usage.rarely_used_after_days }} then 'rarely_used'
    else 'used'
  end as usage_category,
  j.unreported_reason,
  c.connectors,
  j.records as record_count,
  j.part_records as component_count
from judged j
left join edition n on n.edition_no = j.edition_no
left join connector_set c on c.connector_mask = j.connector_mask;
