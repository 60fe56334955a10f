"""Programs that speak the protocols of BigQuery and of its bucket, as processes of their own on ports that are free."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recs_assets_tests.stand_ins.environment import environment, home, python

PROJECT = "stand-in"
SECONDS = 60.0
STORAGE_SERVER = Path(__file__).with_name("storage_server.py")
BIGQUERY_SERVER = Path(__file__).with_name("bigquery_server.py")
# Where the server of a bucket keeps its objects, below its folder.
OBJECTS = ".cloudstorage"


@dataclass(frozen=True)
class Storage:
    """A server of buckets: its address, as ``STORAGE_EMULATOR_HOST`` names it, and the folder of their objects."""

    url: str
    objects: Path

    def make_bucket(self, name: str) -> None:
        """A new, empty bucket."""
        self.client().create_bucket(name)

    def client(self) -> Any:
        """A client of Google's for it."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import storage

        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        return storage.Client(project=PROJECT, credentials=anonymous, client_options={"api_endpoint": self.url})


@dataclass(frozen=True)
class BigQuery:
    """A BigQuery: the addresses of its REST and of its storage API (gRPC, ``host:port``), and the file of its log."""

    url: str
    grpc: str
    log: Path


@contextmanager
def storage_server(folder: Path) -> Iterator[Storage]:
    """A server of buckets for the block, its objects below ``folder``.

    Raises:
        UnavailableError: the stand-ins cannot be installed here.
    """
    command = [str(STORAGE_SERVER), str(folder)]
    with _process(command, folder / "storage.log", (r"^(\d+)$",)) as (port,):
        yield Storage(f"http://127.0.0.1:{port}", folder / OBJECTS)


@contextmanager
def bigquery_server(folder: Path, objects: Path) -> Iterator[BigQuery]:
    """A BigQuery for the block, in memory, which finds what is in buckets below ``objects``.

    Raises:
        UnavailableError: the stand-ins cannot be installed here.
    """
    command = [str(BIGQUERY_SERVER), "start", "--ephemeral", "--project", PROJECT, "--rest-port", "0", "--grpc-port", "0"]
    variables = {"BQEMU_GCS_LOCAL_ROOT": str(objects), "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false"}
    ports = tuple(rf'"port": (\d+), "event": "{event}.listen"' for event in ("rest", "grpc"))
    log = folder / "bigquery.log"
    objects.mkdir(parents=True, exist_ok=True)
    with _process([*command, "--log-level", "info"], log, ports, variables) as (rest, grpc):
        yield BigQuery(f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc}", log)


@contextmanager
def _process(
    command: Sequence[str], log: Path, told: Sequence[str], variables: Mapping[str, str] | None = None
) -> Iterator[list[str]]:
    """A program of the environment's, once its log has told all that the patterns ``told`` look for."""
    folder = environment()
    log.parent.mkdir(parents=True, exist_ok=True)
    names = {"PATH": os.environ.get("PATH", ""), "HOME": str(home(folder)), "TMPDIR": str(log.parent)} | dict(variables or {})
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python(folder)), *command], cwd=log.parent, env=names, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield _waited_for(process, log, told)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _waited_for(process: subprocess.Popen[bytes], log: Path, told: Sequence[str]) -> list[str]:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        text = log.read_text()
        matches = [re.search(pattern, text, re.MULTILINE) for pattern in told]
        if all(matches):
            return [match[1] for match in matches if match]
        time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} is not at work after {SECONDS:.0f} seconds or has ended: {log.read_text()[-2000:]}")
