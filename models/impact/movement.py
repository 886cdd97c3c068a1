"""Themes against their own past: which are new, grew, faded or came back, with the false discoveries bounded.

A theme's complaints of the recent weeks, Y1 over exposure e1, are compared with those of its baseline weeks, Y0 over
e0. Weekly counts vary more than by chance alone, so their variance is taken to be a multiple of their mean (`NB1` of
Cameron and Trivedi 1986). Given the sum S = Y0 + Y1, under a rate ratio r,

    Y1 | S ~ beta-binomial(S, A p, A (1 - p)),   p = r e1 / (r e1 + e0),   A = S / (dispersion - 1),

which is the exact conditional binomial test (Przyborowski and Wilenski 1940) where the dispersion is 1, and has the
variance of quasi-Poisson regression where counts are large. Selecting themes by S costs nothing, since the test holds
for each S. p values are twice the smaller tail; the interval holds the ratios that the same test does not reject.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.impact import conditional, discovery
from models.impact.conditional import Contrast, Noise, Weekly
from models.values.movements import (
    BASELINE_WEEKS,
    FALSE_DISCOVERY_RATE,
    NEW_WEEKS,
    QUIET_WEEKS,
    Movement,
    MovementReason,
    Outcome,
    Span,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_BASELINE: Final = 8
"""Baseline weeks that must be usable: fewer do not tell how much a theme usually varies."""
LEAST_COMPLAINTS: Final = 10
"""Complaints of both windows together below which no test could tell anything that matters."""
LEAST_HISTORY: Final = 8
"""Complete weeks that must lie before a theme's first complaint for it to be new: else only the history is."""
STEADY_WITHIN: Final = 2.0
"""A theme is steady where the interval of its ratio rules out that it doubled or halved."""
UNUSUAL_QUIET: Final = 3.0
"""Complaints that a quiet time must have let expect to be unusual: by chance alone none come in 5% (exp(-3))."""

_CODES = MovementReason


@dataclass(frozen=True, slots=True, eq=False)
class ThemeWeeks:
    """A theme's whole weeks, oldest first, from the first one of the workspace on.

    counts: (n,) complaints, nan where the week is a gap or not shown; exposure: (n,) customer-days, or days where
    nobody knows the customers, above 0, nan where unknown; arrived: (n,) whether any complaint of the week is known,
    in gaps too; hidden: (n,) weeks that are not shown to the reader. `barred`: why no windows of this theme compare.
    """

    counts: Floats
    exposure: Floats
    arrived: Flags
    hidden: Flags
    barred: MovementReason | None = None

    def __post_init__(self) -> None:
        size = self.counts.size
        if any(each.shape != (size,) for each in (self.exposure, self.arrived, self.hidden)):
            raise ValueError("counts, exposure, arrived and hidden must have the same length")
        if np.any(self.counts < 0) or np.any(self.exposure <= 0):
            raise ValueError("counts must be at least 0 and exposure above 0 (nan for a gap)")


def theme_weeks(
    counts: Sequence[int | None],
    exposure: Sequence[float | None],
    *,
    arrived: Sequence[bool],
    hidden: Sequence[bool],
    barred: MovementReason | None,
) -> ThemeWeeks:
    """Lay a theme's weeks out as arrays; None is a gap. Raises ValueError as `ThemeWeeks` does."""
    return ThemeWeeks(
        np.array([np.nan if each is None else each for each in counts], dtype=np.float64),
        np.array([np.nan if each is None else each for each in exposure], dtype=np.float64),
        np.array(arrived, dtype=bool),
        np.array(hidden, dtype=bool),
        barred,
    )


class _Draft(NamedTuple):
    """A theme before the others are known: an answer, or how its weeks vary, for a test that is still to come."""

    outcome: Outcome
    weekly: Weekly | None


def judge(themes: Sequence[ThemeWeeks], *, recent: int, level: float = FALSE_DISCOVERY_RATE) -> list[Outcome]:
    """Say of each theme how it moved in the last `recent` weeks against the 26 before.

    Growing and fading are said where the q value over all themes that were tested (Benjamini and Hochberg 1995) is at
    most `level`; under long swings more than that of the calls are false (docs/trends.md). A theme whose own interval
    leaves 1 out and whose q value is above it is neither, which is no sign of no change. New and returned themes are
    told by definition, without a test. Raises ValueError for windows that do not lie within the weeks.
    """
    if recent < 1 or any(each.counts.size < recent for each in themes):
        raise ValueError("the recent window must be at least one week and lie within the themes' weeks")
    drafts = [_draft(each, recent) for each in themes]
    outcomes = [draft.outcome for draft in drafts]
    varying = {at: draft.weekly for at, draft in enumerate(drafts) if draft.weekly is not None}
    memory = conditional.memory(list(varying.values()))
    noises = {at: conditional.noise(weekly, memory=memory, window=recent) for at, weekly in varying.items()}
    results = {at: conditional.compare(_contrast(outcomes[at], noise)) for at, noise in noises.items()}
    q_values = discovery.q_values([result.p_value for result in results.values()])
    for (at, result), q_value in zip(results.items(), q_values, strict=True):
        outcomes[at] = _tested(outcomes[at], noises[at], result, q_value, level)
    return outcomes


def _contrast(draft: Outcome, noise: Noise) -> Contrast:
    recent, baseline = draft.recent, draft.baseline
    return Contrast(recent.complaints, baseline.complaints, recent.exposure, baseline.exposure, noise)


