"""One Ctrl-C or SIGTERM ends a process within seconds, in a line that says what was finished and how to go on.

What a signal handler raises is not enough: it waits until C code has come back, is lost in a callback, and breaks an import off
halfway, so that it comes back as another error. The interpreter therefore tells a thread of the signal, whatever handlers
Dagster has set by then. A step has a moment to remove what it has begun; then the process ends. That may cut off any write
(see ``fault_points``): the next run removes what is left behind, and goes on from the last checkpoint of a training.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from recs_assets.terminal import terminal

GRACE_SECONDS = 3.0
# As long may it take to note the end in Dagster's event log.
NOTING_SECONDS = 2.0
# By then the thread has been told of a signal that made a step fail.
TELLING_SECONDS = 0.05
SIGNALS = {signal.SIGINT: "Ctrl-C (SIGINT)", signal.SIGTERM: "SIGTERM"}
# While these are at work the served tables change, in one moment.
PUBLISHING = frozenset({"published_recommendations", "serve_earlier_version"})


class _Process:
    """What this process is doing; there is one."""

    def __init__(self) -> None:
        self.is_command = self.is_watched = False
        self.received, self.unwound = threading.Event(), threading.Event()
        self.run_id: str | None = None
        self.at_work: str | None = None
        self.finished: list[str] = []
        self.cancel: Callable[[], bool] = lambda: False


_process = _Process()


def obey() -> None:
    """End this process, which is a command of the project, on the first signal."""
    _process.is_command = True
    terminal()
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    _watch()


@contextmanager
def step(name: str, run_id: str, cancel: Callable[[], bool]) -> Iterator[None]:
    """A step of a run, for the block: a signal leaves it, and nothing after it begins.

    Args:
        name: of the step.
        run_id: of its run.
        cancel: notes in the event log that the run has been stopped; False where it is not at work any more.
    """
    _watch()
    _stay_if_received()
    if run_id != _process.run_id:
        _process.run_id, _process.finished = run_id, []
    _process.at_work, _process.cancel = name, cancel
    try:
        yield
        _process.finished.append(name)
    except BaseException:
        # Whatever it is, a signal may have caused it.
        _process.received.wait(TELLING_SECONDS)
        raise
    finally:
        _stay_if_received()
        _process.at_work = None


def leave(status: int) -> None:
    """End the process without more ado; after a signal that is left to the thread that was told of it."""
    _stay_if_received()
    os._exit(status)


def _stay_if_received() -> None:
    if _process.received.is_set():
        _process.unwound.set()
        while True:
            with suppress(BaseException):  # a second signal
                time.sleep(GRACE_SECONDS)


def _watch() -> None:
    if _process.is_watched or threading.current_thread() is not threading.main_thread():
        return
    _process.is_watched = True
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # A child that is told to end would tell its parent.
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    threading.Thread(target=_end_when_told, args=(reading,), daemon=True).start()


def _end_when_told(reading: int) -> None:
    while True:
        number = os.read(reading, 1)[0]
        if number in SIGNALS and _end(signal.Signals(number)):
            return


def _end(number: signal.Signals) -> bool:
    """End the process; False where that is not ours to do: no run is at work in somebody else's process."""
    _process.received.set()
    if _process.at_work is not None:
        _process.unwound.wait(GRACE_SECONDS)
    noted: list[bool] = []
    noting = threading.Thread(target=_note, args=(noted,), daemon=True)
    noting.start()
    noting.join(NOTING_SECONDS)
    if noted == [False] and not _process.is_command:
        _process.received.clear()
        return False
    try:
        print(_told(number), file=terminal(), flush=True)
    finally:  # whether or not anybody reads it
        os._exit(128 + number)


def _note(noted: list[bool]) -> None:
    """Note the end in the event log, and in ``noted`` what came of it."""
    while not noted:
        try:
            noted.append(_process.cancel())
        except Exception:
            # The step may be writing to the log in this moment.
            time.sleep(TELLING_SECONDS)


def _told(number: signal.Signals) -> str:
    name = SIGNALS[number]
    if _process.run_id is None:
        return f"Stopped by {name}. Nothing is left half done: run the same command again."
    where = f" in {_process.at_work}" if _process.at_work else ""
    finished = f"finished before: {', '.join(_process.finished)}" if _process.finished else "no step was finished"
    served = "Nothing was published: what was served stays."
    if PUBLISHING & {*_process.finished, _process.at_work}:
        served = "A list is published whole or not at all: make versions says which one is served."
    return (
        f"Stopped by {name}{where}; {finished}. {served} "
        "Run the same command again to go on; a training goes on from its last epoch."
    )
