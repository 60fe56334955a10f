"""What a staged list has to be before it replaces the one that is served."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict
from recs_assets.ranking.drift import population_stability_index
from recs_assets.settings import GatesSettings

# Scores this close are equal: list rules break ties in the last digit.
FLAT = 1e-9


def audit(breaches: Mapping[str, int], *, n_users: int, required_users: int) -> Verdict:
    """May this list be published? PASS: no rule is broken in any row, and enough people are served. Anything else: FAIL.

    Args:
        breaches: how many rows break each rule; rules that hold everywhere may be left out.
        n_users: people on the list.
        required_users: at least so many.
    """
    problems = [f"{count:,} x {name.replace('_', ' ')}" for name, count in breaches.items() if count]
    if n_users < required_users:
        problems.append(f"{n_users:,} people are served where {required_users:,} are required")
    figures = {"breaches": dict(breaches), "users": n_users, "required_users": required_users}
    if problems:
        return Verdict("audit", FAIL, f"{'; '.join(problems)}. The served table stays as it was.", figures)
    return Verdict("audit", PASS, f"every rule holds for {n_users:,} people.", figures)


def required_users(limits: GatesSettings, publications: Sequence[Mapping[str, Any]], week: dt.date) -> int:
    """How many people must be served: ``min_users``, and the share of those served in the last week before.

    Args:
        limits: the settings of the gates.
        publications: week and n_users of each published list, ascending.
        week: of the staged list.
    """
    before = [row for row in publications if row["week"] < week]
    from_last_week = int((limits.min_users_share or 0) * before[-1]["n_users"]) if before else 0
    return max(1, limits.min_users or 0, from_last_week)


def missing_mails(limits: GatesSettings, n_mailed: int, last_mail: Sequence[Mapping[str, Any]]) -> int:
    """How many rows a mail lacks of ``min_mails_share`` of the last one's; none where there is no mail before.

    Args:
        limits: the settings of the gates.
        n_mailed: rows of the staged mail.
        last_mail: n_mailed of the last mail, one row or none.
    """
    required = int((limits.min_mails_share or 0) * last_mail[0]["n_mailed"]) if last_mail else 0
    return max(0, required - n_mailed)


def mail_reach(counts: Mapping[str, int], *, without_consent_flag: str, min_share: float | None) -> Verdict:
    """Does the mail reach the people who have a list? WARN: nobody, or less than ``min_share`` (``None``: any will do).

    Args:
        counts: the row of ``mail_reach.sql``.
        without_consent_flag: the setting of this name, send or hold.
    """
    n_listed, n_reached = counts["n_listed"], counts["n_reached"]
    figures = {**counts, "without_consent_flag": without_consent_flag}
    reached = (
        f"the mail reaches {n_reached:,} of {n_listed:,} people with a list: {counts['n_refusing']:,} said no, "
        f"{counts['n_without_address']:,} have no address, {counts['n_never_asked']:,} never said yes "
        f"(mail.without_consent_flag: {without_consent_flag})"
    )
    if n_listed and (not n_reached or n_reached < (min_share or 0) * n_listed):
        advice = ". Where people without a flag may be mailed, set it to send" if without_consent_flag == "hold" else ""
        return Verdict("mail_reach", WARN, f"{reached}{advice}.", figures)
    return Verdict("mail_reach", PASS, f"{reached}.", figures)


def users_served(n_users: int, required: int) -> Verdict:
    """Are enough people served? FAIL: fewer than ``required``."""
    figures = {"users": n_users, "required": required}
    if n_users < required:
        return Verdict("users_served", FAIL, f"{n_users:,} people are served where {required:,} are required.", figures)
    return Verdict("users_served", PASS, f"{n_users:,} people are served, {required:,} are required.", figures)


def score_drift(
    histogram: Sequence[Mapping[str, Any]],
    *,
    replaces_other: bool,
    source: str,
    max_psi: float | None,
    max_zero_share: float | None,
) -> Verdict:
    """Are final scores spread as in the last list of the same source?

    FAIL: they collapsed (all equal, or more than ``max_zero_share`` of them zero) although those before had not; or the first
    list of its source collapsed where another one is served (a fallback's scores may be zero: most of SQL's are by nature).
    WARN: the population stability index is above ``max_psi``, or they are collapsed as they were before. ``None`` switches a
    limit off.

    Args:
        histogram: rows of ``score_histogram.sql``, all scores of both lists among them.
        replaces_other: a list is served, of any source.
        source: of the new list.
        max_psi: limit of the population stability index.
        max_zero_share: limit of the share of zeros.
    """
    now, before = ([int(row[name]) for row in histogram] for name in ("n_new", "n_before"))
    psi = population_stability_index(before, now)
    zero_share, zero_before = (
        sum(row[f"{name}_zero"] for row in histogram) / max(1, sum(row[name] for row in histogram))
        for name in ("n_new", "n_before")
    )
    lowest = min((row["lowest_new"] for row in histogram if row["n_new"]), default=math.nan)
    highest = max((row["highest_new"] for row in histogram if row["n_new"]), default=math.nan)
    figures = {
        "psi": psi,
        "zero_share": zero_share,
        "lowest": lowest,
        "highest": highest,
        "scores": sum(now),
        "before": sum(before),
    }
    is_flat = highest - lowest < FLAT
    collapsed = _collapse(sum(now), zero_share, is_flat, max_zero_share)
    stands_alone = replaces_other and not sum(before) and (is_flat or source == "blend")
    was_spread = sum(1 for count in before if count) > 1 and (max_zero_share is None or zero_before <= max_zero_share)
    if collapsed:
        return Verdict(
            "score_drift", FAIL if was_spread or stands_alone else WARN, f"scores have collapsed: {collapsed}.", figures
        )
    if not sum(before):
        return Verdict("score_drift", PASS, "there is no list before to compare scores with.", figures)
    measured = f"the population stability index against the list before is {psi:.3f}"
    if max_psi is not None and psi > max_psi:
        return Verdict("score_drift", WARN, f"{measured}: above {max_psi:g}, scores are spread differently.", figures)
    return Verdict("score_drift", PASS, f"{measured}.", figures)


def _collapse(n_scores: int, zero_share: float, is_flat: bool, max_zero_share: float | None) -> str:
    """How scores collapsed, in words; nothing where they did not."""
    if n_scores > 1 and is_flat:
        return f"all {n_scores:,} are equal"
    if max_zero_share is not None and zero_share > max_zero_share:
        return f"{zero_share:.1%} of {n_scores:,} are zero where {max_zero_share:.0%} are allowed"
    return ""


def hold(held: str | None) -> Verdict:
    """Does anybody hold publishing? WARN: yes, and what was made and audited is served by nobody until then.

    Args:
        held: since when, by whom and why, in words; ``None``: it is not held.
    """
    if held is None:
        return Verdict("hold", PASS, "publishing is not on hold.", {})
    return Verdict("hold", WARN, held, {})


def overlap(n_kept: int, n_compared: int, *, min_share: float | None) -> Verdict:
    """Does the mail still hold what it held? WARN: less than ``min_share`` (``None``: never) of its parts were in the last.

    Args:
        n_kept: rows of the new mail that the mail before had too.
        n_compared: rows of the new mail for people who had one before.
    """
    figures = {"kept": n_kept, "compared": n_compared}
    if not n_compared:
        return Verdict("overlap", PASS, "nobody on this list had one before.", figures)
    measured = f"{n_kept / n_compared:.1%} of the parts in the mail were in the mail before"
    if min_share is not None and n_kept < min_share * n_compared:
        return Verdict("overlap", WARN, f"{measured}: less than {min_share:.0%}, lists have changed almost entirely.", figures)
    return Verdict("overlap", PASS, f"{measured}.", figures)


def served_source(served: Mapping[str, Any], week: str) -> Verdict:
    """Does the model serve, blended with SQL? WARN: a fallback does; the reason says who decided so, and why.

    Args:
        served: what ``promotion.served_by`` says.
        week: of the list.
    """
    source, model_week = served["source"], served["model_week"]
    model = f"the model of week {model_week}" if model_week else "no model"
    decided = f"decided with week {served['week']}: {served.get('stepped_down') or served['reason']}"
    if served.get("override_reason"):
        decided = f"overridden with week {served['week']}: {served['override_reason']}"
    figures = {"source": source, "model_week": model_week, "decided_in": served["week"]}
    decision = PASS if source == "blend" else WARN
    return Verdict("source", decision, f"week {week} is served from {source} with {model}, {decided}", figures)
