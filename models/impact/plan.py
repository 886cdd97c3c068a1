"""How many weeks until a fall of a given size can be seen: the engine, tried on simulated releases."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import expm1, isfinite, log1p
from typing import Final

import numpy as np
from scipy.special import ndtri

from models.impact import planning_power, planning_world
from models.impact.planning_world import LONGEST_WEEKS, WEEKS_BEFORE, World
from models.impact.setting import Setting

__all__ = ["LONGEST_WEEKS", "USUAL_NOISE", "USUAL_POWER", "WEEKS_BEFORE", "Plan", "Sight", "called", "plan"]

USUAL_NOISE: Final = 0.2
USUAL_MEMORY: Final = 0.5
USUAL_POWER: Final = 0.8
_SHOWN_WEEKS: Final = (4, 8, 12, 26, 52)
_LARGEST_FALL: Final = 0.95
_NEAR: Final = 0.15  # in normal scores of power: about four points at 80%
_FARTHEST: Final = 3.0
_FIRST_STEP: Final = 0.1
_MOST_TRIES: Final = 8
_SURE: Final = 0.001
_CALLED_WITHOUT_FALL: Final = 0.005

SharesAt = Callable[[int, float], float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sight:
    """What can be seen so many weeks after all customers had a release.

    fall: the smallest, as a share, that would be called `fell` with the wanted power (None: not even 95%);
    called: share of releases with the fall that was asked about that would be called.
    """

    weeks: int
    fall: float | None
    called: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a release can be asked to show.

    weeks: since all customers had it, wash-out included, until the fall is called with the wanted power; None
    where that takes more than LONGEST_WEEKS; called: share of such releases that would be called then, or
    after LONGEST_WEEKS where weeks is None; weekly_complaints: expected before; sights: what 4, 8, 12, 26 and
    52 weeks show.
    """

    weeks: int | None
    called: float
    weekly_complaints: float
    sights: tuple[Sight, ...]

    @property
    def smallest_falls(self) -> tuple[tuple[int, float | None], ...]:
        """(weeks, smallest fall that can be seen) of every sight."""
        return tuple((sight.weeks, sight.fall) for sight in self.sights)


def plan(
    *,
    rate: float,
    exposure: float,
    fall: float,
    noise: float = USUAL_NOISE,
    memory: float = USUAL_MEMORY,
    power: float = USUAL_POWER,
    wash_out_weeks: int = 1,
) -> Plan:
    """Say how many weeks it takes until a fall of the given share would be called `fell`.

    rate: complaints per 1 000 exposed customer-days; exposure: exposed customers on a day; noise: standard
    deviation from week to week of the log rate, beyond chance (about .2 is common, measure your own where you
    can); memory: its correlation from one week to the next; power: share of such releases to be called.

    Taken for true: rate, exposure, noise and memory as given, 26 whole weeks of history, no trend, season or
    control, and a fall that is there in full once the wash-out is over. The engine is told none of it: in
    every simulated release it must learn level, noise and memory from the weeks themselves and allow for
    trend and season, as in life. What is promised is the share of those releases whose verdict at the final
    look is `fell`. Noise is rarely known beforehand, and half or double of it changes the answer more than
    anything else. Standard error of every share: 1.2 points or less. Raises ValueError, naming the argument,
    for values out of bounds.
    """
    world = _world(rate=rate, exposure=exposure, noise=noise, memory=memory, wash_out_weeks=wash_out_weeks)
    _check_fall(fall)
    if not 0.05 <= power < 1:
        raise ValueError(f"power must be at least 0.05 and below 1, for example 0.8, not {power:g}")
    shares = _shares(world)
    first = max(Setting().min_after, wash_out_weeks + 1)
    shown = tuple(week for week in _SHOWN_WEEKS if week >= first)
    weeks = _first_week(lambda week: shares(week, fall), power, sorted({first, *shown}))
    sights = tuple(
        Sight(week, _smallest_fall(partial(shares, week), fall, power), shares(week, fall)) for week in shown
    )
    share = shares(LONGEST_WEEKS if weeks is None else weeks, fall)
    return Plan(weeks, share, rate * exposure * 7 / 1000, sights)


