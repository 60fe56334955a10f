"""A year of weekly mails through the rollout as it really runs: its stages, gates, SQL and ledgers, on simulated people."""

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recs_assets.demo.mail import SEND_AT, mail_table
from recs_assets.demo.mail_faults import OF_ASSIGNMENT, late
from recs_assets.demo.mailing import CLICKED, DELIVERED, Audience, MailLog, mailed
from recs_assets.demo.tables import timestamps, user_ids
from recs_assets.demo.timeline import microseconds
from recs_assets.gates.verdict import PASS, Verdict
from recs_assets.resources.warehouse import Warehouse
from recs_assets.rollout.arms import treated_buckets
from recs_assets.rollout.stages import (
    AUTOMATIC,
    EXPERIMENT,
    SHADOW,
    Evidence,
    Model,
    MoveRefused,
    State,
    automatic,
    moved,
)
from recs_assets.settings import Settings
from recs_assets.steps.measure_experiment import Window
from recs_assets.steps.standing_rollout import note, standing, verdict_of_stage
from recs_assets.weeks import ONE_WEEK, key_of, monday

FIRST_WEEK = "2026-01-05"
WEEKS = 52
MANAGER = "simulated manager"
ORDERS_A_WEEK = 0.01  # orders of a person in a week: the guardrail of orders
MODEL = Model("2025-12-29", "settings", PASS)


@dataclass(frozen=True)
class Week:
    """A week as it went: where it stood, what was clicked, what the gate said and what was done."""

    week: str
    stage: str
    share: float
    held: bool
    ctr: float
    verdict: Verdict | None
    done: str
    wrong_way: int


