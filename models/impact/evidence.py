"""Prepare cases and fit them: all of a verdict that takes statistics, nothing that takes judgement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import nbdtrik

from models.impact import checks, latent, mixture, power, windows
from models.impact.mixture import Mixture
from models.impact.setting import Case, Setting
from models.impact.windows import Window
from models.values.verdicts import Estimate, PeriodFit, Reason

Floats = NDArray[np.float64]

_ROUND = 192


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A case cut into its window, from which a control with too many gaps was dropped; `notes` says so.

    blocks: what makes an answer impossible; estimable: there is enough on both sides to fit.
    """

    case: Case
    window: Window
    blocks: tuple[Reason, ...]
    notes: tuple[Reason, ...]
    estimable: bool


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The numbers of one case.

    estimate: its decision interval is that of the look's alpha; equivalence: the interval that `unchanged`
    needs; mde: as in Judgement; spike: posterior probability of a spike before the release; control: the
    control's tests, if there is one.
    """

    estimate: Estimate
    equivalence: tuple[float, float]
    mde: float | None
    spike: float
    control: checks.ControlEvidence | None


def prepare(case: Case, setting: Setting) -> Prepared:
    """Cut a case into its window and list what stands in the way of an answer."""
    window = windows.frame(
        case.series,
        release_start=case.release_start,
        release_full=case.release_full,
        read_through=case.read_through,
        wash_out_days=setting.wash_out_days,
        longest_before_days=setting.longest_before_days,
    )
    notes: tuple[Reason, ...] = ()
    if window.control is not None and not checks.control_usable(window, least_before=setting.min_before):
        window, notes = replace(window, control=None), (Reason.CONTROL_MISSING,)
    before, after = window.usable & window.before, window.usable & window.after
    estimable = before.sum() >= setting.min_before and after.any()
    return Prepared(case, window, _blocks(case, window, setting), notes, bool(estimable))


def fit(items: Sequence[Prepared], setting: Setting) -> list[Fitted | None]:
    """Fit every case that can be, in batches; None for the others."""
    fits: list[Fitted | None] = [None] * len(items)
    able = [i for i, item in enumerate(items) if item.estimable]
    for low in range(0, len(able), _ROUND):
        some = able[low : low + _ROUND]
        for i, fitted in zip(some, _fit([items[i] for i in some], setting), strict=True):
            fits[i] = fitted
    return fits


def periods(item: Prepared) -> tuple[PeriodFit, ...]:
    """Draw the periods of the chart: observed against a forecast, with the band for 95 of 100 counts."""
    window = item.window
    unseen = windows.unseen_after(windows.design(window), window)
    forecast = latent.forecast([unseen], with_path_sd=True)[0]
    assert forecast.path_sd is not None
    log_mean, variance, weight = forecast.path, forecast.path_sd**2, forecast.weight
    each = np.exp(log_mean + variance / 2)
    mean = each @ weight
    spread = (each**2 * np.exp(variance)) @ weight - mean**2
    low, high = (_count_quantile(mean, spread, level) for level in (0.025, 0.975))
    has_exposure = item.case.has_exposure
    return tuple(
        PeriodFit(
            start=start,
            observed=None if np.isnan(window.counts[i]) else float(window.counts[i]),
            expected=float(mean[i]),
            low=float(low[i]),
            high=float(high[i]),
            exposure=float(window.exposure[i]) if has_exposure and window.exposure[i] > 0 else None,
            used=bool(window.usable[i]),
            after=bool(window.after[i]),
        )
        for i, start in enumerate(window.starts)
    )


def _blocks(case: Case, window: Window, setting: Setting) -> tuple[Reason, ...]:
    """List what makes an answer impossible: the caller's guards, thin history, silent periods."""
    found = list(case.blocking)
    before, after = window.usable & window.before, window.usable & window.after
    if before.sum() < setting.min_before:
        found.append(Reason.HISTORY_TOO_SHORT)
        if window.before.sum() >= setting.min_before:
            found.append(Reason.SOURCE_GAP)
    elif window.counts[before].sum() < setting.min_before_complaints:
        found.append(Reason.TOO_FEW_COMPLAINTS)
    if 2 * after.sum() < window.after.sum():
        found.append(Reason.SOURCE_GAP)
    return tuple(dict.fromkeys(found))


