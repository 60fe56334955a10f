"""Command line of the planted world: ``python -m recs_assets.demo --preset small --seed 1 --to FOLDER``."""

import argparse
from pathlib import Path

from recs_assets.demo.mail import Experiment
from recs_assets.demo.mail_faults import OF_LOG
from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import WorldSummary, write_world


def main(arguments: list[str] | None = None) -> None:
    """Writes the world that the arguments ask for and prints what lies in its folder."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.demo", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small", help="how large (default: small)")
    parser.add_argument("--seed", type=int, default=1, help="of all random draws (default: 1)")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where the Parquet files go")
    parser.add_argument("--no-signal", action="store_true", help="purchases follow one fixed popularity alone")
    mail = parser.add_argument_group("an experiment by mail", "people dealt into two arms by a salt, one of them treated")
    mail.add_argument("--salt", help="deals people into buckets; as the rollout does: name of the experiment")
    mail.add_argument("--lift", type=float, help="what is truly added to the chance to click, -0.1 to 0.2 say (default: 0)")
    mail.add_argument("--share", type=float, help="of people treated (default: 0.5)")
    mail.add_argument("--fault", choices=OF_LOG, help="some of the treated are not mailed, or the newest week's log comes late")
    chosen = parser.parse_args(arguments)
    asked = {name: getattr(chosen, name) for name in ("lift", "share", "fault") if getattr(chosen, name) is not None}
    if asked and not chosen.salt:
        parser.error(f"--{next(iter(asked))} is of an experiment: give its --salt too.")
    experiment = Experiment(chosen.salt, **asked) if chosen.salt else None
    summary = write_world(chosen.to, PRESETS[chosen.preset], seed=chosen.seed, no_signal=chosen.no_signal, experiment=experiment)
    print(described(summary, chosen.to))


def described(summary: WorldSummary, folder: Path) -> str:
    """A short table of the rows in the folder and how many of them are faulty."""
    kind = f"{summary.preset}, seed {summary.seed}{', no signal' if summary.no_signal else ''}"
    if (by_mail := summary.experiment) is not None:
        kind += f", experiment {by_mail.salt}: {by_mail.share:.0%} treated, true lift {by_mail.lift:+.0%}"
        kind += f", fault {by_mail.fault}" if by_mail.fault else ""
    happened = "written to" if summary.written else "already in"
    lines = [f"World ({kind}) {happened} {folder}", f"{'table':<14}{'rows':>12}{'faulty':>10}"]
    for table, rows in summary.rows.items():
        lines.append(f"{table:<14}{rows:>12,}{sum(summary.faults.get(table, {}).values()):>10,}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
