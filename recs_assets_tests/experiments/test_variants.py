"""Each row of the ablation changes one thing."""

import numpy as np
import pytest

from recs_assets import settings_file
from recs_assets.experiments.variants import variants
from recs_assets.gnn.channels import optional
from recs_assets.gnn.channels.evidence import channel_names, feature_names
from recs_assets.gnn.channels.optional import with_selected
from recs_assets_tests.gnn import five_users

SETTINGS = settings_file.load()
ROWS = {variant.name: variant for variant in variants(SETTINGS)}


def test_every_channel_has_a_row_of_its_own() -> None:
    assert {f"without {name}" for name in channel_names(SETTINGS.model)} < set(ROWS)


def test_a_row_changes_what_it_says_and_nothing_else() -> None:
    changed = ROWS["towers: id dropout 1"].settings(SETTINGS, seed=7)
    assert changed.towers == SETTINGS.towers.model_copy(update={"id_dropout": 1.0})
    assert changed.model == with_selected(SETTINGS.model, []).model_copy(update={"seed": 7})
    assert changed.blend == SETTINGS.blend


@pytest.mark.parametrize("name", optional.SETTINGS)
def test_what_the_settings_leave_open_is_selected_in_a_row_of_its_own_alone(name: str) -> None:
    assert ROWS[f"with {name}"].settings(SETTINGS, seed=1).model == with_selected(SETTINGS.model, [name])
    decided = SETTINGS.model_copy(update={"model": with_selected(SETTINGS.model, [name])})
    assert "with " not in "".join(variant.name for variant in variants(decided))
    assert next(variants(decided)).settings(decided, seed=1).model == decided.model


def test_a_removed_channel_says_nothing_and_a_constant_gate_sees_nobody() -> None:
    example = five_users.example()
    shown = ROWS["without walk"].shown(example)
    column = feature_names(SETTINGS.model).index("walk")
    assert not shown.features[:, column].any()
    np.testing.assert_array_equal(np.delete(shown.features, column, 1), np.delete(example.features, column, 1))
    np.testing.assert_array_equal(shown.popularity, example.popularity)
    assert not ROWS["gate constant"].shown(example).state.any()


def test_a_removed_popularity_is_that_of_equal_parts() -> None:
    example = five_users.example()
    assert example.popularity[:, 1].any()
    shown = ROWS["without popularity_middle"].shown(example)
    np.testing.assert_array_equal(shown.features, example.features)
    np.testing.assert_array_equal(shown.popularity, example.popularity * np.array([1, 0, 1]))
