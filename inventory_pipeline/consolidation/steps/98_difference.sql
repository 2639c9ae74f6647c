-- reads: device, installation, previous_device, previous_installation
-- writes: difference
-- grain: one row per machine or installation that came or went, and per attribute that changed
-- why: What is new since the last release, without anyone keeping notes. Counts, dates of inventory and usage change
--      every day and are left out.

create or replace temp table difference as
{% for attribute in device_attributes %}
select 'device' as entity, 'changed' as change, n.device_id as entity_id, n.device_id, n.name,
  '{{ attribute }}' as attribute, cast(o.{{ attribute }} as varchar) as before, cast(n.{{ attribute }} as varchar) as after
from device n
join previous_device o on o.device_id = n.device_id
where cast(o.{{ attribute }} as varchar) is distinct from cast(n.{{ attribute }} as varchar)
union all
{% endfor %}
select 'device', 'came', n.device_id, n.device_id, n.name, null, null, null
from device n
anti join previous_device o on o.device_id = n.device_id
union all
select 'device', 'went', o.device_id, o.device_id, o.name, null, null, null
from previous_device o
anti join device n on n.device_id = o.device_id
union all
select 'installation', 'came', n.installation_id, n.device_id,
  concat_ws(' ', n.vendor, n.title, n.version), null, null, null
from installation n
anti join previous_installation o on o.installation_id = n.installation_id
union all
select 'installation', 'went', o.installation_id, o.device_id,
  concat_ws(' ', o.vendor, o.title, o.version), null, null, null
from previous_installation o
anti join installation n on n.installation_id = o.installation_id
union all
select 'installation', 'changed', n.installation_id, n.device_id, concat_ws(' ', n.vendor, n.title, n.version),
  'usage_category', o.usage_category, n.usage_category
from installation n
join previous_installation o on o.installation_id = n.installation_id
where o.usage_category <> n.usage_category;
