"""Selects in canonical columns over parts of an OpenLM database that are known to be there."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from inventory_pipeline.connectors.database_model import filled, together
from inventory_pipeline.connectors.openlm_mapping import Located

_TEXT = sa.Unicode(400)


class minutes_between(FunctionElement):  # noqa: N801 - reads as the function that it is
    """Minutes from one time to another."""

    name = "minutes_between"
    type = sa.Float()
    inherit_cache = True


@compiles(minutes_between, "mssql")
def _minutes_mssql(element: minutes_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(part, **options) for part in element.clauses)
    return f"DATEDIFF(second, {start}, {end}) / 60.0"


@compiles(minutes_between, "mysql")
@compiles(minutes_between, "mariadb")
def _minutes_mariadb(element: minutes_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(part, **options) for part in element.clauses)
    return f"TIMESTAMPDIFF(SECOND, {start}, {end}) / 60.0"


@compiles(minutes_between, "postgresql")
def _minutes_postgresql(element: minutes_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(part, **options) for part in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) AS double precision) / 60.0"


@compiles(minutes_between, "sqlite")
def _minutes_sqlite(element: minutes_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(part, **options) for part in element.clauses)
    return f"(julianday({end}) - julianday({start})) * 1440.0"


def feature_select(features: Located, quantities: Located | None) -> sa.Select:
    """Licences; their quantity is the one of the newest day that has one."""
    if quantities is None or "quantity" in features.columns:
        return features.select()
    rows = quantities.select().subquery()
    key, newest = rows.c.source_feature_id, sa.func.max(rows.c.date).label("date")
    last = sa.select(key, newest).group_by(key).subquery()
    counted = (
        sa.select(key, sa.func.max(rows.c.quantity).label("quantity"))
        .select_from(rows.join(last, sa.and_(key == last.c.source_feature_id, rows.c.date == last.c.date)))
        .group_by(key)
        .subquery()
    )
    own = features.select().subquery()
    joined = own.outerjoin(counted, counted.c.source_feature_id == own.c.source_feature_id)
    return sa.select(*own.c, counted.c.quantity).select_from(joined)


def session_select(found: Located, *, denials: bool) -> sa.Select:
    """Sessions, or denials, whose numbers are told from those of sessions by a word before them."""
    columns = {name if name != "used_time" else "extra_used_time": value for name, value in found.columns.items()}
    if denials:
        number = sa.cast(columns["source_session_id"], sa.Unicode(100))
        columns["source_session_id"] = together("denial:", number)
    flag = sa.literal_column("1" if denials else "0", sa.Integer)
    return Located(found.source_object, found.source, columns).select(is_denial=flag)


def device_select(used: Located, since: sa.ColumnElement[bool] | None, domain: str | None) -> sa.Select:
    """Workstations that were used. `domain` is that of those whose name has none."""
    rows = (used.select() if since is None else used.select().where(since)).subquery()
    started = rows.c.started if "started" in rows.c else sa.cast(sa.null(), sa.DateTime())
    single = (
        sa.select(_device(rows).label("device"), started.label("started"))
        .where(filled(rows.c.device_name).is_not(None))
        .subquery()
    )
    device = (
        sa.select(single.c.device, sa.func.min(single.c.started).label("first")).group_by(single.c.device).subquery()
    )
    of_domain = sa.case((device.c.device.like("%.%"), sa.null()), else_=sa.cast(domain, _TEXT))
    return sa.select(
        device.c.device.label("source_device_id"),
        device.c.device.label("name"),
        of_domain.label("domain"),
        device.c.first.label("first_seen"),
    )


def _device(rows: sa.Subquery) -> sa.ColumnElement[Any]:
    """In capitals, since servers differ in whether names in other spelling are the same."""
    return sa.func.upper(rows.c.device_name, type_=_TEXT)


def usage_select(
    used: Located, features: Located, since: sa.ColumnElement[bool] | None, minutes: float | None
) -> sa.Select:
    """Use by workstation, product and person. `minutes` are those of one unit of `used_time`.

    What was counted is grouped from a select of its own, since servers do not take an expression with parameters for
    the same one when it is written a second time.
    """
    rows = used.select() if since is None else used.select().where(since)
    stated, known = rows.subquery(), features.select().subquery()

    def of(source: sa.Subquery, name: str, kind: sa.types.TypeEngine[Any] = _TEXT) -> sa.ColumnElement[Any]:
        return source.c[name] if name in source.c else sa.cast(sa.null(), kind)

    started = of(stated, "started", sa.DateTime())
    if "used_time" in stated.c:
        duration = stated.c.used_time * minutes if minutes else sa.cast(sa.null(), sa.Float())
    elif "started" in stated.c and "ended" in stated.c:
        duration = minutes_between(stated.c.started, stated.c.ended)
    else:
        duration = sa.cast(sa.null(), sa.Float())
    single = (
        sa.select(
            _device(stated).label("source_device_id"),
            sa.func.coalesce(filled(of(known, "description")), known.c.feature).label("title"),
            of(known, "vendor").label("publisher"),
            of(known, "version").label("version"),
            of(stated, "user").label("user"),
            started.label("started"),
            sa.func.coalesce(of(stated, "ended", sa.DateTime()), started).label("ended"),
            duration.label("duration"),
        )
        .select_from(stated.join(known, known.c.source_feature_id == stated.c.source_feature_id))
        .where(filled(stated.c.device_name).is_not(None))
        .subquery()
    )
    by = [single.c[name] for name in ("source_device_id", "title", "publisher", "version", "user")]
    return sa.select(
        *by,
        sa.func.min(single.c.started).label("first_used"),
        sa.func.max(single.c.ended).label("last_used"),
        sa.func.count().label("run_count"),
        sa.func.sum(single.c.duration).label("used_minutes"),
    ).group_by(*by)


def is_recent(found: Located, newest: object, days: int) -> sa.ColumnElement[bool] | None:
    """True for what began within the days before the newest, or has no time; None where there are no times."""
    started = found.columns.get("started")
    if started is None or not isinstance(newest, dt.date):
        return None
    return sa.or_(started.is_(None), started >= newest - dt.timedelta(days=days))
