"""Grade B: accounts with the release against accounts without it in the same weeks, before and after.

The log ratio of both groups' rates is followed by the week since each cohort's release. The controls of a cohort are
the accounts without the release in that week (Callaway and Sant'Anna 2021): accounts exposed before it never are,
because their own effect would be taken off. Given how many complaints both groups bring in a week, the exposed
group's share is binomial with

    logit = log expected ratio + level + drift x week + effect [after] + u,   u a latent AR(1) term,

so that whatever moves both groups cancels, counts may be small, and shocks of one group are learnt from the weeks
before. Complaints of one account come together: the counts of each group are divided by its design effect, from a
jackknife over accounts (Rao and Scott 1992). The posterior is a mixture over sizes and memories of u, each by
Laplace's method, as for a single series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.impact import accounts, mixture, power
from models.impact.accounts import AccountPanel, Comparison
from models.impact.mixture import Mixture
from models.impact.setting import Setting
from models.impact.windows import EFFECT_SD
from models.values.series import DAYS_PER_WEEK
from models.values.verdicts import Check, Estimate, Grade, Judgement, Look, Reason

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Weeks = NDArray[np.int64]

_SIGMAS: Final = np.array([0.02, 0.08, 0.15, 0.25, 0.4, 0.65, 1.0])
# What design effects leave over is what happens to one group as a whole, and that lasts: memory is likelier than
# for a single series, and sizes that some weeks of history would not show are allowed for.
_SIGMA_MEAN: Final = 0.5
_PHIS: Final = {0.0: 0.1, 0.5: 0.2, 0.8: 0.5, 0.95: 0.2}
_LEVEL_SD: Final = 1.5
_DRIFT_SD: Final = 0.01
_FREE_DRIFT_SD: Final = 0.1
_RECENT: Final = 4
_PARTED: Final = 0.1
_MOST_LEVERAGE: Final = 0.95
_TOLERANCE: Final = 1e-5
_MOST_STEPS: Final = 100
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Cohorts laid over each other by the week since their release; first axis: exposed, not exposed.

    weeks: (K,); counts, expected, squares: (2, n, K) weighted complaints, what each account's own rate lets expect
    of them, and the variance that independent complaints would have; exposed, exposed_expected: (n, K) complaints of
    exposed accounts, and what their rates let expect, without weights.
    """

    weeks: Weeks
    counts: Floats
    expected: Floats
    squares: Floats
    exposed: Floats
    exposed_expected: Floats

    @property
    def usable(self) -> Flags:
        """(K,) True where both groups had customers."""
        seen: Flags = np.all(self.expected.sum(axis=1) > 0, axis=0)
        return seen


class Design(NamedTuple):
    """What is fitted: all but `counts` (2, K), complaints worth of information, are (K,)."""

    counts: Floats
    offset: Floats
    weeks: Floats
    after: Floats


