"""Cleaned nodes and edges as Parquet: faulty rows quarantined with a reason, and every row accounted for."""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import (
    CO_PURCHASE_EDGES,
    INTERACTION_EDGES,
    OTHER_ORDERS,
    PRODUCT_NODES,
    SHARED_ACCOUNTS,
    SOURCE_PROFILE,
    own_file,
)
from recs_assets.assets import source_gates, verdicts
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
from recs_assets.breaches import MAX_SAMPLES, in_week
from recs_assets.contract import NOT_SOLD, SOURCE_TABLES
from recs_assets.gates.left_out import left_out, refuse_few_left
from recs_assets.gates.source import (
    RowCounts,
    freshness,
    refuse_nothing_to_sell,
    refuse_too_many_faults,
    row_counts,
)
from recs_assets.gates.verdict import Verdict
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Parameter, Session, Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import Week

CLASSIFIED = "classified"

NO_FUTURE_EVENTS = check(
    "interaction_edges", "no_future_events", "No event lies at or after the moment this week may know.", blocking=True
)
FRESHNESS = check("interaction_edges", "freshness", "Events still arrive: the newest one is not old.")


@dataclass(frozen=True)
class Cleaned:
    """A source table as the running asset's file, and where its other rows went."""

    artifact: Artifact
    counts: RowCounts
    left_out: Verdict


def cleaned(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    table: str,
    *,
    references: Sequence[str] = (),
    parameters: Mapping[str, Parameter],
    write: Callable[[Session, Draft], None] | None = None,
) -> Cleaned:
    """Clean one source table into the running asset's Parquet file.

    The rows left out are in the quarantine, whether or not the table is refused.

    Args:
        context: of the running asset.
        warehouse: has the source table.
        store: has what the asset depends on, and takes its file.
        settings: say how much of the table may be faulty.
        table: of the source.
        references: assets in which ids have to exist.
        parameters: of the table's ``clean_*`` query.
        write: the accepted rows into a draft, where the asset's own query is not all there is to it.

    Raises:
        ContractError: more of the table is faulty than the settings allow.
    """
    week, asset = week_of_run(context), context.asset_key.to_user_string()
    inputs = inputs_of(store, week.key, context.run.run_id, [f"raw_{table}", *references])
    source_rows = inputs[f"raw_{table}"].document(SOURCE_PROFILE)["n_rows"]
    nodes = {name: artifact for name, artifact in inputs.items() if name in references}
    last_week = store.newest(asset, up_to=week.previous)
    last_accepted = last_week.n_rows(own_file(asset)) if last_week else None
    with (
        in_week(week.key),
        warehouse.session(parquet_of(nodes)) as session,
        draft(context, store, settings, week.as_of, inputs.values()) as new,
    ):
        session.materialize(CLASSIFIED, f"clean_{table}", **parameters)
        faults = session.read(f"fault_counts_{table}").to_pylist()
        quarantine = session.read(f"quarantined_rows_{table}", week=week.start.date())
        warehouse.append("quarantine", quarantine, replace={"week": week.start.date(), "source_table": table})
        rows_read = source_rows
        if SOURCE_TABLES[table].is_log:
            rows_read = session.audit(f"rows_read_{table}", orders_start=parameters["orders_start"])["n_rows"]
        counts = row_counts(table, faults, source_rows, rows_read)
        refuse_too_many_faults(table, week.key, faults, counts, settings.source.max_quarantined_share)
        refuse_few_left(table, week.key, counts, last_accepted, settings.source.min_rows_share)
        if write is None:
            session.export(asset, new.path(own_file(asset)))
        else:
            write(session, new)
    limits = settings.source.model_dump(include={"max_set_aside_share", "max_repeated_share"})
    verdict = left_out(table, counts, **limits, samples=_parts_not_sold(quarantine))
    verdicts.record(context, warehouse, settings, verdict)
    return Cleaned(new.written, counts, verdict)


