"""Point clouds (chapter 4, "point-cloud"): from disparities to points in space, and what can be read from neighbours.

    depth    Z = f B / (d + d0),  X = (x - cx) Z / f,  Y = (y - cy) Z / f
             f focal length (px), B baseline (m), d disparity (px), d0 = difference of the principal points (px)
    normal   the direction in which a point's k nearest neighbours spread least: PCA (Hoppe et al. 1992)

Conventions: points (N, 3) in a camera's frame, x right, y down, z forward, in metres if B is. Neighbours come from
SciPy's k-d tree. Error of depth: dZ = -Z^2 / (f B) dd, so that a far point is worse by the square of its distance.
"""

from __future__ import annotations

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from course_lib.core.checks import check_positive, check_tensors


def depth_from_disparity(disparity: Tensor, focal: float, baseline: float, *, offset: float = 0.0) -> Tensor:
    """Distance along the optical axis.

    Args:
        disparity: (...) px; infinite or NaN where nothing is known.
        focal: px.
        baseline: Distance of the cameras; the result has its unit.
        offset: px, added to the disparity: the difference of the principal points of the two cameras.

    Returns:
        (...), NaN where the disparity is unknown or disparity + offset is not above 0.

    Raises:
        ValueError: For numbers that are not above 0, or no tensor.
    """
    check_positive(focal=focal, baseline=baseline)
    if not isinstance(disparity, Tensor) or not disparity.is_floating_point():
        raise ValueError("disparity must be a floating-point tensor; unknown places may be infinite or NaN")
    shift = disparity + offset
    known = torch.isfinite(shift) & (shift > 0)
    return torch.where(known, focal * baseline / torch.where(known, shift, torch.ones_like(shift)), torch.nan)


def unproject(depth: Tensor, focal: float, centre: tuple[float, float]) -> Tensor:
    """The point in space behind each pixel.

    Args:
        depth: (H, W), NaN where unknown.
        focal: px.
        centre: Principal point (cx, cy) in px; pixel (i, j) has its centre at x = j, y = i.

    Returns:
        (H, W, 3), NaN where the depth is.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_positive(focal=focal)
    if not isinstance(depth, Tensor) or depth.ndim != 2 or not depth.is_floating_point():
        raise ValueError("depth must be a floating-point tensor of shape (H, W); unknown places are NaN")
    ticks = [torch.arange(n, device=depth.device, dtype=depth.dtype) for n in depth.shape]
    y, x = torch.meshgrid(*ticks, indexing="ij")
    return torch.stack([(x - centre[0]) * depth / focal, (y - centre[1]) * depth / focal, depth], dim=-1)


def nearest_points(points: Tensor, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest points of each query, nearest first.

    Args:
        points: (N, 3).
        queries: (M, 3).
        k: 1 ... N.

    Returns:
        Distances (M, k) and indices (M, k) int64, on the points' device.

    Raises:
        ValueError: For bad shapes or values, or k outside 1 ... N.
    """
    check_tensors(points=(points, "N D"), queries=(queries, "M D"))
    if not 1 <= k <= len(points):
        raise ValueError(f"k must be 1 to {len(points)}, the number of points, not {k!r}")
    tree = cKDTree(points.detach().cpu().double().numpy())
    distance, index = tree.query(queries.detach().cpu().double().numpy(), k=list(range(1, k + 1)))
    return torch.as_tensor(distance).to(points), torch.as_tensor(index).long().to(points.device)


def estimate_normals(points: Tensor, k: int = 16, viewpoint: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Unit normals by PCA over neighbours, turned towards the viewer.

    Args:
        points: (N, 3).
        k: Neighbours, the point itself among them; at least 3.
        viewpoint: (3,) where the camera stood; the origin without it.

    Returns:
        Normals (N, 3), and the surface variation (N,): smallest eigenvalue over the sum of all three, 0 on a plane and
        at most 1/3.

    Raises:
        ValueError: For bad shapes or values.
    """
    if k < 3:
        raise ValueError(f"k must be at least 3, the points that a plane needs, not {k!r}")
    _, index = nearest_points(points, points, k)
    around = points[index]  # (N, k, 3)
    around = around - around.mean(dim=1, keepdim=True)
    spread, axes = torch.linalg.eigh(around.mT @ around / k)
    normal = axes[:, :, 0]  # eigenvalues come in rising order
    seen_from = torch.zeros(3).to(points) if viewpoint is None else viewpoint
    away = (normal * (seen_from - points)).sum(-1, keepdim=True) < 0
    return torch.where(away, -normal, normal), spread[:, 0].clamp(min=0) / spread.sum(1).clamp(min=1e-30)


def keep_inliers(points: Tensor, k: int = 16, ratio: float = 2.0) -> Tensor:
    """Statistical outlier removal: which points have their neighbours as near as others do.

    Args:
        points: (N, 3).
        k: Neighbours, the point itself not counted.
        ratio: A point goes if its mean distance to them is above the mean of all points by more than this many
            standard deviations.

    Returns:
        (N,) bool, True for points that stay.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_positive(ratio=ratio)
    distance = nearest_points(points, points, k + 1)[0][:, 1:].mean(1)
    return distance <= distance.mean() + ratio * distance.std(correction=0)


def voxel_downsample(points: Tensor, size: float) -> tuple[Tensor, Tensor]:
    """One point for each cube of space that holds any: the mean of those inside.

    Args:
        points: (N, D), coordinates and, if wanted, further columns such as colours; the first three are the place.
        size: Side of the cubes.

    Returns:
        Means (M, D), and how many points each stands for (M,) int64.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(points=(points, "N D"))
    check_positive(size=size)
    cell = torch.floor(points[:, :3].detach() / size).long()
    _, where, count = torch.unique(cell, dim=0, return_inverse=True, return_counts=True)
    total = points.new_zeros(len(count), points.shape[1]).index_add(0, where, points)
    return total / count[:, None], count
