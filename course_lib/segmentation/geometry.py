"""Numbers instead of names for every pixel: depth and the direction of surfaces (chapter 9).

    depth     r = log d - log t in each of n counted pixels of a picture
              L = mean r^2 - lam (mean r)^2          0 <= lam <= 1; lam = 1 does not see the scale, lam = 0 does fully
    normals   n = v / |v| of three outputs v; L = mean (1 - n . m), which is 0 ... 2

Depth: Eigen, Puhrsch, Fergus 2014, arXiv:1406.2283, whose lam is 1/2; the square root makes the loss's gradient large
near 0 and is left out, as there. Networks predict log d: so depth is above 0 whatever they say. A picture without a
counted pixel adds nothing, and a batch of such pictures has loss 0. Depths are (B, H, W), normals (B, 3, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_shapes, describe


def scale_invariant_loss(
    log_depth: Tensor, truth: Tensor, lam: float = 0.5, *, counted: Tensor | None = None
) -> Tensor:
    """How far log depths are from the truth's, with a part of an error of scale forgiven.

    Args:
        log_depth: (B, H, W), natural logarithm of the predicted depth.
        truth: (B, H, W) depth, above 0 where it is counted.
        lam: Share of the error of a picture's scale that is forgiven, in [0, 1].
        counted: (B, H, W) bool; everywhere without it.

    Returns:
        A value of shape (), 0 or more: the mean over the pictures.

    Raises:
        ValueError: For shapes or kinds that do not fit, a truth that is not above 0, or lam outside of [0, 1].
    """
    check_shapes(log_depth=(log_depth, "B H W"), truth=(truth, "B H W"))
    if not 0 <= lam <= 1:
        raise ValueError(f"lam must be in [0, 1], not {lam!r}")
    inside = _inside(counted, truth)
    known = torch.where(inside, truth, 1)
    if not bool((known > 0).all()):
        raise ValueError(f"truth must be above 0 where it is counted, not {float(known.min())}")
    share = inside.to(log_depth.dtype)
    pixels = share.sum((1, 2))
    r = torch.where(inside, log_depth - known.log(), 0)
    at_least_one = pixels.clamp(min=1)
    loss = r.square().sum((1, 2)) / at_least_one - lam * (r.sum((1, 2)) / at_least_one).square()  # (B,)
    return loss.sum() / (pixels > 0).sum().clamp(min=1)


def unit_normals(outputs: Tensor) -> Tensor:
    """Outputs of a network, (B, 3, H, W), as directions of length 1; zeros stay zeros."""
    check_shapes(outputs=(outputs, "B 3 H W"))
    return F.normalize(outputs, dim=1)


def normal_loss(outputs: Tensor, truth: Tensor, *, counted: Tensor | None = None) -> Tensor:
    """One minus the cosine between predicted and true direction, averaged over the counted pixels.

    Args:
        outputs: (B, 3, H, W), of any length.
        truth: (B, 3, H, W), of length 1.
        counted: (B, H, W) bool; everywhere without it.

    Returns:
        A value of shape () in [0, 2].

    Raises:
        ValueError: For shapes or kinds that do not fit.
    """
    check_shapes(outputs=(outputs, "B 3 H W"), truth=(truth, "B 3 H W"))
    inside = _inside(counted, truth[:, 0])
    cosine = (unit_normals(outputs) * truth).sum(1)  # (B, H, W)
    return torch.where(inside, 1 - cosine, 0).sum() / inside.sum().clamp(min=1)


def normals_from_depth(depth: Tensor) -> Tensor:
    """Normals that belong to a depth map under a camera without perspective, one pixel being one unit of depth.

    Args:
        depth: (B, H, W), H and W at least 3.

    Returns:
        (B, 3, H, W) unit vectors (z_x, z_y, -1) / |.|: x right, y down, facing the viewer; from central differences,
        one-sided at the frame.

    Raises:
        ValueError: For other shapes or kinds, or a map that is too small.
    """
    check_shapes(depth=(depth, "B H W"))
    if min(depth.shape[1:]) < 3:
        raise ValueError(f"depth must be at least 3 x 3 pixels, not {depth.shape[1]} x {depth.shape[2]}")
    down, right = torch.gradient(depth, dim=(1, 2))
    return F.normalize(torch.stack([right, down, -torch.ones_like(depth)], dim=1), dim=1)


def _inside(counted: Tensor | None, like: Tensor) -> Tensor:
    if counted is None:
        return torch.ones_like(like, dtype=torch.bool)
    if not isinstance(counted, Tensor) or counted.dtype != torch.bool or counted.shape != like.shape:
        raise ValueError(f"counted must be a bool tensor of shape {tuple(like.shape)}, not a {describe(counted)}")
    return counted
