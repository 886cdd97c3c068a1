"""When a verdict may be read, and how much error each reading may spend."""

from datetime import date, timedelta
from math import floor, log10, sqrt

from scipy.special import ndtr, ndtri

from models.values.verdicts import Look

__all__ = ["FINAL_ALPHA", "Look", "alpha_at", "due", "schedule"]

FINAL_ALPHA = 0.03
_SHARES = (0.25, 0.5, 1.0)


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
    return tuple(
        Look(
            number=number,
            share=week / horizon_weeks,
            weeks=week,
            read_on=release_full + timedelta(days=week * 7 + reporting_delay_days),
            alpha=alpha_at(week / horizon_weeks),
        )
        for number, week in enumerate((w for w in weeks if w * 7 >= wash_out_days + 7), start=1)
    )


def alpha_at(share: float, *, final: float = FINAL_ALPHA) -> float:
    """Give the two-sided error that a look at `share` of the horizon may spend, `final` at the last one.

    The O'Brien-Fleming-type spending function of Lan and DeMets (1983), 2 - 2 Phi(z_{final/2} / sqrt(share)),
    taken as the level of each look and rounded down to one digit: .00001, .002, .03 at 1/4, 1/2, 1. The
    levels of `schedule` add up to at most .0321, so by Bonferroni looking early adds at most .0021 to the
    false-alarm rate, whatever the dependence between looks. Raises ValueError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], not {share}")
    if share == 1:
        return final
    spent = 2 * ndtr(ndtri(final / 2) / sqrt(share))
    if spent <= 0:
        return 0.0
    exponent = floor(log10(spent))
    return float(f"{floor(spent / 10.0**exponent)}e{exponent}")


def due(looks: tuple[Look, ...], *, today: date) -> tuple[Look, ...]:
    """List the looks whose reading date has come on `today`."""
    return tuple(look for look in looks if look.read_on <= today)
