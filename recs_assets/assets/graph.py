"""The graph that the model learns from, and the profiles that are scored in place of people."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict

import dagster as dg
import pyarrow as pa

from recs_assets.asset_files import (
    COVERAGE,
    EXPORT_NAMES,
    GRAPH,
    OTHER_ORDERS,
    PROFILE_VEHICLES,
    PROFILES,
    USER_PROFILES,
    own_file,
)
from recs_assets.assets import verdicts
from recs_assets.assets.exports import (
    co_purchase_edges,
    fits_edges,
    interaction_edges,
    owns_edges,
    product_nodes,
    user_nodes,
    vehicle_nodes,
)
from recs_assets.assets.preview import table_of
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.gates.coverage import NOBODY, fitting_parts, refuse_bare_garages
from recs_assets.gates.verdict import Verdict
from recs_assets.ranking.strata import strata_table
from recs_assets.resources.store.lineage import inputs_of, parquet_of
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Mount, Warehouse
from recs_assets.settings import Settings

EXPORTS = [user_nodes, vehicle_nodes, product_nodes, fits_edges, owns_edges, interaction_edges, co_purchase_edges]


GARAGE_COVERAGE = check(
    "hetero_graph", "garage_coverage", "For those who have a vehicle there are parts that fit it.", blocking=True
)


@weekly_asset(group="graph", kinds={"pytorch", "parquet"}, pod="exporter", deps=EXPORTS, checks=[GARAGE_COVERAGE])
def hetero_graph(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult:
    """People, vehicles and parts as one graph, and which people share a profile and so a list."""
    from recs_assets.gnn import graph  # torch and PyG: 4 s at load

    inputs = inputs_of(store, context.partition_key, context.run.run_id, EXPORT_NAMES)
    as_of = inputs["interaction_edges"].as_of
    tables = {name: artifact.table(own_file(name)) for name, artifact in inputs.items()}
    data = graph.build(tables | {"other_orders": inputs["interaction_edges"].table(OTHER_ORDERS)})
    exports = parquet_of(inputs)
    covered = _garage_coverage(context, warehouse, store, settings, exports, as_of)
    with draft(context, store, settings, as_of, inputs.values()) as new:
        graph.save(data, new.path(GRAPH))
        new.write_document(COVERAGE, covered.figures)
        strata = pa.Table.from_pylist([asdict(stratum) for stratum in strata_table(settings.strata.hot_min_events)])
        with warehouse.session({**exports, "strata": strata}) as session:
            session.export("user_profiles", new.path(USER_PROFILES), as_of=as_of)
        with warehouse.session({**exports, "user_profiles": [new.path(USER_PROFILES)]}) as session:
            session.export("profiles", new.path(PROFILES))
            session.export("profile_vehicles", new.path(PROFILE_VEHICLES), as_of=as_of)
    sizes = {f"{kind} nodes": data[kind].num_nodes for kind in data.node_types}
    sizes |= {" ".join(kind): data[kind].num_edges for kind in data.edge_types}
    return dg.MaterializeResult(
        metadata=table_of(new.written, PROFILES) | sizes | {"as of": as_of.isoformat()},
        check_results=[verdicts.check_result(covered, covered.gate)],
    )


def _garage_coverage(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    exports: Mapping[str, Mount],
    as_of: dt.datetime,
) -> Verdict:
    """Whether fitment and garages meet, against last week; written to the ledger.

    Raises:
        ContractError: they do not, or far less than last week.
    """
    week, limits = week_of_run(context), settings.gates
    previous = store.newest("hetero_graph", up_to=week.previous)
    with warehouse.session(exports) as session:
        counts = session.audit("garage_coverage", as_of=as_of)
    verdict = fitting_parts(
        "garage_coverage",
        counts if counts.pop("has_fitment") and settings.candidates.require_fitment else NOBODY,
        previous.document(COVERAGE) if previous else None,
        max_share=limits.max_bare_garages,
        max_rise=limits.max_bare_garages_rise,
    )
    verdicts.record(context, warehouse, settings, verdict)
    refuse_bare_garages(week.key, verdict)
    return verdict
