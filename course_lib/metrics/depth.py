"""How good is a depth map? (chapter 9, "depth-prediction")

With prediction d, truth t and n counted pixels, as Eigen, Puhrsch and Fergus 2014, arXiv:1406.2283, compare methods:

    RMSE              sqrt(mean (d - t)^2)                   metres; far pixels decide
    absolute relative mean |d - t| / t
    log RMSE          sqrt(mean (log d - log t)^2)
    delta < c         share of pixels with max(d / t, t / d) < c, for c = 1.25, 1.25^2, 1.25^3
    scale-invariant   sqrt(var(log d - log t)) = min over s of log RMSE of s d

A single picture does not say how large the world is: a doll's house photographed from near looks like a house from far
away. `align_scale` takes that freedom away before scores are read. Depths are above 0, of any shape, in one unit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, describe


def depth_scores(depth: Tensor, truth: Tensor, counted: Tensor | None = None) -> dict[str, float]:
    """All scores of a data set: all its pixels are counted alike.

    Args:
        depth: Prediction, any shape, above 0.
        truth: The same shape, above 0 where it is counted.
        counted: bool of the same shape, where the truth is known; everywhere without it.

    Returns:
        "rmse" in the unit of the truth, "absolute relative", "log rmse", "scale-invariant", and the shares "delta 1",
        "delta 2", "delta 3" in [0, 1] for thresholds 1.25, 1.25^2 and 1.25^3.

    Raises:
        ValueError: For other shapes or kinds, depths that are not above 0, or if nothing is counted.
    """
    d, t = _counted(depth, truth, counted)
    step = d.log() - t.log()
    scores = {
        "rmse": (d - t).square().mean().sqrt(),
        "absolute relative": ((d - t).abs() / t).mean(),
        "log rmse": step.square().mean().sqrt(),
        "scale-invariant": (step - step.mean()).square().mean().sqrt(),
    }
    found = {name: float(value) for name, value in scores.items()}
    return found | {f"delta {k}": threshold_accuracy(d, t, threshold=1.25**k) for k in (1, 2, 3)}


def threshold_accuracy(
    depth: Tensor, truth: Tensor, counted: Tensor | None = None, *, threshold: float = 1.25
) -> float:
    """Share of pixels whose depth is wrong by less than a factor, 0 to 1.

    Args:
        depth, truth, counted: As in `depth_scores`.
        threshold: The factor, above 1.

    Raises:
        ValueError: As `depth_scores`, or for a threshold that is not above 1.
    """
    if not 1 < threshold < float("inf"):
        raise ValueError(f"threshold must be a number above 1, not {threshold!r}")
    d, t = _counted(depth, truth, counted)
    return float((torch.maximum(d / t, t / d) < threshold).double().mean())


def align_scale(depth: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
    """Scale each picture's prediction so that its mean log depth is the truth's, which makes log RMSE smallest.

    Args:
        depth: (B, H, W), above 0.
        truth: (B, H, W), above 0 where it is counted.
        counted: (B, H, W) bool with a pixel in each picture; everywhere without it.

    Returns:
        (B, H, W).

    Raises:
        ValueError: As `depth_scores`, or for a picture without a counted pixel.
    """
    _counted(depth, truth, counted)
    if depth.ndim != 3:
        raise ValueError(f"depth must have shape (B, H, W), not {tuple(depth.shape)}")
    share = torch.ones_like(truth) if counted is None else counted.to(truth.dtype)
    pixels = share.sum((1, 2))
    if not (pixels > 0).all():
        raise ValueError(f"picture {int(pixels.argmin())} has no counted pixel: its scale cannot be known")
    step = torch.where(share > 0, truth, 1).log() - depth.log()
    scale = ((step * share).sum((1, 2)) / pixels).exp()
    return depth * scale[:, None, None]


def _counted(depth: object, truth: object, counted: object) -> tuple[Tensor, Tensor]:
    """The counted pixels of both, as float64 where the device has it."""
    for value in (depth, truth):
        if (
            not isinstance(value, Tensor)
            or not isinstance(truth, Tensor)
            or not value.is_floating_point()
            or value.shape != truth.shape
        ):
            raise ValueError(
                f"depth and truth must be floating-point tensors of one shape, not {describe(depth)} "
                f"and {describe(truth)}"
            )
    assert isinstance(depth, Tensor)
    assert isinstance(truth, Tensor)
    if counted is not None:
        if not isinstance(counted, Tensor) or counted.dtype != torch.bool or counted.shape != truth.shape:
            raise ValueError(f"counted must be a bool tensor of shape {tuple(truth.shape)}, not a {describe(counted)}")
        depth, truth = depth[counted], truth[counted]
    if depth.numel() == 0:
        raise ValueError("no pixel is counted: there is nothing to score")
    check_positive(**{"the least depth": float(depth.min()), "the largest depth": float(depth.max())})
    check_positive(**{"the least true depth": float(truth.min()), "the largest true depth": float(truth.max())})
    wide = torch.float32 if depth.device.type == "mps" else torch.float64
    return depth.to(wide), truth.to(wide)
