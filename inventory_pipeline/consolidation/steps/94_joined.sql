-- reads: raw_virtual_machine, raw_virtual_host, raw_group, raw_group_member, raw_application, raw_subscription,
--        raw_subscription_assignment, raw_subscription_activity, raw_user_software_usage, raw_license_feature,
--        raw_license_session, raw_database_instance, raw_database_feature_usage, raw_entitlement,
--        raw_entitlement_caveat, device, device_record, record_key, person, person_member, user_name,
--        statement_decision, software_statement, connector
-- writes: virtual_machine, virtual_host, inventory_group, inventory_group_member, application, subscription,
--         subscription_assignment, subscription_activity, user_software_usage, license_feature, license_session,
--         database_instance, database_feature_usage, entitlement
-- grain: one row per row of the source
-- why: What sources say about other things, each with the machine, person and product that it is about.

-- Names that one machine only has; a name that several have identifies none.
create or replace temp table device_name as
select name, min(device_id) as device_id
from (
  select lower(fqdn) as name, device_id from device where fqdn is not null
  union select lower(netbios_name), device_id from device where netbios_name is not null
  union select lower(name), device_id from device where name is not null
  union select regexp_replace(lower(name), '[.].*', '', 'g'), device_id from device where name is not null
) as names
where name <> ''
group by name
having min(device_id) = max(device_id);

create or replace temp table uuid_device as
select key_kind, key_value, min(device_id) as device_id
from (
  select n.name as key_kind, k.key_value, r.device_id
  from record_key k
  join key_kind n on n.kind_no = k.kind_no
  join device_record r on r.record = k.record
  where k.kind_no in (3, 4, 6)
) as keys
group by key_kind, key_value
having min(device_id) = max(device_id);

create or replace temp table virtual_machine as
select v.*, coalesce(d.device_id, i.device_id, b.device_id, g.device_id) as device_id, h.device_id as host_device_id,
  n.name as host_name
from raw_virtual_machine v
left join device_record d on d.connector = v.connector and d.source_device_id = v.source_vm_id
left join uuid_device i on i.key_kind = 'instance_uuid' and i.key_value = fold_uuid(v.instance_uuid)
left join uuid_device b on b.key_kind = 'smbios_uuid' and b.key_value = fold_uuid(v.bios_uuid)
-- A cloned machine has no UUID of its own; its full name may still be.
left join device_name g on g.name = lower(v.guest_host_name) and v.guest_host_name like '%.%'
left join device_record h on h.connector = v.connector and h.source_device_id = v.source_host_id
left join raw_virtual_host n on n.connector = v.connector and n.source_host_id = v.source_host_id;

create or replace temp table virtual_host as
select h.*, coalesce(d.device_id, b.device_id) as device_id,
  coalesce(v.virtual_machines, 0) as virtual_machines, coalesce(v.vcpus, 0) as vcpus
from raw_virtual_host h
left join device_record d on d.connector = h.connector and d.source_device_id = h.source_host_id
left join uuid_device b on b.key_kind = 'smbios_uuid' and b.key_value = fold_uuid(h.smbios_uuid)
left join (
  select connector, source_host_id, count(*) as virtual_machines,
    cast(sum(case when power_state = 'on' then vcpus end) as bigint) as vcpus
  from raw_virtual_machine
  where not coalesce(is_template, false)
  group by connector, source_host_id
) as v on v.connector = h.connector and v.source_host_id = h.source_host_id;

create or replace temp table inventory_group_member as
select
  substr(md5('group/' || m.connector || '/' || m.source_group_id), 1, 16) as group_id,
  m.*,
  case when m.member_kind = 'device' then coalesce(d.device_id, e.device_id) end as device_id,
  case when m.member_kind = 'user' then coalesce(p.person_id, n.person_id) end as person_id,
  case when m.member_kind = 'group' then substr(md5('group/' || m.connector || '/' || m.member_id), 1, 16) end
    as member_group_id
from raw_group_member m
left join device_record d on d.connector = m.connector and d.source_device_id = m.member_id
-- Directories know devices by an id that outlives their enrolments.
left join uuid_device e on e.key_kind = 'entra_device_id' and e.key_value = fold_uuid(m.member_id)
left join person_member u on u.connector = m.connector and u.source_user_id = m.member_id
left join person p on p.person = u.person
left join user_name n on n.name = lower(m.member_id);

create or replace temp table inventory_group as
select substr(md5('group/' || g.connector || '/' || g.source_group_id), 1, 16) as group_id, g.*,
  coalesce(m.device_members, 0) as device_members, coalesce(m.person_members, 0) as person_members
