-- reads: raw_processor, device_record, connector, processor_decision
-- writes: device_processor, device_processor_total
-- grain: one row per processor row of a machine's best source; the totals one row per machine
-- why: Two sources count sockets and cores in different ways; adding their rows would double machines. One source
--      speaks for the machine: one that knows cores before one that does not, then by precedence.

create or replace temp table processor_source as
select m.device, m.record
from raw_processor p
join device_record m on m.connector = p.connector and m.source_device_id = p.source_device_id
join connector c on c.connector = p.connector
group by m.device, m.record, m.is_live, m.record_no, c.rank_processor
qualify row_number() over (
  partition by m.device
  order by m.is_live desc, coalesce(sum(p.cores), 0) > 0 desc, c.rank_processor, m.record_no
) = 1;

create or replace temp table device_processor as
select
  m.device_id, p.slot, n.vendor, n.family, n.model, p.name, p.sockets, p.cores, p.logical_cores, p.hyperthreading,
  p.speed_mhz, n.rule_id, p.connector, p.source_device_id, s.device
from raw_processor p
join device_record m on m.connector = p.connector and m.source_device_id = p.source_device_id
join processor_source s on s.record = m.record
left join processor_decision n
  on n.raw_vendor is not distinct from p.vendor and n.raw_name is not distinct from p.name;

create or replace temp table device_processor_total as
select
  device,
  cast(sum(coalesce(sockets, 1)) as bigint) as sockets,
  cast(sum(cores) as bigint) as cores,
  cast(sum(logical_cores) as bigint) as logical_cores,
  min(vendor) as vendor,
  min(name) as name,
  min(family) as family,
  min(model) as model
from device_processor
group by device;

drop table processor_source;