def _parts_not_sold(quarantine: pa.Table) -> list[str]:
    """The ids of three of them."""
    rows = quarantine.filter(pc.equal(quarantine["reason"], NOT_SOLD.name)).slice(0, MAX_SAMPLES)["row_json"]
    return sorted({json.loads(row)["product_id"] for row in rows.to_pylist()})


def _moments(week: Week) -> dict[str, Parameter]:
    return {"as_of": week.as_of, "now": week.now}


def _looking_back(week: Week, settings: Settings) -> dict[str, Parameter]:
    return _moments(week) | {"start": week.as_of - dt.timedelta(days=settings.lookback_days)}


def _result(table: Cleaned, more_checks: Sequence[dg.AssetCheckResult] = ()) -> dg.MaterializeResult:
    artifact, counts, asset = table.artifact, table.counts, table.artifact.manifest.asset
    rows = artifact.n_rows(own_file(asset))
    conserved = dg.AssetCheckResult(
        check_name="rows_conserved",
        passed=counts.conserved(rows),
        metadata={"rows in": counts.rows_in, "accepted": rows, "duplicates": sum(counts.duplicates.values())},
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "rows in": counts.rows_in,
            "duplicates removed": sum(counts.duplicates.values()),
            "duplicates": dict(counts.duplicates),
            "quarantined": dict(counts.quarantined),
            "set aside": dict(counts.set_aside),
            "outside the window": counts.outside_window,
            "as of": artifact.as_of.isoformat(),
            "version": artifact.version,
            "preview": preview_of(artifact, own_file(asset)),
        },
        check_results=[conserved, verdicts.check_result(table.left_out, "left_out"), *more_checks],
    )


def _no_future_events(newest: dt.datetime | None, as_of: dt.datetime) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=NO_FUTURE_EVENTS.name,
        passed=newest is None or newest < as_of,
        metadata={"newest event": str(newest)},
    )


def _checks(asset: str) -> list[dg.AssetCheckSpec]:
    told = "Rows in = rows accepted + quarantined + set aside + duplicates removed."
    return [
        check(asset, "rows_conserved", told, blocking=True),
        check(asset, "left_out", "Few rows repeat others, and few are set aside for one reason."),
    ]


