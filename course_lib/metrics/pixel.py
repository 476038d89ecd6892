"""Differences pixel by pixel (chapter 8, "pixel-losses"); `rmse` and `psnr` have files of their own.

With e = prediction - target at each pixel, n pixels:

    L2 distance   sqrt(sum e^2)             0 ... sqrt(n) for pictures in [0, 1]
    MSE           mean e^2                  0 ... 1
    RMSE          sqrt(mean e^2)            0 ... 1       the L2 distance divided by sqrt(n)
    MAE, L1       mean |e|                  0 ... 1       MAE <= RMSE
    Huber         mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2)
    Charbonnier   mean of sqrt(e^2 + eps^2)               a smooth |e|

All return a tensor of shape (), so that gradients flow.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe


def l2_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Length of the difference. Both of one shape, floating point."""
    return torch.linalg.vector_norm(_difference(prediction, target))


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error. Both of one shape, floating point."""
    return _difference(prediction, target).square().mean()


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, the L1 loss. Both of one shape, floating point."""
    return _difference(prediction, target).abs().mean()


def huber(prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Quadratic up to delta, straight beyond it.

    Args:
        prediction, target: Of one shape, floating point.
        delta: Above 0, in units of the pictures.

    Raises:
        ValueError: If the shapes differ or delta is not above 0.
    """
    check_positive(delta=delta)
    size = _difference(prediction, target).abs()
    return torch.where(size <= delta, size.square() / 2, delta * (size - delta / 2)).mean()


def charbonnier(prediction: Tensor, target: Tensor, eps: float = 1e-3) -> Tensor:
    """The absolute error, rounded off within about eps of 0.

    Args:
        prediction, target: Of one shape, floating point.
        eps: Above 0, in units of the pictures; also the least value of the loss.

    Raises:
        ValueError: If the shapes differ or eps is not above 0.
    """
    check_positive(eps=eps)
    return (_difference(prediction, target).square() + eps**2).sqrt().mean()


def _difference(prediction: object, target: object) -> Tensor:
    """prediction - target; one shape, because broadcasting would compare everything with everything."""
    if (
        not isinstance(prediction, Tensor)
        or not isinstance(target, Tensor)
        or prediction.shape != target.shape
        or not prediction.is_floating_point()
        or prediction.numel() == 0
    ):
        raise ValueError(
            f"prediction and target must be floating-point tensors of one shape, "
            f"not {describe(prediction)} and {describe(target)}"
        )
    return prediction - target
