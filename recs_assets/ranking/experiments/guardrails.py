"""Whether something that must not suffer does: non-inferiority of a ratio, by its difference, which zero does not upset."""

import math
from dataclasses import dataclass
from typing import Literal

from recs_assets.ranking.experiments.sums import ArmSums
from recs_assets.ranking.statistics import NORMAL

Standing = Literal["not inferior", "open", "inferior"]
# One-sided, of a claim that something is not worse than it may be.
SURE = NORMAL.inv_cdf(0.95)


@dataclass(frozen=True)
class Guardrail:
    """What must not get worse, and how much worse is still none.

    Attributes:
        name: of the metric.
        more_is_worse: the direction of harm.
        relative_margin: tolerated change, as a share of control's ratio.
        least_margin: tolerated at least, however small that ratio is.
    """

    name: str
    more_is_worse: bool
    relative_margin: float
    least_margin: float


@dataclass(frozen=True)
class GuardrailResult:
    """A guardrail as it stands: the harm (above 0: it is worse), its standard error, the margin, and what follows."""

    name: str
    control: float
    treated: float
    harm: float
    error: float
    margin: float
    standing: Standing


def guarded(guardrail: Guardrail, control: ArmSums, treated: ArmSums, *, harm_bound: float) -> GuardrailResult:
    """Compare the two arms of one experiment.

    ``not inferior``: harm beyond the margin is refuted at 95%. ``inferior``: harm beyond the margin is shown by ``harm_bound``
    standard errors. Between the two it is ``open``.
    """
    before, after = float(control.ratio), float(treated.ratio)
    harm = (after - before) * (1 if guardrail.more_is_worse else -1)
    error = math.sqrt(float(control.variance / control.n + treated.variance / treated.n))
    margin = max(guardrail.relative_margin * before, guardrail.least_margin)
    standing: Standing = "open"
    if harm + SURE * error < margin:
        standing = "not inferior"
    elif harm - harm_bound * error > margin:
        standing = "inferior"
    return GuardrailResult(guardrail.name, before, after, harm, error, margin, standing)
