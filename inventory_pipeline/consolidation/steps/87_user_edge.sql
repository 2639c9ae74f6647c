-- reads: raw_user
-- writes: source_user, edge
-- grain: source_user: one row per source record of a user; edge: first record of a key and every other one
-- why: Same way as machines: number the records, join each to the first that carries the same key.

create or replace temp table source_user as
select cast(row_number() over (order by connector, source_user_id) as integer) as user_no, connector, source_user_id
from raw_user;

create or replace temp table edge as
with stated as (
  select s.user_no, 'upn' as kind, lower(trim(u.upn)) as key_value
  from raw_user u
  join source_user s on s.connector = u.connector and s.source_user_id = u.source_user_id
  where trim(u.upn) like '%_@_%'
  union all
  select s.user_no, 'sid', upper(trim(u.sid))
  from raw_user u
  join source_user s on s.connector = u.connector and s.source_user_id = u.source_user_id
  where trim(u.sid) <> ''
  union all
  select s.user_no, 'account', lower(trim(u.domain)) || '\' || lower(trim(u.account))
  from raw_user u
  join source_user s on s.connector = u.connector and s.source_user_id = u.source_user_id
  where trim(u.account) <> '' and trim(u.domain) <> ''
),
first_user as (
  select kind, key_value, min(user_no) as user_no
  from stated
  group by kind, key_value
)
select distinct f.user_no as a, s.user_no as b
from stated s
join first_user f on f.kind = s.kind and f.key_value = s.key_value
where f.user_no <> s.user_no;
