"""What the held-out weeks say of every system, as an evaluation left it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recs_assets.asset_files import CEILING, METRICS, METRICS_BY_RELEVANCE, PER_USER, VERDICT
from recs_assets.cutoff import NLL, RECALL, K
from recs_assets.ranking.strata import STRATA
from recs_assets.resources.store.artifact import Artifact

if TYPE_CHECKING:
    import pandas as pd

SYSTEMS = ("sql", "similarity", "popularity", "item_knn", "ease", "p3", "channels", "model", "blend", "ceiling")
# A system of one channel alone, for whom it speaks.
CHANNEL = "channel_"
SHOWN_CHANNELS = 5
# Purchases that are candidates of whoever made them; all others no list could hold.
REACHABLE = ("fits", "universal", "any part")
# What counts as found where there is a log of the mail; see ``steps.mail_relevance``.
BY_MAIL = {
    "order": "orders",
    "organic": "organic orders (no mail of the 7 days before held the part)",
    "mailed": "mailed orders",
    "click": "clicks in the mail",
}


@dataclass(frozen=True)
class Likelihood:
    """How likely a system found what people took: the mean of -log p over all candidates in nats, the lower the better.

    Attributes:
        by_stratum: the mean by stratum, as of Recall.
        interval: 95% interval of the mean over all users.
        users: who took a candidate, the only ones whom it is known of.
    """

    by_stratum: Mapping[str, float]
    interval: tuple[float, float]
    users: int


@dataclass(frozen=True)
class Comparison:
    """How the systems did on the held-out weeks.

    Attributes:
        recall: Recall@10 by system and stratum (``all``, ``cold``, ``warm``, ``hot``, ``population``), where it is known.
        users: how many were compared, by stratum.
        first_changed: share of lists whose first parts differ from SQL's with the blend, by how many come first.
        intervals: 95% intervals of Recall@10 over all users, by system.
        metrics: over all users, by system, metric and list length.
        channels: the single channels of the highest Recall@10 by stratum, best first.
        purchases: new purchases of the held-out weeks by why a list could hold them or not.
        by_mail: Recall@10 of SQL and of the blend and how many users, by what counts as found; empty without a log of the mail.
        likelihood: by system, of those that give every candidate a probability.
    """

    recall: Mapping[str, Mapping[str, float]]
    users: Mapping[str, int]
    first_changed: Mapping[int, float]
    intervals: Mapping[str, tuple[float, float]]
    metrics: Mapping[tuple[str, str, int], float]
    channels: Mapping[str, Sequence[tuple[str, float]]]
    purchases: Mapping[str, int]
    by_mail: Mapping[str, tuple[float, float, int]]
    likelihood: Mapping[str, Likelihood]

    @property
    def n_purchases(self) -> int:
        """All new purchases of the held-out weeks."""
        return sum(self.purchases.values())

    @property
    def n_unreachable(self) -> int:
        """Those that no list could hold."""
        return sum(count for reason, count in self.purchases.items() if reason not in REACHABLE)


@dataclass(frozen=True)
class Lift:
    """Relative lift of the blend over SQL with its 95% interval; ``None``: it is not known, or has no end."""

    lift: float | None
    low: float | None
    high: float | None
    users: int

    @staticmethod
    def of(figures: Mapping[str, Any]) -> "Lift":
        """From the figures of gate 1."""
        return Lift(figures.get("lift"), figures.get("low"), figures.get("high"), figures.get("users") or 0)


@dataclass(frozen=True)
class Gate:
    """The verdict of gate 1, the weight of SQL in the blend by stratum, and the lift by stratum."""

    decision: str
    reason: str
    alpha: Mapping[str, float]
    strata: Mapping[str, Lift]


def comparison_of(measured: Artifact) -> Comparison:
    """The systems of an ``offline_metrics``; nothing of what was not measured."""
    metrics = measured.table(METRICS).to_pandas().dropna(subset=["value"])
    at_k = metrics[(metrics["k"] == K) & (metrics["metric"] == "recall")]
    changed = metrics[(metrics["system"] == "blend") & (metrics["metric"] == "first_changed_sql")]
    nll = metrics[metrics["metric"] == NLL]
    columns = [RECALL, NLL] if len(nll) else [RECALL]
    per_user = measured.table(PER_USER, columns=["system", "user_id", *columns]).to_pandas()
    of_all = metrics[(metrics["stratum"] == "all") & ~metrics["system"].str.startswith(CHANNEL)]
    purchases = measured.table(CEILING).to_pandas()
    return Comparison(
        recall={system: _by(at_k[at_k["system"] == system], "stratum") for system in SYSTEMS},
        users={row.stratum: int(row.users) for row in at_k[at_k["system"] == "sql"].itertuples()},
        first_changed={int(row.k): float(row.value) for row in changed.itertuples()},
        intervals=_intervals(per_user, RECALL, highest=1.0),
        metrics={(row.system, row.metric, int(row.k)): float(row.value) for row in of_all.itertuples()},
        channels={stratum: _channels(at_k[at_k["stratum"] == stratum]) for stratum in STRATA},
        purchases={row.reason: int(row.purchases) for row in purchases.itertuples()},
        by_mail=_by_mail(measured.table(METRICS_BY_RELEVANCE).to_pandas()),
        likelihood=_likelihood(nll, per_user),
    )


def gate_of(measured: Artifact) -> Gate:
    """Gate 1 as it was decided with an ``offline_metrics``."""
    verdict = measured.document(VERDICT)
    strata = {stratum: Lift.of(figures) for stratum, figures in verdict["strata"].items()}
    return Gate(verdict["decision"], verdict["reason"], verdict["alpha"], strata)


def _by(rows: "pd.DataFrame", column: str) -> dict[str, float]:
    return dict(zip(rows[column], rows["value"].astype(float), strict=True))


def _by_mail(metrics: "pd.DataFrame") -> dict[str, tuple[float, float, int]]:
    at_k = metrics[(metrics["k"] == K) & (metrics["metric"] == "recall") & (metrics["stratum"] == "all")]
    columns = (at_k[name] for name in ("relevance", "system", "value", "users"))
    of = {(relevance, system): (float(value), int(users)) for relevance, system, value, users in zip(*columns, strict=True)}
    told_apart = [name for name in BY_MAIL if (name, "sql") in of and (name, "blend") in of]
    if told_apart == ["order"]:
        return {}
    return {name: (of[name, "sql"][0], *of[name, "blend"]) for name in told_apart}


def _channels(rows: "pd.DataFrame") -> list[tuple[str, float]]:
    alone = rows[rows["system"].str.startswith(CHANNEL)].sort_values(["value", "system"], ascending=[False, True])
    return [(name.removeprefix(CHANNEL), value) for name, value in _by(alone.head(SHOWN_CHANNELS), "system").items()]


def _likelihood(rows: "pd.DataFrame", per_user: "pd.DataFrame") -> dict[str, Likelihood]:
    if not len(rows):
        return {}
    intervals = _intervals(per_user.dropna(subset=NLL), NLL, highest=math.inf)
    of_all = rows[rows["stratum"] == "all"]
    users = dict(zip(of_all["system"], of_all["users"].astype(int), strict=True))
    return {
        system: Likelihood(_by(rows[rows["system"] == system], "stratum"), intervals[system], users[system])
        for system in SYSTEMS
        if system in users
    }


def _intervals(per_user: "pd.DataFrame", column: str, highest: float) -> dict[str, tuple[float, float]]:
    from recs_assets.ranking.statistics import mean_interval  # numpy: 0.1 s at load

    return {
        str(system): mean_interval(rows[column].to_numpy(), rows["user_id"].to_numpy(), highest=highest)
        for system, rows in per_user.groupby("system")
        if system in SYSTEMS
    }
