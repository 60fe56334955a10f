"""What earlier weeks have approved, and still stands."""

from recs_assets.gates.promotion import has_expired
from recs_assets.resources.store.artifact import Artifact, StoreError
from recs_assets.resources.store.store import Store
from recs_assets.weeks import ONE_WEEK, Week, key_of, monday


def kept_from(store: Store, week: Week) -> Artifact | None:
    """What is served with a model from an earlier week, and would stay if this week's model did not pass."""
    previous = newest_standing(store, week.previous, overridden_since=week.key)
    return previous if previous is not None and previous.facts["source"] == "blend" else None


def newest_standing(store: Store, up_to: str, *, overridden_since: str) -> Artifact | None:
    """The newest record of what may be served, but for overrides of weeks before ``overridden_since``: they have expired."""
    newest = store.newest("approved_model", up_to=up_to)
    while newest is not None and has_expired(newest.facts, overridden_since=overridden_since):
        newest = store.newest("approved_model", up_to=key_of(monday(newest.manifest.week) - ONE_WEEK))
    return newest


def newest_approved(store: Store, week: str) -> Artifact:
    """The newest record of what may be served; an override serves its own week and the nights of the one after.

    Raises:
        StoreError: there is none yet.
    """
    approved = newest_standing(store, week, overridden_since=key_of(monday(week) - ONE_WEEK))
    if approved is None:
        raise StoreError(f"no approved_model up to week {week}. Run the weekly job first: make run WEEK=<the last whole week>.")
    return approved
