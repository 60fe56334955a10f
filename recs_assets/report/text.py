"""The report of a week as plain text, for a product person in a terminal."""

from collections.abc import Mapping, Sequence

from recs_assets.report.answer import answer
from recs_assets.report.evaluation import BY_MAIL, SYSTEMS, Comparison, Gate
from recs_assets.report.facts import LENGTH, Facts
from recs_assets.report.lists import Served
from recs_assets.report.planted import Planted

STRATA = ("all", "cold", "warm", "hot", "population")
# The part that Sarah's list should hold.
PLANTED = "MSD-8529"
BEST_POSSIBLE = (
    "informed knows all that made the planted world, but of people's projects what their past tells; clairvoyant knows these too."
)


def render(facts: Facts, planted: Planted | None = None, yardsticks: Mapping[str, Mapping[str, float]] | None = None) -> str:
    """Whether to ship, systems by stratum, the verdict, who is served, and where the files are.

    In the demo world also the best possible rankers, Sarah's list, and whose list has the second part of a planted pair.
    """
    measured = facts.measured
    parts = [
        "\n".join(answer(facts)),
        *([systems(measured.comparison, measured.week, yardsticks or {}), _gate(measured.gate)] if measured else []),
        _served(facts.served, facts.week),
        *([_planted(planted)] if planted else []),
        "\n".join([f"Files: {facts.home}", *([f"  metrics and verdict: {measured.folder}"] if measured else [])]),
    ]
    return "\n\n".join(parts)


def systems(comparison: Comparison, week: str, yardsticks: Mapping[str, Mapping[str, float]]) -> str:
    """The table of all systems by stratum, yardsticks above the ceiling, and what is to be said of it."""
    *real, ceiling = SYSTEMS
    recall = {**{name: comparison.recall[name] for name in real}, **yardsticks, ceiling: comparison.recall[ceiling]}
    rows = [[name, *(_share(values, stratum) for stratum in STRATA)] for name, values in recall.items()]
    users = ["users", *(f"{comparison.users[stratum]:,}" if stratum in comparison.users else "-" for stratum in STRATA)]
    title = f"Recall@{LENGTH} on the held-out weeks up to {week} (population: strata weighted as among all users)"
    changed = [
        f"With the blend {share:.0%} of these lists begin with other {slots} parts than SQL's, or with the same in another order."
        for slots, share in comparison.first_changed.items()
    ]
    best = [BEST_POSSIBLE] if yardsticks else []
    table = _table(["system", *STRATA], [*rows, users])
    return "\n".join([title, table, *best, *changed, *_likelihood(comparison), *_by_mail(comparison)])


def _likelihood(comparison: Comparison) -> list[str]:
    if not comparison.likelihood:
        return []
    rows = [
        [
            name,
            *(_share(of_system.by_stratum, stratum) for stratum in STRATA),
            "{:.4f} to {:.4f}".format(*of_system.interval),
            f"{of_system.users:,}",
        ]
        for name, of_system in comparison.likelihood.items()
    ]
    n_all, n_known = comparison.users["all"], min(of_system.users for of_system in comparison.likelihood.values())
    return [
        "Mean -log p (NLL) of what people took, over all their candidates, in nats: lower is better",
        _table(["system", *STRATA, "95% interval", "people"], rows),
        f"  {n_all - n_known:,} of {n_all:,} people took no candidate: nothing is known of them.",
    ]


def _by_mail(comparison: Comparison) -> list[str]:
    rows = [
        [BY_MAIL[name], f"{sql:.4f}", f"{blend:.4f}", f"{users:,}"] for name, (sql, blend, users) in comparison.by_mail.items()
    ]
    title = f"Recall@{LENGTH} by what counts as found; what a mail has shown favours the lists that were mailed"
    return [title, _table(["found are", "sql", "blend", "users"], rows)] if rows else []


def _gate(gate: Gate) -> str:
    alphas = ", ".join(f"{stratum} {alpha:.1f}" for stratum, alpha in gate.alpha.items())
    return f"Gate 1: {gate.decision}\n  {gate.reason}\n  weight of SQL in the blend (chosen on earlier weeks): {alphas}"


def _served(served: Served | None, week: str) -> str:
    if served is None:
        return f"Nothing has been published for week {week}."
    model = f"the model of week {served.model_week}" if served.model_week else "no model"
    return (
        f"Served for week {week}: {served.n_users:,} users, {served.n_rows:,} rows, source {served.source} with {model}, "
        f"version {served.version}"
    )


def _planted(planted: Planted) -> str:
    rows = [
        [str(part.rank), _marked(part.by_sql), _marked(part.served), f"${part.price:,.2f}", part.reason] for part in planted.sarah
    ]
    return (
        f"Planted companion pairs: of {planted.n_waiting} people who bought the first part within 30 days and not yet "
        f"the second, {planted.n_served} find it among their first {LENGTH} (with SQL alone {planted.n_by_sql}).\n\n"
        "Sarah (1967 Ford Mustang) bought a Holley 0-80508S last month; its planted companion is marked with *.\n"
        + _table(["rank", "SQL v5.17", "served", "price", "reason"], rows)
    )


def _marked(part: str) -> str:
    return f"{part} *" if part == PLANTED else part


def _share(values: Mapping[str, float], stratum: str) -> str:
    return f"{values[stratum]:.4f}" if stratum in values else "-"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [header, *rows]]
    return "\n".join(["  " + lines[0], "  " + "-" * max(map(len, lines)), *("  " + line for line in lines[1:])])
