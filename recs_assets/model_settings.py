"""The settings of what is learned from events, and of what it is compared with and evaluated by."""

from typing import Annotated, Literal

import pydantic

from recs_assets.section import Count, Positive, Section, Share


class EventWeightsSettings(Section):
    """How much one event of each kind counts."""

    view: Positive
    cart: Positive
    order: Positive


class CoPurchaseSettings(Section):
    """Which two parts count as bought together."""

    window_days: Count
    max_parts_per_user: Count
    min_users: Count


class StrataSettings(Section):
    """Where warm ends and hot begins."""

    hot_min_events: Count


class ModelSettings(Section):
    """The evidence channels and how their weights are fitted."""

    seed: int
    popularity_half_lives_days: tuple[Positive, Positive, Positive]
    cosine_half_lives_days: tuple[Positive, ...]
    walk_half_life_days: Positive
    history_half_life_days: Positive
    undecayed_walk: bool | None
    ease: bool | None
    cosine_shrinkage: Positive
    vehicle_shrinkage: Positive
    owner_types_half_life_days: Positive
    owner_types_shrinkage: Positive
    next_types_shrinkage: Positive
    horizon_days: Count
    training_weeks: Count
    validation_weeks: Count
    max_entries_per_snapshot: Count
    gate_hidden: Count
    steps: Count
    learning_rate: Positive
    weight_decay: Annotated[float, pydantic.Field(ge=0)]
    gate_shrinkage: Annotated[float, pydantic.Field(ge=0)]


class NegativesSettings(Section):
    """Candidates that training sets against the targets; ``per_user`` ``None`` takes them all."""

    per_user: Count | None
    in_batch: Share
    random: Share
    fitment_hard: Share

    @pydantic.model_validator(mode="after")
    def _shares_are_whole(self) -> "NegativesSettings":
        if abs(self.in_batch + self.random + self.fitment_hard - 1) > 1e-9:
            raise ValueError("the shares in_batch, random and fitment_hard must sum to 1")
        return self


class TowersSettings(Section):
    """The two-tower residual on top of the channels."""

    encoder: Literal["gat", "mean", "none"]
    dimension: Count
    heads: Count
    hops: Literal[1, 2]
    neighbours: Count
    half_life_days: Positive | None
    hash_buckets: Count
    id_dropout: Share
    loss: Literal["softmax", "bce", "bpr"]
    negatives: NegativesSettings
    epochs: Count
    patience: Count
    learning_rate: Positive
    weight_decay: Annotated[float, pydantic.Field(ge=0)]
    embedding_learning_rate: Positive
    embedding_weight_decay: Annotated[float, pydantic.Field(ge=0)]
    confidence: Annotated[float, pydantic.Field(gt=0, lt=1)]
    max_gradient_norm: Positive
    device: Literal["auto", "cpu", "cuda"]
    processes: Count

    @pydantic.model_validator(mode="after")
    def _heads_divide_dimension(self) -> "TowersSettings":
        if self.dimension % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide dimension ({self.dimension})")
        return self


class BlendSettings(Section):
    """How alpha x SQL + (1 - alpha) x model is weighted."""

    alpha: Literal["auto"] | Share
    alpha_step: Annotated[float, pydantic.Field(gt=0, le=1)]


class ReasonsSettings(Section):
    """When the words of a reason may say popular, and when trending."""

    popular_people: Count
    recent_days: Count
    trend: Positive


class SimilaritySettings(Section):
    """The fallback without a model: SQL's list with similar parts added."""

    neighbours: Count
    shrinkage: Positive
    weight: Positive


class BaselinesSettings(Section):
    """The systems that the model is compared with."""

    popularity_days: Count
    item_knn_neighbours: Count
    item_knn_shrinkage: Positive
    ease_regularization: Positive
    ease_max_parts: Count


class EvaluationSettings(Section):
    """The held-out weeks."""

    weeks: Count
    max_users: Count
    relevance: Literal["order", "any"]
    ks: tuple[Count, ...]
