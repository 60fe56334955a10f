"""How often gate 2 is wrong and what it sees, in simulation: the table of recs_assets/gates/README.md.

python -m recs_assets_tests.benchmarks.gate_2
"""

from collections import Counter

from recs_assets.gates.verdict import HOLD, INVALID, PASS, ROLLBACK
from recs_assets.ranking.experiments.looks import OBRIEN_FLEMING, bounds
from recs_assets.ranking.experiments.power import Metric, users_per_arm
from recs_assets_tests.simulated_experiments import RULES, Shop, decisions

EXPERIMENTS, POPULATIONS = 2_000, 20
CLICKERS = (0.0357,)
LIFTS = (0.0, 0.15, -0.1, 0.1)


def main() -> None:
    """Print the table."""
    last = bounds(RULES.looks, RULES.level, OBRIEN_FLEMING)[-1]
    print(f"| people an arm | who click in {RULES.looks} weeks | true lift | PASS | ROLLBACK | HOLD | INVALID |")
    print("|---|---|---|---|---|---|---|")
    for clickers in CLICKERS:
        n_users = users_per_arm(Metric.of_share(clickers), RULES.min_ctr_lift, power=RULES.power, bound=last)
        for lift in LIFTS:
            ended: Counter[str] = Counter()
            for seed in range(POPULATIONS):
                ended.update(decisions(Shop(2 * n_users, clickers), lift, EXPERIMENTS // POPULATIONS, seed))
            shares = " | ".join(f"{ended[decision] / EXPERIMENTS:.1%}" for decision in (PASS, ROLLBACK, HOLD, INVALID))
            print(f"| {n_users:,} | {clickers:.2%} | {lift:+.0%} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
