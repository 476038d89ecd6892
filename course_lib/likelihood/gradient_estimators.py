"""Two ways to the gradient of a mean over something random (chapter 16).

    d/dm E_{z ~ N(m, s^2)} f(z)
        = E [ f(z) (z - m) / s^2 ]              score function (REINFORCE, Williams 1992): f need not be differentiable
        = E [ f'(m + s e) ],  e ~ N(0, 1)       reparameterised: needs f', and is far less noisy for smooth f

Subtracting a constant b from f leaves the first right, since E [(z - m) / s^2] = 0, and can make it less noisy.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def score_function_gradients(function: Callable[[Tensor], Tensor], mean: Tensor, deviation: float, *, samples: int,
                             generator: torch.Generator, baseline: float = 0.0) -> Tensor:  # fmt: skip
    """One estimate of the gradient with respect to the mean for each sample.

    Args:
        function: From (S, D) to (S,).
        mean: (D,).
        deviation: s, the same in all directions, above 0.
        samples: S, at least 1.
        generator: Source of the samples.
        baseline: b, subtracted from the function.

    Returns:
        (S, D); their mean is the estimate.

    Raises:
        ValueError: For a mean that is no finite vector, or numbers that are not above 0.
    """
    check_tensors(mean=(mean, "D"))
    check_positive(deviation=deviation, samples=samples)
    noise = torch.randn(samples, len(mean), generator=generator, device=mean.device, dtype=mean.dtype)
    values = function(mean + deviation * noise) - baseline
    return values[:, None] * noise / deviation


def reparameterised_gradients(function: Callable[[Tensor], Tensor], mean: Tensor, deviation: float, *, samples: int,
                              generator: torch.Generator) -> Tensor:  # fmt: skip
    """One estimate of the gradient with respect to the mean for each sample; arguments as above.

    Returns:
        (S, D); their mean is the estimate.
    """
    check_tensors(mean=(mean, "D"))
    check_positive(deviation=deviation, samples=samples)
    noise = torch.randn(samples, len(mean), generator=generator, device=mean.device, dtype=mean.dtype)
    places = (mean + deviation * noise).detach().requires_grad_(True)
    return torch.autograd.grad(function(places).sum(), places)[0]
