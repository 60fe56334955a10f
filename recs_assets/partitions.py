"""One partition a week."""

import dagster as dg

from recs_assets.weeks import FIRST_WEEK

# The week in progress has a partition too (end_offset): the nightly run scores it again each night.
weekly = dg.WeeklyPartitionsDefinition(start_date=FIRST_WEEK, day_offset=1, end_offset=1, timezone="UTC")
