"""The tiny planted world through the whole graph: what is served, and on which evidence."""

import datetime as dt
import json

import pandas as pd
import pytest

from recs_assets_tests.conftest import Run
from recs_assets_tests.test_definitions import BLOCKING, EDGES, NOT_BLOCKING
from recs_assets_tests.worlds import NEXT_WEEK, Place, checks, materialized, messages, metadata

LONG_COLUMNS = [
    "user_id",
    "week",
    "rank",
    "product_id",
    "final_score",
    "sql_score",
    "gnn_score",
    "segment",
    "arm",
    "source",
    "reason_code",
    "reason_text",
    "model_week",
    "run_id",
    "scored_at",
]
WIDE_COLUMNS = [
    "email_lower",
    "v1_year",
    "v1_make",
    "v1_model",
    "rec_part_1",
    "rec1_price",
    "rec1_score",
    "rec1_image",
    "rec1_type",
    "rec1_pop_source",
    "rec_part_2",
    "rec2_price",
    "rec2_score",
    "rec2_image",
    "rec2_type",
    "rec2_pop_source",
    "rec_part_3",
    "rec3_price",
    "rec3_score",
    "rec3_image",
    "rec3_type",
    "rec3_pop_source",
    "rec_part_4",
    "rec4_price",
    "rec4_score",
    "rec4_image",
    "rec4_type",
    "rec4_pop_source",
    "generated_at",
    "pipeline_version",
]
SYSTEMS = {"sql", "popularity", "item_knn", "ease", "p3", "channels", "model", "blend", "similarity", "ceiling"}

# What became of the planted faults, by the words of truth/faults.json and of the quarantine; events count in the week that
# sees them all. Rows that fail because the row they name failed, or is not known yet, come on top of the planted orphans.
REASONS = {
    "in the future": ["event in the future"],
    "unknown event_type": ["unknown event_type"],
    "empty id": ["empty event_id", "empty user_id", "no user", "empty product_id", "empty vehicle_id"],
    "two rows for one key": [
        "older row of the same user_id",
        "older row of the same product_id",
        "tied row of the same vehicle_id",
    ],
}
PRICE_FAULTS = ["price NaN", "price infinite", "price negative"]


def columns(place: Place, table: str) -> list[str]:
    return [row[0] for row in place.query(f"DESCRIBE {table}")]


def faults(place: Place) -> dict[str, dict[str, int]]:
    planted: dict[str, dict[str, int]] = json.loads((place.source / "truth" / "faults.json").read_text())
    return planted


def test_every_asset_runs(first_run: Run) -> None:
    assert messages(first_run.result) == {}
    assert materialized(first_run.result) == set(EDGES)


def test_every_check_passes(first_run: Run) -> None:
    assert checks(first_run.result) == dict.fromkeys(BLOCKING | NOT_BLOCKING, True)


def test_the_served_tables_have_the_contracts_columns_in_their_order(first_run: Run) -> None:
    assert columns(first_run.place, "recommendations") == LONG_COLUMNS
    assert columns(first_run.place, "final_vehicle_recommendations") == WIDE_COLUMNS


def test_everybody_has_one_list_of_twenty_parts(first_run: Run) -> None:
    lists = first_run.place.query(
        "SELECT user_id, list(rank ORDER BY rank), count(DISTINCT product_id) FROM recommendations GROUP BY 1"
    )
    assert len(lists) == 500
    assert all(ranks == list(range(1, 21)) and n_parts == 20 for _, ranks, n_parts in lists)


def test_every_row_says_where_it_comes_from(first_run: Run) -> None:
    origins = first_run.place.query("SELECT DISTINCT week, model_week, source, arm, run_id FROM recommendations")
    assert origins == [(dt.date(2026, 9, 28), dt.date(2026, 9, 28), "blend", "all", first_run.result.run_id)]
    empty = first_run.place.query("SELECT count(*) FROM recommendations WHERE reason_code IS NULL OR reason_text IS NULL")
    assert empty == [(0,)]


def test_everybody_who_agreed_to_mail_gets_one_and_nobody_else(first_run: Run) -> None:
    place = first_run.place
    rows = place.query("SELECT email_lower FROM final_vehicle_recommendations")
    accepted = set(place.table("user_nodes")["user_id"].to_pylist())
    users = place.read_source("users").to_pandas().sort_values("created_at").drop_duplicates("user_id", keep="last")
    expected = users[users["user_id"].isin(accepted) & users["email_consent"]]["email"].str.lower()
    assert sorted(email for (email,) in rows) == sorted(expected)
    assert len(rows) > 450


def test_the_mail_holds_the_first_four_of_each_list(first_run: Run) -> None:
    users = str(first_run.place.source / "users.parquet")
    wrong = first_run.place.query(
        f"""
        WITH mailed AS (
          SELECT email_lower, slot[10:]::INT AS rank, part
          FROM (UNPIVOT final_vehicle_recommendations ON rec_part_1, rec_part_2, rec_part_3, rec_part_4 INTO NAME slot VALUE part)
        ),
        listed AS (
          SELECT DISTINCT lower(email) AS email_lower, rank, product_id
          FROM recommendations JOIN '{users}' AS users USING (user_id) WHERE rank <= 4
        )
        SELECT * FROM mailed ANTI JOIN listed
          ON listed.email_lower = mailed.email_lower AND listed.rank = mailed.rank AND product_id = part
        """
    )
    assert wrong == []


