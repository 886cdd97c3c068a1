"""Panels of accounts, what both comparisons share, and that the generator puts in what it says."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.panel.accounts import EXPOSED, LOOK, RANDOMISED, WEEKS_BEFORE, AccountRegime, draw_panels
from models.impact import accounts
from models.impact.accounts import AccountPanel, Assignment
from models.impact.differences import judge_exposed
from models.impact.randomised import judge_randomised
from models.values.verdicts import Judgement, Look, Reason, Word

Floats = NDArray[np.float64]

START = date(2025, 9, 3)
WEEKS = 34
HALF = np.arange(40) % 2 == 0
JUDGES = [judge_randomised, judge_exposed]


def panel(counts: Floats, treated: NDArray[np.bool_] = HALF, *, release: int = WEEKS_BEFORE) -> AccountPanel:
    released = np.where(treated, float(release), np.nan)
    return AccountPanel(START, counts, released, assignment=Assignment(treated, release, release))


def steady(accounts_: int = 40, weeks: int = WEEKS, *, level: float = 1.0, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).poisson(level, (accounts_, weeks)).astype(np.float64)


# ---------------------------------------------------------------- values


def test_a_panel_refuses_what_does_not_fit_and_names_it() -> None:
    good = steady()
    never = np.full(40, np.nan)
    with pytest.raises(ValueError, match="counts"):
        AccountPanel(START, good[0], never)
    with pytest.raises(ValueError, match="released"):
        AccountPanel(START, good, never[:3])
    with pytest.raises(ValueError, match="released must be whole"):
        AccountPanel(START, good, np.where(HALF, 26.5, np.nan))
    with pytest.raises(ValueError, match="exposure"):
        AccountPanel(START, good, never, exposure=good[:, :5])
    with pytest.raises(ValueError, match="counts"):
        AccountPanel(START, -good, never)
    with pytest.raises(ValueError, match="treated"):
        AccountPanel(START, good, never, assignment=Assignment(HALF[:5], 26, 26))
    with pytest.raises(ValueError, match="full"):
        AccountPanel(START, good, never, assignment=Assignment(HALF, 26, 25))


def test_a_panel_keeps_its_own_numbers() -> None:
    counts = steady()
    kept = panel(counts)
    counts[:] = 7
    assert kept.counts.max() < 7
    with pytest.raises(ValueError, match="read-only"):
        kept.counts[0, 0] = 1
    assert kept.day(2) == START + timedelta(days=14)


def test_weeks_that_are_unknown_or_without_customers_hold_neither_complaints_nor_exposure() -> None:
    counts = np.array([[3.0, np.nan, 2.0, 1.0]])
    exposure = np.array([[7.0, 7.0, 0.0, np.nan]])
    seen, size = AccountPanel(START, counts, np.array([np.nan]), exposure=exposure).cells()
    assert seen.tolist() == [[3.0, 0.0, 0.0, 0.0]]
    assert size.tolist() == [[7.0, 0.0, 0.0, 0.0]]


def test_account_rates_are_those_of_a_gamma_prior_with_matching_moments() -> None:
    """Against the posterior mean by quadrature under the gamma density that the moments give."""
    counts, exposure = np.array([0.0, 2.0, 9.0, 30.0]), np.array([10.0, 5.0, 10.0, 20.0])
    mean = 41 / 45
    between = (np.sum((counts - mean * exposure) ** 2) - 41) / np.sum(exposure**2)
    rate = np.linspace(1e-6, 12, 400_001)
    prior = rate ** (mean**2 / between - 1) * np.exp(-rate * mean / between)
    for y, size, found in zip(counts, exposure, accounts.account_rates(counts, exposure), strict=True):
        posterior = prior * rate**y * np.exp(-size * rate)
        assert found == pytest.approx(float((rate * posterior).sum() / posterior.sum()), rel=1e-3)


def test_accounts_that_differ_by_chance_only_get_the_mean_rate() -> None:
    assert accounts.account_rates(np.array([1.0, 1.0]), np.array([1.0, 1.0])).tolist() == [1.0, 1.0]
    assert accounts.account_rates(np.zeros(2), np.ones(2)).tolist() == [1.0, 1.0]


def test_no_account_counts_for_ten_complaints() -> None:
    totals = np.array([0.0, 1.0, 10.0, 60.0, 1e6])
    counted = totals * accounts.influence(totals)
    assert counted.max() < 10
    assert np.all(np.diff(counted) > 0)
    assert counted[1] == pytest.approx(1 / 1.1)


# ---------------------------------------------------------------- thin data


def silent_after(counts: Floats) -> Floats:
    return np.where(np.arange(counts.shape[1]) >= WEEKS_BEFORE + 2, np.nan, counts)


THIN: dict[str, tuple[AccountPanel, Reason]] = {
    "three accounts": (panel(steady(3), np.array([True, False, False])), Reason.TOO_FEW_ACCOUNTS),
    "no accounts": (panel(np.zeros((0, WEEKS)), np.zeros(0, np.bool_)), Reason.TOO_FEW_ACCOUNTS),
    "an empty arm": (panel(steady(), np.zeros(40, np.bool_)), Reason.TOO_FEW_ACCOUNTS),
    "nobody left out": (panel(steady(), np.ones(40, np.bool_)), Reason.TOO_FEW_ACCOUNTS),
    "nothing observed": (panel(np.full((40, WEEKS), np.nan)), Reason.TOO_FEW_ACCOUNTS),
    "no complaints": (panel(np.zeros((40, WEEKS))), Reason.TOO_FEW_COMPLAINTS),
    "hardly any complaints": (panel(steady(level=0.01)), Reason.TOO_FEW_COMPLAINTS),
    "silence after": (panel(silent_after(steady())), Reason.SOURCE_GAP),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("name", THIN)
def test_thin_data_give_cannot_tell_with_a_reason_and_no_number(
    judge: Callable[..., Judgement], name: str
) -> None:
    thin, reason = THIN[name]
    answer = judge(thin, look=LOOK)
    assert answer.word is Word.CANNOT_TELL
    assert reason in answer.reasons
    assert answer.estimate is None
    assert answer.bound is None


@pytest.mark.parametrize("judge", JUDGES)
def test_too_early_names_the_day_to_come_back(judge: Callable[..., Judgement]) -> None:
    release = START + timedelta(weeks=WEEKS_BEFORE)
    short = judge(panel(steady(weeks=WEEKS_BEFORE + 3, seed=5)), look=LOOK)
    assert (short.word, short.judgeable_on) == (Word.TOO_EARLY, release + timedelta(weeks=4))
    unread = judge(panel(steady(seed=5)), look=None)
    assert unread.reasons[0] is Reason.LOOK_NOT_DUE
    assert unread.judgeable_on == release + timedelta(weeks=8, days=3)
    early = Look(number=2, share=0.5, weeks=4, read_on=release + timedelta(weeks=4, days=3), alpha=0.002)
    halfway = judge(panel(steady(weeks=WEEKS_BEFORE + 4, seed=5)), look=early)
    assert (halfway.word, halfway.judgeable_on) == (Word.TOO_EARLY, release + timedelta(weeks=8, days=3))


@pytest.mark.parametrize("judge", JUDGES)
def test_an_overwhelming_change_is_called_at_the_first_look(judge: Callable[..., Judgement]) -> None:
    gone = steady(weeks=WEEKS_BEFORE + 3, level=5.0, seed=5)
    gone[HALF, WEEKS_BEFORE:] = 0
    first = Look(number=1, share=0.25, weeks=2, read_on=START, alpha=1e-5)
    answer = judge(panel(gone), look=first)
    assert answer.word is Word.FELL
    assert answer.estimate is not None
    assert 0 < answer.estimate.low < answer.estimate.high < 0.1


@pytest.mark.parametrize("judge", JUDGES)
def test_a_callers_guard_stands_first_and_the_numbers_stay(judge: Callable[..., Judgement]) -> None:
    answer = judge(panel(steady(seed=5)), look=LOOK, flags=(Reason.THEME_CHANGED, Reason.EARLY))
    assert answer.word is Word.CANNOT_TELL
    assert answer.reasons[0] is Reason.THEME_CHANGED
    assert Reason.EARLY in answer.reasons
    assert answer.estimate is not None


@pytest.mark.parametrize("judge", JUDGES)
def test_misuse_raises(judge: Callable[..., Judgement]) -> None:
    wrong = Look(number=1, share=1.0, weeks=8, read_on=START, alpha=0.0)
    with pytest.raises(ValueError, match=r"look\.alpha"):
        judge(panel(steady()), look=wrong)


@pytest.mark.parametrize("judge", JUDGES)
def test_without_customer_numbers_the_answer_says_so(judge: Callable[..., Judgement]) -> None:
    known = AccountPanel(
        START, steady(seed=5), panel(steady()).released, np.full((40, WEEKS), 7.0), panel(steady()).assignment
    )
    assert Reason.EXPOSURE_MISSING not in judge(known, look=LOOK).reasons
    assert Reason.EXPOSURE_MISSING in judge(panel(steady(seed=5)), look=LOOK).reasons


# ---------------------------------------------------------------- the generator


def test_the_generator_puts_in_what_it_says() -> None:
    """200 panels of 30 complaints a week: the arms' ratio is known to about 2.5%, the weekly mean to about 2%."""
    before, change = [], []
    for each in draw_panels(RANDOMISED["usual"], ratio=0.5, count=200, seed=41):
        assert each.assignment is not None
        treated = each.assignment.treated
        early, late = (each.counts[:, w].sum(axis=1) for w in (slice(26), slice(26, None)))
        before.append(early.sum() / 26)
        change.append(
            [late[treated].sum(), late[~treated].sum(), early[treated].sum(), early[~treated].sum()]
        )
    assert np.mean(before) == pytest.approx(30 * np.exp((0.4**2 + 0.2**2) / 2), rel=0.06)
    late_treated, late_others, early_treated, early_others = np.sum(change, axis=0)
    assert late_treated / late_others / (early_treated / early_others) == pytest.approx(0.5, rel=0.1)


