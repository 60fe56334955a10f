"""Every threshold of the project as one frozen model; ``settings_file`` reads it."""

import hashlib
import json
from typing import Annotated, Literal

import pydantic

from recs_assets import threads
from recs_assets.alert_settings import AlertsSettings
from recs_assets.contradictions import contradictions
from recs_assets.model_settings import (
    BaselinesSettings,
    BlendSettings,
    CoPurchaseSettings,
    EvaluationSettings,
    EventWeightsSettings,
    ModelSettings,
    ReasonsSettings,
    SimilaritySettings,
    StrataSettings,
    TowersSettings,
)
from recs_assets.pod_settings import PodsSettings
from recs_assets.rollout_settings import RolloutSettings
from recs_assets.section import Count, Positive, Section, Share
from recs_assets.weeks import FIRST_WEEK, monday

# What is made does not depend on these sections.
ELSEWHERE = ("schedules", "alerts", "scoring", "pods", "bigquery", "costs")


class SourceSettings(Section):
    """How much of the source may be faulty before a run refuses it."""

    max_quarantined_share: Share
    min_rows_of_kind: Count
    max_set_aside_share: Share
    max_repeated_share: Share
    min_rows_share: Share
    min_filled_share: Share
    blank_texts: tuple[str, ...]
    max_events_per_user_week: Count
    max_later_created_share: Share
    max_tied_share: Share
    shared_user_ids: tuple[str, ...]
    max_account_orders_share: Share
    max_account_parts: Count


class CandidatesSettings(Section):
    """Which parts a profile may be shown."""

    require_fitment: bool
    kept: Count


class RulesSettings(Section):
    """What every recommended row obeys; ``None`` switches a rule off."""

    min_price: float | None
    available_only: bool | None
    exclude_refurbished: bool | None
    https_image: bool | None
    excluded_part_types: tuple[str, ...] | None
    one_per_variant_group: bool | None
    max_per_part_type: Count | None
    max_universal: Annotated[int, pydantic.Field(ge=0)] | None
    exclude_bought_days: Count | None
    exclude_bought_variants: bool | None
    list_length: Count
    slots: Count


class SqlBaselineSettings(Section):
    """The tiers of v5.17."""

    lookback_days: Count
    model_weight: Positive
    model_min_orders: Count
    make_weight: Positive
    make_min_orders: Count
    global_weight: Positive


class GatesSettings(Section):
    """What must be shown before anything is promoted or published."""

    min_recall_lift: Share
    max_false_promotions: Annotated[float, pydantic.Field(gt=0, lt=1)]
    min_users: Count | None
    min_users_share: Share | None
    min_mails_share: Share | None
    min_reached_share: Share | None
    max_score_psi: Positive | None
    max_zero_score_share: Share | None
    min_overlap: Share | None
    max_event_age_hours: Positive | None
    max_row_change: Positive | None
    max_blank_change: Share | None
    max_reset_created: Share | None
    min_old_garages: Share | None
    max_overruled_universal: Share | None
    max_left_out_by_a_rule: Share | None
    min_left_by_the_rules: Share | None
    max_short_lists: Share | None
    max_bare_garages: Share | None
    max_bare_garages_rise: Share | None
    max_experiment_usd: Positive | None
    max_usd_before_gate_1: Positive | None
    max_month_usd: Positive | None


