"""False discoveries among many tests."""

from collections.abc import Sequence

import numpy as np


def q_values(p_values: Sequence[float]) -> list[float]:
    """Return for each test the least false-discovery rate at which it is rejected, in the order given.

    The step-up rule of Benjamini and Hochberg (1995): with the p values in order, q of the i-th of m is the least
    m p / i from it on. It bounds the expected share of false rejections for independent tests and for such that
    depend positively (Benjamini and Yekutieli 2001, theorem 1.2), as counts do that share customers and incidents.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.size == 0:
        return []
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("p values must lie between 0 and 1")
    order = np.argsort(values, kind="stable")
    raw = values[order] * values.size / np.arange(1, values.size + 1)
    found = np.empty_like(values)
    found[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return [float(each) for each in found]
