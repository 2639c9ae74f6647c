-- reads: software_row, statement_decision, install_fold, product_version, device_key, source_record, software_statement
-- writes: installation_record
-- grain: one row per raw software row
-- why: Every raw row says where it went. A view: it is written once, and is by far the longest table.

create or replace temp view installation_record as
select
  k.device_id,
  k.device_id || '-' || w.version_id as installation_id,
  d.software_id,
  s.connector,
  s.source_device_id,
  r.row_hash,
  case when f.into_version_no is null and d.version_no is not null then 'product' else d.role end as role
from software_row r
join statement_decision d on d.statement_no = r.statement_no
join device_key k on k.device = r.device
join source_record s on s.record = r.record
left join install_fold f on f.device = r.device and f.version_no = d.version_no
  and f.parent_product_no is not distinct from d.parent_product_no
left join product_version w on w.version_no = coalesce(f.into_version_no, d.version_no);
