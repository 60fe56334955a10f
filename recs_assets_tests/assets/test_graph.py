"""The graph of the week and the profiles that stand for people."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import EXPORT_NAMES
from recs_assets.assets import graph
from recs_assets_tests.conftest import Run
from recs_assets_tests.small_shop import LAST_YEAR, small_shop
from recs_assets_tests.sql.rows import source as source_rows
from recs_assets_tests.test_definitions import EXPORTS
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, messages, metadata

RAW = [f"raw_{table}" for table in ("users", "vehicles", "ownership", "products", "fitment", "events")]


def test_the_names_of_the_exports_are_those_of_their_assets() -> None:
    assert tuple(asset.key.to_user_string() for asset in graph.EXPORTS) == EXPORT_NAMES


def test_every_accepted_row_is_a_node_or_an_edge(first_run: Run) -> None:
    shown = metadata(first_run.result, "hetero_graph")
    rows = {name: first_run.place.table(name).num_rows for name in EXPORTS}
    assert {name: shown[f"{name} nodes"] for name in ("user", "vehicle", "product")} == {
        "user": rows["user_nodes"],
        "vehicle": rows["vehicle_nodes"],
        "product": rows["product_nodes"],
    }
    assert shown["user owns vehicle"] == rows["owns_edges"]
    assert shown["product fits vehicle"] == rows["fits_edges"]
    assert shown["user interacts product"] == rows["interaction_edges"]
    assert shown["product bought_with product"] == rows["co_purchase_edges"]


def test_people_share_a_profile_only_if_they_own_the_same_and_have_no_history(tmp_path: Path) -> None:
    users = [(f"u{number}", f"u{number}@example.com", LAST_YEAR, True) for number in range(4, 9)]
    garages = [("u4", "v1", 1, None), ("u5", "v1", 1, None), ("u6", "v1", 1, None), ("u6", "v2", 2, None)]
    place = small_shop(tmp_path, {"users": users, "ownership": garages})
    assert messages(place.materialize([*RAW, *sorted(EXPORTS), "hetero_graph"], WEEK)) == {}
    rows = place.artifact("hetero_graph").table("user_profiles.parquet").to_pylist()
    people: dict[str, set[str]] = {}
    for row in rows:
        people.setdefault(row["profile_id"], set()).add(row["user_id"])
    # u1, u2 and u3 have histories; u4 and u5 own a Camaro, u6 a Mustang too, u7 and u8 nothing.
    assert sorted(sorted(group) for group in people.values()) == [["u1"], ["u2"], ["u3"], ["u4", "u5"], ["u6"], ["u7", "u8"]]
    strata = {row["user_id"]: row["stratum"] for row in rows}
    assert (strata["u1"], strata["u4"], strata["u8"]) == ("warm", "cold", "cold")


def test_garages_that_no_part_fits_stop_the_run(tmp_path: Path) -> None:
    place = small_shop(tmp_path, {"vehicles": [("v3", 1932, "Ford", "Model 18", None)]})
    place.rewrite("ownership", source_rows("ownership", [("u1", "v3", 1, None), ("u2", "v3", 1, None)]))
    told = messages(place.materialize([*RAW, *sorted(EXPORTS), "hetero_graph"], WEEK))
    assert told["hetero_graph"].startswith(
        "source table 'fitment', week 2026-09-28: 2 of 2 people with a vehicle (100.0%) have no part that fits it. Look whether"
    )
    assert place.store.find("hetero_graph", WEEK) is None


def test_every_user_has_one_profile_and_every_profile_a_user(first_run: Run) -> None:
    graph = first_run.place.artifact("hetero_graph")
    people, profiles = graph.table("user_profiles.parquet"), graph.table("profiles.parquet")
    assert sorted(people["user_id"].to_pylist()) == first_run.place.table("user_nodes")["user_id"].to_pylist()
    assert set(people["profile_id"].to_pylist()) == set(profiles["profile_id"].to_pylist())
    assert len(set(profiles["profile_id"].to_pylist())) == profiles.num_rows
    assert profiles.num_rows < people.num_rows


def test_events_planted_after_the_week_change_nothing_in_its_graph(first_run: Run, tmp_path: Path) -> None:
    place = first_run.place.copy(tmp_path)
    events = place.read_source("events")
    next_week = pc.greater_equal(
        events["event_ts"], pa.scalar(first_run.place.artifact("hetero_graph").as_of, events["event_ts"].type)
    )
    future = events.filter(next_week).slice(0, 50)
    assert future.num_rows == 50
    planted = future.set_column(0, "event_id", pa.array([f"planted{number}" for number in range(50)]))
    place.rewrite("events", pa.concat_tables([events, planted]))
    assets = ["raw_events", "interaction_edges", "co_purchase_edges", "hetero_graph"]
    result = place.materialize(assets, WEEK)
    assert messages(result) == {}
    before = metadata(first_run.result, "interaction_edges")["outside the window"]
    assert metadata(result, "interaction_edges")["outside the window"] == before + 50
    assert place.artifact("hetero_graph").manifest.files == first_run.place.artifact("hetero_graph").manifest.files


def test_the_night_after_sees_what_the_week_did_not(night: Run) -> None:
    events = {week: night.place.table("interaction_edges", week) for week in (WEEK, NEXT_WEEK)}
    later, earlier = events[NEXT_WEEK].num_rows, events[WEEK].num_rows
    assert later > earlier
    edges = metadata(night.result, "hetero_graph")["user interacts product"]
    assert edges == later
