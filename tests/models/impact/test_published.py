import csv
import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from models.impact.judge import judge
from models.values.series import Period, Series
from models.values.verdicts import Look, Word


def test_the_sicilian_smoking_ban() -> None:
    """Lopez Bernal, Cummins and Gasparrini (2017): .894 by a step and a trend, .885 with two yearly
    harmonics.

    Their models, run in R and recomputed with quasi-Poisson errors:
    glm(aces ~ offset(log(stdpop)) + smokban + time, family=quasipoisson)                  .894 (.839-.953)
    glm(... + harmonic(month, 2, 12))                                                      .885 (.839-.933)
    """
    folder = os.environ.get("EBB_SHARED")
    if not folder:
        pytest.skip("EBB_SHARED is not set; sicily.csv: github.com/gasparrini/2017_lopezbernal_IJE_codedata")
    with (Path(folder) / "data/sicily/sicily.csv").open() as file:
        rows = list(csv.DictReader(file))
    series = Series(
        date(2002, 1, 1),
        Period.MONTH,
        np.array([float(row["aces"]) for row in rows]),
        np.array([float(row["stdpop"]) for row in rows]),
    )
    ban = date(2005, 1, 1)
    look = Look(1, 1.0, 99, series.end, 0.03)
    answer = judge(series, release_start=ban, release_full=ban, read_through=series.end, look=look)
    assert answer.word is Word.FELL
    assert answer.estimate is not None
    assert 0.86 < answer.estimate.effect < 0.92
    assert answer.estimate.low < 0.885
    assert answer.estimate.high > 0.894
