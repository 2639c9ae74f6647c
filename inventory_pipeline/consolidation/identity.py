"""Which source records are the same machine: keys, junk, merging by kind of key, stable ids."""

from __future__ import annotations

from inventory_pipeline.consolidation.engine import Engine
from inventory_pipeline.consolidation.identity_data import KEY_KINDS, KeyKind
from inventory_pipeline.consolidation.step import Step, Steps


def merge_clusters(engine: Engine, steps: Steps) -> None:
    """Merges the records of table `cluster` (record, label) by the keys of `good_key`, the strongest kind first.

    Leaves `cluster` with the smallest record of each machine as label, `accepted_key` with the values that merged
    something and `refused_key` with the values that did not and why.
    """
    level, judge = steps["30_level"], steps["31_judge"]
    for kind in KEY_KINDS[1:]:
        engine.execute(level.render(kind_no=kind.number))
        if not engine.count("select count(*) from level_member"):
            continue
        _judge(engine, judge, kind, "select key as grp, label from level_member")
        engine.execute(
            f"insert into refused_key select {kind.number}, grp, reason from refusal;"
            "create or replace temp table level_member as "
            "select m.* from level_member m anti join refusal r on r.grp = m.key"
        )
        engine.execute(
            "create or replace temp table edge as select f.label as a, m.label as b from level_member m "
            "join (select key, min(label) as label from level_member group by key) as f on f.key = m.key "
            "where f.label <> m.label"
        )
        connect(engine)
        _judge(engine, judge, kind, "select label as grp, id as label from representative")
        engine.execute(
            f"insert into refused_key select distinct {kind.number}, m.key, r.reason from level_member m "
            "join representative c on c.id = m.label join refusal r on r.grp = c.label;"
            f"insert into accepted_key select distinct {kind.number}, m.key from level_member m "
            "join representative c on c.id = m.label anti join refusal r on r.grp = c.label;"
            "create or replace temp table cluster as select c.record, coalesce(n.label, c.label) as label "
            "from cluster c left join (select c.id, c.label from representative c "
            "anti join refusal r on r.grp = c.label) as n on n.id = c.label"
        )


def _judge(engine: Engine, judge: Step, kind: KeyKind, candidates: str) -> None:
    engine.execute(f"create or replace temp table candidate as {candidates}")
    names = {"fqdn", "name_domain"}
    engine.execute(judge.render(is_weak=kind.strength == "weak", is_name=kind.name in names))


def connect(engine: Engine) -> None:
    """Connected components of table `edge` (a, b) into table `representative` (id, label: smallest id reached).

    Contraction: each round hooks every node to its smallest neighbour and rewrites the edges between the hooks, so
    that long chains take few rounds.
    """
    engine.execute(
        "create or replace temp table representative as select id, id as label from "
        "(select a as id from edge union select b as id from edge) as node"
    )
    while engine.count("select count(*) from edge"):
        engine.execute(
            "create or replace temp table hook as select x as r, min(y) as m "
            "from (select a as x, b as y from edge union all select b, a from edge) as side "
            "group by x having min(y) < x;"
            "create or replace temp table jump as select h.r, coalesce(g.m, h.m) as m "
            "from hook h left join hook g on g.r = h.m;"
            "create or replace temp table representative as select p.id, coalesce(j.m, p.label) as label "
            "from representative p left join jump j on j.r = p.label;"
            "create or replace temp table edge as select distinct coalesce(h.m, e.a) as a, coalesce(g.m, e.b) as b "
            "from edge e left join jump h on h.r = e.a left join jump g on g.r = e.b "
            "where coalesce(h.m, e.a) <> coalesce(g.m, e.b)"
        )
