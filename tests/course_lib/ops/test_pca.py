"""Own principal components equal scikit-learn's."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA as Reference

from course_lib.core.seeding import generator
from course_lib.data import digits
from course_lib.ops.pca import fit_pca


@pytest.mark.parametrize("count", [1, 2, 10])
def test_equals_scikit_learn(device, dtype, close, count):
    X = digits().features[:300]
    theirs = Reference(count, svd_solver="full").fit(X.numpy())
    ours = fit_pca(X.to(device, dtype), count)
    close(ours.mean, theirs.mean_)
    close(ours.variances, theirs.explained_variance_)
    close(ours.variances / ours.total, theirs.explained_variance_ratio_)
    signs = torch.sign((ours.components.cpu().double() * torch.from_numpy(theirs.components_)).sum(1, keepdim=True))
    close(ours.components.cpu() * signs, theirs.components_, atol=1e-8)
    close(ours.transform(X.to(device, dtype)).cpu() * signs.T, theirs.transform(X.numpy()), atol=1e-8)


def test_all_components_lose_nothing_and_few_lose_what_they_leave_out():
    X = torch.randn(20, 6, generator=generator(0), dtype=torch.float64)
    full = fit_pca(X, 6)
    torch.testing.assert_close(full.inverse(full.transform(X)), X)
    torch.testing.assert_close(full.components @ full.components.T, torch.eye(6, dtype=torch.float64))
    few = fit_pca(X, 4)
    lost = (few.inverse(few.transform(X)) - X).square().sum() / 19
    torch.testing.assert_close(lost, few.total - few.variances.sum())


def test_the_sign_is_fixed():
    X = torch.randn(20, 6, generator=generator(1))
    for row in (*fit_pca(X, 5).components, *fit_pca(-X, 5).components):
        assert row[row.abs().argmax()] > 0


def test_errors_speak():
    with pytest.raises(ValueError, match=r"components must be 1 to 3 for X of shape \(9, 3\), not 4"):
        fit_pca(torch.rand(9, 3), 4)
    with pytest.raises(ValueError, match=r"X must be a floating-point tensor of shape \(N, D\)"):
        fit_pca(torch.rand(9), 1)
