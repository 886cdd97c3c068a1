"""From a series and a release to the periods that are compared, and to the design that the model fits."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import log, tau
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.impact.latent import Design
from models.values.series import DAYS_PER_WEEK, Period, Series, aligned_weeks, period_start

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EFFECT_SD: Final = 1.5
_LEVEL_SD: Final = 1.5
_SLOPE_SD_PER_WEEK: Final = 0.01
_CONTROL_MEAN, _CONTROL_SD = 1.0, 0.5
_SEASON_SD: Final = {True: 0.3, False: 0.1}
_SEASON_WAVES: Final = {True: 2, False: 1}
_DAYS_PER_YEAR: Final = 365.25
SEASON_DAYS: Final = 730


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The periods around a release, in order and equally spaced.

    release: first day any customer had it; starts: first days; weeks: (n,) weeks from the release to each
    period's middle; counts, control: (n,) nan where unknown; exposure: (n,) 0 where unknown, 1 throughout
    where the series has none; before: (n,) the period ended by the start of the release; after: (n,) it began
    once all customers had it and the wash-out was over.
    """

    release: date
    starts: tuple[date, ...]
    weeks: Floats
    counts: Floats
    exposure: Floats
    control: Floats | None
    before: Flags
    after: Flags

    @property
    def usable(self) -> Flags:
        """(n,) True where a period enters the estimate."""
        seen: Flags = ~np.isnan(self.counts) & (self.exposure > 0)
        if self.control is not None:
            seen &= ~np.isnan(self.control)
        return seen & (self.before | self.after)


def frame(
    series: Series,
    *,
    release_start: date,
    release_full: date,
    read_through: date,
    wash_out_days: int,
    longest_before_days: int,
) -> Window:
    """Cut a series into the periods before and after a release.

    Days are added up to weeks counted back from release_start and, after the wash-out, forward from
    release_full, so that no day is lost to the calendar; weeks and months stay as they are, and one that
    straddles a border belongs to neither side. Periods that end after read_through are left out; those
    missing before it at the series' end are gaps. The wash-out does not apply to months.
    """
    series = _padded(series, read_through)
    settled = release_full + timedelta(days=0 if series.period is Period.MONTH else wash_out_days)
    pieces = _weekly_pieces(series, release_start, settled) if series.period is Period.DAY else [series]
    starts = [start for piece in pieces for start in piece.starts()]
    ends = [period_start(start, pieces[0].period, 1) for start in starts]
    earliest = release_start - timedelta(days=longest_before_days)
    bounds = list(zip(starts, ends, strict=True))
    keep = np.array([earliest <= start and end <= read_through for start, end in bounds], dtype=bool)
    twice_middle = np.array([(s - release_start).days + (e - release_start).days for s, e in bounds])
    exposure = None if series.exposure is None else np.concatenate([_exposure(piece) for piece in pieces])
    control = None if series.control is None else np.concatenate([_control(piece) for piece in pieces])
    return Window(
        release=release_start,
        starts=tuple(start for start, kept in zip(starts, keep, strict=True) if kept),
        weeks=twice_middle[keep] / (2.0 * DAYS_PER_WEEK),
        counts=np.concatenate([piece.counts for piece in pieces])[keep],
        exposure=np.ones(int(keep.sum())) if exposure is None else exposure[keep],
        control=None if control is None else control[keep],
        before=np.array([end <= release_start for end in ends], dtype=bool)[keep],
        after=np.array([start >= settled for start in starts], dtype=bool)[keep],
    )