def judge_exposed(
    panel: AccountPanel, *, look: Look | None, setting: Setting | None = None, flags: Sequence[Reason] = ()
) -> Judgement:
    """Judge a release by the accounts that had it against those that had it later or never.

    look: the planned look being read, None where none is due yet; flags: reasons that the caller found, of which
    those in BLOCKING make the word `cannot_tell`. Accounts that had the release from the first week on have no
    weeks before and are left out. Never raises for thin data; raises ValueError for a look.alpha outside (0, 1).
    """
    alpha, setting = accounts.checked(look, setting)
    stack = stack_cohorts(panel, setting)
    before = stack.usable & (stack.weeks < 0)
    after = stack.usable & (stack.weeks >= accounts.wash_out_weeks(setting))
    own, others = stack.exposed, _unexposed(panel, stack)
    complaints = min(own[:, before].sum(), others.sum() if stack.counts[1][:, before].any() else 0.0)
    blocks = _blocks(stack, before, after, complaints, setting) if stack.weeks.size else _uncompared(panel)
    first = min(_cohorts(panel), default=panel.weeks)
    groups = (own[:, before], own[:, after], others[:, :first], others[:, first:])
    checks: tuple[Check, ...] = (
        accounts.exposure_known(panel),
        accounts.one_account(np.stack([group.sum(axis=1) for group in groups])),
    )
    estimate, equivalence, mde = None, None, None
    if not blocks and after.any():
        design = _design(stack, before, after, design_effects(stack, before, after))
        estimate, equivalence = _estimate(
            fit(design, design.after, EFFECT_SD), stack, before, after, alpha, setting
        )
        mde = _mde(stack, before, after, alpha, setting)
        parted = _pre_trends(design, before)
        checks = (*checks, parted)
        blocks = () if parted.passed else (Reason.PRE_TRENDS,)
    released = panel.released[~np.isnan(panel.released)]
    found = Comparison(
        grade=Grade.B,
        estimate=estimate,
        equivalence=equivalence,
        mde=mde,
        powered=estimate is not None,
        blocks=blocks,
        notes=(),
        checks=checks,
        weeks_after=int(stack.weeks.max(initial=-1)) + 1,
        full=panel.day(int(released.max(initial=0))),
    )
    return accounts.conclude(found, look=look, setting=setting, flags=flags)


def stack_cohorts(panel: AccountPanel, setting: Setting) -> Stack:
    """Add up exposed accounts and their controls by the week since the release, cohort by cohort.

    The controls of a cohort count so that each cohort has the same part in both groups (Wing, Freedman and
    Hollingsworth 2024). Kept are the weeks since the release that at least half of the exposed accounts have
    within the panel while others are still without the release.
    """
    counts, exposure = panel.cells()
    never = np.where(np.isnan(panel.released), np.inf, panel.released)
    cohorts = _cohorts(panel)
    earliest = min(cohorts, default=0)
    rates = accounts.account_rates(counts[:, :earliest].sum(axis=1), exposure[:, :earliest].sum(axis=1))
    weight = accounts.influence(counts.sum(axis=1))[:, None]
    expected = exposure * rates[:, None]
    weeks = _kept_weeks(never, cohorts, panel.weeks, setting)
    stack = _empty(weeks, len(counts))
    for cohort in cohorts:
        at = cohort + weeks
        inside = (at >= 0) & (at < panel.weeks)
        at = at[inside]
        member = (never == cohort)[:, None] & np.ones(at.size, dtype=np.bool_)
        control = never[:, None] > np.maximum(at, cohort)
        share = _part(weight * expected[:, at], member, control, weeks[inside] < 0)
        stack.exposed[:, inside] += member * counts[:, at]
        stack.exposed_expected[:, inside] += member * expected[:, at]
        for group, chosen in enumerate((member * weight, control * (weight * share))):
            stack.counts[group][:, inside] += chosen * counts[:, at]
            stack.expected[group][:, inside] += chosen * expected[:, at]
            stack.squares[group][:, inside] += chosen**2 * counts[:, at]
    return stack


