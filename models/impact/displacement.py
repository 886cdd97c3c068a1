"""Did complaints fall, or did they move? The net effect over a theme, named siblings and newborn themes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtri

from models.impact.judge import judge_many
from models.impact.setting import Case, Setting
from models.values.series import Series, period_start
from models.values.verdicts import Check, Estimate, Judgement, Reason, Word

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Excess:
    """Complaints in the after window beyond those expected (below 0: they are missing), with 95% interval."""

    observed: float
    expected: float
    excess: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sibling:
    """What a named sibling theme did after the release; `excess` is None where its data bear no estimate."""

    name: str
    excess: Excess | None


@dataclass(frozen=True, slots=True)
class Newborn:
    """A theme born after the release: complaints in the after window (None: there is none), first period."""

    name: str
    observed: float | None
    first_seen: date | None


@dataclass(frozen=True, slots=True)
class MovedShare:
    """Complaints that appeared elsewhere as a share, in [0, 1], of those missing here, with 95% interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Displacement:
    """Where the complaints of a theme went.

    theme: its own verdict; net: the verdict on theme, siblings and newborns as one series; here: excess of
    the theme over the days that all of them have; elsewhere: excess of siblings and newborns together over
    the same days (both None where the data bear no estimate, elsewhere also where nothing was named); moved:
    None where either is, or where the theme did not fall; reasons: DISPLACED where the net word contradicts
    the theme's because complaints appeared (or vanished) elsewhere beyond doubt (95%); checks: what was
    compared, in a sentence.
    """

    theme: Judgement
    net: Judgement
    siblings: tuple[Sibling, ...]
    newborns: tuple[Newborn, ...]
    here: Excess | None
    elsewhere: Excess | None
    moved: MovedShare | None
    reasons: tuple[Reason, ...]
    checks: tuple[Check, ...]


class _Answers(NamedTuple):
    """Verdicts on the theme, on all as one series, and on the parts over the days that all of them have."""

    theme: Judgement
    net: Judgement
    theme_shared: Judgement
    together: Judgement
    siblings: Sequence[Judgement]
    newborns: Sequence[Judgement]


def displacement(
    case: Case,
    siblings: Mapping[str, Series],
    newborns: Mapping[str, Series],
    *,
    setting: Setting | None = None,
) -> Displacement:
    """Judge a theme together with the themes its complaints may have moved to.

    case: the theme's own question; siblings: series of themes that lie next to it; newborns: series of themes
    born after the release began, 0 before. All have the periods of case.series; theirs exposure and control
    are not used, the theme's are, and the control must not contain them.

    The net word follows from the union series by the same rules and at the same level as the theme's own, so
    its false alarms are those of any series. That holds only for siblings named before the outcome could be
    seen: whoever looks for the theme that rose will find one, and calls chance a displacement. Newborns
    cannot be named beforehand, but the rule that picks them can, for example a least similarity to the theme.

    The moved share is a ratio of two differences; its interval recovers the variances from the intervals of
    both, taken as independent (Donner and Zou 2012 and Newcombe 2016, Statistical Methods in Medical Research
    21 and 25), which is Fieller's where those are symmetric. Newborn complaints count as Poisson (Garwood
    1936). Thin data never raises. Raises ValueError where periods differ, a name stands twice, or a newborn
    had complaints before the release began.
    """
    setting = setting or Setting()
    _check(case, siblings, newborns)
    answers = _judged(case, siblings, newborns, setting)
    parts = [_excess(each.estimate, setting) for each in answers.siblings]
    here = _excess(answers.theme_shared.estimate, setting)
    born = [None if each.estimate is None else each.estimate.observed for each in answers.newborns]
    elsewhere = _elsewhere(answers, born, setting) if siblings or newborns else None
    moved = _moved(here, elsewhere) if answers.theme.word is Word.FELL else None
    reasons, checks = _compared(answers, elsewhere)
    return Displacement(
        theme=answers.theme,
        net=answers.net,
        siblings=tuple(map(Sibling, siblings, parts)),
        newborns=tuple(map(Newborn, newborns, born, map(_first_seen, newborns.values()))),
        here=here,
        elsewhere=elsewhere,
        moved=moved,
        reasons=reasons,
        checks=checks,
    )


def _check(case: Case, siblings: Mapping[str, Series], newborns: Mapping[str, Series]) -> None:
    twice = siblings.keys() & newborns.keys()
    if twice:
        raise ValueError(f"siblings and newborns must differ, but both name {sorted(twice)}")
    wanted = (case.series.start, case.series.period, len(case.series))
    for name, series in [*siblings.items(), *newborns.items()]:
        if (series.start, series.period, len(series)) != wanted:
            raise ValueError(f"series {name} must have the start, period and length of the theme's: {wanted}")
    for name, series in newborns.items():
        first = _first_seen(series)
        if first is not None and period_start(first, series.period, 1) <= case.release_start:
            raise ValueError(f"newborns must have no complaint before the release began, but {name} has one")


def _first_seen(series: Series) -> date | None:
    found = np.flatnonzero(np.nan_to_num(series.counts) > 0)
    return series.starts()[int(found[0])] if found.size else None


