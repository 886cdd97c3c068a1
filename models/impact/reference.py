"""The reference volume: how much is complained about at all, told by themes that a release did not touch."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.values.periods import Period
from models.values.verdicts import Reason

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_GROUPS: Final = 5
LEAST_A_WEEK: Final = 30.0
_A_WEEK: Final = {Period.DAY: 7.0, Period.WEEK: 1.0, Period.MONTH: 84 / 365.25}
_WINDOW: Final = {Period.DAY: 56, Period.WEEK: 8, Period.MONTH: 2}
_TRUST_OVER: Final = {Period.DAY: 7.0, Period.WEEK: 1.0, Period.MONTH: 0.25}
_LEAST_IN_WINDOW: Final = 10.0
_LEAST_SEEN: Final = 0.5
_THEME_SD: Final = 0.3  # by about so much a theme's own log rate wanders beside what all themes share
_CUT: Final = 4.0
_LEAST_SCALE: Final = 0.5
_NORMAL_MAD: Final = 1.4826
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The reference volume of one release, or the reason why there is none.

    volume: (T,) how many complaints come at all, relative to the mean before the release (which is 1); nan
    where most themes were not observed; None where too few themes bear a reference. It stands in for exposure
    and, like it, adds up over the days of a week. shares: (K,) the part each theme has in it, adding up to 1
    (0: left out), or all 0 without a volume.
    """

    volume: Floats | None
    shares: Floats
    reason: Reason | None


class _Groups(NamedTuple):
    """Themes, the small ones pooled, so that each of G groups brings enough complaints to form a ratio.

    brought: (G, T) complaints seen; usual: (G, T) complaints to expect at volume 1 from those of its themes
    that were seen; whole: (G,) the same from all its themes.
    """

    brought: Floats
    usual: Floats
    whole: Floats


def reference_volume(counts: Floats, before: Flags, *, period: Period = Period.DAY) -> Reference:
    """Measure the volume that untouched themes share: a median of ratios, sharpened.

    counts: (K, T) complaints of the untouched themes, nan for a gap. The caller leaves out the judged theme,
    its siblings, themes linked to the release, and themes that another release touched in these weeks.
    before: (T,) True up to the release, False from it on.

    Each theme is compared with its own mean before. (1) In windows of eight weeks that do not straddle the
    release, the weighted median over themes of observed ÷ usual is a first volume. (2) A theme whose log
    ratio to it stands out in such a window loses weight there, all of it once the theme was born, vanished
    or jumped (Tukey's biweight, Beaton and Tukey 1974). (3) The volume of a day is what all themes brought on
    it ÷ what they usually bring, both with these weights. (2) and (3) are repeated. Ratios are formed over
    weeks, so low counts and zeros do no harm, and daily volumes add up. Ratios to the mean take the place of
    the geometric means of Anders and Huber (2010, Genome Biology 11:R106), which one zero would spoil.

    There is no volume where fewer than 5 themes or pools of small themes, or fewer than 30 complaints a week,
    bear it. Its noise is part of the judged rate before the release as well as after, so that the model's
    latent term takes it up. Raises ValueError where shapes differ, counts are negative or infinite, or
    `before` is not True up to some period and False from it on.
    """
    _check(counts, before)
    seen = ~np.isnan(counts)
    seen &= (seen[:, before].mean(axis=1) >= _LEAST_SEEN)[:, None]
    brought = np.where(seen, counts, 0.0)
    usual = _usual(brought, seen, before, np.ones(before.size))
    members = _pooled(usual, _LEAST_IN_WINDOW / _WINDOW[period])
    if len(members) < LEAST_GROUPS or usual.sum() * _A_WEEK[period] < LEAST_A_WEEK:
        return Reference(None, np.zeros(len(counts)), Reason.REFERENCE_MISSING)
    groups = _grouped(members, brought, seen, usual)
    volume = _median_ratio(groups, before, period)
    for _ in range(_ROUNDS):
        usual = _usual(brought, seen, before, volume)
        groups = _grouped(members, brought, seen, usual)
        weight = _standing(groups, volume, before, period) * _trust(groups, period)
        borne = (weight * groups.usual).sum(axis=0)
        volume = _ratio((weight * groups.brought).sum(axis=0), borne)
    whole = (weight * groups.whole[:, None]).sum(axis=0)
    known = (borne > 0) & (borne >= _LEAST_SEEN * whole)
    if not volume[before & known].any():
        return Reference(None, np.zeros(len(counts)), Reason.REFERENCE_MISSING)
    parts = (members.T @ weight.mean(axis=1)) * usual
    scaled = np.where(known, volume / volume[before & known].mean(), np.nan)
    return Reference(scaled, parts / parts.sum(), None)


