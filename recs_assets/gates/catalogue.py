"""What the rules leave of the catalogue: something to sell, and no rule that keeps most of it out unseen."""

from collections import Counter
from collections.abc import Sequence

from recs_assets.gates.verdict import PASS, WARN, Verdict


def left_out(
    reasons: Sequence[str | None], unmatched: Sequence[str], *, n_excluded_types: int, max_share: float | None
) -> Verdict:
    """Do the rules for single parts leave out what they are meant to?

    WARN: one of them keeps more than ``max_share`` (``None``: never) of the parts out of every list, or there are excluded part
    types and no part is of any of them. A shop need not sell all that the settings exclude: single types are told in the figures.

    Args:
        reasons: of every part, ``None`` where it may be recommended.
        unmatched: excluded part types that no part has.
        n_excluded_types: how many part types are excluded.
        max_share: of the parts.
    """
    counts = Counter(reason for reason in reasons if reason is not None)
    figures = {"parts": len(reasons), "left_out": dict(counts), "types_without_a_part": list(unmatched)}
    problems = []
    worst, count = counts.most_common(1)[0] if counts else ("", 0)
    if max_share is not None and count > max_share * len(reasons):
        problems.append(
            f"{count:,} of {len(reasons):,} parts are in no list because of '{worst}', more than {max_share:.0%}: "
            "look at the column behind it, or at the rule (section rules in the settings)"
        )
    if n_excluded_types and len(unmatched) == n_excluded_types:
        problems.append("no part is of any type in rules.excluded_part_types: write the types there as the shop names them")
    if problems:
        return Verdict("rules", WARN, f"{'; '.join(problems)}.", figures)
    return Verdict(
        "rules", PASS, f"{len(reasons) - sum(counts.values()):,} of {len(reasons):,} parts may be recommended.", figures
    )
