"""The lasso against scikit-learn and against its optimality condition."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import Lasso

from course_lib.core.seeding import generator
from course_lib.data import breast_cancer, standardise
from course_lib.linear import lasso


def problem(samples: int = 120, features: int = 15) -> tuple[torch.Tensor, torch.Tensor]:
    g = generator(0)
    X = 2 + torch.randn(samples, features, generator=g, dtype=torch.float64)
    return X, 3 * X[:, 0] - 2 * X[:, 1] + 7 + torch.randn(samples, generator=g, dtype=torch.float64)


@pytest.mark.parametrize(("samples", "features"), [(120, 15), (20, 40)])
@pytest.mark.parametrize("penalty", [0.05, 0.3, 1.0])
def test_equals_scikit_learn(samples, features, penalty, device, dtype, close):
    X, y = problem(samples, features)
    peer = Lasso(alpha=penalty, tol=1e-14, max_iter=1_000_000).fit(X.numpy(), y.numpy())
    weights, intercept = lasso(X.to(device, dtype), y.to(device, dtype), penalty, steps=20_000)
    close(weights, peer.coef_, rtol=1e-6, atol=1e-7)
    close(intercept, peer.intercept_, rtol=1e-6)
    assert torch.equal(weights.cpu() == 0, torch.from_numpy(peer.coef_ == 0))


def test_optimality_correlation_of_the_residual_is_the_penalty_where_a_weight_lives_and_no_more_elsewhere():
    X, y = problem()
    penalty = 0.2
    weights, intercept = lasso(X, y, penalty)
    correlation = X.T @ (y - X @ weights - intercept) / len(X)
    alive = weights != 0
    assert 2 <= int(alive.sum()) < len(weights)
    torch.testing.assert_close(correlation[alive], penalty * weights[alive].sign(), rtol=1e-6, atol=1e-8)
    assert (correlation[~alive].abs() <= penalty + 1e-9).all()


def test_more_penalty_more_zeros_on_breast_cancer_until_none_is_left():
    data = breast_cancer()
    X, y = standardise(data.features)[0], data.labels.double()
    zeros = [int((lasso(X, y, penalty)[0] == 0).sum()) for penalty in (0.02, 0.1, 0.3)]
    assert zeros[0] < zeros[1] < zeros[2]
    most = float((X.T @ (y - y.mean()) / len(X)).abs().max())
    assert (lasso(X, y, 1.01 * most)[0] == 0).all()
    assert (lasso(X, y, 0.99 * most)[0] != 0).sum() == 1


def test_settles_in_float32():
    data = breast_cancer()
    X, y = standardise(data.features)[0], data.labels.double()
    torch.testing.assert_close(lasso(X.float(), y.float(), 0.02)[0].double(), lasso(X, y, 0.02)[0], rtol=0, atol=1e-3)


def test_a_constant_column_is_named_also_when_its_mean_is_rounded():
    X, y = problem()
    X[:, 4] = 0.1
    with pytest.raises(ValueError, match=r"column 4 of X is constant"):
        lasso(X, y, 0.1)


def test_says_when_it_did_not_settle():
    X, y = problem()
    with pytest.raises(ValueError, match=r"did not settle within 1 steps"):
        lasso(X, y, 0.1, steps=1)
