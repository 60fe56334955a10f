"""What a run says in a terminal: one line a finished step, and the progress of long ones."""

import logging
import os
from functools import cache
from typing import TextIO

import dagster as dg

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


class Readable(logging.Formatter):
    """Time, step and message, and the cause of a failure in its own words."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, two where a step failed."""
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        step = meta.get("step_key") or ""
        message = meta.get("orig_message") or record.getMessage()
        if event is not None and event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            message = f"done in {event.event_specific_data.duration_ms / 1000:.1f} s"
        if event is not None and event.event_type == dg.DagsterEventType.STEP_FAILURE:
            error = event.event_specific_data.error
            cause = error.cause.message.strip() if error.cause else error.message.strip()
            message = f"FAILED\n         {cause}"
        return f"{self.formatTime(record, '%H:%M:%S')} {step:<26} {message}"


def _is_shown(record: logging.LogRecord) -> bool:
    event = getattr(record, "dagster_meta", {}).get("dagster_event")
    return event.event_type in SHOWN_EVENTS if event is not None else record.levelno >= logging.INFO


@cache
def _terminal() -> TextIO:
    """Standard error as it was when the first run began.

    While steps run, Dagster sends standard error to a file that a process of its own copies to the terminal, and ends that
    process whether or not it has copied all: the last lines, those of a failure among them, would come or not by chance.
    """
    return os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)


def _readable(context: dg.InitLoggerContext) -> logging.Logger:
    handler = logging.StreamHandler(_terminal())
    handler.setFormatter(Readable())
    handler.addFilter(_is_shown)
    logger = logging.Logger("recs_assets.console", level=logging.DEBUG)
    logger.addHandler(handler)
    return logger


console = dg.LoggerDefinition(_readable, description="One line a step; the whole event log stays in Dagster.")
