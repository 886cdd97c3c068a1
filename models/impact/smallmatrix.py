"""Many small symmetric positive definite matrices at once: loops over rows, vectorised over every other axis.

LAPACK spends more time on being called than on a 7 × 7 matrix; here a few dozen array operations factorise thousands.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Factor(NamedTuple):
    """L D L' of matrices (p, p, ...): unit lower triangle `lower` (p, p, ...), pivots `diagonal` (p, ...)."""

    lower: Floats
    diagonal: Floats


def factorise(matrix: Floats) -> Factor:
    """Factorise (p, p, ...) without pivoting, which is safe for positive definite matrices."""
    size = len(matrix)
    lower, diagonal = np.zeros_like(matrix), np.empty_like(matrix[0])
    for j in range(size):
        pivot = matrix[j, j].copy()
        for k in range(j):
            pivot -= lower[j, k] ** 2 * diagonal[k]
        diagonal[j] = pivot
        for i in range(j + 1, size):
            entry = matrix[i, j].copy()
            for k in range(j):
                entry -= lower[i, k] * lower[j, k] * diagonal[k]
            lower[i, j] = entry / pivot
    return Factor(lower, diagonal)


def solve(factor: Factor, right: Floats) -> Floats:
    """Solve for one right-hand side (p, ...) per matrix."""
    lower, size = factor.lower, len(right)
    solution = right.copy()
    for i in range(size):
        for k in range(i):
            solution[i] -= lower[i, k] * solution[k]
    solution /= factor.diagonal
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            solution[i] -= lower[k, i] * solution[k]
    return solution


def inverse(factor: Factor) -> Floats:
    """Give the inverses (p, p, ...)."""
    found = np.empty_like(factor.lower)
    for i in range(len(found)):
        unit = np.zeros_like(factor.diagonal)
        unit[i] = 1.0
        found[:, i] = solve(factor, unit)
    return found


def log_determinant(factor: Factor) -> Floats:
    """Sum the logarithms of the pivots: (...)."""
    total: Floats = np.log(factor.diagonal).sum(axis=0)
    return total


def with_diagonal(matrix: Floats, added: Floats) -> Floats:
    """Add (p, ...) to the diagonals of matrices (p, p, ...); the trailing axes of both are broadcast."""
    size = len(matrix)
    total = np.array(
        np.broadcast_to(matrix, (size, size, *np.broadcast_shapes(matrix.shape[2:], added.shape[1:])))
    )
    for i in range(size):
        total[i, i] += added[i]
    return total