def test_one_account_has_its_storm_and_some_get_the_other_arms_release() -> None:
    calm = next(draw_panels(AccountRegime(150, weekly=1.0), ratio=1.0, count=1, seed=3))
    storm = next(draw_panels(AccountRegime(150, weekly=1.0, storm=60), ratio=1.0, count=1, seed=3))
    assert calm.counts.max() < 20
    assert np.sum(storm.counts >= 60) == 1
    stray = next(draw_panels(AccountRegime(1000, strays=0.1), ratio=1.0, count=1, seed=3))
    assert stray.assignment is not None
    assert np.mean(stray.assignment.treated == np.isnan(stray.released)) == pytest.approx(0.1, abs=0.04)


def test_larger_accounts_get_the_release_first_where_there_is_no_lot() -> None:
    drawn = list(draw_panels(EXPOSED["staggered"], ratio=1.0, count=20, seed=5))
    larger = []
    for each in drawn:
        assert each.exposure is not None
        assert each.assignment is None
        had = ~np.isnan(each.released)
        larger.append(each.exposure[had, 0].mean() / each.exposure[~had, 0].mean())
        assert set(each.released[had]) == {26.0, 28.0, 30.0, 32.0}
        assert each.weeks == 32 + 8
    assert np.mean(larger) > 1.5
