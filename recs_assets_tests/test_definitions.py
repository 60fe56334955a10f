"""The contract of the graph: what depends on what, what every asset carries, and what the jobs run."""

import datetime as dt
import re

import dagster as dg
import pytest

from recs_assets import definitions
from recs_assets.assets.weekly_asset import DOCUMENT, OWNER
from recs_assets.contract import SOURCE_TABLES
from recs_assets.expectations import expected
from recs_assets.partitions import weekly
from recs_assets.ranking.strata import STRATA
from recs_assets.targets import TARGETS
from recs_assets_tests.conftest import Run

GRAPH = definitions.defs.resolve_asset_graph()
ASSETS = [definition for definition in definitions.defs.assets or () if isinstance(definition, dg.AssetsDefinition)]

NODES = {"user_nodes", "vehicle_nodes", "product_nodes"}
EXPORTS = NODES | {"fits_edges", "owns_edges", "interaction_edges", "co_purchase_edges"}

EDGES: dict[str, set[str]] = {
    "raw_users": set(),
    "raw_vehicles": set(),
    "raw_ownership": set(),
    "raw_products": set(),
    "raw_fitment": set(),
    "raw_events": set(),
    "raw_email_events": set(),
    "user_nodes": {"raw_users", "raw_events", "raw_ownership"},
    "vehicle_nodes": {"raw_vehicles"},
    "product_nodes": {"raw_products", "raw_events", "raw_fitment", "raw_vehicles"},
    "fits_edges": {"raw_fitment", "product_nodes", "vehicle_nodes"},
    "owns_edges": {"raw_ownership", "user_nodes", "vehicle_nodes"},
    "interaction_edges": {"raw_events", "user_nodes", "product_nodes"},
    "co_purchase_edges": {"interaction_edges"},
    "hetero_graph": EXPORTS,
    "trained_model": {"hetero_graph"},
    "offline_metrics": {"trained_model", "hetero_graph", "mail_events"},
    "approved_model": {"offline_metrics", "trained_model"},
    "product_similarities": {"hetero_graph"},
    "sql_scores": {"hetero_graph"},
    "user_scores": {"hetero_graph", "approved_model"},
    "mail_events": {"raw_email_events", "user_nodes"},
    "ab_results": {"mail_events", "interaction_edges"},
    "rollout_stage": {"ab_results", "approved_model"},
    "rollout_assignment": {"rollout_stage", "user_nodes"},
    "recommendations": {"sql_scores", "user_scores", "product_similarities", "rollout_assignment"},
    "published_recommendations": {"recommendations"},
    "retained_versions": {"published_recommendations", "approved_model"},
    "release_report": {"retained_versions"},
}

GROUPS = {
    "raw": {name for name in EDGES if name.startswith("raw_")},
    "exports": EXPORTS,
    "graph": {"hetero_graph"},
    "model": {"trained_model"},
    "evaluation": {"offline_metrics", "approved_model", "product_similarities"},
    "serving": {"sql_scores", "user_scores", "recommendations", "published_recommendations"},
    "rollout": {"mail_events", "ab_results", "rollout_stage", "rollout_assignment"},
    "upkeep": {"retained_versions"},
    "report": {"release_report"},
}

CLEANED = EXPORTS - {"co_purchase_edges"} | {"mail_events"}
CONSERVED_CHECKS = {(export, "rows_conserved") for export in CLEANED}
AUDIT_CHECKS = {
    ("recommendations", name) for name in ("rules", "arms", "no_duplicates", "price", "scores", "reasons", "mail", "users")
}
NOT_BLOCKING = {
    ("offline_metrics", "gate_1"),
    *(("trained_model", f"budget_{name}") for name in ("month", "experiment", "before_gate_1")),
    ("raw_email_events", "contract"),
    ("mail_events", "contract"),
    ("interaction_edges", "freshness"),
    ("recommendations", "mail_reach"),
    ("user_nodes", "created_at"),
    ("product_nodes", "created_at"),
    ("product_nodes", "universal"),
    ("product_nodes", "rules"),
    *((asset, "ties") for asset in ("user_nodes", "vehicle_nodes", "product_nodes", "owns_edges")),
    ("owns_edges", "added_at"),
    ("recommendations", "overlap"),
    ("recommendations", "source"),
    ("published_recommendations", "hold"),
    ("retained_versions", "pruned"),
    ("release_report", "drawn"),
    ("release_report", "left_for_lists"),
    *((f"raw_{table}", name) for table in SOURCE_TABLES for name in ("row_count", "filled")),
    *((export, "left_out") for export in CLEANED),
}
BLOCKING = (
    CONSERVED_CHECKS
    | AUDIT_CHECKS
    | {
        ("interaction_edges", "no_future_events"),
        ("hetero_graph", "garage_coverage"),
        ("recommendations", "mail_coverage"),
        ("recommendations", "score_drift"),
    }
)

