"""The Frechet distance equals the formula with scipy's root of a matrix, has known values, and refuses few samples."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.fid import _compute_fid

from course_lib.core.seeding import generator
from course_lib.metrics import frechet_distance


def cloud(count: int, size: int, seed: int) -> torch.Tensor:
    stream = generator(seed)
    mix = torch.randn(size, size, generator=stream, dtype=torch.float64)
    return torch.randn(count, size, generator=stream, dtype=torch.float64) @ mix + torch.rand(size, generator=stream)


@pytest.mark.parametrize(("n", "m", "size"), [(60, 80, 5), (200, 150, 12), (14, 40, 13)])
def test_equals_scipy_and_torchmetrics(device, dtype, close, n, m, size):
    a, b = cloud(n, size, 0), cloud(m, size, 1)
    means, covariances = [x.mean(0).numpy() for x in (a, b)], [np.cov(x.numpy(), rowvar=False) for x in (a, b)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    wanted = np.square(means[0] - means[1]).sum() + np.trace(covariances[0] + covariances[1] - 2 * root.real)
    ours = frechet_distance(a.to(device, dtype), b.to(device, dtype))
    close(ours, wanted, rtol=1e-7)
    theirs = _compute_fid(*(torch.from_numpy(x) for pair in zip(means, covariances, strict=True) for x in pair))
    close(ours, theirs, rtol=1e-6)


def test_known_values():
    a = cloud(50, 4, 0)
    assert float(frechet_distance(a, a)) == pytest.approx(0, abs=1e-9)
    assert float(frechet_distance(a, a + torch.tensor([3.0, 0, 4, 0]))) == pytest.approx(25)
    centred = a - a.mean(0)  # (s - 1)^2 times the variance, for a cloud scaled by s
    assert float(frechet_distance(centred, 3 * centred)) == pytest.approx(4 * float(centred.var(0).sum()))
    b = cloud(70, 4, 1)
    torch.testing.assert_close(frechet_distance(a, b), frechet_distance(b, a))
    turn, _ = torch.linalg.qr(torch.randn(4, 4, generator=generator(2), dtype=torch.float64))
    torch.testing.assert_close(frechet_distance(a @ turn, b @ turn), frechet_distance(a, b))
    torch.testing.assert_close(frechet_distance(a[torch.randperm(50)], b), frechet_distance(a, b))


def test_features_that_never_vary_are_no_problem():
    a, b = cloud(50, 4, 0), cloud(70, 4, 1)
    flat = [torch.cat([x, torch.full((len(x), 2), 0.3)], 1) for x in (a, b)]
    torch.testing.assert_close(frechet_distance(*flat), frechet_distance(a, b))


def test_few_samples_give_too_large_a_distance():
    """Two sets from one distribution: the distance falls towards 0 with their number."""
    values = [
        float(frechet_distance(*(torch.randn(n, 8, generator=generator(s)) for s in (0, 1)))) for n in (12, 100, 5000)
    ]
    assert values[0] > 5 * values[1] > 25 * values[2] > 0


def test_bad_input():
    with pytest.raises(ValueError, match="features has 4 samples of 4 numbers; a covariance needs at least 5") as error:
        frechet_distance(torch.rand(4, 4), torch.rand(9, 4))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="references has 3 samples"):
        frechet_distance(torch.rand(9, 4), torch.rand(3, 4))
    with pytest.raises(ValueError, match="references has D = 5 but features has D = 4"):
        frechet_distance(torch.rand(9, 4), torch.rand(9, 5))
