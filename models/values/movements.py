"""How a theme moved against its own past: the words, why each is said, and the windows that are compared."""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final


class Movement(StrEnum):
    """What a theme did in the recent weeks."""

    NEW = "new"
    GROWING = "growing"
    FADING = "fading"
    RETURNED = "returned"
    STEADY = "steady"
    CANNOT_TELL = "cannot_tell"


class MovementReason(StrEnum):
    """Why a movement is said, or why none can be told; codes never change their meaning."""

    FIRST_SEEN = "first_seen"
    AFTER_QUIET = "after_quiet"
    BEYOND_BASELINE = "beyond_baseline"
    WITHIN_BASELINE = "within_baseline"
    WIDE = "wide"
    AMONG_MANY = "among_many"
    """The interval lies on one side of 1, as that of one theme in twenty does by chance where many are compared."""
    THIN = "thin"
    YOUNG = "young"
    SHORT_HISTORY = "short_history"
    SOURCE_GAP = "source_gap"
    EXPOSURE_MISSING = "exposure_missing"
    KIND_CHANGED = "kind_changed"
    DEFINITION_CHANGED = "definition_changed"
    HIDDEN = "hidden"
    """Weeks are not shown to callers who may see aggregates only."""


RECENT_WEEKS: Final = 4
"""Whole ISO weeks of the recent window, unless another length is asked for."""

BASELINE_WEEKS: Final = 26
"""Whole ISO weeks before the recent window that are a theme's own baseline."""

NEW_WEEKS: Final = 8
"""A theme whose first complaint lies in so many last weeks is new: it has no baseline to move against."""

QUIET_WEEKS: Final = 8
"""Weeks without a complaint, up to the recent window, after which a theme has returned."""

FALSE_DISCOVERY_RATE: Final = 0.10
"""Expected share of false ones among the themes called growing or fading that is accepted."""

_CHANCE: Final = 1.645
"""Standard errors of a difference beyond which chance alone lies one time in twenty, upwards."""


@dataclass(frozen=True, slots=True)
class Span:
    """What the usable weeks of a window add up to: complaints, exposure, and how many weeks that are."""

    complaints: int
    exposure: float
    weeks: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said of a theme.

    ratio: recent over baseline rate, with 95% interval; `high` is None where nothing bounds it; all None where no
    test was made. p_value: two-sided, q_value: least false-discovery rate at which the theme would be called.
    dispersion: variance over mean of a sum of recent weeks. first: index of the week of its first complaint, quiet:
    whole weeks without one up to the recent window.
    """

    movement: Movement
    reason: MovementReason
    recent: Span
    baseline: Span
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    dispersion: float | None = None
    first: int | None = None
    quiet: int = 0

    @property
    def missing(self) -> float:
        """Return by how many complaints the recent weeks fall short of the baseline's rate (below 0: exceed it)."""
        if not self.baseline.exposure:
            return 0.0
        return (
            self.baseline.complaints * self.recent.exposure / self.baseline.exposure - self.recent.complaints
        )


def excess(recent: tuple[int, int], baseline: tuple[int, int]) -> float:
    """Return by how many complaints a part of all complaints is larger than at the baseline's share.

    recent, baseline: complaints of the part, and all. 0 where the share did not rise beyond chance: two proportions
    compared at 5%, one-sided.
    """
    (part, whole), (before, all_before) = recent, baseline
    if not whole or not all_before:
        return 0.0
    difference = part / whole - before / all_before
    pooled = (part + before) / (whole + all_before)
    error = sqrt(pooled * (1.0 - pooled) * (1.0 / whole + 1.0 / all_before))
    return difference * whole if difference > _CHANCE * error else 0.0