from raw_group g
left join (
  select connector, source_group_id, count(distinct device_id) as device_members,
    count(distinct person_id) as person_members
  from inventory_group_member
  group by connector, source_group_id
) as m on m.connector = g.connector and m.source_group_id = g.source_group_id;

create or replace temp table named_product as
select n.statement, d.product_id
from software_statement n
join statement_decision d on d.statement_no = n.statement_no
where d.product_id is not null;

create or replace temp table application as
select a.*, n.product_id
from raw_application a
join connector c on c.connector = a.connector
left join named_product n
  on n.statement = statement_hash(c.connector_type, a.name, a.vendor, a.version, null, null, null, null);

create or replace temp table subscription_assignment as
select a.*, coalesce(p.person_id, n.person_id) as person_id
from raw_subscription_assignment a
left join person_member u on u.connector = a.connector and u.source_user_id = a.source_user_id
left join person p on p.person = u.person
left join user_name n on n.name = lower(a.source_user_id);

create or replace temp table subscription_activity as
select a.*, coalesce(p.person_id, n.person_id) as person_id
from raw_subscription_activity a
left join person_member u on u.connector = a.connector and u.source_user_id = a.source_user_id
left join person p on p.person = u.person
left join user_name n on n.name = lower(a.source_user_id);

create or replace temp table user_software_usage as
select s.*, coalesce(p.person_id, n.person_id) as person_id
from raw_user_software_usage s
left join person_member u on u.connector = s.connector and u.source_user_id = s.source_user_id
left join person p on p.person = u.person
left join user_name n on n.name = lower(s.source_user_id);

create or replace temp table subscription as
with active as (
  select connector, person_id
  from subscription_activity
  where last_activity >= report_date - {{ policy.usage.unused_after_days }} and person_id is not null
  group by connector, person_id
),
assigned as (
  select a.connector, a.sku_id, count(distinct coalesce(a.person_id, a.source_user_id)) as assigned_people,
    count(distinct v.person_id) as active_people
  from subscription_assignment a
  left join active v on v.connector = a.connector and v.person_id = a.person_id
  group by a.connector, a.sku_id
)
select s.*, coalesce(a.assigned_people, 0) as assigned_people, coalesce(a.active_people, 0) as active_people
from raw_subscription s
left join assigned a on a.connector = s.connector and a.sku_id = s.sku_id;

create or replace temp table license_session as
select s.*, d.device_id, p.person_id
from raw_license_session s
left join device_name d on d.name = lower(s.device_name)
left join user_name p on p.name = lower(s.user);

create or replace temp table license_feature as
select f.*, coalesce(s.sessions, 0) as sessions, coalesce(s.denials, 0) as denials, s.last_used
from raw_license_feature f
left join (
  select connector, source_feature_id, count(*) filter (where not coalesce(is_denial, false)) as sessions,
    count(*) filter (where is_denial) as denials,
    max(case when not coalesce(is_denial, false) then coalesce(ended, started) end) as last_used
  from raw_license_session
  group by connector, source_feature_id
) as s on s.connector = f.connector and s.source_feature_id = f.source_feature_id;

create or replace temp table database_instance as
select i.*, coalesce(d.device_id, n.device_id, m.device_id) as device_id
from raw_database_instance i
left join device_record d on d.connector = i.connector and d.source_device_id = i.source_device_id
left join device_name n on n.name = lower(i.host_name)
left join device_name m on m.name = regexp_replace(lower(i.host_name), '[.].*', '', 'g');

create or replace temp table database_feature_usage as
select u.*, i.device_id
from raw_database_feature_usage u
left join database_instance i on i.connector = u.connector and i.source_database_id = u.source_database_id;

create or replace temp table entitlement as
select e.*, n.product_id,
  case when coalesce(v.errors, 0) > 0 then 'errors' when coalesce(v.warnings, 0) > 0 then 'warnings' else 'clean' end
    as draft_status,
  coalesce(v.warnings, 0) as warnings, coalesce(v.errors, 0) as errors
from raw_entitlement e
join connector c on c.connector = e.connector
left join named_product n
  on n.statement = statement_hash(c.connector_type, e.title, e.vendor, e.version, e.edition, null, null, null)
left join (
  select connector, entitlement_id, count(*) filter (where severity = 'warning') as warnings,
    count(*) filter (where severity = 'error') as errors
  from raw_entitlement_caveat
  group by connector, entitlement_id
) as v on v.connector = e.connector and v.entitlement_id = e.entitlement_id;
