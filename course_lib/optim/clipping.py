"""Gradient clipping (chapter 3, "training-tricks"): a step may point anywhere, but not be longer than a limit.

    norm = sqrt(sum over all parameters of g^2),     g <- g * min(1, limit / (norm + 1e-6))

The direction stays. One bad batch, or a cliff in the loss, then costs one step and not the whole training.
Pascanu, Mikolov and Bengio 2013, 1211.5063. Equal to torch.nn.utils.clip_grad_norm_.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive


def clip_gradient_norm(params: Iterable[Tensor], limit: float) -> Tensor:
    """Shorten all gradients together, in place, if their joint length is above the limit.

    Args:
        params: Parameters after `backward`; those without a gradient are passed over.
        limit: Longest length allowed, above 0.

    Returns:
        The length before clipping, shape ().

    Raises:
        ValueError: For a limit that is not above 0, or if no parameter has a gradient.
    """
    check_positive(limit=limit)
    gradients = [p.grad for p in params if p.grad is not None]
    if not gradients:
        raise ValueError("no parameter has a gradient; call backward() first")
    norm = torch.stack([g.norm() for g in gradients]).norm()
    scale = (limit / (norm + 1e-6)).clamp(max=1)
    for g in gradients:
        g.mul_(scale)
    return norm
