-- reads: device_choice, sync_end, device_usage, device_key
-- writes: device_inventory
-- grain: one row per machine
-- why: What the usage rules ask of a machine: does it report usage, and how old is its inventory.

create or replace temp table device_inventory as
select
  k.device,
  k.device_id,
  case when v.inventory_valid is not null then 'valid' when v.inventory_date is not null then 'future' else 'missing' end
    as inventory_date_status,
  datediff('day', cast(v.inventory_valid as date), e.sync_end) as inventory_age,
  u.device is not null as reports_usage,
  u.last_used
from device_key k
cross join sync_end e
left join device_choice v on v.device = k.device
left join device_usage u on u.device = k.device;
