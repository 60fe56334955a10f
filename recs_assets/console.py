"""What a run says in a terminal: one line a finished step, the progress of long ones, and how it ended."""

import logging
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import dagster as dg

from recs_assets.terminal import terminal

# What Dagster says of its own bookkeeping is in the event log and the UI; these are what a person waits for.
SHOWN_EVENTS = frozenset(
    {
        dg.DagsterEventType.STEP_SUCCESS,
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.STEP_UP_FOR_RETRY,
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterEventType.RUN_CANCELED,
    }
)
INDENT = "\n" + " " * 9


@dataclass
class Story:
    """What went wrong in a run so far: the last error that each step told of, failed steps by cause, and steps left out."""

    errors: dict[str, str] = field(default_factory=dict)
    causes: dict[str, list[str]] = field(default_factory=dict)
    not_run: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Every cause once, with the steps that failed of it, and the steps that did not run."""
        told = [f"{', '.join(steps)}: {cause}" for cause, steps in self.causes.items()]
        return INDENT.join([*told, *([f"Not run: {', '.join(self.not_run)}."] if self.not_run else [])])


@cache
def _story(run_id: str) -> Story:
    """That of a run; Dagster makes its loggers anew for parts of one."""
    return Story()


class Readable(logging.Formatter):
    """Time, step and message; a failure in its own words at the end of the run, once, where nothing scrolls it away."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the causes below that of a failed run."""
        meta = _meta(record)
        event: Any = meta.get("dagster_event")
        step, story = meta.get("step_key") or "", _story(meta.get("run_id") or "")
        message = meta.get("orig_message") or record.getMessage()
        kind = event and event.event_type
        if kind == dg.DagsterEventType.STEP_SUCCESS:
            message = f"done in {event.event_specific_data.duration_ms / 1000:.1f} s"
        elif kind == dg.DagsterEventType.STEP_UP_FOR_RETRY:
            data = event.event_specific_data
            message = f"{_words(data.error)} Tried again in {data.seconds_to_wait:.0f} s."
        elif kind == dg.DagsterEventType.STEP_FAILURE:
            message = "FAILED"
        elif kind == dg.DagsterEventType.RUN_FAILURE and story.causes:
            message = f"{event.job_name} FAILED{INDENT}{story}"
        return f"{self.formatTime(record, '%H:%M:%S')} {step:<26} {message}"


def _heard(record: logging.LogRecord) -> bool:
    """Whether a record is for the terminal; what it says of a failure is kept for the end of the run."""
    meta = _meta(record)
    event, step = meta.get("dagster_event"), meta.get("step_key") or ""
    story = _story(meta.get("run_id") or "")
    if event is not None:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            cause = _cause(event.event_specific_data, story.errors.get(step), meta["run_id"])
            story.causes.setdefault(cause, []).append(step)
        return event.event_type in SHOWN_EVENTS
    message = meta.get("orig_message") or record.getMessage()
    if record.levelno >= logging.ERROR and message.endswith("Not executing."):
        story.not_run.append(step)
        return False
    if record.levelno >= logging.ERROR:
        story.errors[step] = message
    return record.levelno >= logging.INFO


def _meta(record: logging.LogRecord) -> dict[str, Any]:
    meta: dict[str, Any] = getattr(record, "dagster_meta", {})
    return meta


def _cause(failure: Any, told: str | None, run_id: str) -> str:
    """Why a step failed: a refusal's own words, what the step has told of a check that failed, or an error's message."""
    refusal, error = failure.user_failure_data, failure.error
    if refusal is not None and refusal.description:
        return " ".join(refusal.description.split())
    if error.cls_name == "DagsterAssetCheckFailedError":
        return told or _words(error)
    if error.cls_name == "RetryRequested":
        return f"{_words(error)} It was tried again, in vain: look at the machine, then run again."
    return f"{_words(error)} This is a bug: the whole traceback is in Dagster's event log, run {run_id}."


def _words(error: Any) -> str:
    """The message of what lies below an error, without line breaks."""
    return " ".join((error.cause or error).message.split())


def _readable(context: dg.InitLoggerContext) -> logging.Logger:
    handler = logging.StreamHandler(terminal())
    handler.setFormatter(Readable())
    handler.addFilter(_heard)
    logger = logging.Logger("recs_assets.console", level=logging.DEBUG)
    logger.addHandler(handler)
    return logger


console = dg.LoggerDefinition(_readable, description="One line a step; the whole event log stays in Dagster.")
