-- reads: install_base, statement_decision, product_version, product_usage, statement_devices
-- writes: product, software_decision, unidentified_software
-- grain: product: one row per product; the others one row per distinct statement
-- why: What people look at first: which products occur, and what is still unknown.

create or replace temp table product as
with counted as (
  select w.product_no, count(*) as installations, count(distinct i.device) as devices,
    count(distinct i.version_no) as versions
  from install_base i
  join product_version w on w.version_no = i.version_no
  group by w.product_no
)
select
  w.product_id,
  min(w.vendor) as vendor,
  min(w.title) as title,
  min(w.category) as category,
  min(w.kind) as kind,
  min(w.licensable) as licensable,
  max(case when i.version_no is not null then w.release_date end) as release_date,
  min(case when i.version_no is not null then w.end_of_support end) as end_of_support,
  coalesce(max(c.installations), 0) as installations,
  coalesce(max(c.devices), 0) as devices,
  coalesce(max(c.versions), 0) as versions,
  max(u.last_used) as last_used
from product_version w
left join (select distinct version_no from install_base) as i on i.version_no = w.version_no
left join counted c on c.product_no = w.product_no
left join product_usage u on u.product_no = w.product_no
group by w.product_id;

create or replace temp table software_decision as
select
  d.software_id, s.source, s.title as raw_title, s.publisher as raw_publisher, s.version as raw_version,
  s.edition as raw_edition, s.product_code, s.package_family, s.origin,
  d.product_id, d.vendor, d.title, d.edition, d.version_family, d.version, d.kind, d.parent_product_id,
  d.decided_by, d.rule_id, d.confidence, d.level, d.evidence, s.records, coalesce(n.devices, 0) as devices
from software_statement s
join statement_decision d on d.statement_no = s.statement_no
left join statement_devices n on n.statement_no = s.statement_no;

create or replace temp table unidentified_software as
select
  d.software_id, s.source, s.title as raw_title, s.publisher as raw_publisher, s.version as raw_version,
  s.edition as raw_edition, s.product_code, s.package_family, s.origin,
  d.suggestion_vendor, d.suggestion_title, d.confidence, d.evidence, s.records, coalesce(n.devices, 0) as devices
from software_statement s
join statement_decision d on d.statement_no = s.statement_no
left join statement_devices n on n.statement_no = s.statement_no
where d.role = 'unidentified' and s.records > 0
order by devices desc, s.records desc, d.software_id;
