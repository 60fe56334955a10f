"""Whether what people own and what parts fit still meet: in garages, in the mail, and in the flag of universal parts."""

from collections.abc import Mapping

from recs_assets.breaches import ContractError
from recs_assets.gates.verdict import FAIL, PASS, WARN, Verdict

# Where fitment does not decide what is recommended there is nothing to look at.
NOBODY = {"n_owners": 0, "n_without": 0}


def fitting_parts(
    gate: str, now: Mapping[str, int], before: Mapping[str, int] | None, *, max_share: float | None, max_rise: float | None
) -> Verdict:
    """Are there parts that fit, for those who have a vehicle?

    FAIL: for no garage at all (garage_coverage alone), or the share of those without rose by more than ``max_rise``. WARN: it is
    above ``max_share``. ``None`` switches a limit off.

    Args:
        gate: what is looked at: garage_coverage or mail_coverage.
        now: n_owners, people with a vehicle, and n_without, those of them without a part that fits it.
        before: the same of last week, or of the mail before; ``None`` where there is none.
        max_share: of those who have a vehicle.
        max_rise: of that share.
    """
    n_owners, n_without = now["n_owners"], now["n_without"]
    figures = {**now, "before": dict(before) if before else None}
    if not n_owners:
        return Verdict(gate, PASS, "nobody has a vehicle.", figures)
    share = n_without / n_owners
    measured = f"{n_without:,} of {n_owners:,} people with a vehicle ({share:.1%}) have no part that fits it"
    if n_without == n_owners and gate == "garage_coverage":
        return Verdict(gate, FAIL, f"{measured}.", figures)
    if max_rise is not None and before and before["n_owners"] and share - before["n_without"] / before["n_owners"] > max_rise:
        measured += f", {before['n_without'] / before['n_owners']:.1%} had none before"
        return Verdict(gate, FAIL, f"{measured}: {max_rise:.0%} more are allowed.", figures)
    if max_share is not None and share > max_share:
        return Verdict(gate, WARN, f"{measured}: more than {max_share:.0%}.", figures)
    return Verdict(gate, PASS, f"{measured}.", figures)


def refuse_bare_garages(week: str, coverage: Verdict) -> None:
    """Refuse a store of which the fitment does not meet the garages.

    Raises:
        ContractError: names the share, and where to look.
    """
    if coverage.decision == FAIL:
        fix = (
            "Look whether ownership and fitment name vehicles by the same ids, and at ineligible_reason of the parts that fit; "
            "if it is right, raise gates.max_bare_garages_rise in the settings for this run."
        )
        raise ContractError("fitment", coverage.reason.removesuffix("."), fix, week=week)


def universal(counts: Mapping[str, int], *, max_share: float | None) -> Verdict:
    """Are parts flagged as universal what they say? WARN: more than ``max_share`` (``None``: never) name vehicles of their own.

    Args:
        counts: n_universal, and n_overruled: they name the vehicles that they fit, and are taken for what fits those.
        max_share: of the parts flagged as universal.
    """
    n_universal, n_overruled = counts["n_universal"], counts["n_overruled"]
    measured = f"{n_overruled:,} of {n_universal:,} parts flagged as universal name the vehicles that they fit"
    if max_share is not None and n_overruled > max_share * n_universal:
        reason = f"{measured}, and are recommended to the owners of those alone: more than {max_share:.0%}."
        return Verdict("universal_products", WARN, f"{reason} Look at products.is_universal.", dict(counts))
    return Verdict("universal_products", PASS, f"{measured}.", dict(counts))
