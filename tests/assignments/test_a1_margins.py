"""Assignment 1's tolerances: right answers stay far below each, wrong ones far above. MARGINS_a1.md has the numbers.

The matrices are those of the hidden tests. A margin of 100 means that the worst right way is 100 times better, and the
best wrong way 100 times worse, than the test asks for; other processors and BLAS libraries then change no verdict.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.linalg

from course_grader.notebooks import read_notebook

from .conftest import ASSIGNMENTS

RHO = 1e-12


def single(A, t):
    A, t = A.astype(np.float32), t.astype(np.float32)
    return np.linalg.lstsq(A, t, rcond=None)[0].astype(np.float64)


def qr(A, t):
    Q, R = np.linalg.qr(A)
    return np.linalg.solve(R, Q.T @ t)


RIGHT_WAYS = {
    "solve": lambda A, t: np.linalg.solve(A.T @ A, A.T @ t),
    "cholesky": lambda A, t: scipy.linalg.cho_solve(scipy.linalg.cho_factor(A.T @ A), A.T @ t),
    "qr": qr,
    "lstsq": lambda A, t: np.linalg.lstsq(A, t, rcond=None)[0],
    "lstsq_gelsy": lambda A, t: scipy.linalg.lstsq(A, t, lapack_driver="gelsy")[0],
}
WRONG_WAYS = {
    "inv": lambda A, t: np.linalg.inv(A.T @ A) @ A.T @ t,
    "inv_right_to_left": lambda A, t: np.linalg.inv(A.T @ A) @ (A.T @ t),
    "scipy_inv": lambda A, t: scipy.linalg.inv(A.T @ A) @ (A.T @ t),
    "pinv_of_gram": lambda A, t: np.linalg.pinv(A.T @ A) @ (A.T @ t),
    "float32_lstsq": single,
}


def worst_residual(way) -> float:
    """The largest relative residual over the 20 targets of test_fit_conditioning."""
    A = np.vander(np.linspace(2.0, 7.0, 60), 6)
    worst = 0.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        t = A @ rng.normal(size=6) + 0.1 * rng.normal(size=60)
        w = way(A, t)
        scale = np.linalg.norm(A.T @ A, 2) * np.linalg.norm(w) + np.linalg.norm(A.T @ t)
        worst = max(worst, np.linalg.norm(A.T @ (A @ w - t)) / scale)
    return worst


def test_the_numbers_here_are_those_of_the_notebook():
    source = read_notebook(ASSIGNMENTS / "source" / "a1_linear_fitting" / "a1_linear_fitting.ipynb")
    cell = next(cell.source for cell in source.cells if cell.id == "test_fit_conditioning")
    assert "np.vander(np.linspace(2.0, 7.0, 60), 6)" in cell
    assert "t = A @ rng.normal(size=6) + 0.1 * rng.normal(size=60)" in cell
    assert float(re.search(r"worst < (\S+),", cell).group(1)) == RHO
    assert "for seed in range(20):" in cell


@pytest.mark.parametrize("way", RIGHT_WAYS)
def test_right_ways_to_fit_have_margin(way):
    assert worst_residual(RIGHT_WAYS[way]) < RHO / 100


@pytest.mark.parametrize("way", WRONG_WAYS)
@pytest.mark.filterwarnings("ignore:.*[iI]ll-conditioned")
def test_wrong_ways_to_fit_have_margin(way):
    assert worst_residual(WRONG_WAYS[way]) > RHO * 100


def ridge(A, t, lam, last=0.0):
    return np.linalg.solve(A.T @ A + lam * np.diag([1.0] * (A.shape[1] - 1) + [last]), A.T @ t)


def ridge_augmented(A, t, lam):
    extra = np.sqrt(lam) * np.eye(A.shape[1])[:-1]
    return np.linalg.lstsq(np.vstack([A, extra]), np.append(t, np.zeros(len(extra))), rcond=None)[0]


def ridge_centred(A, t, lam):
    X = A[:, :-1] - A[:, :-1].mean(axis=0)
    slopes = np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ (t - t.mean()))
    return np.append(slopes, t.mean() - A[:, :-1].mean(axis=0) @ slopes)


def ridge_deviations(way) -> list[float]:
    """For each case of test_ridge_hidden: the largest deviation in units of its tolerance, 1e-8 + 1e-8 |w|."""
    deviations = []
    for seed, (n, d) in enumerate([(30, 4), (10, 3), (4, 7), (25, 10)]):
        rng = np.random.default_rng(seed)
        A = np.column_stack([rng.normal(size=(n, d - 1)) + 1.0, np.ones(n)])
        t = rng.normal(size=n) + 5.0
        for lam in (0.01, 1, 250.0, 1e6):
            wanted = ridge(A, t, lam)
            deviations.append(float(np.max(np.abs(way(A, t, lam) - wanted) / (1e-8 + 1e-8 * np.abs(wanted)))))
    return deviations


@pytest.mark.parametrize("way", [ridge_augmented, ridge_centred])
def test_right_ridges_have_margin(way):
    assert max(ridge_deviations(way)) < 0.01


@pytest.mark.parametrize(
    "way",
    [
        lambda A, t, lam: ridge(A, t, lam, last=1.0),
        lambda A, t, lam: ridge(A, t, lam * len(A)),
        lambda A, t, lam: ridge(A.astype(np.float32), t.astype(np.float32), lam),
    ],
    ids=["bias_penalised", "mean_instead_of_sum", "float32"],
)
def test_wrong_ridges_have_margin(way):
    """The hidden test asks for all cases, so that the worst one decides."""
    assert max(ridge_deviations(way)) > 100
