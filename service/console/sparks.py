"""Tiny charts as geometry for inline SVG: sparklines, weekly bars, effect intervals. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log2

_LEAST_RATIO, _MOST_RATIO = 0.25, 2.5
"""Ends of the scale of effect intervals: a fall by 75% to a rise to 2.5 times, on a log scale."""


@dataclass(frozen=True, slots=True)
class Run:
    """Values without a gap between them: `line` is a polyline's points, `area` closes it to the ground."""

    line: str
    area: str


@dataclass(frozen=True, slots=True)
class Spark:
    """A sparkline: its runs between gaps, and a dot at the last value, None where that is a gap."""

    width: int
    height: int
    runs: tuple[Run, ...]
    dots: tuple[tuple[float, float], ...]


def sparkline(values: Sequence[float | None], *, width: int = 96, height: int = 24) -> Spark | None:
    """Draw values, oldest first, on a scale that begins at 0; None for fewer than two values that are known.

    A missing value is a gap. A value between two gaps would be no line, so it is drawn as a dot, as the last one is.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    pad = 2.0
    top = max(max(known), 1.0)
    step = (width - 2 * pad) / (len(values) - 1)
    places = [
        None
        if value is None
        else (round(pad + i * step, 1), round(height - pad - (height - 2 * pad) * value / top, 1))
        for i, value in enumerate(values)
    ]
    runs = _split(places)
    dots = [run[0] for run in runs if len(run) == 1]
    last = places[-1]
    if last is not None and last not in dots:
        dots.append(last)
    return Spark(width, height, tuple(_run(run, height) for run in runs if len(run) > 1), tuple(dots))


def _split(places: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Cut a row of places at its gaps."""
    groups = groupby(places, key=lambda place: place is not None)
    return [[place for place in group if place is not None] for is_known, group in groups if is_known]


def _run(places: Sequence[tuple[float, float]], height: int) -> Run:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Run(line, f"{places[0][0]:.1f},{height} {line} {places[-1][0]:.1f},{height}")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the weekly chart, in the units of its view box."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[float | None], *, width: int, height: int) -> tuple[Bar, ...]:
    """Lay out bars, oldest first, on a scale that begins at 0 and ends at the largest value; a gap has no height."""
    if not values:
        return ()
    top = max(*(value or 0 for value in values), 1.0)
    step = width / len(values)
    return tuple(
        Bar(round(i * step + step * 0.12, 2), round(height - height * (value or 0) / top, 2), round(step * 0.76, 2),
            round(height * (value or 0) / top, 2))
        for i, value in enumerate(values)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """An effect and its interval on the log scale of ratios, in per cent of the width; clipped at both ends."""

    low: float
    high: float
    effect: float
    one: float


def interval(effect: float, low: float, high: float) -> Interval:
    """Place an effect (rate ratio) and its interval; `one` is where "no change" stands."""
    return Interval(_place(low), _place(high), _place(effect), _place(1.0))


def _place(ratio: float) -> float:
    clipped = min(max(ratio, _LEAST_RATIO), _MOST_RATIO)
    share = log2(clipped / _LEAST_RATIO) / log2(_MOST_RATIO / _LEAST_RATIO)
    return round(100 * share, 1)