class MailSettings(Section):
    """What the mail says beside today's columns, and who may be mailed."""

    columns: tuple[Literal["reason", "title", "link", "user_id"], ...]
    link: Annotated[str, pydantic.Field(pattern=r"^https://.*\{product_id\}")] | None
    without_consent_flag: Literal["send", "hold"]
    placeholder_addresses: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of ``mail_addresses.sql``, besides the moment, and of ``mail_audit.sql``."""
        # Without any pattern it matches the empty text, which is no address anyway.
        placeholders = f"^(?:{'|'.join(self.placeholder_addresses)})$"
        return {"without_consent_flag": self.without_consent_flag, "placeholders": placeholders}


class PublishSettings(Section):
    """How many published versions are kept: with one alone there would be none to go back to."""

    kept_versions: Annotated[int, pydantic.Field(ge=2)]


class RetentionSettings(Section):
    """How long files and rows stay that nothing serves."""

    weeks: Count
    days: Count


class SchedulesSettings(Section):
    """Cron expressions, UTC, whether they run by themselves, and the first and the last week there are."""

    enabled: bool
    weekly: str
    nightly: str
    first_week: str
    last_week: str | None
    nightly_late_hours: Count | None
    weekly_late_hours: Count | None

    @pydantic.model_validator(mode="after")
    def _weeks_are_in_order(self) -> "SchedulesSettings":
        if monday(self.first_week) < monday(FIRST_WEEK):
            raise ValueError(f"no week before {FIRST_WEEK} can be run")
        if self.last_week is not None and monday(self.last_week) < monday(self.first_week):
            raise ValueError(f"last_week {self.last_week} is before first_week {self.first_week}")
        return self

    def outside(self, week: str) -> str | None:
        """Why there is no such week, where there is none."""
        if week < self.first_week:
            return f"week {week} is before schedules.first_week, {self.first_week}. Name a later week, or set an earlier one."
        if self.last_week is not None and week > self.last_week:
            return f"week {week} is after schedules.last_week, {self.last_week}. Name an earlier week, or set a later one."
        return None


class ScoringSettings(Section):
    """In how many steps profiles are scored."""

    shards: Count


class ComputeSettings(Section):
    """What a process may take of its machine."""

    threads: Count | None
    memory_limit: Annotated[str, pydantic.Field(pattern=r"^[1-9][0-9]*(MB|GB|MiB|GiB)$")]
    lock_wait_seconds: Annotated[float, pydantic.Field(ge=0)]
    min_free_disk_gib: Annotated[float, pydantic.Field(ge=0)]

    @property
    def cores(self) -> int:
        """Threads to work with: as the settings say, else as many as there are cores for this process."""
        return self.threads or threads.available()


class BigQuerySettings(Section):
    """What a query may cost, and how long its service is waited for."""

    max_gib_billed: Positive
    usd_per_tib: Annotated[float, pydantic.Field(ge=0)]
    retry_seconds: Positive
    job_seconds: Positive
    turn_seconds: Positive


class CostSettings(Section):
    """What a pod costs, and what the money of these runs is spent on."""

    experiment: Annotated[str, pydantic.Field(min_length=1)]
    usd_per_cpu_hour: Annotated[float, pydantic.Field(ge=0)]
    usd_per_gib_hour: Annotated[float, pydantic.Field(ge=0)]
    usd_per_gpu_hour: Annotated[float, pydantic.Field(ge=0)]


BUDGETS = ("max_experiment_usd", "max_usd_before_gate_1", "max_month_usd")


class Settings(Section):
    """The whole of ``settings.yaml``."""

    lookback_days: Count
    source: SourceSettings
    events: EventWeightsSettings
    co_purchase: CoPurchaseSettings
    candidates: CandidatesSettings
    rules: RulesSettings
    sql: SqlBaselineSettings
    strata: StrataSettings
    model: ModelSettings
    towers: TowersSettings
    blend: BlendSettings
    similarity: SimilaritySettings
    reasons: ReasonsSettings
    baselines: BaselinesSettings
    evaluation: EvaluationSettings
    gates: GatesSettings
    rollout: RolloutSettings
    mail: MailSettings
    publish: PublishSettings
    retention: RetentionSettings
    schedules: SchedulesSettings
    alerts: AlertsSettings
    scoring: ScoringSettings
    pods: PodsSettings
    compute: ComputeSettings
    bigquery: BigQuerySettings
    costs: CostSettings

    @pydantic.model_validator(mode="after")
    def _keys_agree(self) -> "Settings":
        if problems := contradictions(self):
            raise ValueError("; ".join(problems))
        return self

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all values that what is made can depend on; the same values always
        give the same hash."""
        elsewhere = dict.fromkeys(ELSEWHERE, True) | {"gates": set(BUDGETS)}
        canonical = json.dumps(self.model_dump(mode="json", exclude=elsewhere), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
