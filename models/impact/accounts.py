"""Complaints by account and week, and what both comparisons between accounts share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.impact.looks import schedule
from models.impact.rule import choose_word
from models.impact.setting import Setting
from models.values.series import DAYS_PER_WEEK
from models.values.verdicts import BLOCKING, Check, Estimate, Grade, Judgement, Look, Reason, Word

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

LEAST_ACCOUNTS: Final = 8
_OVERDISPERSION: Final = 0.1
_MOST_OF: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A release drawn by lot: which accounts were to get it, and when.

    treated: (n,) bool; strata: (n,) int64 labels of the groups within which the lot was drawn, or None; start,
    full: weeks (columns of the panel) in which the first, and all, treated accounts were to have it.
    """

    treated: Flags
    start: int
    full: int
    strata: Labels | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AccountPanel:
    """Complaints of a theme by account and release-aligned week.

    start: first day of the first week; counts: (n, w) float64, nan for a week that was not observed; released:
    (n,) float64 week (column) from which the account had the release, nan where it never did; exposure: (n, w)
    customer-days, 0 or nan where the account was no customer, or None; assignment: for a randomised roll-out.
    The arrays are made read-only. Raises ValueError where shapes differ, values are negative or infinite, weeks are
    not whole, or an assignment is full before it starts.
    """

    start: date
    counts: Floats
    released: Floats
    exposure: Floats | None = None
    assignment: Assignment | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.counts)
        if len(shape) != 2:
            raise ValueError(f"counts must have shape (accounts, weeks), not {shape}")
        object.__setattr__(self, "counts", _frozen("counts", self.counts, shape))
        object.__setattr__(self, "released", _frozen("released", self.released, shape[:1]))
        if np.any(self.released % 1 > 0):
            raise ValueError("released must be whole weeks (nan where an account never had the release)")
        if self.exposure is not None:
            object.__setattr__(self, "exposure", _frozen("exposure", self.exposure, shape))
        if self.assignment is not None:
            object.__setattr__(self, "assignment", _checked(self.assignment, shape[0]))

    @property
    def weeks(self) -> int:
        """Number of weeks (columns)."""
        return int(self.counts.shape[1])

    def day(self, week: int) -> date:
        """Give the first day of a week (column)."""
        return self.start + timedelta(days=week * DAYS_PER_WEEK)

    def cells(self) -> tuple[Floats, Floats]:
        """Give counts and exposure (n, w), both 0 in weeks that are unknown or without customers."""
        exposure = np.ones(self.counts.shape) if self.exposure is None else np.nan_to_num(self.exposure)
        seen = ~np.isnan(self.counts) & (exposure > 0)
        return np.where(seen, self.counts, 0.0), np.where(seen, exposure, 0.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison between accounts found, before it is put into a word.

    estimate: its decision interval is that of the look's alpha, None where the data bear none; equivalence:
    the interval that `unchanged` needs; mde: as in Judgement; powered: there was enough history to say what
    could be seen; blocks, notes: reasons that make an answer impossible, and that stand beside the word;
    weeks_after: whole weeks since the accounts had it; full: first day on which all of them had it.
    """

    grade: Grade
    estimate: Estimate | None
    equivalence: tuple[float, float] | None
    mde: float | None
    powered: bool
    blocks: tuple[Reason, ...]
    notes: tuple[Reason, ...]
    checks: tuple[Check, ...]
    weeks_after: int
    full: date


def account_rates(counts: Floats, exposure: Floats) -> Floats:
    """Give complaints per unit of exposure, each account's drawn towards the mean of all: (n,).

    counts, exposure: (n,). Empirical Bayes with a gamma prior whose mean and variance are matched to the data
    (Clayton and Kaldor 1987). 1 throughout where nobody complained or was observed.
    """
    total, size = counts.sum(), exposure.sum()
    if total == 0 or size == 0:
        return np.ones(counts.size)
    mean = total / size
    between = (np.sum((counts - mean * exposure) ** 2) - total) / np.sum(exposure**2)
    if between <= 0:
        return np.full(counts.size, mean)
    shape = mean**2 / between
    rates: Floats = (shape + counts) / (shape / mean + exposure)
    return rates


def influence(totals: Floats) -> Floats:
    """Give the weight of each complaint of accounts that brought `totals` in all: (n,) -> (n,).

    1 / (1 + .1 N): the quasi-likelihood weight of a negative binomial account total with overdispersion .1.
    However many complaints an account brings, they count for less than 10. A weight that looks at before and
    after together does not shift the balance between them; one that looked at before only would.
    """
    weights: Floats = 1.0 / (1.0 + _OVERDISPERSION * totals)
    return weights


def checked(look: Look | None, setting: Setting | None) -> tuple[float, Setting]:
    """Give the level of a look and the setting; raises ValueError for a level outside (0, 1)."""
    setting = setting or Setting()
    if look is None:
        return setting.alpha, setting
    if not 0 < look.alpha < 1:
        raise ValueError(f"look.alpha must lie between 0 and 1, not {look.alpha}")
    return look.alpha, setting


def wash_out_weeks(setting: Setting) -> int:
    """Give the wash-out in whole weeks, rounded up."""
    return -(-setting.wash_out_days // DAYS_PER_WEEK)


def one_account(counts: Floats) -> Check:
    """Check that no account brings more than half of a group's complaints, and more than 10: counts (groups, n)."""
    largest, totals = counts.max(axis=1, initial=0.0), counts.sum(axis=1)
    passed = not bool(np.any(largest > np.maximum(_MOST_OF * totals, 1 / _OVERDISPERSION)))
    return Check("one_account", passed, _ONE_ACCOUNT[passed])


def exposure_known(panel: AccountPanel) -> Check:
    """Check that complaints can be set against customers."""
    known = panel.exposure is not None
    return Check("exposure", known, _EXPOSURE[known])


def conclude(
    found: Comparison, *, look: Look | None, setting: Setting, flags: Sequence[Reason] = ()
) -> Judgement:
    """Put a comparison into a word, by the rules of a single series."""
    blocks = (*(flag for flag in flags if flag in BLOCKING), *found.blocks)
    word, why = choose_word(
        found.estimate,
        found.equivalence,
        blocks=blocks,
        look=look,
        enough_after=found.weeks_after >= setting.min_after,
        setting=setting,
    )
    estimate = found.estimate
    if word is Word.INCONCLUSIVE and found.mde is None and found.powered:
        why = (*why, Reason.LOW_POWER)
    if estimate is not None and found.equivalence is not None and word is Word.UNCHANGED:
        low, high = found.equivalence
        estimate = replace(estimate, decision_low=low, decision_high=high)
    noted = tuple(_REASON[check.code] for check in found.checks if not check.passed and check.code in _REASON)
    return Judgement(
        word=word,
        estimate=estimate,
        reasons=tuple(dict.fromkeys((*why, *found.notes, *noted, *flags))),
        bound=None if estimate is None else float(np.clip(1.0 - estimate.decision_low, 0.0, 1.0)),
        mde=found.mde,
        looks=() if look is None else (look,),
        grade=found.grade,
        judgeable_on=_judgeable_on(found, look, why, setting) if word is Word.TOO_EARLY else None,
        checks=found.checks,
    )


def _judgeable_on(
    found: Comparison, look: Look | None, why: tuple[Reason, ...], setting: Setting
) -> date | None:
    """Give the day of the final look, or the day on which enough time has passed since the release."""
    if look is not None and Reason.LOOKS_REMAIN in why:
        return look.read_on + timedelta(weeks=round(look.weeks / look.share) - look.weeks)
    if look is None:
        plan = schedule(
            found.full,
            horizon_weeks=setting.horizon_weeks,
            wash_out_days=setting.wash_out_days,
            reporting_delay_days=setting.reporting_delay_days,
        )
        return plan[-1].read_on
    return found.full + timedelta(weeks=max(setting.min_after, wash_out_weeks(setting) + 1))


def _frozen(name: str, value: Floats, shape: tuple[int, ...]) -> Floats:
    array = np.array(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape} like counts, not {array.shape}")
    if np.any(array < 0) or np.any(np.isinf(array)):
        raise ValueError(f"{name} must be finite and at least 0 (nan where unknown)")
    array.flags.writeable = False
    return array


def _checked(assignment: Assignment, size: int) -> Assignment:
    treated = np.array(assignment.treated, dtype=np.bool_)
    strata = np.zeros(size, np.int64) if assignment.strata is None else np.array(assignment.strata, np.int64)
    if treated.shape != (size,) or strata.shape != (size,):
        raise ValueError(f"assignment.treated and assignment.strata must have shape ({size},)")
    if not 0 <= assignment.start <= assignment.full:
        raise ValueError("assignment.start must be at least 0 and at most assignment.full")
    treated.flags.writeable = strata.flags.writeable = False
    return replace(assignment, treated=treated, strata=strata)


_REASON: Final = {"exposure": Reason.EXPOSURE_MISSING, "one_account": Reason.ONE_ACCOUNT}
_ONE_ACCOUNT: Final = {
    True: "No account brings more than half of the complaints.",
    False: "One account brings more than half of the complaints before or after, with or without the release; it "
    "counts for 10 at most.",
}
_EXPOSURE: Final = {
    True: "Complaints are compared per customer.",
    False: "The number of customers is unknown, so growth or loss of customers is not taken out.",
}
