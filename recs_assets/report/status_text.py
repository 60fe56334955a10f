"""The status in sentences that can be read aloud."""

import datetime as dt
from typing import Any

SYSTEMS = {
    "blend": "the learned model together with today's query (SQL)",
    "similarity": "today's query (SQL) with similar parts added, because no model has passed",
    "sql": "today's query (SQL) alone",
}
SHOWN_VERSIONS = 3


def render(status: dict[str, Any]) -> str:
    """Every part under a heading of its own."""
    parts = {
        "What is mailed now": _mailed(status),
        "What comes next": [status["next"], _schedules(status["schedules"])],
        "The last runs": [_run(run) for run in status["runs"]] or ["Nothing has run here yet."],
        "What warns": [f"{row['gate']} (week {row['week']}, {row['decision']}): {row['reason']}" for row in status["warnings"]]
        or ["Nothing warns."],
        "What can be served again": _restorable(status["restorable"]),
        "What is kept": _kept(status),
        "Where": [f"{name}: {place}" for name, place in status["places"].items()],
    }
    return "\n\n".join("\n".join([heading, *(f"  {line}" for line in lines)]) for heading, lines in parts.items())


def _mailed(status: dict[str, Any]) -> list[str]:
    mailed = status["mailed"]
    held = [f"Publishing is {status['hold']}."] if status["hold"] else ["Publishing is not on hold."]
    if mailed is None:
        return ["Nothing has been mailed yet.", *held]
    model = f", the model of week {mailed['model_week']}" if mailed["model_week"] else ""
    again = f" It is an earlier version, served again because: {mailed['reason']}." if mailed["action"] == "restore" else ""
    since = _moment(mailed["published_at"])
    return [
        f"The lists of week {mailed['week']}, to {mailed['n_mailed'] or 0:,} addresses, since {since}.{again}",
        f"They come from {SYSTEMS.get(mailed['source'], 'no system that is known')}{model}.",
        f"Their version is {mailed['version_after']}.",
        *held,
    ]


def _schedules(schedules: dict[str, Any]) -> str:
    words = [f"{name} is {'on' if one['on'] else 'off'} ({one['cron']}, UTC)" for name, one in schedules.items()]
    off = (
        ""
        if any(one["on"] for one in schedules.values())
        else " Nothing starts by itself: make serve with schedules.enabled does."
    )
    return f"Schedules: {' and '.join(words)}.{off}"


def _run(run: dict[str, Any]) -> str:
    week = f" for the week of {run['week']}" if run["week"] else ""
    took = f" after {run['seconds']} seconds" if run["seconds"] is not None else ""
    return f"{_moment(run['started_at'])}: {run['job']}{week} {run['ended']}{took}."


def _restorable(versions: list[dict[str, Any]]) -> list[str]:
    lines = [
        f"week {row['week']}, published {_moment(row['published_at'])}, {row['n_users']:,} people: {row['publication_id']}"
        for row in versions[:SHOWN_VERSIONS]
    ]
    more = len(versions) - SHOWN_VERSIONS
    return [*lines, *([f"and {more} older ones (make versions WEEK=...)."] if more > 0 else [])] or ["No version is kept."]


def _kept(status: dict[str, Any]) -> list[str]:
    sizes = [f"{name}: {n_bytes / 1e6:,.1f} MB" for name, n_bytes in status["bytes"].items()] or ["Nothing is kept yet."]
    low = " That is little: make room, or run make prune." if status["disk_is_low"] else ""
    return [
        *sizes,
        f"Of the files {status['prunable_bytes'] / 1e6:,.1f} MB are needed by nothing, and go with the next run or make prune.",
        f"The disk has {status['free_disk_gib']:,} GiB left.{low}",
    ]


def _moment(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not started"
