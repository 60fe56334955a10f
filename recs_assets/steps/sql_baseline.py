"""How today's query is asked: by the nightly run for everybody, and by the evaluation for held-out users."""

from recs_assets.resources.warehouse import Parameter
from recs_assets.settings import Settings


def v5_17_parameters(settings: Settings, has_fitment: bool) -> dict[str, Parameter]:
    """The parameters of ``v5_17.sql`` but for the moment."""
    rules = settings.rules
    return {
        **settings.sql.model_dump(),
        "require_fitment": settings.candidates.require_fitment,
        "has_fitment": has_fitment,
        "exclude_bought_days": rules.exclude_bought_days,
        "exclude_bought_variants": bool(rules.exclude_bought_variants),
        "kept": settings.candidates.kept,
    }
