"""Evidence gathered week by week: each held-out week once, whatever is run again."""

import pandas as pd
import pytest

from recs_assets.ranking.evidence import COLUMNS, gathered, nothing_gathered, paired, without_names

WEEKS = [f"2024-01-{day:02}" for day in (1, 8, 15, 22, 29)]


def per_user(weeks: list[str], system: str = "blend", recall: float = 1.0) -> pd.DataFrame:
    rows = [(name, week, "ann", "hot", value) for week in weeks for name, value in (("sql", 0.5), (system, recall))]
    return pd.DataFrame(rows, columns=["system", "week", "user_id", "stratum", "recall_at_10"])


def of(before: pd.DataFrame, weeks: list[str], model_week: str, recall: float = 1.0) -> pd.DataFrame:
    return gathered(before, paired(per_user(weeks, recall=recall), "blend"), system="blend", model_week=model_week)


def weeks_of(evidence: pd.DataFrame) -> list[tuple[str, str, float]]:
    return list(evidence[["week", "model_week", "recall"]].itertuples(index=False, name=None))


def test_pairs_hold_both_systems_of_a_user_and_week() -> None:
    pairs = paired(per_user(WEEKS[:1]), "blend")
    assert pairs.to_dict("records") == [{"week": WEEKS[0], "user_id": "ann", "stratum": "hot", "baseline": 0.5, "recall": 1.0}]


def test_a_system_measured_in_some_weeks_is_paired_with_the_baseline_of_those() -> None:
    both = pd.concat([per_user(WEEKS[:2]), per_user(WEEKS[1:2], "kept", 0.0).query("system == 'kept'")])
    assert list(paired(both, "kept")["week"]) == [WEEKS[1]]
    assert len(paired(both, "nobody")) == 0


def test_systems_measured_on_different_users_are_refused() -> None:
    lacking = per_user(WEEKS[:1]).replace({"user_id": {}}).assign(user_id=["ann", "bob"])
    with pytest.raises(ValueError, match="blend has 1 rows and sql 1, but only 0"):
        paired(lacking, "blend")


def test_each_week_is_evaluated_once_by_the_model_that_came_first() -> None:
    first = of(nothing_gathered(), WEEKS[:4], "2024-01-22")
    assert list(first.columns) == COLUMNS
    assert weeks_of(first) == [(week, "2024-01-22", 1.0) for week in WEEKS[:4]]
    second = of(first, WEEKS[1:], "2024-01-29", recall=0.0)
    assert weeks_of(second) == [*((week, "2024-01-22", 1.0) for week in WEEKS[:4]), (WEEKS[4], "2024-01-29", 0.0)]


def test_a_week_run_again_gathers_the_same_rows_and_a_gap_is_filled_with_what_is_measured() -> None:
    first = of(nothing_gathered(), WEEKS[:2], WEEKS[1])
    once, again = (of(first, WEEKS[1:3], WEEKS[2]) for _ in range(2))
    pd.testing.assert_frame_equal(once, again)
    assert weeks_of(of(first, WEEKS[3:], WEEKS[4]))[-2:] == [(WEEKS[3], WEEKS[4], 1.0), (WEEKS[4], WEEKS[4], 1.0)]


def test_a_year_of_weeks_stays() -> None:
    mondays = [day.date().isoformat() for day in pd.date_range("2024-01-01", periods=54, freq="7D")]
    evidence = of(of(nothing_gathered(), mondays[:53], "a"), mondays[53:], "b")
    assert list(evidence["week"]) == mondays[2:]


def test_nothing_measured_adds_nothing() -> None:
    nothing = nothing_gathered()
    assert gathered(nothing, paired(per_user([]), "blend"), system="blend", model_week=None).empty
    first = of(nothing, WEEKS[:1], "a")
    assert weeks_of(of(first, [], "b")) == weeks_of(first)


def test_who_is_gone_counts_on_without_a_name() -> None:
    rows = pd.DataFrame({"user_id": ["b", "a", "gone:0", "c", "b"], "recall": [0.1, 0.2, 0.3, 0.4, 0.5]})
    named = without_names(rows, ["a", "c", "somebody else"])
    assert named["user_id"].tolist() == ["gone:0", "a", "gone:1", "c", "gone:0"]
    assert named["recall"].tolist() == rows["recall"].tolist()
    assert without_names(named, ["a", "c"]).equals(named)