def fit(design: Design, tested: Floats, tested_sd: float, *, drift_sd: float = _DRIFT_SD) -> Mixture:
    """Fit the share of exposed complaints; gives the posterior of the weight of column `tested` (K,).

    Laplace's method at every point of the grid of u's size and memory (Rasmussen and Williams 2006, §3.4), with
    Newton steps damped so that they cannot overshoot (Bach 2010).
    """
    prior, mass = _prior(design.weeks, tested, tested_sd, drift_sd)
    total = design.counts.sum(axis=0)
    score, predictor = np.zeros((2, len(mass), total.size))
    for _ in range(_MOST_STEPS):
        share = expit(design.offset + predictor)
        information = total * share * (1 - share)
        wanted = information * predictor + design.counts[0] - total * share
        root = np.sqrt(information)
        pulled = root * np.matmul(prior, wanted[..., None])[..., 0]
        target = wanted - root * np.linalg.solve(_inner(prior, root), pulled[..., None])[..., 0]
        step = np.matmul(prior, target[..., None])[..., 0] - predictor
        change = np.abs(step).max(axis=1, initial=0.0)[:, None]
        damping = np.log1p(change) / np.maximum(change, 1e-300)
        score, predictor = score + damping * (target - score), predictor + damping * step
        if change.max() < _TOLERANCE:
            break
    share = expit(design.offset + predictor)
    root = np.sqrt(total * share * (1 - share))
    linear = design.offset + predictor
    likelihood = (design.counts[0] * linear - total * np.logaddexp(0.0, linear)).sum(axis=1)
    evidence = likelihood - (score * predictor).sum(axis=1) / 2
    evidence += np.log(mass) - np.linalg.slogdet(_inner(prior, root))[1] / 2
    weight = np.exp(evidence - evidence.max())
    mode = tested_sd**2 * (score @ tested)
    return mixture.normal(weight / weight.sum(), mode, _sd(prior, root, tested, tested_sd))


def design_effects(stack: Stack, before: Flags, after: Flags) -> Floats:
    """Give, per group, the variance of its log change over what as many independent complaints would have: (2,).

    The variance is the delete-one-account jackknife's (to first order in the log). The effect is at least the mean
    weight of a complaint, which is that of independent complaints.
    """
    effects = np.empty(2)
    for group in range(2):
        change, nominal = np.zeros(stack.counts.shape[1]), 0.0
        for sign, window in ((1.0, after), (-1.0, before)):
            counts = stack.counts[group][:, window].sum(axis=1)
            expected = stack.expected[group][:, window].sum(axis=1)
            total = counts.sum() + _HALF
            share = expected / expected.sum()
            change += sign * (counts - total * share) / (total * (1 - np.minimum(share, _MOST_LEVERAGE)))
            nominal += 1 / total
        used = before | after
        least = stack.squares[group][:, used].sum() / max(stack.counts[group][:, used].sum(), 1e-300)
        there = int(np.sum(stack.expected[group].sum(axis=1) > 0))
        effects[group] = max((there - 1) / there * np.sum(change**2) / nominal, least)
    return effects


def _empty(weeks: Weeks, size: int) -> Stack:
    both, one = (2, size, weeks.size), (size, weeks.size)
    return Stack(weeks, np.zeros(both), np.zeros(both), np.zeros(both), np.zeros(one), np.zeros(one))


