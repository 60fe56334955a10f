"""Fault points of publishing in BigQuery: what is served stays whole, and doing it again comes to the same."""

import os
import subprocess
import sys

import pytest

from recs_assets.fault_points import ARMED_BY
from recs_assets.resources.bigquery.client import Places
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.bigquery.reading import query, served
from recs_assets_tests.resources.versions import FIRST, SECOND, publish, restoration, stage, wide
from recs_assets_tests.stand_ins.places import environment

OF_PUBLISHING = ["begun", "mailed", "inserted", "recorded", "committed"]
CHILD = """
import sys
from recs_assets.resources.bigquery.client import Places
from recs_assets_tests.resources.bigquery.conftest import warehouse_at
from recs_assets_tests.resources.versions import SECOND, publish, stage
warehouse = warehouse_at(Places.of())
publish(warehouse, stage(warehouse, "two", SECOND))
"""


def test_an_error_at_each_point_leaves_a_whole_version(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = warehouse_at(places)
    publish(warehouse, stage(warehouse, "one", FIRST))
    second = stage(warehouse, "two", SECOND)
    old, new = (list(FIRST), wide(FIRST)), (list(SECOND), wide(SECOND))
    for point in OF_PUBLISHING:
        monkeypatch.setenv(ARMED_BY, f"publish.{point}:raise")
        with pytest.raises(OSError, match=f"the disk failed at publish.{point}"):
            publish(warehouse, second)
        assert served(places) == (new if point == "committed" else old)
    monkeypatch.delenv(ARMED_BY)
    assert publish(warehouse, second).outcome == "already published"
    assert query(places, "SELECT publication_id FROM publications ORDER BY sequence") == [
        ("publication one",),
        ("publication two",),
    ]

    back = restoration(warehouse, "a")
    monkeypatch.setenv(ARMED_BY, "restore.recorded:raise")
    with pytest.raises(OSError, match=r"the disk failed at restore\.recorded"):
        warehouse.restore(back)
    assert served(places) == new
    monkeypatch.delenv(ARMED_BY)
    assert warehouse.restore(back).outcome == "restored"
    assert served(places) == old


def test_a_run_that_is_killed_is_done_again(places: Places) -> None:
    warehouse = warehouse_at(places, turn_seconds=0.5)
    publish(warehouse, stage(warehouse, "one", FIRST))
    killed = {ARMED_BY: "publish.inserted:kill", **environment(places)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=os.environ | killed, capture_output=True, text=True, check=False)
    assert done.stderr.endswith("fault publish.inserted:kill\n"), done.stderr
    assert served(places) == (list(FIRST), wide(FIRST))
    # Its transaction is still open, and nobody will end it: the next run does.
    assert publish(warehouse, stage(warehouse, "two", SECOND)).outcome == "published"
    assert served(places) == (list(SECOND), wide(SECOND))