def _draft(theme: ThemeWeeks, recent: int) -> _Draft:
    """Settle a theme that needs no test, or tell how the weeks of its baseline vary."""
    size = theme.counts.size
    begin = size - recent
    usable = np.isfinite(theme.counts) & np.isfinite(theme.exposure)
    seen = np.flatnonzero(theme.arrived)
    first = int(seen[0]) if seen.size else None
    # The week of the first complaint has one by definition: as part of a baseline it would raise it.
    start = max(begin - BASELINE_WEEKS, 0 if first is None else first + 1)
    after, before = _span(theme, usable, begin, size), _span(theme, usable, start, begin)
    quiet = _quiet(seen, begin)
    outcome = Outcome(Movement.CANNOT_TELL, _CODES.THIN, after, before, first=first, quiet=quiet)
    word, reason = _without_test(theme, recent, start, outcome)
    if reason is not None:
        return _Draft(replace(outcome, movement=word, reason=reason), None)
    return _Draft(outcome, conditional.weekly(theme.counts[start:begin], theme.exposure[start:begin]))


def _span(theme: ThemeWeeks, usable: Flags, start: int, end: int) -> Span:
    inside = usable[start:end]
    return Span(
        complaints=int(theme.counts[start:end][inside].sum()),
        exposure=float(theme.exposure[start:end][inside].sum()),
        weeks=int(inside.sum()),
    )


def _quiet(seen: NDArray[np.int64], begin: int) -> int:
    """Count the whole weeks without a complaint up to the recent window; 0 where none came before."""
    earlier = seen[seen < begin]
    return begin - 1 - int(earlier[-1]) if earlier.size else 0


def _without_test(
    theme: ThemeWeeks, recent: int, start: int, draft: Outcome
) -> tuple[Movement, MovementReason | None]:
    """Return what is said without a test, and why; the reason is None where the theme can be tested."""
    size, begin, first = theme.counts.size, theme.counts.size - recent, draft.first
    unable = Movement.CANNOT_TELL
    # Of a first complaint and of quiet weeks the exposure tells nothing.
    complete = np.isfinite(theme.counts)
    if theme.barred is not None:
        return unable, theme.barred
    if first is None:
        return unable, _CODES.THIN
    if theme.hidden[max(begin - BASELINE_WEEKS, 0) :].any():
        return unable, _CODES.HIDDEN
    if first >= min(size - NEW_WEEKS, begin):
        is_told = complete[:first].sum() >= LEAST_HISTORY
        return (Movement.NEW, _CODES.FIRST_SEEN) if is_told else (unable, _CODES.SHORT_HISTORY)
    if draft.recent.weeks < ceil(recent / 2):
        return unable, _lacking(theme, begin, size)
    if draft.quiet >= QUIET_WEEKS:
        return _returned(theme, complete, begin, draft)
    if draft.baseline.weeks < LEAST_BASELINE:
        return unable, _CODES.YOUNG if begin - start < LEAST_BASELINE else _lacking(theme, start, begin)
    if draft.recent.complaints + draft.baseline.complaints < LEAST_COMPLAINTS:
        return unable, _CODES.THIN
    return unable, None


def _returned(
    theme: ThemeWeeks, complete: Flags, begin: int, draft: Outcome
) -> tuple[Movement, MovementReason]:
    """Say whether a theme came back from a quiet time that was longer than its usual pauses."""
    quiet_from = begin - draft.quiet
    if complete[quiet_from:begin].sum() < QUIET_WEEKS:
        return Movement.CANNOT_TELL, _CODES.SOURCE_GAP
    first = draft.first or 0
    usual = float(np.nansum(theme.counts[first:begin])) / (begin - first)
    if not draft.recent.complaints or usual * draft.quiet < UNUSUAL_QUIET:
        return Movement.CANNOT_TELL, _CODES.THIN
    return Movement.RETURNED, _CODES.AFTER_QUIET


def _lacking(theme: ThemeWeeks, start: int, end: int) -> MovementReason:
    """Name what most of the unusable weeks lack: complaints that are complete, or a known exposure."""
    gaps = np.isnan(theme.counts[start:end])
    unknown = np.isnan(theme.exposure[start:end]) & ~gaps
    return _CODES.EXPOSURE_MISSING if unknown.sum() > gaps.sum() else _CODES.SOURCE_GAP


def _tested(
    draft: Outcome, noise: Noise, result: conditional.Compared, q_value: float, level: float
) -> Outcome:
    if q_value <= level:
        movement = Movement.GROWING if result.is_rise else Movement.FADING
        reason = _CODES.BEYOND_BASELINE
    elif result.low > 1 / STEADY_WITHIN and result.high is not None and result.high < STEADY_WITHIN:
        movement, reason = Movement.STEADY, _CODES.WITHIN_BASELINE
    elif result.low > 1 or (result.high is not None and result.high < 1):
        movement, reason = Movement.CANNOT_TELL, _CODES.AMONG_MANY
    else:
        movement, reason = Movement.CANNOT_TELL, _CODES.WIDE
    return replace(
        draft,
        movement=movement,
        reason=reason,
        ratio=result.ratio,
        low=result.low,
        high=result.high,
        p_value=result.p_value,
        q_value=q_value,
        dispersion=noise.dispersion,
    )
