"""How large a planted world is, and how its people behave: one frozen record per preset."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """Sizes and rates of one planted world; the defaults are what all presets share.

    Attributes:
        name: what the command line calls it.
        users: rows of people, Sarah among them.
        active_share: share of users with any event at all.
        parts: SKUs, variants included.
        universal_parts: SKUs that need no fitment, commodities and services included.
        vehicles: year/make/model rows, taken from the most popular models down.
        vehicles_per_part: how many vehicles the typical fitting part fits.
        projects: kinds of hidden build projects, at most the length of the list in ``part_types``.
        weeks: complete weeks of events; three days of the next week follow.
        companion_pairs: planted pairs beside Sarah's.
        popularity_spread: standard deviation of the log popularity of parts.
        model_skew: Zipf exponent of the popularity of vehicle models.
        universal_draws: share of draws that go to universal parts, set so that 65% of purchases do: people come back to
            the few parts that fit their car more often, and what they have already is not bought again.
        browse_parts: mean number of parts a user of average interest looks at in a week of browsing.
        mailed_share: share of consenting users in each of the logged mailings.
        bot: whether one user sends more than 10,000 events within a week.
    """

    name: str
    users: int
    active_share: float
    parts: int
    universal_parts: int
    vehicles: int
    vehicles_per_part: float
    projects: int
    weeks: int
    companion_pairs: int
    popularity_spread: float
    model_skew: float
    universal_draws: float
    browse_parts: float
    mailed_share: float
    bot: bool


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="tiny",
            users=500,
            active_share=0.4,
            parts=300,
            universal_parts=90,
            vehicles=60,
            vehicles_per_part=8.0,
            projects=6,
            weeks=30,
            companion_pairs=4,
            popularity_spread=0.9,
            model_skew=1.0,
            universal_draws=0.6,
            browse_parts=1.5,
            mailed_share=1.0,
            bot=False,
        ),
        Preset(
            name="small",
            users=50_000,
            active_share=0.02,
            parts=2_500,
            universal_parts=430,
            vehicles=300,
            vehicles_per_part=16.0,
            projects=12,
            weeks=60,
            companion_pairs=40,
            popularity_spread=0.8,
            model_skew=0.6,
            universal_draws=0.58,
            browse_parts=7.0,
            mailed_share=0.2,
            bot=True,
        ),
        Preset(
            name="medium",
            users=150_000,
            active_share=0.02,
            parts=8_000,
            universal_parts=450,
            vehicles=800,
            vehicles_per_part=30.0,
            projects=16,
            weeks=60,
            companion_pairs=120,
            popularity_spread=0.6,
            model_skew=0.3,
            universal_draws=0.63,
            browse_parts=5.0,
            mailed_share=0.1,
            bot=True,
        ),
        Preset(
            name="full",
            users=475_000,
            active_share=0.02,
            parts=25_000,
            universal_parts=700,
            vehicles=2_000,
            vehicles_per_part=60.0,
            projects=20,
            weeks=60,
            companion_pairs=400,
            popularity_spread=0.6,
            model_skew=0.2,
            universal_draws=0.63,
            browse_parts=5.0,
            mailed_share=0.1,
            bot=True,
        ),
    )
}
