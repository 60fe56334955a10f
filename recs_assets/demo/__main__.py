"""Command line of the planted world: ``python -m recs_assets.demo --preset small --seed 1 --to FOLDER``."""

import argparse
from pathlib import Path

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import WorldSummary, write_world


def main(arguments: list[str] | None = None) -> None:
    """Writes the world that the arguments ask for and prints what lies in its folder."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.demo", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small", help="how large (default: small)")
    parser.add_argument("--seed", type=int, default=1, help="of all random draws (default: 1)")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where the Parquet files go")
    parser.add_argument("--no-signal", action="store_true", help="purchases follow one fixed popularity alone")
    chosen = parser.parse_args(arguments)
    summary = write_world(chosen.to, PRESETS[chosen.preset], seed=chosen.seed, no_signal=chosen.no_signal)
    print(described(summary, chosen.to))


def described(summary: WorldSummary, folder: Path) -> str:
    """A short table of the rows in the folder and how many of them are faulty."""
    kind = f"{summary.preset}, seed {summary.seed}{', no signal' if summary.no_signal else ''}"
    happened = "written to" if summary.written else "already in"
    lines = [f"World ({kind}) {happened} {folder}", f"{'table':<14}{'rows':>12}{'faulty':>10}"]
    for table, rows in summary.rows.items():
        lines.append(f"{table:<14}{rows:>12,}{sum(summary.faults.get(table, {}).values()):>10,}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
