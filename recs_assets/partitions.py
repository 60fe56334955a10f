"""One partition a week."""

from collections.abc import Sequence

import dagster as dg

from recs_assets.weeks import FIRST_WEEK


def weeks_from(first_week: str) -> dg.WeeklyPartitionsDefinition:
    """Every week from one on, by its key."""
    # The week in progress has a partition too (end_offset): the nightly run scores it again each night.
    return dg.WeeklyPartitionsDefinition(start_date=first_week, day_offset=1, end_offset=1, timezone="UTC")


weekly = weeks_from(FIRST_WEEK)


def beginning(first_week: str, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets without the weeks before ``first_week``, which the UI would count as missing."""
    weeks = weeks_from(first_week)
    return list(dg.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=weeks), assets))
