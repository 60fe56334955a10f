"""Cleaned nodes and edges as Parquet."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import CO_PURCHASE_EDGES, INTERACTION_EDGES, OTHER_ORDERS, PRODUCT_NODES, SHARED_ACCOUNTS, own_file
from recs_assets.assets import source_gates, verdicts
from recs_assets.assets.cleaning import checks_of, cleaned, looking_back, moments, result
from recs_assets.assets.preview import table_of
from recs_assets.assets.raw import raw_events, raw_fitment, raw_ownership, raw_products, raw_users, raw_vehicles
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.gates.source import freshness, refuse_nothing_to_sell
from recs_assets.plain_text import plain
from recs_assets.resources.store.artifact import Draft
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Session, Warehouse
from recs_assets.settings import Settings

NO_FUTURE_EVENTS = check(
    "interaction_edges", "no_future_events", "No event lies at or after the moment this week may know.", blocking=True
)
FRESHNESS = check("interaction_edges", "freshness", "Events still arrive: the newest one is not old.")


def _no_future_events(newest: dt.datetime | None, as_of: dt.datetime) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=NO_FUTURE_EVENTS.name,
        passed=newest is None or newest < as_of,
        metadata={"newest event": str(newest)},
    )


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
        parameters = (looking_back(week, settings) if beside else moments(week)) if is_dated else {}

        def write(session: Session, new: Draft) -> None:
            checks.extend(source_gates.checked(context, warehouse, session, settings, table, week))
            for query in (name, *also):
                session.export(query, new.path(own_file(query)))

        rows = cleaned(context, warehouse, store, settings, table, references=names, parameters=parameters, write=write)
        return result(rows, checks)

    body.__name__ = name
    body.__doc__ = description
    checks = [*checks_of(name), *source_gates.CHECKS.get(table, [])]
    return weekly_asset(
        group="exports", kinds={"sql", "parquet"}, pod="exporter", deps=[source, *beside, *references], checks=checks
    )(body)


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
    pod="exporter",
    deps=[raw_products, raw_events, raw_fitment, raw_vehicles],
    checks=[*checks_of("product_nodes"), *source_gates.CHECKS["products"], source_gates.RULES],
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
        checks.extend(source_gates.checked(context, warehouse, session, settings, "products", week))
        products = session.read("product_nodes")
        reasons = pa.array(ineligible_reason(products.to_pandas(), settings.rules), pa.string())
        refuse_nothing_to_sell(reasons.to_pylist(), week.key)
        checks.append(source_gates.checked_rules(context, warehouse, settings, products, reasons.to_pylist()))
        new.write_table(PRODUCT_NODES, products.append_column("ineligible_reason", reasons))

    products = cleaned(context, warehouse, store, settings, "products", parameters=looking_back(week, settings), write=write)
    return result(products, checks)


fits_edges = export_asset("fits_edges", raw_fitment, "Which part fits which vehicle.", [product_nodes, vehicle_nodes])
owns_edges = export_asset("owns_edges", raw_ownership, "Which person owns which vehicle.", [user_nodes, vehicle_nodes])


@weekly_asset(
    group="exports",
    kinds={"sql", "parquet"},
    pod="exporter",
    deps=[raw_events, user_nodes, product_nodes],
    checks=[*checks_of("interaction_edges"), NO_FUTURE_EVENTS, FRESHNESS],
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
    shared_ids = [plain(name) for name in settings.source.shared_user_ids]
    limits = ("max_events_per_user_week", "max_account_orders_share", "max_account_parts")
    parameters = looking_back(week, settings) | {
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
    return result(events, [_no_future_events(newest, week.as_of), verdicts.check_result(fresh, FRESHNESS.name)])


@weekly_asset(group="exports", kinds={"sql", "parquet"}, pod="exporter", deps=[interaction_edges])
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
        session.export("co_purchase_edges", new.path(CO_PURCHASE_EDGES), **settings.co_purchase.model_dump())
    return dg.MaterializeResult(metadata=table_of(new.written, CO_PURCHASE_EDGES))
