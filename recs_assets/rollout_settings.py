"""How an experiment is read and what each step of a rollout asks for."""

from typing import Annotated

import pydantic

from recs_assets.section import Count, Positive, Section, Share

Level = Annotated[float, pydantic.Field(gt=0, lt=0.5)]


class MarginSettings(Section):
    """How much worse a guardrail may be: a share of control's value, but at least so much."""

    relative: Share
    least: Annotated[float, pydantic.Field(ge=0)]


class GuardrailsSettings(Section):
    """What must not suffer, each per unit: unsubscribed and complained per delivered mail, orders and mails per person."""

    unsubscribed: MarginSettings
    complained: MarginSettings
    orders: MarginSettings
    mails: MarginSettings


class RolloutSettings(Section):
    """Gate 2 and the stages."""

    min_ctr_lift: Positive
    max_ctr_loss: Share
    looks: Annotated[int, pydantic.Field(ge=1, le=52)]
    level: Level
    power: Annotated[float, pydantic.Field(gt=0.5, lt=1)]
    sample_ratio_level: Level
    min_click_seconds: Annotated[int, pydantic.Field(ge=0)]
    pre_period_weeks: Count
    min_logged_share: Share
    min_weeks_at_stage: Count
    guardrails: GuardrailsSettings
