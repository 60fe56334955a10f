"""Everyone whom the compared systems are evaluated on in one held-out week, as they stood before it."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse
from torch_geometric.data import HeteroData

from recs_assets.gnn import scoring
from recs_assets.gnn.candidates import Eligibility, catalogue, kept_candidates
from recs_assets.gnn.channels.evidence import Evidence, feature_names
from recs_assets.gnn.graph import KEPT
from recs_assets.gnn.snapshots import DAY_MICROSECONDS, Snapshot, held_out, microseconds, new_pairs, snapshot
from recs_assets.ranking.arrays import Flags, Floats, Floats32, Ints, blocks_of
from recs_assets.ranking.kept_candidates import KeptCandidates
from recs_assets.ranking.rules import NOT_AVAILABLE
from recs_assets.ranking.sparse_matrices import at, incidence, row_of_entry
from recs_assets.ranking.strata import strata_of
from recs_assets.resources.store.artifact import TableFile, local_path
from recs_assets.settings import Settings
from recs_assets.steps.mail_relevance import CLICK, MAILED, ORGANIC, MailRelevance
from recs_assets.steps.nodes import node_ids
from recs_assets.weeks import ONE_WEEK

# Of so many candidates walks are followed at once, by every week that is evaluated at the same time; what is held is twice that.
ENTRIES_WALKED_TO = 2_000_000


@dataclass(frozen=True)
class Chunk:
    """Some people of a cohort with their candidates, few enough for the evidence of each candidate to be held at once.

    Attributes:
        profiles: [n] rows of the cohort, ascending.
        users: [n] rows of the graph's users.
        candidates: [n x products] what each may be shown.
        features: [entries of ``candidates`` x channels] as ``Evidence.features`` gives them.
        channels: names of the columns of ``features``.
    """

    profiles: Ints
    users: Ints
    candidates: sparse.csr_array
    features: Floats32
    channels: tuple[str, ...]

    def only(self, profiles: Ints) -> "Chunk":
        """Those of these rows of the cohort who are in it."""
        chosen = np.isin(self.profiles, profiles)
        if chosen.all():
            return self
        candidates, features = self.candidates[np.flatnonzero(chosen)], self.features[chosen[row_of_entry(self.candidates)]]
        return Chunk(self.profiles[chosen], self.users[chosen], candidates, features, self.channels)


@dataclass(frozen=True)
class Cohort:
    """Everyone with something new and eligible in one week, as they stood before it. Row n is ``users[n]``.

    Attributes:
        start: first moment of the held-out week.
        past: the graph as of its first moment.
        users: [n] rows of the graph's users, ascending.
        held_out: by relevance, columns profile (row of this cohort) and product: new and eligible parts.
        n_left_out: new pairs besides, of the relevance in the settings, whose part may not be recommended to anybody, by reason:
            it is not available, or not eligible for another one; of as large a share of the users as is evaluated.
        settings: the settings of the run.
    """

    start: dt.datetime
    past: Snapshot
    users: Ints
    held_out: dict[str, pd.DataFrame]
    n_left_out: Mapping[str, int]
    settings: Settings

    @property
    def week(self) -> str:
        """The first day of the week."""
        return self.start.date().isoformat()

    @property
    def has_fitment(self) -> bool:
        """Whether the store knows what fits what."""
        return self.eligibility.catalogue.fits is not None

    @property
    def requires_fitment(self) -> bool:
        """Whether people are shown fitting and universal parts alone."""
        return self.settings.candidates.require_fitment and self.has_fitment

    @cached_property
    def eligibility(self) -> Eligibility:
        """Which parts each user may be shown."""
        return Eligibility(self.past, self.settings)

    @cached_property
    def kept(self) -> KeptCandidates:
        """Which of its candidates every compared system keeps."""
        return kept_candidates(self.past.data, self.settings)

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence channels of the past."""
        return Evidence(self.past, self.settings.model, n_asked=int(np.count_nonzero(self.past.n_events[self.users])))

    def chunks(self) -> Iterator[Chunk]:
        """Everybody once, in order: a bounded number of people and of candidates at a time, whatever the store."""
        for rows in blocks_of(len(self.users), scoring.ROWS_PER_CHUNK):
            yield from self._chunks_of(rows)  # what one block holds is let go before the next begins

    def _chunks_of(self, block: slice) -> Iterator[Chunk]:
        users, candidates = self.users[block], self.eligibility.candidates(self.users[block])
        channels = feature_names(self.settings.model)
        for span, every_walked in scoring.walked_spans(self.evidence, users, candidates, ENTRIES_WALKED_TO):
            for rows, walked in zip(span, every_walked, strict=True):
                own, profiles = candidates[rows], np.arange(block.start + rows.start, block.start + rows.stop)
                yield Chunk(profiles, users[rows], own, self.evidence.features(users[rows], own, walked), channels)

    def top(self, chunk: Chunk, scores: Floats) -> pd.DataFrame:
        """What is kept of a chunk's candidates by their scores [entries]: columns profile (row of the cohort), product, score."""
        top = self.kept.of(scores, chunk.candidates)
        return top.assign(profile=chunk.profiles[top["profile"]])

    @cached_property
    def strata(self) -> np.ndarray:
        """[n] cold, warm or hot by the events before the week."""
        return strata_of(self.past.n_events[self.users], self.settings.strata.hot_min_events)

    def reasons(self, is_candidate: Flags) -> pd.DataFrame:
        """Every new pair of the relevance in the settings with why it could be recommended or not: column reason.

        The first that holds: not available; not eligible; a candidate that fits, is universal, or is neither (in a store that
        shows everybody everything); a variant of a bought part; does not fit.

        Args:
            is_candidate: whether the part is among its user's candidates, of each row held out by the relevance in the settings.
        """
        new = self.held_out[self.settings.evaluation.relevance]
        profile, product = new["profile"].to_numpy(), new["product"].to_numpy()
        store = self.eligibility.catalogue
        universal = store.is_universal[product]
        fits = np.zeros(len(profile), dtype=bool)
        if store.fits is not None:
            fits = at(self.past.garages[self.users] @ store.fits.T, profile, product) > 0
        suits = fits | universal | (not self.requires_fitment)
        reason = np.select(
            [is_candidate & fits, is_candidate & universal, is_candidate, suits],
            ["fits", "universal", "any part", "variant of a bought part"],
            "does not fit",
        )
        left_out = [reason for reason, n_pairs in self.n_left_out.items() for _ in range(n_pairs)]
        return pd.DataFrame({"reason": [*reason.tolist(), *left_out]})


