"""The retailer's seven tables as they are: profiled and held against the contract, never copied."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import dagster as dg

from recs_assets.assets import verdicts
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.contract import FITMENT_TABLES, SOURCE_TABLES, ContractError, Kind, in_week
from recs_assets.gates import promotion as gates
from recs_assets.partitions import WEEK, Week
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

PROFILE = "profile.json"

# What the engine may call a column of each kind; a column of nothing but NULLs has no type of its own and fits anywhere.
ACCEPTED_KINDS: dict[Kind, frozenset[str]] = {
    "string": frozenset({"string", "null"}),
    "timestamp": frozenset({"timestamp", "null"}),
    "number": frozenset({"number", "integer", "null"}),
    "integer": frozenset({"number", "integer", "null"}),
    "boolean": frozenset({"boolean", "null"}),
}


def raw_asset(table: str, description: str) -> dg.AssetsDefinition:
    """The asset ``raw_<table>``; all seven differ in their table and their sentence only."""

    def body(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        store: dg.ResourceParam[Store],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        week = week_of_run(context)
        with in_week(week.key):
            columns = warehouse.source_columns()
            check_presence(columns)
            warnings = check_columns(table, columns[table])
            for warning in warnings:
                context.log.warning(warning)
            with warehouse.session() as session:
                profile = session.audit(f"source_profile_{table}", **_moments(table, week, settings))
        previous = store.newest(f"raw_{table}", up_to=week.previous)
        if columns[table] is not None and profile["n_rows"] == 0:
            raise ContractError(table, "the table is empty", "Check last night's load of it.", week=week.key, count=0)
        count = gates.row_count(
            table,
            profile["n_rows"],
            previous.document(PROFILE)["n_rows"] if previous else None,
            min_share=settings.source.min_rows_share,
            max_change=settings.gates.max_row_change,
        )
        verdicts.record(context, warehouse, settings, count)
        check_profile(table, week, profile, count)
        with draft(context, store, settings, week.as_of) as new:
            new.write_document(PROFILE, profile)
        return dg.MaterializeResult(
            metadata={name: _shown(value) for name, value in profile.items()} | {"ignored columns": len(warnings)},
            check_results=[
                dg.AssetCheckResult(passed=True, check_name="contract", metadata={"rows": profile["n_rows"]}),
                verdicts.check_result(count, "row_count"),
            ],
        )

    body.__name__ = f"raw_{table}"
    body.__doc__ = description
    contract = check(f"raw_{table}", "contract", f"Table {table} has the contract's columns, types and rows.", blocking=True)
    rows = check(f"raw_{table}", "row_count", f"Table {table} is about as large as last week.")
    return weekly_asset(group="raw", kinds={"table"}, checks=[contract, rows])(body)


def check_profile(table: str, week: Week, profile: dict[str, Any], count: gates.Verdict) -> None:
    """Hold a table's profile against the contract's set faults.

    Raises:
        ContractError: the table has lost more rows since last week than allowed (an absent table has none), or its events
            have dried up.
    """
    if count.decision == gates.FAIL:
        problem = f"it has lost rows: {count.reason.removesuffix('.')}"
        fix = "Check the load; if the loss is real, lower source.min_rows_share in the settings for this run."
        raise ContractError(table, problem, fix, week=week.key)
    if table == "events" and profile["events_in_week"] == 0 and profile["events_before_week"] > 0:
        problem = f"no event in the seven days before {week.as_of:%Y-%m-%d %H:%M} UTC, though earlier weeks had some"
        raise ContractError(table, problem, "Check the load of events.", week=week.key, column="event_ts", count=0)


def check_columns(table: str, found: Mapping[str, str] | None) -> list[str]:
    """Hold one source table against the contract.

    Args:
        table: a name in ``SOURCE_TABLES``.
        found: its columns with their kinds, as ``Warehouse.source_columns`` gives them; ``None`` where the table is absent.

    Returns:
        Warnings, one for each column that the contract does not know.

    Raises:
        ContractError: the table is absent and not optional, or a column is missing or of another type.
    """
    contract = SOURCE_TABLES[table]
    if found is None:
        if contract.optional:
            return []
        raise ContractError(table, "the table is absent", f"Provide '{table}' in the source (RECS_SOURCE).")
    for column in contract.columns:
        if column.name not in found:
            if column.required:
                present = ", ".join(found) or "none"
                fix = f"Add a column '{column.name}' ({column.kind}) to '{table}'; its columns are: {present}."
                raise ContractError(table, "the required column is missing", fix, column=column.name)
        elif found[column.name] not in ACCEPTED_KINDS[column.kind]:
            problem = f"the column is {found[column.name]}, the contract says {column.kind}"
            raise ContractError(table, problem, f"Cast it to {column.kind} in the source.", column=column.name)
    known = {column.name for column in contract.columns}
    return [
        f"source table '{table}': column '{name}' is not in the contract and is ignored" for name in found if name not in known
    ]


def check_presence(found: Mapping[str, Mapping[str, str] | None]) -> bool:
    """Whether the store has fitment: all of ``FITMENT_TABLES`` are present (True) or none of them is (False).

    Raises:
        ContractError: only some of them are present.
    """
    absent = [table for table in FITMENT_TABLES if found.get(table) is None]
    if absent and len(absent) < len(FITMENT_TABLES):
        present = ", ".join(table for table in FITMENT_TABLES if table not in absent)
        problem = f"the table is absent although {present} is present"
        raise ContractError(absent[0], problem, f"Provide all of {', '.join(FITMENT_TABLES)}, or none of them.")
    return not absent


def _moments(table: str, week: Week, settings: Settings) -> dict[str, dt.datetime]:
    if table != "events":
        return {}
    start = week.as_of - dt.timedelta(days=settings.lookback_days)
    return {"start": start, "as_of": week.as_of, "week_start": week.as_of - WEEK}


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


raw_users = raw_asset("users", "Everyone who may be sent recommendations.")
raw_vehicles = raw_asset("vehicles", "Every year, make and model that parts can fit.")
raw_ownership = raw_asset("ownership", "Which vehicles stand in whose garage.")
raw_products = raw_asset("products", "Every SKU the store sells, with price, brand and part type.")
raw_fitment = raw_asset("fitment", "Which SKU fits which vehicle.")
raw_events = raw_asset("events", "What people viewed, put in the cart and ordered.")
raw_email_events = raw_asset("email_events", "What became of each email: sent, delivered, opened, clicked.")
