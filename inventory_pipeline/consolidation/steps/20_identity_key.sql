-- reads: raw_device, source_record, connector, vendor_key, junk_listed, cross_reference_system
-- writes: record_key, junk_key
-- grain: one row per record, kind of key and value; junk_key: one row per kind and value
-- why: All keys at once, each in one notation. UUIDs are folded over both byte orders (ESX and some agents swap the
--      first three groups). A serial number counts together with its vendor; where a record states none, the vendor
--      that the serial number has elsewhere is taken, if that is only one. Values that identify nothing by their
--      form or by the list of placeholders go to junk_key, the rest to record_key.

create or replace temp table record_text as
select
  s.record,
  regexp_replace(upper(d.serial_number), '[^A-Z0-9]', '', 'g') as serial,
  trim(d.serial_number) as serial_raw,
  coalesce(v.vendor_key, '') as vendor_key,
  regexp_replace(lower(d.smbios_uuid), '[^0-9a-z]', '', 'g') as smbios_uuid,
  regexp_replace(lower(d.instance_uuid), '[^0-9a-z]', '', 'g') as instance_uuid,
  regexp_replace(lower(d.entra_device_id), '[^0-9a-z]', '', 'g') as entra_device_id,
  regexp_replace(lower(d.ad_object_guid), '[^0-9a-z]', '', 'g') as ad_object_guid,
  regexp_replace(upper(d.ad_sid), '[^0-9S-]', '', 'g') as ad_sid,
  regexp_replace(d.imei, '[^0-9]', '', 'g') as imei,
  d.cross_reference,
  regexp_replace(lower(coalesce(d.netbios_name, d.name, d.fqdn)), '[.].*| ', '', 'g') as host,
  regexp_replace(lower(coalesce(
    case when d.fqdn like '%.%' then d.fqdn end,
    case when d.name like '%.%' then d.name end,
    case when d.domain like '%.%' then coalesce(d.netbios_name, d.name) || '.' || d.domain end
  )), '[^a-z0-9._-]|[.]$', '', 'g') as fqdn,
  regexp_replace(lower(coalesce(d.netbios_domain, d.domain)), '[.].*| ', '', 'g') as domain
from source_record s
join raw_device d on d.connector = s.connector and d.source_device_id = s.source_device_id
left join vendor_key v on v.manufacturer = d.manufacturer;

create or replace temp table serial_vendor as
select serial, min(vendor_key) as vendor_key
from record_text
where serial <> '' and vendor_key <> ''
group by serial
having min(vendor_key) = max(vendor_key);

create or replace temp table stated_key as
select
  t.record,
  2 as kind_no,
  coalesce(nullif(t.vendor_key, ''), v.vendor_key, '') || '|' || t.serial as key_value,
  length(t.serial) < 4
    or t.serial = repeat(substr(t.serial, 1, 1), cast(length(t.serial) as integer))
    or regexp_matches(t.serial_raw, {{ junk_regex.serial }}) as is_malformed
from record_text t
left join serial_vendor v on v.serial = t.serial
where t.serial <> ''
{% for kind_no, column in uuid_kinds %}
union all
select
  record,
  {{ kind_no }} as kind_no,
  fold_digits({{ column }}) as key_value,
  not regexp_matches({{ column }}, '^[0-9a-f]{32}$')
    or {{ column }} = repeat(substr({{ column }}, 1, 1), 32)
    or {{ column }} like '%ffffffffffffffffffff' as is_malformed
from record_text
where {{ column }} <> ''
{% endfor %}
union all
select record, 5, substr(imei, 1, 14), length(imei) < 14 or length(imei) > 16
  or substr(imei, 1, 14) = repeat(substr(imei, 1, 1), 14)
from record_text
where imei <> ''
union all
-- A SID without a relative identifier is the local one, which images carry from machine to machine.
select record, 8, ad_sid, not regexp_matches(ad_sid, '^S-1-5-21-[0-9]+-[0-9]+-[0-9]+-[0-9]+$')
from record_text
where ad_sid <> ''
union all
select record, 9, fqdn,
  not regexp_matches(fqdn, '^[a-z0-9_-]*[a-z][a-z0-9_-]*[.][a-z0-9_.-]*[a-z][a-z0-9_-]*$')
    or regexp_matches(fqdn, '^localhost[.]|[.]localdomain$|[.]workgroup$')
from record_text
where fqdn <> ''
union all
select record, 10, upper(substr(host, 1, 15)) || '|' || upper(domain), false
from (
  select record, host, coalesce(nullif(domain, ''), regexp_replace(fqdn, '^[^.]*[.]|[.].*$', '', 'g')) as domain
  from record_text
) as named
where host <> '' and domain <> '' and host <> domain and host <> 'localhost'
  and domain not in ('workgroup', 'mshome', 'local', 'localdomain', 'home', 'lan', 'internal', 'arbeitsgruppe')
union all
-- Second digit 0, 4, 8 or C: neither multicast nor locally administered.
select record, 11, mac, not regexp_matches(mac, '^[0-9A-F][048C][0-9A-F]{10}$')
  or regexp_matches(mac, {{ junk_regex.mac }})
from (
  select s.record, regexp_replace(upper(a.address), '[^0-9A-Z]', '', 'g') as mac
  from (select connector, source_device_id, unnest(mac_addresses) as address from raw_device) as a
  join source_record s on s.connector = a.connector and s.source_device_id = a.source_device_id
) as addresses
where mac <> ''
union all
select record, 1, lower(cross_reference), false
from record_text
where cross_reference like '%_:_%'
union all
select s.record, 1, lower(x.system || ':' || s.source_device_id), false
from cross_reference_system x
join source_record s on s.connector = x.connector
semi join record_text t on lower(t.cross_reference) = lower(x.system || ':' || s.source_device_id);

create or replace temp table junk_key as
select
  k.kind_no,
  k.key_value,
  case when min(j.key_value) is not null then 'listed' else 'format' end as reason,
  count(*) as records
from (
  select distinct record, kind_no, key_value, is_malformed from stated_key
) as k
left join junk_listed j
  on j.kind_no = k.kind_no
  and j.key_value = case when k.kind_no = 2 then regexp_replace(k.key_value, '^[^|]*[|]', '', 'g') else k.key_value end
where k.is_malformed or j.key_value is not null
group by k.kind_no, k.key_value;

create or replace temp table record_key as
select distinct k.record, k.kind_no, key_hash(k.key_value) as key, k.key_value
from stated_key k
anti join junk_key j on j.kind_no = k.kind_no and j.key_value = k.key_value;

drop table stated_key;
drop table record_text;
drop table serial_vendor;
