"""How soon a source that dies is noticed, and how often one that lives is called silent, in simulated sources.

Sources have office hours and quiet weekends; days differ by a gamma factor whose standard deviation is the
unevenness. Eight sources of 34 weeks for each row, that is five years.
"""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from bench.report import Emit, say
from models.sources.rhythm import HOUR, Reading, allowed_until, read

ZONE: Final = ZoneInfo("Europe/Berlin")
START: Final = datetime(2025, 1, 6, tzinfo=UTC)
WEEKS: Final = 34
SOURCES: Final = 8
DIES: Final = START + timedelta(weeks=WEEKS, hours=9)
"""A Monday morning."""


def run(emit: Emit, _folder: Path) -> None:
    """Measure both for sources of every size, even and uneven ones."""
    for weekly in (1, 2, 7, 70, 700, 7000):
        for uneven in (0.0, 0.4, 0.8):
            found = [_read(weekly, uneven, seed) for seed in range(2026, 2026 + SOURCES)]
            false = sum(map(_blocks, found)) / (SOURCES * WEEKS / 52)
            waits = [
                (allowed_until(each.rhythm, DIES) - DIES) / timedelta(days=1)
                for each in found
                if each.rhythm is not None
            ]
            name = f"{weekly} tickets a week, unevenness {uneven:g}"
            emit(f"false silences a year: {name}", false, "1/year", "design: 1")
            emit(f"noticed after, median: {name}", statistics.median(waits), "days", "")
            say(f"{name}: {false:.2f} a year, {statistics.median(waits):.2f} days")


def _read(weekly: float, uneven: float, seed: int) -> Reading:
    rng = np.random.default_rng(seed)
    weights = np.array([[1.0 if 8 <= h < 18 else 0.08 for h in range(24)]] * 7)
    weights[5:] *= 0.15
    rates = (weights * weekly / weights.sum()).ravel()
    tickets: dict[datetime, int] = {}
    for day in range(WEEKS * 7):
        factor = rng.gamma(1 / uneven**2, uneven**2) if uneven else 1.0
        for number in range(24):
            hour = START + timedelta(days=day) + number * HOUR
            local = hour.astimezone(ZONE)
            count = int(rng.poisson(rates[local.weekday() * 24 + local.hour] * factor))
            if count:
                tickets[hour] = count
    end = START + timedelta(weeks=WEEKS)
    return read(tickets, start=START, now=end, zone=ZONE, marked={}, goes_on=True)


def _blocks(found: Reading) -> int:
    """Count silences that are apart from one another; the source never stopped, so each of them is false."""
    days = sorted(day for day, mark in found.marks.items() if mark.is_firm)
    return sum(1 for a, b in zip([date.min, *days], days, strict=False) if (b - a).days > 4)
