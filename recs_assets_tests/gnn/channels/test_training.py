"""What is learned from: examples of five users by hand; and how: the same weights twice, a planted truth found, faults told."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.assets.training import training_moments
from recs_assets.gnn.channels.evidence import channel_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.channels.training import Example, Fit, NoTrainingDataError, _within, eligible_candidates, examples, fit
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, microseconds
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, week_of
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, PAST, PRODUCTS, past_of, world

SETTINGS = five_users.settings()
NAMES = channel_names(SETTINGS.model)
NO_FITMENT = five_users.settings(candidates={"require_fitment": False})


def _examples(settings: Settings, events: Sequence[five_users.Event] = PAST + five_users.FUTURE) -> list[Example]:
    return list(examples(world(events), [microseconds(AS_OF)], settings))


def _shown(candidates: sparse.csr_array) -> list[list[str]]:
    return [[PRODUCTS[part] for part in np.flatnonzero(row)] for row in candidates.toarray()]


def test_candidates_fit_the_garage_or_everything_and_are_neither_bought_nor_ineligible() -> None:
    # u1 has v1 and v2, and bought p2; u2 has v2, and bought both parts that fit it; u3 has v3; u4 v1; u5 no vehicle.
    past = past_of(world())
    assert _shown(eligible_candidates(past, np.arange(5), SETTINGS)) == [
        ["p1", "p3", "p4"],
        ["p4"],
        ["p3", "p4"],
        ["p1", "p2", "p4"],
        ["p4"],
    ]
    keep_bought = five_users.settings(rules={"exclude_bought_days": None})
    assert _shown(eligible_candidates(past, np.array([1, 0]), keep_bought)) == [["p2", "p3", "p4"], ["p1", "p2", "p3", "p4"]]


def test_a_variant_of_a_bought_part_is_no_candidate_where_the_rule_is_on() -> None:
    past = past_of(world([*PAST, ("u4", "p5", "order", 5)]))
    assert _shown(eligible_candidates(past, np.array([3]), SETTINGS)) == [["p2", "p4"]]
    without = five_users.settings(rules={"exclude_bought_variants": None})
    assert _shown(eligible_candidates(past, np.array([3]), without)) == [["p1", "p2", "p4"]]


def test_an_example_holds_the_users_whose_targets_are_among_their_candidates() -> None:
    # New orders of the week: u3 p2, which does not fit u3's v3, and u4 p1. So u4 is left, whose candidates are p1, p2, p4.
    (example,) = _examples(SETTINGS)
    assert example.moment == microseconds(AS_OF)
    assert _shown(example.candidates) == [["p1", "p2", "p4"]]
    assert example.targets.tolist() == [1.0, 0.0, 0.0]
    assert example.state.tolist() == [[0.0, 1.0, 0.0]]
    assert example.features.shape == (3, len(NAMES))
    # u4's vehicle v1 is fitted by p1 and p2, so each is worth 1/2 of it.
    assert example.features[:, NAMES.index("garage_fitment")].tolist() == [0.5, 0.5, 0.0]


def test_targets_may_be_any_event() -> None:
    any_event = five_users.settings(evaluation={"relevance": "any"}, candidates={"require_fitment": False})
    (example,) = _examples(any_event)
    # u1 viewed p4; u3 put p2 into the cart; u4 ordered p1. u1 bought p2, so it is no candidate there.
    assert _shown(example.candidates) == [["p1", "p3", "p4"], ["p1", "p2", "p3", "p4"], ["p1", "p2", "p3", "p4"]]
    # u1's view counts a third of an order; u3 put p2 into the cart and then ordered it, and the order counts.
    assert example.targets.tolist() == pytest.approx([0, 0, 1 / 3, 0, 1, 0, 0, 1, 0, 0, 0])
    assert example.users.tolist() == [0, 2, 3]


def test_a_moment_after_which_nothing_new_happens_gives_no_example() -> None:
    assert _examples(SETTINGS, PAST) == []
    assert _examples(SETTINGS, [*PAST, ("u1", "p2", "order", -1)]) == []  # bought 20 days before


def test_a_batch_is_padded_to_the_longest_list() -> None:
    settings = five_users.settings(evaluation={"relevance": "any"}, candidates={"require_fitment": False})
    (example,) = _examples(settings)
    batch = example.batch(GatedChannels(settings.model, torch.ones(len(NAMES))))
    assert batch.is_candidate.tolist() == [[True, True, True, False], [True] * 4, [True] * 4]
    torch.testing.assert_close(batch.targets, torch.tensor([[0, 0, 1 / 3, 0], [0, 1, 0, 0], [1, 0, 0, 0]]))
    assert batch.log_evidence.shape == (3, 4, len(NAMES))
    assert not batch.log_evidence[0, 3].any()
    # The garage of u4 is v1, which p1 fits and one more: x = 1/2 at a bend of 1.
    assert batch.log_evidence[2, 0, NAMES.index("garage_fitment")].item() == pytest.approx(np.log(1.5))


def test_as_many_rows_are_drawn_as_the_bound_holds_when_padded() -> None:
    rows, lengths = np.arange(2, 12), np.full(12, 3)
    drawn = _within(rows, lengths, 13, seed=1)  # four rows of 3 are 12 entries, five would be 15
    assert len(drawn) == 4
    assert set(drawn) <= set(rows)
    assert drawn.tolist() == sorted(drawn)
    assert _within(rows, lengths, 30, seed=1).tolist() == rows.tolist()


def test_the_bound_counts_the_padding_and_holds_for_every_draw() -> None:
    lengths = np.array([1, 1, 1, 1, 10])
    for seed in range(50):
        drawn = _within(np.arange(5), lengths, 20, seed)
        assert len(drawn) * lengths[drawn].max() <= 20
    drawn_by_seed = {tuple(_within(np.arange(5), lengths, 20, seed)) for seed in range(50)}
    assert len(drawn_by_seed) > 1  # it is a sample, not the first rows


@pytest.mark.parametrize("horizon_days", [7, 28])
@pytest.mark.parametrize("now", [dt.datetime(2026, 4, 6, tzinfo=dt.UTC), dt.datetime(2026, 4, 2, 5, tzinfo=dt.UTC)])
def test_the_last_targets_end_where_the_evaluation_weeks_begin(horizon_days: int, now: dt.datetime) -> None:
    settings = five_users.settings(model={"horizon_days": horizon_days, "training_weeks": 16}, evaluation={"weeks": 4})
    week = week_of("2026-03-30", now)
    moments = training_moments(week, settings)
    # Complete on 6 April: it is judged on the weeks of 9, 16, 23 and 30 March. Still running: on those of 2 to 23 March.
    first_judged = dt.datetime(2026, 3, 9 if now >= week.end else 2, tzinfo=dt.UTC)
    assert week.last_complete(4)[0] == first_judged
    assert moments[-1] + dt.timedelta(days=horizon_days) == first_judged
    assert moments == [moments[0] + ONE_WEEK * number for number in range(16)]


def test_an_order_of_the_first_evaluation_week_is_no_target_and_one_just_before_it_is() -> None:
    week = week_of("2026-03-23", dt.datetime(2026, 3, 30, tzinfo=dt.UTC))  # judged from 2 March, which is AS_OF, on
    moments = [microseconds(moment) for moment in training_moments(week, SETTINGS)]
    assert list(examples(world([("u4", "p1", "order", 0)]), moments, SETTINGS)) == []
    (example,) = examples(world([("u4", "p1", "order", 1 / DAY_MICROSECONDS)], [("u4", "v1", None)]), moments, SETTINGS)
    assert example.moment == moments[-1] == microseconds(AS_OF - ONE_WEEK)


def _planted(seed: int, n_users: int = 40, n_candidates: int = 12) -> Example:
    """People who take up the part that stands out in brand, and nothing else."""
    generator = np.random.default_rng(seed)
    features = generator.random((n_users, n_candidates, len(NAMES)), dtype=np.float32)
    chosen = features[:, :, NAMES.index("brand")].argmax(axis=1)
    targets = np.zeros((n_users, n_candidates), dtype=np.float32)
    targets[np.arange(n_users), chosen] = 1.0
    return Example(
        moment=seed,
        users=np.arange(n_users),
        candidates=sparse.csr_array(np.ones((n_users, n_candidates), dtype=bool)),
        features=features.reshape(-1, len(NAMES)),
        targets=targets.ravel(),
        state=generator.random((n_users, 3), dtype=np.float32),
    )


def _fit(seed: int = 1, **model: float) -> Fit:
    return fit([_planted(1), _planted(2), _planted(3)], five_users.settings(model={"seed": seed, **model}))


def _values(fitted: Fit) -> list[float]:
    return torch.cat([values.flatten() for values in fitted.model.state_dict().values()]).tolist()


def test_the_same_examples_and_settings_give_the_same_weights_to_the_bit() -> None:
    first, second = _fit(), _fit()
    assert first.losses == second.losses
    assert _values(first) == _values(second)


def test_another_seed_gives_other_weights() -> None:
    assert _values(_fit(seed=1)) != _values(_fit(seed=2))


def test_the_loss_falls_and_the_channel_that_decides_becomes_the_loudest() -> None:
    fitted = _fit()
    assert len(fitted.losses) == SETTINGS.model.steps
    assert np.mean(fitted.losses[-3:]) < 0.8 * np.mean(fitted.losses[:3])
    weights = fitted.model.named_weights()
    assert max(weights, key=lambda name: weights[name]) == "brand"
    assert not fitted.model.training


def test_every_snapshot_is_seen_once_an_epoch_in_changing_order() -> None:
    # At no learning to speak of, each snapshot's loss is the same in every epoch, and tells it from the others.
    losses = np.round(_fit(steps=30, learning_rate=1e-9).losses, 5).reshape(10, 3)
    assert {tuple(sorted(epoch)) for epoch in losses.tolist()} == {tuple(sorted(losses[0].tolist()))}
    assert len(set(losses[0])) == 3
    assert len({tuple(epoch) for epoch in losses.tolist()}) > 1


def test_progress_is_told_every_fifty_steps() -> None:
    told: list[str] = []
    fit([_planted(1)], five_users.settings(model={"steps": 120}), report=told.append)
    assert [line.split(":")[0] for line in told] == ["step 50 of 120", "step 100 of 120"]


def test_a_loss_that_is_not_a_number_ends_the_fit() -> None:
    with pytest.raises(FloatingPointError, match=r"loss became nan: lower model\.learning_rate in the settings"):
        _fit(learning_rate=1e38)


def test_nothing_to_learn_from_is_an_error_of_its_own() -> None:
    with pytest.raises(NoTrainingDataError, match="no user took up anything new in any training week"):
        fit([], SETTINGS)
