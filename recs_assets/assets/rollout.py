"""Who sees the blend: what the mail says of the experiment, the stage of tonight, everybody's arm."""

import datetime as dt
from dataclasses import asdict, replace
from typing import Any

import dagster as dg

from recs_assets.approved_models import newest_approved
from recs_assets.asset_files import ARMS, MAIL_EVENTS, STAGE, USER_NODES, VERDICT
from recs_assets.assets import verdicts
from recs_assets.assets.approval import approved_model
from recs_assets.assets.exports import interaction_edges, user_nodes
from recs_assets.assets.mail import mail_events
from recs_assets.assets.preview import table_of
from recs_assets.assets.weekly_asset import draft, weekly_asset
from recs_assets.gates.verdict import HOLD
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.arms import CONTROL, treated_buckets
from recs_assets.rollout.stages import State, automatic, with_model
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, key_of

# Of everybody, until a rollout begins: what is approved serves.
ALL = "all"


@weekly_asset(group="rollout", kinds={"sql"}, pod="publisher", deps=[mail_events, interaction_edges])
def ab_results(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """What the mail says of the blend: gate 2 in the experiment, the no-harm gate after it. Harm goes back by itself."""
    from recs_assets.steps import standing_rollout as step  # pandas: 0.4 s at load

    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["mail_events", "interaction_edges"])
    as_of = inputs["mail_events"].as_of
    state, sequence = step.standing(warehouse)
    verdict = None
    if inputs["mail_events"].n_rows(MAIL_EVENTS):
        with warehouse.session(parquet_of(inputs)) as session:
            verdict = step.verdict_of_stage(session, state, as_of, settings)
    if verdict is not None:
        verdict = replace(verdict, figures=verdict.figures | {"assignment": state.assignment, "since": state.since})
        verdicts.record(context, warehouse, settings, verdict)
        after = automatic(state, verdict, key_of(as_of + ONE_WEEK))
        if after != state:
            context.log.warning(f"the rollout moves by itself: {after.held}.")
            step.note(warehouse, after, sequence, action=verdict.decision, reason=str(after.held), now=dt.datetime.now(dt.UTC))
    shown: dict[str, Any] = {"decision": HOLD, "reason": "no experiment is at work"} if verdict is None else verdict.to_dict()
    with draft(context, store, settings, as_of, inputs.values()) as new:
        new.write_document(VERDICT, shown)
    return dg.MaterializeResult(metadata={"decision": str(shown["decision"]), "reason": str(shown["reason"])})


@weekly_asset(group="rollout", kinds={"table"}, pod="publisher", deps=[ab_results, approved_model])
def rollout_stage(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """How many people see the blend tonight, and since when."""
    from recs_assets.steps import standing_rollout as step  # pandas: 0.4 s at load

    approved = newest_approved(store, context.partition_key)
    results = inputs_of(store, context.partition_key, context.run.run_id, ["ab_results"])["ab_results"]
    state, sequence = step.standing(warehouse)
    model = step.model_of(approved.facts, settings)
    after = with_model(state, model, key_of(results.as_of + ONE_WEEK))
    if after != state:
        what = "retrained weights of the same settings go on" if after.stage == state.stage else "the model has other settings"
        step.note(warehouse, after, sequence, action="model", reason=what, now=dt.datetime.now(dt.UTC))
    with draft(context, store, settings, results.as_of, [results, approved]) as new:
        new.write_document(STAGE, asdict(after))
    shown: dict[str, Any] = {"stage": after.stage, "share": after.share, "since": str(after.since), "held": str(after.held)}
    return dg.MaterializeResult(metadata=shown)


@weekly_asset(group="rollout", kinds={"sql", "table"}, pod="publisher", deps=[rollout_stage, user_nodes])
def rollout_assignment(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Everybody's arm tonight; whoever is assigned to an experiment stays so."""
    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["rollout_stage", "user_nodes"])
    state = State(**inputs["rollout_stage"].document(STAGE))
    users = {"user_nodes": [inputs["user_nodes"].file(USER_NODES)]}
    if state.assignment is not None and state.salt is not None:
        name = {"experiment": state.assignment, "salt": state.salt}
        with warehouse.session(users) as session:
            limit, now = treated_buckets(state.share), dt.datetime.now(dt.UTC)
            warehouse.append("rollout_assignment", session.read("rollout_buckets", **name, treated_buckets=limit, now=now))
    unassigned = ALL if state.since is None else CONTROL
    with (
        warehouse.session(users) as session,
        draft(context, store, settings, inputs["user_nodes"].as_of, inputs.values()) as new,
    ):
        session.export("arms", new.path(ARMS), experiment=state.assignment or "", unassigned=unassigned)
    arms: Any = new.written.table(ARMS)["arm"].value_counts().to_pylist()
    return dg.MaterializeResult(metadata=table_of(new.written, ARMS) | {row["values"]: row["counts"] for row in arms})
