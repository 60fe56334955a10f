"""What every asset shares: weekly partitions, an owner, retries, and the moment up to which a run may know."""

import datetime as dt
import functools
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dagster as dg

from recs_assets import targets
from recs_assets.partitions import weekly
from recs_assets.resources.errors import SourceError
from recs_assets.resources.publishing import PublishFailed, PublishRefused
from recs_assets.resources.store.artifact import Artifact, Draft, StoreError
from recs_assets.resources.store.lineage import check_related
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.readers import read_on
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets.weeks import Week, week_of

OWNER = "team:recommendations"
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

# Only the user who runs a step may read the files that it makes.
PRIVATE = 0o077

GIB = 2**30

# Errors that come back on every retry: bad input, artifacts that are not there, what a gate has refused, a loss that explodes.
PERMANENT_ERRORS = (FloatingPointError, PublishFailed, PublishRefused, SourceError, StoreError, ValueError)

log = logging.getLogger(__name__)


def weekly_asset(
    *, group: str, kinds: set[str], deps: Sequence[Any] = (), checks: Sequence[dg.AssetCheckSpec] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a weekly asset; its docstring is what people read in the UI."""

    def declare(body: Callable[..., Any]) -> dg.AssetsDefinition:
        return dg.asset(
            partitions_def=weekly,
            group_name=group,
            kinds=kinds,
            deps=deps,
            check_specs=checks,
            owners=[OWNER],
            retry_policy=RETRIES,
            description=body.__doc__,
        )(guarded(body))

    return declare


def guarded(body: Callable[..., Any]) -> Callable[..., Any]:
    """A step whose files only its user may read; an error that a retry cannot fix ends it at once, with its own message."""

    @functools.wraps(body)
    def guarding(*arguments: Any, **resources: Any) -> Any:
        before = os.umask(PRIVATE)
        try:
            _begin(resources.get("store"), resources.get("settings"))
            return body(*arguments, **resources)
        except PERMANENT_ERRORS as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            os.umask(before)

    return guarding


def _begin(store: Store | None, settings: Settings | None) -> None:
    """Say that this process reads the store from now on; and at the first step of a run, whether the disk has room for it."""
    if store is None or settings is None or not read_on(store.local_root):
        return
    free, wanted = shutil.disk_usage(store.local_root).free / GIB, settings.compute.min_free_disk_gib
    if free < wanted:
        log.warning(
            "the disk of %s has %.2f GiB left, and compute.min_free_disk_gib asks for %g: make room there, or: make prune",
            store.local_root,
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


def draft(
    context: dg.AssetExecutionContext,
    store: Store,
    settings: Settings,
    as_of: dt.datetime,
    inputs: Iterable[Artifact] = (),
) -> AbstractContextManager[Draft]:
    """A new version of the running asset's files, with the record of what it is made from.

    Raises:
        StoreError: its inputs do not go together; see ``check_related``.
    """
    by_asset = {artifact.manifest.asset: artifact for artifact in inputs}
    check_related(by_asset)
    return store.draft(
        context.asset_key.to_user_string(),
        context.partition_key,
        Provenance(
            as_of=as_of,
            inputs={asset: artifact.reference for asset, artifact in by_asset.items()},
            settings_hash=settings.hash,
            code_version=targets.code_version(),
            run_id=context.run.run_id,
        ),
    )
