"""Scores of five users: by hand, in chunks, and against a slow computation of the same sum."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from recs_assets.gnn import scoring
from recs_assets.gnn.candidates import eligible_candidates
from recs_assets.gnn.channels.evidence import Evidence, channel_names, path_names
from recs_assets.gnn.channels.gated_model import GatedChannels
from recs_assets.gnn.scoring import ENTRIES_PER_CHUNK, ROWS_PER_CHUNK, chunks, loudest_channels, spans, top_scores
from recs_assets.gnn.towers.residual import Residual
from recs_assets.gnn.towers.two_towers import TwoTowers
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.rules import PartAttributes
from recs_assets.ranking.strata import STRATA
from recs_assets_tests.gnn import five_users
from recs_assets_tests.gnn.five_users import past_of, world

SETTINGS = five_users.settings(model={"undecayed_walk": True, "ease": True})
NAMES = channel_names(SETTINGS.model)
N_PATHS = len(path_names(SETTINGS.model))
EVERYONE = np.arange(5)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return Evidence(past_of(world()), SETTINGS.model)


def _model(**weights: float) -> GatedChannels:
    """Weights as given and 0 for all other channels, bends at 1, no gates."""
    model = GatedChannels(SETTINGS.model, torch.ones(N_PATHS))
    with torch.no_grad():
        model.base.copy_(torch.tensor([weights.get(name, 0.0) for name in NAMES]))
    return model


def _random_model() -> GatedChannels:
    # A draw in which no score's terms cancel to a hundredth of their size, where single precision leaves too few digits.
    generator = torch.Generator().manual_seed(4)
    model = GatedChannels(SETTINGS.model, torch.rand(N_PATHS, generator=generator) + 0.1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def best(n: int) -> KeptCandidates:
    """The best candidates, and nothing for the sake of rules."""
    nothing = PartAttributes(np.full(5, -1), np.full(5, -1), np.zeros(5, dtype=bool))
    return KeptCandidates(n, nothing, SETTINGS.rules.model_copy(update={"list_length": 0, "slots": 0}))


def _candidates(evidence: Evidence, users: np.ndarray) -> sparse.csr_array:
    return eligible_candidates(evidence.past, users, SETTINGS)


def test_two_channels_by_hand_and_the_one_that_stands_out_is_named_first(evidence: Evidence) -> None:
    # u1 may be shown p1, p3 and p4; the logarithm of what speaks for them:
    #                    p1         p3         p4    average
    #   garage fitment   log 1.5    log 1.5    0     0.270
    #   part type        log 1.5    0          0     0.135
    # p1 stands out by 0.135 in the garage and 0.270 in its type; p3 by 0.135 in the garage, and of its type nothing is known.
    model = _model(garage_fitment=1.0, part_type=1.0)
    top = top_scores(model, evidence, np.array([0]), _candidates(evidence, np.array([0])), keep=best(2))
    assert list(top.columns) == ["profile", "product", "score", "channels"]
    assert top[["product", "channels"]].to_numpy().tolist() == [[0, "part_type garage_fitment"], [2, "garage_fitment"]]
    assert top["score"].tolist() == pytest.approx([2 * math.log(1.5), math.log(1.5)], rel=1e-6)


def test_a_channel_that_says_the_same_of_every_part_is_not_the_first_reason(evidence: Evidence) -> None:
    # u4's vehicle v1 is fitted by p1 and p2 alike, loudly; popularity is quieter and sets them apart.
    candidates = sparse.csr_array(np.array([[1, 1, 0, 0, 0]], dtype=bool))
    top = top_scores(_model(garage_fitment=100.0, popularity_slow=0.01), evidence, np.array([3]), candidates, keep=best(1))
    assert top[["product", "channels"]].to_numpy().tolist() == [[1, "popularity_slow garage_fitment"]]


def test_three_channels_speak_and_of_one_family_only_the_loudest() -> None:
    names = ("popularity_fast", "cosine_20d", "walk", "brand", "vehicle", "part_type", "tower")
    contributions = np.array([[-1.0, 0.5, 0.7, 0.4, 0.3, 0.2, 9.0]], dtype=np.float32)
    # walk .7, brand .4, vehicle .3; popularity is below the usual, and nobody can name what a tower saw.
    assert loudest_channels(contributions, np.zeros((1, 7), dtype=np.float32), names).tolist() == ["walk brand vehicle"]


def test_evidence_that_counts_against_a_part_says_nothing_for_it() -> None:
    contributions = np.array([[0.0, -0.2], [0.1, -0.2]], dtype=np.float32)
    usual = np.array([[-0.3, -0.5], [0.4, -0.5]], dtype=np.float32)
    # The first part has no such neighbour and so escapes a malus; the second has one, if fewer than usual.
    assert loudest_channels(contributions, usual, ("walk", "brand")).tolist() == ["", "walk"]


def test_popularities_speak_together_through_one_that_counts_for_the_part() -> None:
    names = ("popularity_fast", "popularity_middle", "popularity_slow")
    # Above the usual by .1 and .5 where popular is good, by .2 where it is bad: together .8, most of it by the middle one.
    contributions = np.array([[-2.9, -2.5, 3.2]], dtype=np.float32)
    usual = np.array([[-3.0, -3.0, 3.0]], dtype=np.float32)
    assert loudest_channels(contributions, usual, names).tolist() == ["popularity_middle"]
    # Now .5 below where it is good and .2 above where it is bad: the part is not here for being popular.
    contributions = np.array([[-3.5, -3.0, 3.2]], dtype=np.float32)
    assert loudest_channels(contributions, usual, names).tolist() == [""]


def test_ties_go_to_the_smaller_product(evidence: Evidence) -> None:
    top = top_scores(_model(), evidence, EVERYONE, _candidates(evidence, EVERYONE), keep=best(2))
    pairs = list(zip(top["profile"], top["product"], strict=True))
    assert pairs == [(0, 0), (0, 2), (1, 3), (2, 2), (2, 3), (3, 0), (3, 1), (4, 3)]
    assert set(top["score"]) == {0.0}


def test_profiles_are_positions_among_the_users_asked_for(evidence: Evidence) -> None:
    users = np.array([3, 0])
    top = top_scores(_model(garage_fitment=1.0), evidence, users, _candidates(evidence, users), keep=best(1))
    assert top[["profile", "product"]].to_numpy().tolist() == [[0, 0], [1, 0]]


def test_a_user_without_candidates_gets_no_rows_and_disturbs_nobody(evidence: Evidence) -> None:
    candidates = sparse.csr_array(np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]], dtype=bool))
    top = top_scores(_model(popularity_slow=1.0), evidence, np.arange(4), candidates, keep=best(5))
    assert top[["profile", "product"]].to_numpy().tolist() == [[1, 1], [1, 0], [3, 2]]


def test_nobody_to_score_gives_an_empty_table(evidence: Evidence) -> None:
    nobody = np.array([], dtype=np.int64)
    top = top_scores(_model(), evidence, nobody, sparse.csr_array((0, 5), dtype=bool), keep=best(3))
    assert list(top.columns) == ["profile", "product", "score", "channels"]
    assert len(top) == 0


def test_scores_are_those_of_a_slow_computation(evidence: Evidence) -> None:
    model, candidates = _random_model(), _candidates(evidence, EVERYONE)
    top = top_scores(model, evidence, EVERYONE, candidates, keep=best(3))
    expected = pd.DataFrame(
        [row for user in EVERYONE for row in _slowly(model, evidence, int(user), candidates)[:3]], columns=top.columns
    )
    assert top.drop(columns="score").to_numpy().tolist() == expected.drop(columns="score").to_numpy().tolist()
    np.testing.assert_allclose(top["score"], expected["score"], rtol=1e-5)


def _slowly(model: GatedChannels, evidence: Evidence, user: int, candidates: sparse.csr_array) -> list[list[object]]:
    """One user's rows by (score descending, product ascending): every term on its own."""
    parts = np.flatnonzero(candidates.toarray()[user])
    hidden = [math.tanh(value) for value in model.gate[0](torch.tensor(evidence.past.state[user], dtype=torch.float32)).tolist()]
    gate = model.gate[2](torch.tensor(hidden)).tolist()
    of_parts = model.log_shares(torch.from_numpy(evidence.popularity)).tolist()
    terms = {}
    for part in parts:
        alone = sparse.csr_array(([True], ([0], [part])), shape=(1, 5))
        (values,) = evidence.features(np.array([user]), alone).tolist()
        paths = zip(values, model.epsilon.tolist(), strict=False)
        logs = [*of_parts[part], *(math.log(1 + value / bend) for value, bend in paths), *values[N_PATHS:]]
        terms[part] = [(model.base[c].item() + gate[c]) * value for c, value in enumerate(logs)]
    average = [sum(column) / len(parts) for column in zip(*terms.values(), strict=True)]
    rows: list[list[object]] = []
    for part in sorted(parts, key=lambda part: (-sum(terms[part]), part)):
        rows.append([user, part, sum(terms[part]), _loudest_slowly(terms[part], average)])
    return rows


