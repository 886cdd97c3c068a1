"""Many symmetric tridiagonal systems at once: loops over time only, vectorised over every other axis."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Factor(NamedTuple):
    """The pivots (n, ...) and multipliers (n, ...) of a symmetric positive definite tridiagonal matrix."""

    pivots: Floats
    multipliers: Floats


def factorise(diagonal: Floats, off_diagonal: Floats) -> Factor:
    """Factorise L D L' without pivoting (safe for positive definite matrices; Golub and Van Loan, §4.3.6).

    diagonal: (n, ...) float64, time first; off_diagonal: (...), couples each step with the next.
    """
    pivots = np.empty_like(diagonal)
    multipliers = np.zeros_like(diagonal)
    pivots[0] = diagonal[0]
    for i in range(1, len(diagonal)):
        multipliers[i] = off_diagonal / pivots[i - 1]
        pivots[i] = diagonal[i] - multipliers[i] * off_diagonal
    return Factor(pivots, multipliers)


def solve(factor: Factor, right: Floats) -> Floats:
    """Solve for right-hand sides (n, ...) or, several per matrix, (n, k, ...)."""
    extra = right.ndim - factor.pivots.ndim
    shape = (len(right), *(1,) * extra, *factor.pivots.shape[1:])
    pivots, multipliers = factor.pivots.reshape(shape), factor.multipliers.reshape(shape)
    solution = right.copy()
    for i in range(1, len(solution)):
        solution[i] -= multipliers[i] * solution[i - 1]
    solution /= pivots
    for i in range(len(solution) - 2, -1, -1):
        solution[i] -= multipliers[i + 1] * solution[i + 1]
    return solution


def log_determinant(factor: Factor) -> Floats:
    """Sum the logarithms of the pivots over time: (n, ...) -> (...)."""
    total: Floats = np.log(factor.pivots).sum(axis=0)
    return total


def inverse_diagonal(factor: Factor) -> Floats:
    """Give the diagonal (n, ...) of the inverse, by the backward recursion of Takahashi (1973)."""
    inverse = 1.0 / factor.pivots
    for i in range(len(inverse) - 2, -1, -1):
        inverse[i] += factor.multipliers[i + 1] ** 2 * inverse[i + 1]
    return inverse