@pytest.mark.parametrize(
    "export", ["user_nodes", "vehicle_nodes", "product_nodes", "fits_edges", "owns_edges", "interaction_edges"]
)
def test_no_row_of_an_export_is_lost(first_run: Run, export: str) -> None:
    shown = metadata(first_run.result, export)
    kept = first_run.place.table(export).num_rows
    raw = {"user": "users", "vehicle": "vehicles", "product": "products", "fits": "fitment", "owns": "ownership"}
    source = first_run.place.read_source(raw.get(export.split("_", maxsplit=1)[0], "events")).num_rows
    assert shown["dagster/row_count"] == kept
    assert shown["rows in"] == source - shown["outside the window"]
    left_out = [*shown["quarantined"].values(), *shown["set aside"].values(), shown["duplicates removed"]]
    assert shown["rows in"] == kept + sum(left_out)


@pytest.mark.parametrize(
    ("table", "export"),
    [
        ("users", "user_nodes"),
        ("vehicles", "vehicle_nodes"),
        ("ownership", "owns_edges"),
        ("products", "product_nodes"),
        ("fitment", "fits_edges"),
        ("events", "interaction_edges"),
    ],
)
def test_every_planted_fault_is_found(night: Run, table: str, export: str) -> None:
    planted, shown = faults(night.place)[table], metadata(night.result, export)
    left_out: dict[str, int] = shown["quarantined"] | shown["set aside"]
    assert shown["duplicates"]["exact duplicate"] == planted["exact duplicate"]
    assert shown["duplicates"].get("repeated event_id", 0) == planted.get("repeated event_id", 0)
    for fault, reasons in REASONS.items():
        assert sum(left_out.get(reason, 0) for reason in reasons) == planted.get(fault, 0), fault
    assert left_out.get("price is not a positive finite number", 0) == sum(planted.get(fault, 0) for fault in PRICE_FAULTS)
    assert left_out.get("no price", 0) == planted.get("price zero", 0)
    orphans = ("unknown user_id", "unknown vehicle_id", "unknown product_id", "part not sold")
    assert sum(left_out.get(reason, 0) for reason in orphans) >= planted.get("orphan key", 0)
    assert len(night.place.query(f"FROM quarantine WHERE source_table = '{table}' AND week = '{NEXT_WEEK}'")) == sum(
        left_out.values()
    )


def test_the_verdict_is_one_record_with_its_figures(first_run: Run) -> None:
    verdict = first_run.place.artifact("offline_metrics").document("verdict.json")
    assert set(verdict) == {
        "gate", "decision", "reason", "alpha", "lift", "low", "high", "recall_sql", "recall_blend", "users", "weeks",
        "smallest_detectable_lift", "weeks_needed", "strata", "evidence", "by_mail",
    }  # fmt: skip
    assert (verdict["gate"], verdict["decision"], verdict["weeks"]) == ("gate_1", "PASS", 4)
    assert verdict["lift"] == pytest.approx(verdict["recall_blend"] / verdict["recall_sql"] - 1)
    assert 0 < verdict["low"] < verdict["lift"] < verdict["high"]
    assert sum(stratum["users"] for stratum in verdict["strata"].values()) == verdict["users"]


def test_every_gate_leaves_its_verdict_in_the_ledger(first_run: Run) -> None:
    ledger = first_run.place.query("SELECT gate, decision, week, run_id, settings_hash FROM verdicts ORDER BY gate")
    gates = ["approval", "audit", "freshness", "gate_1", "mail_reach", "overlap", "score_drift", "source", "users_served"]
    gates += ["added_at_ownership", "created_at_products", "created_at_users", "garage_coverage", "mail_coverage", "rules"]
    tables = ["email_events", "events", "fitment", "ownership", "products", "users", "vehicles"]
    gates += ["hold", "left_for_lists", *(f"left_out_{table}" for table in tables)]
    gates += ["universal_products", *(f"ties_{table}" for table in ("ownership", "products", "users", "vehicles"))]
    gates += [f"budget_{name}" for name in ("before_gate_1", "experiment", "month")]
    run_id, settings_hash = first_run.result.run_id, first_run.place.settings.hash
    expected = sorted([*gates, *(f"{gate}_{table}" for gate in ("filled", "row_count") for table in tables)])
    assert ledger == [(gate, "PASS", dt.date(2026, 9, 28), run_id, settings_hash) for gate in expected]
    ((source, why),) = first_run.place.query("SELECT figures_json, reason FROM verdicts WHERE gate = 'source'")
    assert json.loads(source) == {"source": "blend", "model_week": "2026-09-28", "decided_in": "2026-09-28"}
    assert why.startswith(
        "week 2026-09-28 is served from blend with the model of week 2026-09-28, decided with week 2026-09-28: "
    )


