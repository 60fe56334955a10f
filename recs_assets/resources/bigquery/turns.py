"""Whose turn it is to write: a transaction is a session of BigQuery's that changes the one row of the table ``turn`` first.

Of two transactions that change one table BigQuery aborts one. Here that happens before it has done anything, and it begins again
when the other has ended: one run writes at a time, as with the lock on DuckDB's file, and reads what the one before has written.
"""

import datetime as dt
import logging
import random
import time

from google.cloud import bigquery

from recs_assets.own_tables import TURN
from recs_assets.resources import running
from recs_assets.resources.bigquery.failures import ConcurrentError
from recs_assets.resources.bigquery.jobs import REQUEST_SECONDS, Jobs, Ran, Turn
from recs_assets.resources.bigquery.types import table_schema
from recs_assets.resources.errors import WarehouseError
from recs_assets.resources.queries import change_text, prepare
from recs_assets.resources.table_names import resolved

TURN_TABLE = "turn"
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 5.0
# So many waits later the others' jobs are looked at once more: a process that was killed leaves its transaction open.
WAITS_A_LOOK = 4
JOBS_A_PAGE = 1000

log = logging.getLogger(__name__)


class Turns:
    """Transactions, one after the other."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._path = f"{jobs.places.tables}.{TURN_TABLE}"

    def make(self) -> None:
        """Make the table; its row is made by the first who finds none."""
        table = bigquery.Table(self._path, table_schema(TURN))
        with self._jobs.told(f"the table {self._path}"):
            self._jobs.client.create_table(table, exists_ok=True, retry=self._jobs.retry, timeout=REQUEST_SECONDS)

    def take(self) -> str:
        """Begin a transaction when it is one's turn; the id of its session.

        Raises:
            ConcurrentError: it was another run's turn for too long; the message says whose.
        """
        wait, until, n_waits = FIRST_WAIT_SECONDS, time.monotonic() + 2 * self._jobs.settings.turn_seconds, 0
        ended = set[str]()
        while True:
            ran = self._jobs.query("BEGIN TRANSACTION", name="begin", turn="opens")
            session = _session_of(ran.job) or ""
            try:
                if self._changed(session):
                    return session
                self._end(session)
                self._run("insert_turn", taken_by=None)
                continue
            except ConcurrentError as error:
                self._end(session)
                is_over = time.monotonic() >= until
                if (is_over or n_waits % WAITS_A_LOOK == 0) and self._end_abandoned(ended):
                    continue
                if is_over:
                    raise ConcurrentError(f"{error} It is the turn of {self._holder() or 'another run'} to write.") from error
            except WarehouseError:
                self._end(session)
                raise
            # Of several that wait, not all ask at once.
            time.sleep(wait * random.uniform(0.5, 1))
            wait, n_waits = min(2 * wait, LONGEST_WAIT_SECONDS), n_waits + 1

    def commit(self, session: str) -> None:
        """Make what a transaction has changed last."""
        self._jobs.query("COMMIT TRANSACTION", name="commit", session=session, turn="ends")
        self._end(session)

    def roll_back(self, session: str) -> None:
        """Undo what a transaction has changed."""
        self._end(session)

    def _changed(self, session: str) -> bool:
        """Take the turn in a session; whether there was a row to change."""
        step = running.current()
        taken = self._run("take_turn", taken_by=step.run_id or step.name, session=session, turn="takes")
        return bool(taken.job.num_dml_affected_rows)

    def _run(self, change: str, *, taken_by: str | None, session: str | None = None, turn: Turn | None = None) -> Ran:
        text, bound = prepare(change, {"taken_by": taken_by, "taken_at": dt.datetime.now(dt.UTC)}, change_text)
        return self._jobs.query(resolved(text, {TURN_TABLE: f"`{self._path}`"}), bound, name=change, session=session, turn=turn)

    def _end(self, session: str) -> None:
        try:
            self._jobs.query("CALL BQ.ABORT_SESSION()", name="end", session=session, turn="ends")
        except WarehouseError as error:
            # What it has committed is there; the rest is undone when the session ends by itself, or by the next run.
            log.warning("a session that is over could not be ended: %s", error)

    def _holder(self) -> str | None:
        """The run whose transaction is open."""
        return next((f"run {run}" for run, _ in self._open().values()), None)

    def _end_abandoned(self, ended: set[str]) -> bool:
        """End transactions in which nothing has happened for so long that their process must have been killed.

        Args:
            ended: those that were ended before, to which the new ones are added.

        Returns:
            Whether there were any.
        """
        before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=self._jobs.settings.turn_seconds)
        abandoned = {session: of for session, of in self._open().items() if of[1] < before and session not in ended}
        for session, (run, last) in abandoned.items():
            log.warning("the transaction of run %s is ended: nothing has happened in it since %s", run, last)
            self._end(session)
        ended |= abandoned.keys()
        return bool(abandoned)

    def _open(self) -> dict[str, tuple[str, dt.datetime]]:
        """The sessions that have taken the turn and not ended: the run of each, and when its last job began or, at work, now."""
        now = dt.datetime.now(dt.UTC)
        with self._jobs.told("the list of jobs"):
            since = now - dt.timedelta(days=1)
            listed = list(
                self._jobs.client.list_jobs(
                    min_creation_time=since, page_size=JOBS_A_PAGE, retry=self._jobs.retry, timeout=REQUEST_SECONDS
                )
            )
        sessions: dict[str, tuple[str, dt.datetime]] = {}
        ended = set[str]()
        for job in sorted(listed, key=lambda job: job.created):
            if not isinstance(job, bigquery.QueryJob) or (session := _session_of(job)) is None:
                continue
            is_about_us = job.labels.get("tables") == self._jobs.tables_label and not job.error_result
            turn = job.labels.get("turn") if is_about_us else None
            if turn == "ends":
                ended.add(session)
            if turn == "takes" or session in sessions:
                sessions[session] = (job.labels.get("run", "unknown"), now if job.state == "RUNNING" else job.created)
        return {session: of for session, of in sessions.items() if session not in ended}


def _session_of(job: bigquery.QueryJob) -> str | None:
    return None if job.session_info is None else str(job.session_info.session_id)
