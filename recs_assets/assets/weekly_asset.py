"""What every asset shares: weekly partitions, an owner, retries, and the moment up to which a run may know."""

import datetime as dt
import errno
import functools
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from recs_assets import heap, home_layout, interrupts, pods, targets
from recs_assets.assets import spending
from recs_assets.assets.figures import shown
from recs_assets.disk import free_gib
from recs_assets.partitions import weekly
from recs_assets.resources import running
from recs_assets.resources.errors import AccessError, PublishFailed, PublishRefused, SourceError, WarehouseError
from recs_assets.resources.store.artifact import Artifact, Draft, StoreError
from recs_assets.resources.store.lineage import check_related
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.objects import BucketError
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import Week, week_of

OWNER = "team:recommendations"
MAX_RETRIES, RETRY_SECONDS = 2, 15.0

# dagster-k8s names the step of a pod in it.
STEP_OF_POD = "DAGSTER_RUN_STEP_KEY"

# What is said of the assets of a group, which their pages open under this name.
DOCUMENT = "read more"
DOCUMENTS = {
    "raw": "contract.md",
    "exports": "contract.md",
    "graph": "gnn/README.md",
    "model": "gnn/README.md",
    "evaluation": "gates/README.md",
    "rollout": "gates/README.md",
    "serving": "gates/README.md",
    "upkeep": "resources/README.md",
    "report": "gates/README.md",
}

# Only the user who runs a step may read the files that it makes.
PRIVATE = 0o077

# What a person has to fix: bad input, artifacts that are not there, what a gate has refused, a loss that explodes.
REFUSALS = (AccessError, FloatingPointError, PublishFailed, PublishRefused, SourceError, StoreError, ValueError)
# Accidents of the machine, which may be over in a moment: a lock, a disk, a connection, memory.
ACCIDENTS = (BucketError, MemoryError, OSError, WarehouseError)
# No accidents: a path that is wrong stays wrong.
LASTING = frozenset({errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS})

log = logging.getLogger(__name__)