def _loudest_slowly(terms: list[float], average: list[float]) -> str:
    kinds: dict[str, list[tuple[float, str]]] = {}
    popularity = 0.0
    for name, term, usual in zip(NAMES, terms, average, strict=True):
        kind = {"cosine": "walk", "walk": "walk", "ease": "walk", "garage": "garage"}.get(name.split("_")[0], name)
        kind = {"next_types": "part_type", "owner_types": "vehicle_model"}.get(name, kind)
        kind = "popularity" if name.startswith("popularity") else kind
        popularity += term - usual if kind == "popularity" else 0.0
        own = kinds.setdefault(kind, [])  # those that are as loud stand in the order of their first channels
        if term < 0 if kind == "popularity" else term > 0:
            own.append((term - usual, name))
    loudest = {kind: max(terms_of_kind) for kind, terms_of_kind in kinds.items() if terms_of_kind}
    if "popularity" in loudest:
        loudest["popularity"] = (popularity, loudest["popularity"][1])
    if popularity <= 0:
        loudest.pop("popularity", None)
    return " ".join(name for _, name in sorted(loudest.values(), key=lambda term: -term[0])[:3])


def test_the_towers_add_their_dot_product_times_the_scale_of_the_persons_stratum(evidence: Evidence) -> None:
    settings = five_users.settings(towers={"dimension": 8, "heads": 2, "hash_buckets": 64}, strata={"hot_min_events": 3})
    torch.manual_seed(0)
    towers = TwoTowers(settings.towers)
    torch.nn.init.eye_(towers.user_out.weight)
    candidates = _candidates(evidence, EVERYONE)
    columns = ["profile", "product"]
    alone = top_scores(_random_model(), evidence, EVERYONE, candidates, keep=best(5)).set_index(columns)["score"].sort_index()
    fitted = Residual(towers, {"cold": 1.0, "warm": 0.5, "hot": 0.0}, settings)
    vectors = fitted.added(evidence.past, EVERYONE)
    added = top_scores(_random_model(), evidence, EVERYONE, candidates, keep=best(5), vectors=vectors).set_index(columns)["score"]
    of_users, of_products = fitted.vectors(evidence.past, EVERYONE)
    users, products = (alone.index.get_level_values(name).to_numpy() for name in columns)
    # u1 has three events, u2 two, u3 one, the others none.
    scales = np.array([0.0, 0.5, 0.5, 1.0, 1.0])
    expected = alone + scales[users] * np.einsum("nd,nd->n", of_users[users], of_products[products])
    np.testing.assert_allclose(added.sort_index(), expected, rtol=1e-5)
    assert not np.allclose(expected, alone)
    assert Residual(towers, dict.fromkeys(STRATA, 0.0), settings).added(evidence.past, EVERYONE) is None