def design(window: Window, *, with_control: bool = True, see_after: bool = True) -> Design:
    """Write a window as a regression: effect, level, trend, control and a yearly season.

    Priors ("A" of the method): level N(0, 1.5) around the mean rate before, trend N(0, .01 a week), log
    control rate N(1, .5), effect N(0, 1.5). Two years of history can show the season: two yearly waves, N(0,
    .3) each. Less cannot, but a season there may be: one wave, N(0, .1). With see_after False the periods
    after the release count as not observed, which makes the fit a forecast. Raises ValueError for a window
    with nothing before.
    """
    known = window.usable & window.before
    if not known.any():
        raise ValueError("window must hold at least one usable period before the release")
    exposure = _filled(window.exposure)
    rate = (window.counts[known].sum() + 0.5) / exposure[known].sum()
    columns = [window.after.astype(np.float64), np.ones(len(exposure)), window.weeks]
    priors = [(0.0, EFFECT_SD), (0.0, _LEVEL_SD), (0.0, _SLOPE_SD_PER_WEEK)]
    if with_control and window.control is not None:
        columns.append(_log_rate(window.control, exposure, known))
        priors.append((_CONTROL_MEAN, _CONTROL_SD))
    known_season = has_season(window)
    columns += _waves(window.weeks, _SEASON_WAVES[known_season])
    priors += [(0.0, _SEASON_SD[known_season])] * (2 * _SEASON_WAVES[known_season])
    mean, sd = np.array(priors).T
    seen = window.usable if see_after else known
    return Design(
        counts=np.where(seen, window.counts, np.nan),
        log_offset=np.log(exposure) + log(rate),
        columns=np.column_stack(columns),
        prior_mean=mean,
        prior_sd=sd,
    )


def has_season(window: Window) -> bool:
    """Say whether the usable history spans two years, so that a season can be told from a change."""
    known = np.flatnonzero(window.usable & window.before)
    return known.size > 0 and (window.release - window.starts[known[0]]).days >= SEASON_DAYS


def _padded(series: Series, read_through: date) -> Series:
    """Fill a series up to read_through with gaps: a source that fell silent is not a short series."""
    steps = 0
    while period_start(series.end, series.period, steps + 1) <= read_through:
        steps += 1
    return _stretched(series, len(series) + steps)


def _weekly_pieces(series: Series, release_start: date, settled: date) -> list[Series]:
    """Add days up to weeks before, during and after the roll-out; the middle holds round(days / 7) steps."""
    before = aligned_weeks(_days(series, series.start, release_start), anchor=release_start)
    after = aligned_weeks(_days(series, settled, series.end), anchor=settled)
    days = (settled - release_start).days
    if days == 0 or not len(after):
        return [before, after]
    between = aligned_weeks(_days(series, release_start, settled), anchor=release_start)
    steps = max(round(days / DAYS_PER_WEEK), 1)
    between = replace(between, start=release_start)
    return [before, _stretched(between, steps), after]


def _days(series: Series, first: date, until: date) -> Series:
    """Take the days of the half-open range [first, until) out of a daily series."""
    low = min(max((first - series.start).days, 0), len(series))
    high = max(min((until - series.start).days, len(series)), low)
    return Series(
        start=series.start + timedelta(days=low),
        period=series.period,
        counts=series.counts[low:high],
        exposure=None if series.exposure is None else series.exposure[low:high],
        control=None if series.control is None else series.control[low:high],
    )


def _stretched(series: Series, steps: int) -> Series:
    """Make a series `steps` long, with gaps at the end where it is shorter."""

    def fitted(values: Floats) -> Floats:
        return np.append(values, np.full(steps, np.nan))[:steps]

    return replace(
        series,
        counts=fitted(series.counts),
        exposure=None if series.exposure is None else fitted(series.exposure),
        control=None if series.control is None else fitted(series.control),
    )


def _exposure(piece: Series) -> Floats:
    assert piece.exposure is not None
    return np.nan_to_num(piece.exposure)


def _control(piece: Series) -> Floats:
    assert piece.control is not None
    return piece.control


def _filled(exposure: Floats) -> Floats:
    """Interpolate exposure over periods that have none, so that the expected count is defined there."""
    known = exposure > 0
    index = np.arange(exposure.size)
    return np.where(known, exposure, np.interp(index, index[known], exposure[known]))


def _log_rate(control: Floats, exposure: Floats, known: Flags) -> Floats:
    """Give the log control rate (n,), centred on the periods before; 0 where the control has a gap."""
    rate = np.log((np.nan_to_num(control) + 0.5) / exposure)
    centred: Floats = rate - rate[known].mean()
    return np.where(np.isnan(control), 0.0, centred)


def _waves(weeks: Floats, waves: int) -> list[Floats]:
    """Give sine and cosine (n,) of the given number of yearly waves."""
    angle = weeks * (tau * DAYS_PER_WEEK / _DAYS_PER_YEAR)
    return [wave(k * angle) for k in range(1, waves + 1) for wave in (np.sin, np.cos)]
