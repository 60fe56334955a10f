"""The statistics of experiments beside tea-tasting, statsmodels and scipy, on random data."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from recs_assets.ranking.experiments.lift import detectable_lift, ratio_lift
from recs_assets.ranking.experiments.power import Metric, exaggeration, power_of
from recs_assets.ranking.experiments.sample_ratio import sample_ratio_p_value
from recs_assets.ranking.experiments.sums import ArmSums


def exactly(*values: float) -> object:
    return pytest.approx(list(values) if len(values) > 1 else values[0], rel=1e-9, abs=1e-11)


def people(seed: int, n_users: int, lift: float) -> pd.DataFrame:
    """Users who differ in how many mails they get and how willing they are to click, before the experiment and in it."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(2, size=n_users)
    willing = rng.beta(1, 6, size=n_users)
    mails = rng.integers(1, 9, size=n_users)
    clicks = rng.binomial(mails, np.minimum(willing * (1 + lift * arm), 1))
    return pd.DataFrame({"arm": arm, "mails": mails, "clicks": clicks, "before": rng.binomial(8, willing)}).astype(
        {"mails": float, "clicks": float, "before": float}
    )


def arms(frame: pd.DataFrame, with_covariate: bool) -> list[ArmSums]:
    of_arm = [frame[frame.arm == number] for number in (0, 1)]
    return [
        ArmSums.of(rows.clicks.to_numpy(), rows.mails.to_numpy(), rows.before.to_numpy() if with_covariate else None)
        for rows in of_arm
    ]


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(60, 400), st.sampled_from([-0.3, 0.0, 0.5]), st.booleans())
def test_lift_and_interval_as_tea_tasting_has_them(seed: int, n_users: int, lift: float, with_covariate: bool) -> None:
    frame = people(seed, n_users, lift)
    covariate = {"numer_covariate": "before"} if with_covariate else {}
    metric = tt.RatioOfMeans("clicks", "mails", use_t=False, equal_var=False, confidence_level=0.95, **covariate)
    theirs = metric.analyze(frame, 0, 1, variant="arm")
    ours = ratio_lift(*arms(frame, with_covariate))
    low, high = ours.interval(scipy.stats.norm.ppf(0.975))
    assert [float(ours.control), float(ours.treated), float(ours.lift)] == exactly(
        theirs.control, theirs.treatment, theirs.rel_effect_size
    )
    assert [float(low), float(high)] == exactly(theirs.rel_effect_size_ci_lower, theirs.rel_effect_size_ci_upper)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_error_is_the_sandwich_of_a_poisson_regression(seed: int) -> None:
    frame = people(seed, 300, 0.2)
    fit = sm.GLM(frame.clicks, sm.add_constant(frame.arm), family=sm.families.Poisson(), offset=np.log(frame.mails)).fit(
        cov_type="HC0", tol=1e-14
    )
    ours = ratio_lift(*arms(frame, with_covariate=False))
    # HC0 divides by n where the sample variance divides by n - 1, in each arm.
    n = frame.arm.value_counts()
    covariance = fit.cov_params().to_numpy()
    of_control, of_difference = covariance[0, 0], covariance[1, 1]
    of_treated = of_difference - of_control
    expected = of_control * n[0] / (n[0] - 1) + of_treated * n[1] / (n[1] - 1)
    assert np.log1p(float(ours.lift)) == exactly(fit.params["arm"])
    assert float(ours.error) == exactly(np.sqrt(expected))


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.floats(0.05, 0.95))
def test_sample_ratio_as_scipy_has_it(control: int, treated: int, share: float) -> None:
    users = np.array([control, treated], dtype=float)
    expected = users.sum() * np.array([1 - share, share])
    assert float(sample_ratio_p_value(users, [1 - share, share])) == exactly(scipy.stats.chisquare(users, expected).pvalue)


@given(st.floats(0.005, 0.3), st.floats(0.02, 0.4), st.integers(100, 100_000))
def test_power_as_statsmodels_has_it(share: float, lift: float, n_users: int) -> None:
    metric = Metric.of_share(share)
    effect = lift * share / np.sqrt((metric.variance + metric.lifted(lift).variance) / 2)
    theirs = NormalIndPower().power(effect, n_users, 0.025, alternative="larger")
    assert power_of(metric, lift, n_users, scipy.stats.norm.ppf(0.975)) == exactly(theirs)


@given(st.floats(0.01, 0.3), st.floats(0.005, 0.1), st.floats(-0.1, 0.3))
def test_exaggeration_is_the_mean_of_a_truncated_normal(true_lift: float, error: float, asked: float) -> None:
    winners = scipy.stats.truncnorm((asked - true_lift) / error, np.inf, loc=true_lift, scale=error)
    if winners.a < 6:  # further out neither has digits left
        assert exaggeration(true_lift, error, asked) == pytest.approx(winners.mean() / true_lift, rel=1e-6)


def test_what_is_detectable_is_detected_four_times_in_five() -> None:
    lift = detectable_lift(0.04, bound=2.05, power=0.8)
    assert scipy.stats.norm.sf(2.05 - np.log1p(lift) / 0.04) == exactly(0.8)
