"""What the rules leave of the catalogue: something to sell, and no rule that keeps most of it out unseen."""

from collections import Counter
from collections.abc import Mapping, Sequence

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


def left_for_lists(
    *,
    n_parts: int,
    left_out: Mapping[str, int],
    lengths: Mapping[int, int],
    list_length: int,
    min_left: float | None,
    max_short: float | None,
) -> Verdict:
    """Is there enough left to fill the lists?

    WARN: all rules together leave less than ``min_left`` of the parts, or more than ``max_short`` of the people with a list get
    fewer than ``list_length`` parts. ``None`` switches a limit off.

    Args:
        n_parts: parts of the store.
        left_out: how many of them each rule keeps out of every list.
        lengths: how many people have a list of each length; nobody, where there are no lists yet.
        list_length: parts of a whole list.
        min_left: share of the parts.
        max_short: share of the people.
    """
    n_left, n_people = n_parts - sum(left_out.values()), sum(lengths.values())
    by_rule = ", ".join(f"{count:,} '{rule}'" for rule, count in Counter(left_out).most_common())
    n_short = sum(people for length, people in lengths.items() if length < list_length)
    figures = {"parts": n_parts, "left": n_left, "people": n_people, "short": n_short}
    problems = []
    if min_left is not None and n_left < min_left * n_parts:
        problems.append(
            f"the rules leave {n_left:,} of {n_parts:,} parts, less than {min_left:.0%}; left out are {by_rule}: "
            "look at the column behind the first of these rules, or at section rules in the settings"
        )
    if max_short is not None and n_short > max_short * n_people:
        problems.append(
            f"{n_short:,} of {n_people:,} people get fewer than {list_length} parts: look at the rules, and at whether fitment "
            "reaches their vehicles"
        )
    if problems:
        return Verdict("left_for_lists", WARN, f"{'; '.join(problems)}.", figures)
    told = f"{n_left:,} of {n_parts:,} parts may be recommended" + (f", left out are {by_rule}" if by_rule else "")
    short = f"; {n_short:,} of {n_people:,} people get fewer than {list_length}" if n_people else ""
    return Verdict("left_for_lists", PASS, f"{told}{short}.", figures)