LEARNED = {"trained_model", "offline_metrics", "approved_model"}
SERVED = GROUPS["serving"] | GROUPS["rollout"]


def selected(job: str) -> set[str]:
    keys = definitions.defs.resolve_job_def(job).asset_layer.executable_asset_keys
    return {key.to_user_string() for key in keys}


def test_every_asset_depends_on_exactly_what_it_should() -> None:
    edges = {
        key.to_user_string(): {parent.to_user_string() for parent in GRAPH.get(key).parent_keys}
        for key in GRAPH.get_all_asset_keys()
    }
    assert edges == EDGES


def test_no_dependency_is_a_misspelt_name_that_became_an_external_asset() -> None:
    assert GRAPH.external_asset_keys == set()


def test_every_asset_is_in_its_group() -> None:
    groups: dict[str, set[str]] = {}
    for key in GRAPH.get_all_asset_keys():
        groups.setdefault(str(GRAPH.get(key).group_name), set()).add(key.to_user_string())
    assert groups == GROUPS


def test_every_asset_is_described_in_a_sentence_and_has_an_owner_kinds_and_weeks() -> None:
    for asset in ASSETS:
        node = GRAPH.get(asset.key)
        assert node.description, asset.key
        assert node.description.endswith("."), asset.key
        assert "\n" not in node.description, asset.key
        assert node.owners == [OWNER], asset.key
        assert node.kinds, asset.key
        assert str(node.metadata[DOCUMENT].value).startswith("# "), asset.key
        assert node.partitions_def == weekly, asset.key
    assert {asset.key.to_user_string() for asset in ASSETS} == set(EDGES)


@pytest.mark.parametrize("last_week", ["2026-09-28", "2026-10-05"])
def test_weeks_before_the_first_one_of_the_settings_and_after_the_last_are_not_missing(last_week: str) -> None:
    weeks = {"first_week": "2026-09-28", "last_week": last_week}
    assets = expected(definitions.settings.schedules.model_copy(update=weeks), definitions.ASSETS)
    job = dg.Definitions(assets=assets, jobs=definitions.defs.jobs, resources=definitions.defs.resources).resolve_job_def(
        "everything"
    )
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys() == sorted({"2026-09-28", last_week})
    assert {asset.key for asset in assets} == {asset.key for asset in ASSETS}
    assert {spec.freshness_policy for asset in assets for spec in asset.specs} == {None}, "nothing more is to come"


def test_what_a_schedule_makes_is_late_after_the_hours_of_the_settings() -> None:
    hours = {
        asset: policy and policy.fail_window.to_timedelta() / dt.timedelta(hours=1)
        for asset in EDGES
        for policy in [GRAPH.get(dg.AssetKey(asset)).freshness_policy]
    }
    assert {asset for asset, late in hours.items() if late is None} == set()
    assert {asset for asset, late in hours.items() if late == 192} == LEARNED
    assert {asset for asset, late in hours.items() if late == 36} == selected("nightly")


def ancestors(job: str, asset: str) -> set[str]:
    """Every asset of a job that has run before another one begins."""
    parents = EDGES[asset] & selected(job)
    return parents.union(*(ancestors(job, parent) for parent in parents))


