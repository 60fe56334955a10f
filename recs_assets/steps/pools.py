"""What is compared on several held-out weeks together: a profile is one user in one week."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd


@dataclass(frozen=True)
class Pool:
    """Lists and held-out parts of one week or of several.

    Attributes:
        lists: by system; columns profile and product among others.
        held_out: by relevance; columns profile and product among others.
        profiles: index profile, 0, 1, ...; columns user_id, week, stratum, vehicle_density.
        reasons: why each new purchase could be recommended or not: column reason.
    """

    lists: dict[str, pd.DataFrame]
    held_out: dict[str, pd.DataFrame]
    profiles: pd.DataFrame
    reasons: pd.DataFrame

    def of_weeks(self, is_chosen: Callable[[str], bool]) -> "Pool":
        """The same with nothing held out but in the chosen weeks."""
        profiles = self.profiles[self.profiles["week"].map(is_chosen)]
        held_out = {name: frame[frame["profile"].isin(profiles.index)] for name, frame in self.held_out.items()}
        return replace(self, held_out=held_out, profiles=profiles)


def joined(pools: Sequence[Pool]) -> Pool:
    """Several weeks' pools as one, the profiles numbered through; a system may be missing in all but the last one."""
    offsets = [0]
    for pool in pools:
        offsets.append(offsets[-1] + len(pool.profiles))

    def join(frames: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
        shifted: dict[str, list[pd.DataFrame]] = {name: [] for name in frames[-1]}
        for offset, of_week in zip(offsets, frames, strict=False):
            for name, frame in of_week.items():
                shifted[name].append(frame.assign(profile=frame["profile"] + offset))
        return {name: pd.concat(parts, ignore_index=True) for name, parts in shifted.items()}

    return Pool(
        lists=join([pool.lists for pool in pools]),
        held_out=join([pool.held_out for pool in pools]),
        profiles=pd.concat([pool.profiles for pool in pools], ignore_index=True),
        reasons=pd.concat([pool.reasons for pool in pools], ignore_index=True),
    )
