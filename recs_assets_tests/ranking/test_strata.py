"""Who is cold, warm and hot, and that SQL says the same of everybody."""

from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from recs_assets.ranking.strata import strata_of, strata_table
from recs_assets_tests.sql.engines import on_duckdb, parameters_of, tables_for


@pytest.mark.parametrize(
    ("hot_min_events", "expected"),
    [
        (10, ["cold", "warm", "warm", "hot", "hot"]),
        (2, ["cold", "warm", "hot", "hot", "hot"]),
        (1, ["cold", "hot", "hot", "hot", "hot"]),
    ],
)
def test_nobody_known_is_cold_and_hot_begins_where_the_settings_say(hot_min_events: int, expected: list[str]) -> None:
    assert strata_of(np.array([0, 1, 9, 10, 500]), hot_min_events).tolist() == expected


@pytest.mark.parametrize("hot_min_events", [1, 2, 3, 100])
def test_sql_says_the_same_of_everybody(hot_min_events: int) -> None:
    query = "user_profiles"
    strata = pa.Table.from_pylist([asdict(row) for row in strata_table(hot_min_events)])
    people = on_duckdb(query, tables_for(query) | {"strata": strata}, parameters_of(query))
    assert len(people) == len(tables_for(query)["user_nodes"])
    expected = strata_of(np.array([person["n_events"] for person in people]), hot_min_events)
    assert [person["stratum"] for person in people] == expected.tolist()