def test_more_users_than_a_chunk_holds_are_scored_as_in_one(evidence: Evidence) -> None:
    model = _random_model()
    once = top_scores(model, evidence, EVERYONE, _candidates(evidence, EVERYONE), keep=best(3))
    n_times = 2 * ROWS_PER_CHUNK // 5 + 1  # three chunks, whose borders fall between equal users
    users = np.tile(EVERYONE, n_times)
    many = top_scores(model, evidence, users, _candidates(evidence, users), keep=best(3))
    expected = pd.concat([once.assign(profile=once["profile"] + 5 * number) for number in range(n_times)], ignore_index=True)
    assert many.drop(columns="score").equals(expected.drop(columns="score"))
    np.testing.assert_allclose(many["score"], expected["score"], rtol=1e-5)


def _lists(lengths: list[int]) -> sparse.csr_array:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    columns = np.concatenate([np.arange(length) for length in lengths])
    return sparse.csr_array((np.ones(starts[-1], dtype=bool), columns, starts), shape=(len(lengths), max(lengths)))


def test_a_chunk_holds_so_many_rows() -> None:
    assert ROWS_PER_CHUNK == 512
    slices = list(chunks(_lists([1] * 1_100)))
    assert slices == [slice(0, 512), slice(512, 1024), slice(1024, 1100)]


def test_what_stands_before_a_chunk_does_not_move_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ENTRIES_PER_CHUNK", 2_000)
    borders = [rows.start for rows in chunks(_lists([10] * 512 + [1] * 600))]
    assert borders == [0, 200, 400, 512, 1024]


def test_a_chunk_holds_so_many_candidates_but_always_one_row() -> None:
    assert ENTRIES_PER_CHUNK == 1_000_000
    # 400,000 + 600,000 are just a chunk; 1,200,000 are one alone; then two rows fit, and one is left.
    slices = list(chunks(_lists([400_000, 600_000, 1_200_000, 500_000, 499_999, 2])))
    assert slices == [slice(0, 2), slice(2, 3), slice(3, 5), slice(5, 6)]


def test_a_span_holds_whole_chunks_up_to_so_many_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ENTRIES_PER_CHUNK", 10)
    # Chunks of 10, 10, 25 alone, 5: the second span would be too long with the third chunk, which is so by itself.
    assert list(spans(_lists([10, 4, 6, 25, 5]), most=20)) == [[slice(0, 1), slice(1, 3)], [slice(3, 4)], [slice(4, 5)]]
    assert list(spans(sparse.csr_array((0, 5), dtype=bool), most=20)) == []


def test_scores_are_the_same_bits_in_however_many_spans(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "ENTRIES_PER_CHUNK", 2)
    model, candidates = _random_model(), _candidates(evidence, EVERYONE)
    once = top_scores(model, evidence, EVERYONE, candidates, keep=best(3))
    monkeypatch.setattr(scoring, "ENTRIES_PER_SPAN", 3)
    assert len(list(spans(candidates, most=3))) > 2
    pd.testing.assert_frame_equal(
        top_scores(model, evidence, EVERYONE, candidates, keep=best(3), threads=2), once, check_exact=True
    )