def _judged(
    case: Case, siblings: Mapping[str, Series], newborns: Mapping[str, Series], setting: Setting
) -> _Answers:
    """Judge all in one batch; the parts have the gaps of the whole, so that their complaints add up."""
    own = case.series.counts
    near = [series.counts for series in siblings.values()]
    new = [series.counts for series in newborns.values()]
    union = np.sum([own, *near, *new], axis=0)
    rows = [own, union, own, np.sum([np.zeros_like(own), *near], axis=0), *near, *new]
    gapped = [rows[0], *(np.where(np.isnan(union), np.nan, row) for row in rows[1:])]
    cases = [replace(case, series=replace(case.series, counts=row)) for row in gapped]
    theme, net, shared, together, *rest = judge_many(cases, setting=setting, with_periods=False)
    return _Answers(theme, net, shared, together, rest[: len(near)], rest[len(near) :])


def _excess(estimate: Estimate | None, setting: Setting) -> Excess | None:
    """Turn a ratio and its interval into a difference of complaints.

    The log variance of the ratio is that of the count after, 1 / observed, and that of the expectation. Both
    get their part of the interval, and the squared distances to its ends add up (Zou and Donner 2008,
    Statistics in Medicine 27).
    """
    if estimate is None:
        return None
    z = float(ndtri((1 + setting.interval) / 2))
    up, down = np.log(estimate.high / estimate.effect), np.log(estimate.effect / estimate.low)
    part = min(1.0 / ((estimate.observed + 0.5) * ((up + down) / (2 * z)) ** 2), 1.0)
    of_count, of_expected = np.sqrt(part), np.sqrt(1.0 - part)
    after, expected = estimate.effect * estimate.expected, estimate.expected
    above = np.hypot(after * np.expm1(up * of_count), expected * np.expm1(-up * of_expected))
    below = np.hypot(after * np.expm1(-down * of_count), expected * np.expm1(down * of_expected))
    excess = estimate.observed - expected
    return Excess(estimate.observed, expected, excess, excess - float(below), excess + float(above))


def _elsewhere(answers: _Answers, born: Sequence[float | None], setting: Setting) -> Excess | None:
    """Add siblings and newborns up; the squared distances to either end of their intervals add up as well."""
    known = [count for count in born if count is not None]
    near = _excess(answers.together.estimate, setting) if answers.siblings else _NOTHING
    if near is None or len(known) < len(born):
        return None
    new = sum(known)
    tail = (1 - setting.interval) / 2
    low = float(gammaincinv(new, tail)) if new > 0 else 0.0
    high = float(gammaincinv(new + 1, 1 - tail)) if answers.newborns else 0.0
    total = near.excess + new
    return Excess(
        observed=near.observed + new,
        expected=near.expected,
        excess=total,
        low=total - float(np.hypot(near.excess - near.low, new - low)),
        high=total + float(np.hypot(near.high - near.excess, high - new)),
    )


def _moved(here: Excess | None, elsewhere: Excess | None) -> MovedShare | None:
    """Divide what appeared elsewhere by what is missing here, where that is more than 0 beyond doubt."""
    if here is None or elsewhere is None or here.high >= 0:
        return None
    missing, least, most = -here.excess, -here.high, -here.low

    def lower(share: float) -> float:
        spread = np.hypot(elsewhere.excess - elsewhere.low, share * (most - missing))
        return float(elsewhere.excess - share * missing - spread)

    def upper(share: float) -> float:
        spread = np.hypot(elsewhere.high - elsewhere.excess, share * (missing - least))
        return float(elsewhere.excess - share * missing + spread)

    return MovedShare(
        share=float(np.clip(elsewhere.excess / missing, 0.0, 1.0)),
        low=_root_in_unit(lower),
        high=_root_in_unit(upper),
    )


def _root_in_unit(falling: Callable[[float], float]) -> float:
    """Find where a falling function crosses 0 within [0, 1]; the nearer end where it does not."""
    if falling(0.0) <= 0:
        return 0.0
    return 1.0 if falling(1.0) >= 0 else float(brentq(falling, 0.0, 1.0))


def _compared(answers: _Answers, elsewhere: Excess | None) -> tuple[tuple[Reason, ...], tuple[Check, ...]]:
    """Hold the net word against the theme's own, where that is `fell` or `rose` and others were named."""
    word = answers.theme.word
    if word not in (Word.FELL, Word.ROSE) or elsewhere is None:
        return (), ()
    if answers.net.word is word:
        return (), (Check("displacement", True, _AGREES),)
    opposite = elsewhere.low > 0 if word is Word.FELL else elsewhere.high < 0
    if opposite:
        return (Reason.DISPLACED,), (Check("displacement", False, _MOVED),)
    return (), (Check("displacement", False, _UNCLEAR),)


_NOTHING: Final = Excess(observed=0.0, expected=0.0, excess=0.0, low=0.0, high=0.0)
_AGREES: Final = "The answer is the same with related and new themes taken in."
_MOVED: Final = "Complaints seem to have moved between this theme and related or new ones."
_UNCLEAR: Final = "With related and new themes taken in, the change is no longer clear."