def weekly_asset(
    *,
    group: str,
    kinds: set[str],
    pod: pods.Pod,
    deps: Sequence[Any] = (),
    checks: Sequence[dg.AssetCheckSpec] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a weekly asset; its docstring is what people read in the UI, ``pod`` where its step runs in a cluster."""

    def declare(body: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(
            partitions_def=weekly,
            group_name=group,
            kinds=kinds,
            deps=deps,
            check_specs=checks,
            metadata={DOCUMENT: _document(DOCUMENTS[group]), **(metadata or {})},
            owners=[OWNER],
            op_tags=pods.op_tags(pod),
            description=body.__doc__,
        )(guarded(_timed(body)))

    return declare


@functools.cache
def _document(name: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md((targets.PACKAGE / name).read_text())


def _timed(body: Callable[..., dg.MaterializeResult]) -> Callable[..., dg.MaterializeResult]:
    @functools.wraps(body)
    def timing(*arguments: Any, **resources: Any) -> dg.MaterializeResult:
        begun = time.monotonic()
        result = body(*arguments, **resources)
        return shown(result, time.monotonic() - begun)

    return timing


def guarded(body: Callable[..., Any]) -> Callable[..., Any]:
    """A step whose files only its user may read, which obeys a signal, gives back the memory that it has freed, and is tried
    again after an accident alone.

    A refusal ends it at once, with its own message. Dagster's ``RetryPolicy`` would repeat an interrupt and a bug as well.
    """

    @functools.wraps(body)
    def guarding(context: dg.OpExecutionContext | dg.AssetExecutionContext, *arguments: Any, **resources: Any) -> Any:
        op = context.op_execution_context if isinstance(context, dg.AssetExecutionContext) else context
        before = os.umask(PRIVATE)
        try:
            week = op.partition_key if op.has_partition_key else None
            name, settings, warehouse = body.__name__, resources.get("settings"), resources.get("warehouse")
            with (
                interrupts.step(name, op.run_id, functools.partial(_cancel, context.instance, op.run_id)),
                spending.noted(name, week, op.run_id, lambda: op.op_def.tags, settings, warehouse) as step,
            ):
                _begin(resources.get("store"), settings, warehouse)
                return _with_jobs(body(context, *arguments, **resources), step)
        except REFUSALS as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        except Exception as error:
            if not is_accident(error):
                raise
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=RETRY_SECONDS) from error
        finally:
            os.umask(before)
            heap.trim()

    return guarding


def _with_jobs(done: Any, step: running.Step) -> Any:
    """What a step gives, with the jobs that it has sent to a service and what they cost; as it is where it has sent none."""
    if not step.jobs or not isinstance(done, dg.MaterializeResult):
        return done
    shown = {
        "jobs": len(step.jobs),
        "bytes billed": sum(job.bytes_billed for job in step.jobs),
        "slot seconds": round(sum(job.slot_seconds for job in step.jobs), 1),
        "estimated dollars": round(sum(job.usd for job in step.jobs), 4),
    }
    return done._replace(metadata={**(done.metadata or {}), **shown})


def is_accident(error: Exception) -> bool:
    """Whether an error that is no refusal may be gone when a step is tried again."""
    if isinstance(error, OSError):
        return error.errno not in LASTING
    # Torch has no class of its own for a processor that is out of memory.
    return isinstance(error, ACCIDENTS) or "can't allocate memory" in str(error)


def cause_of(error: Exception) -> str:
    """What a log may say of an error that a run survives: the words of a refusal or an accident, of any other its class and where
    it was raised, for a message may hold a value."""
    if isinstance(error, REFUSALS + ACCIDENTS):
        return str(error)
    raised = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}, a bug, in {Path(raised.filename).name}, line {raised.lineno}."


def _cancel(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Note that a run was stopped; False where it has ended already.

    A pod of one step may have to leave its node: what becomes of the run is for its executor to say, which sees the step fail.
    """
    if STEP_OF_POD in os.environ:
        return True
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    instance.report_run_canceled(run, "Stopped by a signal. What was served stays; launch it again to go on.")
    return True


def _begin(store: Store | None, settings: Settings | None, warehouse: Warehouse | None) -> None:
    """Look at the home's layout, and read the store from now on; at the first step of a run, whether the disk has room for it.

    Raises:
        LayoutError: the home is not one that this program can work in.
        ValueError: this month's budget, or the experiment's, is used up.
    """
    if store is None or settings is None:
        return
    home_layout.take(store, warehouse)
    if warehouse is not None and warehouse.is_billed:
        month, experiment, _ = spending.verdicts_on(warehouse, settings, dt.datetime.now(dt.UTC))
        spending.refuse([month, experiment])
    if not store.location.read_on():
        return
    free, wanted = free_gib(store.location.local), settings.compute.min_free_disk_gib
    if free < wanted:
        log.warning(
            "the disk of %s has %.2f GiB left, and compute.min_free_disk_gib asks for %g: make room there, or: make prune",
            store.location.local,
            free,
            wanted,
        )


def check(asset: str, name: str, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    """The declaration of a check that the asset itself evaluates."""
    return dg.AssetCheckSpec(name, asset=asset, description=description, blocking=blocking)


def week_of_run(context: dg.AssetExecutionContext) -> Week:
    """The run's week; while that week is in progress, as of the moment the run was created, the same for all its steps."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    now = record.create_timestamp if record else dt.datetime.now(dt.UTC)
    return week_of(context.partition_key, now.replace(tzinfo=now.tzinfo or dt.UTC))


class ReuseConfig(dg.Config):
    """What a launch may ask for: to compute again what is there already, from the same inputs, settings and code."""

    force: bool = Field(False, description="Compute again what the same inputs, settings and code have made.")


def draft(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    store: Store,
    settings: Settings,
    as_of: dt.datetime,
    inputs: Iterable[Artifact] = (),
    *,
    name: str | None = None,
) -> AbstractContextManager[Draft]:
    """A new version of the running asset's files, with the record of what it is made from.

    Args:
        context: of the step.
        store: where it goes.
        settings: whose hash is recorded.
        as_of: what the version may know.
        inputs: what it is made from.
        name: of the version's asset; ``None``: the running one.

    Raises:
        StoreError: its inputs do not go together; see ``check_related``.
    """
    origin = _provenance(context, settings, as_of, inputs)
    return store.draft(name or context.asset_key.to_user_string(), context.partition_key, origin)


def made_before(
    context: dg.AssetExecutionContext,
    store: Store,
    settings: Settings,
    as_of: dt.datetime,
    inputs: Iterable[Artifact],
) -> Artifact | None:
    """The running asset's current version, where the same inputs, settings and code made it and it is whole; it says so.

    A version is named by all that is in it, so the same inputs mean the same content, whichever run exported it.
    """
    asset, week = context.asset_key.to_user_string(), context.partition_key
    origin = _provenance(context, settings, as_of, inputs)
    try:
        current = store.find(asset, week)
    except StoreError:
        return None  # damaged: it is made again
    if current is None or not store.is_whole(current):
        return None
    run_id = current.manifest.provenance.run_id
    if replace(origin, run_id=run_id) != current.manifest.provenance:
        return None
    context.log.info(f"unchanged since run {run_id}: the same inputs, settings and code. FORCE=1 computes it again")
    return current


def _provenance(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    settings: Settings,
    as_of: dt.datetime,
    inputs: Iterable[Artifact],
) -> Provenance:
    by_asset = {artifact.manifest.asset: artifact for artifact in inputs}
    check_related(by_asset)
    return Provenance(
        as_of=as_of,
        inputs={asset: artifact.reference for asset, artifact in by_asset.items()},
        settings_hash=settings.hash,
        code_version=targets.code_version(),
        run_id=context.run.run_id,
    )
