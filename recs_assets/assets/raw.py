"""The retailer's seven tables as they are: profiled and held against the contract, never copied."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from recs_assets.asset_files import SOURCE_PROFILE
from recs_assets.assets import verdicts
from recs_assets.assets.weekly_asset import check, draft, week_of_run, weekly_asset
from recs_assets.breaches import ContractError, in_week, refuse
from recs_assets.contract import SOURCE_TABLES, SourceTable
from recs_assets.gates.filled_columns import filled, refuse_lost_columns
from recs_assets.gates.source import check_profile, column_breaches, presence_breaches, remarks, row_count
from recs_assets.gates.verdict import Verdict
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.stored_tables import StoredTable
from recs_assets.weeks import ONE_WEEK, Week

WARN = dg.AssetCheckSeverity.WARN


class RawConfig(dg.Config):
    """What a launch of a raw table may ask for: the reason stays in the ledger ``verdicts``."""

    accept_lost_columns_reason: str | None = Field(None, description="Why columns of the table may have lost their values.")


def raw_asset(table: str) -> dg.AssetsDefinition:
    """The asset ``raw_<table>``; all seven have the same body."""
    declared = SOURCE_TABLES[table]

    def body(
        context: dg.AssetExecutionContext,
        config: RawConfig,
        warehouse: dg.ResourceParam[Warehouse],
        store: dg.ResourceParam[Store],
        settings: dg.ResourceParam[Settings],
    ) -> dg.MaterializeResult:
        week, breaches = week_of_run(context), list[ContractError]()
        stored, profile = None, {"n_rows": 0}
        with _stopping(context, declared, week, breaches):
            stored = warehouse.source_table(table)
            refuse([*presence_breaches(table, warehouse.source_tables()), *column_breaches(table, stored)])
            with warehouse.session() as session:
                profile = session.audit(f"source_profile_{table}", **_moments(table, week, settings))
            if stored is not None and profile["n_rows"] == 0:
                raise ContractError(table, "the table is empty", "Check last night's load of it.", count=0)
        for remark in remarks(table, stored):
            context.log.warning(remark)
        count, full = _compared(table, profile, store, week, settings, config)
        verdicts.record(context, warehouse, settings, count, full)
        with _stopping(context, declared, week, breaches):
            check_profile(table, week, profile, count)
            refuse_lost_columns(table, week.key, full)
        with draft(context, store, settings, week.as_of) as new:
            new.write_document(SOURCE_PROFILE, profile)
        return dg.MaterializeResult(
            metadata={name: _shown(value) for name, value in profile.items()}
            | {"dagster/row_count": profile["n_rows"]}
            | _of_storage(stored),
            check_results=[
                verdicts.check_result(count, "row_count"),
                verdicts.check_result(full, "filled"),
                # A breach of a table that is read ends the step: there is nothing to check then.
                *([] if declared.is_read else [dg.AssetCheckResult(passed=not breaches, check_name="contract", severity=WARN)]),
            ],
        )

    body.__name__ = f"raw_{table}"
    body.__doc__ = declared.row
    columns = {"dagster/column_schema": column_schema(declared)}
    return weekly_asset(group="raw", kinds={"table"}, pod="exporter", checks=_checks(declared), metadata=columns)(body)


def _compared(
    table: str, profile: Mapping[str, Any], store: Store, week: Week, settings: Settings, config: RawConfig
) -> tuple[Verdict, Verdict]:
    """Is a table about as large as last week, and are its columns about as full as then and when it was last read?"""
    last_week, last_read = (
        kept.document(SOURCE_PROFILE) if (kept := store.newest(f"raw_{table}", up_to=up_to)) else None
        for up_to in (week.previous, week.key)
    )
    count = row_count(
        table,
        profile["n_rows"],
        last_week["n_rows"] if last_week else None,
        min_share=settings.source.min_rows_share,
        max_change=settings.gates.max_row_change,
    )
    full = filled(
        table,
        profile,
        last_week=last_week,
        last_read=last_read,
        max_change=settings.gates.max_blank_change,
        min_share=settings.source.min_filled_share,
        accepted=(config.accept_lost_columns_reason or "").strip() or None,
    )
    return count, full


def _checks(declared: SourceTable) -> list[dg.AssetCheckSpec]:
    table, asset = declared.name, f"raw_{declared.name}"
    rows = check(asset, "row_count", f"Table {table} is about as large as last week.")
    full = check(asset, "filled", f"The columns of table {table} are about as full as last week.")
    contract = check(asset, "contract", f"Table {table} has the contract's columns, types and rows.")
    return [rows, full] if declared.is_read else [rows, full, contract]


@contextmanager
def _stopping(
    context: dg.AssetExecutionContext, declared: SourceTable, week: Week, breaches: list[ContractError]
) -> Iterator[None]:
    """A breach of the contract ends the step; that of a table that nothing reads is told and kept, and ends the block alone."""
    try:
        with in_week(week.key):
            yield
    except ContractError as error:
        if declared.is_read:
            raise
        context.log.warning(f"{error} Nothing reads '{declared.name}' yet: the run goes on.")
        breaches.append(error)


def _of_storage(stored: StoredTable | None) -> dict[str, Any]:
    if stored is None:
        return {}
    trimmed = {name: column.n_trimmed for name, column in stored.columns.items() if column.n_trimmed}
    return {"ignored columns": list(stored.extra), "ids with spaces around them": trimmed}


def column_schema(table: SourceTable) -> dg.TableSchema:
    """The columns of a source table as Dagster shows them."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                column.kind,
                description=column.note or None,
                constraints=dg.TableColumnConstraints(nullable=not column.required, unique=table.key == (column.name,)),
            )
            for column in table.columns
        ]
    )


def _moments(table: str, week: Week, settings: Settings) -> dict[str, dt.datetime]:
    if not SOURCE_TABLES[table].is_log:
        return {}
    start = week.as_of - dt.timedelta(days=settings.lookback_days)
    return {"start": start, "as_of": week.as_of, "week_start": week.as_of - ONE_WEEK}


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


raw_users = raw_asset("users")
raw_vehicles = raw_asset("vehicles")
raw_ownership = raw_asset("ownership")
raw_products = raw_asset("products")
raw_fitment = raw_asset("fitment")
raw_events = raw_asset("events")
raw_email_events = raw_asset("email_events")
