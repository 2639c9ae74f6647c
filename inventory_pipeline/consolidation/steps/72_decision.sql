-- reads: software_statement, software_normalized
-- writes: statement_decision, version_text, edition
-- grain: statement_decision: one row per distinct statement; version_text: one row per product and version that occurs
-- why: What the rules said, with small numbers for product, version and edition, so that millions of rows join
--      integers. A part (component, update, language pack) that is no product of its own stands for its parent,
--      without a version: that of a patch is not that of the product.

create or replace temp table decided as
select
  s.statement_no,
  substr(md5(concat_ws('/', s.source, coalesce(s.title, ''), coalesce(s.publisher, ''), coalesce(s.version, ''),
    coalesce(s.edition, ''), coalesce(s.product_code, ''), coalesce(s.package_family, ''), coalesce(s.origin, ''))), 1, 16)
    as software_id,
  n.product_id, n.vendor, n.title, n.edition, n.version_family, n.version, n.category, n.kind, n.licensable,
  n.release_date, n.end_of_support,
  case when n.kind in ('component', 'update', 'language_pack') then n.parent_product_id end as parent_product_id,
  n.decided_by, n.rule_id, n.confidence, n.level, n.evidence, n.suggestion_vendor, n.suggestion_title,
  case
    when n.is_ignored then 'ignored'
    when n.product_id is null and (n.parent_product_id is null
      or n.kind not in ('component', 'update', 'language_pack')) then 'unidentified'
    when n.kind in ('component', 'update', 'language_pack') and n.parent_product_id is not null then n.kind
    else 'product'
  end as role
from software_statement s
join software_normalized n on n.software_key = s.statement_no;

create or replace temp table installable as
select
  statement_no,
  coalesce(product_id, parent_product_id) as product_id,
  case when parent_product_id is not null and coalesce(product_id, parent_product_id) = parent_product_id then null
    else version end as version
from decided
where role not in ('ignored', 'unidentified');

create or replace temp table product_key as
select product_id, cast(row_number() over (order by product_id) as integer) as product_no
from (
  select product_id from installable
  union select parent_product_id from decided where parent_product_id is not null
) as products;

create or replace temp table version_text as
select cast(row_number() over (order by p.product_no, i.version nulls first) as integer) as version_no,
  p.product_no, i.product_id, i.version
from (select distinct product_id, version from installable) as i
join product_key p on p.product_id = i.product_id;

create or replace temp table edition as
select edition, cast(row_number() over (order by edition) as integer) as edition_no
from (select distinct edition from decided where edition is not null) as editions;

create or replace temp table statement_decision as
select d.*, v.version_no, v.product_no, q.product_no as parent_product_no, e.edition_no
from decided d
left join installable i on i.statement_no = d.statement_no
left join version_text v on v.product_id = i.product_id and v.version is not distinct from i.version
left join product_key q on q.product_id = d.parent_product_id
left join edition e on e.edition = d.edition;

drop table decided;
drop table installable;
