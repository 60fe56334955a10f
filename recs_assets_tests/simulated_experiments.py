"""Thousands of experiments by mail, dealt from a few simulated populations, each asked week by week what gate 2 says.

A population has both its answers to every mail, as control and as treated; an experiment deals it into two arms. So the sums of
all experiments of a population are one product of matrices, and the gate itself decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recs_assets import settings_file
from recs_assets.gates.rollout import Measured, SendWeek, gate_2
from recs_assets.gates.verdict import PASS, ROLLBACK
from recs_assets.ranking.arrays import Flags, Floats
from recs_assets.ranking.experiments.sums import ArmSums

RULES = settings_file.load().rollout
DELIVERED = 0.98
RATES = {"unsubscribed": 0.0008, "complained": 0.0001, "orders": 0.01}  # of a person in a week
PRODUCTS = (("y",), ("x",), ("y", "y"), ("x", "x"), ("y", "x"))


@dataclass(frozen=True)
class Shop:
    """People who differ in how often they click.

    Attributes:
        n_users: in both arms.
        clickers: share of them who click at least once in all looks, about.
    """

    n_users: int
    clickers: float

    def weeks(self, rng: np.random.Generator, lift: float) -> "Weeks":
        """What a population does, week by week."""
        mean = self.clickers / RULES.looks * 1.1  # some click twice
        chance = np.minimum(rng.gamma(0.5, 2 * mean, self.n_users), 0.5)
        shape = (RULES.looks, self.n_users)
        delivered = (rng.random(shape) < DELIVERED).astype(np.float64)
        luck = rng.random(shape)
        clicks, lifted = ((luck < chance * factor) * delivered for factor in (1.0, 1 + lift))
        others = {name: (rng.random(shape) < rate).astype(np.float64) for name, rate in RATES.items()}
        return Weeks(delivered, clicks, lifted, others)


@dataclass(frozen=True)
class Weeks:
    """[looks x users] what was delivered, clicked (as control and as treated), and done besides."""

    delivered: Floats
    clicks: Floats
    lifted: Floats
    others: dict[str, Floats]

    def metrics(self, looks: int, *, treated: bool) -> Iterator[tuple[str, Floats, Floats]]:
        """Name, y and x of each user, over the first looks."""
        delivered = self.delivered[:looks].sum(axis=0)
        yield "clicks", (self.lifted if treated else self.clicks)[:looks].sum(axis=0), delivered
        for name, values in self.others.items():
            yield name, values[:looks].sum(axis=0), np.ones_like(delivered) if name == "orders" else delivered
        yield "mails", delivered, np.ones_like(delivered)


def decisions(shop: Shop, lift: float, n_experiments: int, seed: int) -> list[str]:
    """The verdict that ends each experiment: the first PASS or ROLLBACK, else the last look's."""
    rng = np.random.default_rng(seed)
    weeks = shop.weeks(rng, lift)
    treated = rng.random((n_experiments, shop.n_users)) < 0.5
    ended = [""] * n_experiments
    for look in range(1, RULES.looks + 1):
        arms = [_sums(weeks, look, dealt, treated=number == 1) for number, dealt in enumerate((~treated, treated))]
        for number in range(n_experiments):
            if ended[number] in {PASS, ROLLBACK}:
                continue
            sums = {name: (_one(arms[0][name], number), _one(arms[1][name], number)) for name in arms[0]}
            sizes = tuple(int(arm["mails"].n[number]) for arm in arms)
            measured = Measured(sums, sizes, sizes, 0, 0, (SendWeek(1, 1, 1),), 0.5)
            ended[number] = gate_2(measured, RULES, look).decision
    return ended


def _sums(weeks: Weeks, looks: int, dealt: Flags, *, treated: bool) -> dict[str, ArmSums]:
    """Of every experiment: the sums over whom it dealt into one arm."""
    chosen, sums_of = dealt.astype(np.float32), {}
    for name, y, x in weeks.metrics(looks, treated=treated):
        of = {"y": y, "x": x}
        columns = np.stack([np.prod([of[part] for part in product], axis=0) for product in PRODUCTS], axis=1)
        sums = (chosen @ columns.astype(np.float32)).astype(np.float64)
        sums_of[name] = ArmSums(chosen.sum(axis=1, dtype=np.float64), *sums.T, *np.zeros((4, len(chosen))))
    sums_of["all_clicks"] = sums_of["clicks"]
    return sums_of


def _one(sums: ArmSums, number: int) -> ArmSums:
    return ArmSums(*(np.asarray(value[number]) for value in vars(sums).values()))
