"""Reading through BigQuery, on its stand-in: the rows of DuckDB, from a source of any types, at the cost of its window."""

import datetime as dt
import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery

from recs_assets.breaches import ContractError
from recs_assets.resources import running
from recs_assets.resources.bigquery.client import Places
from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.errors import AccessError, SourceError, WarehouseError
from recs_assets_tests.resources.bigquery.conftest import SETTINGS, warehouse_at
from recs_assets_tests.resources.bigquery.reading import query
from recs_assets_tests.sql import shop
from recs_assets_tests.sql.engines import parameters_of, table_on_duckdb, tables_for
from recs_assets_tests.sql.test_two_engines import normal
from recs_assets_tests.stand_ins.faulty_proxy import faulty_proxy
from recs_assets_tests.stand_ins.places import fill_source, new_places
from recs_assets_tests.stand_ins.servers import BigQuery

UTC = dt.UTC

# As exports give them: ids as numbers, blanks and spaces, moments without a zone, numbers for booleans.
ODD_SOURCE = {
    "Users": pa.table(
        {
            "USER_ID": pa.array([1, 2, None]),
            "email": pa.array([" a@x.com\u00a0", "NULL", "\t"]),
            "created_at": pa.array([dt.date(2026, 1, 5), None, None], pa.date32()),
            "email_consent": pa.array([1, 0, None]),
            "shoe_size": pa.array([40, 41, 42]),
        }
    ),
    "products": pa.table(
        {
            "product_id": pa.array(["p1", " p2 ", "p3"]),
            "part_type": pa.array(["Gauges", "nan", "Fluids"]),
            "price": pa.array([10, 20, None]),
            "is_universal": pa.array([True, None, False]),
        }
    ),
}


@pytest.fixture(scope="module")
def odd_places(bigquery_server: BigQuery) -> Places:
    places = new_places(bigquery_server)
    fill_source(places, ODD_SOURCE)
    return places


def on_duckdb_folder(folder: Path, query_name: str) -> list[dict[str, object]]:
    for name, rows in ODD_SOURCE.items():
        pq.write_table(rows, folder / f"{name.lower()}.parquet")
    warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", folder, SETTINGS.compute, SETTINGS.source.blank_texts)
    with warehouse.session() as session:
        return session.rows(query_name)


@pytest.mark.parametrize("name", ["users_rows", "products_rows", "vehicles_rows", "source_profile_users"])
def test_a_source_of_any_types_is_read_as_on_duckdb(odd_places: Places, tmp_path: Path, name: str) -> None:
    with warehouse_at(odd_places).session() as session:
        rows = session.rows(name)
    assert sorted(normal(rows)) == sorted(normal(on_duckdb_folder(tmp_path, name)))


def test_what_is_stored_is_looked_at(odd_places: Places) -> None:
    warehouse = warehouse_at(odd_places)
    assert warehouse.source_tables() == {"users", "products"}
    users, products = warehouse.source_table("users"), warehouse.source_table("products")
    assert users is not None
    assert products is not None
    assert {name: column.held_as for name, column in users.columns.items()} == {
        "user_id": "integer",
        "email": "text",
        "created_at": "date",
        "email_consent": "integer",
    }
    assert users.extra == ("shoe_size",)
    assert products.columns["product_id"].n_trimmed == 1
    assert warehouse.source_table("fitment") is None


def test_a_value_that_its_type_cannot_hold_is_refused_by_name(places: Places) -> None:
    products = pa.table({"product_id": ["p1"], "part_type": ["Gauges"], "price": ["a lot"]})
    fill_source(places, {"products": products, "vehicle": pa.table({"vehicle_id": ["v1"]})})
    warehouse = warehouse_at(places)
    stored = warehouse.source_table("products")
    assert stored is not None
    assert (stored.columns["price"].n_lost, stored.columns["price"].sample) == (1, "a lot")
    with warehouse.session() as session, pytest.raises(ContractError, match=r"source table 'products': .* price holds a value"):
        session.read("products_rows")
    looked_at = warehouse.source_table("vehicles")
    assert looked_at is not None
    assert "'vehicle' looks like it and is not read" in str(looked_at.breaches[0])


def test_a_night_reads_the_partitions_of_its_window(places: Places) -> None:
    fill_source(places, {name: shop.TABLES[name] for name in ("events", "products", "users")})
    mounted, parameters = tables_for("clean_events"), parameters_of("clean_events")
    del mounted["events"]
    with faulty_proxy(str(places.endpoint)) as proxy:
        with warehouse_at(replace(places, endpoint=proxy.url)).session(mounted) as session:
            assert session.read("clean_events", **parameters).num_rows
        made = [json.loads(body) for method, path, body in proxy.asked if method == "POST" and "/tables?" in path]
    views = [table["view"]["query"] for table in made if "view" in table]
    (of_source,) = [text for text in views if f"{places.source}.events" in text]
    # On the stored column itself, which the query's own filter is on too: one on an expression reads all partitions.
    day = parameters["orders_start"].date()
    assert of_source.endswith(f" WHERE `event_ts` IS NULL OR `event_ts` >= TIMESTAMP '{day} 00:00:00+00'")
    assert "`event_ts` AS event_ts" in of_source


