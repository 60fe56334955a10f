"""What the log of the mail says of an experiment's arms, added up in SQL."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from recs_assets.gates.rollout import Measured, SendWeek
from recs_assets.ranking.experiments.sums import FIELDS, ArmSums
from recs_assets.resources.warehouse import Session
from recs_assets.rollout.arms import CONTROL, TREATED, treated_buckets
from recs_assets.rollout.stages import State
from recs_assets.rollout_settings import RolloutSettings
from recs_assets.weeks import ONE_WEEK, monday

METRICS = ("clicks", "all_clicks", "unsubscribed", "complained", "orders", "mails")


@dataclass(frozen=True)
class Window:
    """The whole weeks of mail of a stage that had ended at a moment, at most as many as looks are planned."""

    start: dt.datetime
    look: int

    @staticmethod
    def of(state: State, as_of: dt.datetime, looks: int) -> "Window":
        """Of the stage that a rollout stands at.

        Raises:
            ValueError: it stands at none with mail.
        """
        if state.since is None:
            raise ValueError("a rollout in its first shadow has no mail of its own.")
        start = monday(state.since)
        return Window(start, min(max((as_of - start) // ONE_WEEK, 0), looks))

    @property
    def end(self) -> dt.datetime:
        """The end of the last of the weeks."""
        return self.start + self.look * ONE_WEEK


def measured(session: Session, state: State, window: Window, rules: RolloutSettings) -> Measured:
    """Both arms of the stage that a rollout stands at.

    Args:
        session: with mail_events and interaction_edges, and the persistent rollout_assignment.
        state: the stage.
        window: its whole weeks.
        rules: of the settings.
    """
    pre_start = window.start - rules.pre_period_weeks * ONE_WEEK
    times = {"pre_start": pre_start, "end": window.end}
    session.materialize("ab_mails", "ab_mails", min_click_seconds=rules.min_click_seconds, **times)
    session.materialize("ab_users", "ab_users", experiment=state.assignment, start=window.start, end=window.end)
    health = session.audit(
        "ab_health", experiment=state.assignment, salt=state.salt, treated_buckets=treated_buckets(state.share)
    )
    sums = session.read("ab_sums")
    weeks = session.read("ab_weeks").to_pylist()
    return Measured(
        sums=_sums(sums),
        assigned=(health["n_control"], health["n_treated"]),
        mailed=_mailed(sums),
        n_in_two_arms=health["n_in_two_arms"],
        n_misplaced=health["n_misplaced"],
        weeks=tuple(SendWeek(row["n_sent"], row["n_delivered"], row["n_clicked"]) for row in weeks),
        share=state.share,
    )


def _sums(table: pa.Table) -> dict[str, tuple[ArmSums, ArmSums]]:
    arms = {(row["metric"], row["arm"]): ArmSums.of_row(row) for row in table.to_pylist()}
    nobody = ArmSums.of_row(dict.fromkeys(FIELDS, 0.0))
    return {metric: (arms.get((metric, CONTROL), nobody), arms.get((metric, TREATED), nobody)) for metric in METRICS}


def _mailed(table: pa.Table) -> tuple[int, int]:
    n_mailed = {row["arm"]: row["n_mailed"] for row in table.to_pylist() if row["metric"] == "clicks"}
    return n_mailed.get(CONTROL, 0), n_mailed.get(TREATED, 0)
