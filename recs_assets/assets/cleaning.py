"""One source table into one file: rows left out in the quarantine with a reason, and every row accounted for."""

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from recs_assets.asset_files import SOURCE_PROFILE, own_file
from recs_assets.assets import verdicts
from recs_assets.assets.preview import table_of
from recs_assets.assets.weekly_asset import check, draft, week_of_run
from recs_assets.breaches import MAX_SAMPLES, in_week
from recs_assets.contract import NOT_SOLD, SOURCE_TABLES
from recs_assets.gates.faults import refuse_too_many_faults, rows_of_kinds
from recs_assets.gates.left_out import left_out, refuse_few_left, refuse_nothing_but_returns
from recs_assets.gates.source import RowCounts, row_counts
from recs_assets.gates.verdict import Verdict
from recs_assets.resources.store.artifact import Artifact, Draft
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Parameter, Session, Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import Week

CLASSIFIED = "classified"


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
        by_kind = session.read(f"kind_counts_{table}").to_pylist() if SOURCE_TABLES[table].kinds else []
        kinds = rows_of_kinds(table, by_kind, settings.source.min_rows_of_kind)
        refuse_too_many_faults(table, week.key, faults, counts, settings.source.max_quarantined_share, kinds)
        refuse_nothing_but_returns(table, week.key, kinds)
        refuse_few_left(table, week.key, counts, last_accepted, settings.source.min_rows_share)
        if write is None:
            session.export(asset, new.path(own_file(asset)))
        else:
            write(session, new)
    limits = settings.source.model_dump(include={"max_set_aside_share", "max_repeated_share"})
    verdict = left_out(table, counts, kinds, **limits, samples=_parts_not_sold(quarantine))
    verdicts.record(context, warehouse, settings, verdict)
    return Cleaned(new.written, counts, verdict)


def _parts_not_sold(quarantine: pa.Table) -> list[str]:
    """The ids of three of them."""
    rows = quarantine.filter(pc.equal(quarantine["reason"], NOT_SOLD.name)).slice(0, MAX_SAMPLES)["row_json"]
    return sorted({json.loads(row)["product_id"] for row in rows.to_pylist()})


def moments(week: Week) -> dict[str, Parameter]:
    """Up to when the week may know, and now: parameters of the cleaning of dated tables."""
    return {"as_of": week.as_of, "now": week.now}


def looking_back(week: Week, settings: Settings) -> dict[str, Parameter]:
    """The same, and since when events are looked at."""
    return moments(week) | {"start": week.as_of - dt.timedelta(days=settings.lookback_days)}


def result(table: Cleaned, more_checks: Sequence[dg.AssetCheckResult] = ()) -> dg.MaterializeResult:
    """What the UI shows of a cleaned table: where its rows went, and the checks of that."""
    artifact, counts, asset = table.artifact, table.counts, table.artifact.manifest.asset
    rows = artifact.n_rows(own_file(asset))
    conserved = dg.AssetCheckResult(
        check_name="rows_conserved",
        passed=counts.conserved(rows),
        metadata={"rows in": counts.rows_in, "accepted": rows, "duplicates": sum(counts.duplicates.values())},
    )
    return dg.MaterializeResult(
        metadata=table_of(artifact, own_file(asset))
        | {
            "rows in": counts.rows_in,
            "rows quarantined": sum(counts.quarantined.values()),
            "rows set aside": sum(counts.set_aside.values()),
            "duplicates removed": sum(counts.duplicates.values()),
            "duplicates": dict(counts.duplicates),
            "quarantined": dict(counts.quarantined),
            "set aside": dict(counts.set_aside),
            "outside the window": counts.outside_window,
            "as of": artifact.as_of.isoformat(),
            "version": artifact.version,
        },
        check_results=[conserved, verdicts.check_result(table.left_out, "left_out"), *more_checks],
    )


def checks_of(asset: str) -> list[dg.AssetCheckSpec]:
    """The checks that ``result`` reports."""
    told = "Rows in = rows accepted + quarantined + set aside + duplicates removed."
    return [
        check(asset, "rows_conserved", told, blocking=True),
        check(asset, "left_out", "Few rows repeat others, and few are set aside for one reason."),
    ]
