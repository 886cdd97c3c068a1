"""A daily series around a release, and the verdict on it."""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from models.impact.judge import Setting, judge
from models.values.series import Period, Series
from models.values.verdicts import Judgement, Look, Reason

Floats = NDArray[np.float64]

RELEASE = date(2026, 3, 4)
FINAL = Look(number=3, share=1.0, weeks=8, read_on=RELEASE + timedelta(days=59), alpha=0.03)


def daily(
    *,
    before: int = 26,
    after: int = 8,
    level: float = 20.0,
    ratio: float = 1.0,
    exposure: bool = True,
    control: Floats | None = None,
    seed: int = 1,
) -> Series:
    rng = np.random.default_rng(seed)
    rate = np.concatenate([np.full(before * 7, level), np.full(after * 7, level * ratio)])
    return Series(
        start=RELEASE - timedelta(weeks=before),
        period=Period.DAY,
        counts=rng.poisson(rate).astype(np.float64),
        exposure=np.full(rate.size, 1000.0) if exposure else None,
        control=control,
    )


def ask(
    series: Series,
    *,
    look: Look | None = FINAL,
    full: date = RELEASE,
    through: date | None = None,
    setting: Setting | None = None,
    registered: bool = False,
    flags: tuple[Reason, ...] = (),
) -> Judgement:
    return judge(
        series,
        release_start=RELEASE,
        release_full=full,
        read_through=through or series.end,
        look=look,
        setting=setting,
        registered_control=registered,
        flags=flags,
    )
