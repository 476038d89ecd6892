"""Integrated gradients: share a score out among the pixels (chapter 7).

Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", 2017, arXiv:1703.01365.

    IG(i) = (x_i - b_i) * integral over a from 0 to 1 of  d f_c / d x_i  at  b + a (x - b)

b is a baseline, a picture without the evidence: black, grey, or blurred. By the chain rule the integrand summed over i
is d f_c / d a, so that the shares add up to what the picture scores above the baseline (completeness):

    sum over i of IG(i) = f_c(x) - f_c(b)

The integral is the mean over the middles of `steps` equal pieces (midpoint rule).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_tensors
from course_lib.interpretability.record import class_scores, score_gradient


def integrated_gradients(
    model: nn.Module, images: Tensor, baseline: Tensor, *, targets: Tensor | None = None, steps: int = 32
) -> Tensor:
    """Each pixel value's share of the score above the baseline's.

    Args:
        model: Maps images to logits (B, K), in evaluation mode.
        images: (B, C, H, W), floating point.
        baseline: Of the images' shape: what counts as nothing.
        targets: (B,) int64; None takes the class with the highest score.
        steps: Pieces of the path; more of them bring the sum nearer to the difference of the scores.

    Returns:
        (B, C, H, W), with signs.

    Raises:
        ValueError: If images, baseline or targets do not fit, or steps is below 1.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(steps=steps)
    if baseline.shape != images.shape:
        raise ValueError(f"baseline must have the images' shape {tuple(images.shape)}, not {tuple(baseline.shape)}")
    if targets is None:
        with torch.no_grad():
            _, targets = class_scores(model, images, None)
    total = torch.zeros_like(images)
    for k in range(steps):
        total += score_gradient(model, baseline + (k + 0.5) / steps * (images - baseline), targets)
    return (images - baseline) * total / steps
