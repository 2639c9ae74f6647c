-- reads: version_text, version_order, statement_decision
-- writes: product_version
-- grain: one row per product and version that occurs
-- why: What is true of every installation of a version is said once. A product that occurs only through its parts
--      takes its name from its id, since no statement names it.

create or replace temp table product_version as
with described as (
  select
    version_no,
    min(vendor) as vendor, min(title) as title, min(category) as category, min(kind) as kind,
    min(licensable) as licensable, max(version_family) as version_family, max(release_date) as release_date,
    min(end_of_support) as end_of_support
  from statement_decision
  where version_no is not null and (parent_product_id is null or product_id <> parent_product_id)
  group by version_no
),
named as (
  select product_id, min(vendor) as vendor, min(title) as title, min(category) as category, min(kind) as kind,
    min(licensable) as licensable
  from statement_decision
  where product_id is not null and (parent_product_id is null or product_id <> parent_product_id)
  group by product_id
)
select
  v.version_no, v.product_no, v.product_id, v.version, o.version_order,
  substr(md5(v.product_id || '/' || coalesce(v.version, '')), 1, 12) as version_id,
  coalesce(d.vendor, n.vendor, split_part(v.product_id, '/', 1)) as vendor,
  coalesce(d.title, n.title, split_part(v.product_id, '/', 2)) as title,
  coalesce(d.category, n.category) as category,
  coalesce(d.kind, n.kind, 'unknown') as kind,
  coalesce(d.licensable, n.licensable, 'unknown') as licensable,
  d.version_family, d.release_date, d.end_of_support
from version_text v
join version_order o on o.version_no = v.version_no
left join described d on d.version_no = v.version_no
left join named n on n.product_id = v.product_id;
