-- reads: good_key, shared_key, cluster
-- writes: level_member
-- grain: one row per key value of this kind and cluster that carries it, for values that join several clusters
-- why: Kinds of keys are merged one after the other, the strongest first; what a stronger kind has joined or refused
--      to join stands. Within one kind all values are taken at once, so that the order of records plays no part.

create or replace temp table level_member as
select k.key, c.label
from good_key k
semi join shared_key s on s.kind_no = k.kind_no and s.key = k.key
join cluster c on c.record = k.record
where k.kind_no = {{ kind_no }}
group by k.key, c.label
qualify count(*) over (partition by k.key) > 1;
