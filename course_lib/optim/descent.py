"""Walking downhill: with the gradient, with momentum, and blindly (chapter 2).

    gradient descent     x <- x - rate * grad f(x)
    momentum             v <- momentum * v + grad f(x),   x <- x - rate * v        (Polyak 1964, torch's convention)
    local search         try x + noise, keep it if it is lower                     (needs no gradient)

On a quadratic with largest curvature L plain descent converges for rate < 2/L and diverges above.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors

Surface = Callable[[Tensor], Tensor]


def gradient_descent(f: Surface, start: Tensor, rate: float, *, steps: int, momentum: float = 0.0) -> Tensor:
    """Follow the negative gradient and record every point on the way.

    Args:
        f: Maps a point (D,) to a value of shape (), differentiable by autograd.
        start: (D,) first point, floating point.
        rate: Step length, above 0.
        steps: Number of updates, at least 1.
        momentum: 0 for plain descent, below 1.

    Returns:
        (steps + 1, D): the start and the point after each update. Diverging runs are returned as they are, with
        large or infinite values.

    Raises:
        ValueError: For a bad start, rate, number of steps or momentum.
    """
    check_tensors(start=(start, "D"))
    check_positive(rate=rate, steps=steps)
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be at least 0 and below 1, not {momentum}")
    path, velocity = [start.detach().clone()], torch.zeros_like(start)
    for _ in range(steps):
        point = path[-1].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(f(point), point)
        velocity = momentum * velocity + gradient
        path.append(path[-1] - rate * velocity)
    return torch.stack(path)


def local_search(
    f: Surface, start: Tensor, radius: float, *, target: float, generator: torch.Generator, steps: int = 100_000
) -> tuple[Tensor, int]:
    """Random-perturbation descent: propose a random step of fixed length and keep it if it goes down.

    Args:
        f: Maps a point (D,) to a value of shape (); no derivative is used.
        start: (D,) first point, floating point.
        radius: Length of every proposed step, above 0.
        target: Stop as soon as f is at or below this value.
        generator: Where the directions come from.
        steps: Give up after this many evaluations of f.

    Returns:
        The last point (D,) and the number of evaluations used; `steps` means that the target was not reached.

    Raises:
        ValueError: For a bad start, radius or limit.
    """
    check_tensors(start=(start, "D"))
    check_positive(radius=radius, steps=steps)
    point, value, used = start.clone(), float(f(start)), 1
    while value > target and used < steps:
        direction = torch.randn(start.shape, generator=generator, dtype=start.dtype, device=start.device)
        proposal = point + radius * direction / direction.norm()
        proposed, used = float(f(proposal)), used + 1
        if proposed < value:
            point, value = proposal, proposed
    return point, used