def called(
    *,
    rate: float,
    exposure: float,
    fall: float,
    weeks: int,
    noise: float = USUAL_NOISE,
    memory: float = USUAL_MEMORY,
    wash_out_weeks: int = 1,
) -> float:
    """Give the share of releases with a fall that would be called `fell` so many weeks after.

    Arguments and what is taken for true are those of `plan`; the standard error is 1.2 points or less. Raises
    ValueError, naming the argument, for values out of bounds.
    """
    world = _world(rate=rate, exposure=exposure, noise=noise, memory=memory, wash_out_weeks=wash_out_weeks)
    _check_fall(fall)
    first = max(Setting().min_after, wash_out_weeks + 1)
    if not first <= weeks <= LONGEST_WEEKS:
        raise ValueError(f"weeks must be {first} to {LONGEST_WEEKS}, not {weeks}")
    return _shares(world)(weeks, fall)


def _world(*, rate: float, exposure: float, noise: float, memory: float, wash_out_weeks: int) -> World:
    for name, value in (("rate", rate), ("exposure", exposure)):
        if not (value > 0 and isfinite(value)):
            raise ValueError(f"{name} must be above 0, not {value:g}")
    if not 0 <= noise <= 3:
        raise ValueError(f"noise must be 0 to 3, for example 0.2, not {noise:g}")
    if not 0 <= memory < 1:
        raise ValueError(f"memory must be at least 0 and below 1, for example 0.5, not {memory:g}")
    if not 0 <= wash_out_weeks <= 12:
        raise ValueError(f"wash_out_weeks must be 0 to 12, not {wash_out_weeks}")
    return World(rate * exposure * 7 / 1000, noise, memory, wash_out_weeks)


def _check_fall(fall: float) -> None:
    if not 0 < fall < 1:
        raise ValueError(f"fall must lie between 0 and 1, for example 0.25, not {fall:g}")


def _shares(world: World) -> SharesAt:
    """Give the share called as a function of weeks and fall; none is simulated twice."""
    draws = planning_world.draw(world, planning_power.DRAWS)
    return cache(lambda week, fall: planning_power.share_called(draws, week, fall))


def _first_week(share_at: Callable[[int], float], power: float, milestones: list[int]) -> int | None:
    """Find the first week, from the first milestone on, whose share called reaches the power wanted."""
    reached = next((i for i, week in enumerate(milestones) if share_at(week) >= power), None)
    if reached is None:
        return None
    low, high = milestones[max(reached - 1, 0)], milestones[reached]
    while high - low > 1:
        between = (power - share_at(low)) / (share_at(high) - share_at(low))
        middle = min(max(round(low + between * (high - low)), low + 1), high - 1)
        low, high = (low, middle) if share_at(middle) >= power else (middle, high)
    return high


def _smallest_fall(share_at: Callable[[float], float], asked: float, power: float) -> float | None:
    """Find the fall that is called with the power wanted.

    By secants: power's normal score is nearly linear in the log rate ratio, and nearly known at no fall.
    """
    wanted, largest = _score(power), log1p(-_LARGEST_FALL)
    tried = {0.0: _score(_CALLED_WITHOUT_FALL), log1p(-asked): _score(share_at(asked))}
    for _ in range(_MOST_TRIES):
        effect = max(_next_guess(tried, wanted), largest)
        if effect in tried or min(abs(score - wanted) for score in tried.values()) < _NEAR:
            break
        tried[effect] = _score(share_at(-expm1(effect)))
    if tried.get(largest, wanted) < wanted:
        return None
    return -expm1(max(_crossing(*_around(tried, wanted), wanted), largest))


def _score(share: float) -> float:
    return float(ndtri(np.clip(share, _SURE, 1 - _SURE)))


def _next_guess(tried: dict[float, float], wanted: float) -> float:
    """Look where the line crosses; halve where one end is a share of next to 0 or 1, which says little."""
    (x0, s0), (x1, s1) = _around(tried, wanted)
    if s0 < wanted <= s1 and max(-s0, s1) >= _score(1):
        return (x0 + x1) / 2
    return max(_crossing((x0, s0), (x1, s1), wanted), min(_FARTHEST * x1, log1p(-_FIRST_STEP)))


def _around(tried: dict[float, float], wanted: float) -> tuple[Point, Point]:
    """Give the points (effect, score) on both sides of the score wanted, or the last two if all are below."""
    points = sorted(tried.items(), reverse=True)
    right = next((i for i, (_, score) in enumerate(points) if score >= wanted), len(points) - 1)
    return points[right - 1], points[right]


def _crossing(left: Point, right: Point, wanted: float) -> float:
    """Give the effect at which the line through two points has the score wanted."""
    (x0, s0), (x1, s1) = left, right
    return x0 + (wanted - s0) * (x1 - x0) / max(s1 - s0, _SURE)