@pytest.mark.parametrize("job", ["everything", "nightly"])
def test_what_an_asset_was_made_from_has_run_before_it_though_the_graph_alone_is_declared(
    job: str, first_run: Run, night: Run
) -> None:
    run = {"everything": first_run, "nightly": night}[job]
    read = {}
    for asset in selected(job) - {"published_recommendations", "retained_versions"}:
        artifact = run.place.artifact(asset, str(run.result.dagster_run.tags["dagster/partition"]))
        read[asset] = set(artifact.manifest.provenance.inputs) & selected(job)
    assert read["sql_scores"] == EXPORTS | {"hetero_graph"}
    assert {asset: inputs - ancestors(job, asset) for asset, inputs in read.items() if inputs - ancestors(job, asset)} == {}


# What else is plotted over the weeks, and what has no table that could be counted.
PLOTTED: dict[str, set[str]] = {
    **{
        asset: {"rows in", "rows quarantined", "rows set aside", "duplicates removed"}
        for asset in EXPORTS - {"co_purchase_edges"}
    },
    "hetero_graph": {"user nodes", "product fits vehicle"},
    "trained_model": {"users of all snapshots", "first loss", "last loss", *(f"scale of the towers, {name}" for name in STRATA)},
    "offline_metrics": {"lift", "lift, low", "lift, high", "Recall@10", "hit@4", "users"},
    "recommendations": {"users"},
    "published_recommendations": {"n_users", "n_mailed"},
    "retained_versions": {"versions removed", "megabytes removed"},
    "release_report": {"verdicts that do not pass"},
}
NO_TABLE = {"trained_model", "approved_model", "ab_results", "rollout_stage", "retained_versions", "release_report"}


def test_every_asset_shows_numbers_of_four_digits_and_the_rows_and_columns_of_its_table(first_run: Run) -> None:
    events = first_run.result.get_asset_materialization_events()
    shown = {event.asset_key.to_user_string(): event.materialization.metadata for event in events if event.asset_key}
    assert set(shown) == set(EDGES)
    for asset, metadata in shown.items():
        values = {name: value.value for name, value in metadata.items()}
        numbers = {name for name, value in values.items() if isinstance(value, int | float)}
        table = set() if asset in NO_TABLE else {"dagster/row_count"}
        assert numbers >= {"seconds"} | table | PLOTTED.get(asset, set()), asset
        assert ("dagster/column_schema" in {**GRAPH.get(dg.AssetKey(asset)).metadata, **metadata}) == bool(table), asset
        assert re.findall(r"(?<![\d:])\d+\.\d{5,}", repr(values)) == [], asset


def test_what_a_launch_may_ask_for_is_explained() -> None:
    fields = {
        (asset.key.to_user_string(), name): field.description
        for asset in ASSETS
        for name, field in getattr(asset.op.config_schema.config_type, "fields", {}).items()
    }
    assert ("published_recommendations", "reason") in fields
    assert all(fields.values()), fields


def test_no_asset_leaves_its_retries_to_dagster_which_would_repeat_an_interrupt() -> None:
    assert {asset.op.retry_policy for asset in ASSETS} == {None}


def test_all_checks_block_but_the_gate_on_the_model_and_those_that_warn() -> None:
    specs = [spec for asset in ASSETS for spec in asset.check_specs]
    assert {(spec.asset_key.to_user_string(), spec.name) for spec in specs if spec.blocking} == BLOCKING
    assert {(spec.asset_key.to_user_string(), spec.name) for spec in specs if not spec.blocking} == NOT_BLOCKING
    assert all(spec.description for spec in specs)


def test_the_weekly_job_learns_and_serves_nothing() -> None:
    assert selected("weekly") == set(EDGES) - SERVED | {"mail_events"}


def test_the_nightly_job_serves_and_learns_nothing() -> None:
    assert selected("nightly") == set(EDGES) - LEARNED


def test_the_everything_job_runs_everything() -> None:
    assert selected("everything") == set(EDGES)


def test_all_steps_of_a_local_run_share_one_process() -> None:
    assert TARGETS["local"].executor() is dg.in_process_executor
    assert definitions.defs.executor is definitions.target.executor()
