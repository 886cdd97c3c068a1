"""Grade A: accounts drawn by lot. Arms are compared as assigned, and the lot is drawn again to see what chance does.

The rate ratio is observed ÷ expected in the treated arm over the same in the other, where each account's expected
complaints come from its own weeks before. Chance is what the lot can do: the studentised difference of the arms is
worked out for thousands of other draws of the lot (Fisher 1935; Chung and Romano 2013). Accounts are never split, so
whatever happens within one, memory or a bad week, is part of what the lot moves about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, ndtri, stdtr

from models.impact import accounts, mixture, power
from models.impact.accounts import AccountPanel, Assignment, Comparison
from models.impact.setting import Setting
from models.values.series import DAYS_PER_WEEK
from models.values.verdicts import Check, Estimate, Grade, Judgement, Look, Reason

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.int64]

DRAWS: Final = 5000  # one more, times half of .05, .04 or .03, is no whole number: no p-value equals a level
_BLOCK: Final = 4_000_000
_TAIL: Final = 20
_WIDEST: Final = float(np.log(100.0))
_HALVINGS: Final = 30
_TIE: Final = 1e-9
_UNLIKE: Final = 0.01
_FLAT_SD: Final = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the arms are compared on, (n,) each: one entry per account that has others to be compared with.

    counts: complaints; expected: what the weeks before let expect, up to a factor; weight: of each complaint;
    treated: assigned to the release; strata: labels within which the lot was drawn.
    """

    counts: Floats
    expected: Floats
    weight: Floats
    treated: Flags
    strata: Labels


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """Sums over both arms for the lot as drawn (row 0) and for every draw of it again: (1 + draws, 8) each.

    Columns: weighted counts of the accounts that are in truth untreated, and treated, and weighted expected; their
    squares; products of the first two with the third. A rate ratio only scales the counts of treated accounts, so
    the sums serve every ratio that is tried. sizes: accounts per arm; freedom: of Student's t beyond the last
    draws; limit: chance of a single lot; worth: weighted counts and expected of both arms (treated, untreated) in
    complaints of equal weight.
    """

    treated: Floats
    untreated: Floats
    sizes: tuple[int, int]
    freedom: float
    limit: float
    worth: tuple[Floats, Floats]

    @property
    def ratio(self) -> float:
        """Observed ÷ expected in the treated arm over the same in the other, within [1/100, 100]."""
        treated, untreated = (
            np.log(max(_rate(arm[:1], 1.0)[0], 1e-9)) for arm in (self.treated, self.untreated)
        )
        return float(np.exp(np.clip(treated - untreated, -_WIDEST, _WIDEST)))

    def tails(self, log_ratio: float) -> tuple[float, float]:
        """Give the chance of a lot at least as far up, and as far down, if the true ratio were as given.

        It is at least what counting alone can do: a lot only moves complaints that came, and where a ratio has left
        few, it cannot know that more or fewer of them might have come.
        """
        scale = float(np.exp(-log_ratio))
        treated, untreated = _rate(self.treated, scale), _rate(self.untreated, scale)
        variance = _variance(self.treated, treated, scale, self.sizes[0])
        variance += _variance(self.untreated, untreated, scale, self.sizes[1])
        drawn = (treated - untreated) / np.sqrt(np.maximum(variance, 1e-300))
        lots = _tail(drawn, self.freedom), _tail(-drawn, self.freedom)
        counting = _counting_tails(*self.worth, scale)
        return max(lots[0], counting[0], self.limit), max(lots[1], counting[1], self.limit)

    def p_value(self) -> float:
        """Give the two-sided p-value of no effect."""
        return min(2 * min(self.tails(0.0)), 1.0)

    def interval(self, share: float) -> tuple[float, float]:
        """Give the ratios that a test at level 1 - share does not reject, within [1/100, 100].

        Each end is sought on the side of 1 on which the test of no effect puts it, so that the interval leaves 1
        out exactly where the p-value is below 1 - share.
        """
        level = (1 - share) / 2
        up, down = self.tails(0.0)
        low = self._end(0, level, 0.0 if up < level else -_WIDEST)
        high = self._end(1, level, -_WIDEST if down < level else 0.0)
        return float(np.exp(low)), float(np.exp(high))

    def _end(self, side: int, level: float, lowest: float) -> float:
        """Halve the bracket of width log 100 above `lowest` until it holds the point where one tail is `level`."""
        low, high = lowest, lowest + _WIDEST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rejected = self.tails(middle)[side] < level
            low, high = (middle, high) if rejected == (side == 0) else (low, middle)
        return (low + high) / 2


