"""Folders for work in progress: nobody shares one, and what a killed process left is gone on with or removed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from recs_assets.resources.store.scratch import alone_in, scratch

KILLED = """
import os, signal, sys
from pathlib import Path
from recs_assets.resources.store.scratch import alone_in, scratch
with {opened} as folder:
    (folder / "half").write_text("done")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_within(opened: str, folder: Path) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED.format(opened=opened), str(folder)], check=False)
    assert process.returncode == -signal.SIGKILL


def test_scratch_is_gone_at_the_end_and_after_a_failure(tmp_path: Path) -> None:
    with scratch(tmp_path, "run") as folder:
        (folder / "file").touch()
    with pytest.raises(ZeroDivisionError), scratch(tmp_path, "run"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_scratch_sweeps_what_a_killed_process_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    with scratch(tmp_path, "living") as living:
        killed_within("scratch(Path(sys.argv[1]), 'killed')", tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        with scratch(tmp_path, "next") as following:
            assert sorted(tmp_path.iterdir()) == sorted([living, following])


def test_who_comes_second_waits_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, order = tmp_path / "work", []

    def second() -> None:
        with alone_in(folder):
            order.append("second")

    with alone_in(folder):
        thread = threading.Thread(target=second)
        thread.start()
        while f"another run works in {folder}" not in caplog.text:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    # The first one removed the folder at its end, and the second made it anew for itself.
    assert order == ["first", "second"]
    assert not folder.exists()


def test_what_a_killed_process_left_is_there_for_the_next(tmp_path: Path) -> None:
    killed_within("alone_in(Path(sys.argv[1]))", tmp_path / "work")
    with alone_in(tmp_path / "work") as folder:
        assert (folder / "half").read_text() == "done"
        assert os.stat(folder).st_mode & 0o077 == 0
        (folder / "half").unlink()
    assert not folder.exists()


def test_many_at_once_are_never_two_at_a_time(tmp_path: Path) -> None:
    folder, at_work, seen = tmp_path / "work", [], []

    def work(number: int) -> None:
        for _ in range(50):
            with alone_in(folder):
                at_work.append(number)
                seen.append(len(at_work))
                at_work.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 200
    assert not folder.exists()
