"""Draw whole workspaces: themes that share growth, weekdays and shocks, of which a release touches one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from bench.panel.regimes import Regime
from bench.panel.series import (
    DAYS_AFTER,
    DAYS_BEFORE,
    FINAL_LOOK,
    RELEASE,
    Floats,
    Panel,
    counts,
    draw,
    latent_path,
)
from models.impact.reference import Reference, reference_volume
from models.impact.setting import Case
from models.values.series import Series

_DAYS: Final = DAYS_BEFORE + DAYS_AFTER
_LEVEL_MEDIAN, _LEVEL_LOG_SD = 2.0, 1.17  # 95 of 100 themes bring .2 to 20 complaints a day
_LEVEL_RANGE: Final = (0.2, 20.0)
_OWN_SD: Final = (0.1, 0.35)
_OWN_PHI: Final = 0.93
_DISPERSION: Final = 0.2
_GROWTH_A_WEEK: Final = 0.01
_WEEKDAYS: Final = np.array([1.2, 1.2, 1.15, 1.1, 1.0, 0.7, 0.65])
_SHOCK_SD, _SHOCK_PHI = 0.15, 0.95
_HEADROOM_SDS: Final = 4.0
_CHUNK: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Workspace:
    """The daily complaints of one workspace; the release is the day of column `before`.

    touched: (T,) the theme whose rate the release changed; others: (K, T) the themes it left alone; volume:
    (T,) what all of them share, of mean 1 before the release.
    """

    touched: Floats
    others: Floats
    volume: Floats
    before: int


def draw_workspace(*, themes: int, level: float, ratio: float, seed: int) -> Workspace:
    """Draw `themes` untouched themes and one, of `level` complaints a day, that a release changed by `ratio`.

    The release is the day of column `before`; growth is 1% a week.
    """
    rng = np.random.default_rng(seed)
    shock = latent_path(_SHOCK_SD, _SHOCK_PHI, (1, _DAYS), rng)[0]
    volume = np.exp(_GROWTH_A_WEEK * np.arange(_DAYS) / 7 + shock) * _WEEKDAYS[np.arange(_DAYS) % 7]
    volume /= volume[:DAYS_BEFORE].mean()
    others = _themes(volume[None], np.array([themes]), rng)[0]
    change = np.where(np.arange(_DAYS) < DAYS_BEFORE, 1.0, ratio)
    own = latent_path(rng.uniform(*_OWN_SD), _OWN_PHI, (1, _DAYS), rng)[0]
    touched = counts(level * volume * change * np.exp(own), _DISPERSION, rng)
    return Workspace(touched=touched, others=others, volume=volume, before=DAYS_BEFORE)


def with_reference(
    regime: Regime, *, ratio: float, count: int, seed: int, themes: tuple[int, int] = (10, 60)
) -> list[Case]:
    """Draw a regime's series without exposure or control, each over the reference volume of its workspace.

    Each series is a theme among `themes` others (least and most) that share its growth, weekdays and shocks.
    Raises ValueError for a regime that has shared shocks and picks its release by the counts, because shocks
    are put in after the draw here.
    """
    if regime.shared and regime.selected:
        raise ValueError("regime must not have both shared shocks and a release picked by the counts")
    rng = np.random.default_rng([seed, 1])
    panel, shock = _shocked(regime, ratio=ratio, count=count, seed=seed, rng=rng)
    volume = panel.exposure * _weekdays(panel) * np.exp(shock)
    volume /= volume[:, : panel.before].mean(axis=1, keepdims=True)
    before = np.arange(_DAYS) < panel.before
    cases = []
    for low in range(0, count, _CHUNK):
        some = volume[low : low + _CHUNK]
        sizes = rng.integers(themes[0], themes[1] + 1, len(some))
        for row, others in enumerate(_themes(some, sizes, rng), start=low):
            bare = panel.series(row, exposure=False, control=False)
            cases.append(_case(bare, reference_volume(others, before)))
    return cases


def _case(bare: Series, reference: Reference) -> Case:
    """Compare with the reference volume; where the themes bear none, counts as they are, with the reason beside."""
    known = reference.volume is not None
    flags = () if reference.reason is None else (reference.reason,)
    series = replace(bare, exposure=reference.volume)
    return Case(series, RELEASE, RELEASE, series.end, FINAL_LOOK, flags=flags, by_reference=known)


def _themes(volume: Floats, sizes: np.typing.NDArray[np.int64], rng: np.random.Generator) -> list[Floats]:
    """Draw the untouched themes of B workspaces that follow `volume` (B, T): per workspace (sizes[b], T)."""
    total = int(sizes.sum())
    level = np.clip(_LEVEL_MEDIAN * np.exp(_LEVEL_LOG_SD * rng.normal(size=(total, 1))), *_LEVEL_RANGE)
    own = rng.uniform(*_OWN_SD, (total, 1)) * latent_path(1.0, _OWN_PHI, (total, volume.shape[1]), rng)
    mean = level * np.repeat(volume, sizes, axis=0) * np.exp(own)
    return np.split(counts(mean, _DISPERSION, rng), np.cumsum(sizes)[:-1])


def _shocked(
    regime: Regime, *, ratio: float, count: int, seed: int, rng: np.random.Generator
) -> tuple[Panel, Floats]:
    """Draw a panel and the log shocks (B, T) that it shares with its workspace.

    `draw` keeps its shocks to itself. So a louder panel is drawn without any, and each complaint is kept with
    the probability that makes up the shock: a thinned Poisson count is a Poisson count of the thinned mean.
    """
    shock = latent_path(regime.shared, regime.shared_phi, (count, _DAYS), rng)
    headroom = np.exp(_HEADROOM_SDS * regime.shared)
    panel = draw(
        replace(regime, shared=0.0, level=regime.level * headroom), ratio=ratio, count=count, seed=seed
    )
    kept = np.minimum(np.exp(shock) / headroom, 1.0)
    return replace(panel, counts=rng.binomial(panel.counts.astype(np.int64), kept).astype(np.float64)), shock


def _weekdays(panel: Panel) -> Floats:
    """Read each row's weekday profile (B, T) off its control, which shares it."""
    rate = (panel.control / panel.exposure).reshape(len(panel), -1, 7)
    return np.tile(rate.mean(axis=1), rate.shape[1])
