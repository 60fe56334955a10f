"""How often gate 1 is wrong and what it sees, in simulation: the tables of recs_assets/gates/README.md.

python -m recs_assets_tests.benchmarks.gate_1
"""

from collections.abc import Iterable

import numpy as np

from recs_assets.gates.verdict import FAIL, PASS
from recs_assets_tests.simulated_evaluations import MIN_LIFT, share, simulated
from recs_assets_tests.simulated_years import Shop, kept_until, years

# Users of four weeks, and SQL's expected hits among them.
SIZES = (
    (10, (1, 3)),
    (30, (1, 3, 10)),
    (60, (1, 5, 20)),
    (100, (1, 10, 40)),
    (400, (1, 10, 50, 150)),
    (1_000, (1, 10, 100, 400)),
    (5_000, (1, 10, 100, 500)),
)
CELLS = 1_500_000  # users times evaluations drawn at once
EVALUATIONS = 4_000
MONDAYS = (1, 2, 4, 8, 13, 26, 52)
SHOPS = {
    "30 a week": Shop(30, 0.09),
    "100 a week": Shop(100, 0.05),
    "300 a week": Shop(300, 0.05),
    "1,000 a week": Shop(1_000, 0.09),
    "300 a week, each person 40% better or worse off all year": Shop(300, 0.09, preference=0.4),
    "50 a week at first, 500 at last": Shop(50, 0.09, growth=10),
}


def main() -> None:
    """Print the tables."""
    one_look()
    zero_lift()
    power()
    kept()


def one_look() -> None:
    """How often a first look is wrong, by users and hits."""
    print("| users in four weeks | hits of SQL | passes without lift | a stratum is worse, without lift | fails at a true +5% |")
    print("|---|---|---|---|---|")
    for n_users, hits in SIZES:
        for n_hits in hits:
            # Users have 1.33 rows in the mean.
            rates = np.mean([_wrong(n_users, n_hits / n_users / 1.33, size, seed) for seed, size in _parts(n_users)], axis=0)
            print(_row(f"{n_users:,}", str(n_hits), *(f"{rate:.2%}" for rate in rates)), flush=True)


def _parts(n_users: int) -> Iterable[tuple[int, int]]:
    size = min(EVALUATIONS, CELLS // n_users)
    return ((seed, size) for seed in range(EVALUATIONS // size))


def _wrong(n_users: int, mean_recall: float, n_evaluations: int, seed: int) -> tuple[float, float, float]:
    nothing, as_asked = (simulated(n_users, mean_recall, lift, n_evaluations, seed) for lift in (0.0, MIN_LIFT))
    return share(nothing, PASS), float(nothing.stratum_worse().mean()), share(as_asked, FAIL)


def zero_lift() -> None:
    """How often a year without any lift has a Monday on which a model serves."""
    print("\n| people who buy | years without lift in which a model serves on any Monday |")
    print("|---|---|")
    for name, shop in SHOPS.items():
        n_years = 1_000 if shop.users * shop.growth <= 300 else 500
        print(_row(name, f"{years(shop, 0.0, n_years).promoted_by(52):.1%} of {n_years:,}"), flush=True)


def power() -> None:
    """By which Monday a model with lift has been promoted."""
    print(
        "\n| people who buy | SQL's Recall@10 | true lift |" + "".join(f" Monday {monday} |" for monday in MONDAYS) + " serves |"
    )
    print("|---" * (len(MONDAYS) + 4) + "|")
    for shop in (Shop(300, 0.05), Shop(300, 0.09), Shop(1_000, 0.05), Shop(1_000, 0.09)):
        for lift in (0.05, 0.1, 0.2):
            simulated_years = years(shop, lift, 100)
            promoted = [f"{simulated_years.promoted_by(monday):.0%}" for monday in MONDAYS]
            of_mondays = f"{simulated_years.serves.mean():.0%}"
            print(_row(f"{shop.users:,} a week", f"{shop.recall:.2f}", f"{lift:+.0%}", *promoted, of_mondays), flush=True)


def kept() -> None:
    """By which Monday a kept model that nothing follows has stepped down."""
    print(
        "\n| people who buy | SQL's Recall@10 | true lift of what is kept |"
        + "".join(f" Monday {monday} |" for monday in MONDAYS)
    )
    print("|---" * (len(MONDAYS) + 3) + "|")
    for shop in (Shop(300, 0.09), Shop(1_000, 0.09)):
        for lift in (-0.2, -0.1, 0.0, 0.05, 0.1):
            until = kept_until(shop, lift, 200)
            gone = [f"{(until <= monday).mean():.0%}" for monday in MONDAYS]
            print(_row(f"{shop.users:,} a week", f"{shop.recall:.2f}", f"{lift:+.0%}", *gone), flush=True)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
