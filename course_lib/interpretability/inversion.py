"""Inversion: which pictures does a layer take for this one? (chapter 7)

Mahendran, Vedaldi, "Understanding deep image representations by inverting them", 2014, arXiv:1412.0035.

    min over I of  |phi(I) - phi(I0)|^2 / |phi(I0)|^2 + weight TV(I)

phi are a layer's features, TV the total variation, which prefers smooth pictures among the many that fit. What comes
back differs from I0 in what the layer has thrown away. Images are (B, C, H, W) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib import optim
from course_lib.core.checks import check_positive, check_tensors


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference between neighbouring pixels, down and across, of images (B, C, H, W); shape ()."""
    check_tensors(images=(images, "B C H W"))
    return images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean()


@torch.enable_grad()
def invert(
    features: Callable[[Tensor], Tensor],
    target: Tensor,
    start: Tensor,
    *,
    steps: int = 200,
    rate: float = 0.05,
    smoothness: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Find images whose features equal given ones, by Adam on the pixels.

    Args:
        features: Maps images (B, C, H, W) to features of `target`'s shape.
        target: What to reach, (B, ...).
        start: (B, C, H, W) in [0, 1].
        steps: Number of steps.
        rate: Adam's learning rate, which falls to zero along a cosine.
        smoothness: Weight of the total variation.

    Returns:
        Images in [0, 1] and the batch's relative feature error |phi(I) - phi0|^2 / |phi0|^2 at each step, (steps,).

    Raises:
        ValueError: If the features' shape is not the target's.
    """
    check_positive(steps=steps, rate=rate)
    check_tensors(start=(start, "B C H W"))
    pixels = start.detach().clone().requires_grad_()
    optimiser = optim.Adam([pixels], lr=rate)
    size, errors = target.detach().square().sum().clamp(min=1e-12), []
    for step in range(steps):
        optimiser.lr = rate * optim.warmup_cosine(step, steps)
        found = features(pixels)
        if found.shape != target.shape:
            raise ValueError(f"features give shape {tuple(found.shape)}, but target has {tuple(target.shape)}")
        error = (found - target.detach()).square().sum() / size
        optimiser.zero_grad()
        (error + smoothness * total_variation(pixels)).backward()
        optimiser.step()
        with torch.no_grad():
            pixels.clamp_(0, 1)
        errors.append(error.detach())
    return pixels.detach(), torch.stack(errors)
