"""Whether the walk that forgets nothing is heard: where it tells what people take, where it tells nothing, where nobody asks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from recs_assets.gnn.channels.choice import Chosen, choose_channels
from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.examples import Example
from recs_assets.gnn.channels.training import fit
from recs_assets.settings import Settings
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.planted import planted

N_USERS, N_CANDIDATES = 60, 12
NAMES = feature_names(five_users.settings().model)


def _example(week: int, followed: float, sign: float = 1.0) -> Example:
    """People who each take one part: what a channel points to, or, ``followed`` of them, what the walk points to."""
    random = np.random.default_rng(week)
    features = random.random((N_USERS, N_CANDIDATES, len(NAMES)), dtype=np.float32)
    walk = features[:, :, -1] = 3 * random.random((N_USERS, N_CANDIDATES), dtype=np.float32)
    follows = np.arange(N_USERS) < followed * N_USERS
    taken = np.where(follows, (sign * walk).argmax(axis=1), features[:, :, NAMES.index("brand")].argmax(axis=1))
    targets = np.zeros((N_USERS, N_CANDIDATES), dtype=np.float32)
    targets[np.arange(N_USERS), taken] = 1.0
    state = random.random((N_USERS, 3), dtype=np.float32)
    return planted(features, targets, state, moment=week, first_user=1_000 * week)


def _choose(learned: list[Example], validation: list[Example], asked: bool | None = None) -> Chosen:
    return choose_channels(learned, validation, _settings(asked))


def _settings(asked: bool | None) -> Settings:
    return five_users.settings(model={"undecayed_walk": asked, "steps": 100})


def _weeks(first: int, followed: float, sign: float = 1.0) -> list[Example]:
    return [_example(week, followed, sign) for week in range(first, first + 3)]


def test_it_is_heard_where_it_tells_what_people_take() -> None:
    chosen = _choose(_weeks(0, 0.7), _weeks(3, 0.7))
    assert chosen.settings.model.undecayed_walk is True
    assert chosen.fit.model.named_weights()["walk_undecayed"] > 0.5
    assert chosen.nudged is not None
    assert chosen.nudged.z < -1
    assert chosen.shown is not None
    assert chosen.shown.helps
    assert chosen.words.startswith("walk_undecayed is heard: -log p of the validation weeks -")


def test_it_is_not_fitted_where_a_little_of_it_does_not_help() -> None:
    learned = _weeks(0, 0.0)
    chosen = _choose(learned, _weeks(3, 0.0))
    assert (chosen.settings.model.undecayed_walk, chosen.shown) == (False, None)
    assert chosen.words.startswith(
        "walk_undecayed is not heard: a little of it does not lower -log p of the validation weeks (z "
    )
    # The model is what it would be if there were no such channel, to the bit.
    without = [replace(example, features=example.features[:, :-1].copy()) for example in learned]
    _same_bits(chosen, fit(without, _settings(False)).model)


def test_it_is_not_heard_where_what_it_taught_does_not_hold_in_the_validation_weeks() -> None:
    # In one of the three weeks people do the opposite: better on the whole is not enough.
    validation = [*_weeks(3, 0.7)[:2], _example(5, 0.7, sign=-1.0)]
    learned = _weeks(0, 0.7)
    chosen = _choose(learned, validation)
    assert chosen.settings.model.undecayed_walk is False
    assert chosen.shown is not None
    assert not chosen.shown.helps
    assert chosen.words.startswith("walk_undecayed is not heard: -log p of the validation weeks ")
    _same_bits(chosen, fit(learned, _settings(False)).model)


@pytest.mark.parametrize("asked", [True, False])
def test_settings_that_decide_are_not_asked_again(asked: bool) -> None:
    chosen = _choose(_weeks(0, 0.7), _weeks(3, 0.7), asked)
    assert (chosen.settings.model.undecayed_walk, chosen.nudged, chosen.shown) == (asked, None, None)
    assert ("walk_undecayed" in chosen.fit.model.named_weights()) is asked
    assert chosen.words == f"walk_undecayed is {'heard' if asked else 'not heard'}: the validation weeks were not asked"


def test_where_nobody_validates_it_is_not_heard() -> None:
    chosen = _choose(_weeks(0, 0.7), [])
    assert (chosen.settings.model.undecayed_walk, chosen.nudged, chosen.shown) == (False, None, None)


def _same_bits(chosen: Chosen, model: torch.nn.Module) -> None:
    own, other = chosen.fit.model.state_dict(), model.state_dict()
    assert own.keys() == other.keys()
    assert all(torch.equal(own[name], other[name]) for name in own)