def test_the_metrics_compare_every_system_on_the_same_users(first_run: Run) -> None:
    measured = first_run.place.artifact("offline_metrics")
    metrics, per_user = (measured.table(f"{name}.parquet").to_pandas() for name in ("metrics", "per_user"))
    assert list(metrics.columns) == ["system", "stratum", "k", "metric", "value", "users", "weeks"]
    assert {"system", "week", "user_id", "stratum", "recall_at_10"} <= set(per_user.columns)
    assert {system for system in metrics["system"] if not system.startswith("channel_")} == SYSTEMS
    assert set(metrics["stratum"]) == {"all", "cold", "warm", "hot", "population"}
    assert {metric for metric, k in zip(metrics["metric"], metrics["k"], strict=True) if k == 10} == {
        "recall", "ndcg", "mrr", "hit", "value_found", "coverage", "novelty", "overlap_sql",
    }  # fmt: skip
    assert set(metrics.loc[metrics["metric"] == "first_changed_sql", "k"]) == {4}
    likelihood = metrics[metrics["metric"] == "nll"]
    assert set(likelihood["system"]) == {"channels", "model"}
    assert set(likelihood["stratum"]) == {"all", "cold", "warm", "hot", "population"}
    assert set(likelihood["k"]) == {0}
    assert likelihood["value"].between(0.5, 6).all()
    assert per_user.groupby("system").size().nunique() == 1
    assert per_user.groupby(["week", "user_id"])["system"].nunique().nunique() == 1


def test_both_relevances_are_measured_and_the_one_of_the_settings_gates(first_run: Run) -> None:
    measured = first_run.place.artifact("offline_metrics")
    names = ("metrics", "per_user", "metrics_by_relevance", "per_user_by_relevance")
    metrics, per_user, both, both_per_user = (measured.table(f"{name}.parquet").to_pandas() for name in names)
    assert set(both["relevance"]) == set(both_per_user["relevance"]) >= {"order", "any", "organic", "click"}
    for gating, by_relevance in ((metrics, both), (per_user, both_per_user)):
        of_orders = by_relevance[by_relevance["relevance"] == "order"].drop(columns="relevance")
        pd.testing.assert_frame_equal(of_orders.reset_index(drop=True), gating)
    people = both_per_user[both_per_user["system"] == "sql"].groupby("relevance")["user_id"].nunique()
    assert people["any"] > people["order"]


def test_slices_hold_every_system_and_add_up_to_all_users(first_run: Run) -> None:
    measured = first_run.place.artifact("offline_metrics")
    slices, per_user = (measured.table(f"{name}.parquet").to_pandas() for name in ("slices", "per_user"))
    assert list(slices.columns) == ["slice", "group", "system", "k", "metric", "value", "users"]
    groups = slices.groupby("slice")["group"].unique().map(set)
    assert groups["price_band"] == {"low", "middle", "high"}
    assert groups["vehicle_density"] == set(per_user["vehicle_density"]) <= {"none", "rare", "usual", "common"}
    assert slices.groupby(["slice", "group"])["system"].nunique().unique().tolist() == [per_user["system"].nunique()]
    of_sql = per_user[per_user["system"] == "sql"]
    rows = of_sql.groupby("vehicle_density").size()
    of_densities = slices.query("slice == 'vehicle_density' and system == 'sql' and k == 10 and metric == 'recall'")
    weighted = (of_densities.set_index("group")["value"] * rows).sum() / rows.sum()
    assert weighted == pytest.approx(of_sql["recall_at_10"].mean())


def recall_at_10(metrics: pd.DataFrame, stratum: str) -> "pd.Series[float]":
    rows = metrics[(metrics["stratum"] == stratum) & (metrics["k"] == 10) & (metrics["metric"] == "recall")]
    by_system: pd.Series[float] = rows.set_index("system")["value"]
    return by_system


def test_the_figures_add_up(first_run: Run) -> None:
    measured = first_run.place.artifact("offline_metrics")
    metrics, per_user, ceiling = (measured.table(f"{name}.parquet").to_pandas() for name in ("metrics", "per_user", "ceiling"))
    recall = recall_at_10(metrics, "all")
    means = per_user.groupby("system")["recall_at_10"].mean()
    assert means.reindex(recall.index).to_numpy() == pytest.approx(recall.to_numpy())
    assert (recall <= recall["ceiling"]).all()
    assert recall["channels"] == recall["model"]
    assert ceiling["share"].sum() == pytest.approx(1)
    strata = (
        first_run.place.artifact("hetero_graph")
        .table("user_profiles.parquet")["stratum"]
        .to_pandas()
        .value_counts(normalize=True)
    )
    weighted = sum(strata[name] * recall_at_10(metrics, name) for name in ("cold", "warm", "hot"))
    assert recall_at_10(metrics, "population").reindex(recall.index).to_numpy() == pytest.approx(
        weighted[recall.index].to_numpy()
    )
