"""The whole local deployment under one command: code server, webserver and daemon, which lets schedules and sensors run.

    python -m recs_assets.serve [--host 127.0.0.1] [--port 3000]

Where one of the three ends by itself, all end, and whoever started this starts it again (``recs_assets/deploy``). SIGTERM or
Ctrl-C ends them all within seconds, runs that they have launched among them.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from recs_assets import dagster_home
from recs_assets.run_origin import LOCATION

MODULE = "recs_assets.definitions"
# A run that is told to end has three seconds for it (``interrupts``).
GRACE_SECONDS, LOOK_SECONDS, READY_SECONDS = 10.0, 0.2, 120.0
# The webserver and the daemon are the processes of Dagster itself, and know the code by its socket alone.
WORKSPACE = "load_from:\n  - grpc_server:\n      socket: {socket}\n      location_name: {location}\n"


def main(arguments: Sequence[str]) -> int:
    """Serve until told to end; 1 where a server ended by itself."""
    parser = argparse.ArgumentParser(prog="python -m recs_assets.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="whoever reaches it can launch runs: it asks for no password")
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args(arguments)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with dagster_home.opened():  # made once, before three ask for it
        pass
    with tempfile.TemporaryDirectory(prefix="recs_") as folder:
        return serve(commands(Path(folder), options.host, options.port), Path(folder) / "code", told)


def commands(folder: Path, host: str, port: int) -> dict[str, list[str]]:
    """The command of each server, the code server first."""
    workspace = folder / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(socket=folder / "code", location=LOCATION))
    dagster = [sys.executable, "-m"]
    return {
        "code server": [*dagster, "dagster", "code-server", "start", "-s", str(folder / "code"), "-m", MODULE],
        "webserver": [*dagster, "dagster_webserver", "-w", str(workspace), "-h", host, "-p", str(port)],
        "daemon": [*dagster, "dagster._daemon", "run", "-w", str(workspace)],
    }


def serve(servers: Mapping[str, Sequence[str]], ready: Path, told: threading.Event) -> int:
    """Start the servers, those after the first once ``ready`` exists, and end all when told to or when one has ended."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in servers.items():
            # A group of its own takes the runs that a server launches, and keeps a Ctrl-C from reaching it twice.
            running[name] = subprocess.Popen(command, start_new_session=True)
            if not _waited(running, ready, told):
                break
        while not told.is_set():
            if ended := [name for name, process in running.items() if process.poll() is not None]:
                print(f"The {ended[0]} ended by itself; all end. Its last lines say why.", file=sys.stderr)
                return 1
            told.wait(LOOK_SECONDS)
        return 0
    finally:
        end(list(running.values()))


def _waited(running: Mapping[str, subprocess.Popen[bytes]], ready: Path, told: threading.Event) -> bool:
    """Wait for a path to appear; False where a server has ended, or all are told to end, before."""
    until = time.monotonic() + READY_SECONDS
    while not ready.exists() and time.monotonic() < until:
        if told.wait(LOOK_SECONDS) or any(process.poll() is not None for process in running.values()):
            return False
    return True


def end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Tell whole process groups to end, the last started first; kill what is left after the grace."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in reversed(processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        until = time.monotonic() + GRACE_SECONDS
        while any(_is_there(process) for process in processes) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)


def _is_there(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # one that has ended and was not asked for still counts as there
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