def of_profiles(frame: pd.DataFrame, first: int, behind: int) -> pd.DataFrame:
    """The rows of the profiles ``first`` to ``behind`` - 1 of a frame in the order of its column profile."""
    return frame[slice(*np.searchsorted(frame["profile"], (first, behind)))]


def cohort(
    data: HeteroData,
    moment: dt.datetime,
    settings: Settings,
    relevances: Sequence[str],
    *,
    returns_known_at: dt.datetime | None = None,
    by_mail: MailRelevance | None = None,
) -> Cohort:
    """The users to evaluate in the week that begins at ``moment``: whoever has something new by any of the relevances.

    Where they are more than ``evaluation.max_users``, so many are sampled, the same ones every time.

    Args:
        data: the graph.
        moment: first moment of the week.
        settings: the settings of the run.
        relevances: ``order`` (what was ordered counts), ``any`` (every event does); that of the settings among them.
        returns_known_at: what was returned before is not held out; ``None``: whatever the graph knows of.
        by_mail: what the log of the mail says: its relevances count too, where ``order`` is among ``relevances``.
    """
    past = snapshot(data, microseconds(moment), settings.events)
    is_eligible, is_available = catalogue(past).eligible, data["product"].is_available.numpy()
    held_out_pairs: dict[str, tuple[Ints, Ints]] = {}
    n_left_out: dict[str, int] = {}
    for relevance in relevances:
        users, products = held_out(
            past,
            days=ONE_WEEK.days,
            orders_only=relevance == "order",
            exclude_bought_days=settings.rules.exclude_bought_days,
            returns_known_at=KEPT if returns_known_at is None else microseconds(returns_known_at),
        )
        eligible = is_eligible[products]
        sampled = _sampled(users[eligible], settings, past)
        if relevance == settings.evaluation.relevance:
            share = len(sampled) / max(1, len(np.unique(users[eligible])))
            absent = {NOT_AVAILABLE: ~is_available[products], "not eligible": is_available[products] & ~eligible}
            n_left_out = {reason: round(share * np.count_nonzero(pairs)) for reason, pairs in absent.items()}
        eligible &= np.isin(users, sampled)
        held_out_pairs[relevance] = users[eligible], products[eligible]
    if by_mail is not None:
        held_out_pairs |= _held_out_by_mail(by_mail, held_out_pairs["order"], past, settings)
    everybody = np.unique(np.concatenate([users for users, _ in held_out_pairs.values()]))
    frames = {
        relevance: pd.DataFrame({"profile": np.searchsorted(everybody, users), "product": products})
        for relevance, (users, products) in held_out_pairs.items()
    }
    return Cohort(moment, past, everybody, frames, n_left_out, settings)


