"""Situations outside the sixteen regimes in which a number about a release can mislead, with known truth.

Each theme has 5.5 complaints a day at 1 000 accounts (2 where one account writes many), weekdays, overdispersion
and memory as in regime `ar_5`, and a control of 60 a day. The true ratio is that of the release alone: complaints
after it ÷ complaints had there been no release and all else the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.panel.series import DAYS_AFTER, DAYS_BEFORE, FINAL_LOOK, RELEASE, counts, latent_path
from models.impact.setting import Case
from models.values.series import DAYS_PER_WEEK, Period, Series
from models.values.verdicts import Reason

__all__ = ["HARD", "Hard", "variants"]

Floats = NDArray[np.float64]
Draw = Callable[[float, int, int], list[Case]]

_LEVEL: Final = 5.5
_CONTROL_LEVEL: Final = 60.0
_DISPERSION, _CONTROL_DISPERSION = 0.2, 0.02
_SIGMA, _PHI = 0.28, 0.9
_ACCOUNTS: Final = 1000.0
_GROWTH_A_WEEK: Final = 0.01
_WEEKDAYS: Final = np.array([1.2, 1.2, 1.15, 1.1, 1.0, 0.7, 0.65])
_DAYS_PER_YEAR: Final = 365.25
_FORTNIGHT: Final = 14
_LEVEL_OF_ACCOUNT: Final = 2.0
_BOT_FLAGS: Final = (Reason.CONTEXT_EVENT, Reason.ROUTING_CHANGED)


@dataclass(frozen=True, slots=True)
class Hard:
    """A situation.

    description: what happens, for the report; advice: what a PM should do; draw: takes the release's ratio, a
    count and a seed, gives that many cases with exposure and control, at the final look; flags: reasons that a
    caller would give who had recorded the event, one at a time.
    """

    description: str
    advice: str
    draw: Draw
    flags: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """What happens beside the release, day by day; every array is (T,).

    days: days since the release, below 0 for the history; theme, control, exposure: factors on what is usual;
    added: complaints on top that no release changes; level: the theme's usual complaints a day.
    """

    days: Floats
    theme: Floats
    control: Floats
    exposure: Floats
    added: Floats
    level: float = _LEVEL


def variants(hard: Hard, cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Ask the same cases as drawn, without control, without exposure, and with each recorded event."""
    asked = {
        "as drawn": list(cases),
        "no control": [_without(case, control=True) for case in cases],
        "no exposure": [_without(case, exposure=True) for case in cases],
        "counts alone": [_without(case, control=True, exposure=True) for case in cases],
    }
    return asked | {str(flag): [replace(case, flags=(flag,)) for case in cases] for flag in hard.flags}


def _without(case: Case, *, control: bool = False, exposure: bool = False) -> Case:
    series = replace(
        case.series,
        control=None if control else case.series.control,
        exposure=None if exposure else case.series.exposure,
    )
    return replace(case, series=series, registered_control=case.registered_control and not control)


def _drawn(situation: Callable[[np.random.Generator], _World]) -> Draw:
    """Draw cases one by one, each from a stream of its own: the same world whatever the release did in it."""

    def draw(ratio: float, count: int, seed: int) -> list[Case]:
        streams = np.random.default_rng(seed).spawn(count)
        return [_case(situation(rng), ratio, rng) for rng in streams]

    return draw


def _case(world: _World, ratio: float, rng: np.random.Generator) -> Case:
    days = world.days
    size = days.size
    exposure = np.round(
        _ACCOUNTS
        * np.exp(_GROWTH_A_WEEK * days / DAYS_PER_WEEK)
        * rng.normal(1, 0.003, size)
        * world.exposure
    )
    usual = exposure / _ACCOUNTS * _WEEKDAYS[(np.arange(size) + rng.integers(0, 7)) % 7]
    own = np.exp(latent_path(_SIGMA, _PHI, (1, size), rng)[0])
    # What the release cannot touch is drawn first, and so is the same whatever its ratio.
    control = counts(_CONTROL_LEVEL * usual * world.control, _CONTROL_DISPERSION, rng)
    changed = world.level * usual * own * world.theme * np.where(days >= 0, ratio, 1.0)
    series = Series(
        start=RELEASE + timedelta(days=int(days[0])),
        period=Period.DAY,
        counts=counts(changed, _DISPERSION, rng) + world.added,
        exposure=exposure,
        control=control,
    )
    return Case(series, RELEASE, RELEASE, series.end, FINAL_LOOK, registered_control=True)


