"""What the settings expect of all assets, as the UI shows it: which weeks there are, and when an asset is late."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from recs_assets.partitions import weeks_of
from recs_assets.schedules import nightly_job, weekly_job
from recs_assets.settings import SchedulesSettings


def expected(schedules: SchedulesSettings, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets with the weeks of the settings alone, as the UI would count others as missing.

    What neither schedule makes is never late, and nothing is where no more weeks are to come.
    """
    weeks = weeks_of(schedules.first_week, schedules.last_week)
    late: dict[dg.AssetKey, dg.FreshnessPolicy | None] = {}
    if schedules.last_week is None:
        for job, hours in ((weekly_job, schedules.weekly_late_hours), (nightly_job, schedules.nightly_late_hours)):
            policy = dg.FreshnessPolicy.time_window(dt.timedelta(hours=hours)) if hours else None
            late |= dict.fromkeys(job.selection.resolve(assets), policy)

    def with_both(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(partitions_def=weeks, freshness_policy=late.get(spec.key))

    return list(dg.map_asset_specs(with_both, assets))
