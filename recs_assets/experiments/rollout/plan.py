"""``make plan-experiment``: users an arm, weeks, and the chance to see a lift, from the last weeks of mail; with a picture."""

import argparse
import datetime as dt
from pathlib import Path

from recs_assets.asset_files import MAIL_EVENTS
from recs_assets.ranking.experiments.power import Metric
from recs_assets.ranking.experiments.sums import ArmSums
from recs_assets.resources.store.artifact import StoreError
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.planner import LIFTS, Plan, planned
from recs_assets.rollout_settings import RolloutSettings
from recs_assets.weeks import ONE_WEEK, key_of, monday


def main(arguments: list[str] | None = None) -> None:
    """Plan from the newest log of the mail in the store, print it and draw it."""
    from recs_assets import definitions  # reads the settings, and may refuse them

    parser = argparse.ArgumentParser(prog="python -m recs_assets.experiments.rollout.plan", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, metavar="PNG", help="where the picture goes")
    chosen = parser.parse_args(arguments)
    settings, target = definitions.settings, definitions.target
    plan = plan_of(target.warehouse(settings), target.store(), settings.rollout)
    print("\n".join(lines(plan, settings.rollout)))
    chosen.to.parent.mkdir(parents=True, exist_ok=True)
    draw(plan, settings.rollout, chosen.to)
    print(f"The picture is {chosen.to}")


def plan_of(warehouse: Warehouse, store: Store, rules: RolloutSettings) -> Plan:
    """The plan by the whole weeks of the newest log.

    Raises:
        StoreError: there is no log yet.
        ValueError: there is nothing in it to plan from.
    """
    log = store.newest("mail_events")
    if log is None:
        raise StoreError("no mail_events yet: run a night first, make nightly.")
    end = monday(key_of(log.as_of))
    observed, users = [], 0
    with warehouse.session({"mail_events": [log.file(MAIL_EVENTS)]}) as session:
        first = end - rules.looks * ONE_WEEK
        session.materialize("ab_mails", "ab_mails", pre_start=first, end=end, min_click_seconds=rules.min_click_seconds)
        mailed = {_week(row["week"]) for row in session.rows("ab_weeks")}
        for weeks in range(1, rules.looks + 1):
            if end - weeks * ONE_WEEK not in mailed:
                break
            sums = ArmSums.of_row(session.rows("plan_sums", start=end - weeks * ONE_WEEK, end=end)[0])
            observed.append(Metric(float(sums.ratio), float(sums.variance)))
            users = int(sums.n)
    return planned(observed, users // 2, looks=rules.looks, level=rules.level, power=rules.power)


def lines(plan: Plan, rules: RolloutSettings) -> list[str]:
    """The plan as a table."""
    wanted, chance = f"people an arm for {rules.power:.0%}", f"chance in {rules.looks} weeks"
    made = [
        f"{plan.users:,} people an arm, {plan.clicks_per_mail:.2%} of delivered mails clicked.",
        f"{'lift':>6}{wanted:>26}{chance:>20}{'weeks':>8}",
    ]
    for lift in LIFTS:
        weeks = plan.weeks(lift, rules.power)
        made.append(f"{lift:>+6.0%}{plan.needed[lift]:>26,}{plan.power[lift][rules.looks - 1]:>20.0%}{weeks or 'over 12':>8}")
    return made


def draw(plan: Plan, rules: RolloutSettings, path: Path) -> None:
    """Power by week, as PNG."""
    import matplotlib  # 0.5 s at load

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for lift, chances in plan.power.items():
        axis.plot(range(1, len(chances) + 1), [100 * chance for chance in chances], ".-", label=f"{lift:+.0%}")
    axis.axhline(100 * rules.power, color="black", linewidth=0.8, linestyle=":")
    axis.set(xlabel="weeks of the experiment", ylabel="chance to see a lift, %", ylim=(0, 102))
    axis.legend(title="true lift")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _week(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


if __name__ == "__main__":
    main()
