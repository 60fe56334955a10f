"""Fault points in BigQuery and a bucket, in real processes: what is left there, and that the next run goes on from it."""

from pathlib import Path

import pytest

from recs_assets.fault_points import POINTS
from recs_assets_tests.faults.gcp import Cluster
from recs_assets_tests.faults.gcp_walk import QUICK, WALKS, all_faults, walk
from recs_assets_tests.faults.walk import CONVERGED
from recs_assets_tests.resources.store import places, test_bucket
from recs_assets_tests.stand_ins.places import new_places
from recs_assets_tests.stand_ins.servers import BigQuery, Storage


@pytest.mark.long
def test_a_fault_loses_nothing(bigquery_server: BigQuery, storage_server: Storage, tmp_path: Path) -> None:
    at = Cluster(new_places(bigquery_server), places.bucket(tmp_path, storage_server))
    outcomes = list(walk(at, QUICK))
    assert [str(outcome) for outcome in outcomes if outcome.verdict != CONVERGED] == []
    assert [(outcome.case.point, outcome.case.way) for outcome in outcomes] == QUICK
    assert list((at.files.local / ".drafts").iterdir()) == []
    assert at.rows("SELECT publication_id FROM publications ORDER BY sequence") == [
        ("publication one",),
        ("publication two",),
        ("restoration",),
    ]


def test_every_point_is_walked_on_a_cluster() -> None:
    of_the_bucket = [*test_bucket.OF_A_DRAFT, *test_bucket.OF_PRUNING]
    assert sorted([*(point for of in WALKS.values() for point in of.left), *of_the_bucket]) == sorted(POINTS)
    assert set(QUICK) <= set(all_faults())
    assert {point for point, _ in all_faults()} | set(of_the_bucket) == set(POINTS)
