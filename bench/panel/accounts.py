"""Draw panels of weekly complaints by account, with an effect that is known because it was put in.

Accounts differ in size and in how much they complain, each has weeks and months of its own, and all share growth and
shocks. Where the roll-out was no lot, larger accounts get the release first and the two groups have shocks of their
own besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.panel.series import FINAL_LOOK, RELEASE, Floats, latent_path
from models.impact.accounts import AccountPanel, Assignment
from models.values.series import Period, period_start

LOOK: Final = FINAL_LOOK
WEEKS_BEFORE: Final = 26
WEEKS_AFTER: Final = 8

_USERS: Final = 20.0
_GROWTH_A_WEEK: Final = 0.01
_SHARED_SD, _SHARED_PHI = 0.2, 0.8
_STEP_WEEKS: Final = 2


@dataclass(frozen=True, slots=True)
class AccountRegime:
    """How a panel is made.

    accounts: how many; weekly: complaints a week of all before the release, shocks aside; size_sd, taste_sd: standard
    deviations of log customers and of log complaints per customer; sigma, phi: standard deviation and weekly memory
    of an account's own log rate; storm: complaints that one account adds in one week after the release; lot: the
    release was drawn by lot; strata: size groups within which it was; share: of accounts with the release; strays:
    share of accounts that got the other arm's; pull: by how much log size favours the release where there is no lot;
    shock, shock_phi: standard deviation and weekly memory of each group's own shocks; drift: log rate a week by
    which accounts with the release move away; steps: cohorts, two weeks apart, in which they got it.
    """

    accounts: int = 200
    weekly: float = 30.0
    size_sd: float = 1.2
    taste_sd: float = 0.5
    sigma: float = 0.4
    phi: float = 0.8
    storm: int = 0
    lot: bool = True
    strata: int = 1
    share: float = 0.5
    strays: float = 0.0
    pull: float = 0.0
    shock: float = 0.0
    shock_phi: float = 0.8
    drift: float = 0.0
    steps: int = 1


RANDOMISED: Final[Mapping[str, AccountRegime]] = {
    "alike": AccountRegime(100, size_sd=0.2, taste_sd=0.2, sigma=0.0),
    "thirty": AccountRegime(30),
    "thirty_skewed": AccountRegime(30, weekly=60.0, size_sd=1.8, sigma=0.5),
    "usual": AccountRegime(),
    "many_quiet": AccountRegime(600, weekly=12.0, size_sd=1.5),
    "few_giants": AccountRegime(600, weekly=40.0, size_sd=2.0, taste_sd=0.7, sigma=0.5, phi=0.9),
    "memory": AccountRegime(weekly=40.0, sigma=0.7, phi=0.9),
    "storm": AccountRegime(150, weekly=20.0, size_sd=1.0, storm=60),
    "strata": AccountRegime(120, strata=3, share=0.3, size_sd=1.5),
    "strays": AccountRegime(strays=0.05),
}
"""Roll-outs by lot."""

EXPOSED: Final[Mapping[str, AccountRegime]] = {
    "alike": AccountRegime(100, size_sd=0.2, taste_sd=0.2, sigma=0.0, lot=False),
    "thirty": AccountRegime(30, lot=False, pull=0.5),
    "usual": AccountRegime(lot=False, pull=0.5),
    "many_quiet": AccountRegime(600, weekly=12.0, size_sd=1.5, lot=False, pull=0.5),
    "few_giants": AccountRegime(
        200, weekly=40.0, size_sd=1.8, taste_sd=0.7, sigma=0.5, phi=0.9, lot=False, pull=0.5
    ),
    "memory": AccountRegime(60, weekly=100.0, size_sd=1.0, sigma=0.8, phi=0.95, lot=False, pull=0.5),
    "storm": AccountRegime(150, weekly=20.0, size_sd=1.0, storm=60, lot=False, pull=0.5),
    "few_exposed": AccountRegime(300, weekly=60.0, share=0.15, shock=0.1, lot=False, pull=0.5),
    "shocks": AccountRegime(weekly=60.0, shock=0.15, shock_phi=0.6, lot=False, pull=0.5),
    "long_shocks": AccountRegime(300, weekly=150.0, shock=0.15, lot=False, pull=0.5),
    "rough_shocks": AccountRegime(300, weekly=150.0, shock=0.2, lot=False, pull=0.5),
    "staggered": AccountRegime(weekly=40.0, steps=4, shock=0.1, lot=False, pull=0.5),
    "drifting": AccountRegime(weekly=60.0, drift=0.01, lot=False, pull=0.5),
    "parting": AccountRegime(weekly=60.0, drift=0.03, lot=False, pull=0.5),
}
"""Roll-outs to accounts that someone chose."""


def draw_panels(regime: AccountRegime, *, ratio: float, count: int, seed: int) -> Iterator[AccountPanel]:
    """Draw `count` panels of 26 weeks before and 8 after a release that changes the rate by `ratio`."""
    rng = np.random.default_rng(seed)
    return (_draw(regime, ratio, rng) for _ in range(count))


def _draw(regime: AccountRegime, ratio: float, rng: np.random.Generator) -> AccountPanel:
    full = WEEKS_BEFORE + _STEP_WEEKS * (regime.steps - 1)
    weeks = np.arange(full + WEEKS_AFTER)
    size = np.exp(regime.size_sd * rng.normal(size=regime.accounts))
    strata = _ranks(size) * regime.strata // regime.accounts
    treated = _chosen(regime, size, strata, rng)
    exposure = 7 * np.maximum(np.round(_USERS * size), 1)[:, None] * np.exp(_GROWTH_A_WEEK * weeks)
    given = np.where(rng.random(regime.accounts) < regime.strays, ~treated, treated)
    step = _STEP_WEEKS * rng.integers(0, regime.steps, regime.accounts)
    released = np.where(given, WEEKS_BEFORE + step, np.nan)
    mean = exposure * np.exp(regime.taste_sd * rng.normal(size=(regime.accounts, 1)))
    mean *= regime.weekly / mean[:, :WEEKS_BEFORE].sum(axis=0).mean()
    mean *= np.exp(_wandering(regime, treated, weeks, rng))
    counts = rng.poisson(mean * np.where(weeks >= released[:, None], ratio, 1.0)).astype(np.float64)
    if regime.storm:
        counts[rng.integers(regime.accounts), rng.integers(full + 1, weeks.size)] += regime.storm
    lot = Assignment(treated, WEEKS_BEFORE, full, strata) if regime.lot else None
    start = period_start(RELEASE, Period.WEEK, -WEEKS_BEFORE)
    return AccountPanel(start, counts, released, exposure=exposure, assignment=lot)


def _wandering(
    regime: AccountRegime, treated: NDArray[np.bool_], weeks: NDArray[np.intp], rng: np.random.Generator
) -> Floats:
    """Add up how log rates move (n, w): accounts' own weeks, shocks of all and of each group, and drift."""
    shared = latent_path(_SHARED_SD, _SHARED_PHI, (1, weeks.size), rng)
    shocks = latent_path(regime.shock, regime.shock_phi, (2, weeks.size), rng)[treated.astype(np.intp)]
    own = latent_path(regime.sigma, regime.phi, (treated.size, weeks.size), rng)
    moved: Floats = shared + shocks + own + regime.drift * treated[:, None] * (weeks - WEEKS_BEFORE)
    return moved


def _chosen(
    regime: AccountRegime, size: Floats, strata: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose who gets the release: by lot within strata, or larger accounts rather than smaller ones."""
    draw = rng.gumbel(size=size.size) + (0.0 if regime.lot else regime.pull * np.log(size))
    chosen = np.zeros(size.size, dtype=np.bool_)
    for label in np.unique(strata):
        members = np.flatnonzero(strata == label)
        order = members[np.argsort(-draw[members])]
        chosen[order[: round(regime.share * members.size)]] = True
    return chosen


def _ranks(values: Floats) -> NDArray[np.int64]:
    ranks: NDArray[np.int64] = np.argsort(np.argsort(values)).astype(np.int64)
    return ranks
