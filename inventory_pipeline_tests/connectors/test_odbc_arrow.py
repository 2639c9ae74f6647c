"""The fast way of reading from SQL Server gives what the ordinary one gives, or leaves it to that one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from inventory_pipeline.connectors import odbc
from inventory_pipeline.connectors.base import RefusedUnit, Units
from inventory_pipeline.connectors.database import DatabaseConnector
from inventory_pipeline.connectors.database_lanes import Lane, open_lane
from inventory_pipeline.connectors.sccm import Sccm
from inventory_pipeline.connectors.wsus import Wsus
from inventory_pipeline.errors import ConnectorError
from inventory_pipeline_tests.connectors.sites import FIRST, PASSWORD, SECOND, VARIABLE, Database, sql_server_site

pytestmark = pytest.mark.needs("odbc")
VIEW = "v_GS_ADD_REMOVE_PROGRAMS_64"


@pytest.fixture(params=["freetds", "microsoft"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    found = odbc.FREETDS if request.param == "freetds" else odbc.driver_of_wheel()
    assert found is not None, "pip install mssql-python-odbc"
    return found


@pytest.fixture
def site(driver: str) -> Iterator[Database]:
    with sql_server_site("configmgr", driver) as database:
        yield database


def lane_to(connector: DatabaseConnector) -> Lane:
    target = connector.target()
    engine = odbc.read_only_engine(target, 5, 60)
    return open_lane(engine, target, 5, 60)


def both_ways(lane: Lane, statement: sa.Select) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows as the lane gives them, and as it gives them without the fast way."""
    assert lane.arrow is not None
    ways = (lane.batches(statement), Lane(lane.connection).batches(statement))
    fast, ordinary = ([row for batch in batches for row in batch.to_pylist()] for batches in ways)
    return fast, ordinary


def read(connector: DatabaseConnector, table: str) -> list[dict[str, Any]]:
    with connector.opened():
        batches = [batch for batch in connector.read(table) if not isinstance(batch, RefusedUnit)]
    return [row for batch in batches for row in batch.to_pylist()]


@pytest.mark.parametrize(("model", "schema"), [(Sccm, "configmgr"), (Wsus, "susdb")])
def test_every_statement_gives_the_same_rows_both_ways(
    model: type[DatabaseConnector], schema: str, driver: str
) -> None:
    with sql_server_site(schema, driver) as database:
        connector = model(name="Site", **database.fields)
        with connector.opened():
            lane = lane_to(connector)
            compared = 0
            for table in model.tables():
                for statement in table.statements:
                    fitted = connector._fitted(statement)
                    if fitted is not None:
                        fast, ordinary = both_ways(lane, fitted)
                        assert fast == ordinary
                        compared += len(fast)
            assert compared > 10


def test_hostile_and_foreign_texts_are_the_same_both_ways(site: Database) -> None:
    texts = [
        "O'Brien; DROP TABLE x; --",
        "line\nbreak\ttab",
        "\u202etxt.exe",
        "漢字 ß",
        "\U0001d54f \U0001f600",
        "",
        " ",
        "é" * 255,
    ]
    for number, text in enumerate(texts):
        quoted = text.replace("'", "''")
        site.execute(f"INSERT INTO {VIEW} (ResourceID, GroupID, ProdID0, DisplayName0) VALUES "
                     f"({SECOND}, {50 + number}, NULL, '{quoted}')")  # fmt: skip
    view = sa.table(VIEW, sa.column("DisplayName0", sa.Unicode), sa.column("GroupID", sa.Integer), schema="dbo")
    statement = sa.select(view.c.DisplayName0).where(view.c.GroupID >= 50).order_by(view.c.GroupID)
    fast, ordinary = both_ways(lane_to(Sccm(name="Site", **site.fields)), statement)
    assert fast == ordinary == [{"DisplayName0": text} for text in texts]


@pytest.mark.parametrize(
    ("kind", "literal", "value"),
    [
        ("TINYINT", "100", 100),
        ("UTINYINT", "200", 200),
        ("BIGINT", "9007199254740993", 9007199254740993),
        ("BOOLEAN", "true", True),
        ("FLOAT", "0.1", None),
        ("DOUBLE", "0.1", 0.1),
        ("DECIMAL(18,2)", "12.50", 12.5),
        ("DECIMAL(18,0)", "7", 7),
        ("TIMESTAMP", "TIMESTAMP '0001-01-01'", None),
        ("TIMESTAMP", "TIMESTAMP '9999-12-31 23:59:59'", None),
        ("TIMESTAMP", "TIMESTAMP '2025-03-01 10:00:00.123'", None),
        ("UUID", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", None),
        ("BLOB", "'\\xAA\\xBB'", "aabb"),
        ("JSON", "'\"' || repeat('x', 100000) || '\"'", '"' + "x" * 100_000 + '"'),
    ],
)
def test_values_of_all_types_are_the_same_both_ways(site: Database, kind: str, literal: str, value: Any) -> None:
    site.execute(f"CREATE TABLE values_of (n INTEGER, v {kind})")
    site.execute(f"INSERT INTO values_of VALUES (1, {literal}), (2, NULL)")
    view = sa.table("values_of", sa.column("n", sa.Integer), sa.column("v"), schema="dbo")
    statement = sa.select(view.c.n, view.c.v).order_by(view.c.n)
    fast, ordinary = both_ways(lane_to(Sccm(name="Site", **site.fields)), statement)
    assert fast == ordinary
    assert [row["n"] for row in fast] == [1, 2]
    assert fast[1]["v"] is None
    if value is not None:
        assert fast[0]["v"] == value


def test_what_is_the_same_in_every_row_does_not_travel(site: Database) -> None:
    site.statements.clear()
    rows = read(Sccm(name="Site", **site.fields), "software")
    assert {row["architecture"] for row in rows if row["source_object"] == VIEW} == {"x64"}
    [asked] = {text for text in site.statements if VIEW in text and "DisplayName0" in text and "ORDER BY" in text}
    assert "x64" not in asked


def test_a_view_that_is_refused_while_reading_is_named_with_the_cure(site: Database) -> None:
    connector = Sccm(name="Site", **site.fields)
    assert site.server is not None
    with connector.opened():
        assert list(connector.read("software"))
        site.server.faults.denied.add(VIEW)
        with pytest.raises(ConnectorError, match=f"may not read {VIEW}") as failure:
            list(connector.read("software"))
    assert failure.value.cure
    assert PASSWORD not in str(failure.value)


def test_units_that_are_read_side_by_side_come_whole_and_in_order(site: Database) -> None:
    devices = 1200
    site.execute(f"DELETE FROM {VIEW}")
    site.execute(
        f"INSERT INTO {VIEW} (ResourceID, GroupID, ProdID0, DisplayName0) SELECT {FIRST} + d.range, p.range, "
        f"'key ' || p.range, 'Product ' || p.range FROM range({devices}) d, range(20) p"
    )
    units = Units(tuple(str(FIRST + number) for number in range(devices)), contiguous=True)
    found: dict[str, list[str]] = {}
    connector = Sccm(name="Site", connections=4, **site.fields)
    site.statements.clear()
    with connector.opened():
        for batch in connector.read("software", units):
            assert isinstance(batch, pa.RecordBatch)
            for row in batch.filter(pc.call_function("equal", [batch["source_object"], VIEW])).to_pylist():
                found.setdefault(row["source_device_id"], []).append(row["title"])
    assert len({text for text in site.statements if VIEW in text and "BETWEEN" in text}) == 4
    assert set(found) == set(units.keys)
    assert all(titles == [f"Product {number}" for number in range(20)] for titles in found.values())
