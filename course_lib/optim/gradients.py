"""Checking gradients and telling stationary points apart (chapter 2).

central difference    df/dx_i  ~  (f(x + h e_i) - f(x - h e_i)) / (2h),     error ~ h^2 + rounding / h
stationary point      grad f = 0; the signs of the Hessian's eigenvalues say minimum, maximum or saddle
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def numerical_gradient(f: Callable[[Tensor], Tensor], x: Tensor, step: float = 1e-5) -> Tensor:
    """Gradient by central differences, two evaluations of f a coordinate.

    Args:
        f: Maps a tensor of x's shape to a value of shape ().
        x: Where; any shape, floating point. float64 allows far smaller errors than float32.
        step: h, above 0.

    Returns:
        A tensor of x's shape.

    Raises:
        ValueError: For a bad x or step.
    """
    check_tensors(x=(x.detach().reshape(-1) if isinstance(x, Tensor) else x, "D"))
    check_positive(step=step)
    point = x.detach().contiguous()
    gradient, nudge = torch.zeros_like(point), torch.zeros_like(point)
    for index in range(point.numel()):
        nudge.view(-1)[index] = step
        gradient.view(-1)[index] = (f(point + nudge) - f(point - nudge)) / (2 * step)
        nudge.view(-1)[index] = 0
    return gradient


def derivatives(f: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Value (), gradient (D,) and Hessian (D, D) of a function at a point, by autograd.

    Args:
        f: Maps a point (D,) to a value of shape () that depends on it.
        x: (D,), floating point.
    """
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        value = f(point)
        [gradient] = torch.autograd.grad(value, point, create_graph=True)
        rows = torch.eye(len(x), dtype=x.dtype, device=x.device)
        hessian = torch.zeros_like(rows)
        if gradient.requires_grad:  # not so for straight lines
            [hessian] = torch.autograd.grad(gradient, point, rows, is_grads_batched=True)
    return value.detach(), gradient.detach(), hessian


def classify_stationary_point(f: Callable[[Tensor], Tensor], x: Tensor, tolerance: float = 1e-6) -> str:
    """Say what kind of point x is.

    Args:
        f: Maps a point (D,) to a value of shape (), twice differentiable by autograd.
        x: (D,), floating point.
        tolerance: Gradient and curvature count as zero below this.

    Returns:
        "minimum", "maximum", "saddle", "flat" (a curvature is zero: the second derivative does not decide) or
        "not stationary".

    Raises:
        ValueError: For a bad x.
    """
    check_tensors(x=(x, "D"))
    _, gradient, hessian = derivatives(f, x)
    if gradient.norm() > tolerance:
        return "not stationary"
    curvature = torch.linalg.eigvalsh(hessian)  # ascending
    if curvature[0] < -tolerance and curvature[-1] > tolerance:
        return "saddle"
    if curvature.abs().min() <= tolerance:
        return "flat"
    return "minimum" if curvature[0] > 0 else "maximum"
