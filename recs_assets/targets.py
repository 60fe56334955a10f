"""Where the same graph runs: one column a target, one row a thing that differs between them."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

PACKAGE = Path(__file__).parent
HOME = "RECS_HOME"
SOURCE = "RECS_SOURCE"
TARGET = "RECS_TARGET"


class TargetError(ValueError):
    """The environment asks for something that does not exist; the message says what to set."""


@dataclass(frozen=True)
class Target:
    """One column of the table; ``variables``: what the environment has to name, and what each of them is."""

    warehouse: Callable[[Settings], Warehouse]
    store: Callable[[], Store]
    executor: Callable[[], "dg.ExecutorDefinition"]
    variables: Mapping[str, str] = field(default_factory=dict)


def home() -> Path:
    """The folder for everything that runs leave behind: ``RECS_HOME``, by default ``.recs`` in the working directory."""
    return Path(os.environ.get(HOME, ".recs")).absolute()


def source() -> Path:
    """The folder or database of source tables: ``RECS_SOURCE``, by default the demo world in ``RECS_HOME``."""
    return Path(os.environ.get(SOURCE) or home() / "demo").absolute()


def _duckdb(settings: Settings) -> Warehouse:
    return DuckDBWarehouse(home() / "warehouse.duckdb", source(), settings.compute, settings.source.blank_texts)


def _bigquery(settings: Settings) -> Warehouse:
    from recs_assets.resources.bigquery.client import Places  # Google's clients, and pandas with them: 2 s at load
    from recs_assets.resources.bigquery.warehouse import BigQueryWarehouse

    return BigQueryWarehouse(
        Places.of(),
        settings.bigquery,
        blank_texts=settings.source.blank_texts,
        lookback_days=settings.lookback_days,
    )


def _folder() -> Store:
    return Store(home() / "store")


def _bucket() -> Store:
    from recs_assets.resources.store.bucket import Bucket  # Google's client: 0.3 s at load

    return Store(Bucket(os.environ["RECS_BUCKET"], home() / "bucket"))


def _in_process() -> "dg.ExecutorDefinition":
    import dagster as dg  # 1 s at load, and whoever only looks at what is there has no use for it

    return dg.in_process_executor


def _pods() -> "dg.ExecutorDefinition":
    """Every step is a Kubernetes Job, in the size and with the rights that its tags ask for (``pods``)."""
    from dagster_k8s import k8s_job_executor  # 0.8 s at load

    # A run that is ended takes the pods of its steps with it.
    return k8s_job_executor.configured({"enable_owner_references": True}, name="pods")


GCP_VARIABLES = {
    "RECS_GCP_PROJECT": "the project that jobs run in and are billed to",
    "RECS_BQ_LOCATION": "the location of the datasets, as EU",
    "RECS_BQ_SOURCE": "the dataset of the retailer's tables, as project.dataset",
    "RECS_BQ_TABLES": "our own dataset: served tables, staged ones, ledgers",
    "RECS_BQ_SCRATCH": "a dataset whose tables expire, for what a run needs for hours",
    "RECS_BUCKET": "the bucket of the files that assets leave, as bucket or bucket/folder",
}

TARGETS: Mapping[str, Target] = {
    #                 tables     files    steps        what the environment names
    "local": Target(_duckdb, _folder, _in_process),
    "gcp": Target(_bigquery, _bucket, _pods, GCP_VARIABLES),
}


def current() -> Target:
    """The target that ``RECS_TARGET`` names, ``local`` by default.

    Raises:
        TargetError: there is no such target, or the environment does not name what it needs; the message names all of it.
    """
    name = os.environ.get(TARGET, "local")
    if name not in TARGETS:
        raise TargetError(f"{TARGET}={name}: there is no such target. Set it to one of: {', '.join(TARGETS)}.")
    missing = {variable: what for variable, what in TARGETS[name].variables.items() if not os.environ.get(variable)}
    if missing:
        listed = "; ".join(f"{variable} ({what})" for variable, what in missing.items())
        raise TargetError(f"{TARGET}={name} needs variables of the environment that are not set: {listed}.")
    return TARGETS[name]


def installed_version() -> str:
    """The installed version of this package."""
    try:
        return version("recs_assets")
    except PackageNotFoundError:
        return "uninstalled"


@cache
def code_version() -> str:
    """The installed version with a hash of the package's code, queries and settings, as manifests record it."""
    code = hashlib.sha256()
    for path in sorted(path for kind in ("py", "sql", "yaml", "html") for path in PACKAGE.rglob(f"*.{kind}")):
        code.update(f"{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return f"{installed_version()}+{code.hexdigest()[:12]}"
