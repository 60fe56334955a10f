"""Cleaned nodes and edges as Parquet: faulty rows quarantined with a reason, and every row accounted for."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import CO_PURCHASE_EDGES, SOURCE_PROFILE, own_file
from recs_assets.assets import verdicts
from recs_assets.assets.preview import preview_of
from recs_assets.assets.raw import (
    raw_events,
    raw_fitment,
    raw_ownership,
    raw_products,
    raw_users,
    raw_vehicles,
)
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.contract import in_week
from recs_assets.gates.source import RowCounts, freshness, refuse_nothing_to_sell, refuse_too_many_faults, row_counts
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Parameter, Session, Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import Week

CLASSIFIED = "classified"
UNDATED_TABLES = frozenset({"vehicles"})

NO_FUTURE_EVENTS = check(
    "interaction_edges", "no_future_events", "No event lies at or after the moment this week may know.", blocking=True
)
FRESHNESS = check("interaction_edges", "freshness", "Events still arrive: the newest one is not old.")


def export(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    table: str,
    references: Sequence[str] = (),
) -> dg.MaterializeResult:
    """Clean one source table into the running asset's Parquet file, and keep what was refused.

    Raises:
        ContractError: more of the table is faulty than the settings allow.
    """
    week, asset = week_of_run(context), context.asset_key.to_user_string()
    inputs = inputs_of(store, week.key, context.run.run_id, [f"raw_{table}", *references])
    source_rows = inputs[f"raw_{table}"].document(SOURCE_PROFILE)["n_rows"]
    nodes = {name: artifact for name, artifact in inputs.items() if name in references}
    with (
        in_week(week.key),
        warehouse.session(parquet_of(nodes)) as session,
        draft(context, store, settings, week.as_of, inputs.values()) as new,
    ):
        session.materialize(CLASSIFIED, f"clean_{table}", **_parameters(table, week, settings))
        faults = session.read("fault_counts").to_pylist()
        refuse_too_many_faults(table, week.key, faults, source_rows, settings.source.max_quarantined_share)
        WRITERS.get(asset, _write)(session, asset, new, settings, week.key)
        quarantine = session.read("quarantined_rows", week=week.start.date(), source_table=table)
    warehouse.append("quarantine", quarantine, replace={"week": week.start.date(), "source_table": table})
    counts = row_counts(faults, source_rows)
    if table != "events":
        return _result(new.written, counts)
    newest = pc.max(new.written.table(own_file(asset), columns=["event_ts"])["event_ts"]).as_py()
    fresh = freshness(newest, week.as_of, max_age_hours=settings.gates.max_event_age_hours)
    verdicts.record(context, warehouse, settings, fresh)
    return _result(new.written, counts, [_no_future_events(newest, week.as_of), verdicts.check_result(fresh, FRESHNESS.name)])


def _write(session: Session, asset: str, new: Draft, settings: Settings, week: str) -> None:
    session.export(asset, new.path(own_file(asset)))


def _write_products(session: Session, asset: str, new: Draft, settings: Settings, week: str) -> None:
    from recs_assets.ranking.rules import ineligible_reason  # pandas: 0.4 s at load

    products = session.read(asset)
    reasons = pa.array(ineligible_reason(products.to_pandas(), settings.rules), pa.string())
    refuse_nothing_to_sell(reasons.to_pylist(), week)
    new.write_table(own_file(asset), products.append_column("ineligible_reason", reasons))


WRITERS: Mapping[str, Callable[[Session, str, Draft, Settings, str], None]] = {"product_nodes": _write_products}


def _parameters(table: str, week: Week, settings: Settings) -> dict[str, Parameter]:
    if table in UNDATED_TABLES:
        return {}
    moments: dict[str, Parameter] = {"as_of": week.as_of, "now": week.now}
    if table == "events":
        moments["start"] = week.as_of - dt.timedelta(days=settings.lookback_days)
        moments["max_events_per_user_week"] = settings.source.max_events_per_user_week
    return moments


def _result(artifact: Artifact, counts: RowCounts, more_checks: Sequence[dg.AssetCheckResult] = ()) -> dg.MaterializeResult:
    asset = artifact.manifest.asset
    rows = artifact.n_rows(own_file(asset))
    conserved = dg.AssetCheckResult(
        check_name="rows_conserved",
        passed=counts.conserved(rows),
        metadata={"rows in": counts.rows_in, "accepted": rows, "duplicates": counts.duplicates},
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "rows in": counts.rows_in,
            "duplicates removed": counts.duplicates,
            "quarantined": dict(counts.quarantined),
            "outside the window": counts.outside_window,
            "as of": artifact.as_of.isoformat(),
            "version": artifact.version,
            "preview": preview_of(artifact, own_file(asset)),
        },
        check_results=[conserved, *more_checks],
    )


def _no_future_events(newest: dt.datetime | None, as_of: dt.datetime) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=NO_FUTURE_EVENTS.name,
        passed=newest is None or newest < as_of,
        metadata={"newest event": str(newest)},
    )


def export_asset(
    name: str, source: dg.AssetsDefinition, description: str, references: Sequence[dg.AssetsDefinition] = ()
) -> dg.AssetsDefinition:
    """The asset ``name``, cleaned from the table behind the raw asset ``source``; ids must exist in ``references``."""
    table = source.key.to_user_string().removeprefix("raw_")

    def body(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        store: dg.ResourceParam[Store],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        names = [reference.key.to_user_string() for reference in references]
        return export(context, warehouse, store, settings, table, names)

    body.__name__ = name
    body.__doc__ = description
    conserved = check(name, "rows_conserved", "Rows in = rows accepted + quarantined + duplicates removed.", blocking=True)
    checks = [conserved, NO_FUTURE_EVENTS, FRESHNESS] if table == "events" else [conserved]
    return weekly_asset(group="exports", kinds={"sql", "parquet"}, deps=[source, *references], checks=checks)(body)


user_nodes = export_asset("user_nodes", raw_users, "The people we recommend to, one row each.")
vehicle_nodes = export_asset("vehicle_nodes", raw_vehicles, "The vehicles that parts fit, one row per year, make and model.")
product_nodes = export_asset(
    "product_nodes", raw_products, "The parts we sell, with the reason where a rule keeps one out of every list."
)
fits_edges = export_asset("fits_edges", raw_fitment, "Which part fits which vehicle.", [product_nodes, vehicle_nodes])
owns_edges = export_asset("owns_edges", raw_ownership, "Which person owns which vehicle.", [user_nodes, vehicle_nodes])
interaction_edges = export_asset(
    "interaction_edges",
    raw_events,
    "Who viewed, carted and ordered what in the last year.",
    [user_nodes, product_nodes],
)


@weekly_asset(group="exports", kinds={"sql", "parquet"}, deps=[interaction_edges])
def co_purchase_edges(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Which two parts the same people bought within a month, week by week."""
    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["interaction_edges"])
    as_of = inputs["interaction_edges"].as_of
    with (
        warehouse.session(parquet_of(inputs)) as session,
        draft(context, store, settings, as_of, inputs.values()) as new,
    ):
        rows = session.export("co_purchase_edges", new.path(CO_PURCHASE_EDGES), **settings.co_purchase.model_dump())
    first = preview_of(new.written, CO_PURCHASE_EDGES)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "preview": first})
