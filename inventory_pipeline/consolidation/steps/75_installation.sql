-- reads: software_row, software_statement, statement_decision, product_version, device_member
-- writes: install_base, install_fold
-- grain: install_base: one row per machine and product version; install_fold: one row per machine and statement version
--        that was folded, with the product version that it was folded into
-- why: Several sources state the same software; that is one installation. Components, updates and language packs
--      count with their product where it is on the machine. A statement without a version, or with the beginning of
--      one (16.0 beside 16.0.17328), is the same installation as the more exact one.

create or replace temp table install_stated as
select
  r.device,
  d.version_no,
  d.parent_product_no,
  min(case when r.is_date_valid then r.install_date end) as install_date,
  min(case when not r.is_date_valid then r.install_date end) as install_date_future,
  max(d.edition_no) as edition_no,
  bit_or(cast(1 as {{ mask_type }}) << m.connector_no) as connector_mask,
  count(*) as records
from software_row r
join statement_decision d on d.statement_no = r.statement_no
join device_member m on m.record = r.record
where d.version_no is not null
group by r.device, d.version_no, d.parent_product_no;

create or replace temp view install_own as
select device, version_no, install_date, install_date_future, edition_no, connector_mask, records
from install_stated
where parent_product_no is null;

-- Into which version of the same product a vague one goes: the newest that begins with it.
create or replace temp table install_fold as
select i.device, i.version_no, cast(null as integer) as parent_product_no,
  arg_max(o.version_no, w.version_order) as into_version_no, false as is_part
from install_own i
join vague_version v on v.version_no = i.version_no
join install_own o on o.device = i.device and o.version_no = v.exact_version_no
join product_version w on w.version_no = o.version_no
group by i.device, i.version_no
union all
select i.device, i.version_no, i.parent_product_no, arg_max(o.version_no, w.version_order) as into_version_no, true as is_part
from (select distinct device, version_no, parent_product_no from install_stated where parent_product_no is not null) as i
join product_version w on w.product_no = i.parent_product_no
join install_own o on o.device = i.device and o.version_no = w.version_no
group by i.device, i.version_no, i.parent_product_no;

-- A part folded into a vague version follows it to the exact one; chains of vague versions end at the exact one too.
create or replace temp table install_fold as
select f.device, f.version_no, f.parent_product_no, coalesce(h.into_version_no, g.into_version_no, f.into_version_no)
  as into_version_no, f.is_part
from install_fold f
left join install_fold g on g.device = f.device and g.version_no = f.into_version_no and not g.is_part
left join install_fold h on h.device = g.device and h.version_no = g.into_version_no and not h.is_part;

-- Only what was folded, what something was folded into, and parts have to be put together again.
create or replace temp table install_touched as
select device, into_version_no as version_no from install_fold
union
select device, version_no from install_stated where parent_product_no is not null;

create or replace temp table install_base as
with resolved as (
  select s.*, coalesce(f.is_part, false) as is_part, coalesce(f.into_version_no, s.version_no) as target_version_no
  from install_stated s
  left join install_fold f
    on f.device = s.device and f.version_no = s.version_no
    and f.parent_product_no is not distinct from s.parent_product_no
)
select device, target_version_no as version_no, install_date, install_date_future, edition_no, connector_mask, records,
  cast(0 as bigint) as part_records
from resolved r
anti join install_touched t on t.device = r.device and t.version_no = r.target_version_no
union all
select
  device,
  target_version_no as version_no,
  -- The date of a part is when it was patched, not when the product came.
  min(case when not is_part then install_date end) as install_date,
  min(case when not is_part then install_date_future end) as install_date_future,
  max(case when not is_part then edition_no end) as edition_no,
  bit_or(connector_mask) as connector_mask,
  cast(sum(case when is_part then 0 else records end) as bigint) as records,
  cast(sum(case when is_part then records else 0 end) as bigint) as part_records
from resolved r
semi join install_touched t on t.device = r.device and t.version_no = r.target_version_no
group by device, target_version_no;

drop view install_own;
drop table install_stated;
drop table install_touched;
