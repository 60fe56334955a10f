"""What the rules leave of the catalogue: something to sell, and no rule that keeps most of it out unseen."""

from collections import Counter
from collections.abc import Sequence

from recs_assets.gates.verdict import PASS, WARN, Verdict


def left_out(reasons: Sequence[str | None], *, n_excluded_types: int, n_unmatched: int, max_share: float | None) -> Verdict:
    """Do the rules for single parts leave out what they are meant to?

    WARN: one of them keeps more than ``max_share`` (``None``: never) of the parts out of every list, or there are excluded part
    types and no part is of any of them. A shop need not sell all that the settings exclude: single types are counted in the
    figures, unnamed, as no value of a setting is logged.

    Args:
        reasons: of every part, ``None`` where it may be recommended.
        n_excluded_types: how many part types are excluded.
        n_unmatched: how many of them no part is of.
        max_share: of the parts.
    """
    counts = Counter(reason for reason in reasons if reason is not None)
    figures = {"parts": len(reasons), "left_out": dict(counts), "types_without_a_part": n_unmatched}
    problems = []
    worst, count = counts.most_common(1)[0] if counts else ("", 0)
    if max_share is not None and count > max_share * len(reasons):
        problems.append(
            f"{count:,} of {len(reasons):,} parts are in no list because of '{worst}', more than {max_share:.0%}: "
            "look at the column behind it, or at the rule (section rules in the settings)"
        )
    if n_excluded_types and n_unmatched == n_excluded_types:
        problems.append("no part is of any type in rules.excluded_part_types: write the types there as the shop names them")
    measured = f"{len(reasons) - sum(counts.values()):,} of {len(reasons):,} parts may be recommended"
    reason = f"{measured}; {n_unmatched:,} of {n_excluded_types:,} excluded part types are no part's."
    return Verdict("rules", WARN, f"{'; '.join(problems)}.", figures) if problems else Verdict("rules", PASS, reason, figures)