def judge_randomised(
    panel: AccountPanel, *, look: Look | None, setting: Setting | None = None, flags: Sequence[Reason] = ()
) -> Judgement:
    """Judge a release that was drawn by lot, accounts counted as assigned, whatever they got.

    look: the planned look being read, None where none is due yet; flags: reasons that the caller found, of which
    those in BLOCKING make the word `cannot_tell`. Never raises for thin data; raises ValueError for a panel
    without assignment, and for a look.alpha outside (0, 1).
    """
    assignment = panel.assignment
    if assignment is None:
        raise ValueError("panel.assignment must say which accounts were to get the release")
    alpha, setting = accounts.checked(look, setting)
    found = _compare(panel, assignment, alpha, setting)
    return accounts.conclude(found, look=look, setting=setting, flags=flags)


def draw_lots(outcome: Outcome, *, draws: int = DRAWS) -> Lots:
    """Draw the lot again and again, within strata and with arms of the same size, and add up both arms.

    An account counts with one over the share of its arm in its stratum. The generator is seeded by the panel's
    shape, so that the same panel gets the same answer. Raises ValueError for an empty outcome or arm.
    """
    sizes = int(outcome.treated.sum()), int((~outcome.treated).sum())
    if min(sizes) == 0:
        raise ValueError("outcome must hold accounts in both arms")
    _, stratum, members = np.unique(outcome.strata, return_inverse=True, return_counts=True)
    chosen = np.bincount(stratum, weights=outcome.treated)
    share = (chosen / members)[stratum]
    columns = np.hstack([_columns(outcome, 1 / share), _columns(outcome, 1 / (1 - share))])
    sums = np.vstack(
        [outcome.treated.astype(np.float64) @ columns, _draw(outcome.treated, stratum, columns, draws)]
    )
    half = columns.shape[1] // 2
    treated, untreated = sums[:, :half], columns.sum(axis=0)[half:] - sums[:, half:]
    working = outcome.weight * outcome.expected
    return Lots(
        treated=treated,
        untreated=untreated,
        sizes=sizes,
        freedom=min(_effective(working[outcome.treated]), _effective(working[~outcome.treated])),
        limit=float(
            np.exp(np.sum(gammaln(chosen + 1) + gammaln(members - chosen + 1) - gammaln(members + 1)))
        ),
        worth=_worth(outcome, np.where(outcome.treated, 1 / share, 1 / (1 - share))),
    )


def outcome_of(
    panel: AccountPanel, assignment: Assignment, *, before: Flags, after: Flags, adjusted: bool = True
) -> Outcome:
    """Set each account's complaints in the weeks `after` against what its weeks `before` let expect: flags (w,).

    Left out are accounts that were no customers then, and strata in which all or none were treated. adjusted False
    expects the same of every customer.
    """
    counts, exposure = panel.cells()
    earlier = counts[:, before].sum(axis=1)
    seen, size = counts[:, after].sum(axis=1), exposure[:, after].sum(axis=1)
    rates = (
        accounts.account_rates(earlier, exposure[:, before].sum(axis=1)) if adjusted else np.ones(size.size)
    )
    strata = np.zeros(size.size, np.int64) if assignment.strata is None else assignment.strata
    there = size > 0
    for label in np.unique(strata):
        within = there & (strata == label)
        if assignment.treated[within].all() or not assignment.treated[within].any():
            there &= strata != label
    return Outcome(
        counts=seen[there],
        expected=(rates * size)[there],
        weight=accounts.influence(earlier + seen if adjusted else seen)[there],
        treated=assignment.treated[there],
        strata=strata[there],
    )


def _compare(panel: AccountPanel, assignment: Assignment, alpha: float, setting: Setting) -> Comparison:
    weeks = np.arange(panel.weeks)
    oldest = assignment.start - setting.longest_before_days // DAYS_PER_WEEK
    before = (weeks < assignment.start) & (weeks >= oldest)
    after = weeks >= assignment.full + accounts.wash_out_weeks(setting)
    outcome = outcome_of(panel, assignment, before=before, after=after)
    blocks = _blocks(panel, outcome, ~assignment.treated, before, after, setting)
    lots = None if blocks or not after.any() else draw_lots(outcome)
    powered = lots is not None and int(before.sum()) >= setting.min_before
    assigned = _as_assigned(panel, assignment)
    checks = (*_checks(panel, assignment, before, after), assigned)
    return Comparison(
        grade=Grade.A,
        estimate=None if lots is None else _estimate(lots, outcome, alpha, setting),
        equivalence=None if lots is None else lots.interval(setting.equivalence),
        mde=_mde(panel, assignment, before, after, alpha, setting) if powered else None,
        powered=powered,
        blocks=blocks,
        notes=() if assigned.passed else (Reason.NOT_AS_ASSIGNED,),
        checks=checks,
        weeks_after=panel.weeks - assignment.full,
        full=panel.day(assignment.full),
    )


