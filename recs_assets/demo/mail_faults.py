"""What can go wrong with an experiment by mail, each put into an otherwise right one: every one has to be found."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from recs_assets.demo.mailing import CLICKED, DELIVERED, MailLog
from recs_assets.rollout.arms import CONTROL, TREATED, arm, bucket

MISSING_SHARE = 0.08
"""Of the treated who are not assigned, or not mailed, under ``unequal``."""

IN_BOTH = 64
"""People who stand in both arms, as happened."""

LATE_SHARE = 0.7
"""Of the newest week's deliveries and clicks that have not come yet."""


def unequal(rng: np.random.Generator, assignment: pa.Table) -> pa.Table:
    """An assignment that has lost some of the treated."""
    is_treated = pc.equal(assignment["arm"], TREATED).to_numpy()
    return assignment.filter(pa.array(~is_treated | (rng.random(assignment.num_rows) >= MISSING_SHARE)))


def two_arms(rng: np.random.Generator, assignment: pa.Table) -> pa.Table:
    """An assignment with some people in both arms."""
    again = assignment.take(pa.array(rng.choice(assignment.num_rows, IN_BOTH, replace=False)))
    other = pc.if_else(pc.equal(again["arm"], TREATED), CONTROL, TREATED)
    return pa.concat_tables([assignment, again.set_column(again.schema.get_field_index("arm"), "arm", other)])


def salt_changed(rng: np.random.Generator, assignment: pa.Table) -> pa.Table:
    """An assignment whose second half was dealt with another salt."""
    rows = assignment.to_pylist()
    for row in rows[len(rows) // 2 :]:
        row["bucket"] = bucket("another salt", row["user_id"])
        row["arm"] = arm(row["bucket"], 0.5)
    return pa.Table.from_pylist(rows, assignment.schema)


def late(rng: np.random.Generator, log: MailLog, newest: int) -> MailLog:
    """A log whose newest week has not come whole: of what became of its mails most is missing."""
    concerned: NDArray[np.bool_] = (log.number == newest) & np.isin(log.stage, (DELIVERED, CLICKED))
    return log.taken(~(concerned & (rng.random(log.user.size) < LATE_SHARE)))


def unmailed(rng: np.random.Generator, recipients: NDArray[np.int64], treated: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The recipients (user rows) of a sender that skips some of the treated (by user row)."""
    return recipients[~treated[recipients] | (rng.random(recipients.size) >= MISSING_SHARE)]


UNEQUAL, LATE = "unequal", "late"
OF_ASSIGNMENT: dict[str, Callable[[np.random.Generator, pa.Table], pa.Table]] = {
    UNEQUAL: unequal,
    "two_arms": two_arms,
    "salt": salt_changed,
}
"""Faults of the assignment."""

OF_LOG = (UNEQUAL, LATE)
"""Faults that the log of the mail alone can have."""

FAULTS = (*OF_ASSIGNMENT, LATE)
