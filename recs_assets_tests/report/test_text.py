"""What a person reads after a run."""

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

import pytest

from recs_assets import settings_file
from recs_assets.__main__ import main
from recs_assets.report import planted
from recs_assets.report.evaluation import SYSTEMS, Comparison, Gate, Likelihood
from recs_assets.report.facts import Facts, Measured, gather
from recs_assets.report.lists import Served
from recs_assets.report.planted import Planted, SarahsPart
from recs_assets.report.text import BEST_POSSIBLE, render
from recs_assets.resources.holding import Hold
from recs_assets_tests.conftest import Run
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.worlds import NEXT_WEEK, WEEK

COMPARISON = Comparison(
    recall={system: {} for system in SYSTEMS} | {"sql": {"all": 0.1, "cold": 0.25}, "blend": {"all": 0.12346}},
    users={"all": 1200, "cold": 1000},
    first_changed={4: 0.987},
    intervals={"sql": (0.05, 0.15), "blend": (0.07, 0.18)},
    metrics={},
    channels={},
    purchases={},
    by_mail={"order": (0.1, 0.12346, 1200), "click": (0.05, 0.01, 7)},
    likelihood={"model": Likelihood({"all": 5.25, "cold": 6.0}, (5.0, 5.5), 1100)},
)
GATE = Gate("PASS", "Recall@10 of blend over sql is +23.5%.", {"cold": 0.3, "hot": 0.1}, {})
FACTS = Facts(
    week=NEXT_WEEK,
    home=Path("/home/recs"),
    settings=settings_file.load(),
    verdicts={},
    lifts={},
    measured=Measured(WEEK, "/home/recs/store/offline_metrics/1", COMPARISON, GATE),
    served=Served(1500, 30000, "blend", WEEK, "publication_1", "run 1"),
    lists=None,
    people=(),
    nobody_because="the files behind the list have been removed since.",
    left_out=[],
    hold=None,
    rollout=None,
    origins={},
)
PLANTED = Planted(37, 9, 5, [SarahsPart(1, "A-1", "MSD-8529", 1389.95, "Fits your 1967 Ford Mustang")])


def below_the_answer(text: str) -> list[str]:
    """The lines of a report after those that say whether to ship."""
    lines = text.splitlines()
    return lines[lines.index("") + 1 :]


def test_the_whole_text() -> None:
    assert render(FACTS, PLANTED).splitlines() == [
        "No model was evaluated in this week: the newest that was is that of week 2026-09-28, of which gate 1 says PASS.",
        "The lists of this week are served to 1,500 people, and come from the learned model together with today's query (SQL), "
        "the model of week 2026-09-28.",
        "",
        "Recall@10 on the held-out weeks up to 2026-09-28 (population: strata weighted as among all users)",
        "  system      all     cold    warm  hot  population",
        "  -------------------------------------------------",
        "  sql         0.1000  0.2500  -     -    -",
        *(f"  {name:<10}  -       -       -     -    -" for name in SYSTEMS[1:8]),
        "  blend       0.1235  -       -     -    -",
        "  ceiling     -       -       -     -    -",
        "  users       1,200   1,000   -     -    -",
        "With the blend 99% of these lists begin with other 4 parts than SQL's, or with the same in another order.",
        "Mean -log p (NLL) of what people took, over all their candidates, in nats: lower is better",
        "  system  all     cold    warm  hot  population  95% interval      people",
        "  -----------------------------------------------------------------------",
        "  model   5.2500  6.0000  -     -    -           5.0000 to 5.5000  1,100",
        "  100 of 1,200 people took no candidate: nothing is known of them.",
        "Recall@10 by what counts as found; what a mail has shown favours the lists that were mailed",
        "  found are           sql     blend   users",
        "  -----------------------------------------",
        "  orders              0.1000  0.1235  1,200",
        "  clicks in the mail  0.0500  0.0100  7",
        "",
        "Gate 1: PASS",
        "  Recall@10 of blend over sql is +23.5%.",
        "  weight of SQL in the blend (chosen on earlier weeks): cold 0.3, hot 0.1",
        "",
        "Served for week 2026-10-05: 1,500 users, 30,000 rows, source blend with the model of week 2026-09-28, "
        "version publication_1",
        "",
        "Planted companion pairs: of 37 people who bought the first part within 30 days and not yet the second, "
        "9 find it among their first 10 (with SQL alone 5).",
        "",
        "Sarah (1967 Ford Mustang) bought a Holley 0-80508S last month; its planted companion is marked with *.",
        "  rank  SQL v5.17  served      price      reason",
        "  -------------------------------------------------------------------",
        "  1     A-1        MSD-8529 *  $1,389.95  Fits your 1967 Ford Mustang",
        "",
        "Files: /home/recs",
        "  metrics and verdict: /home/recs/store/offline_metrics/1",
    ]


