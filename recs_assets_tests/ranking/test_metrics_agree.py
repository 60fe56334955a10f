"""The metrics against two independent libraries: trec_eval (by pytrec_eval) and PyTorch Geometric.

trec_eval is the reference program of the information-retrieval conferences; it gives every user's own figure, PyTorch
Geometric the means. Both are asked in double precision about random lists: short and empty ones, more held out than K,
K beyond the list. Where their definitions are other than ours, a case worked by hand says how.
"""

from collections.abc import Iterator

import pytest
import pytrec_eval
import torch
from torch_geometric.metrics import LinkPredHitRatio, LinkPredMetric, LinkPredMRR, LinkPredNDCG, LinkPredRecall

from recs_assets_tests.ranking.random_lists import KS, Lists, ours, random_case


@pytest.fixture
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def _by_trec_eval(lists: Lists, held_out: Lists, ks: tuple[int, ...] = KS) -> dict[int, dict[str, float]]:
    """Every user's figures. A score is given instead of a rank; equal scores would be put in its own order of names."""
    cuts = ",".join(map(str, ks))
    wanted = {str(user): {str(part): 1 for part in parts} for user, parts in held_out.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(wanted, {f"recall.{cuts}", f"ndcg_cut.{cuts}", f"success.{cuts}", "recip_rank"})
    scored = {str(user): {str(part): -float(rank) for rank, part in enumerate(parts)} for user, parts in lists.items() if parts}
    return {int(user): figures for user, figures in evaluator.evaluate(scored).items()}


def _by_pyg(metric: type[LinkPredMetric], lists: Lists, held_out: Lists, k: int, padding: int) -> float:
    """The mean over users; a list that is shorter than K is filled up with the part ``padding``."""
    measured = metric(k)
    users = sorted(held_out)
    listed = torch.tensor([(lists.get(user, []) + [padding] * k)[:k] for user in users])
    sought = torch.tensor([(row, part) for row, user in enumerate(users) for part in held_out[user]])
    measured.update(listed, sought.T)
    return float(measured.compute())


@pytest.mark.parametrize("seed", range(20))
def test_trec_eval_gives_every_user_the_same(seed: int) -> None:
    lists, held_out = random_case(seed)
    found_by_us, theirs = ours(lists, held_out), _by_trec_eval(lists, held_out)
    assert theirs.keys() == {user for user, parts in lists.items() if parts}
    for user, figures in theirs.items():
        expected = [figures[f"{name}_{k}"] for k in KS for name in ("recall", "ndcg_cut", "success")]
        names = [f"{name}_at_{k}" for k in KS for name in ("recall", "ndcg", "hit")]
        assert found_by_us.loc[user, names].tolist() == pytest.approx(expected, abs=1e-12)
        assert found_by_us.loc[user, "mrr_at_20"] == pytest.approx(figures["recip_rank"], abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.usefixtures("double_precision")
def test_pyg_gives_the_same_means_when_padded_with_a_part_that_is_nowhere(seed: int) -> None:
    lists, held_out = random_case(seed)
    means = ours(lists, held_out).mean()
    named = {"recall": LinkPredRecall, "ndcg": LinkPredNDCG, "mrr": LinkPredMRR, "hit": LinkPredHitRatio}
    for name, metric in named.items():
        theirs = [_by_pyg(metric, lists, held_out, k, padding=40) for k in KS]
        assert means[[f"{name}_at_{k}" for k in KS]].tolist() == pytest.approx(theirs, abs=1e-12)


def test_trec_eval_leaves_out_who_has_no_list_and_we_count_zero() -> None:
    lists, held_out = {1: [7]}, {1: [7], 2: [8]}
    assert _by_trec_eval(lists, held_out, ks=(1,)).keys() == {1}  # so its mean recall is 1
    assert ours(lists, held_out, ks=(1,))["recall_at_1"].tolist() == [1, 0]  # and ours 1/2


def test_trec_eval_looks_for_the_first_hit_in_the_whole_list_and_we_among_k() -> None:
    lists, held_out = {1: [5, 6, 7]}, {1: [7]}
    assert _by_trec_eval(lists, held_out, ks=(2,))[1]["recip_rank"] == pytest.approx(1 / 3)
    assert ours(lists, held_out, ks=(2,)).loc[1, "mrr_at_2"] == 0


@pytest.mark.usefixtures("double_precision")
def test_pyg_padded_with_minus_one_takes_padding_for_the_part_that_the_user_before_had_held_out() -> None:
    # Parts run from 0 to 9, so part -1 of the second user has the same number as part 9 of the first, a held-out one.
    lists, held_out = {1: [9], 2: [3]}, {1: [9], 2: [3]}
    assert ours(lists, held_out, ks=(4,))["recall_at_4"].mean() == 1
    assert _by_pyg(LinkPredRecall, lists, held_out, k=4, padding=99) == 1
    # The second user's three paddings are all hits: (1 + 4) / 2.
    assert _by_pyg(LinkPredRecall, lists, held_out, k=4, padding=-1) == pytest.approx(2.5)


@pytest.mark.usefixtures("double_precision")
def test_pyg_counts_a_repeated_part_as_often_as_it_stands_and_we_once() -> None:
    lists, held_out = {1: [5, 5, 6]}, {1: [5, 8]}
    assert _by_pyg(LinkPredRecall, lists, held_out, k=3, padding=9) == 1
    assert ours(lists, held_out, ks=(3,)).loc[1, "recall_at_3"] == 0.5


def test_the_ideal_is_what_a_list_of_k_can_hold_as_in_trec_eval_and_pyg() -> None:
    # RecTools divides by K hits instead unless divide_by_achievable=True: 0.6131 here, 1 / (1 + 1 / log2(3)). It and ranx
    # do not install beside this project; recs_assets_tests/benchmarks/other_libraries.py asks them.
    lists, held_out = {1: [7, 8]}, {1: [7]}
    assert ours(lists, held_out, ks=(2,)).loc[1, "ndcg_at_2"] == 1
    assert _by_trec_eval(lists, held_out, ks=(2,))[1]["ndcg_cut_2"] == 1
