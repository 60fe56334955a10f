"""The planted world, run once for all tests and all their processes; whoever changes anything takes a copy."""

import atexit
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

# Read when BLAS and OpenMP are loaded, with scipy and torch. Their threads would wait, spinning, for cores on which other
# processes test.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import dagster as dg
import pytest
from hypothesis import settings
from scipy import linalg  # noqa: F401

from recs_assets.demo.presets import PRESETS
from recs_assets.demo.world import write_world
from recs_assets.resources.store.scratch import locked
from recs_assets_tests.stand_ins import servers
from recs_assets_tests.stand_ins.environment import UnavailableError
from recs_assets_tests.worlds import NEXT_WEEK, WEEK, Place

T = TypeVar("T")

# What takes seconds to be there.
LONG_FIXTURES = {"first_run", "storage_server", "bigquery_server"}

# Whether a property holds does not hang on how long another process keeps the machine from showing it.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@atexit.register
def _say_no_more() -> None:
    # All has been told by now. DuckDB's binding would complain, over forty lines, of objects that it leaks itself once torch is
    # in the same process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what waits for runs of the graph, or for Google's services stood in for: by what is asked for; and the modules that
    run a shop of their own."""
    for item in items:
        if isinstance(item, pytest.Function):
            runs_a_shop = any(hasattr(item.module, shop) for shop in ("small_shop", "busy_shop"))
            if runs_a_shop or LONG_FIXTURES & set(item.fixturenames):
                item.add_marker(pytest.mark.long)


@dataclass(frozen=True)
class Run:
    """A finished run and the place it left behind."""

    place: Place
    result: dg.ExecuteInProcessResult


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What ``make`` gives, called with a new folder by the first of the processes that test and read by all others."""
    root = factory.getbasetemp()
    common = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = common / f"shared_{name}"
    folder.mkdir(exist_ok=True)
    with locked(folder):
        made = folder / "made.pickle"
        if not made.exists():
            made.write_bytes(pickle.dumps(make(Path(tempfile.mkdtemp(dir=folder)))))
    result: T = pickle.loads(made.read_bytes())
    return result


def shared_run(factory: pytest.TempPathFactory, name: str, begin: Callable[[Path], Place], job: str, week: str) -> Run:
    """A job's run in the place that ``begin`` makes, done once for all processes that test."""

    def finish(folder: Path) -> tuple[Any, ...]:
        place = begin(folder)
        result = place.launch(job, week)
        return place.source, place.home, result.all_events, result.dagster_run

    source, home, events, run = shared(factory, name, finish)
    place = Place(source, home)
    return Run(place, dg.ExecuteInProcessResult(events, run, {}, place.definitions().resolve_job_def(job)))


@pytest.fixture
def umask() -> Iterator[None]:
    """A command sets its process's umask, which is this one's here."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def storage_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Storage]:
    """A server of buckets, one for each process that asks for it; whoever uses it makes a bucket of their own."""
    with ExitStack() as ending:
        try:
            server = ending.enter_context(servers.storage_server(tmp_path_factory.mktemp("storage")))
        except UnavailableError as reason:
            pytest.skip(str(reason))
        yield server


@pytest.fixture(scope="session")
def bigquery_server(storage_server: servers.Storage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.BigQuery]:
    """A BigQuery that finds what is in the buckets of ``storage_server``; whoever uses it makes datasets of their own."""
    with servers.bigquery_server(tmp_path_factory.mktemp("bigquery"), storage_server.objects) as server:
        yield server


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source folder of the tiny world."""

    def write(folder: Path) -> Path:
        write_world(folder, PRESETS["tiny"], seed=1)
        return folder

    return shared(tmp_path_factory, "tiny_world", write)


@pytest.fixture(scope="session")
def first_run(tiny_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every asset of the last whole week, from nothing to the served table."""
    return shared_run(tmp_path_factory, "first_run", lambda folder: Place(tiny_world, folder), "everything", WEEK)


@pytest.fixture(scope="session")
def night(first_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first night of the week after it."""
    return shared_run(tmp_path_factory, "night", first_run.place.copy, "nightly", NEXT_WEEK)
