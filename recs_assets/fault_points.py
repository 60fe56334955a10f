"""Named points around every write at which a fault must lose nothing; a test arms one and looks at what is left.

``RECS_FAULT=point:way`` in the environment arms one; nothing else does, and in production nobody sets it.
"""

import errno
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

ARMED_BY = "RECS_FAULT"
# Room enough for the interpreter to say what happened, too little for any table.
MEMORY_LEFT_BYTES = 1 << 20

POINTS: Mapping[str, str] = {
    "scratch.made": "a draft or a spill has its folder, and nothing in it",
    "scratch.removing": "a draft or a spill is done with, its folder still there",
    "draft.path": "a checkpoint, graph or export is about to be written into a draft",
    "draft.table": "a table is about to be written into a draft",
    "draft.document": "a document is about to be written into a draft",
    "draft.written": "a file of a draft is whole, and not described yet",
    "export.opened": "a Parquet file is open, with no row group in it",
    "export.group": "a row group is about to be written",
    "export.written": "a Parquet file is closed",
    "store.described": "the files are hashed, the manifest is not written",
    "store.manifest": "the manifest is written, nothing is flushed",
    "store.flushed": "all files are on the disk, the version has no name yet",
    "store.renamed": "the version has its name, the pointer names the one before",
    "store.pointer": "the new pointer is written beside the old one",
    "store.pointed": "the pointer names the new version",
    "checkpoint.begun": "a checkpoint is about to be written",
    "checkpoint.written": "a checkpoint is written and hashed, nothing is flushed",
    "checkpoint.flushed": "a checkpoint is on the disk, without its name",
    "checkpoint.renamed": "a checkpoint has its name, the oldest one is still there",
    "checkpoint.pruned": "the oldest checkpoint is gone",
    "attach.opened": "the warehouse is open for writing, nothing is written",
    "attach.made": "the fixed tables are there",
    "stage.begun": "the transaction that notes a staged table is open",
    "stage.noting": "the table is in the list of staged ones, uncommitted",
    "stage.noted": "the table is in the list of staged ones, and not there yet",
    "stage.made": "the staged table is there, without its rows: in BigQuery, where its columns come first",
    "stage.filled": "the staged table is there, with its rows",
    "append.deleted": "the rows of a ledger to be replaced are deleted, uncommitted",
    "append.inserted": "the rows of a ledger are inserted, uncommitted",
    "append.committed": "the rows of a ledger are there",
    "publish.begun": "the transaction of publishing is open and everything has been checked",
    "publish.mailed": "the wide table is replaced, uncommitted",
    "publish.deleted": "the week's old rows are deleted, uncommitted",
    "publish.inserted": "the week's new rows are inserted, uncommitted",
    "publish.verified": "the new rows are read back and are the audited ones, uncommitted",
    "publish.recorded": "the publication is in the ledger, about to be committed",
    "publish.committed": "the new version is served, old ones are not dropped yet",
    "publish.pruned": "old versions and orphans are dropped",
    "prune.begun": "what nobody needs is known, nothing has gone",
    "prune.unpointed": "the pointer to a version that goes is gone, the version still there",
    "prune.moved": "a version is in the trash",
    "prune.emptying": "all versions that go are in the trash",
    "prune.emptied": "the trash is gone",
    "prune.table": "a table that nobody needs is dropped, and still in the list of staged ones",
    "prune.dropped": "tables that nobody needs are dropped",
    "prune.deleted": "rows of old weeks are deleted, uncommitted",
    "prune.forgotten": "rows of old weeks are gone",
    "erase.deleted": "rows of people who are gone are deleted from a table, uncommitted",
    "erase.noted": "what is left of all tables is in the ledger, uncommitted",
    "erase.committed": "people who are gone are erased",
    "restore.begun": "the transaction of a rollback is open and everything has been checked",
    "restore.mailed": "the wide table is replaced, uncommitted",
    "restore.deleted": "the week's rows are deleted, uncommitted",
    "restore.inserted": "the earlier version's rows are inserted, uncommitted",
    "restore.verified": "the earlier version's rows are read back and are the audited ones, uncommitted",
    "restore.recorded": "the rollback is in the ledger, about to be committed",
    "restore.committed": "the earlier version is served",
}
# Points at which there is a file that could have lost its end.
WITH_FILE = frozenset(
    {
        "draft.written",
        "export.written",
        "store.manifest",
        "store.flushed",
        "store.renamed",
        "store.pointer",
        "checkpoint.written",
        "checkpoint.flushed",
        "checkpoint.renamed",
    }
)
WAYS = ("kill", "raise", "hang", "disk-full", "out-of-memory", "truncate")


def reached(point: str, file: Path | None = None) -> None:
    """Fail in the way that the environment has armed for this point, if any.

    Args:
        point: one of ``POINTS``.
        file: what the way ``truncate`` cuts in half.
    """
    armed = os.environ.get(ARMED_BY)
    if armed is not None:
        _fail(armed, point, file)


def _fail(armed: str, point: str, file: Path | None) -> None:
    if point not in POINTS:
        raise ValueError(f"'{point}' is not a fault point; add it to fault_points.POINTS.")
    wanted, _, way = armed.partition(":")
    if wanted not in POINTS or way not in WAYS:
        raise ValueError(f"{ARMED_BY}={armed} is not point:way with a way of {', '.join(WAYS)}.")
    if point != wanted:
        return
    print(f"fault {armed}", file=sys.stderr, flush=True)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "hang":
        signal.pause()
    elif way == "raise":
        raise OSError(errno.EIO, f"the disk failed at {point}")
    elif way == "disk-full":
        # From here on no file can grow.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    elif way == "out-of-memory":
        limit = _address_space_bytes() + MEMORY_LEFT_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    elif file is not None:
        os.truncate(file, file.stat().st_size // 2)


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