@dataclass
class Shop:
    """The simulated people: who clicks how much, and who is treated this week.

    Attributes:
        warehouse: with the ledgers.
        folder: where the logs lie.
        settings: their rollout section.
        lift: true one, of the chance to click in an opened mail.
        rng: random numbers.
        n_users: who are mailed every week.
        fault: what goes wrong, one of ``demo.mail_faults.FAULTS``.
    """

    warehouse: Warehouse
    folder: Path
    settings: Settings
    lift: float
    rng: np.random.Generator
    n_users: int
    fault: str | None = None
    _treated: dict[str | None, NDArray[np.bool_]] = field(default_factory=dict)

    @cached_property
    def ids(self) -> pa.Array:
        """user_id by row."""
        return user_ids(self.n_users)

    @cached_property
    def audience(self) -> Audience:
        """How willing they are."""
        return Audience.sampled(self.rng, self.n_users)

    def assign(self, state: State, now: dt.datetime) -> NDArray[np.bool_]:
        """Who is treated at a stage, by the ledger of assignments, which gets the rows that it lacks."""
        if state.assignment not in self._treated:
            self._treated[state.assignment] = self._assigned(state, now)
        return self._treated[state.assignment]

    def _assigned(self, state: State, now: dt.datetime) -> NDArray[np.bool_]:
        treated = np.zeros(self.n_users, dtype=bool)
        if state.assignment is None or state.salt is None:
            return treated
        with self.warehouse.session({"user_nodes": pa.table({"user_id": self.ids})}) as session:
            lacking = session.read(
                "rollout_buckets",
                experiment=state.assignment,
                salt=state.salt,
                treated_buckets=treated_buckets(state.share),
                now=now,
            )
        if self.fault in OF_ASSIGNMENT:
            lacking = OF_ASSIGNMENT[self.fault](self.rng, lacking)
        self.warehouse.append("rollout_assignment", lacking)
        with self.warehouse.session() as session:
            chosen = session.read("treated_users", experiment=state.assignment)["user_id"]
        treated[pc.index_in(chosen, self.ids).to_numpy()] = True
        return treated

    def mail(self, number: int, week: dt.datetime, treated: NDArray[np.bool_], *, is_read: bool) -> float:
        """Send a week's mail, log it where a gate will read it, and give its clicks per delivered mail."""
        sent_at = microseconds(week.date()) + SEND_AT
        factor = np.where(treated, 1 + self.lift, 1.0)
        everybody = np.arange(self.n_users)
        log = mailed(self.rng, self.audience, everybody, number=number, sent_at=sent_at, click_factor=factor)
        if is_read:
            self._write(number, week, log)
        return float((log.stage == CLICKED).sum() / (log.stage == DELIVERED).sum())

    def _write(self, number: int, week: dt.datetime, log: MailLog) -> None:
        if self.fault == "late":
            # Last week's rows have come by now.
            log, whole = late(self.rng, log, number), log
            if number:
                self._previous(week)
            pq.write_table(mail_table(whole, self.ids), self.folder / "whole.parquet")
        pq.write_table(mail_table(log, self.ids), self._file(week))
        buyers = np.flatnonzero(self.rng.random(self.n_users) < ORDERS_A_WEEK)
        at = microseconds(week.date()) + self.rng.integers(ONE_WEEK // dt.timedelta(microseconds=1), size=buyers.size)
        orders = {"user_id": self.ids.take(pa.array(buyers)), "event_ts": timestamps(at)}
        kind = pa.array(["order"] * buyers.size, pa.string())
        pq.write_table(pa.table({**orders, "event_type": kind}), self.folder / f"orders-{key_of(week)}.parquet")

    def _previous(self, week: dt.datetime) -> None:
        (self.folder / "whole.parquet").rename(self._file(week - ONE_WEEK))

    def _file(self, week: dt.datetime) -> Path:
        return self.folder / f"mail-{key_of(week)}.parquet"

    def evaluate(self, state: State, as_of: dt.datetime) -> tuple[Verdict | None, int]:
        """What the gate of the stage says of its whole weeks so far, and how many these are."""
        if state.since is None:
            return None, 0
        window = Window.of(state, as_of, self.settings.rollout.looks)
        first = window.start - self.settings.rollout.pre_period_weeks * ONE_WEEK
        weeks = [first + ONE_WEEK * n for n in range((window.end - first) // ONE_WEEK)]
        there = [week for week in weeks if self._file(week).exists()]
        tables = {
            "mail_events": [self._file(week) for week in there],
            "interaction_edges": [self.folder / f"orders-{key_of(week)}.parquet" for week in there],
        }
        with self.warehouse.session(tables) as session:
            verdict = verdict_of_stage(session, state, as_of, self.settings)
        return verdict, (as_of - window.start) // ONE_WEEK


def simulated(shop: Shop, n_weeks: int = WEEKS) -> list[Week]:
    """The weeks of a year, one after the other.

    A manager asks for the next stage every Monday, and goes back for good when an experiment has had all its looks in vain.
    """
    weeks, before, was = [], np.zeros(shop.n_users, dtype=bool), 0.0
    for number in range(n_weeks):
        start = monday(FIRST_WEEK) + ONE_WEEK * number
        end = start + ONE_WEEK
        state, sequence = standing(shop.warehouse)
        treated = shop.assign(state, start)
        wrong_way = _wrong_way(before, treated, was, state.share)
        before, was = treated, state.share
        is_over = state.stage == "100" or (state.stage == SHADOW and state.held is not None)
        ctr = shop.mail(number, start, treated, is_read=not is_over)
        verdict, whole = shop.evaluate(state, end)
        done = _decided(shop, state, sequence, Evidence(MODEL, verdict, PASS, whole), end, number)
        weeks.append(Week(key_of(start), state.stage, state.share, state.held is not None, ctr, verdict, done, wrong_way))
    return weeks


def _decided(shop: Shop, state: State, sequence: int, evidence: Evidence, now: dt.datetime, number: int) -> str:
    """What happens by itself on a verdict, else what the manager gets done; in words."""
    week = key_of(now)
    after = automatic(state, evidence.mail, week) if evidence.mail else state
    if after != state:
        note(
            shop.warehouse, after, sequence, action="automatic", by=AUTOMATIC, reason=str(after.held), evidence=evidence, now=now
        )
        return f"by itself: {'back to shadow' if after.stage == SHADOW else 'on hold'}"
    if (
        state.stage == EXPERIMENT
        and evidence.whole_weeks >= shop.settings.rollout.looks
        and evidence.mail
        and evidence.mail.decision != PASS
    ):
        after = replace(moved(state, SHADOW, evidence, week=week), held="the experiment has shown nothing")
        note(
            shop.warehouse,
            after,
            sequence,
            action=SHADOW,
            by=MANAGER,
            reason="the planned looks are over",
            evidence=evidence,
            now=now,
        )
        return "back to shadow: the planned looks are over"
    to = state.next_stage
    # Before the experiment there is mail to compare with; after a rollback nobody tries again.
    if to is None or (state.stage == SHADOW and (number + 1 < shop.settings.rollout.pre_period_weeks or state.held)):
        return ""
    try:
        reason = "the gates allow it"
        after = moved(
            state, to, evidence, by=MANAGER, reason=reason, week=week, min_weeks=shop.settings.rollout.min_weeks_at_stage
        )
    except MoveRefused as refusal:
        return f"refused: {refusal}"
    note(shop.warehouse, after, sequence, action=to, by=MANAGER, reason=reason, evidence=evidence, now=now)
    return f"up to {to}"


def _wrong_way(before: NDArray[np.bool_], after: NDArray[np.bool_], was: float, share: float) -> int:
    """People whose arm changed against the share: out of the treated while it rose, into them while it fell."""
    left, joined = int((before & ~after).sum()), int((~before & after).sum())
    if share > was:
        return left
    return joined if share < was else left + joined
