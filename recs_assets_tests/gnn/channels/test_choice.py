"""Which optional channels are selected: where they tell what people take, where they tell nothing, where nobody asks."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from recs_assets.gnn.channels.choice import Chosen, choose_channels, columns_of
from recs_assets.gnn.channels.evidence import Evidence, feature_names
from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.optional import SETTINGS, selected, with_selected
from recs_assets.gnn.channels.split_examples import SplitExamples
from recs_assets.gnn.channels.training import fit
from recs_assets.ranking.arrays import Floats32
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.planted import planted

N_USERS, N_CANDIDATES = 60, 12
SHAPE = N_USERS, N_CANDIDATES
NAMES = feature_names(five_users.settings().model)
WALK, EASE = "walk_undecayed", "ease"


def _column(example: Example, name: str) -> Floats32:
    """What an optional channel says of a planted example."""
    random = np.random.default_rng([example.moment, list(SETTINGS).index(name)])
    return 3 * random.random(N_USERS * N_CANDIDATES, dtype=np.float32)


def _example(week: int, followed: Mapping[str, float], sign: float = 1.0) -> Example:
    """People who each take one part: what an optional channel points to, each by its share of them, or what a brand does."""
    random = np.random.default_rng(week)
    features = random.random((*SHAPE, len(NAMES)), dtype=np.float32)
    state = random.random((N_USERS, 3), dtype=np.float32)
    example = planted(features, np.zeros(SHAPE, dtype=np.float32), state, moment=week, first_user=1_000 * week)
    taken, first = features[:, :, NAMES.index("brand")].argmax(axis=1), 0
    for name, share in followed.items():
        people = slice(first, first + round(share * N_USERS))
        taken[people] = (sign * _column(example, name)).reshape(SHAPE)[people].argmax(axis=1)
        first = people.stop
    example.targets.reshape(SHAPE)[np.arange(N_USERS), taken] = 1.0
    return example


def _split(followed: Mapping[str, float], signs: tuple[float, ...] = (1.0, 1.0, 1.0)) -> SplitExamples:
    """Three weeks before the validation weeks, and as many of these, which are learned from in the end."""
    before = [_example(week, followed) for week in range(3)]
    validation = [_example(3 + week, followed, sign) for week, sign in enumerate(signs)]
    return SplitExamples([*before, *validation], validation, 2)


def _settings(**asked: bool | None) -> Settings:
    return five_users.settings(model={"steps": 100, **asked})


def _selected(chosen: Chosen) -> tuple[str, ...]:
    assert None not in (chosen.settings.model.undecayed_walk, chosen.settings.model.ease)
    return selected(chosen.settings.model)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_channel_is_selected_where_it_tells_what_people_take(name: str) -> None:
    chosen, examples = choose_channels(_split({name: 0.7}), _column, _settings())
    assert _selected(chosen) == (name,)
    assert chosen.fit.model.named_weights()[name] > 0.5
    decision = chosen.decisions[name]
    assert decision.nudged is not None
    assert decision.nudged.z < -1
    assert decision.shown is not None
    assert decision.shown.helps
    assert chosen.words[name].startswith("selected: -log p of the validation weeks -")
    (other,) = SETTINGS.keys() - {name}
    assert chosen.words[other].startswith("not selected: ")
    assert feature_names(chosen.settings.model) == (*NAMES, name)
    assert len(examples.training) == 6
    for example in examples.training:
        assert np.array_equal(example.features[:, -1], _column(example, name))
    assert all(own is learned for own, learned in zip(examples.validation, examples.training[3:], strict=True))
    _same_bits(chosen, fit(examples.before_validation, chosen.settings).model)


@pytest.mark.parametrize("shares", [{WALK: 0.5, EASE: 0.4}, {EASE: 0.5, WALK: 0.4}])
def test_both_are_selected_where_both_tell_whichever_comes_first(shares: dict[str, float]) -> None:
    chosen, examples = choose_channels(_split(shares), _column, _settings())
    assert _selected(chosen) == (WALK, EASE)
    assert feature_names(chosen.settings.model) == (*NAMES, WALK, EASE)
    for example in examples.training:
        assert np.array_equal(example.features[:, -2:], np.stack([_column(example, name) for name in (WALK, EASE)], axis=1))
    nudged = {name: decision.nudged.z for name, decision in chosen.decisions.items() if decision.nudged}
    assert min(nudged, key=lambda name: nudged[name]) == next(iter(shares))


def test_a_channel_is_not_fitted_nor_worked_out_to_learn_from_where_a_little_of_it_does_not_help() -> None:
    split, asked = _split({}), set()

    def column(example: Example, name: str) -> Floats32:
        asked.add((example.moment, name))
        return _column(example, name)

    chosen, examples = choose_channels(split, column, _settings())
    assert _selected(chosen) == ()
    assert examples is split
    assert asked == {(week, name) for week in (3, 4, 5) for name in SETTINGS}
    for name in SETTINGS:
        assert chosen.decisions[name].shown is None
        assert chosen.words[name].startswith(
            "not selected: a little of it lowers -log p of the validation weeks by no standard error (z "
        )
    # The model is what it would be if there were no such channels, to the bit.
    _same_bits(chosen, fit(split.before_validation, _settings(undecayed_walk=False, ease=False)).model)


def test_a_channel_is_not_selected_where_what_it_taught_does_not_hold_in_the_validation_weeks() -> None:
    # In one of the three weeks people do the opposite: better on the whole is not enough.
    split = _split({EASE: 0.7}, signs=(1.0, 1.0, -1.0))
    chosen, examples = choose_channels(split, _column, _settings())
    assert _selected(chosen) == ()
    assert examples is split
    shown = chosen.decisions[EASE].shown
    assert shown is not None
    assert not shown.helps
    assert chosen.words[EASE].startswith("not selected: -log p of the validation weeks ")
    _same_bits(chosen, fit(split.before_validation, _settings(undecayed_walk=False, ease=False)).model)


@pytest.mark.parametrize("asked", [True, False])
def test_settings_that_decide_are_not_asked_again(asked: bool) -> None:
    split = _split({EASE: 0.7})
    if asked:
        split = split.with_channel(len(NAMES), lambda example: _column(example, EASE))
    chosen, examples = choose_channels(split, _column, _settings(ease=asked, undecayed_walk=False))
    assert examples is split
    assert _selected(chosen) == ((EASE,) if asked else ())
    assert (EASE in chosen.fit.model.named_weights()) is asked
    came = "selected" if asked else "not selected"
    assert chosen.words == {
        WALK: "not selected: the validation weeks were not asked",
        EASE: f"{came}: the validation weeks were not asked",
    }


def test_where_nobody_validates_none_is_selected() -> None:
    split = _split({EASE: 0.7})
    chosen, _ = choose_channels(SplitExamples(split.training, [], 2), _column, _settings())
    assert _selected(chosen) == ()


def test_columns_are_those_that_evidence_gives_a_model_that_uses_them() -> None:
    data, settings = five_users.world(), _settings()
    past, shape = five_users.past_of(data), (5, 5)
    example = replace(
        planted(
            np.zeros((*shape, len(NAMES)), dtype=np.float32),
            np.zeros(shape, dtype=np.float32),
            np.zeros((5, 3), dtype=np.float32),
        ),
        moment=past.as_of,
    )
    whole = Evidence(past, with_selected(settings.model, SETTINGS)).features(example.users, example.candidates)
    for number, name in enumerate(SETTINGS, len(NAMES)):
        assert np.array_equal(columns_of(data, settings)(example, name), whole[:, number])
        assert np.ptp(whole[:, number]) > 0


def _same_bits(chosen: Chosen, model: torch.nn.Module) -> None:
    own, other = chosen.fit.model.state_dict(), model.state_dict()
    assert own.keys() == other.keys()
    assert all(torch.equal(own[name], other[name]) for name in own)
