"""Which share of releases drawn from a world the engine would call `fell`.

The engine itself judges a few dozen draws. Its normal scores follow those of the working model closely (R²
.92 to 1), so a regression between them, with its residuals, carries thousands of draws of the working model
over to the engine: a regression estimator as in survey sampling (Cochran 1977, Sampling Techniques, ch. 7).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.impact import latent, mixture, planning_working, planning_world
from models.impact.mixture import Mixture
from models.impact.planning_world import Draws
from models.impact.setting import Setting
from models.impact.windows import Window, design

Floats = NDArray[np.float64]

DRAWS: Final = 4000
_FEWEST: Final = 24  # draws that the engine judges at a time, until the error of its part is small enough
_MOST: Final = 192
_ERROR: Final = 0.01
_NEAR: Final = 0.1  # in normal scores


def share_called(draws: Draws, weeks: int, fall: float) -> float:
    """Give the share called `fell` so many weeks after all customers had the release, for a fall (a share).

    Standard error: .6 points at 80% from DRAWS draws, and up to 1 point from the engine's part in them.
    """
    setting = Setting()
    blank = planning_world.window(draws.world, weeks)
    counts = draws.counts(fall, weeks)
    enough = draws.before.sum(axis=0) >= setting.min_before_complaints
    if not enough.any():
        return 0.0
    working = planning_working.scores(draws.world, blank, counts, fall)
    predictors = _predictors(blank, working, counts)
    critical = float(ndtri(setting.alpha / 2))
    engine = np.empty(0)
    for known in range(_FEWEST, _MOST + 1, _FEWEST):
        some = counts[:, known - _FEWEST : known]
        engine = np.append(engine, engine_scores(blank, some))
        share, error = _carried_over(engine, predictors, enough, critical)
        if error <= _ERROR:
            break
    return share


def engine_scores(blank: Window, counts: Floats) -> Floats:
    """Give normal scores (M,) of the posterior probability of a rise, by the fit that verdicts rest on.

    counts: (n, M). A score is below that of alpha / 2 exactly where the verdict is `fell`, but for verdicts
    that too few complaints before make impossible.
    """
    fits = latent.fit([design(each) for each in planning_world.windows(blank, counts)])
    effects = Mixture(*(np.stack(parts) for parts in zip(*(fit.effect for fit in fits), strict=True)))
    rise = mixture.survival(effects, np.zeros((len(fits), 1)))[:, 0]
    return np.asarray(ndtri(np.clip(rise, 1e-300, 1 - 1e-16)), dtype=np.float64)


def _predictors(blank: Window, working: Floats, counts: Floats) -> Floats:
    """Give what the engine's scores follow (M, 4): a constant, the working score, and of the counts after the
    log of the sum and the mean of the logs, which part where counts are small."""
    after = counts[blank.after] + 0.5
    return np.column_stack(
        [np.ones_like(working), working, np.log(after.sum(axis=0)), np.log(after).mean(axis=0)]
    )


def _carried_over(
    engine: Floats, predictors: Floats, enough: NDArray[np.bool_], critical: float
) -> tuple[float, float]:
    """Give the share of draws that the engine would call, and the standard error of the engine's part in it.

    engine: scores of the first draws; predictors: (M, 4) of all; enough: (M,) enough complaints before.
    """
    known = predictors[: engine.size]
    weights = np.linalg.lstsq(known, engine)[0]
    left = engine - known @ weights
    spread = float(np.sqrt((left**2).sum() / (left.size - weights.size)))
    ordered = np.sort(predictors[enough] @ weights)

    def share(limit: float) -> float:
        return float(np.searchsorted(ordered, limit - left).mean() / enough.size)

    steepness = (share(critical + _NEAR) - share(critical - _NEAR)) / (2 * _NEAR)
    distance = (critical - engine.mean()) / max(float(engine.std()), _NEAR)
    return share(critical), steepness * spread * float(np.sqrt((1 + distance**2) / left.size))
