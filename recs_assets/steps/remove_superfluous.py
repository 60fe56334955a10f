"""What nobody needs any more: files of the store, tables and rows of the warehouse; and people who are gone from the source."""

import datetime as dt
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from recs_assets.resources.store import pruning
from recs_assets.resources.store.artifact import Artifact
from recs_assets.resources.store.location import Stale
from recs_assets.resources.store.pruning import Kept, Key
from recs_assets.resources.store.store import Store
from recs_assets.resources.warehouse import Warehouse
from recs_assets.settings import Settings
from recs_assets.weeks import ONE_WEEK, key_of, monday


@dataclass(frozen=True)
class Superfluous:
    """What nobody needs any more.

    Attributes:
        versions: of the store.
        others: all other versions.
        work: trainings that nobody will finish.
        tables: staged tables.
        lists: weeks of served lists that are not looked back at, each with its rows, ascending.
        quarantined: weeks of the table ``quarantine`` whose exports are gone, each with its rows.
    """

    versions: Sequence[Kept]
    others: Sequence[Kept]
    work: Sequence[Stale]
    tables: Sequence[str]
    lists: Mapping[dt.date, int]
    quarantined: Mapping[dt.date, int]

    @property
    def n_bytes(self) -> int:
        """Size of the files that go; tables give their room to the next ones, and the file does not shrink."""
        return sum(version.stored.n_bytes for version in self.versions) + sum(work.n_bytes for work in self.work)

    def lines(self) -> list[str]:
        """What goes, a line each."""
        return [
            *(f"{version.stored.n_bytes / 1e6:10.2f} MB  {version.stored.name}" for version in self.versions),
            *(f"{work.n_bytes / 1e6:10.2f} MB  training that was never finished: {work.name}" for work in self.work),
            *(f"table {name}" for name in self.tables),
            *(f"{rows:,} rows of the lists of week {week}" for week, rows in self.lists.items()),
            *(f"{rows:,} rows of the quarantine of week {week}" for week, rows in self.quarantined.items()),
        ]


def superfluous(
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    *,
    now: dt.datetime,
    run_id: str | None = None,
) -> Superfluous:
    """What nobody needs any more at a moment.

    Args:
        warehouse: of our own tables.
        store: of the files.
        settings: how long what stays.
        now: the moment.
        run_id: of the run that asks; what it has made stays.
    """
    retention, versions = settings.retention, pruning.stored(store)
    kept_versions, own = settings.publish.kept_versions, {run_id} if run_id else set[str]()
    personal_since = now - dt.timedelta(days=retention.days) + store.location.grace
    with warehouse.session() as session:
        served = session.rows("served_versions")
        restorable = session.rows("kept_versions", kept_versions=kept_versions)
        forgotten = [row["week"] for row in served[: -retention.weeks]]
        last = forgotten[-1] if forgotten else None
        lists = {row["week"]: row["n_rows"] for row in session.rows("old_lists", week=last or dt.date.min)}
        quarantined = {row["week"]: row["n_rows"] for row in session.rows("quarantine_weeks")}
    roots = _roots(store, versions, served[-retention.weeks :], restorable)
    gone = pruning.superfluous(versions, roots=roots, run_ids=own, weeks=retention.weeks, personal_since=personal_since)
    # Weeks that still have an export with rows of people.
    others = [version for version in versions if version not in gone]
    of_people = {version.week for version in others if version.is_personal}
    return Superfluous(
        gone,
        others,
        store.location.stale_work(personal_since),
        warehouse.superfluous_tables(kept_versions=kept_versions, now=now),
        lists,
        {week: n_rows for week, n_rows in quarantined.items() if week.isoformat() not in of_people},
    )


def _roots(
    store: Store, versions: Sequence[Kept], served: Sequence[Mapping[str, Any]], restorable: Sequence[Mapping[str, Any]]
) -> set[Key]:
    """The lists that are served, the models of what is served or can be restored, and what may be served next."""
    lists = {(row["week"].isoformat(), row["run_id"]) for row in served}
    roots = {
        version.key for version in versions if version.key[0] == "recommendations" and (version.week, version.run_id) in lists
    }
    roots |= {("approved_model", row["model_version"]) for row in (*served, *restorable) if row["model_version"]}
    return roots | {("approved_model", artifact.reference) for artifact in _approved(store)}


def _approved(store: Store) -> Iterator[Artifact]:
    """The newest record of what may be served, and while that is an override, which expires, the one before."""
    artifact = store.newest("approved_model")
    while artifact is not None:
        yield artifact
        before = key_of(monday(artifact.manifest.week) - ONE_WEEK)
        artifact = store.newest("approved_model", up_to=before) if artifact.facts.get("override_reason") else None


def prune(
    warehouse: Warehouse,
    store: Store,
    settings: Settings,
    *,
    now: dt.datetime,
    run_id: str | None = None,
) -> Superfluous | None:
    """Remove what nobody needs any more, and say what it was; ``None`` where another process reads the store: nothing went.

    Arguments as for ``superfluous``.
    """
    personal_since = now - dt.timedelta(days=settings.retention.days)
    with store.location.alone() as is_alone:
        if not is_alone:
            return None
        _keep_evidence(warehouse, store, now, personal_since)
        gone = superfluous(warehouse, store, settings, now=now, run_id=run_id)
        gone = replace(gone, versions=pruning.remove(store, gone.versions, gone.others))
        for work in gone.work:
            store.location.remove_work(work.name)
    warehouse.prune(
        kept_versions=settings.publish.kept_versions,
        now=now,
        lists_up_to=max(gone.lists, default=None),
        quarantined_weeks=[week.isoformat() for week in gone.quarantined],
    )
    warehouse.erase(
        made_before=personal_since,
        now=now,
        kept_versions=settings.publish.kept_versions,
        max_share=1 - settings.source.min_rows_share,
    )
    return gone


def _keep_evidence(warehouse: Warehouse, store: Store, now: dt.datetime, personal_since: dt.datetime) -> None:
    """Write the newest evidence on the model anew, without the ids of who is gone, where it would go for its age.

    Else gate 1 would count held-out weeks afresh after some weeks without a training.
    """
    newest = store.newest("offline_metrics")
    if newest is None or store.location.made_at(newest.name) >= personal_since:
        return
    from recs_assets.ranking.evidence import without_names  # pandas: 0.4 s at load

    with warehouse.session() as session:
        people = session.read("source_people")["user_id"].to_pylist()
    with store.draft("offline_metrics", newest.manifest.week, newest.manifest.provenance) as new:
        new.facts |= newest.facts
        for name, record in newest.manifest.files.items():
            if "user_id" in (record.columns or ()):
                rows = without_names(newest.table(name).to_pandas(), people)
                new.write_table(name, pa.Table.from_pandas(rows, newest.table(name).schema, preserve_index=False))
            else:
                shutil.copyfile(newest.path(name), new.path(name))
    # Where nobody is gone it is the version that there was, and holds for as long again.
    store.location.renew(new.written.name, now)
