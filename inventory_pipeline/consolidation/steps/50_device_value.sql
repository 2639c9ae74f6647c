-- reads: raw_device, device_record, connector, device_key
-- writes: device_choice
-- grain: one row per machine
-- why: Every attribute comes from its best record: live before replaced or obsolete, then by the site's precedence of
--      connectors, then by number (newest inventory first). All three are packed into one integer, whose minimum is
--      the choice and whose low bits name the record: that is the provenance. Dates that are taken as newest or
--      oldest look at all records; dates in the future do not win over others.

create or replace temp table device_choice as
with stated as (
  select
    m.device,
    m.record_no,
    case when m.is_live then 0 else 1073741824 end as base,
    c.connector_no,
{% for attribute in ranked %}
    c.rank_{{ attribute.name }},
{% endfor %}
{% for attribute in attributes %}
{% if attribute.name in junk_values %}
    case when lower(trim(d.{{ attribute.name }})) not in ('', {{ junk_values[attribute.name] }}) then d.{{ attribute.name }} end
      as {{ attribute.name }},
{% elif attribute.name == "serial_number" %}
    case when j.key_value is null and trim(d.serial_number) <> ''
      and not regexp_matches(trim(d.serial_number), {{ junk_regex.serial }}) then d.serial_number end as serial_number,
{% elif attribute.is_text %}
    nullif(trim(d.{{ attribute.name }}), '') as {{ attribute.name }},
{% else %}
    d.{{ attribute.name }},
{% endif %}
{% endfor %}
    d.observed_at + interval '{{ policy.usage.future_tolerance_hours }}' hour as last_moment
  from raw_device d
  join device_record m on m.connector = d.connector and m.source_device_id = d.source_device_id
  join connector c on c.connector = d.connector
  left join (select key_value from junk_listed where kind_no = 2) as j
    on j.key_value = regexp_replace(upper(d.serial_number), '[^A-Z0-9]', '', 'g')
  where m.device % {{ parts }} = {{ part }}
)
select
  device,
{% for attribute in attributes %}
{% if attribute.rule == "precedence" %}
  arg_min({{ attribute.name }}, case when {{ attribute.name }} is not null
    then base + {{ attribute.rank }} * 1048576 + record_no end) as {{ attribute.name }},
  min(case when {{ attribute.name }} is not null
    then base + {{ attribute.rank }} * 1048576 + record_no end) % 1048576 as from_{{ attribute.name }},
{% elif attribute.rule == "newest" %}
  coalesce(max(case when {{ attribute.name }} <= last_moment then {{ attribute.name }} end), max({{ attribute.name }}))
    as {{ attribute.name }},
  arg_max(record_no, case when {{ attribute.name }} <= last_moment then {{ attribute.name }}
    else {{ attribute.name }} - interval '4000' year end) as from_{{ attribute.name }},
{% else %}
  min({{ attribute.name }}) as {{ attribute.name }},
  arg_min(record_no, {{ attribute.name }}) as from_{{ attribute.name }},
{% endif %}
{% endfor %}
  max(case when inventory_date <= last_moment then inventory_date end) as inventory_valid
from stated
group by device;
