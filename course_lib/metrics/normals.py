"""How good are the directions of surfaces? (chapter 9, "surface-normals")

    angle     arccos(n . m) between the true normal n and the predicted m, 0 to 180 degrees
    scores    mean, median, and the shares of pixels below 11.25, 22.5 and 30 degrees

as Fouhey, Gupta and Hebert 2013 ("Data-driven 3D primitives for single image understanding") introduced them. The
angle is computed as 2 atan2(|n - m|, |n + m|), since arccos loses half of the digits near 0. Normals are (B, 3, H, W)
of any length above 0; only their direction counts.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_shapes, describe

THRESHOLDS = (11.25, 22.5, 30.0)


def angular_error(normals: Tensor, truth: Tensor) -> Tensor:
    """Angle between two directions in each pixel.

    Args:
        normals: (B, 3, H, W).
        truth: (B, 3, H, W).

    Returns:
        (B, H, W) degrees in [0, 180]; NaN where one of the two has length 0.

    Raises:
        ValueError: For other shapes or kinds.
    """
    check_shapes(normals=(normals, "B 3 H W"), truth=(truth, "B 3 H W"))
    n, m = (v / torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (normals, truth))
    apart, along = torch.linalg.vector_norm(n - m, dim=1), torch.linalg.vector_norm(n + m, dim=1)
    return torch.rad2deg(2 * torch.atan2(apart, along))


def normal_scores(normals: Tensor, truth: Tensor, counted: Tensor | None = None) -> dict[str, float]:
    """Scores of a data set.

    Args:
        normals: (B, 3, H, W).
        truth: (B, 3, H, W).
        counted: (B, H, W) bool; everywhere without it.

    Returns:
        "mean" and "median" in degrees, and the shares "below 11.25", "below 22.5" and "below 30" in [0, 1].

    Raises:
        ValueError: For other shapes or kinds, if nothing is counted, or a counted normal has no direction.
    """
    error = angular_error(normals, truth)
    if counted is not None:
        if not isinstance(counted, Tensor) or counted.dtype != torch.bool or counted.shape != error.shape:
            raise ValueError(f"counted must be a bool tensor of shape {tuple(error.shape)}, not a {describe(counted)}")
        error = error[counted]
    if error.numel() == 0:
        raise ValueError("no pixel is counted: there is nothing to score")
    broken = int(error.isnan().sum())
    if broken:
        raise ValueError(f"{broken} of {error.numel()} normals have no direction: their length is 0 or not finite")
    shares = {f"below {limit:g}": float((error < limit).double().mean()) for limit in THRESHOLDS}
    return {"mean": float(error.double().mean() if error.device.type != "mps" else error.mean()),
            "median": float(error.median()), **shares}  # fmt: skip