# A long one, in an order by columns that it does not give; one in the order of its own columns; one of the ledgers.
@pytest.mark.parametrize("name", ["v5_17", "co_purchase_edges", "publications"])
def test_the_rows_and_their_order_are_those_of_duckdb(places: Places, name: str) -> None:
    tables, parameters = tables_for(name), parameters_of(name)
    with warehouse_at(places).session(tables) as session:
        read = session.read(name, **parameters)
    expected = table_on_duckdb(name, tables, parameters)
    assert read.schema == expected.schema
    assert read.equals(expected)
    assert read.num_rows


def test_jobs_are_labelled_counted_and_limited(places: Places, warehouse: BigQueryWarehouse) -> None:
    with running.step("user_nodes", "2026-09-28", "Run/1") as step, warehouse.session() as session:
        session.read("source_people")
    (record,) = [job for job in step.jobs if job.name == "source_people"]
    sent = places.client.get_job(record.job_id)
    assert sent.labels == {"asset": "user_nodes", "week": "2026-09-28", "run": "run_1"}
    assert isinstance(sent, bigquery.QueryJob)
    assert record.job_id.startswith("recs_user_nodes_")

    # The stand-in knows no bytes: here its dry runs say a tebibyte.
    dry_run, tebibyte = rb'"totalBytesProcessed":\s*"0"', b'"totalBytesProcessed":"%d"' % (1 << 40)
    with faulty_proxy(str(places.endpoint)) as proxy:
        proxy.edit = lambda body: re.sub(dry_run, tebibyte, body)
        too_much = r"would read 1,024\.0 GiB .* \(\$6\.25\), and bigquery\.max_gib_billed allows 200 GiB\. Nothing"
        with warehouse_at(replace(places, endpoint=proxy.url)).session() as session, pytest.raises(AccessError, match=too_much):
            session.read("source_people")
        queries = [body for _, path, body in proxy.asked if "/jobs?" in path and b"view_users" in body]
        assert [json.loads(body)["configuration"]["dryRun"] for body in queries] == [True]
        allowed = warehouse_at(replace(places, endpoint=proxy.url), max_gib_billed=2048.0)
        with running.step("user_nodes", None, "run") as step, allowed.session() as session:
            session.read("source_people")
        configurations = [json.loads(body)["configuration"] for _, _, body in proxy.asked if b"maximumBytesBilled" in body]
        assert {configuration["query"]["maximumBytesBilled"] for configuration in configurations} == {str(2048 << 30)}
    assert [job.usd for job in step.jobs if job.name == "source_people"] == [6.25]


def test_what_is_not_there_is_told_with_its_place_and_the_fix(places: Places, bigquery_server: BigQuery) -> None:
    with pytest.raises(SourceError, match=r"the dataset stand-in\.nowhere: .*RECS_BQ_SOURCE"):
        warehouse_at(replace(places, source="stand-in.nowhere")).source_tables()
    with pytest.raises(AccessError, match=r"datasets .*, stand-in\.nowhere, .*RECS_BQ_TABLES"):
        warehouse_at(replace(places, tables="stand-in.nowhere")).served_version(dt.date(2026, 9, 28))
    with pytest.raises(AccessError, match=r"lies in EU\. Set RECS_BQ_LOCATION to that"):
        warehouse_at(replace(places, location="US")).served_version(dt.date(2026, 9, 28))
    # Tables that stay would keep rows of people.
    with (
        warehouse_at(replace(places, scratch=places.tables)).session() as session,
        pytest.raises(AccessError, match=rf"do not expire.*bq update --default_table_expiration=86400 {places.tables}"),
    ):
        session.read("source_people")
    with faulty_proxy(bigquery_server.url) as proxy:
        proxy.fault = lambda method, path, body: "429"
        gone = warehouse_at(replace(places, endpoint=proxy.url), retry_seconds=0.1)
        with pytest.raises(WarehouseError, match=r"the dataset .*: .*not now The service did not answer"):
            gone.source_tables()


def test_a_person_is_found_in_our_own_tables(places: Places, warehouse: BigQueryWarehouse) -> None:
    warehouse.hold(held_by="ann@shop.com", reason="prices", now=dt.datetime(2026, 10, 1, tzinfo=UTC))
    assert warehouse.tables_with("(?i)(^|[^a-z])ANN@shop") == ["holds"]
    assert query(places, "SELECT held_by FROM holds") == [("ann@shop.com",)]