def _fit(items: Sequence[Prepared], setting: Setting) -> list[Fitted]:
    """Fit each theme as seen and as forecast, and put its control to the test."""
    seen = [windows.design(item.window) for item in items]
    posteriors = latent.fit(seen)
    alphas = [setting.alpha if item.case.look is None else item.case.look.alpha for item in items]
    estimates = _estimates(items, posteriors, alphas, setting)
    unseen = [windows.unseen_after(each, item.window) for each, item in zip(seen, items, strict=True)]
    mdes = power.smallest_falls(seen, unseen, alphas, power=setting.power)
    control = _control_evidence(items, posteriors)
    spikes = [float(posterior.hypotheses[windows.SPIKED].sum()) for posterior in posteriors]
    return [Fitted(*estimates[i], mdes[i], spikes[i], control.get(i)) for i in range(len(items))]


def _estimates(
    items: Sequence[Prepared],
    posteriors: Sequence[latent.Posterior],
    alphas: Sequence[float],
    setting: Setting,
) -> list[tuple[Estimate, tuple[float, float]]]:
    """Read effect, intervals and p-value off the mixtures, for all cases at once."""
    mixed = _stacked(posteriors)
    tails = [((1 - setting.interval) / 2, alpha / 2, (1 - setting.equivalence) / 2) for alpha in alphas]
    levels = np.array([[0.5, *(level for t in three for level in (t, 1 - t))] for three in tails])
    ratios = np.exp(mixture.quantiles(mixed, levels))
    p_values = mixture.two_sided(mixed)
    shrunk = np.exp(mixture.shrunk_mean(mixed, prior_sd=windows.EFFECT_SD, wanted=setting.usual_effects))
    answers = []
    for i, (item, posterior) in enumerate(zip(items, posteriors, strict=True)):
        effect, low, high, decision_low, decision_high, *equivalence = (float(ratio) for ratio in ratios[i])
        used = item.window.usable & item.window.after
        estimate = Estimate(
            effect=effect,
            low=low,
            high=high,
            p_value=float(p_values[i]),
            decision_low=decision_low,
            decision_high=decision_high,
            expected=float(posterior.expected @ posterior.effect.weight),
            observed=float(item.window.counts[used].sum()),
            shrunk_effect=float(shrunk[i]),
        )
        answers.append((estimate, (equivalence[0], equivalence[1])))
    return answers


def _control_as_theme(window: Window) -> Window:
    assert window.control is not None
    return replace(window, counts=window.control, control=None)


def _control_evidence(
    items: Sequence[Prepared], posteriors: Sequence[latent.Posterior]
) -> dict[int, checks.ControlEvidence]:
    """Fit the theme without its control, and the control as if it were the theme, where there is one."""
    controlled = [i for i, item in enumerate(items) if item.window.control is not None]
    alone = [windows.design(items[i].window, with_control=False) for i in controlled]
    moved = [windows.design(_control_as_theme(items[i].window)) for i in controlled]
    if not controlled:
        return {}
    with_control = _stacked([posteriors[i] for i in controlled])
    tests = _stacked(latent.fit([*alone, *moved], latent.coarse_grid()))
    p_values, test_p = mixture.two_sided(with_control), mixture.two_sided(tests)
    rises, test_rises = _rises(with_control), _rises(tests)
    size = len(controlled)
    return {
        i: checks.ControlEvidence(
            p_value=float(p_values[k]),
            direction=int(rises[k]),
            alone_p=float(test_p[k]),
            alone_direction=int(test_rises[k]),
            moved_p=float(test_p[size + k]),
        )
        for k, i in enumerate(controlled)
    }


def _stacked(posteriors: Sequence[latent.Posterior]) -> Mixture:
    """Put the effects of several series side by side."""
    return Mixture(*(np.stack(parts) for parts in zip(*(each.effect for each in posteriors), strict=True)))


def _rises(effects: Mixture) -> NDArray[np.int64]:
    """Give 1 where the mean of an effect is a rise, else -1."""
    return np.where((effects.weight * effects.mode).sum(axis=-1) > 0, 1, -1)


def _count_quantile(mean: Floats, variance_of_mean: Floats, level: float) -> Floats:
    """Give the quantile of a count whose mean varies: negative binomial with the same mean and variance."""
    size = mean**2 / np.maximum(variance_of_mean, 1e-12 * mean**2)
    quantile: Floats = np.ceil(nbdtrik(level, size, size / (size + mean)))
    return np.maximum(quantile, 0.0)
