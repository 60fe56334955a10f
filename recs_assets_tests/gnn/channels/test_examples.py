"""What the channels are fitted on: examples of five users by hand."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse

from recs_assets.gnn.channels import examples
from recs_assets.gnn.channels.evidence import feature_names
from recs_assets.gnn.channels.examples import Example, _sampled, channel_examples
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, microseconds
from recs_assets.ranking.sparse_matrices import entry_of, row_of_entry
from recs_assets.settings import Settings
from recs_assets.week_split import split_weeks
from recs_assets.weeks import ONE_WEEK, week_of
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import AS_OF, PAST, PRODUCTS, world

SETTINGS = five_users.settings()
NAMES = feature_names(SETTINGS.model)


def _examples(settings: Settings, events: Sequence[five_users.Event] = PAST + five_users.FUTURE) -> list[Example]:
    return list(channel_examples(world(events), [microseconds(AS_OF)], settings))


def _shown(candidates: sparse.csr_array) -> list[list[str]]:
    return [[PRODUCTS[part] for part in np.flatnonzero(row)] for row in candidates.toarray()]


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
    batch = example.batch(GatedChannels(settings.model, torch.ones(9)))
    assert batch.is_candidate.tolist() == [[True, True, True, False], [True] * 4, [True] * 4]
    torch.testing.assert_close(batch.targets, torch.tensor([[0, 0, 1 / 3, 0], [0, 1, 0, 0], [1, 0, 0, 0]]))
    assert not batch.log_q.any()
    # The parts that are looked up: of the padding the first.
    assert batch.product.tolist() == [[0, 2, 3, 0], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert batch.popularity.shape == (5, 3)
    assert batch.log_evidence.shape == (3, 4, len(NAMES))
    assert not batch.log_evidence[0, 3].any()
    # The garage of u4 is v1, which p1 fits and one more: x = 1/2 at a bend of 1.
    assert batch.log_evidence[2, 0, NAMES.index("garage_fitment")].item() == pytest.approx(np.log(1.5))


def test_of_many_candidates_a_sample_is_learned_from_beside_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    # As in the test of any event: three, four and four candidates, a target each. There is room for two of each.
    monkeypatch.setattr(examples, "FEWEST_CANDIDATES", 1)
    few = five_users.settings(
        evaluation={"relevance": "any"}, candidates={"require_fitment": False}, model={"max_entries_per_snapshot": 6}
    )
    (whole,) = _examples(five_users.settings(evaluation={"relevance": "any"}, candidates={"require_fitment": False}))
    assert whole.is_whole
    assert np.diff(whole.candidates.indptr).tolist() == [3, 4, 4]
    weights, n_samples = np.zeros(3), 50
    for seed in range(n_samples):
        (example,) = _examples(few.model_copy(update={"model": few.model.model_copy(update={"seed": seed})}))
        assert example.users.tolist() == [0, 2, 3]
        row = row_of_entry(example.candidates)
        targets = row[example.targets > 0].tolist(), example.candidates.indices[example.targets > 0].tolist()
        assert targets == ([0, 1, 2], [3, 1, 0])
        assert (example.log_q[example.targets > 0] == 0).all()
        others = example.targets == 0
        np.testing.assert_allclose(example.log_q[others], np.log([2 / 3, 1 / 2, 1 / 2])[row[others]], rtol=1e-6)
        # A candidate is shown with its features, whoever else is in the sample.
        shown = entry_of(whole.candidates, row, example.candidates.indices)
        np.testing.assert_array_equal(example.features, whole.features[shown])
        weights += np.bincount(row, np.exp(-example.log_q), 3)
    # What the softmax sums over all candidates is estimated without bias: standard errors are .1 to .25.
    np.testing.assert_allclose(weights / n_samples, [3, 4, 4], atol=0.7)


def test_the_padding_of_a_sample_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "FEWEST_CANDIDATES", 1)
    few = five_users.settings(
        evaluation={"relevance": "any"}, candidates={"require_fitment": False}, model={"max_entries_per_snapshot": 6, "seed": 3}
    )
    (example,) = _examples(few)
    batch = example.batch(GatedChannels(few.model, torch.ones(9)))
    assert batch.log_q[batch.is_candidate].tolist() == example.log_q.tolist()
    assert not batch.log_q[~batch.is_candidate].any()


def test_examples_are_the_same_whatever_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = five_users.settings(evaluation={"relevance": "any"}, candidates={"require_fitment": False})
    (together,) = _examples(settings)
    monkeypatch.setattr(examples, "ROWS_PER_BLOCK", 1)
    (one_by_one,) = _examples(settings)
    assert one_by_one.users.tolist() == together.users.tolist() == [0, 2, 3]
    assert one_by_one.features.tolist() == together.features.tolist()
    assert one_by_one.targets.tolist() == together.targets.tolist()


def test_as_many_rows_are_sampled_as_the_bound_holds_when_padded() -> None:
    rows, lengths = np.arange(2, 12), np.full(12, 3)
    sampled = _sampled(rows, lengths, 13, seed=1)  # four rows of 3 are 12 entries, five would be 15
    assert len(sampled) == 4
    assert set(sampled) <= set(rows)
    assert sampled.tolist() == sorted(sampled)
    assert _sampled(rows, lengths, 30, seed=1).tolist() == rows.tolist()


def test_the_bound_counts_the_padding_and_holds_for_every_sample() -> None:
    lengths = np.array([1, 1, 1, 1, 10])
    for seed in range(50):
        sampled = _sampled(np.arange(5), lengths, 20, seed)
        assert len(sampled) * lengths[sampled].max() <= 20
    sampled_by_seed = {tuple(_sampled(np.arange(5), lengths, 20, seed)) for seed in range(50)}
    assert len(sampled_by_seed) > 1  # it is a sample, not the first rows


def test_an_order_of_the_first_evaluation_week_is_no_target_and_one_just_before_it_is() -> None:
    week = week_of("2026-03-23", dt.datetime(2026, 3, 30, tzinfo=dt.UTC))  # evaluated from 2 March, which is AS_OF, on
    moments = [microseconds(moment) for moment in split_weeks(week, SETTINGS).training]
    assert list(channel_examples(world([("u4", "p1", "order", 0)]), moments, SETTINGS)) == []
    (example,) = channel_examples(world([("u4", "p1", "order", 1 / DAY_MICROSECONDS)], [("u4", "v1", None)]), moments, SETTINGS)
    assert example.moment == moments[-1] == microseconds(AS_OF - ONE_WEEK)


def test_a_channel_more_stands_where_it_belongs_in_a_file_that_is_laid_out_as_before(tmp_path: Path) -> None:
    example = five_users.example()
    column = np.arange(example.candidates.nnz, dtype=np.float32)
    wider = example.with_channel(2, column, tmp_path).features
    np.testing.assert_array_equal(wider, np.column_stack([example.features[:, :2], column, example.features[:, 2:]]))
    assert example.features.flags.f_contiguous
    assert wider.flags.f_contiguous
    assert wider.dtype == np.float32
    assert isinstance(wider, np.memmap)