def _blocks(
    panel: AccountPanel, outcome: Outcome, untreated: Flags, before: Flags, after: Flags, setting: Setting
) -> tuple[Reason, ...]:
    """List what makes an answer impossible: few accounts, few complaints, weeks without any data."""
    arms = int(outcome.treated.sum()), int((~outcome.treated).sum())
    counts, exposure = panel.cells()
    if after.any() and min(arms) < accounts.LEAST_ACCOUNTS:
        return (Reason.TOO_FEW_ACCOUNTS,)
    unexposed = counts[:, before].sum() + counts[untreated][:, after].sum()
    found = (Reason.TOO_FEW_COMPLAINTS,) if unexposed < setting.min_before_complaints else ()
    silent = ~(exposure[:, after] > 0).any(axis=0)
    return (*found, Reason.SOURCE_GAP) if 2 * silent.sum() > silent.size else found


def _checks(panel: AccountPanel, assignment: Assignment, before: Flags, after: Flags) -> tuple[Check, ...]:
    counts, _ = panel.cells()
    windows = [counts[:, window].sum(axis=1) for window in (before, after)]
    arms = (assignment.treated, ~assignment.treated)
    groups = np.stack([window * arm for window in windows for arm in arms])
    found = (accounts.exposure_known(panel), accounts.one_account(groups))
    outcome = outcome_of(panel, assignment, before=before, after=before, adjusted=False)
    if not _comparable(outcome):
        return found
    p_value = draw_lots(outcome).p_value()
    alike = p_value >= _UNLIKE
    return (*found, Check("arms_alike", alike, _ALIKE[alike].format(p_value)))


def _as_assigned(panel: AccountPanel, assignment: Assignment) -> Check:
    """Check that treated accounts had the release by the time all were to have it, and the others never."""
    late = ~(panel.released <= assignment.full)
    strays = int(np.sum(np.where(assignment.treated, late, panel.released < panel.weeks)))
    return Check("as_assigned", strays == 0, _ASSIGNED[strays == 0].format(strays, assignment.treated.size))


def _estimate(lots: Lots, outcome: Outcome, alpha: float, setting: Setting) -> Estimate:
    low, high = lots.interval(setting.interval)
    decision_low, decision_high = lots.interval(1 - alpha)
    sd = np.log(high / low) / (2 * ndtri((1 + setting.interval) / 2))
    likely = mixture.normal(np.ones(1), np.log([lots.ratio]), np.array([sd]))
    shrunk = mixture.shrunk_mean(likely, prior_sd=_FLAT_SD, wanted=setting.usual_effects)
    untreated = _rate(lots.untreated[:1], 1.0)[0]
    return Estimate(
        effect=lots.ratio,
        low=low,
        high=high,
        p_value=lots.p_value(),
        decision_low=decision_low,
        decision_high=decision_high,
        expected=float(outcome.expected[outcome.treated].sum() * untreated),
        observed=float(outcome.counts[outcome.treated].sum()),
        shrunk_effect=float(np.exp(shrunk)),
    )