def _days(before: int = DAYS_BEFORE) -> Floats:
    return np.arange(-before, DAYS_AFTER, dtype=np.float64)


def _world(
    days: Floats,
    *,
    theme: Floats | float = 1.0,
    control: Floats | float = 1.0,
    exposure: Floats | float = 1.0,
) -> _World:
    flat = np.ones(days.size)
    return _World(days, theme * flat, control * flat, exposure * flat, 0 * flat)


def _complainers_churn(rng: np.random.Generator) -> _World:
    days = _days()
    onset, half_life = -rng.uniform(0, 84), rng.uniform(28, 70)
    left = 1 - 0.5 ** (np.maximum(days - onset, 0) / half_life)
    return _world(days, theme=1 - 0.9 * left, exposure=1 - 0.04 * left)


def _young_theme(rng: np.random.Generator, *, from_birth: bool) -> _World:
    age, slowness = int(rng.integers(35, 141)), rng.uniform(28, 84)
    days = _days(age if from_birth else DAYS_BEFORE)
    return _world(days, theme=1 - np.exp(-np.maximum(days + age + 1, 0) / slowness))


def _wording_drift(rng: np.random.Generator) -> _World:
    days = _days()
    onset, loss_a_week = -rng.uniform(0, 112), rng.uniform(0.02, 0.06)
    return _world(days, theme=np.exp(-loss_a_week * np.maximum(days - onset, 0) / DAYS_PER_WEEK))


def _bot(rng: np.random.Generator, *, weeks_before: tuple[float, float], even: bool) -> _World:
    days = _days()
    running = days >= -np.round(DAYS_PER_WEEK * rng.uniform(*weeks_before))
    share = rng.uniform(0.2, 0.5)
    of_theme = share if even else rng.uniform(0.1, 0.7)
    return _world(days, theme=1 - of_theme * running, control=1 - share * running)


def _one_account(rng: np.random.Generator, *, first_day: tuple[int, int]) -> _World:
    days = _days()
    first = int(rng.integers(first_day[0], first_day[1] + 1)) + DAYS_BEFORE
    added = np.zeros(days.size)
    added[first : first + _FORTNIGHT] = rng.multinomial(60, np.full(_FORTNIGHT, 1 / _FORTNIGHT))
    return replace(_world(days), added=added, level=_LEVEL_OF_ACCOUNT)


def _short_season(rng: np.random.Generator, *, shared: bool) -> _World:
    days = _days(DAYS_PER_WEEK * int(rng.integers(26, 91)))
    angle = 2 * np.pi * (days / _DAYS_PER_YEAR + rng.uniform())
    season = np.exp(rng.uniform(0.1, 0.4) * np.cos(angle))
    return _world(days, theme=season, control=season if shared else 1.0)


def _incident(rng: np.random.Generator) -> _World:
    days = _days()
    return _world(days, theme=np.where((days >= -_FORTNIGHT) & (days < 0), 2.0, 1.0))


