-- reads: raw_user, connector, source_user, representative
-- writes: person_member, person, user_name
-- grain: person_member: one row per source record of a user; person: one row per person
-- why: Accounts that share a user principal name, a SID, or an account with its domain are one person. Which records
--      those are is found like machines, by components; the values come from the first connector in precedence.

create or replace temp table person_member as
select u.user_no, u.connector, u.source_user_id, coalesce(r.label, u.user_no) as person
from source_user u
left join representative r on r.id = u.user_no;

create or replace temp table person as
with member as (
  select p.person, p.user_no, u.*, cast(c.rank_name as bigint) * 1000000000 + p.user_no as preference, c.connector_no
  from person_member p
  join raw_user u on u.connector = p.connector and u.source_user_id = p.source_user_id
  join connector c on c.connector = p.connector
)
select
  substr(md5('person/' || arg_min(connector || '/' || source_user_id, user_no)), 1, 16) as person_id,
{% for column in user_columns %}
{% if column == "last_sign_in" %}
  max(last_sign_in) as last_sign_in,
{% else %}
  arg_min({{ column }}, case when {{ column }} is not null then preference end) as {{ column }},
{% endif %}
{% endfor %}
  count(*) as record_count,
  list_sort(list(distinct connector)) as connectors,
  list_sort(list(connector || ':' || source_user_id)) as source_user_ids,
  person
from member
group by person;

create or replace temp table user_name as
select name, min(person_id) as person_id
from (
  select lower(u.upn) as name, p.person_id
  from person_member m
  join raw_user u on u.connector = m.connector and u.source_user_id = m.source_user_id
  join person p on p.person = m.person
  where u.upn is not null
  union
  select lower(u.email), p.person_id
  from person_member m
  join raw_user u on u.connector = m.connector and u.source_user_id = m.source_user_id
  join person p on p.person = m.person
  where u.email is not null
  union
  select lower(u.domain || '\' || u.account), p.person_id
  from person_member m
  join raw_user u on u.connector = m.connector and u.source_user_id = m.source_user_id
  join person p on p.person = m.person
  where u.account is not null and u.domain is not null
  union
  select lower(u.account), p.person_id
  from person_member m
  join raw_user u on u.connector = m.connector and u.source_user_id = m.source_user_id
  join person p on p.person = m.person
  where u.account is not null
) as names
group by name
having min(person_id) = max(person_id);
