"""Paint the picture that a unit likes best (chapter 7).

Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034; the regularisers: Yosinski et al. 2015, arXiv:1506.06579.

    I <- I + rate g / |g|,    g = d a(I) / d I        a: a class score, or the mean of a map

Without a regulariser the ascent finds high frequencies that drive the unit and mean nothing to us. Images are
(B, C, H, W) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.filters import gaussian_filter

Objective = Callable[[Tensor], Tensor]


@torch.enable_grad()
def unit_step(objective: Objective, images: Tensor) -> tuple[Tensor, Tensor]:
    """The objective's gradient divided by its length for each image, and the values (B,)."""
    pixels = images.detach().requires_grad_()
    values = objective(pixels)
    if values.shape != (len(images),):
        wanted = f"the objective must give one value for each image, shape ({len(images)},)"
        raise ValueError(f"{wanted}, not {tuple(values.shape)}")
    (slope,) = torch.autograd.grad(values.sum(), pixels)
    return slope / slope.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1), values.detach()


def gradient_ascent(
    objective: Objective,
    start: Tensor,
    steps: int = 200,
    *,
    rate: float = 1.0,
    decay: float = 0.0,
    blur: float = 0.0,
    blur_every: int = 4,
    clip_pixels: float = 0.0,
    clip_gradient: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Climb with regularisers, each of which is off at zero.

    Args:
        objective: Maps images (B, C, H, W) to values (B,).
        start: (B, C, H, W) in [0, 1]; is not changed.
        steps: Number of steps.
        rate: Length of a step in pixel values.
        decay: L2: the distance to middle grey shrinks by this share after each step.
        blur: Sigma in pixels of a Gaussian applied every `blur_every` steps.
        blur_every: Steps between two blurs.
        clip_pixels: Share of the pixels, those nearest to middle grey, that is set to it.
        clip_gradient: Share of the pixels, those with the smallest gradient, that a step leaves alone.

    Returns:
        Images in [0, 1] and the objective before each step, (steps, B).

    Raises:
        ValueError: For a share outside [0, 1), no steps, or an objective of another shape.
    """
    check_positive(steps=steps, rate=rate, blur_every=blur_every)
    check_tensors(start=(start, "B C H W"))
    for name, share in (("decay", decay), ("clip_pixels", clip_pixels), ("clip_gradient", clip_gradient)):
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {share}")
    images, values = start.detach().clone(), []
    for step in range(steps):
        slope, value = unit_step(objective, images)
        values.append(value)
        if clip_gradient:
            slope = slope * _above(slope.norm(dim=1), clip_gradient)
        images = (images + rate * slope - 0.5) * (1 - decay) + 0.5
        if blur and step % blur_every == blur_every - 1:
            images = gaussian_filter(images, blur)
        if clip_pixels:
            images = (images - 0.5) * _above((images - 0.5).norm(dim=1), clip_pixels) + 0.5
        images = images.clamp(0, 1)
    return images, torch.stack(values)


def _above(size: Tensor, share: float) -> Tensor:
    """1 where (B, H, W) values exceed the given quantile of their image, else 0; (B, 1, H, W)."""
    limit = size.flatten(1).quantile(share, dim=1).view(-1, 1, 1)
    return (size > limit).to(size.dtype)[:, None]