HARD: Final[Mapping[str, Hard]] = {
    "complainers_churn": Hard(
        "From a day in the last twelve weeks before the release on, those who complain leave: each four to ten "
        "weeks half of those left, nine in ten in the end, who are 4% of all customers. Exposure hardly moves.",
        "Ask how many of the accounts that complained before the release are still customers. If they left, the "
        "fall is not a repair, and no control of other themes can show it: compare accounts that stayed.",
        _drawn(_complainers_churn),
    ),
    "young_theme": Hard(
        "The theme is born five to twenty weeks before the release and still grows towards its level; the weeks "
        "before its birth are handed in as zeros.",
        "Do not count weeks in which the theme could not be told: hand in the series from its birth on. Until it "
        "has stopped growing only a comparison of accounts with and without the release answers.",
        _drawn(partial(_young_theme, from_birth=False)),
    ),
    "young_theme_from_birth": Hard(
        "The same theme, handed in from its birth on.",
        "Wait until the theme has twelve weeks of history, or roll out by account. A theme that still grows hides a "
        "fall: read the interval, not the word.",
        _drawn(partial(_young_theme, from_birth=True)),
    ),
    "wording_drift": Hard(
        "From a day in the last sixteen weeks before the release on, the theme loses 2 to 6% of its items a week to "
        "another wording, through the release and after.",
        "Look at newborn and sibling themes and at the share of items in no theme. Refit, place the whole window "
        "anew with one theme model, and read the verdict on that; until then it is theme_changed.",
        _drawn(_wording_drift),
        (Reason.THEME_CHANGED,),
    ),
    "bot_before": Hard(
        "A bot deflects 20 to 50% of all tickets from a day two to ten weeks before the release on.",
        "Keep the control: it falls with the theme. Record the bot as a context event.",
        _drawn(partial(_bot, weeks_before=(2, 10), even=True)),
        _BOT_FLAGS,
    ),
    "bot_at_release": Hard(
        "A bot deflects 20 to 50% of all tickets from the day of the release on.",
        "Never read this without a control. With one, control_moved says that something hit all themes: record "
        "the bot as a change of routing unless it is known to deflect every theme alike.",
        _drawn(partial(_bot, weeks_before=(0, 0), even=True)),
        _BOT_FLAGS,
    ),
    "bot_uneven": Hard(
        "A bot deflects 20 to 50% of the control's tickets from the day of the release on, and a share of its own, "
        "10 to 70%, of the theme's.",
        "Record a change of routing, which makes the answer cannot_tell: no control knows how well the bot answers "
        "this theme. Count what the bot was asked about the theme too, and judge the sum.",
        _drawn(partial(_bot, weeks_before=(0, 0), even=False)),
        _BOT_FLAGS,
    ),
    "one_account_before": Hard(
        "One account writes 60 tickets in the fortnight before the release, on a theme of two a day.",
        "Look at the accounts behind the spike before shipping is called a success; leave the account out on both "
        "sides, or count accounts that complained in place of tickets.",
        _drawn(partial(_one_account, first_day=(-_FORTNIGHT, -_FORTNIGHT))),
        (Reason.ONE_ACCOUNT,),
    ),
    "one_account_after": Hard(
        "One account writes 60 tickets in a fortnight that begins one to six weeks after the release, on a theme of "
        "two a day; the release does not change them.",
        "Look at the accounts behind a rise, or behind a fall that does not come; leave the account out on both "
        "sides, or count accounts that complained in place of tickets.",
        _drawn(partial(_one_account, first_day=(7, 42))),
        (Reason.ONE_ACCOUNT,),
    ),
    "short_season": Hard(
        "The theme has a yearly season of 10 to 40% up and down, at any phase, and 26 to 90 weeks of history; the "
        "control has none.",
        "Hand in older counts, if need be from the support tool's own reports, until two years are there; or "
        "compare accounts. Think of last year's same weeks before believing a small effect.",
        _drawn(partial(_short_season, shared=False)),
    ),
    "short_season_shared": Hard(
        "The same season, which the control shares.",
        "Register the control: it carries the season.",
        _drawn(partial(_short_season, shared=True)),
    ),
    "incident_until_release": Hard(
        "An incident doubles complaints for the fortnight before the release and ends, by other causes, on its day.",
        "Record the incident. Hand its days in as gaps, or release on another day than the repair; after_spike "
        "beside a fall means: look for what else ended.",
        _drawn(_incident),
        (Reason.CONTEXT_EVENT,),
    ),
}
"""Every true ratio is that of the release alone, whatever else happens in the situation."""
