"""What a person reads after a run."""

import pytest

from recs_assets.__main__ import main
from recs_assets.report import text as report
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK


def test_the_report_says_who_won_and_who_is_served(first_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = first_run.place
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    lines = report.text(place.warehouse, place.store, place.settings, WEEK).splitlines()
    assert lines[1].split() == ["system", "all", "cold", "warm", "hot", "population"]
    assert [line.split()[0] for line in lines[3:14]] == [*report.SHOWN_SYSTEMS, "users"]
    metrics = place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    (changed,) = metrics.query("system == 'blend' and metric == 'first_changed_sql'")["value"]
    assert lines[14] == (
        f"With the blend {changed:.0%} of these lists begin with other 4 parts than SQL's, or with the same in another order."
    )
    (served,) = (line for line in lines if line.startswith("Served: "))
    assert served.startswith("Served: 500 users, ")
    assert any("MSD-8529 *" in line for line in lines)


def test_a_week_that_was_never_run_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latest", "offline_metrics", "--week", "2010-01-04"]) == 1
    assert "there is no offline_metrics for week 2010-01-04" in capsys.readouterr().err
