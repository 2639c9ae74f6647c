-- reads: software_statement, statement_decision, device, device_record, device_processor, raw_processor, raw_device,
--        processor_decision, model_decision, install_base, product, person, device_patch, patch, identity_conflict,
--        junk_identifier, installation_usage_count, sync_end
-- writes: summary, headline
-- grain: one row per kind of normalized data; one row per figure
-- why: The first thing that is asked: how much of what was collected was recognized, by what, and what is left.

create or replace temp table summary as
select
  'software' as section,
  coalesce(sum(s.records), 0) as records_collected,
  count(*) as distinct_collected,
  coalesce(sum(case when d.decided_by in ('site_rule', 'rule') and d.role <> 'ignored' then s.records end), 0) as normalized_records,
  count(distinct case when d.decided_by in ('site_rule', 'rule') and d.role <> 'ignored' then d.product_id end)
    as normalized_products,
  coalesce(sum(case when d.decided_by = 'model' and d.role not in ('ignored', 'unidentified') then s.records end), 0)
    as ai_assisted_records,
  count(distinct case when d.decided_by = 'model' and d.role not in ('ignored', 'unidentified') then d.product_id end)
    as ai_assisted_products,
  coalesce(sum(case when d.decided_by = 'parsed' and d.role not in ('ignored', 'unidentified') then s.records end), 0)
    as parsed_records,
  count(distinct case when d.decided_by = 'parsed' and d.role not in ('ignored', 'unidentified') then d.product_id end)
    as parsed_products,
  coalesce(sum(case when d.role = 'unidentified' then s.records end), 0) as not_normalized_records,
  coalesce(sum(case when d.role = 'unidentified' and d.suggestion_title is not null then s.records end), 0)
    as not_normalized_with_suggestions,
  coalesce(sum(case when d.role = 'ignored' then s.records end), 0) as ignored_records
from software_statement s
join statement_decision d on d.statement_no = s.statement_no
where s.records > 0
union all
select
  'device_model',
  count(*),
  count(distinct coalesce(manufacturer, '') || '|' || coalesce(model, '')),
  count(*) filter (where model_rule_id is not null and vendor is not null),
  count(distinct case when model_rule_id is not null then vendor || '|' || coalesce(model_name, '') end),
  0, 0,
  count(*) filter (where model_rule_id is null and vendor is not null),
  count(distinct case when model_rule_id is null then vendor || '|' || coalesce(model_name, '') end),
  count(*) filter (where vendor is null),
  0, 0
from device
where manufacturer is not null or model is not null
union all
select
  'processor',
  count(*),
  count(distinct coalesce(p.vendor, '') || '|' || coalesce(p.name, '')),
  count(*) filter (where n.rule_id is not null),
  count(distinct case when n.rule_id is not null then n.vendor || '|' || coalesce(n.model, n.family, '') end),
  0, 0,
  count(*) filter (where n.rule_id is null and n.vendor is not null and n.family is not null),
  count(distinct case when n.rule_id is null and n.family is not null then n.vendor || '|' || n.family end),
  count(*) filter (where n.rule_id is null and (n.vendor is null or n.family is null)),
  0, 0
from raw_processor p
left join processor_decision n
  on n.raw_vendor is not distinct from p.vendor and n.raw_name is not distinct from p.name
where p.name is not null;

create or replace temp table headline as
select 'source_records' as metric, (select count(*) from device_record) as value,
  'Device records of all sources.' as doc
union all select 'devices', (select count(*) from device), 'Machines after consolidation.'
union all select 'virtual_devices', (select count(*) from device where is_virtual), 'Of these, virtual machines.'
union all select 'obsolete_devices', (select count(*) from device where is_obsolete),
  'Machines all of whose records are obsolete.'
union all select 'devices_in_several_sources',
  (select count(*) from (select device from device_record group by device having min(connector) <> max(connector)) as s),
  'Machines that more than one connector knows.'
union all select 'devices_reporting_usage', (select count(*) from device where reports_usage),
  'Machines for which usage is reported.'
union all select 'software_records', (select coalesce(sum(records), 0) from software_statement),
  'Software rows of all sources.'
union all select 'distinct_software', (select count(*) from software_statement where records > 0),
  'Distinct software statements.'
union all select 'products', (select count(*) from product where installations > 0), 'Products installed.'
union all select 'installations', (select count(*) from install_base), 'Installations: product versions on machines.'
union all select 'installations_' || usage_category, installations,
  'Installations whose usage is ' || replace(usage_category, '_', ' ') || '.' from installation_usage_count
union all select 'people', (select count(*) from person), 'People.'
union all select 'patches', (select count(*) from patch), 'Patches known.'
union all select 'patches_missing', (select count(*) from device_patch where is_missing),
  'Patches missing or failed on machines, without superseded ones.'
union all select 'identity_conflicts', (select count(*) from identity_conflict), 'Merges that were refused.'
union all select 'junk_identifiers', (select count(*) from junk_identifier), 'Identifier values that identify nothing.';
