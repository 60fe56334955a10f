"""The page of a week: its figures are those of the tables behind it, and weeks without any have a page too."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from recs_assets.__main__ import main
from recs_assets.gates.verdict import FAIL, HOLD, INSUFFICIENT_EVIDENCE, INVALID, PASS, ROLLBACK, WARN, Verdict
from recs_assets.report.answer import answer
from recs_assets.report.evaluation import Gate, Lift
from recs_assets.report.facts import LeftOut, RecordedVerdict, Step
from recs_assets.report.lists import Lists
from recs_assets.report.page import html, markdown
from recs_assets.report.verdicts import verdicts_of
from recs_assets.resources.holding import Hold
from recs_assets.steps.standing_rollout import Standing
from recs_assets_tests.conftest import Run
from recs_assets_tests.dagster_home import dagster_home
from recs_assets_tests.report.reading import Page, behind, page_of
from recs_assets_tests.report.test_text import FACTS
from recs_assets_tests.rollout.test_stages import GREEN, RUNNING
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, checks, metadata

NO_LISTS = Lists(None, [], 0, 0, {"all": 1500}, {20: 1500}, {}, 400)
NOTHING = replace(FACTS, measured=None, served=None)
RULES = RecordedVerdict("rules", NEXT_WEEK, PASS, "few are left out.", {"parts": 400, "left_out": {"price below minimum": 393}})


def verdict(gate: str, decision: str, reason: str = "why.") -> RecordedVerdict:
    return RecordedVerdict(gate, NEXT_WEEK, decision, reason, {})


@pytest.mark.parametrize(("week", "before"), [(WEEK, None), (NEXT_WEEK, WEEK)])
def test_every_figure_is_that_of_the_tables_behind_it(night: Run, week: str, before: str | None) -> None:
    page, expected = Page(page_of(night.place, week)), behind(night.place, week, WEEK, before)
    shown = {fact: value for fact, value in page.figures.items() if not fact.startswith(("seconds/", "quiet", "people"))}
    assert shown == pytest.approx({fact: expected[fact] for fact in shown})
    assert {fact.split("/")[0] for fact in shown} >= {"recall", "interval", "strata", "weeks", "purchases", "reasons", "left_out"}
    assert page.bare_cells == [], "a figure that no test finds"


def test_verdicts_stand_as_the_ledger_has_them(night: Run) -> None:
    words = " ".join(Page(page_of(night.place, WEEK)).words)
    for gate, reason in night.place.query(f"SELECT gate, reason FROM verdicts WHERE week = '{WEEK}'"):
        # Why the model may serve is said once, by gate 1.
        said = reason.split(": ")[0] if gate == "source" else reason
        assert gate == "hold" or said[1:] in words, gate


def test_the_page_names_nobody(night: Run) -> None:
    text = page_of(night.place, NEXT_WEEK)
    for column, table in (("user_id", "users"), ("email", "users"), ("order_id", "events")):
        values = {str(value) for value in night.place.read_source(table)[column].drop_null().to_pylist() if str(value).strip()}
        assert len(values) > 100
        assert [value for value in values if value in text] == []


def test_the_asset_shows_the_verdicts_and_every_step_is_timed(first_run: Run) -> None:
    shown = metadata(first_run.result, "release_report")
    assert shown["report"].startswith("Ship the model of this week: gate 1 says PASS. Of 100 people who bought something new ")
    assert "The lists of this week are served to 500 people, and come from the learned model " in shown["report"]
    assert "The rules leave 197 of 299 parts, and 0 of 500 people get a short list." in shown["report"]
    assert "| blend | 0.6966 | " in shown["report"]
    assert shown["page"] == f"{first_run.place.artifact('release_report').address}/release_report.html"
    assert checks(first_run.result)["release_report", "drawn"]
    assert checks(first_run.result)["release_report", "left_for_lists"]
    ((decision, figures),) = first_run.place.query("SELECT decision, figures_json FROM verdicts WHERE gate = 'left_for_lists'")
    assert (decision, json.loads(figures)) == (PASS, {"parts": 299, "left": 197, "people": 500, "short": 0})
    page = Page(page_of(first_run.place, WEEK))
    assert {f"seconds/{step}" for step in ("raw_users", "trained_model", "published_recommendations")} <= set(page.figures)


def test_a_page_is_no_reason_to_call_a_night_failed(night: Run, tmp_path: Path) -> None:
    place = night.place.copy(tmp_path)
    damaged = place.artifact("offline_metrics", WEEK).path("metrics.parquet")
    damaged.chmod(0o600)
    damaged.write_bytes(b"")
    result = place.materialize(["release_report"], NEXT_WEEK)
    assert result.success
    assert not checks(result)["release_report", "drawn"]


def test_a_week_of_which_there_is_nothing_has_a_page_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(dagster_home(tmp_path / "home" / "dagster")))
    assert main(["report", "--week", WEEK, "--page", str(tmp_path / "week.html")]) == 0
    words = " ".join(Page((tmp_path / "week.html").read_text()).words)
    assert "Nothing has been learned yet. The next step is to learn from a whole week: make run WEEK=..." in words
    assert f"No lists of week {WEEK} are served." in words
    assert "No gate has said anything about this week." in words


@pytest.mark.parametrize(
    ("decision", "said", "then"),
    [
        (PASS, "Ship the model of this week: gate 1 says PASS.", "Nothing to do: the nights that follow serve this model."),
        (FAIL, "Do not ship the model of this week: gate 1 says FAIL.", "Do not ship this model. "),
        (
            INSUFFICIENT_EVIDENCE,
            "Do not ship the model of this week yet: gate 1 says INSUFFICIENT EVIDENCE.",
            "Wait: every Monday adds evidence, and what was served before stays. To ship it all the same: make approve "
            f'WEEK={NEXT_WEEK} REASON="...".',
        ),
    ],
)
def test_whether_to_ship_and_what_to_do_next(decision: str, said: str, then: str) -> None:
    facts = replace(FACTS, verdicts={"gate_1": verdict("gate_1", decision)})
    assert answer(facts)[0] == said
    (told,) = verdicts_of(facts)
    assert told.then.startswith(then)
    assert f"**{decision}** Is the model better than today's query (SQL)? Why." in markdown(facts)
    assert then in " ".join(Page(html(facts)).words)


def test_the_answer_says_why_and_what_to_watch() -> None:
    assert FACTS.measured is not None
    metrics = {("blend", "hit", 4): 0.3415, ("sql", "hit", 4): 0.1612}
    strata = {"cold": Lift(0.2, -0.1, None, 7), "warm": Lift(None, None, None, 1), "hot": Lift(0.5, 0.1, 0.9, 30)}
    gate = replace(FACTS.measured.gate, strata=strata)
    measured = replace(FACTS.measured, comparison=replace(FACTS.measured.comparison, metrics=metrics), gate=gate)
    gates = [verdict("gate_1", PASS, "it is."), verdict("source", PASS, "from blend: it is."), verdict("freshness", WARN)]
    facts = replace(FACTS, measured=measured, verdicts={one.gate: one for one in gates})
    assert answer(facts) == [
        "Ship the model of this week: gate 1 says PASS.",
        "Of 100 people who bought something new that may be recommended, 34 would have found some of it among the 4 parts of the "
        "mail with the model, and 16 with SQL.",
        "By the 95% intervals the model is better for hot people; these weeks cannot tell for cold and warm people alone.",
        "The lists of this week are served to 1,500 people, and come from the learned model together with today's query (SQL), "
        "the model of week 2026-09-28.",
        "Look at 1 more of the verdicts below: Are there recent events?",
    ]
    assert [one.reason for one in verdicts_of(facts) if one.gate == "source"] == ["From blend."]
    fewer = replace(
        measured, comparison=replace(measured.comparison, metrics={("blend", "hit", 4): 0.15, ("sql", "hit", 4): 0.23})
    )
    assert answer(replace(facts, measured=fewer))[1].endswith(
        "and 23 with SQL. That is fewer: gate 1 asks about the first 10 parts of a list, and the mail shows 4."
    )
    quiet = replace(facts, verdicts={"gate_1": gates[0]})
    assert answer(quiet)[-1] == "No other verdict asks for anything."
    of_a_night = replace(facts, verdicts={"rules": RULES})
    assert answer(of_a_night)[0] == (
        "No model was evaluated in this week: the newest that was is that of week 2026-09-28, of which gate 1 says PASS."
    )
    assert answer(of_a_night)[4] == "The rules leave 7 of 400 parts."
    worse = {"cold": Lift(-0.2, -0.3, -0.1, 9), "warm": Lift(0.2, 0.1, 0.3, 9), "hot": Lift(0.2, 0.1, None, 9)}
    told = answer(replace(facts, measured=replace(measured, gate=Gate(FAIL, "", {}, worse))))
    assert "By the 95% intervals the model is better for warm and hot people and worse for cold people." in told


def test_what_asks_for_something_comes_before_what_passes_and_a_hold_names_nobody() -> None:
    gates = [
        verdict("ties_users", PASS),
        verdict("freshness", WARN),
        verdict("audit", FAIL),
        verdict("hold", WARN, "held by ann"),
    ]
    hold = Hold("ann", "wrong prices", None, dt.datetime(2026, 10, 5, 8, tzinfo=dt.UTC))
    facts = replace(FACTS, verdicts={one.gate: one for one in gates}, hold=hold)
    assert [(one.gate, one.is_quiet) for one in verdicts_of(facts)] == [
        ("audit", False),
        ("freshness", False),
        ("ties_users", True),
    ]
    words = " ".join(Page(html(facts)).words)
    assert "Publishing is on hold since 2026-10-05 08:00 UTC, because: wrong prices." in words
    assert "by ann" not in words


@pytest.mark.parametrize(
    ("gate", "decision", "then"),
    [
        ("gate_2", PASS, "The rollout may go on"),
        ("gate_2", HOLD, "Wait for more mail; the rollout stays where it is."),
        ("no_harm", INVALID, "The rollout is on hold."),
        ("no_harm", ROLLBACK, "The next night serves SQL's lists to everybody."),
    ],
)
def test_what_the_mail_says_of_the_blend_is_told_with_what_to_do(gate: str, decision: str, then: str) -> None:
    words = " ".join(Page(html(replace(NOTHING, verdicts={gate: verdict(gate, decision)}))).words)
    assert f"{decision} Why. Next: {then}" in words


def test_an_experiment_is_told_with_its_lift_and_with_what_the_next_move_needs() -> None:
    shares = {"ctr_control": 0.03, "ctr_treated": 0.0324, "lift": 0.08, "low": -0.01, "high": 0.17, "look": 2, "looks": 6}
    mail = Verdict("gate_2", HOLD, "Clicks per delivered mail are +8.0%.", shares)
    stands = Standing(RUNNING, replace(GREEN, mail=mail), ["gate 2 (clicks) has not passed: wait"])
    page = Page(html(replace(FACTS, rollout=stands)))
    words = " ".join(page.words)
    assert "The rollout stands at the experiment, 50/50 since the week of 2026-10-05: 50% of people get the blend" in words
    assert "The next move is to 10%. What is still missing: gate 2 (clicks) has not passed: wait" in words
    assert {fact: value for fact, value in page.figures.items() if fact.startswith("rollout/")} == {
        **{f"rollout/{name}": shares[name] for name in ("lift", "low", "high", "look", "looks")},
        "rollout/treated": 0.0324,
        "rollout/control": 0.03,
    }
    assert answer(replace(FACTS, lists=replace(NO_LISTS, arms={"control": 700, "treated": 800})))[1].endswith(
        "the model of week 2026-09-28. 700 of them are in the control arm of the rollout and get SQL's lists."
    )
    words = " ".join(Page(html(replace(FACTS, rollout=Standing(replace(RUNNING, held="a bug"), GREEN, [])))).words)
    assert "It is on hold, because: a bug." in words
    assert "It needs only a name and a reason: make rollout TO=10" in words
    assert "Who sees the blend" not in html(FACTS)


def test_what_the_rules_leave_of_a_shop_is_on_the_first_screen() -> None:
    words = " ".join(Page(html(replace(NOTHING, verdicts={"rules": RULES}))).words)
    assert "WARN The rules leave 7 of 400 parts, less than 50%; left out are 393 'price below minimum'" in words


def test_failures_steps_and_figures_that_are_not_known_are_told_and_texts_are_no_markup() -> None:
    gate = Gate(PASS, "", {}, {"cold": Lift(0.5, -1.0, None, 7), "warm": Lift(None, None, None, 1)})
    assert FACTS.measured is not None
    facts = replace(
        FACTS,
        measured=replace(
            FACTS.measured,
            gate=gate,
            comparison=replace(FACTS.measured.comparison, intervals={"sql": (0.0, 0.2), "blend": (0.1, 0.3)}),
        ),
        failures={"raw_users": "users: <script>alert(1)</script>"},
        steps=[Step("raw_users", 0.25, 10_485_760, 0.0001)],
        left_out=[LeftOut("users", "quarantined", "empty user_id", 2)],
        lifts={WEEK: (PASS, gate.strata["cold"])},
    )
    text = html(facts)
    assert "<script>" not in text
    page = Page(text)
    assert page.figures["bytes/raw_users"] == 10_485_760
    assert page.figures["strata/cold/low"] == -1.0
    assert {"strata/cold/high", "strata/warm/lift"} & page.figures.keys() == set()
    words = " ".join(page.words)
    assert words.startswith("Release report, week of 2026-10-05")
    assert "This run failed, and nothing was published by it." in words
    assert "-100.0% to no end" in words
