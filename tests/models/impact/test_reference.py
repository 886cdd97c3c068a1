"""The reference volume: right where a share of all items is wrong, and unmoved by themes that misbehave."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.panel.regimes import REGIMES, Regime
from bench.panel.series import DAYS_AFTER, DAYS_BEFORE, FINAL_LOOK, RELEASE, Floats
from bench.panel.workspace import draw_workspace, with_reference
from models.impact.judge import Case, judge_many
from models.impact.reference import Reference, reference_volume
from models.values.series import Period, Series
from models.values.verdicts import Estimate, Reason, Word

DAYS = DAYS_BEFORE + DAYS_AFTER
BEFORE = np.arange(DAYS) < DAYS_BEFORE
WEEKDAYS = np.array([1.2, 1.2, 1.15, 1.1, 1.0, 0.7, 0.65])[np.arange(DAYS) % 7]
GROWTH = np.exp(0.03 * np.arange(DAYS) / 7)


def volume_of(found: Reference) -> Floats:
    assert found.volume is not None
    assert found.reason is None
    return found.volume


def relative(values: Floats, before: NDArray[np.bool_] = BEFORE) -> Floats:
    scaled: Floats = values / values[before].mean()
    return scaled


def off_after(found: Floats, truth: Floats) -> float:
    """How far the level after the release, against that before, is from the truth, as a share."""
    after, wanted = (float(values[~BEFORE].mean() / values[BEFORE].mean()) for values in (found, truth))
    return after / wanted - 1


def poisson(levels: Floats, truth: Floats, *, seed: int) -> Floats:
    drawn = np.random.default_rng(seed).poisson(levels[:, None] * truth)
    return drawn.astype(np.float64)


def judged(counts: list[Floats], exposures: list[Floats]) -> list[Estimate]:
    cases = []
    for values, exposure in zip(counts, exposures, strict=True):
        series = Series(RELEASE - timedelta(DAYS_BEFORE), Period.DAY, values, exposure)
        cases.append(Case(series, RELEASE, RELEASE, series.end, FINAL_LOOK))
    found = [each.estimate for each in judge_many(cases, with_periods=False)]
    return [estimate for estimate in found if estimate is not None]


def test_a_halved_fifth_reads_half_against_the_reference_and_not_as_a_share() -> None:
    """The reason why there is no share of all items: (.1 / .9) / .2 = .556, and (.8 / .9) / .8 = 1.111.

    Eleven themes without noise on a growing volume; the first brings a fifth of all complaints and is halved.
    """
    levels = np.concatenate([[20.0], np.full(10, 8.0)])
    counts = levels[:, None] * WEEKDAYS * GROWTH
    counts[0, ~BEFORE] *= 0.5
    total = counts.sum(axis=0)
    as_share = judged(list(counts), [total] * 11)
    assert as_share[0].effect == pytest.approx(0.1 / 0.9 / 0.2, abs=0.01)
    assert [each.effect for each in as_share[1:]] == pytest.approx([0.8 / 0.9 / 0.8] * 10, abs=0.01)
    references = [
        volume_of(reference_volume(np.delete(counts, sorted({0, k}), axis=0), BEFORE)) for k in range(11)
    ]
    against = judged(list(counts), references)
    assert against[0].effect == pytest.approx(0.5, abs=0.01)
    assert [each.effect for each in against[1:]] == pytest.approx([1.0] * 10, abs=0.01)


def test_themes_that_move_together_give_their_volume_exactly() -> None:
    truth = WEEKDAYS * GROWTH * (1 + 0.3 * np.sin(np.arange(DAYS) / 20))
    found = reference_volume(np.array([0.5, 1, 2, 4, 8, 16])[:, None] * truth, BEFORE)
    assert volume_of(found) == pytest.approx(relative(truth), rel=1e-9)
    assert found.shares.sum() == pytest.approx(1.0)
    assert np.all(np.diff(found.shares) > 0)


def test_a_theme_that_jumps_leaves_no_trace_after_the_release() -> None:
    counts = np.tile(np.array([2.0, 4.0, 5.0, 5.0, 6.0, 8.0])[:, None], DAYS)
    counts[3, ~BEFORE] *= 10
    found = reference_volume(counts, BEFORE)
    assert volume_of(found) == pytest.approx(np.ones(DAYS), rel=1e-9)
    assert found.shares[3] == pytest.approx(found.shares[2] * DAYS_BEFORE / DAYS)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_themes_born_vanished_and_jumping_hardly_move_the_level(seed: int) -> None:
    """Three of 40 jump threefold at the release, four are born, three vanish; the plain total is 10% off."""
    rng = np.random.default_rng(seed)
    truth = WEEKDAYS * GROWTH
    counts = poisson(rng.uniform(0.5, 6.0, 40), truth, seed=seed)
    counts[:3, ~BEFORE] *= 3
    for k in range(3, 7):
        counts[k, : rng.integers(40, 160)] = 0
    for k in range(7, 10):
        counts[k, rng.integers(60, 210) :] = 0
    assert abs(off_after(counts.sum(axis=0), truth)) > 0.06
    assert abs(off_after(volume_of(reference_volume(counts, BEFORE)), truth)) < 0.03


def test_many_tiny_themes_bear_a_volume_that_doubles() -> None:
    """Three complaints a fortnight and theme: every daily median is 0, every geometric mean too."""
    truth = np.where(BEFORE, 1.0, 2.0)
    counts = poisson(np.full(80, 0.2), truth, seed=4)
    assert np.median(counts, axis=0).max() <= 1
    found = volume_of(reference_volume(counts, BEFORE))
    assert off_after(found, truth) == pytest.approx(0.0, abs=0.05)


def test_days_add_up_to_what_weeks_say() -> None:
    counts = poisson(np.geomspace(0.3, 15, 25), WEEKDAYS * GROWTH, seed=5)
    daily = volume_of(reference_volume(counts, BEFORE)).reshape(-1, 7).sum(axis=1)
    weeks = counts.reshape(25, -1, 7).sum(axis=2)
    weekly = volume_of(reference_volume(weeks, BEFORE[::7], period=Period.WEEK))
    assert daily / 7 == pytest.approx(weekly, rel=0.03)


def test_a_month_is_as_good_a_period() -> None:
    truth = np.exp(0.02 * np.arange(30))
    found = reference_volume(
        np.linspace(50, 200, 8)[:, None] * truth, np.arange(30) < 24, period=Period.MONTH
    )
    assert volume_of(found) == pytest.approx(relative(truth, np.arange(30) < 24), rel=1e-9)


def test_a_source_that_joins_late_does_not_bend_a_growing_volume() -> None:
    """Ten of twenty themes are seen for the last 60% only, when everything is larger."""
    truth = WEEKDAYS * GROWTH
    counts = np.linspace(2, 9, 20)[:, None] * truth
    counts[::2, : int(0.4 * DAYS_BEFORE)] = np.nan
    assert volume_of(reference_volume(counts, BEFORE)) == pytest.approx(relative(truth), rel=0.01)


def test_days_that_most_themes_miss_are_unknown() -> None:
    counts = np.tile(np.linspace(2, 9, 12)[:, None], DAYS)
    counts[:, 50] = np.nan
    counts[:9, 200] = np.nan
    counts[:2, 210] = np.nan
    found = volume_of(reference_volume(counts, BEFORE))
    assert np.flatnonzero(np.isnan(found)).tolist() == [50, 200]
    assert found[~np.isnan(found)] == pytest.approx(1.0)


def test_an_unknown_day_makes_the_week_a_gap_and_not_a_fall() -> None:
    counts = np.tile(np.linspace(2, 9, 12)[:, None], DAYS)
    silent = counts.copy()
    silent[:, 200] = np.nan
    full, gapped = judged(
        [np.full(DAYS, 5.0)] * 2, [volume_of(reference_volume(each, BEFORE)) for each in (counts, silent)]
    )
    assert full.observed - gapped.observed == 35
    assert gapped.effect == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    "counts",
    [
        np.full((4, DAYS), 50.0),
        np.full((40, DAYS), 0.1),
        np.zeros((30, DAYS)),
        np.full((30, DAYS), np.nan),
        np.zeros((0, DAYS)),
    ],
    ids=["four themes", "28 a week", "nothing", "not seen", "none"],
)
def test_too_little_to_bear_a_reference_says_so(counts: Floats) -> None:
    found = reference_volume(counts, BEFORE)
    assert (found.volume, found.reason) == (None, Reason.REFERENCE_MISSING)
    assert found.shares.tolist() == [0.0] * len(counts)


def test_themes_seen_for_less_than_half_of_the_time_are_left_out() -> None:
    counts = np.tile(np.linspace(2, 9, 12)[:, None], DAYS)
    counts[0, : int(0.6 * DAYS_BEFORE)] = np.nan
    shares = reference_volume(counts, BEFORE).shares
    assert shares[0] == 0
    assert np.all(shares[1:] > 0)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_the_volume_is_a_volume_or_is_missing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    themes, days = int(rng.integers(5, 40)), int(rng.integers(10, 260))
    before = np.arange(days) < rng.integers(5, days + 1)
    levels = rng.choice([0.01, 0.3, 3, 1000], (themes, 1)) * rng.choice([0, 1, 1, 5], (themes, days))
    counts = rng.poisson(levels).astype(np.float64)
    counts[rng.random((themes, days)) < rng.choice([0, 0.3])] = np.nan
    counts[:, rng.random(days) < 0.05] = np.nan
    found = reference_volume(counts, before)
    if found.volume is None:
        assert found.reason is Reason.REFERENCE_MISSING
        return
    assert np.nanmin(found.volume) >= 0
    assert np.nanmean(found.volume[before]) == pytest.approx(1.0)
    assert found.shares.sum() == pytest.approx(1.0)


def test_misuse_is_refused() -> None:
    counts = np.ones((9, DAYS))
    with pytest.raises(ValueError, match=r"counts must be \(K, T\) and before \(T,\)"):
        reference_volume(counts, BEFORE[1:])
    with pytest.raises(ValueError, match="counts must be finite and at least 0"):
        reference_volume(-counts, BEFORE)
    for wrong in (~BEFORE, np.zeros(DAYS, dtype=bool)):
        with pytest.raises(ValueError, match="before must be True"):
            reference_volume(counts, wrong)


def test_a_workspace_has_the_levels_and_the_ratio_that_were_asked_for() -> None:
    drawn = draw_workspace(themes=60, level=40.0, ratio=0.5, seed=6)
    assert drawn.others.shape == (60, DAYS)
    levels = drawn.others[:, BEFORE].mean(axis=1)
    assert 0.1 < levels.min() < 0.6
    assert 1 < np.median(levels) < 4
    rate = drawn.touched / drawn.volume
    assert rate[~BEFORE].mean() / rate[BEFORE].mean() == pytest.approx(0.5, abs=0.15)


def test_a_touched_theme_reads_its_ratio_and_an_untouched_one_reads_one() -> None:
    """Thirty workspaces; a mean log effect has a Monte Carlo error of .04 (level 40, own sd about .2)."""
    touched, others, volumes, rests = [], [], [], []
    for seed in range(30):
        drawn = draw_workspace(themes=30, level=40.0, ratio=0.5, seed=seed)
        largest = int(np.argmax(drawn.others.sum(axis=1)))
        touched.append(drawn.touched)
        others.append(drawn.others[largest])
        volumes.append(volume_of(reference_volume(drawn.others, BEFORE)))
        rests.append(volume_of(reference_volume(np.delete(drawn.others, largest, axis=0), BEFORE)))
    halved, untouched = judged(touched, volumes), judged(others, rests)
    assert np.mean([np.log(each.effect) for each in halved]) == pytest.approx(np.log(0.5), abs=0.12)
    assert np.mean([np.log(each.effect) for each in untouched]) == pytest.approx(0.0, abs=0.12)
    assert sum(each.low <= 0.5 <= each.high for each in halved) >= 26
    assert sum(each.low <= 1 <= each.high for each in untouched) >= 26


def test_shared_shocks_stay_what_the_regime_says_when_put_in_by_thinning() -> None:
    """Level, and log sd of weekly counts, of a loud regime that has nothing but shared shocks."""
    regime = Regime(500.0, dispersion=0.0, shared=0.3, shared_phi=0.99)
    cases = with_reference(regime, ratio=1.0, count=120, seed=7)
    weekly = np.array([case.series.counts.reshape(-1, 7).sum(axis=1) for case in cases])
    growth = np.exp(0.01 * np.arange(weekly.shape[1]))
    mean = 7 * 500 * np.exp(0.3**2 / 2)
    assert (weekly / growth).mean() == pytest.approx(mean, rel=0.05)
    assert np.log(weekly / growth).std() == pytest.approx(0.3, rel=0.1)
    against = np.array([case.series.exposure for case in cases]).reshape(len(cases), -1, 7).sum(axis=2)
    assert np.log(weekly / against).std(axis=1).mean() < 0.15


def test_a_release_picked_by_its_counts_cannot_have_shared_shocks_too() -> None:
    with pytest.raises(ValueError, match="shared shocks and a release picked by the counts"):
        with_reference(replace(REGIMES["common_20"], selected=True), ratio=1.0, count=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("regime", ["poisson_low", "nb_1", "iid_5", "high_50", "trend_up_5", "common_20"])
def test_the_size_table_holds_without_exposure(regime: str) -> None:
    """300 null series a regime: Monte Carlo error 1 point at 3%, 1.3 at 95%."""
    cases = with_reference(REGIMES[regime], ratio=1.0, count=300, seed=43)
    found = judge_many(cases, with_periods=False)
    assert np.mean([each.word in (Word.FELL, Word.ROSE) for each in found]) <= 0.05
    covered = [each.estimate is not None and each.estimate.low <= 1 <= each.estimate.high for each in found]
    assert np.mean(covered) >= 0.93


@pytest.mark.slow
def test_a_few_noisy_themes_cost_power_and_not_honesty() -> None:
    """300 series over five themes each, whose own noise is a third of the judged theme's or more; a few bear none."""
    regime = REGIMES["high_50"]
    null = judge_many(
        with_reference(regime, ratio=1.0, count=300, seed=44, themes=(5, 5)), with_periods=False
    )
    assert np.mean([each.word in (Word.FELL, Word.ROSE) for each in null]) <= 0.05
    covered = [each.estimate is not None and each.estimate.low <= 1 <= each.estimate.high for each in null]
    assert np.mean(covered) >= 0.93
