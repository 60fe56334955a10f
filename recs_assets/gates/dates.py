"""Whether the source's dates say when something came to be, and not when a load or a migration wrote it."""

from collections.abc import Mapping

from recs_assets.breaches import ContractError
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict

# What shows that somebody, or something, existed.
SEEN_BY = {"users": "events or vehicles", "products": "orders"}


def created_at(table: str, counts: Mapping[str, int], *, max_later_share: float, max_reset_share: float | None) -> Verdict:
    """Does ``created_at`` say when people, or parts, became known to the shop?

    FAIL: of those who show that they existed before the week's end, more than ``max_later_share`` were created after it. The
    others of the table, who show nothing, would not be known in that week. WARN: more than ``max_reset_share`` were created
    after they were first seen (``None`` never warns).

    Args:
        table: users or products; the gate is called ``created_at_<table>``.
        counts: n_seen, n_later and n_reset, as ``seen_before.sql`` gives them.
        max_later_share: of those who are seen.
        max_reset_share: of those who are seen.
    """
    gate, (n_seen, n_later, n_reset) = f"created_at_{table}", (counts[name] for name in ("n_seen", "n_later", "n_reset"))
    figures = dict(counts)
    of = f"of the {n_seen:,} {table} with {SEEN_BY[table]} from before the week's end"
    if n_later > max_later_share * n_seen:
        measured = f"{n_later / n_seen:.1%} {of} have a created_at that is later"
        return Verdict(gate, FAIL, f"{measured}: more than {max_later_share:.0%}, as after a load or a migration.", figures)
    if max_reset_share is not None and n_reset > max_reset_share * n_seen:
        measured = f"{n_reset / n_seen:.1%} {of} have a created_at after the first of them"
        return Verdict(gate, WARN, f"{measured}: more than {max_reset_share:.0%}, dates have been written anew.", figures)
    return Verdict(gate, PASS, f"{n_reset:,} {of} have a created_at after the first of them.", figures)


def refuse_load_times(table: str, week: str, dates: Verdict) -> None:
    """Refuse a table whose ``created_at`` is when it was loaded.

    Raises:
        ContractError: names the share, and what to write instead.
    """
    if dates.decision == FAIL:
        fix = "Write there since when the shop has known each of them, and NULL where nobody can tell: that is since ever."
        count = dates.figures["n_later"]
        raise ContractError(table, dates.reason.removesuffix("."), fix, week=week, column="created_at", count=count)


def added_at(counts: Mapping[str, int], *, days: int, min_share: float | None) -> Verdict:
    """Did garages exist in the weeks that are learned from? WARN: less than ``min_share`` of them (``None``: never warns).

    Args:
        counts: n_garages, and n_known so many days before, as ``garage_dates.sql`` gives them.
        days: before the week's end; the middle of the weeks that are learned from.
        min_share: of the vehicles in garages.
    """
    n_garages, n_known = counts["n_garages"], counts["n_known"]
    measured = f"{n_known:,} of {n_garages:,} vehicles stood in their garages {days} days before the week's end"
    if min_share is not None and n_known < min_share * n_garages:
        reason = (
            f"{measured}: less than {min_share:.0%}. Today's garages are served as they are, but the weeks before have "
            "hardly any to learn from. Where a migration has written ownership.added_at anew, NULL is since ever."
        )
        return Verdict("added_at_ownership", WARN, reason, dict(counts))
    return Verdict("added_at_ownership", PASS, f"{measured}.", dict(counts))


def ties(table: str, counts: Mapping[str, int], *, max_share: float) -> Verdict:
    """Do the rows of one key have an order?

    WARN: more than ``max_share`` of the rows, and more than one, differ from another of their moment.

    Args:
        table: of the source; the gate is called ``ties_<table>``.
        counts: n_rows and n_tied, as ``tied_rows.sql`` gives them.
        max_share: of the rows.
    """
    n_rows, n_tied = counts["n_rows"], counts["n_tied"]
    measured = f"{n_tied:,} of {n_rows:,} rows differ from another one of their key and moment"
    if n_tied > max(1, max_share * n_rows):
        reason = f"{measured}, and a rule told them apart: more than {max_share:.0%}. Export one row for each key, the newest."
        return Verdict(f"ties_{table}", WARN, reason, dict(counts))
    return Verdict(f"ties_{table}", PASS, f"{measured}.", dict(counts))
