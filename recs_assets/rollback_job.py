"""A rollback as a Dagster job."""

import dagster as dg
from pydantic import Field

from recs_assets import pods
from recs_assets.assets.weekly_asset import guarded
from recs_assets.resources.holding import os_user
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollback import restore, told
from recs_assets.settings import Settings


class RollbackConfig(dg.Config):
    """Which week goes back to which version, why, and whether publishing is on hold from then on."""

    week: str = Field(description="Its Monday, as 2011-09-26.")
    reason: str = Field(description="Why; it stays in the ledger publications.")
    version: str | None = Field(None, description="What is served again; without it the version before the served one.")
    mail_again: bool = Field(False, description="Mail the week's list again, though a newer week is mailed by now.")
    hold: bool = Field(True, description="Publish nothing from then on, until make release.")


@dg.op(tags=pods.op_tags("publisher"))
@guarded
def serve_earlier_version(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[Store],  # whose home's layout is looked at before
    settings: dg.ResourceParam[Settings],
) -> None:
    """Serve an earlier version of a week again, in one step."""
    restored = restore(
        warehouse,
        config.week,
        version=config.version,
        reason=config.reason,
        run_id=context.run.run_id,
        settings=settings,
        mail_again=config.mail_again,
        held_by=os_user() if config.hold else None,
    )
    context.log.info(told(config.week, restored, held=config.hold))


@dg.job(description="Serve an earlier version of a week again: the one before, or the one that is named; say why.")
def rollback() -> None:
    """One op: ``serve_earlier_version``."""
    serve_earlier_version()
