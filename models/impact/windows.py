"""From a series and a release to the periods that are compared, and to the design that the model fits."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from math import log, tau
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact.latent import Design
from models.values.series import DAYS_PER_WEEK, Period, Series, period_start

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ordinals = NDArray[np.int64]

EFFECT_SD: Final = 1.5
_LEVEL_SD: Final = 1.5
_CONTROL_MEAN, _CONTROL_SD = 1.0, 0.5
_SEASON_WAVES: Final = {True: 2, False: 1}
_KNOWN_SEASON_SD: Final = 0.3
_DAYS_PER_YEAR: Final = 365.25
SEASON_DAYS: Final = 730
_SPIKE_WEEKS: Final = 3
_WEEKS_OF_A_LONG_PERIOD: Final = 2


class Temper(NamedTuple):
    """One way in which a series may move by itself, with its prior probability.

    slope_sd: of the trend, log rate a week; season_sd: of the yearly wave, where it cannot be told from the history;
    spike_sd: of the log rate's excess in the last three weeks before the release.
    """

    share: float
    slope_sd: float
    season_sd: float
    spike_sd: float


_NO_SPIKE: Final = 0.01
TEMPERS: Final = (
    Temper(0.40, 0.003, 0.03, _NO_SPIKE),
    Temper(0.27, 0.010, 0.10, _NO_SPIKE),
    Temper(0.08, 0.030, 0.30, _NO_SPIKE),
    Temper(0.15, 0.003, 0.03, 0.50),
    Temper(0.10, 0.010, 0.10, 0.50),
)
"""Calm, drifting and swinging series; teams like to release when complaints are worst, so calm and drifting ones may
have had a spike just before."""
_REFERENCE: Final = Temper(1.0, 0.010, 0.10, 0.15)
_SHARES: Final = np.array([temper.share for temper in TEMPERS])
SPIKED: Final = np.array([temper.spike_sd > _NO_SPIKE for temper in TEMPERS])
"""(D,) True for the tempers with a spike before the release."""
SPIKE_SHARE: Final = float(_SHARES[SPIKED].sum())


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def usable(self) -> Flags:
        """(n,) True where a period enters the estimate."""
        seen: Flags = ~np.isnan(self.counts) & (self.exposure > 0)
        if self.control is not None:
            seen &= ~np.isnan(self.control)
        return seen & (self.before | self.after)

    @cached_property
    def has_season(self) -> bool:
        """Say whether the usable history spans two years, so that a season can be told from a change."""
        known = np.flatnonzero(self.usable & self.before)
        return known.size > 0 and (self.release - self.starts[known[0]]).days >= SEASON_DAYS


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
    settled = release_full + timedelta(days=0 if series.period is Period.MONTH else wash_out_days)
    cut = _weeks if series.period is Period.DAY else _as_they_are
    pieces = cut(_columns(series), series, release_start, settled, read_through)
    release, end = release_start.toordinal(), read_through.toordinal()
    keep = (release - longest_before_days <= pieces.starts) & (pieces.ends <= end)
    starts, ends, values = pieces.starts[keep], pieces.ends[keep], pieces.values[:, keep]
    return Window(
        release=release_start,
        starts=tuple(date.fromordinal(day) for day in starts.tolist()),
        weeks=(starts + ends - 2 * release) / (2.0 * DAYS_PER_WEEK),
        counts=values[0],
        exposure=np.ones(starts.size) if series.exposure is None else np.nan_to_num(values[1]),
        control=None if series.control is None else values[2],
        before=ends <= release,
        after=starts >= settled.toordinal(),
    )


def design(window: Window, *, with_control: bool = True) -> Design:
    """Write a window as a regression: effect, level, trend, control, spike before the release and yearly season.

    Priors: level N(0, 1.5) around the mean rate before, log control rate N(1, .5), effect N(0, 1.5); trend, spike and
    season as each of `TEMPERS` says. Two years of history can show the season: two yearly waves, N(0, .3) each.
    Raises ValueError for a window with nothing before.
    """
    known = window.usable & window.before
    if not known.any():
        raise ValueError("window must hold at least one usable period before the release")
    exposure = _filled(window.exposure)
    rate = (window.counts[known].sum() + 0.5) / exposure[known].sum()
    columns = [window.after.astype(np.float64), np.ones(len(exposure)), window.weeks, _spike(window)]
    controls = with_control and window.control is not None
    if controls:
        assert window.control is not None
        columns.append(_log_rate(window.control, exposure, known))
    waves = _waves(window.weeks, _SEASON_WAVES[window.has_season])
    scales = _reference_and_prior_sds(window.has_season, controls, len(waves))
    mean = np.array([0.0, 0.0, 0.0, 0.0, *[_CONTROL_MEAN] * controls, *[0.0] * len(waves)])
    return Design(
        counts=np.where(window.usable, window.counts, np.nan),
        log_offset=np.log(exposure) + log(rate),
        columns=np.column_stack(columns + waves),
        prior_mean=mean,
        prior_sd=scales[1:],
        share=_SHARES,
        reference_sd=scales[0],
    )


def unseen_after(design: Design, window: Window) -> Design:
    """Count the periods after the release as not observed, which makes a fit a forecast."""
    return replace(design, counts=np.where(window.before, design.counts, np.nan))


@cache
def _reference_and_prior_sds(known_season: bool, controls: bool, waves: int) -> Floats:
    """List prior standard deviations in the order of the design's columns: the reference's, then each temper's."""
    rows = [
        [
            EFFECT_SD,
            _LEVEL_SD,
            temper.slope_sd,
            temper.spike_sd,
            *[_CONTROL_SD] * controls,
            *[_KNOWN_SEASON_SD if known_season else temper.season_sd] * waves,
        ]
        for temper in (_REFERENCE, *TEMPERS)
    ]
    found = np.array(rows)
    found.flags.writeable = False
    return found


