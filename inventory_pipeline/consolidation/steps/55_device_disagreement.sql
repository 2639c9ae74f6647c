-- reads: raw_device, device_record, device_choice
-- writes: device_disagreement
-- grain: one row per machine, attribute and live record, where the values of live records differ
-- why: Only differences are kept: first the attributes whose plain lower-cased values differ are found, then these few
--      are compared without punctuation, so that `Dell Inc.` and `DELL INC` are no news.

create or replace temp table disagreement_candidate as
with stated as (
  select m.device, m.record_no,
{% for attribute in compared %}
    {{ attribute.plain }} as {{ attribute.name }}{{ "," if not loop.last }}
{% endfor %}
  from raw_device d
  join device_record m on m.connector = d.connector and m.source_device_id = d.source_device_id
  where m.is_live
),
flagged as (
  select device,
{% for attribute in compared %}
    coalesce(min({{ attribute.name }}) <> max({{ attribute.name }}), false) as {{ attribute.name }}{{ "," if not loop.last }}
{% endfor %}
  from stated
  group by device
  having count(*) > 1
)
{% for attribute in compared %}
select device, '{{ attribute.name }}' as attribute from flagged where {{ attribute.name }}
{{ "union all" if not loop.last }}
{% endfor %};

create or replace temp table device_disagreement as
with stated as (
{% for attribute in compared %}
  select m.device_id, m.device, q.attribute, cast(d.{{ attribute.name }} as varchar) as value,
    m.connector, m.source_device_id, m.inventory_date, m.record_no = v.from_{{ attribute.name }} as is_chosen,
    {{ attribute.compared }} as compared
  from disagreement_candidate q
  join device_record m on m.device = q.device and m.is_live
  join raw_device d on d.connector = m.connector and d.source_device_id = m.source_device_id
  join device_choice v on v.device = m.device
  where q.attribute = '{{ attribute.name }}' and d.{{ attribute.name }} is not null
{{ "union all" if not loop.last }}
{% endfor %}
)
select device_id, attribute, value, connector, source_device_id, inventory_date, coalesce(is_chosen, false) as is_chosen
from stated
where compared <> ''
qualify min(compared) over (partition by device, attribute) <> max(compared) over (partition by device, attribute);

drop table disagreement_candidate;
