"""A simulated year as a picture: share of people, clicks per mail, the measured lift with its interval, verdicts."""

from pathlib import Path

from recs_assets.experiments.rollout.year import Week

COLOURS = {"PASS": "tab:green", "HOLD": "tab:gray", "ROLLBACK": "tab:red", "INVALID": "tab:purple"}


def draw(weeks: list[Week], path: Path, true_lift: float) -> None:
    """Write the picture as PNG."""
    import matplotlib  # 0.5 s at load

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (shares, clicks, lifts) = pyplot.subplots(3, 1, figsize=(11, 9), sharex=True, layout="constrained")
    number = range(1, len(weeks) + 1)
    shares.step(number, [100 * week.share for week in weeks], where="mid")
    shares.set(
        ylabel="people with the blend, %", ylim=(-3, 103), title=f"A year of the rollout at a true lift of {true_lift:+.0%}"
    )
    clicks.plot(number, [100 * week.ctr for week in weeks], ".-")
    clicks.set(ylabel="clicks per delivered mail, %\n(machines' too)")
    lifts.axhline(0, color="black", linewidth=0.8)
    lifts.axhline(100 * true_lift, color="black", linewidth=0.8, linestyle=":", label="truth")
    evaluated = [(n, week.verdict) for n, week in zip(number, weeks, strict=True) if week.verdict]
    for decision, colour in COLOURS.items():
        shown = [(n, verdict.figures) for n, verdict in evaluated if verdict.decision == decision and "lift" in verdict.figures]
        for n, figures in shown:
            lifts.plot([n, n], [100 * figures["low"], 100 * figures["high"]], color=colour)
        lifts.plot([n for n, _ in shown], [100 * figures["lift"] for _, figures in shown], "o", color=colour, label=decision)
    lifts.set(ylabel="measured lift with its interval, %", xlabel="week", ylim=(-60, 80))
    lifts.legend(loc="upper right", ncols=5)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
