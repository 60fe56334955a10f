"""The answer of a gate.

FAIL stops what the gate guards, WARN asks somebody to look, and neither ever stops the mail: what was served stays.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

PASS = "PASS"
FAIL = "FAIL"
WARN = "WARN"
INSUFFICIENT_EVIDENCE = "INSUFFICIENT EVIDENCE"
# Of an experiment: its numbers mean nothing; it does harm; it decides nothing yet.
INVALID = "INVALID"
ROLLBACK = "ROLLBACK"
HOLD = "HOLD"


@dataclass(frozen=True)
class Verdict:
    """The answer of a gate, why in a sentence, and the figures.

    The answer is ``PASS``, ``WARN``, ``FAIL`` or ``INSUFFICIENT EVIDENCE``, of an experiment also ``INVALID``, ``ROLLBACK`` or
    ``HOLD``.
    """

    gate: str
    decision: str
    reason: str
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain values for JSON; a figure that is not a number becomes ``None``."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
