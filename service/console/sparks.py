"""Tiny charts as geometry for inline SVG: sparklines, weekly bars, effect intervals. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

_LEAST_RATIO, _MOST_RATIO = 0.25, 2.5
"""Ends of the scale of effect intervals: a fall by 75% to a rise to 2.5 times, on a log scale."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A sparkline: `line` is a polyline's points, `area` closes it to the ground, the dot marks the last value."""

    width: int
    height: int
    line: str
    area: str
    dot_x: float
    dot_y: float


def sparkline(values: Sequence[float], *, width: int = 96, height: int = 24) -> Spark | None:
    """Draw values, oldest first, on a scale that begins at 0; None for fewer than two values."""
    if len(values) < 2:
        return None
    pad = 2.0
    top = max(max(values), 1.0)
    step = (width - 2 * pad) / (len(values) - 1)
    points = [
        (pad + i * step, height - pad - (height - 2 * pad) * value / top) for i, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{points[0][0]:.1f},{height} {line} {points[-1][0]:.1f},{height}"
    return Spark(width, height, line, area, round(points[-1][0], 1), round(points[-1][1], 1))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the weekly chart, in the units of its view box."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[float], *, width: int, height: int) -> tuple[Bar, ...]:
    """Lay out bars, oldest first, on a scale that begins at 0 and ends at the largest value."""
    if not values:
        return ()
    top = max(max(values), 1.0)
    step = width / len(values)
    return tuple(
        Bar(round(i * step + step * 0.12, 2), round(height - height * value / top, 2), round(step * 0.76, 2),
            round(height * value / top, 2))
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