def _check(counts: Floats, before: Flags) -> None:
    if counts.ndim != 2 or before.shape != counts.shape[1:]:
        raise ValueError(f"counts must be (K, T) and before (T,), not {counts.shape} and {before.shape}")
    if np.any(counts < 0) or np.any(np.isinf(counts)):
        raise ValueError("counts must be finite and at least 0 (nan for a gap)")
    if not before.any() or np.any(np.diff(before.astype(np.int8)) > 0):
        raise ValueError("before must be True for at least one period, and False from the release on")


def _grouped(members: Floats, brought: Floats, seen: Flags, usual: Floats) -> _Groups:
    return _Groups(members @ brought, members @ (usual[:, None] * seen), members @ usual)


def _usual(brought: Floats, seen: Flags, before: Flags, volume: Floats) -> Floats:
    """Give each theme's complaints a period before the release, at volume 1: (K,), 0 where not seen."""
    return _ratio(brought[:, before].sum(axis=1), seen[:, before] @ volume[before], empty=0.0)


def _ratio(over: Floats, under: Floats, *, empty: float = 1.0) -> Floats:
    """Divide, with `empty` where there is nothing to divide by."""
    some = under > 0
    return np.where(some, over / np.where(some, under, 1.0), empty)


def _pooled(usual: Floats, least: float) -> Floats:
    """Join themes, from the smallest up, until each group brings `least` a period: (G, K) of 0 and 1."""
    groups: list[list[int]] = []
    run: list[int] = []
    for theme in (int(k) for k in np.argsort(usual, kind="stable") if usual[k] > 0):
        run.append(theme)
        if usual[run].sum() >= least:
            groups.append(run)
            run = []
    if groups:
        groups[-1] += run
    members = np.zeros((len(groups), usual.size))
    for row, group in enumerate(groups):
        members[row, group] = 1.0
    return members


def _median_ratio(groups: _Groups, before: Flags, period: Period) -> Floats:
    """Give the weighted median over groups of observed ÷ usual, window by window: (T,)."""
    brought, usual = _windowed(groups.brought, before, period), _windowed(groups.usual, before, period)
    ratio = _ratio(brought, usual)
    order = np.argsort(ratio, axis=0)
    weight = np.take_along_axis(usual / (1.0 + usual * _THEME_SD**2), order, axis=0)
    half = np.argmax(np.cumsum(weight, axis=0) >= weight.sum(axis=0) / 2, axis=0)
    median: Floats = np.take_along_axis(ratio, np.take_along_axis(order, half[None], axis=0), axis=0)[0]
    return median


def _standing(groups: _Groups, volume: Floats, before: Flags, period: Period) -> Floats:
    """Give each group's biweight (G, T) from how far its log ratio to the volume stands out in a window."""
    brought = _windowed(groups.brought, before, period)
    expected = _windowed(groups.usual * volume, before, period)
    spread = np.sqrt(1.0 / (expected + 0.5) + _THEME_SD**2)
    apart = np.log((brought + 0.5) / (expected + 0.5)) / spread
    scale = max(_NORMAL_MAD * float(np.median(np.abs(apart[expected > 0]))), _LEAST_SCALE)
    biweight: Floats = np.maximum(1.0 - (apart / (_CUT * scale)) ** 2, 0.0) ** 2
    return biweight


def _trust(groups: _Groups, period: Period) -> Floats:
    """Give the weight (G, 1) of one complaint, less in a large group: its wandering does not average out."""
    return 1.0 / (1.0 + groups.whole[:, None] * _TRUST_OVER[period] * _THEME_SD**2)


def _windowed(values: Floats, before: Flags, period: Period) -> Floats:
    """Sum (G, T) over the window around each period, moved to that period's side of the release."""
    width, release = _WINDOW[period], int(before.sum())
    at = np.arange(before.size)
    first, last = np.where(before, 0, release), np.where(before, release, before.size)
    low = np.maximum(np.minimum(at - width // 2, last - width), first)
    high = np.minimum(low + width, last)
    running = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    sums: Floats = running[:, high] - running[:, low]
    return sums
