"""Texture synthesis by optimising pixels (chapter 8): Gatys, Ecker, Bethge 2015, arXiv:1505.07376.

    min over I of  L(I) = sum over layers l of  |S(F_l(I)) - S(F_l(exemplar))|^2 / |S(F_l(exemplar))|^2

S is a statistic (`gram_matrix`, ...), F_l the maps of layer l. The relative distance of each layer makes the layers
count alike, whatever their size. L-BFGS uses the curvature that it has seen and needs few steps; Adam needs more and
is simpler. Images are (B, C, H, W) in [0, 1]. Pixels may leave the range on the way, at a price: the squared distance
to the range is added to the loss. Cutting them off inside the loss instead would take away their gradient and leave
black and white dots that never move again.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.core.checks import check_positive, check_tensors, describe
from course_lib.texture.features import Features

Statistic = Callable[[Tensor], Tensor]
Loss = Callable[[Tensor], Tensor]


def statistics(features: Features, statistic: Statistic, images: Tensor) -> list[Tensor]:
    """The statistic of each layer, without a graph: what a synthesis has to reach."""
    with torch.no_grad():
        return [statistic(maps) for maps in features(images)]


def texture_loss(features: Features, statistic: Statistic, exemplar: Tensor) -> Loss:
    """The loss against an exemplar, as a function of images.

    Args:
        features: Source of maps.
        statistic: Maps (B, D, H, W) to a summary whose shape does not depend on H and W.
        exemplar: (1, C, H, W) in [0, 1].

    Returns:
        A function from images (B, C, H', W') to the loss of shape (), its mean over the batch.

    Raises:
        ValueError: If exemplar is no such image.
    """
    check_tensors(exemplar=(exemplar, "1 C H W"))
    targets = statistics(features, statistic, exemplar)
    sizes = [target.square().sum().clamp(min=1e-12) for target in targets]

    def loss(images: Tensor) -> Tensor:
        found = [statistic(maps) for maps in features(images)]
        parts = [(s - t).square().sum() / (n * len(images)) for s, t, n in zip(found, targets, sizes, strict=True)]
        return torch.stack(parts).sum()

    return loss


def noise_start(exemplar: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """White noise (1, C, H, W) with the mean and standard deviation of (1, C, H, W) in each channel, cut to [0, 1]."""
    check_tensors(exemplar=(exemplar, "1 C H W"))
    if exemplar[0, 0].numel() < 2:
        raise ValueError(f"exemplar must have at least 2 pixels to have a deviation, not {describe(exemplar)}")
    noise = torch.randn(1, exemplar.shape[1], *size, generator=generator, dtype=exemplar.dtype)
    mean, std = exemplar.mean(dim=(2, 3), keepdim=True), exemplar.std(dim=(2, 3), keepdim=True)
    return (mean + std * noise.to(exemplar.device)).clamp(0, 1)


def blurred_start(exemplar: Tensor, size: tuple[int, int], factor: int) -> Tensor:
    """The exemplar (B, C, H, W) shrunk by a factor and enlarged to a size; a huge factor gives its mean colour."""
    check_positive(factor=factor)
    check_tensors(exemplar=(exemplar, "B C H W"))
    small = (max(1, exemplar.shape[2] // factor), max(1, exemplar.shape[3] // factor))
    shrunk = F.adaptive_avg_pool2d(exemplar, small)
    return F.interpolate(shrunk, size=size, mode="bilinear", align_corners=False)


def synthesise(
    loss: Loss,
    start: Tensor,
    steps: int = 200,
    *,
    method: str = "lbfgs",
    rate: float | None = None,
    progress: bool = False,
) -> tuple[Tensor, list[float]]:
    """Change the pixels until the loss is small.

    Args:
        loss: Maps images (B, C, H, W) to a value of shape ().
        start: (B, C, H, W) in [0, 1]; is not changed.
        steps: Evaluations of the loss (L-BFGS's line search uses some of them).
        method: "lbfgs" or "adam".
        rate: Learning rate; 1 for L-BFGS, 0.02 for Adam without it.
        progress: Show a bar on stderr.

    Returns:
        Images in [0, 1] with the smallest loss seen, and the loss at each evaluation.

    Raises:
        ValueError: For an unknown method, no steps, a rate that is not above 0, or a loss that is not finite.
    """
    if rate is None:
        rate = 1.0 if method == "lbfgs" else 0.02
    check_positive(steps=steps, rate=rate)
    check_tensors(start=(start, "B C H W"))
    if method not in ("lbfgs", "adam"):
        raise ValueError(f'method must be "lbfgs" or "adam", not {method!r}')
    pixels = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    best, least = start.detach().clone(), float("inf")
    losses: list[float] = []
    bar = tqdm(total=steps, disable=not progress, unit="step")

    def closure() -> Tensor:
        nonlocal best, least
        optimiser.zero_grad()
        value = loss(pixels)
        outside = (pixels - pixels.detach().clamp(0, 1)).square().sum() / len(pixels)
        (value + outside).backward()
        number = float(value.detach() + outside.detach())
        if not math.isfinite(number):
            raise ValueError(f"the loss became {number} at evaluation {len(losses) + 1}: lower the rate")
        if number < least:
            best, least = pixels.detach().clamp(0, 1), number
        losses.append(float(value.detach()))
        bar.update()
        return value.detach() + outside.detach()

    optimiser: torch.optim.Optimizer
    if method == "lbfgs":
        optimiser = torch.optim.LBFGS(
            [pixels], lr=rate, max_iter=steps, max_eval=steps, history_size=20, tolerance_grad=0,
            tolerance_change=0, line_search_fn="strong_wolfe",
        )  # fmt: skip
        optimiser.step(closure)
    else:
        optimiser = torch.optim.Adam([pixels], lr=rate)
        for _ in range(steps):
            optimiser.step(closure)
    bar.close()
    return best, losses


def with_period(loss: Loss, period: int, weight: float = 1.0) -> Loss:
    """A loss plus weight times the mean squared difference of pixels one period apart, down and to the right.

    The addition is convex in the pixels: it has no wrong valleys, whatever the start.

    Args:
        loss: Maps images (B, C, H, W) to a value of shape ().
        period: In pixels, below H and W of the images.
        weight: Of the addition, above 0.

    Raises:
        ValueError: If period or weight is not above 0.
    """
    check_positive(period=period, weight=weight)

    def both(images: Tensor) -> Tensor:
        down = images[:, :, period:] - images[:, :, :-period]
        right = images[:, :, :, period:] - images[:, :, :, :-period]
        return loss(images) + weight * (down.square().mean() + right.square().mean())

    return both
