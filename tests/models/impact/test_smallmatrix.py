"""Both families of matrices, small and dense or long and tridiagonal, against numpy.linalg."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.impact import smallmatrix, tridiagonal

Floats = NDArray[np.float64]


def positive_definite(size: int, *batch: int, seed: int = 0, spread: float = 1.0) -> Floats:
    """Draw matrices (size, size, *batch) whose scales differ by up to `spread` either way."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(*batch, size, size + 2))
    scales = np.exp(rng.uniform(-np.log(spread), np.log(spread), size=(*batch, size, 1)))
    roots *= scales
    return np.ascontiguousarray(np.moveaxis(roots @ np.swapaxes(roots, -1, -2), (-2, -1), (0, 1)))


def last(matrix: Floats) -> Floats:
    """Move the two matrix axes to the end, where numpy.linalg wants them."""
    return np.moveaxis(matrix, (0, 1), (-2, -1))


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_a_factor_multiplies_back_to_its_matrix(size: int) -> None:
    matrix = positive_definite(size, 3, 4)
    factor = smallmatrix.factorise(matrix)
    unit = last(factor.lower) + np.eye(size)
    product = unit @ (np.moveaxis(factor.diagonal, 0, -1)[..., None] * np.swapaxes(unit, -1, -2))
    assert product == pytest.approx(last(matrix), rel=1e-12, abs=1e-12)
    assert (np.triu(last(factor.lower)) == 0).all()
    assert (factor.diagonal > 0).all()


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_solutions_inverses_and_determinants_are_those_of_numpy(size: int) -> None:
    matrix = positive_definite(size, 3, 4, seed=size)
    right = np.random.default_rng(1).normal(size=(size, 3, 4))
    factor = smallmatrix.factorise(matrix)
    solution = np.linalg.solve(last(matrix), np.moveaxis(right, 0, -1)[..., None])[..., 0]
    assert np.moveaxis(smallmatrix.solve(factor, right), 0, -1) == pytest.approx(solution, rel=1e-9)
    assert last(smallmatrix.inverse(factor)) == pytest.approx(np.linalg.inv(last(matrix)), rel=1e-9)
    assert smallmatrix.log_determinant(factor) == pytest.approx(np.linalg.slogdet(last(matrix))[1], rel=1e-10)


def test_scales_a_million_apart_cost_no_digits() -> None:
    """Scaling rows and columns changes nothing but the scale of the answer: a priori standard deviations differ so."""
    matrix = positive_definite(6, 5, seed=3)
    scale = np.logspace(-3, 3, 6)[:, None]
    scaled = matrix * scale[:, None] * scale[None]
    plain, stretched = smallmatrix.factorise(matrix), smallmatrix.factorise(scaled)
    inverse = smallmatrix.inverse(stretched) * scale[:, None] * scale[None]
    assert inverse == pytest.approx(smallmatrix.inverse(plain), rel=1e-11)


def test_neither_matrix_nor_right_side_is_changed() -> None:
    matrix, right = positive_definite(4, 2), np.ones((4, 2))
    kept = matrix.copy()
    smallmatrix.solve(smallmatrix.factorise(matrix), right)
    smallmatrix.with_diagonal(matrix, right)
    assert (matrix == kept).all() and (right == 1).all()


def test_diagonals_are_broadcast_over_trailing_axes() -> None:
    matrix, added = positive_definite(3, 4, 5, 1), np.random.default_rng(2).uniform(size=(3, 4, 1, 6))
    total = smallmatrix.with_diagonal(matrix, added)
    assert total.shape == (3, 3, 4, 5, 6)
    for b, g, d in ((0, 0, 0), (3, 4, 5), (1, 2, 3)):
        expected = matrix[:, :, b, g, 0] + np.diag(added[:, b, 0, d])
        assert total[:, :, b, g, d] == pytest.approx(expected, rel=1e-15)


# ---------------------------------------------------------------- tridiagonal


def banded(steps: int) -> tuple[Floats, Floats, Floats]:
    """Draw diagonals (steps, 2, 3), couplings (2, 1) and the dense matrices (2, 3, steps, steps) they make."""
    rng = np.random.default_rng(steps)
    diagonal, coupling = rng.uniform(2.1, 50.0, size=(steps, 2, 3)), np.array([[-1.0], [0.7]])
    dense = np.zeros((2, 3, steps, steps))
    dense[..., np.arange(steps), np.arange(steps)] = np.moveaxis(diagonal, 0, -1)
    dense[..., np.arange(steps - 1), np.arange(1, steps)] = coupling[..., None]
    dense[..., np.arange(1, steps), np.arange(steps - 1)] = coupling[..., None]
    return diagonal, coupling, dense


@pytest.mark.parametrize("steps", [1, 2, 3, 40])
def test_tridiagonal_systems_are_solved_like_dense_ones(steps: int) -> None:
    diagonal, coupling, dense = banded(steps)
    factor = tridiagonal.factorise(diagonal, coupling)
    right = np.random.default_rng(7).normal(size=(steps, 4, 2, 3))
    expected = np.linalg.solve(dense, np.moveaxis(right, (0, 1), (-2, -1)))
    assert np.moveaxis(tridiagonal.solve(factor, right), (0, 1), (-2, -1)) == pytest.approx(
        expected, rel=1e-10
    )
    alone = tridiagonal.solve(factor, right[:, 0])
    assert np.moveaxis(alone, 0, -1) == pytest.approx(expected[..., 0], rel=1e-10)


@pytest.mark.parametrize("steps", [1, 2, 3, 40])
def test_tridiagonal_determinants_and_inverse_diagonals_are_those_of_numpy(steps: int) -> None:
    diagonal, coupling, dense = banded(steps)
    factor = tridiagonal.factorise(diagonal, coupling)
    assert tridiagonal.log_determinant(factor) == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    inverse = np.diagonal(np.linalg.inv(dense), axis1=-2, axis2=-1)
    assert np.moveaxis(tridiagonal.inverse_diagonal(factor), 0, -1) == pytest.approx(inverse, rel=1e-11)
