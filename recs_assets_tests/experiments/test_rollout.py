"""A simulated year in small: the same stages, gates, SQL and ledgers as in production, on few people who click much."""

from pathlib import Path

import numpy as np
import pytest

from recs_assets import settings_file
from recs_assets.demo.mailing import Audience
from recs_assets.experiments.rollout.__main__ import final
from recs_assets.experiments.rollout.picture import draw
from recs_assets.experiments.rollout.year import Shop, Week, simulated
from recs_assets.resources.duckdb.warehouse import DuckDBWarehouse
from recs_assets.rollout_settings import GuardrailsSettings, MarginSettings

pytestmark = pytest.mark.long

SETTINGS = settings_file.load()


def year(folder: Path, lift: float, n_weeks: int, fault: str | None = None) -> list[Week]:
    wide = {name: MarginSettings(relative=0.5, least=0.01) for name in ("unsubscribed", "complained", "orders", "mails")}
    changed = {"pre_period_weeks": 2, "looks": 4, "guardrails": GuardrailsSettings(**wide)}
    rules = SETTINGS.rollout.model_copy(update=changed)
    warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", folder, SETTINGS.compute)
    shop = Shop(warehouse, folder, SETTINGS.model_copy(update={"rollout": rules}), lift, np.random.default_rng(3), 20_000, fault)
    # Eager people, so that a few thousand of them say as much as production's.
    shop.audience = Audience(np.full(20_000, 0.6), np.full(20_000, 0.3), np.arange(20_000) % 200 == 0)
    return simulated(shop, n_weeks)


def test_what_helps_reaches_everybody_and_nobody_goes_astray(tmp_path: Path) -> None:
    weeks = year(tmp_path, 0.2, 8)
    end = final(weeks)
    assert [week.stage for week in weeks] == ["shadow", "shadow", "experiment", "10", "25", "50", "100", "100"]
    assert end["users_who_changed_arms_in_the_wrong_direction"] == 0
    assert end["everybody_since"] == weeks[6].week
    draw(weeks, tmp_path / "year.png", 0.2)
    assert (tmp_path / "year.png").read_bytes().startswith(b"\x89PNG")


def test_what_harms_is_rolled_back_within_two_weeks_and_stays_so(tmp_path: Path) -> None:
    end = final(year(tmp_path, -0.1, 6))
    assert end["weeks_until_rollback"] <= 2
    assert (end["stage"], end["held"], end["users_who_changed_arms_in_the_wrong_direction"]) == ("shadow", True, 0)


def test_what_does_nothing_never_passes_the_experiment(tmp_path: Path) -> None:
    end = final(year(tmp_path, 0.0, 8))
    assert (end["highest_share"], end["stage"]) == (0.5, "shadow")


@pytest.mark.parametrize("fault", ["unequal", "two_arms", "salt", "late"])
def test_every_fault_is_found_and_holds_the_rollout(tmp_path: Path, fault: str) -> None:
    weeks = year(tmp_path, 0.2, 4, fault)
    verdict = weeks[2].verdict
    assert verdict is not None
    assert (verdict.decision, weeks[3].held) == ("INVALID", True), verdict.reason