def _held_out_by_mail(
    by_mail: MailRelevance, orders: tuple[Ints, Ints], past: Snapshot, settings: Settings
) -> dict[str, tuple[Ints, Ints]]:
    """The held-out orders parted into organic and mailed ones, and what was clicked on in the mail, new and eligible."""
    shape, (users, products) = (past.n_users, past.n_products), orders
    is_organic, is_mailed = (
        at(incidence(np.stack(by_mail.pairs(relevance, past.as_of)), shape), users, products) > 0
        for relevance in (ORGANIC, MAILED)
    )
    # What was ordered before a mail held it, and again after, was not ordered because of the mail.
    is_mailed &= ~is_organic
    clickers, clicked = new_pairs(past, *by_mail.pairs(CLICK, past.as_of), settings.rules.exclude_bought_days)
    eligible = catalogue(past).eligible[clicked]
    eligible &= np.isin(clickers, _sampled(clickers[eligible], settings, past))
    return {
        ORGANIC: (users[is_organic], products[is_organic]),
        MAILED: (users[is_mailed], products[is_mailed]),
        CLICK: (clickers[eligible], clicked[eligible]),
    }


def _sampled(users: Ints, settings: Settings, past: Snapshot) -> Ints:
    """At most ``evaluation.max_users`` of the distinct users, ascending."""
    distinct, most = np.unique(users), settings.evaluation.max_users
    if len(distinct) <= most:
        return distinct
    seed = (settings.model.seed, past.as_of // DAY_MICROSECONDS)
    return np.sort(np.random.default_rng(seed).choice(distinct, most, replace=False))


def owners_of_primary(people: Cohort, exports: Mapping[str, Sequence[TableFile]]) -> Ints:
    """[users of the graph] how many people own the user's primary vehicle, as known before the week; 0 without a vehicle.

    The primary vehicle is the one with the lowest slot; one without a slot comes last, and the first by id wins a tie.
    """
    columns = ["user_id", "vehicle_id", "slot", "added_at"]
    owned = pq.read_table(local_path(exports["owns_edges"][0]), columns=columns, page_checksum_verification=True)
    owned = owned.filter(pc.fill_null(pc.less(owned["added_at"], pa.scalar(people.start)), True))
    user = pc.index_in(owned["user_id"], node_ids(exports, "user")).to_numpy().astype(np.int64)
    vehicle = pc.index_in(owned["vehicle_id"], node_ids(exports, "vehicle")).to_numpy().astype(np.int64)
    slot = pc.fill_null(owned["slot"].cast(pa.int64()), np.iinfo(np.int64).max).to_numpy()
    order = np.lexsort((vehicle, slot, user))
    primary = order[np.flatnonzero(np.diff(user[order], prepend=-1))]
    owners = np.zeros(people.past.n_users, dtype=np.int64)
    owners[user[primary]] = np.bincount(vehicle)[vehicle[primary]]
    return owners


def population_shares(profiles: pa.Table) -> dict[str, float]:
    """Share of all users in each stratum, from the column ``stratum``."""
    counts = profiles["stratum"].value_counts().to_pylist()
    return {row["values"]: row["counts"] / profiles.num_rows for row in counts}