def export_asset(
    name: str,
    source: dg.AssetsDefinition,
    description: str,
    references: Sequence[dg.AssetsDefinition] = (),
    *,
    beside: Sequence[dg.AssetsDefinition] = (),
    also: Sequence[str] = (),
    is_dated: bool = True,
) -> dg.AssetsDefinition:
    """The asset ``name``, cleaned from the table behind the raw asset ``source`` and otherwise as it is.

    Args:
        name: of the asset and of its query.
        source: the raw asset.
        description: what people read in the UI.
        references: assets in which ids have to exist.
        beside: raw assets of other tables that its query looks at, which have to be sound.
        also: queries whose rows are files of the asset too.
        is_dated: whether the table says since when it knows a row.
    """
    table = source.key.to_user_string().removeprefix("raw_")

    def body(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        store: dg.ResourceParam[Store],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        names, week, checks = [reference.key.to_user_string() for reference in references], week_of_run(context), []
        moments = (_looking_back(week, settings) if beside else _moments(week)) if is_dated else {}

        def write(session: Session, new: Draft) -> None:
            checks.extend(source_gates.judged(context, warehouse, session, settings, table, week))
            for query in (name, *also):
                session.export(query, new.path(own_file(query)))

        rows = cleaned(context, warehouse, store, settings, table, references=names, parameters=moments, write=write)
        return _result(rows, checks)

    body.__name__ = name
    body.__doc__ = description
    checks = [*_checks(name), *source_gates.CHECKS.get(table, [])]
    return weekly_asset(group="exports", kinds={"sql", "parquet"}, deps=[source, *beside, *references], checks=checks)(body)


user_nodes = export_asset(
    "user_nodes", raw_users, "The people we recommend to, one row each.", beside=[raw_events, raw_ownership]
)
vehicle_nodes = export_asset(
    "vehicle_nodes",
    raw_vehicles,
    "The vehicles that parts fit, one row per year, make, model and engine, whatever ids it has.",
    also=["vehicle_ids"],
    is_dated=False,
)


@weekly_asset(
    group="exports",
    kinds={"sql", "parquet"},
    deps=[raw_products, raw_events, raw_fitment, raw_vehicles],
    checks=[*_checks("product_nodes"), *source_gates.CHECKS["products"], source_gates.RULES],
)
def product_nodes(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """The parts we sell, with the reason where a rule keeps one out of every list."""
    from recs_assets.ranking.rules import ineligible_reason  # pandas: 0.4 s at load

    week, checks = week_of_run(context), []

    def write(session: Session, new: Draft) -> None:
        checks.extend(source_gates.judged(context, warehouse, session, settings, "products", week))
        products = session.read("product_nodes")
        reasons = pa.array(ineligible_reason(products.to_pandas(), settings.rules), pa.string())
        refuse_nothing_to_sell(reasons.to_pylist(), week.key)
        checks.append(source_gates.judged_rules(context, warehouse, settings, products, reasons.to_pylist()))
        new.write_table(PRODUCT_NODES, products.append_column("ineligible_reason", reasons))

    moments = _looking_back(week, settings)
    products = cleaned(context, warehouse, store, settings, "products", parameters=moments, write=write)
    return _result(products, checks)


fits_edges = export_asset("fits_edges", raw_fitment, "Which part fits which vehicle.", [product_nodes, vehicle_nodes])
owns_edges = export_asset("owns_edges", raw_ownership, "Which person owns which vehicle.", [user_nodes, vehicle_nodes])


@weekly_asset(
    group="exports",
    kinds={"sql", "parquet"},
    deps=[raw_events, user_nodes, product_nodes],
    checks=[*_checks("interaction_edges"), NO_FUTURE_EVENTS, FRESHNESS],
)
def interaction_edges(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Who viewed, carted and ordered what, lookback_days back."""
    week = week_of_run(context)
    # Whatever the model looks back to, a rule may look back further.
    days = max(settings.lookback_days, settings.rules.exclude_bought_days or 0)
    orders_start = week.as_of - dt.timedelta(days=days)
    shared_ids = [name.strip().lower() for name in settings.source.shared_user_ids]
    limits = ("max_events_per_user_week", "max_account_orders_share", "max_account_parts")
    parameters = _looking_back(week, settings) | {
        "orders_start": orders_start,
        "shared_user_ids": shared_ids,
        **settings.source.model_dump(include=set(limits)),
    }
    references = ["user_nodes", "product_nodes"]

    def write(session: Session, new: Draft) -> None:
        session.export("interaction_edges", new.path(INTERACTION_EDGES))
        session.export("other_orders", new.path(OTHER_ORDERS), orders_start=orders_start, as_of=week.as_of)
        session.export("shared_accounts", new.path(SHARED_ACCOUNTS), shared_user_ids=shared_ids)

    events = cleaned(context, warehouse, store, settings, "events", references=references, parameters=parameters, write=write)
    newest = pc.max(events.artifact.table(INTERACTION_EDGES, columns=["event_ts"])["event_ts"]).as_py()
    fresh = freshness(newest, week.as_of, max_age_hours=settings.gates.max_event_age_hours)
    verdicts.record(context, warehouse, settings, fresh)
    return _result(events, [_no_future_events(newest, week.as_of), verdicts.check_result(fresh, FRESHNESS.name)])


@weekly_asset(group="exports", kinds={"sql", "parquet"}, deps=[interaction_edges])
def co_purchase_edges(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """Which two parts the same people bought within co_purchase.window_days, week by week."""
    inputs = inputs_of(store, context.partition_key, context.run.run_id, ["interaction_edges"])
    as_of = inputs["interaction_edges"].as_of
    with (
        warehouse.session(parquet_of(inputs)) as session,
        draft(context, store, settings, as_of, inputs.values()) as new,
    ):
        rows = session.export("co_purchase_edges", new.path(CO_PURCHASE_EDGES), **settings.co_purchase.model_dump())
    first = preview_of(new.written, CO_PURCHASE_EDGES)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "preview": first})
