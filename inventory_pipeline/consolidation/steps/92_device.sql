-- reads: device_choice, device_inventory, device_key, device_record, device_processor_total, device_patch, install_base,
--        model_decision, user_name, connector_set, raw_device
-- writes: device, device_provenance
-- grain: one row per machine
-- why: All that was decided about a machine, in one row; where each value came from, in another.

create or replace temp table device as
with members as (
  select
    device,
    bit_or(cast(1 as {{ mask_type }}) << c.connector_no) as connector_mask,
    count(*) as record_count,
    min(case when is_obsolete then 1 else 0 end) = 1 as is_obsolete,
    arg_min(r.name, record_no) as name
  from device_record r
  join connector c on c.connector = r.connector
  group by device
),
patched as (
  select device, count(*) filter (where state = 'installed') as installed, count(*) filter (where is_missing) as missing
  from device_patch
  group by device
),
installed as (
  select device, count(*) as installations
  from install_base
  group by device
),
-- The host of a virtual machine, as the best source that names one says.
hosted as (
  select m.device, arg_min(h.device_id, case when m.is_live then 0 else 1000000 end + m.record_no) as host_device_id
  from raw_device d
  join device_record m on m.connector = d.connector and m.source_device_id = d.source_device_id
  join device_record h on h.connector = d.connector and h.source_device_id = d.host_source_id
  where h.device <> m.device
  group by m.device
)
select
  k.device_id,
{% for attribute in attributes %}
{% if attribute.name == "name" %}
  coalesce(v.name, m.name) as name,
{% else %}
  v.{{ attribute.name }},
{% endif %}
{% endfor %}
  i.inventory_date_status,
  n.vendor, n.device_type, n.family as model_family, n.model as model_name, n.rule_id as model_rule_id,
  p.vendor as processor_vendor, p.name as processor_name, p.family as processor_family, p.model as processor_model,
  p.sockets, p.cores, p.logical_cores,
  u.person_id, h.host_device_id, m.is_obsolete, i.reports_usage, i.last_used, c.connectors, m.record_count,
  coalesce(s.installations, 0) as installation_count,
  coalesce(t.installed, 0) as patches_installed, coalesce(t.missing, 0) as patches_missing,
  k.device
from device_key k
join members m on m.device = k.device
join device_inventory i on i.device = k.device
left join device_choice v on v.device = k.device
left join model_decision n on n.raw_manufacturer is not distinct from v.manufacturer
  and n.raw_model is not distinct from v.model and n.raw_chassis_type is not distinct from v.chassis_type
  and n.raw_is_virtual is not distinct from v.is_virtual
left join device_processor_total p on p.device = k.device
left join user_name u on u.name = lower(v.primary_user)
left join hosted h on h.device = k.device
left join connector_set c on c.connector_mask = m.connector_mask
left join patched t on t.device = k.device
left join installed s on s.device = k.device;

create or replace temp table device_provenance as
select
  k.device_id,
{% for attribute in attributes %}
  v.from_{{ attribute.name }} as {{ attribute.name }}{{ "," if not loop.last }}
{% endfor %}
from device_key k
join device_choice v on v.device = k.device;
