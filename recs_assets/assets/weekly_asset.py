"""What every asset shares: weekly partitions, an owner, retries, and the moment up to which a run may know."""

import datetime as dt
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from recs_assets import targets
from recs_assets.asset_files import own_file
from recs_assets.partitions import weekly
from recs_assets.resources.errors import SourceError
from recs_assets.resources.publishing import PublishFailed, PublishRefused
from recs_assets.resources.store.artifact import Artifact, Draft, StoreError
from recs_assets.resources.store.manifest import Provenance
from recs_assets.resources.store.store import Store
from recs_assets.settings import Settings
from recs_assets.weeks import Week, week_of

OWNER = "team:recommendations"
RETRIES = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
PREVIEW_ROWS = 5
# Nothing that names a person goes into logs or metadata.
PERSONAL_COLUMNS = frozenset({"user_id", "profile_id", "email", "email_lower", "event_id", "order_id"})

# Files that a step makes are the user's alone.
PRIVATE = 0o077

# Errors that come back on every retry: bad input, artifacts that are not there, what a gate has refused, a loss that explodes.
PERMANENT_ERRORS = (FloatingPointError, PublishFailed, PublishRefused, SourceError, StoreError, ValueError)


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
    """A step whose files are the user's alone; an error that a retry cannot mend ends it at once, with its own message."""

    @functools.wraps(body)
    def guarding(*arguments: Any, **resources: Any) -> Any:
        before = os.umask(PRIVATE)
        try:
            return body(*arguments, **resources)
        except PERMANENT_ERRORS as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            os.umask(before)

    return guarding


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


def inputs_of(store: Store, week: str, run_id: str, assets: Iterable[str]) -> dict[str, Artifact]:
    """What a run reads of several assets of one week: what it has made itself, else the current versions.

    Raises:
        StoreError: one of them has not been materialized, or they do not go together.
    """
    inputs = {asset: store.of_run(asset, week, run_id) for asset in assets}
    check_related(inputs)
    return inputs


def check_related(inputs: Mapping[str, Artifact]) -> None:
    """Refuse artifacts of which one was made from another version of an asset than the one beside it.

    Rows of a graph mean nothing beside nodes that were exported later: a list made of both would name other parts.

    Raises:
        StoreError: names both assets and what to materialize.
    """
    for asset, artifact in inputs.items():
        for source, reference in artifact.manifest.provenance.inputs.items():
            if source in inputs and inputs[source].reference != reference:
                raise StoreError(
                    f"{asset} of week {artifact.manifest.week} was made from {source} {reference}, and {source} is "
                    f"{inputs[source].reference} now: another run of the week is at work, or {source} alone was made again. "
                    f"Materialize {asset} and what follows it again."
                )


def parquet_of(inputs: Mapping[str, Artifact]) -> dict[str, Sequence[Path]]:
    """The inputs as tables for a warehouse session: each asset's file of its own name."""
    return {asset: [artifact.path(own_file(asset))] for asset, artifact in inputs.items()}


def preview_of(artifact: Artifact, name: str) -> dg.TableMetadataValue:
    """The preview of a Parquet file of an artifact, of which no more is read."""
    return preview(artifact.head(name, PREVIEW_ROWS))


def preview(table: pa.Table, rows: int = PREVIEW_ROWS) -> dg.TableMetadataValue:
    """The first rows as a table in the UI, without the columns that name a person."""
    shown = table.slice(0, rows).select([name for name in table.column_names if name not in PERSONAL_COLUMNS])
    # With its schema: a table without rows has a preview too.
    schema = dg.TableSchema([dg.TableColumn(field.name, str(field.type)) for field in shown.schema])
    records = [dg.TableRecord({name: str(value) for name, value in row.items()}) for row in shown.to_pylist()]
    return dg.MetadataValue.table(records, schema)
