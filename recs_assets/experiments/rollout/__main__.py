"""A simulated year of the rollout: ``make simulate-rollout LIFT=0.2 SEED=1``; a line a week, a picture, and the end as JSON."""

import argparse
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from recs_assets import settings_file
from recs_assets.demo.mail_faults import FAULTS
from recs_assets.experiments.rollout.picture import draw
from recs_assets.experiments.rollout.year import WEEKS, Shop, Week, simulated
from recs_assets.gates.verdict import ROLLBACK
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.rollout.stages import EXPERIMENT

PEOPLE = 450_000  # who are mailed in production


def main(arguments: list[str] | None = None) -> None:
    """Simulate the year that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.experiments.rollout", description=__doc__)
    parser.add_argument("--lift", type=float, default=0.0, help="true lift of clicks per mail: 0.2 is +20%% (default: 0)")
    parser.add_argument("--seed", type=int, default=1, help="of all random draws (default: 1)")
    parser.add_argument("--users", type=int, default=PEOPLE, help=f"who are mailed every week (default: {PEOPLE})")
    parser.add_argument("--weeks", type=int, default=WEEKS, help=f"how long (default: {WEEKS})")
    parser.add_argument("--fault", choices=FAULTS, help="something that goes wrong")
    parser.add_argument("--to", type=Path, default=Path("simulated_rollout"), metavar="FOLDER", help="where picture and JSON go")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    settings = settings_file.load()
    rng = np.random.default_rng(chosen.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", folder, settings.compute)
        shop = Shop(warehouse, folder, settings, chosen.lift, rng, chosen.users, chosen.fault)
        weeks = simulated(shop, chosen.weeks)
    for line in lines(weeks):
        print(line)
    chosen.to.mkdir(parents=True, exist_ok=True)
    stem = f"lift_{chosen.lift:+.2f}_seed_{chosen.seed}"
    draw(weeks, chosen.to / f"{stem}.png", chosen.lift)
    outcome = {"lift": chosen.lift, "seed": chosen.seed, "users": chosen.users, **final(weeks)}
    (chosen.to / f"{stem}.json").write_text(json.dumps(outcome, indent=2) + "\n")
    print(json.dumps(outcome, indent=2))
    print(f"The picture is {chosen.to / stem}.png")


def lines(weeks: list[Week]) -> list[str]:
    """A line a week."""
    made = [f"{'week':<11}{'stage':<11}{'share':>6}{'CTR':>8}  gate"]
    for week in weeks:
        said = f"{week.verdict.decision}: {week.verdict.reason}" if week.verdict else ""
        held = " (held)" if week.held else ""
        happened = "; ".join(part for part in (said, week.done) if part)
        made.append(f"{week.week:<11}{week.stage + held:<11}{week.share:>6.0%}{week.ctr:>8.2%}  {happened}")
    return made


def final(weeks: list[Week]) -> dict[str, Any]:
    """How the year ended."""
    experiments = [number for number, week in enumerate(weeks) if week.stage == EXPERIMENT]
    back = [number for number, week in enumerate(weeks) if week.verdict and week.verdict.decision == ROLLBACK]
    whole = next((week.week for week in weeks if week.share == 1), None)
    last = weeks[-1]
    return {
        "stage": last.stage,
        "share": last.share,
        "held": last.held,
        "highest_share": max(week.share for week in weeks),
        "experiment_since": weeks[experiments[0]].week if experiments else None,
        "rolled_back_after": weeks[back[0]].week if back else None,
        "weeks_until_rollback": back[0] - experiments[0] + 1 if back and experiments else None,
        "everybody_since": whole,
        "verdicts": [f"{week.week} {week.verdict.gate} {week.verdict.decision}" for week in weeks if week.verdict],
        "users_who_changed_arms_in_the_wrong_direction": sum(week.wrong_way for week in weeks),
    }


if __name__ == "__main__":
    main()