def test_the_best_possible_rankers_stand_above_the_ceiling() -> None:
    yardsticks = {"informed": {"all": 0.53, "cold": 0.5}, "clairvoyant": {"all": 0.61}}
    lines = below_the_answer(render(FACTS, yardsticks=yardsticks))
    assert lines[11:16] == [
        "  blend        0.1235  -       -     -    -",
        "  informed     0.5300  0.5000  -     -    -",
        "  clairvoyant  0.6100  -       -     -    -",
        "  ceiling      -       -       -     -    -",
        "  users        1,200   1,000   -     -    -",
    ]
    assert lines[16] == BEST_POSSIBLE


def test_a_hold_is_told_of() -> None:
    hold = Hold("ann", "wrong prices", None, dt.datetime(2026, 10, 5, 8, tzinfo=dt.UTC))
    told = render(replace(FACTS, hold=hold)).splitlines()
    assert "Publishing is on hold since 2026-10-05 08:00 UTC, because: wrong prices. To lift it: make release REASON=..." in told


def test_where_nothing_is_served_the_text_says_so() -> None:
    lines = render(replace(FACTS, served=None)).splitlines()
    assert "Nothing has been published for week 2026-10-05." in lines
    assert not any("Sarah" in line for line in lines)


def test_the_report_of_a_run_says_who_won_and_who_is_served(first_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = first_run.place
    monkeypatch.setenv("RECS_HOME", str(place.home))
    monkeypatch.setenv("RECS_SOURCE", str(place.source))
    facts = gather(place.warehouse, place.store, place.settings, WEEK)
    waiting = planted.gather(place.warehouse, place.store, place.settings, WEEK, facts.served)
    text = render(facts, waiting)
    assert text.startswith("Ship the model of this week: gate 1 says PASS.\n")
    lines = below_the_answer(text)
    assert lines[1].split() == ["system", "all", "cold", "warm", "hot", "population"]
    assert [line.split()[0] for line in lines[3:14]] == [*SYSTEMS, "users"]
    metrics = place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    (changed,) = metrics.query("system == 'blend' and metric == 'first_changed_sql'")["value"]
    assert lines[14] == (
        f"With the blend {changed:.0%} of these lists begin with other 4 parts than SQL's, or with the same in another order."
    )
    (served,) = (line for line in lines if line.startswith("Served "))
    assert served.startswith("Served for week 2026-09-28: 500 users, ")
    assert any("MSD-8529 *" in line for line in lines)


def test_the_week_that_is_mailed_has_a_report_with_the_figures_of_the_week_before(
    night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECS_HOME", str(night.place.home))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(tmp_path / "dagster")))
    monkeypatch.setenv("RECS_SOURCE", str(night.place.source))
    before = os.umask(0o077)
    assert main(["report"]) == 0
    os.umask(before)
    lines = below_the_answer(capsys.readouterr().out)
    assert lines[0].startswith("Recall@10 on the held-out weeks up to 2026-09-28 ")
    assert any(line.startswith("Served for week 2026-10-05: 500 users, ") for line in lines)
    recall = {name: float(value) for name, value, *_ in map(str.split, lines[3:15])}
    assert list(recall) == [*SYSTEMS[:-1], "informed", "clairvoyant", "ceiling"]
    assert max(recall["popularity"], recall["sql"]) < recall["informed"] <= recall["ceiling"]


@pytest.mark.parametrize(
    ("arguments", "week"),
    [(["latest", "trained_model"], "trained_model/2026-09-28"), (["versions"], ">"), (["latest", "hetero_graph"], NEXT_WEEK)],
)
def test_without_a_week_the_newest_that_fits_is_taken(
    night: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], week: str
) -> None:
    monkeypatch.setenv("RECS_HOME", str(night.place.home))
    before = os.umask(0o077)
    assert main(arguments) == 0
    os.umask(before)
    assert week in capsys.readouterr().out


def test_a_week_that_was_never_run_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latest", "offline_metrics", "--week", "2010-01-04"]) == 1
    assert "there is no offline_metrics for week 2010-01-04" in capsys.readouterr().err