def _spike(window: Window) -> Floats:
    """Mark the last three weeks before the release, or the last month where periods are months: (n,)."""
    monthly = window.weeks.size > 1 and window.weeks[1] - window.weeks[0] > _WEEKS_OF_A_LONG_PERIOD
    marked = np.zeros(window.weeks.size)
    marked[np.flatnonzero(window.before)[-(1 if monthly else _SPIKE_WEEKS) :]] = 1.0
    return marked


class _Pieces(NamedTuple):
    """Periods in order: counts, exposure and control in rows (3, n); first days and first days after them, (n,)."""

    values: Floats
    starts: Ordinals
    ends: Ordinals


def _columns(series: Series) -> Floats:
    """Put counts, exposure and control into rows (3, n), nan where unknown."""
    rows = (series.counts, series.exposure, series.control)
    return np.stack([np.full(len(series), np.nan) if row is None else row for row in rows])


def _as_they_are(
    values: Floats, series: Series, release_start: date, settled: date, read_through: date
) -> _Pieces:
    """Keep weeks and months, with gaps up to read_through: a source that fell silent is not a short series."""
    steps = len(series)
    while period_start(series.start, series.period, steps + 1) <= read_through:
        steps += 1
    borders = [period_start(series.start, series.period, step).toordinal() for step in range(steps + 1)]
    return _Pieces(_widened(values, steps), np.array(borders[:-1], np.int64), np.array(borders[1:], np.int64))


def _weeks(values: Floats, series: Series, release_start: date, settled: date, read_through: date) -> _Pieces:
    """Add days up to weeks before, during and after the roll-out; the middle holds round(days / 7) steps.

    A week with one gap day is a gap: filling the day in would need a model of weekdays, and leaving it out would make
    the week look quiet.
    """
    first = series.start.toordinal()
    values = _widened(values, max(len(series), read_through.toordinal() - first))
    release, full = release_start.toordinal() - first, settled.toordinal() - first
    before = _added_up(values, 0, release, anchor=release)
    after = _added_up(values, full, values.shape[1], anchor=full)
    starts = [_every_week(first + release % DAYS_PER_WEEK, before)]
    parts = [before]
    if full > release and after.shape[1]:
        between = _added_up(values, release, full, anchor=release)
        parts.append(_widened(between, max(round((full - release) / DAYS_PER_WEEK), 1)))
        starts.append(_every_week(first + release, parts[-1]))
    parts.append(after)
    starts.append(_every_week(first + max(full, full % DAYS_PER_WEEK), after))
    begin = np.concatenate(starts)
    return _Pieces(np.concatenate(parts, axis=1), begin, begin + DAYS_PER_WEEK)


def _added_up(values: Floats, low: int, high: int, *, anchor: int) -> Floats:
    """Add the days of columns [low, high) up to the whole weeks that begin on the weekday of column `anchor`."""
    size = values.shape[1]
    low, high = min(max(low, 0), size), min(max(high, 0), size)
    low += (anchor - low) % DAYS_PER_WEEK
    weeks = max((high - low) // DAYS_PER_WEEK, 0)
    days = values[:, low : low + weeks * DAYS_PER_WEEK]
    summed: Floats = days.reshape(len(values), weeks, DAYS_PER_WEEK).sum(axis=2)
    return summed


def _every_week(first: int, weeks: Floats) -> Ordinals:
    return first + DAYS_PER_WEEK * np.arange(weeks.shape[1])


def _widened(values: Floats, steps: int) -> Floats:
    """Make rows `steps` long, with gaps at the end where they are shorter."""
    missing = np.full((len(values), max(steps - values.shape[1], 0)), np.nan)
    return np.concatenate([values, missing], axis=1)[:, :steps]


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
