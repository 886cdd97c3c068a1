"""Sixteen ways in which a theme's complaints come about; a method must be right in each without knowing which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Regime:
    """How a series is made.

    level: complaints a day at 1 000 accounts; dispersion: daily counts have variance mean + dispersion * mean²;
    sigma, phi: standard deviation and daily memory of the theme's own log rate; shared: standard deviation of a
    log shock, of daily memory `shared_phi`, that hits the control too; trend: log rate a week; selected: the
    release came right after the worst fortnight of half a year; bump: least and most by which a cause that comes
    and goes within weeks multiplied complaints at its height; ramp_days: least and most days until all customers
    had the release; novelty: least and most by which the first week's complaints were multiplied, whatever the
    release did.
    """

    level: float
    dispersion: float = 0.2
    sigma: float = 0.0
    phi: float = 0.9
    shared: float = 0.0
    shared_phi: float = 0.95
    trend: float = 0.0
    selected: bool = False
    bump: tuple[float, float] = (1.0, 1.0)
    ramp_days: tuple[int, int] = (0, 0)
    novelty: tuple[float, float] = (1.0, 1.0)


REGIMES: Final[Mapping[str, Regime]] = {
    "poisson_low": Regime(0.22, dispersion=0.0),
    "nb_low": Regime(0.22, dispersion=0.4),
    "nb_1": Regime(1.1, dispersion=0.3, sigma=0.25),
    "iid_5": Regime(5.5),
    "ar_5": Regime(5.5, sigma=0.28),
    "ar_strong_20": Regime(22.0, dispersion=0.1, sigma=0.31, phi=0.955),
    "high_50": Regime(55.0, dispersion=0.1, sigma=0.2),
    "trend_up_5": Regime(5.5, sigma=0.2, trend=0.01),
    "trend_down_5": Regime(5.5, sigma=0.2, trend=-0.01),
    "common_20": Regime(22.0, dispersion=0.1, sigma=0.1, shared=0.28),
    "ramp_10": Regime(11.0, sigma=0.25, ramp_days=(7, 14)),
    "novelty_10": Regime(11.0, sigma=0.25, novelty=(1.3, 2.2)),
    "select_iid_1": Regime(1.1, selected=True),
    "select_ar_5": Regime(5.5, sigma=0.28, selected=True),
    "select_bump_5": Regime(5.5, sigma=0.25, selected=True, bump=(1.5, 2.0)),
    "select_bump_20": Regime(22.0, dispersion=0.1, sigma=0.25, selected=True, bump=(1.5, 2.0)),
}
"""The names are those of `data/impact_panel`; the numbers are our own."""
