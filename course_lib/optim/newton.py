"""Newton's method for smooth convex losses with few parameters (chapter 2, "logistic-regression").

    x <- x - t H^{-1} g,   g gradient, H Hessian at x

The step t starts at 1 and is halved until the loss falls enough (Armijo's rule). Near the minimum the number of right
digits doubles with each step. The price is a D x D system a step, so it is meant for hundreds of parameters at most.

Nocedal and Wright, Numerical Optimization (2006), chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.optim.gradients import derivatives


def newton(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 100, *, tolerance: float = 1e-10) -> Tensor:
    """Minimise a convex function with exact second derivatives.

    Args:
        loss: Maps parameters (D,) to a value of shape (), twice differentiable by autograd, convex.
        start: (D,) first parameters, floating point.
        steps: At most this many Newton steps.
        tolerance: Stop when the Newton decrement g^T H^{-1} g / 2, the expected further gain, is below
            tolerance times (1 + |loss|), or below what this precision can resolve, and has fallen at least tenfold
            in the last step. Without a minimum it falls only by a factor e a step, however small it gets.

    Returns:
        (D,) parameters at the minimum.

    Raises:
        ValueError: If the start is bad, or the minimum is not reached (none exists, as for separable classes
            without a penalty, or the Hessian is singular).
    """
    check_tensors(start=(start, "D"))
    x = start.detach().clone()
    resolution, previous = max(tolerance, 4 * torch.finfo(x.dtype).eps), float("inf")
    for _ in range(steps):
        value, gradient, hessian = derivatives(loss, x)
        factor, failed = torch.linalg.cholesky_ex(hessian)
        if failed:
            break
        direction = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        slope = gradient @ direction  # minus twice the decrement
        decrement = float(-slope / 2)
        if decrement <= resolution * (1 + float(value.abs())) and decrement <= 0.1 * previous:
            return x + direction
        previous = decrement
        t = 1.0
        while t > 1e-8 and not loss(x + t * direction) <= value + 1e-4 * t * slope:
            t /= 2
        x = x + t * direction
    raise ValueError("no minimum reached: parameters grow without bound or depend on each other; add a penalty")
