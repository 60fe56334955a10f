"""Publishing in BigQuery, on its stand-in: one whole audited version is served, whatever the service answers in between."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from recs_assets.own_tables import RECOMMENDATIONS, wide_columns
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.types import sql_types
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.errors import PublishRefused, WarehouseError
from recs_assets_tests.resources.bigquery.conftest import warehouse_at, write_users
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.versions import FIRST, SECOND, WEEK, publish, restoration, stage, wide
from recs_assets_tests.stand_ins.faulty_proxy import Fault, faulty_proxy


def test_versions_follow_each_other(places: Places, warehouse: BigQueryWarehouse) -> None:
    one = stage(warehouse, "one", FIRST)
    published = publish(warehouse, one)
    assert (published.outcome, published.version_before, published.version_after) == ("published", None, "publication one")
    assert served(places) == (list(FIRST), wide(FIRST))
    for table, columns in (("recommendations", RECOMMENDATIONS), ("final_vehicle_recommendations", wide_columns(1))):
        assert sql_types(places.client.get_table(f"{places.tables}.{table}").schema) == columns
    for table in ("recommendations", one.long_table):
        made = places.client.get_table(f"{places.tables}.{table}")
        assert (made.time_partitioning.field, made.clustering_fields) == ("week", ["user_id"])

    assert publish(warehouse, one).outcome == "already published"
    again = publish(warehouse, stage(warehouse, "again", FIRST))
    assert (again.outcome, again.publication_id) == ("unchanged", "publication one")
    assert query(places, "SELECT COUNT(*) FROM publications") == [(1,)]

    write_users(places, {"u1": True, "u2": False, "u3": True})  # who says no is not mailed
    published = publish(warehouse, stage(warehouse, "two", SECOND))
    assert (published.n_mailed, published.n_withheld) == (2, 1)
    assert served(places) == (list(SECOND), wide([row for row in SECOND if row[0] != "u2"]))
    assert warehouse.restore(restoration(warehouse, "a")).version_after == "publication one"
    assert served(places) == (list(FIRST), wide(FIRST[:1]))
    # What was kept for a run alone has gone with it.
    assert [item.table_id for item in places.client.list_tables(places.scratch) if item.table_type == "TABLE"] == []


def test_another_number_of_slots_waits_for_the_owner_of_the_mail(places: Places, warehouse: BigQueryWarehouse) -> None:
    publish(warehouse, stage(warehouse, "one", FIRST))
    two = stage(warehouse, "two", SECOND, slots=2)
    with pytest.raises(PublishRefused, match=r"Or set rules\.slots to 1, .* Nothing was written") as refused:
        publish(warehouse, two)
    assert served(places) == (list(FIRST), wide(FIRST))
    for statement in re.findall(r"ALTER TABLE `[^`]+` ADD COLUMN \w+ \w+", str(refused.value)):
        query(places, statement)
    assert publish(warehouse, two).outcome == "published"
    assert served(places) == (list(SECOND), wide(SECOND))


def of_statement(statement: str, kind: Fault) -> Callable[[str, str, bytes], Fault | None]:
    """From a statement on nothing is answered any more, to whomever."""
    lost = []

    def fault(method: str, path: str, body: bytes) -> Fault | None:
        if statement.encode() in body and b'"dryRun"' not in body:
            lost.append(body)
            return kind
        return "500" if lost else None

    return fault


@pytest.mark.parametrize(
    ("statement", "kind", "outcome"),
    [
        ("COMMIT TRANSACTION", "lost", "already published"),
        ("COMMIT TRANSACTION", "500", "published"),
        ("INSERT INTO", "lost", "published"),
    ],
)
def test_an_answer_that_never_comes(places: Places, statement: str, kind: Fault, outcome: str) -> None:
    """The service is gone at the worst moment: the same publication once more finds what has become of it."""
    publication = stage(warehouse_at(places), "one", FIRST)
    with faulty_proxy(str(places.endpoint)) as proxy:
        proxy.fault = of_statement(statement, kind)
        with pytest.raises(WarehouseError, match=rf"project stand-in \(EU\), datasets .*{places.tables}.*, job recs_command_"):
            publish(warehouse_at(replace(places, endpoint=proxy.url), retry_seconds=0.2), publication)
    before = served(places)[0]
    assert before == (list(FIRST) if outcome == "already published" else [])
    # The transaction that nobody ends any more is ended for it, once nothing has happened in it for so long.
    assert publish(warehouse_at(places, turn_seconds=0.5), publication).outcome == outcome
    assert served(places) == (list(FIRST), wide(FIRST))
    assert query(places, "SELECT COUNT(*) FROM publications") == [(1,)]


def test_of_two_runs_at_once_one_publishes_and_readers_see_whole_versions(places: Places) -> None:
    warehouses = [warehouse_at(places), warehouse_at(replace(places))]
    publish(warehouses[0], stage(warehouses[0], "one", FIRST))
    publications = [stage(warehouses[0], "two", SECOND), stage(warehouses[0], "three", SECOND[:2])]
    seen = []

    def outcome(number: int) -> Any:
        try:
            return publish(warehouses[number], publications[number]).publication_id
        except PublishRefused as refusal:
            return str(refusal)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(outcome, number) for number in (0, 1)]
        while not all(future.done() for future in running):
            seen.append(tuple(query(places, "SELECT user_id, product_id FROM recommendations ORDER BY user_id")))
        outcomes = [future.result() for future in running]
    winner = next(told for told in outcomes if told in ("publication two", "publication three"))
    (refusal,) = [told for told in outcomes if told != winner]
    assert f"published {winner} at" in refusal
    versions = {tuple((user, part) for user, _, part, _ in rows) for rows in (FIRST, SECOND, SECOND[:2])}
    assert seen
    assert set(seen) <= versions
    assert warehouses[0].served_version(WEEK) == winner
