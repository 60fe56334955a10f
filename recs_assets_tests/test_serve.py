"""The supervised deployment: real servers on a free port, ended by a signal; and the files that start it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

import recs_assets
from recs_assets import serve

pytestmark = pytest.mark.long
DEPLOY = Path(recs_assets.__file__).parent / "deploy"
SECONDS = 90.0
HEALTH = """{instance {daemonHealth {allDaemonStatuses {daemonType healthy}}}
  schedulesOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "recs_assets"}) {
    ... on Schedules {results {name scheduleState {status}}}}}"""


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def asked(port: int, query: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def _healthy(port: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The answer of the webserver once scheduler and sensors are alive."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        assert process.poll() is None
        try:
            answer = asked(port, HEALTH)
            healthy = {one["daemonType"] for one in answer["instance"]["daemonHealth"]["allDaemonStatuses"] if one["healthy"]}
            if healthy >= {"SCHEDULER", "SENSOR"}:
                return answer
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError("the servers are not at work")


def groups_of(parent: int) -> set[int]:
    """The process groups of a process's children."""
    text = subprocess.run(["ps", "-eo", "ppid,pgid"], capture_output=True, text=True, check=True).stdout
    return {int(group) for line in text.splitlines()[1:] for own, group in [line.split()] if int(own) == parent}


def at_work(groups: set[int]) -> set[int]:
    text = subprocess.run(["ps", "-eo", "pgid,stat"], capture_output=True, text=True, check=True).stdout
    return groups & {int(line.split()[0]) for line in text.splitlines()[1:] if not line.split()[1].startswith("Z")}


@pytest.mark.long
def test_it_serves_runs_schedules_that_the_settings_enable_and_ends_without_children(tmp_path: Path) -> None:
    port, settings = free_port(), tmp_path / "own.yaml"
    settings.write_text("schedules: {enabled: true}")
    environment = os.environ | {
        "RECS_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "RECS_SETTINGS": str(settings),
    }
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "recs_assets.serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        answer = _healthy(port, process)
        assert {one["name"]: one["scheduleState"]["status"] for one in answer["schedulesOrError"]["results"]} == {
            "nightly": "RUNNING",
            "weekly": "RUNNING",
        }
        groups = groups_of(process.pid)
        assert len(groups) == 3
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(2 * serve.GRACE_SECONDS + 5) == 0
    assert at_work(groups) == set()


SLEEPING = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(os.getpid(), file=open(sys.argv[1], 'w'), flush=True); time.sleep(600)",
]


def test_where_one_server_ends_all_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ready").touch()
    servers = {"webserver": SLEEPING, "daemon": [sys.executable, "-c", ""]}
    assert serve.serve(servers, tmp_path / "ready", threading.Event()) == 1
    assert capsys.readouterr().err == "The daemon ended by itself; all end. Its last lines say why.\n"


def test_where_the_code_server_fails_nothing_else_is_begun(tmp_path: Path) -> None:
    servers = {"code server": [sys.executable, "-c", ""], "webserver": ["/no/such/program"]}
    assert serve.serve(servers, tmp_path / "never", threading.Event()) == 1


def test_a_server_that_does_not_hear_is_killed_with_what_it_has_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "GRACE_SECONDS", 0.5)
    told = threading.Event()
    threading.Timer(0.5, told.set).start()
    assert serve.serve({"daemon": [*DEAF, str(tmp_path / "ready")]}, tmp_path / "ready", told) == 0
    assert at_work({int((tmp_path / "ready").read_text())}) == set()


def test_the_unit_is_one_that_systemd_takes() -> None:
    unit = (DEPLOY / "recs_assets.service").read_text()
    assert "ExecStart=/usr/bin/make serve" in unit
    keys = [line for line in unit.splitlines() if "=" in line and not line.startswith("#")]
    assert len(keys) >= 10
    if shutil.which("systemd-analyze") and Path("/usr/bin/make").exists():
        command = ["systemd-analyze", "verify", "--man=no", str(DEPLOY / "recs_assets.service")]
        verified = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (verified.returncode, [line for line in verified.stderr.splitlines() if "recs_assets" in line]) == (0, [])


def test_the_compose_file_serves_this_machine_alone_and_keeps_what_runs_make() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    service = compose["services"]["recs_assets"]
    assert service["command"] == "make serve BIND=0.0.0.0 PORT=3000 RECS_HOME=/kept"
    assert service["ports"] == ["127.0.0.1:3000:3000"]
    named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith((".", "$"))}
    assert named == set(compose["volumes"])
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > 2 * serve.GRACE_SECONDS
    assert f"TimeoutStopSec={grace}" in (DEPLOY / "recs_assets.service").read_text()
