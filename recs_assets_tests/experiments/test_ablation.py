"""The ablation changes one thing a row, measures as the evaluation does, and lets nothing of the future in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recs_assets import settings_file
from recs_assets.asset_files import GRAPH
from recs_assets.experiments.ablation import HEADER, Laboratory, Measured, change, change_of_nll, keep, line, refusal
from recs_assets.experiments.variants import Variant
from recs_assets.gnn import graph
from recs_assets.weeks import week_of
from recs_assets_tests.conftest import Run
from recs_assets_tests.worlds import WEEK

SETTINGS = settings_file.load()


@pytest.fixture(scope="module")
def laboratory(first_run: Run) -> Laboratory:
    source = first_run.place.artifact("hetero_graph")
    return Laboratory(graph.load(source.path(GRAPH)), week_of(WEEK, source.as_of), first_run.place.settings)


def test_the_row_of_the_channels_measures_what_the_evaluation_did(laboratory: Laboratory, first_run: Run) -> None:
    measured = laboratory.measure(Variant("channels"), seed=first_run.place.settings.model.seed).figures()
    table = first_run.place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    expected = table.query("system == 'channels' and stratum == 'all' and k == 10").set_index("metric")["value"]
    assert measured["recall"] == pytest.approx(expected["recall"], rel=1e-9)
    assert measured["ndcg"] == pytest.approx(expected["ndcg"], rel=1e-9)


def test_what_people_took_is_likelier_under_the_model_than_by_chance(laboratory: Laboratory) -> None:
    measured = laboratory.measure(Variant("channels"), seed=1).per_user
    (candidates,) = {example.candidates.shape[1] for example in laboratory._examples(SETTINGS, Variant("channels"))[1]}
    assert 0 < measured["nll"].mean() < np.log(candidates)


def test_co_purchases_of_the_evaluation_weeks_are_refused(laboratory: Laboratory) -> None:
    assert refusal(laboratory.data, laboratory.week, SETTINGS).startswith("refused: co-purchases were asked for as of 28.0 days")


def test_evaluation_examples_have_no_targets_to_learn_from(laboratory: Laboratory) -> None:
    _, evaluation = laboratory._examples(SETTINGS, Variant("channels"))
    assert [example.targets.any() for example in evaluation] == [False] * 4


def test_rows_measured_again_take_the_place_of_their_own_alone(tmp_path: Path) -> None:
    path = tmp_path / "ablation.csv"
    for recall, variant in ((0.1, "channels"), (0.2, "gate constant"), (0.3, "channels")):
        keep(pd.DataFrame({"recall": [recall] * 2, "variant": variant, "seed": [1, 2]}), path)
    kept = pd.read_csv(path)
    assert kept["variant"].tolist() == ["gate constant"] * 2 + ["channels"] * 2
    assert kept["recall"].tolist() == [0.2, 0.2, 0.3, 0.3]


USERS = np.arange(40)


def _fits(*figures: tuple[float, float]) -> list[Measured]:
    """Fits in which everybody has the same recall and nll; those of the first user are NaN: nothing to be likely."""
    unknown = np.where(USERS == 0, np.nan, 0.0)
    frames = [pd.DataFrame({"user": USERS, "recall": recall, "ndcg": 0.0, "nll": nll + unknown}) for recall, nll in figures]
    return [Measured(frame, 0.0) for frame in frames]


def test_the_change_is_that_of_the_means_of_the_seeds_and_the_users_decide_about_its_interval() -> None:
    before, after = _fits((0.1, 2.0), (0.3, 3.0)), _fits((0.2, 2.0), (0.3, 2.5))
    changed, of_nll = change(before, after), change_of_nll(before, after)
    assert (changed.lift, changed.n_users) == (pytest.approx(0.25), 40)
    assert (of_nll.mean, of_nll.n_users) == (pytest.approx(-0.25), 39)


def test_a_row_shows_means_and_spreads_and_both_changes_below_their_heads() -> None:
    same = _fits((0.1, 2.0), (0.3, 3.0))
    figures = pd.DataFrame([fit.figures() for fit in same])
    shown = line(Variant("towers", has_towers=True), figures, change(same, same), change_of_nll(same, same))
    # Eight hits among forty people, all the same: 64 d = 1.96^2 (1.6 d + 6.4) below, 64 r = 1.96^2 (8 r + 6.4) above.
    assert " ".join(shown.split()) == (
        "towers 0.2000 ± 0.1414 0.0000 ± 0.0000 2.5000 ± 0.7071 +0.0% (-42.5% to +73.9%) z +0.0 "
        "+0.0000 (-0.0000 to +0.0000) z +0.0 40 0 of 2"
    )
    for head, figure in (("Recall@10", "0.2000"), ("NLL", "2.5000"), ("change of Recall@10", " +0.0%"), ("users", "   40")):
        assert HEADER.index(head) == shown.index(figure)
