"""Who is in which arm: a number that a person keeps, and a share that says how far up it counts.

``sql/rollout_buckets.sql`` gives the same buckets on either engine.
"""

import hashlib
from typing import Literal

Arm = Literal["control", "treated"]
CONTROL: Arm = "control"
TREATED: Arm = "treated"
BUCKETS = 10_000


def bucket(salt: str, user_id: str) -> int:
    """A person's bucket, 0 to 9,999: another salt deals everybody anew.

    The first 60 bits of SHA-256 of "salt:user_id", modulo 10,000.
    """
    return int(hashlib.sha256(f"{salt}:{user_id}".encode()).hexdigest()[:15], 16) % BUCKETS


def treated_buckets(share: float) -> int:
    """How many of the buckets, from 0 up, are treated at a share: a larger share only adds people.

    Raises:
        ValueError: the share does not lie between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share} is none between 0 and 1.")
    return round(share * BUCKETS)


def arm(bucket: int, share: float) -> Arm:
    """The arm of a bucket."""
    return TREATED if bucket < treated_buckets(share) else CONTROL
