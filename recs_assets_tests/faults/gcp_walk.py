"""The fault points where tables are BigQuery's and files a bucket's: who passes each, and what it has to leave.

A dataset cannot be copied for each fault: every run begins with what the one before it has left, and the last one finishes.
``store.*`` and the rest of ``prune.*`` are walked in ``resources/store/test_bucket.py``, with the bucket alone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from recs_assets.own_tables import FIXED_TABLES
from recs_assets_tests.faults.gcp import (
    Cluster,
    current_note,
    erase_one,
    erased,
    fixed_tables,
    newest_epoch,
    open_warehouse,
    prepare,
    prune_tables,
    pruned,
    publish_second,
    restore_first,
    save_epoch,
    served_version,
    stage_and_audit,
    staged_and_audited,
    without_one,
    write_draft,
)
from recs_assets_tests.faults.runs import ENDS, fail
from recs_assets_tests.faults.walk import CONVERGED, Case, Ending, Outcome


@dataclass(frozen=True)
class Walk:
    """An operation, what somebody else finds of it, and what that is where it is killed, point after point.

    The last point is passed when all is done: what is found there, a run to the end leaves as well. ``before``: what has to be
    there first.
    """

    run: Callable[[Cluster], object]
    look: Callable[[Cluster], object]
    left: Mapping[str, object]
    before: Callable[[Cluster], Cluster] = lambda at: at


BEFORE_A_COMMIT = ("begun", "mailed", "deleted", "inserted", "verified", "recorded")
BEFORE_A_VERSION = (
    "scratch.made",
    "draft.path",
    "export.opened",
    "export.group",
    "export.written",
    "draft.table",
    "draft.document",
    "draft.written",
)
# Of tables in the list of staged ones, when the orphan is filled.
N_LISTED = 5
WALKS: Mapping[str, Walk] = {
    "open": Walk(open_warehouse, fixed_tables, {"attach.opened": 0, "attach.made": len(FIXED_TABLES)}),
    "draft": Walk(
        write_draft,
        current_note,
        dict.fromkeys(BEFORE_A_VERSION, "first") | {"scratch.removing": "second"},
        before=prepare,
    ),
    "checkpoint": Walk(
        save_epoch,
        newest_epoch,
        # One that is renamed is on the disk of a machine that is gone.
        dict.fromkeys(("checkpoint.begun", "checkpoint.written", "checkpoint.flushed", "checkpoint.renamed"), 2)
        | {"checkpoint.pruned": 3},
    ),
    "stage": Walk(
        stage_and_audit,
        staged_and_audited,
        dict.fromkeys(("stage.begun", "stage.noting"), (False, None, 0))
        | {"stage.noted": (True, None, 0), "stage.made": (True, 0, 0)}
        | dict.fromkeys(("stage.filled", "append.deleted", "append.inserted"), (True, N_LISTED, 0))
        | {"append.committed": (True, N_LISTED, 1)},
    ),
    "publish": Walk(
        publish_second,
        served_version,
        {f"publish.{word}": "one" for word in BEFORE_A_COMMIT} | dict.fromkeys(("publish.committed", "publish.pruned"), "two"),
    ),
    "restore": Walk(
        restore_first,
        served_version,
        {f"restore.{word}": "two" for word in BEFORE_A_COMMIT} | {"restore.committed": "one"},
    ),
    "prune": Walk(
        prune_tables,
        pruned,
        {
            "prune.table": (True, False, 1),
            "prune.dropped": (False, False, 1),
            "prune.deleted": (False, False, 1),
            "prune.forgotten": (False, False, 0),
        },
    ),
    # The one person who is erased was one of two, in the lists and the mail of two versions and in what is served.
    "erase": Walk(
        erase_one,
        erased,
        {"erase.deleted": ("one", 0), "erase.noted": ("one", 0), "erase.committed": ("one, erased", 6)},
        before=without_one,
    ),
}
# Passed once only: what is done is not done again.
ONCE = {"restore.committed", "erase.committed"}
# What ``make test`` tries: what is BigQuery's own, the last moment before an operation's end, and what comes after it.
QUICK = [
    ("attach.opened", "kill"),
    ("attach.made", "kill"),
    ("export.group", "kill"),
    ("checkpoint.renamed", "kill"),
    ("stage.noting", "raise"),
    ("stage.noted", "kill"),
    ("stage.made", "kill"),
    ("append.inserted", "raise"),
    ("append.committed", "kill"),
    ("publish.recorded", "raise"),
    ("publish.committed", "kill"),
    ("prune.table", "kill"),
    ("prune.deleted", "kill"),
    ("erase.noted", "kill"),
]


def all_faults() -> list[tuple[str, str]]:
    """Every point in every way."""
    return [(point, way) for of in WALKS.values() for point in of.left for way in ENDS if way == "kill" or point not in ONCE]


def walk(at: Cluster, faults: Collection[tuple[str, str]]) -> Iterator[Outcome]:
    """What came of faults, operation by operation; each operation is run to its end whether it was to fail or not.

    Args:
        at: an empty place.
        faults: points and ways.
    """
    for operation, of in WALKS.items():
        at = of.before(at)
        for point, expected in of.left.items():
            for way in [way for way in ENDS if (point, way) in faults]:
                yield _outcome(Case(f"gcp {operation}", point, way), of, at, expected)
        of.run(at)
        left = of.look(at)
        assert left == expected, f"the run after {point} left {left} and not {expected}"


def _outcome(case: Case, of: Walk, at: Cluster, expected: object) -> Outcome:
    ending, verdict = None, CONVERGED
    try:
        exit_code = fail(case.way, case.point, of.run, at)
        left = of.look(at)
        ending = Ending(exit_code, "", str(left))
        assert left == expected, f"{expected} should be left"
    except Exception as error:
        verdict = f"BROKEN: {error!r}"
    return Outcome(case, ending, verdict)
