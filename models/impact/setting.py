"""The thresholds of a verdict, and the question that a verdict answers."""

from dataclasses import dataclass
from datetime import date

from models.impact.looks import FINAL_ALPHA
from models.values.series import Series
from models.values.verdicts import BLOCKING, Look, Reason


@dataclass(frozen=True, slots=True)
class Setting:
    """The thresholds of a verdict; the defaults are those whose error rates docs/method.md states.

    wash_out_days: left out after all customers have the release (not for months); margin: rate ratios that
    count as no change; alpha: for `fell` and `rose` at the final look (earlier looks carry their own);
    leaning_alpha: below it an `inconclusive` says that it leans; interval: share covered by low..high;
    equivalence: share covered by the interval that must lie inside the margin for `unchanged`; min_before,
    min_before_complaints: usable periods and complaints before; min_after, min_after_months: whole weeks
    (months) since all customers had it; longest_before_days: older history is not used; usual_effects: (share,
    standard deviation) of log effects over releases, for shrunk_effect; power: of the mde; horizon_weeks,
    reporting_delay_days: of the schedule that says when to come back.
    """

    wash_out_days: int = 7
    margin: tuple[float, float] = (0.8, 1.25)
    alpha: float = FINAL_ALPHA
    leaning_alpha: float = 0.05
    interval: float = 0.95
    equivalence: float = 0.96
    min_before: int = 12
    min_before_complaints: float = 30.0
    min_after: int = 4
    min_after_months: int = 3
    longest_before_days: int = 1100
    usual_effects: tuple[tuple[float, float], ...] = ((0.5, 0.05), (0.5, 0.7))
    power: float = 0.8
    horizon_weeks: int = 8
    reporting_delay_days: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.margin[0] < 1 < self.margin[1]:
            raise ValueError("margin must enclose 1, for example (0.8, 1.25)")
        if not 0 < self.alpha <= self.leaning_alpha < 1:
            raise ValueError("alpha must be above 0 and at most leaning_alpha, which is below 1")
        if min(self.wash_out_days, self.reporting_delay_days) < 0 or min(self.min_before, self.min_after) < 1:
            raise ValueError("days must be at least 0, min_before and min_after at least 1")


@dataclass(frozen=True, slots=True)
class Case:
    """One question: a series, a release and a look; the arguments of `judge`.

    by_reference: the series' exposure is a reference volume of untouched themes, not a number of customers.
    """

    series: Series
    release_start: date
    release_full: date
    read_through: date
    look: Look | None
    registered_control: bool = False
    flags: tuple[Reason, ...] = ()
    by_reference: bool = False

    def __post_init__(self) -> None:
        if self.release_full < self.release_start:
            raise ValueError(
                f"release_full {self.release_full} lies before release_start {self.release_start}"
            )
        if self.look is not None and not 0 < self.look.alpha < 1:
            raise ValueError(f"look.alpha must lie between 0 and 1, not {self.look.alpha}")
        if self.by_reference and self.series.exposure is None:
            raise ValueError("by_reference needs the reference volume as the series' exposure")

    @property
    def has_exposure(self) -> bool:
        """Say whether the series counts customers."""
        return self.series.exposure is not None and not self.by_reference

    @property
    def blocking(self) -> tuple[Reason, ...]:
        """List the caller's flags that make an answer impossible."""
        return tuple(flag for flag in self.flags if flag in BLOCKING)
