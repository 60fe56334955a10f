"""The report of a week as one HTML file that needs nothing else, and in short as Markdown."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from recs_assets.cutoff import K
from recs_assets.ranking.strata import STRATA
from recs_assets.report import sheet
from recs_assets.report.answer import answer
from recs_assets.report.charts import Dot, dots
from recs_assets.report.evaluation import BY_MAIL, REACHABLE, SYSTEMS, Comparison, Lift
from recs_assets.report.facts import Facts
from recs_assets.report.verdicts import verdicts_of
from recs_assets.rollout.stages import place_of, said

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATE = "release_report.html"
SHOWN_PARTS = 5
SHOWN_TYPES = 8
FORMS: Mapping[str, Callable[[Any], str]] = {
    "share": lambda value: f"{value:.1%}",
    "lift": lambda value: f"{value:+.1%}",
    "count": lambda value: f"{value:,}",
    "figure": lambda value: f"{value:.4f}",
    "usd": lambda value: f"${value:,.2f}",
    "seconds": lambda value: f"{value:,.1f}",
    "of 100": lambda value: f"{100 * value:.0f}",
}
NOT_KNOWN = "–"
# What each system is, in a few words.
SYSTEM_WORDS = {
    "sql": "what is mailed without a model",
    "similarity": "SQL with similar parts added",
    "popularity": "the same popular parts for everybody",
    "item_knn": "a baseline: parts like those bought",
    "ease": "a baseline: a linear autoencoder",
    "p3": "a baseline: a random walk",
    "channels": "the model without its towers",
    "model": "the model alone",
    "blend": "model and SQL together: what would be served",
    "ceiling": "the best any list of these candidates could do",
}


def html(facts: Facts) -> str:
    """The page: no script, no request, every figure in a ``data`` element that names where it comes from."""
    measured = facts.measured
    return sheet.page(
        TEMPLATE,
        n=_number,
        facts=facts,
        failures=_by_cause(facts.failures),
        verdicts=verdicts_of(facts),
        answer=answer(facts),
        comparison=measured.comparison if measured else None,
        gate=measured.gate if measured else None,
        charts=_charts(facts),
        slots=facts.settings.rules.slots,
        K=K,
        systems=SYSTEM_WORDS,
        strata=(*STRATA, "population"),
        by_mail=BY_MAIL,
        reachable=REACHABLE,
        place_of=place_of,
        said=said,
        shown_parts=SHOWN_PARTS,
        shown_types=SHOWN_TYPES,
    )


def markdown(facts: Facts) -> str:
    """The verdicts and Recall@10 of every system, for a page of Dagster's UI."""
    lines = [" ".join(answer(facts)), ""]
    lines += [f"- **{one.decision}** {one.title} {one.reason} *{one.then}*" for one in verdicts_of(facts) if not one.is_quiet]
    if facts.measured is not None:
        comparison = facts.measured.comparison
        lines += ["", f"| system | Recall@{K} | 95% interval |", "|---|---|---|"]
        for system in _known(comparison):
            ends = comparison.intervals.get(system, (math.nan, math.nan))
            lines.append(f"| {system} | {comparison.recall[system]['all']:.4f} | {ends[0]:.4f} to {ends[1]:.4f} |")
    return "\n".join(lines)


def _by_cause(failures: Mapping[str, str]) -> dict[str, list[str]]:
    """The steps of each cause: what is wrong with the source stops many."""
    steps: dict[str, list[str]] = {}
    for step, cause in sorted(failures.items()):
        steps.setdefault(cause, []).append(step)
    return steps


def _known(comparison: Comparison) -> list[str]:
    return [system for system in SYSTEMS if "all" in comparison.recall[system]]


def _charts(facts: Facts) -> dict[str, "Markup"]:
    from markupsafe import Markup

    drawn = {}
    if facts.measured and (known := _known(facts.measured.comparison)):
        comparison = facts.measured.comparison
        rows = [Dot(name, comparison.recall[name]["all"], *comparison.intervals[name], name == "blend") for name in known]
        drawn["systems"] = dots("systems", rows, axis=f"Recall@{K}, 95% interval", is_lift=False)
    of_strata = facts.measured.gate.strata if facts.measured else {}
    strata = {stratum: of_strata[stratum] for stratum in STRATA if stratum in of_strata}
    for name, lifts in {"strata": strata, "weeks": {week: lift for week, (_, lift) in facts.lifts.items()}}.items():
        rows = [_dot(label, lift, label == facts.week) for label, lift in lifts.items() if lift.lift is not None]
        if rows:
            drawn[name] = dots(name, rows, axis=f"lift of Recall@{K} over SQL, 95% interval", is_lift=True)
    return {name: Markup(picture) for name, picture in drawn.items()}


def _dot(label: str, lift: Lift, is_ours: bool) -> Dot:
    assert lift.lift is not None
    return Dot(label, lift.lift, lift.low, lift.high if lift.high is not None else math.inf, is_ours)


def _number(value: float | None, form: str, fact: str) -> "Markup":
    """A figure as it is read, with its whole value and the name of the fact; a dash where it is not known."""
    from markupsafe import Markup

    if value is None or not math.isfinite(value):
        return Markup('<span class="unknown">{}</span>').format(NOT_KNOWN)
    return Markup('<data value="{}" data-fact="{}">{}</data>').format(repr(value), fact, FORMS[form](value))