def _mde(
    panel: AccountPanel, assignment: Assignment, before: Flags, after: Flags, alpha: float, setting: Setting
) -> float | None:
    """Find the smallest visible fall from weeks before the release, the last of which play those after.

    A fall takes away the treated arm's complaints, so that the counting part of its relative variance grows.
    """
    weeks = np.flatnonzero(before)
    length = min(int(after.sum()), weeks.size // 2)
    last = before & (np.arange(panel.weeks) >= weeks[-length])
    outcome = outcome_of(panel, assignment, before=before & ~last, after=last)
    if not _comparable(outcome):
        return None
    lots = draw_lots(outcome, draws=0)
    arms = (lots.treated, lots.untreated)
    rates = [_rate(arm, 1.0) for arm in arms]
    if min(float(rate[0]) for rate in rates) <= 0:
        return None
    spread, other = (
        float(_variance(arm, rate, 1.0, size)[0] / rate[0] ** 2)
        for arm, rate, size in zip(arms, rates, lots.sizes, strict=True)
    )
    counting = _counting(outcome)
    variance = other + max(spread - counting, 0.0) + counting / (1 - power.FALLS)
    sd = np.sqrt(variance)[:, None]
    left = mixture.normal(np.ones_like(sd), np.zeros_like(sd), sd)
    return power.crossing(power.tail_at_power(np.log1p(-power.FALLS), left, power=setting.power), alpha / 2)


def _comparable(outcome: Outcome) -> bool:
    return bool(outcome.counts.any() and outcome.treated.any() and not outcome.treated.all())


def _counting(outcome: Outcome) -> float:
    """Give the relative variance that independent complaints alone would leave to the treated arm's count."""
    weight, counts = outcome.weight[outcome.treated], outcome.counts[outcome.treated]
    return float((weight**2 * counts).sum() / (weight * counts).sum() ** 2)


def _columns(outcome: Outcome, factor: Floats) -> Floats:
    weight = outcome.weight * factor
    untreated, treated = (
        np.where(outcome.treated == arm, weight * outcome.counts, 0.0) for arm in (False, True)
    )
    sums = np.column_stack([untreated, treated, weight * outcome.expected])
    return np.hstack([sums, sums**2, sums[:, :2] * sums[:, 2:]])


def _draw(treated: Flags, stratum: Labels, columns: Floats, draws: int) -> Floats:
    """Sum columns (n, k) over the treated arm of `draws` new draws of the lot: (draws, k)."""
    rng = np.random.default_rng([treated.size, int(treated.sum()), int(stratum.max())])
    groups = [np.flatnonzero(stratum == label) for label in range(int(stratum.max()) + 1)]
    sums = np.empty((draws, columns.shape[1]))
    block = max(_BLOCK // treated.size, 1)
    for first in range(0, draws, block):
        lots = np.tile(treated, (min(block, draws - first), 1))
        for group in groups:
            lots[:, group] = rng.permuted(lots[:, group], axis=1)
        sums[first : first + len(lots)] = lots.astype(np.float64) @ columns
    return sums


def _rate(arm: Floats, scale: float) -> Floats:
    """Give observed ÷ expected of an arm (draws, 8), the counts of treated accounts times `scale`."""
    rate: Floats = (arm[:, 0] + scale * arm[:, 1]) / np.maximum(arm[:, 2], 1e-300)
    return rate


def _variance(arm: Floats, rate: Floats, scale: float, size: int) -> Floats:
    """Give the variance of the rate of an arm of `size` accounts: squared residuals, accounts as clusters."""
    squares = arm[:, 3] + scale**2 * arm[:, 4] + rate**2 * arm[:, 5]
    squares -= 2 * rate * (arm[:, 6] + scale * arm[:, 7])
    variance: Floats = np.maximum(squares, 0.0) / np.maximum(arm[:, 2], 1e-300) ** 2 * size / max(size - 1, 1)
    return variance


def _tail(drawn: Floats, freedom: float) -> float:
    """Give the chance of at least drawn[0] among all draws of the lot.

    Where fewer than 20 draws reach as far, the tail goes on as Student's t does from the 20th on: with as many
    degrees of freedom as the smaller arm has accounts of equal weight, less one, which is on the safe side.
    """
    observed, others = drawn[0], drawn[1:]
    reached = int(np.sum(others >= observed - _TIE * (1 + abs(observed))))
    if reached >= _TAIL:
        return (1 + reached) / len(drawn)
    last = float(np.partition(others, -_TAIL)[-_TAIL])
    beyond = stdtr(freedom, -observed) / stdtr(freedom, -last)
    return float((1 + _TAIL) / len(drawn) * min(beyond, 1.0))


def _worth(outcome: Outcome, factor: Floats) -> tuple[Floats, Floats]:
    """Give weighted counts and expected (2,) of both arms in complaints of the mean weight that each arm expects."""
    weight = outcome.weight * factor
    counts, expected = weight * outcome.counts, weight * outcome.expected
    arms = np.stack([outcome.treated, ~outcome.treated]).astype(np.float64)
    unit = (arms @ (weight * expected)) / (arms @ expected)
    return arms @ counts / unit, arms @ expected / unit


def _counting_tails(counts: Floats, expected: Floats, scale: float) -> tuple[float, float]:
    """Give both binomial tails (mid-p) of the treated arm's share of independent complaints."""
    share = expected[0] / (expected[0] + scale * expected[1])
    treated, untreated = counts
    at_least = float(betainc(treated, untreated + 1, share)) if treated > 0 else 1.0
    more = float(betainc(treated + 1, untreated, share)) if untreated > 0 else 0.0
    up = (at_least + more) / 2
    return up, 1 - up


def _effective(working: Floats) -> float:
    """Give the degrees of freedom of accounts that bring unequal parts of a variance (Satterthwaite 1946)."""
    return max(float(working.sum() ** 2 / max(np.sum(working**2), 1e-300)) - 1.0, 1.0)


_ALIKE: Final = {
    True: "Before the release, the lot left both arms alike (p = {:.2g}).",
    False: "Before the release, the arms differed more than a lot leaves them (p = {:.2g}): was it a lot?",
}
_ASSIGNED: Final = {
    True: "Every account got what was assigned to it.",
    False: "{} of {} accounts did not get what was assigned to them; they are counted as assigned.",
}
