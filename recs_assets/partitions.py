"""One partition a week."""

import dagster as dg

from recs_assets.weeks import FIRST_WEEK, ONE_WEEK, key_of, monday


def weeks_of(first_week: str, last_week: str | None) -> dg.WeeklyPartitionsDefinition:
    """Every week from one on, by its key, up to a last one or to the week in progress."""
    end = key_of(monday(last_week) + ONE_WEEK) if last_week else None
    # The week in progress has a partition too (end_offset): the nightly run scores it again each night.
    return dg.WeeklyPartitionsDefinition(start_date=first_week, end_date=end, day_offset=1, end_offset=1, timezone="UTC")


weekly = weeks_of(FIRST_WEEK, None)
