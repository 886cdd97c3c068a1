"""When a verdict may be read, how much error each reading may spend, and which reading is the headline."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from math import floor, log10, sqrt
from typing import Final

from scipy.special import ndtr, ndtri

from models.values.verdicts import Judgement, Look, Reason, Word

__all__ = ["FINAL_ALPHA", "Look", "alpha_at", "due", "headline", "plan_looks", "schedule"]

FINAL_ALPHA = 0.03
_SHARES = (0.25, 0.5, 1.0)
_CALLS: Final = frozenset({Word.FELL, Word.ROSE})


def schedule(
    release_full: date, *, horizon_weeks: int = 8, wash_out_days: int = 7, reporting_delay_days: int = 3
) -> tuple[Look, ...]:
    """Plan the looks at a quarter, half and the whole of the horizon after all customers had the release.

    Weeks are rounded down, and a look at which the wash-out leaves no whole week to count is left out. Raises
    ValueError for a horizon that leaves none, or for negative days.
    """
    if min(wash_out_days, reporting_delay_days) < 0 or horizon_weeks * 7 < wash_out_days + 7:
        raise ValueError(
            "horizon_weeks must leave at least one whole week after wash_out_days, all at least 0"
        )
    weeks = sorted({floor(share * horizon_weeks) for share in _SHARES})
    return plan_looks(
        release_full,
        [week for week in weeks if week * 7 >= wash_out_days + 7],
        reporting_delay_days=reporting_delay_days,
    )


def plan_looks(
    release_full: date, weeks: Sequence[int], *, reporting_delay_days: int = 0
) -> tuple[Look, ...]:
    """Plan looks at rising whole weeks after all customers had the release, the last one final.

    Raises ValueError for weeks that do not rise from at least 1.
    """
    if any(later <= earlier for earlier, later in pairwise([0, *weeks])):
        raise ValueError(f"weeks must rise from at least 1, not {list(weeks)}")
    shares = [week / weeks[-1] for week in weeks]
    return tuple(
        Look(
            number=number,
            share=share,
            weeks=week,
            read_on=release_full + timedelta(days=week * 7 + reporting_delay_days),
            alpha=alpha_at(share, since=since),
        )
        for number, (week, since, share) in enumerate(
            zip(weeks, [0.0, *shares], shares, strict=False), start=1
        )
    )


def alpha_at(share: float, *, since: float = 0.0, final: float = FINAL_ALPHA) -> float:
    """Give the two-sided error that a look at `share` of the horizon may spend, `final` at the last one.

    The O'Brien-Fleming-type spending function of Lan and DeMets (1983), 2 - 2 Phi(z_{final/2} / sqrt(share)),
    less what it had spent at the look before (`since`, 0 for none), rounded down to one digit: .00001, .002,
    .03 at 1/4, 1/2, 1. The levels of `schedule` add up to at most .0321, so by Bonferroni looking early adds
    at most .0021 to the false-alarm rate, whatever the dependence between looks. A look too early to spend
    anything in float64 gets 0. Raises ValueError unless 0 <= since < share <= 1.
    """
    if not 0 <= since < share <= 1:
        raise ValueError(f"share must be above since ({since}), at least 0, and at most 1, not {share}")
    if share == 1:
        return final
    spent = _spent(share, final) - (_spent(since, final) if since else 0.0)
    if spent <= 0:
        return 0.0
    exponent = floor(log10(spent))
    return float(f"{floor(spent / 10.0**exponent)}e{exponent}")


def _spent(share: float, final: float) -> float:
    return float(2 * ndtr(ndtri(final / 2) / sqrt(share)))


def headline(answers: Sequence[Judgement]) -> Judgement:
    """Say in one judgement what the looks at one release and theme have said, in the order of the looks.

    The final look is the headline, whatever came before; where an earlier one had called `fell` or `rose` and
    the final word is another, its reasons gain `not_sustained`. Before the final look the last call is the
    headline, with reason `early` and the day of the final look in judgeable_on, else the last answer; a later
    `cannot_tell` takes an early call back. `looks` holds every look read. Raises ValueError without answers.
    """
    if not answers:
        raise ValueError("answers must hold at least one judgement")
    last = answers[-1]
    read = tuple(look for answer in answers for look in answer.looks)
    calls = [answer for answer in answers if answer.word in _CALLS and answer.looks]
    if last.looks and last.looks[-1].share >= 1:
        sustained = all(call.word is last.word for call in calls)
        why = last.reasons if sustained else (*last.reasons, Reason.NOT_SUSTAINED)
        return replace(last, looks=read, reasons=why)
    if not calls or last.word is Word.CANNOT_TELL:
        return replace(last, looks=read)
    call = calls[-1]
    why = (*call.reasons, Reason.EARLY)
    return replace(call, looks=read, reasons=why, judgeable_on=_final_day(call.looks[-1]))


def _final_day(look: Look) -> date:
    return look.read_on + timedelta(weeks=round(look.weeks / look.share) - look.weeks)


def due(looks: tuple[Look, ...], *, today: date) -> tuple[Look, ...]:
    """List the looks whose reading date has come on `today`."""
    return tuple(look for look in looks if look.read_on <= today)
