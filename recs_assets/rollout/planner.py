"""How long an experiment takes: from the last weeks of mail to the chance of seeing a lift, week by week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recs_assets.ranking.experiments.looks import OBRIEN_FLEMING, bounds
from recs_assets.ranking.experiments.power import Metric, power_of, users_per_arm

LIFTS = (0.05, 0.1, 0.15)


@dataclass(frozen=True)
class Plan:
    """An experiment on everybody who is mailed, half of them treated.

    Attributes:
        users: of each arm, as many as there are.
        clicks_per_mail: before it.
        power: by lift, the chance to see it in an experiment of 1, 2, ... weeks.
        needed: by lift, users an arm for the wished power in as many weeks as are planned.
    """

    users: int
    clicks_per_mail: float
    power: Mapping[float, Sequence[float]]
    needed: Mapping[float, int]

    def weeks(self, lift: float, power: float) -> int | None:
        """The first week with the wished power; ``None``: none of them."""
        return next((week for week, chance in enumerate(self.power[lift], start=1) if chance >= power), None)


def planned(observed: Sequence[Metric], users: int, *, looks: int, level: float, power: float, longest: int = 12) -> Plan:
    """Plan from clicks per mail over the last 1, 2, ... weeks.

    A user's variance over w weeks is a + b / w: what people differ by stays, what is luck averages out; a and b are those of the
    shortest and the longest window observed.

    Args:
        observed: the metric over the last 1, 2, ... weeks.
        users: of each arm.
        looks: planned weeks.
        level: of a false PASS over all looks.
        power: wished for.
        longest: weeks that are looked at.

    Raises:
        ValueError: there is no week of mail, or nobody clicked.
    """
    if not observed or not observed[-1].mean > 0:
        raise ValueError("there is no week of mail with a click in it to plan from. Bring email_events of some weeks.")
    metrics = [_over(observed, week) for week in range(1, longest + 1)]
    last = [bounds(week, level, OBRIEN_FLEMING)[-1] for week in range(1, longest + 1)]
    chances = {
        lift: [power_of(metric, lift, users, bound) for metric, bound in zip(metrics, last, strict=True)] for lift in LIFTS
    }
    needed = {
        lift: users_per_arm(_over(observed, looks), lift, power=power, bound=bounds(looks, level, OBRIEN_FLEMING)[-1])
        for lift in LIFTS
    }
    return Plan(users, observed[-1].mean, chances, needed)


def _over(observed: Sequence[Metric], weeks: int) -> Metric:
    mean, first, last, longest = observed[-1].mean, observed[0].variance, observed[-1].variance, len(observed)
    if longest == 1:
        return Metric(mean, first / weeks)
    luck = max((first - last) / (1 - 1 / longest), 0.0)
    return Metric(mean, max(first - luck, 0.0) + luck / weeks)