def _kept_weeks(never: Floats, cohorts: Sequence[int], weeks: int, setting: Setting) -> Weeks:
    since = np.arange(-min(weeks, setting.longest_before_days // DAYS_PER_WEEK), weeks)
    seen = np.zeros(since.size)
    for cohort in cohorts:
        at = cohort + since
        compared = (at >= 0) & (at < weeks) & (np.max(never) > np.maximum(at, cohort))
        seen += compared * np.sum(never == cohort)
    kept: Weeks = since[(seen > 0) & (2 * seen >= seen.max(initial=0.0))]
    return kept


def _part(expected: Floats, member: Flags, control: Flags, before: Flags) -> float:
    """Give the factor that makes a cohort's controls as many, before the release, as its members."""
    members, controls = ((expected * group)[:, before].sum() for group in (member, control))
    return float(members / controls) if controls > 0 else 0.0


def _cohorts(panel: AccountPanel) -> list[int]:
    """List the weeks, after the first, from which accounts had the release within the panel."""
    released = panel.released
    return [int(week) for week in np.unique(released[(released > 0) & (released < panel.weeks)])]


def _unexposed(panel: AccountPanel, stack: Stack) -> Floats:
    """Give the complaints (n, w) that accounts used as controls brought without the release."""
    counts, _ = panel.cells()
    without = ~(panel.released[:, None] <= np.arange(panel.weeks))
    controls = stack.expected[1].sum(axis=1) > 0
    return np.where(controls[:, None] & without, counts, 0.0)


def _blocks(
    stack: Stack, before: Flags, after: Flags, complaints: float, setting: Setting
) -> tuple[Reason, ...]:
    """List what makes an answer impossible: few accounts, short history, few complaints, silent weeks.

    complaints: of the quieter group without the release.
    """
    used = before | after
    customers = np.sum(stack.expected[:, :, used].sum(axis=2) > 0, axis=1)
    complaining = np.sum(stack.counts[:, :, used].sum(axis=2) > 0, axis=1)
    enough = complaints >= setting.min_before_complaints
    if min(complaining if enough else customers) < accounts.LEAST_ACCOUNTS:
        return (Reason.TOO_FEW_ACCOUNTS,)
    found = [] if enough else [Reason.TOO_FEW_COMPLAINTS]
    if before.sum() < setting.min_before:
        found.append(Reason.HISTORY_TOO_SHORT)
    late = stack.weeks >= accounts.wash_out_weeks(setting)
    if 2 * after.sum() < late.sum():
        found.append(Reason.SOURCE_GAP)
    return tuple(found)


def _uncompared(panel: AccountPanel) -> tuple[Reason, ...]:
    """Say why no week could be compared; nothing stands in the way where the release is still to come."""
    if np.any(panel.released >= panel.weeks):
        return ()
    return (Reason.HISTORY_TOO_SHORT if np.any(panel.released == 0) else Reason.TOO_FEW_ACCOUNTS,)


def _design(stack: Stack, before: Flags, after: Flags, effects: Floats, *, see_after: bool = True) -> Design:
    seen = before | after if see_after else before
    counts = stack.counts.sum(axis=1) / effects[:, None] * seen
    expected = stack.expected.sum(axis=1)
    known = counts[:, before].sum(axis=1) + _HALF
    level = np.log(known[0] / known[1]) - np.log(expected[0, before].sum() / expected[1, before].sum())
    apart = np.log(np.where(stack.usable, expected[0], 1.0) / np.where(stack.usable, expected[1], 1.0))
    offset: Floats = apart + level
    return Design(
        counts, offset, stack.weeks.astype(np.float64) + _HALF, (stack.weeks >= 0).astype(np.float64)
    )


def _prior(weeks: Floats, tested: Floats, tested_sd: float, drift_sd: float) -> tuple[Floats, Floats]:
    """Give the prior covariance of the logits (G, K, K) at every grid point, and the points' mass (G,)."""
    density = np.exp(-_SIGMAS / _SIGMA_MEAN) * np.gradient(_SIGMAS)
    mass = np.outer(density / density.sum(), list(_PHIS.values())).ravel()
    sigma, phi = np.repeat(_SIGMAS, len(_PHIS)), np.tile(list(_PHIS), _SIGMAS.size)
    lag = np.abs(np.subtract.outer(weeks, weeks))
    memory = np.where(lag == 0, 1.0, phi[:, None, None] ** lag)
    fixed = tested_sd**2 * np.outer(tested, tested) + _LEVEL_SD**2 + drift_sd**2 * np.outer(weeks, weeks)
    return fixed + sigma[:, None, None] ** 2 * memory, mass


def _inner(prior: Floats, root: Floats) -> Floats:
    """Give 1 + W^1/2 K W^1/2 (..., G, K, K) for the square roots of information (..., K)."""
    inner: Floats = np.eye(root.shape[-1]) + root[..., :, None] * prior * root[..., None, :]
    return inner


def _sd(prior: Floats, root: Floats, tested: Floats, tested_sd: float) -> Floats:
    """Give the standard deviation that information root² leaves to the weight of the tested column."""
    shared = root * (tested_sd**2 * tested)
    solved = np.linalg.solve(_inner(prior, root), shared[..., None])[..., 0]
    sd: Floats = np.sqrt(np.maximum(tested_sd**2 - (shared * solved).sum(axis=-1), 0.0))
    return sd


def _estimate(
    effect: Mixture, stack: Stack, before: Flags, after: Flags, alpha: float, setting: Setting
) -> tuple[Estimate, tuple[float, float]]:
    tails = [(1 - setting.interval) / 2, alpha / 2, (1 - setting.equivalence) / 2]
    levels = np.array([_HALF, *(level for tail in tails for level in (tail, 1 - tail))])
    ratios = [float(ratio) for ratio in np.exp(mixture.quantiles(effect, levels))]
    shrunk = mixture.shrunk_mean(effect, prior_sd=EFFECT_SD, wanted=setting.usual_effects)
    rates = [
        [
            stack.counts[group][:, window].sum() / stack.expected[group][:, window].sum()
            for window in (before, after)
        ]
        for group in range(2)
    ]
    usual = rates[0][0] * rates[1][1] / rates[1][0]
    estimate = Estimate(
        effect=ratios[0],
        low=ratios[1],
        high=ratios[2],
        p_value=float(mixture.two_sided(effect)),
        decision_low=ratios[3],
        decision_high=ratios[4],
        expected=float(usual * stack.exposed_expected[:, after].sum()),
        observed=float(stack.exposed[:, after].sum()),
        shrunk_effect=float(np.exp(shrunk)),
    )
    return estimate, (ratios[5], ratios[6])


def _mde(stack: Stack, before: Flags, after: Flags, alpha: float, setting: Setting) -> float | None:
    """Find the smallest visible fall from the weeks before, the last of which play those after."""
    weeks = np.flatnonzero(before)
    last = np.zeros_like(before)
    last[weeks[-min(int(after.sum()), weeks.size // 2) :]] = True
    design = _design(stack, before, after, design_effects(stack, before & ~last, last), see_after=False)
    weight = fit(design, design.after, EFFECT_SD).weight
    expected = stack.expected.sum(axis=1)
    rates = design.counts[:, before].sum(axis=1) / expected[:, before].sum(axis=1)
    exposed, others = rates[:, None] * expected * (before | after)
    fallen = exposed * np.exp(np.outer(np.log1p(-power.FALLS), design.after))
    root = np.sqrt(fallen * others / np.maximum(fallen + others, 1e-300))[:, None, :]
    prior, _ = _prior(design.weeks, design.after, EFFECT_SD, _DRIFT_SD)
    sd = _sd(prior, root, design.after, EFFECT_SD)
    left = mixture.normal(np.broadcast_to(weight, sd.shape), np.zeros_like(sd), sd)
    return power.crossing(power.tail_at_power(np.log1p(-power.FALLS), left, power=setting.power), alpha / 2)


def _pre_trends(design: Design, before: Flags) -> Check:
    """Check that both groups moved alike before: neither a lasting drift nor a step in the last four weeks.

    p is the smaller of both, twice. Passing proves nothing (Roth 2022), so the sentence says what drift could have
    gone unseen.
    """
    known = design._replace(counts=design.counts * before)
    drift = fit(known, design.weeks, _FREE_DRIFT_SD, drift_sd=0.0)
    recent = fit(known, ((design.weeks > -_RECENT) & before).astype(np.float64), EFFECT_SD)
    p_value = min(2 * min(float(mixture.two_sided(found)) for found in (drift, recent)), 1.0)
    steps = design.weeks[design.after > 0].mean() - design.weeks[before].mean()
    low, high = mixture.quantiles(drift, np.array([0.025, 0.975]))
    passed = p_value >= _PARTED
    unseen = 100 * np.expm1((high - low) / 2 * steps)
    return Check("pre_trends", passed, _PRE_TRENDS[passed].format(int(before.sum()), p_value, unseen))


_PRE_TRENDS: Final = {
    True: "In the {} weeks before, accounts with and without the release moved alike (p = {:.2g}); that is no proof "
    "that they would have gone on so: a drift of {:.0f}% by the weeks after could have gone unseen.",
    False: "In the {} weeks before, accounts with and without the release already moved apart (p = {:.2g}).",
}
