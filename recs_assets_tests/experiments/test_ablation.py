"""The ablation changes one thing a row, measures as the evaluation does, and lets nothing of the future in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recs_assets import settings_file
from recs_assets.asset_files import GRAPH
from recs_assets.experiments.ablation import Laboratory, Measured, Variant, change, keep, line, refusal, variants
from recs_assets.gnn import graph
from recs_assets.gnn.channels.evidence import channel_names
from recs_assets.weeks import week_of
from recs_assets_tests.conftest import Run
from recs_assets_tests.gnn import five_users
from recs_assets_tests.worlds import WEEK

SETTINGS = settings_file.load()
ROWS = {variant.name: variant for variant in variants(SETTINGS)}


@pytest.fixture(scope="module")
def laboratory(first_run: Run) -> Laboratory:
    source = first_run.place.artifact("hetero_graph")
    return Laboratory(graph.load(source.path(GRAPH)), week_of(WEEK, source.as_of), first_run.place.settings)


def test_every_channel_has_a_row_of_its_own() -> None:
    assert {f"without {name}" for name in channel_names(SETTINGS.model)} < set(ROWS)


def test_a_row_changes_what_it_says_and_nothing_else() -> None:
    changed = ROWS["towers: id dropout 1"].settings(SETTINGS, seed=7)
    assert changed.towers == SETTINGS.towers.model_copy(update={"id_dropout": 1.0})
    assert changed.model == SETTINGS.model.model_copy(update={"seed": 7})
    assert changed.blend == SETTINGS.blend


def test_a_removed_channel_says_nothing_and_a_constant_gate_sees_nobody() -> None:
    example = five_users.example()
    shown = ROWS["without walk"].shown(example)
    column = channel_names(five_users.settings().model).index("walk")
    assert not shown.features[:, column].any()
    np.testing.assert_array_equal(np.delete(shown.features, column, 1), np.delete(example.features, column, 1))
    assert not ROWS["gate constant"].shown(example).state.any()


def test_the_row_of_the_channels_measures_what_the_evaluation_did(laboratory: Laboratory, first_run: Run) -> None:
    measured = laboratory.measure(Variant("channels"), seed=first_run.place.settings.model.seed).figures()
    table = first_run.place.artifact("offline_metrics").table("metrics.parquet").to_pandas()
    expected = table.query("system == 'channels' and stratum == 'all' and k == 10").set_index("metric")["value"]
    assert measured["recall"] == pytest.approx(expected["recall"], rel=1e-9)
    assert measured["ndcg"] == pytest.approx(expected["ndcg"], rel=1e-9)


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


def test_the_change_is_that_of_the_means_of_the_seeds_and_the_users_decide_about_its_interval() -> None:
    def fits(*recalls: float) -> list[Measured]:
        users = np.arange(40)
        return [Measured(pd.DataFrame({"user": users, "recall": recall, "ndcg": 0.0}), 0.0) for recall in recalls]

    changed = change(fits(0.1, 0.3), fits(0.2, 0.3))
    assert changed.lift == pytest.approx(0.25)
    assert changed.n_users == 40
    same = fits(0.1, 0.3)
    shown = line(Variant("towers", has_towers=True), pd.DataFrame([one.figures() for one in same]), change(same, same))
    # Eight hits among forty people, all the same: 64 d = 1.96^2 (1.6 d + 6.4) below, 64 r = 1.96^2 (8 r + 6.4) above.
    assert " ".join(shown.split()) == "towers 0.2000 ± 0.1414 0.0000 ± 0.0000 +0.0% (-42.5% to +73.9%) 40 0 of 2"
