"""The people of a held-out week, and the shares of the strata among all users."""

import pyarrow as pa

from recs_assets.steps.cohort import population_shares


def test_population_shares_count_all_users() -> None:
    profiles = pa.table({"stratum": ["cold", "cold", "hot", "cold"]})
    assert population_shares(profiles) == {"cold": 0.75, "hot": 0.25}
