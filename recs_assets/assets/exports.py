"""Cleaned nodes and edges as Parquet: faulty rows quarantined with a reason, and every row accounted for."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.assets import verdicts
from recs_assets.assets.raw import (
    PROFILE,
    raw_events,
    raw_fitment,
    raw_ownership,
    raw_products,
    raw_users,
    raw_vehicles,
)
from recs_assets.assets.weekly_asset import check, draft, inputs_of, parquet_of, preview_of, week_of_run, weekly_asset
from recs_assets.contract import DUPLICATE_FAULTS, OUTSIDE_WINDOW, ContractError, in_week
from recs_assets.gates import promotion as gates
from recs_assets.partitions import Week
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Parameter, Session, Warehouse
from recs_assets.settings import Settings

CLASSIFIED = "classified"
UNDATED_TABLES = frozenset({"vehicles"})
# What names these rows is a person's id, which errors and logs must not show.
KEYED_BY_PERSON = frozenset({"users", "ownership"})

NO_FUTURE_EVENTS = check(
    "interaction_edges", "no_future_events", "No event lies at or after the moment this week may know.", blocking=True
)
FRESHNESS = check("interaction_edges", "freshness", "Events still arrive: the newest one is not old.")


@dataclass(frozen=True)
class RowCounts:
    """Where the rows of a source table went, but for those that were accepted."""

    source: int
    quarantined: Mapping[str, int]
    duplicates: int
    outside_window: int

    @property
    def rows_in(self) -> int:
        """Rows that belong to this week's export: all but those not known yet, or too old to look back to."""
        return self.source - self.outside_window

    def conserved(self, accepted: int) -> bool:
        """Rows in = accepted + quarantined + exact duplicates."""
        return self.rows_in == accepted + sum(self.quarantined.values()) + self.duplicates


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
    source_rows = inputs[f"raw_{table}"].document(PROFILE)["n_rows"]
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
    newest = pc.max(new.written.table(f"{asset}.parquet", columns=["event_ts"])["event_ts"]).as_py()
    fresh = gates.freshness(newest, week.as_of, max_age_hours=settings.gates.max_event_age_hours)
    verdicts.record(context, warehouse, settings, fresh)
    return _result(new.written, counts, [_no_future_events(newest, week.as_of), verdicts.check_result(fresh, FRESHNESS.name)])


def row_counts(faults: Sequence[Mapping[str, Any]], source_rows: int) -> RowCounts:
    """Sort the counts by fault into what became of the rows."""
    by_fault = {row["fault"]: int(row["n_rows"]) for row in faults}
    return RowCounts(
        source=source_rows,
        duplicates=sum(by_fault.pop(fault, 0) for fault in DUPLICATE_FAULTS),
        outside_window=by_fault.pop(OUTSIDE_WINDOW, 0),
        quarantined=by_fault,
    )


def refuse_too_many_faults(
    table: str, week: str, faults: Sequence[Mapping[str, Any]], source_rows: int, max_share: float
) -> None:
    """Refuse a table of which more than ``max_share`` of the rows are quarantined.

    Raises:
        ContractError: names the most frequent fault, with samples.
    """
    counts = row_counts(faults, source_rows)
    n_quarantined = sum(counts.quarantined.values())
    if n_quarantined <= max_share * counts.rows_in:
        return
    worst = max((row for row in faults if row["fault"] in counts.quarantined), key=lambda row: row["n_rows"])
    samples = [worst[f"sample_{number}"] for number in (1, 2, 3) if worst[f"sample_{number}"] is not None]
    raise ContractError(
        table,
        f"{n_quarantined:,} of its {counts.rows_in:,} rows are faulty, {n_quarantined / counts.rows_in:.1%} where "
        f"{max_share:.0%} are allowed; the most frequent fault is '{worst['fault']}'",
        "Mend the source; if these rows are really to be left out, raise source.max_quarantined_share in the settings.",
        week=week,
        count=worst["n_rows"],
        samples=() if table in KEYED_BY_PERSON else samples,
    )


def refuse_nothing_to_sell(reasons: Sequence[str | None], week: str) -> None:
    """Refuse a catalogue of which the rules keep every part out of every list.

    Raises:
        ContractError: names the most frequent reason.
    """
    if any(reason is None for reason in reasons):
        return
    if not reasons:
        problem = "none of its parts is known by the end of the week"
        raise ContractError("products", problem, "Choose a later week, or mend created_at.", week=week, count=0)
    worst, count = Counter(reasons).most_common(1)[0]
    raise ContractError(
        "products",
        f"the rules keep every part out of every list, most of them because of '{worst}'",
        "Mend the column behind it, or change that rule in the settings (section rules).",
        week=week,
        count=count,
    )


def _write(session: Session, asset: str, new: Draft, settings: Settings, week: str) -> None:
    session.export(asset, new.path(f"{asset}.parquet"))


def _write_products(session: Session, asset: str, new: Draft, settings: Settings, week: str) -> None:
    from recs_assets.ranking.rules import ineligible_reason  # pandas: 0.4 s at load

    products = session.read(asset)
    reasons = pa.array(ineligible_reason(products.to_pandas(), settings.rules), pa.string())
    refuse_nothing_to_sell(reasons.to_pylist(), week)
    new.write_table(f"{asset}.parquet", products.append_column("ineligible_reason", reasons))


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
    rows = artifact.n_rows(f"{asset}.parquet")
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
            "preview": preview_of(artifact, f"{asset}.parquet"),
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
        rows = session.export("co_purchase_edges", new.path("co_purchase_edges.parquet"), **settings.co_purchase.model_dump())
    first = preview_of(new.written, "co_purchase_edges.parquet")
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "preview": first})
