"""How often gate 1 passes a model without lift and one with a true +10%, in simulated evaluations: the README's table.

python -m recs_assets_tests.benchmarks.gate_1
"""

from recs_assets.gates.promotion import PASS
from recs_assets_tests.simulated_evaluations import share, simulated

SIZES = ((1_200, 0.05), (3_600, 0.09), (12_000, 0.09))
N_EVALUATIONS = 1_000


def main() -> None:
    """Print a row a size."""
    print("| users, mean Recall@10 | passes no lift | passes a true +10% | a bare point estimate would pass no lift |")
    print("|---|---|---|---|")
    for n_users, mean_recall in SIZES:
        nothing, ten_percent = (simulated(n_users, mean_recall, lift, N_EVALUATIONS) for lift in (0.0, 0.1))
        rates = (share(nothing, PASS), share(ten_percent, PASS), float(nothing.bare_passes().mean()))
        print(f"| {n_users:,}, {mean_recall:.2f} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |", flush=True)


if __name__ == "__main__":
    main()
